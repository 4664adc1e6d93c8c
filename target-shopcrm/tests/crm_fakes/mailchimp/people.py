"""People of a shop, as the target tells a CRM about them."""

from __future__ import annotations

from datetime import datetime, timezone

from target_shopcrm.destinations.items import (
    Contact,
    Event,
    Membership,
    Order,
    OrderLine,
    Person,
    Withdrawal,
)

AGREED = datetime(2026, 2, 1, 9, 30, tzinfo=timezone.utc)
"""When everybody agreed; the fake's clock starts a month later."""

DECLARED = {
    "SHOPPHONE": "text",
    "SEGMENT": "text",
    "LASTVISIT": "date",
    "VISITS": "number",
    "FAVOURITE": "text",
    "JOURNEY": "text",
    "JOURNEYDUE": "date",
    "SHOPCRMID": "text",
    "SHOPOFF": "text",
}
"""The merge fields of an audience that an earlier run has set up."""


def somebody(email: str | None, contact_id: str = "", remote_id: str | None = None) -> Person:
    """Make a person; the local part of the address is the contact's id unless one is given."""
    return Person(
        shop_id="corner",
        contact_id=contact_id or (email or "nobody").split("@")[0],
        addresses={"email": email} if email else {},
        remote_id=remote_id,
    )


def permitted(
    email: str, contact_id: str = "", remote_id: str | None = None, **fields: object
) -> Contact:
    """Make a contact who may be written to."""
    return Contact(
        who=somebody(email, contact_id, remote_id),
        fields={"email": email, **fields},
        channels=("email",),
        since={"email": AGREED},
    )


def blanked(
    email: str | None, *forget: str, remote_id: str | None = None, contact_id: str = ""
) -> Contact:
    """Make a contact of whom nothing may be known any more."""
    return Contact(who=somebody(email, contact_id, remote_id), fields={}, forget=frozenset(forget))


def withdrawn(email: str) -> Withdrawal:
    """Make the withdrawal of an address."""
    return Withdrawal(who=somebody(email), channel="email", address=email)


def on_list(email: str, list_id: str = "101", *, is_member: bool = True) -> Membership:
    """Put a person on a list, or take the person off."""
    return Membership(who=somebody(email), list_id=list_id, is_member=is_member)


def win_back(email: str, event_id: str = "e1", *, is_history: bool = False) -> Event:
    """Make an event that starts a journey."""
    return Event(
        who=somebody(email),
        event_id=event_id,
        name="win_back",
        occurred_at=AGREED,
        channels=("email",),
        properties={"segment": "lapsing", "visits": 4, "nothing": None},
        is_history=is_history,
    )


def bought(
    email: str, order_id: str = "o1", *, total: int = 1190, is_history: bool = False
) -> Order:
    """Make an order of coffee, with half a kilo of it loose."""
    return Order(
        who=somebody(email),
        order_id=order_id,
        placed_at=AGREED,
        currency="EUR",
        net=1000 if total > 0 else total,
        total=total,
        lines=(
            OrderLine(product_id="espresso", name="Espresso", quantity="3", net=600),
            OrderLine(name="Loose beans", quantity="0.5", net=400),
        ),
        is_history=is_history,
    )
