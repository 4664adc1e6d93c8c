"""A fake Klaviyo, the destination that speaks to it, and people to tell it of."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from crm_fakes.klaviyo import LOYAL, FakeKlaviyo, settings_for
from target_shopcrm.destinations.http import Patience
from target_shopcrm.destinations.items import (
    Contact,
    Event,
    Grant,
    Membership,
    Order,
    OrderLine,
    Person,
    Withdrawal,
)
from target_shopcrm.destinations.klaviyo import Klaviyo
from target_shopcrm.settings import CrmSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crm_fakes.fake import Request

GIVEN = datetime(2026, 3, 1, 9, 30, tzinfo=timezone.utc)
QUICK = Patience(retry=5.0, answer=10.0, poll=0.002, job=20.0)
HURRIED = Patience(retry=0.05, answer=10.0, poll=0.002, job=0.1)


@dataclass
class World:
    """What a test has at hand."""

    fake: FakeKlaviyo
    klaviyo: Klaviyo

    def tell(self, *numbers: int, **more: Any) -> None:
        """Deliver contacts, and grant what they agreed to."""
        contacts = [contact(number, **more) for number in numbers]
        assert states(self.klaviyo.upsert(contacts)) == ["done"] * len(contacts)
        grants = [
            grant(number, channel)
            for number, each in zip(numbers, contacts, strict=True)
            for channel in each.channels
        ]
        assert states(self.klaviyo.grant(grants)) == ["done"] * len(grants)

    def posts(self, path: str) -> list[Request]:
        """What was written to one path."""
        return [request for request in self.fake.asked(path) if request.method != "GET"]

    def writes(self) -> list[Request]:
        """All requests that weren't readings."""
        return [request for request in self.fake.requests if request.method != "GET"]

    def again(self, patience: Patience = QUICK) -> Klaviyo:
        """The destination of the next run."""
        return connected(self.fake, patience)


def connected(fake: FakeKlaviyo, patience: Patience = QUICK, **settings: Any) -> Klaviyo:
    """A destination that speaks to a running fake."""
    return Klaviyo(CrmSettings.from_config({**settings_for(fake), **settings}), patience)


@contextmanager
def running(patience: Patience = QUICK, fake: FakeKlaviyo | None = None) -> Iterator[World]:
    """A running fake, and a destination."""
    with (fake or FakeKlaviyo()).running() as account:
        klaviyo = connected(account, patience)
        yield World(account, klaviyo)
        klaviyo.close()


def email(number: int) -> str:
    """The e-mail address of somebody."""
    return f"person{number}@example.com"


def phone(number: int) -> str:
    """The phone number of somebody."""
    return f"+1212555{number:04d}"


def person(number: int, *channels: str, **addresses: str) -> Person:
    """Somebody, with an e-mail address unless said otherwise."""
    known = {"email": email(number), "sms": phone(number)}
    held = {channel: known[channel] for channel in channels or ("email",)}
    return Person(shop_id="corner", contact_id=f"k{number}", addresses={**held, **addresses})


def contact(
    number: int,
    *,
    who: Person | None = None,
    forget: tuple[str, ...] = (),
    channels: tuple[str, ...] | None = None,
    **fields: object,
) -> Contact:
    """A contact who may be written to on all the channels that are known."""
    who = who or person(number)
    usable = tuple(who.addresses) if channels is None else channels
    return Contact(
        who=who,
        fields={"given_name": f"Name{number}", **fields} if usable else {},
        forget=frozenset(forget),
        channels=usable,
        since=dict.fromkeys(usable, GIVEN),
    )


def grant(number: int, channel: str = "email", **more: Any) -> Grant:
    """What somebody agreed to, at the register."""
    address = email(number) if channel == "email" else phone(number)
    settings = {"given_at": GIVEN, "source": "register", "address": address, **more}
    return Grant(who=person(number, channel), channel=channel, **settings)


def withdrawal(number: int, channel: str = "email", **more: Any) -> Withdrawal:
    """What somebody doesn't agree to any more."""
    address = email(number) if channel == "email" else phone(number)
    return Withdrawal(who=person(number), channel=channel, **{"address": address, **more})


def order(number: int, whose: int = 1, **more: Any) -> Order:
    """A sale of 12.99 with tax."""
    line = OrderLine(product_id="p1", name="Tea kettle", quantity="1", net=1200)
    sale = {
        "placed_at": GIVEN + timedelta(minutes=number),
        "currency": "USD",
        "net": 1200,
        "total": 1299,
        "lines": (line,),
    }
    return Order(who=person(whose), order_id=f"o{number}", **{**sale, **more})


def event(number: int, whose: int = 1, **more: Any) -> Event:
    """A journey that is due."""
    occasion = {
        "name": "win_back",
        "occurred_at": GIVEN + timedelta(minutes=number),
        "channels": ("email",),
        "properties": {"visits": 3},
    }
    return Event(who=person(whose), event_id=f"e{number}", **{**occasion, **more})


def states(outcomes: Any) -> list[str]:
    """The states of outcomes."""
    return [outcome.state for outcome in outcomes]


def everything(world: World) -> None:
    """All that can be asked of Klaviyo, each time with the outcome it has on a good day."""
    klaviyo = world.klaviyo
    klaviyo.open(None)  # type: ignore[arg-type]
    klaviyo.read_opt_outs(None)
    people = [person(1, "email", "sms"), person(2)]
    told = [contact(1, who=people[0], segment="loyal"), contact(2)]
    assert states(klaviyo.upsert(told)) == ["done", "done"]
    assert states(klaviyo.grant([grant(1), grant(1, "sms"), grant(2)])) == ["done"] * 3
    on = [Membership(who=each, list_id=LOYAL, is_member=True) for each in people]
    assert states(klaviyo.set_memberships(on)) == ["done", "done"]
    assert states(klaviyo.send_orders([order(1), order(2, 2)])) == ["done", "done"]
    assert states(klaviyo.send_events([event(1), event(2, is_history=True)])) == ["done", "done"]
    assert states(klaviyo.withdraw([withdrawal(2)])) == ["done"]
    cleared = contact(2, channels=(), forget=("given_name", "segment"))
    assert states(klaviyo.upsert([cleared])) == ["done"]
    off = [Membership(who=people[1], list_id=LOYAL, is_member=False)]
    assert states(klaviyo.set_memberships(off)) == ["done"]
    assert states(klaviyo.erase([person(3)])) == ["done"]
    assert all(klaviyo.look_up(people))


def as_on_a_good_day(world: World) -> None:
    """What is in Klaviyo after `everything`."""
    fake = world.fake
    assert fake.mailable() == {("email", email(1)), ("sms", phone(1))}
    assert fake.opted_out() == {("email", email(2))}
    assert fake.members()[LOYAL] == {email(1)}
    assert fake.counts() == {"contacts": 2, "orders": 2, "events": 2, "cues": 0}
    assert sorted(fake.triggered()) == [
        ("Placed Order", email(1)),
        ("Placed Order", email(2)),
        ("win_back", email(1)),
    ]
    assert fake.double_opt_in_mails == []
