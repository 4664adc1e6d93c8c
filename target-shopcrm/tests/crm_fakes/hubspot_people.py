"""Short ways to speak of people to destination hubspot, for its tests."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, cast

from target_shopcrm.destinations.http import Patience
from target_shopcrm.destinations.hubspot import HubSpot
from target_shopcrm.destinations.items import (
    Contact,
    Cue,
    Event,
    Grant,
    Membership,
    Order,
    OrderLine,
    Person,
    Withdrawal,
)
from target_shopcrm.settings import CrmSettings

from crm_fakes.hubspot import FakeHubSpot, settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_shopcrm.database.connection import Connection

NO_CONNECTION = cast("Connection", None)
"""HubSpot keeps no books, so none is needed."""
SHORT = Patience(retry=0.6, answer=30, poll=0.01, job=30)
"""Gives up soon on what fails, but never for being slow: the machine may be busy."""
IN_VAIN = Patience(poll=0.01, job=0.05)
"""For jobs that never get done."""
EMAIL = ("email",)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=timezone.utc)


def hubspot_of(fake: FakeHubSpot, patience: Patience = SHORT, **settings: Any) -> HubSpot:
    """The destination of a running fake, not yet open."""
    return HubSpot(CrmSettings.from_config({**settings_for(fake), **settings}), patience)


@contextmanager
def opened(fake: FakeHubSpot, patience: Patience = SHORT) -> Iterator[HubSpot]:
    """A running account and the open destination, the calls of opening forgotten."""
    with fake.running():
        hubspot = hubspot_of(fake, patience)
        hubspot.open(NO_CONNECTION)
        fake.requests.clear()
        yield hubspot
        hubspot.close()


def person(number: int | str, email: str | None = "", **addresses: str) -> Person:
    """A person of the corner shop; with an address made of the number unless told otherwise."""
    found = dict(addresses)
    if email is not None:
        found["email"] = email or f"p{number}@example.com"
    return Person(shop_id="corner", contact_id=str(number), addresses=found)


def contact(
    who: Person,
    channels: tuple[str, ...] = EMAIL,
    forget: frozenset[str] = frozenset(),
    **fields: Any,
) -> Contact:
    """What HubSpot may know of a person."""
    if who.email and "email" in channels:
        fields = {"email": who.email, **fields}
    return Contact(who=who, fields=fields, forget=forget, channels=channels)


def withdrawal(email: str, channel: str = "email") -> Withdrawal:
    """This address must not be written to any more."""
    return Withdrawal(who=person("w", email), channel=channel, address=email)


def grant(email: str, given_at: datetime | None = None) -> Grant:
    """This address agreed, an hour ago unless told otherwise."""
    at = given_at or datetime.now(timezone.utc) - timedelta(hours=1)
    return Grant(
        who=person("g", email), channel="email", address=email, given_at=at, source="square:card"
    )


def membership(who: Person, list_id: str = "11", *, is_member: bool = True) -> Membership:
    """Somebody belongs to a list, or doesn't."""
    return Membership(who=who, list_id=list_id, is_member=is_member)


def paths(fake: FakeHubSpot) -> list[str]:
    """What was called, in order, without versions."""
    return [f"{request.method} {request.path.replace('/2026-03', '')}" for request in fake.requests]


def order(who: Person, number: int = 1, **fields: Any) -> Order:
    """What somebody bought: two kettles for 10.80 dollars."""
    lines = (OrderLine(product_id="p1", name="Kettle", quantity="2", net=1000),)
    sale = {"placed_at": NOON, "currency": "USD", "net": 1000, "total": 1080, "lines": lines}
    return Order(who=who, order_id=f"o{number}", **{**sale, **fields})


def event(who: Person, number: int = 1, name: str = "win_back", **fields: Any) -> Event:
    """An occasion to write to somebody."""
    occasion = {"occurred_at": NOON, "channels": ("email",), "properties": {"visits": 3}}
    return Event(who=who, event_id=f"e{number}", name=name, **{**occasion, **fields})


def cue(who: Person, number: int = 1, due_on: date | None = date(2026, 11, 22)) -> Cue:
    """A hint for staff."""
    return Cue(who=who, cue_id=f"q{number}", text="Say hello.", due_on=due_on)
