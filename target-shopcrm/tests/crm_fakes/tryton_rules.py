"""What Tryton refuses, in its own words where the destination looks at them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from crm_fakes.tryton_store import Row, Store, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PRICE_DIGITS = -4
_PARTS = {"contact_mechanisms", "lines"}


def check_access(model: str, *, may_market: bool) -> None:
    """Refuse what the user's groups don't allow."""
    if model == "marketing.email" and not may_market:
        raise UserError('You are not allowed to access "Marketing Email".')


def check(
    store: Store, model: str, values: Row, *, changed: int | None = None, forbidden: str = ""
) -> None:
    """Refuse values.

    Args:
        store: What is there.
        model: The model.
        values: What is to be created or written.
        changed: The record that is to be written, None to create one.
        forbidden: A name that a rule of the shop's doesn't allow.

    Raises:
        UserError: If Tryton would refuse them.
    """
    for problem in _problems(store, model, values, changed, forbidden):
        raise UserError(problem)


def _problems(
    store: Store, model: str, values: Row, changed: int | None, forbidden: str
) -> Iterator[str]:
    held = store.tables[model].get(changed or 0, {})
    if not held.get("active", True) and values.keys() - {"active"} - _PARTS:
        yield "You are not allowed to modify the field in record."
    if model == "party.party":
        yield from _party(store, values, changed, forbidden)
    if model == "marketing.email" and changed is None:
        yield from _subscription(store, values)
    if model == "sale.sale" and changed is None and values.get("company") is None:
        yield 'A value is required for field "Company" in "Sale".'
    for line in _new_parts(values, "lines"):
        exponent = Decimal(line["unit_price"]).as_tuple().exponent
        if isinstance(exponent, int) and exponent < _PRICE_DIGITS:
            yield "The number of digits in the value exceeds the limit."
    for mechanism in _new_parts(values, "contact_mechanisms"):
        if not mechanism["value"]:
            yield 'A value is required for field "Value" in record.'


def _party(store: Store, values: Row, changed: int | None, forbidden: str) -> Iterator[str]:
    there = store.tables["party.party"].values()
    if changed is None and any(row["code"] == values["code"] for row in there):
        yield "The code on party must be unique."
    if changed is not None and "code" in values:
        yield 'You are not allowed to modify the field "Code" in record of "Party".'
    if forbidden and values.get("name") == forbidden:
        yield 'You are not allowed to create records of "Party" because they fail on a rule.'


def _subscription(store: Store, values: Row) -> Iterator[str]:
    place = (values["email"].lower(), values["list_"])
    there = store.tables["marketing.email"].values()
    if any((row["email"], row["list_"]) == place for row in there):
        yield "Email addresses can only be subscribed once to each list."
    if values["list_"] not in store.tables["marketing.email.list"]:
        yield 'The value for field "List" in "Marketing Email" does not exist.'
    if values.get("active") is False:
        yield 'You are not allowed to modify the field "Email" in record of "Marketing Email".'


def _new_parts(values: Row, name: str) -> list[Row]:
    return [
        row for command, *rest in values.get(name, ()) if command == "create" for row in rest[0]
    ]
