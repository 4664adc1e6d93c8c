"""Short ways to say whom and what a scenario is about."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, cast

from target_shopcrm.destinations.items import (
    Contact,
    Cue,
    Grant,
    Membership,
    Order,
    OrderLine,
    Person,
    Withdrawal,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.destinations.crm import Outcome

ADA = "ada@shopper.example"
BOB = "bob@shopper.example"
ADAS_PHONE = "+4915112345678"
NO_CONNECTION = cast("Connection", None)
"""These destinations keep nothing in the database."""


def person(name: str, email: str | None = None, phone: str | None = None) -> Person:
    """A customer of the corner shop."""
    pairs = {"email": email, "sms": phone}
    addresses = {channel: address for channel, address in pairs.items() if address}
    return Person(shop_id="corner", contact_id=name, addresses=addresses)


def contact(
    name: str,
    email: str | None = None,
    phone: str | None = None,
    forget: frozenset[str] = frozenset(),
    **fields: Any,
) -> Contact:
    """A contact who may be reached on every address it has."""
    who = person(name, email, phone)
    return Contact(who=who, fields=fields, forget=forget, channels=tuple(who.addresses))


def blanked(name: str, email: str, *forget: str) -> Contact:
    """A contact who may not be reached any more, and of whom fields are to be forgotten."""
    return Contact(who=person(name, email), fields={}, forget=frozenset(forget))


def grant(
    name: str, address: str, channel: str = "email", given_at: datetime | None = None
) -> Grant:
    """The person agreed; where no time is given, just now."""
    who = Person(shop_id="corner", contact_id=name, addresses={channel: address})
    later = datetime.now(timezone.utc) + timedelta(seconds=1)
    return Grant(
        who=who,
        channel=channel,
        address=address,
        given_at=given_at or later,
        source="shopcrm:corner",
    )


def withdrawal(name: str, address: str, channel: str = "email") -> Withdrawal:
    """An address may not be written to any more."""
    who = Person(shop_id="corner", contact_id=name, addresses={channel: address})
    return Withdrawal(who=who, channel=channel, address=address)


def membership(name: str, email: str, list_id: str, *, is_member: bool = True) -> Membership:
    """Somebody joins or leaves a list."""
    return Membership(who=person(name, email), list_id=list_id, is_member=is_member)


def cue(name: str, email: str, text: str = "Ask how the coffee was", cue_id: str = "c1") -> Cue:
    """A hint for staff."""
    return Cue(who=person(name, email), cue_id=cue_id, text=text, due_on=date(2030, 12, 1))


def order(name: str, order_id: str, net: int, *lines: OrderLine, currency: str = "EUR") -> Order:
    """Something that was bought long ago."""
    return Order(
        who=person(name),
        order_id=order_id,
        placed_at=datetime(2026, 11, 20, 10, 0, tzinfo=timezone.utc),
        currency=currency,
        net=net,
        total=net,
        lines=lines,
        is_history=True,
    )


def states(outcomes: Sequence[Outcome]) -> list[str]:
    """What became of each item, in one word."""
    return [outcome.state for outcome in outcomes]
