"""Orders become draft sales, found again by their reference."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from target_shopcrm.destinations.crm import Outcome
from target_shopcrm.destinations.tryton.batches import bisected
from target_shopcrm.destinations.tryton.rpc import Row, encoded
from target_shopcrm.errors import CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.destinations.items import Order, OrderLine
    from target_shopcrm.destinations.tryton.parties import Parties
    from target_shopcrm.destinations.tryton.rpc import TrytonRpc

_PRICE_DIGITS = Decimal("0.0001")
"""Tryton refuses a unit price with more digits."""

_NO_PARTY = Outcome("refused", reason="Tryton has no such contact")
_NO_CURRENCY = Outcome("refused", field="currency", reason="Tryton doesn't have this currency")
_REFUSED = Outcome("refused", reason="Tryton refuses the sale: a rule of the shop's")
_TAKEN_OVER = Outcome("skipped", reason="staff has gone on with the sale; it is theirs now")


class _Currency(NamedTuple):
    id: int
    digits: int


class _Line(NamedTuple):
    description: str
    quantity: float
    unit_price: Decimal


class Sales:
    """Creates and changes draft sales.

    Args:
        rpc: The connection.
        parties: Finds the customers.
    """

    def __init__(self, rpc: TrytonRpc, parties: Parties) -> None:
        self._rpc = rpc
        self._parties = parties
        self._company: int | None = None

    def send(self, orders: Sequence[Order]) -> list[Outcome]:
        """Bring orders, one call for the new ones and one for those that changed.

        Args:
            orders: As many as fit into a call.

        Returns:
            What became of each.

        Raises:
            UncertainError: If nobody knows; to be called again.
            MissingModelError: If Tryton has no module for sales.
        """
        there = self._there([each.external_id for each in orders])
        parties = self._parties.ids(each.who.external_id for each in orders)
        currencies = self._currencies({each.currency for each in orders})
        outcomes: list[Outcome] = []
        new: dict[int, Row] = {}
        changed: dict[int, tuple[int, Row]] = {}
        for index, order in enumerate(orders):
            party, currency = parties.get(order.who.external_id), currencies.get(order.currency)
            outcomes.append(Outcome("done"))
            if party is None or currency is None:
                outcomes[index] = _NO_PARTY if party is None else _NO_CURRENCY
                continue
            wanted = _sale(order, party, currency)
            found = there.get(order.external_id)
            if found is None:
                new[index] = {
                    **wanted,
                    "reference": order.external_id,
                    "company": self._our_company(),
                    "lines": [["create", _lines_to_send(order, currency)]],
                }
            elif found["state"] != "draft":
                outcomes[index] = _TAKEN_OVER
            elif values := self._changes(found, wanted, order, currency):
                changed[index] = (found["id"], values)
        for index in [*self._create(new), *self._write(changed)]:
            outcomes[index] = _REFUSED
        return outcomes

    def delete_drafts(self, parties: Sequence[int]) -> None:
        """Delete the drafts of parties; what staff has gone on with stays."""
        asked = [["party", "in", list(parties)], ["state", "in", ["draft", "cancelled"]]]
        found = [row["id"] for row in self._rpc.search("sale.sale", asked, ["state"])]
        if found:
            self._rpc.call("sale.sale.delete", found)

    def _create(self, new: dict[int, Row]) -> list[int]:
        places = list(new)
        refused = bisected(
            places,
            lambda some: self._rpc.call(
                "sale.sale.create", [new[each] for each in some], repeatable=False
            ),
        )
        return [places[each] for each in refused]

    def _write(self, changed: dict[int, tuple[int, Row]]) -> list[int]:
        places = list(changed)
        refused = bisected(
            places,
            lambda some: self._rpc.call(
                "sale.sale.write",
                *(part for each in some for part in ([changed[each][0]], changed[each][1])),
                repeatable=False,
            ),
        )
        return [places[each] for each in refused]

    def _there(self, references: Sequence[str]) -> dict[str, Row]:
        """The sales that exist, each with its lines."""
        fields = ["reference", "state", "party", "sale_date", "currency"]
        rows = self._rpc.search("sale.sale", [["reference", "in", list(references)]], fields)
        sales: dict[int, Row] = {row["id"]: {**row, "lines": []} for row in rows}
        if sales:
            fields = ["sale", "description", "quantity", "unit_price"]
            for row in self._rpc.search("sale.line", [["sale", "in", list(sales)]], fields):
                sales[row["sale"]]["lines"].append(row)
        return {row["reference"]: row for row in sales.values()}

    def _changes(self, found: Row, wanted: Row, order: Order, currency: _Currency) -> Row:
        values = {name: value for name, value in wanted.items() if encoded(found[name]) != value}
        held = [_Line(r["description"], r["quantity"], r["unit_price"]) for r in found["lines"]]
        if held != _lines(order, currency.digits):
            old = [row["id"] for row in found["lines"]]
            values["lines"] = [["delete", old], ["create", _lines_to_send(order, currency)]]
        return values

    def _currencies(self, codes: set[str]) -> dict[str, _Currency]:
        rows = self._rpc.search(
            "currency.currency", [["code", "in", sorted(codes)]], ["code", "digits"]
        )
        return {row["code"]: _Currency(row["id"], row["digits"]) for row in rows}

    def _our_company(self) -> int:
        if self._company is None:
            found = self._rpc.call("res.user.get_preferences", True)  # noqa: FBT003 - by position
            self._company = found.get("company")
        if self._company is None:
            raise CrmSetupError(
                "Tryton's user has no company, and a sale needs one: give the user of the setting"
                " username its company in Tryton's preferences, then run again."
            )
        return self._company


def _sale(order: Order, party: int, currency: _Currency) -> Row:
    return {
        "party": party,
        "currency": currency.id,
        "sale_date": encoded(order.placed_at.date()),
    }


def _lines_to_send(order: Order, currency: _Currency) -> list[dict[str, Any]]:
    return [
        {name: encoded(value) for name, value in line._asdict().items()}
        for line in _lines(order, currency.digits)
    ]


def _lines(order: Order, digits: int) -> list[_Line]:
    """Lines that add up to what the order says, to the last minor unit."""
    lines = [_line(each, digits) for each in order.lines]
    rest = order.net - sum(each.net for each in order.lines)
    if rest or not lines:
        lines.append(_Line("Sale" if not lines else "Adjustment", 1.0, _major(rest, digits)))
    return lines


def _line(line: OrderLine, digits: int) -> _Line:
    """A line without a product of Tryton's; where its unit price has no end, it counts once."""
    what = line.name or line.product_id or "Item"
    net, quantity = _major(line.net, digits), Decimal(line.quantity)
    if quantity:
        price = (net / quantity).quantize(_PRICE_DIGITS)
        if price * quantity == net:
            return _Line(what, float(quantity), price.normalize() + 0)
    return _Line(f"{line.quantity} x {what}", 1.0, net)


def _major(minor: int, digits: int) -> Decimal:
    return Decimal(minor).scaleb(-digits)
