"""How the rows of the fake BottleCRM are read: by its API, and by a test."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from crm_fakes.fake import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

Row = dict[str, Any]


def canonical(row: Mapping[str, Any]) -> dict[str, object]:
    """The canonical fields of a contact as its API shows it."""
    custom = {k: v for k, v in row["custom_fields"].items() if not k.endswith("_marketing")}
    custom.pop("pos_customer_id", None)
    found = {"given_name": row["first_name"], "email": row["email"], "phone": row["phone"]}
    return {name: value for name, value in {**found, **custom}.items() if value}


def addresses_of(row: Row) -> set[tuple[str, str]]:
    pairs = {("email", (row["email"] or "").lower()), ("sms", row["phone_e164"])}
    return {(channel, address) for channel, address in pairs if address}


def all_addresses(row: Row) -> set[str]:
    return {address for _, address in addresses_of(row)}


def matches(row: Row, query: Mapping[str, list[str]]) -> bool:
    """The filters that the destination uses, and the one it must not."""
    if "email" in query and query["email"][0].lower() not in (row["email"] or "").lower():
        return False
    return all(
        row["custom_fields"].get(name.removeprefix("cf_")) == values[0]
        for name, values in query.items()
        if name.startswith("cf_")
    )


def e164_of(phone: str | None) -> str:
    digits = "".join(each for each in phone or "" if each.isdigit())
    return f"+{digits}" if phone and phone.startswith("+") else ""


def is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def gone(model: str) -> Answer:
    return Answer(404, {"detail": f"No {model} matches the given query."})
