"""Short ways to say what is sent to the fake Brevo, and to look at what was asked of it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from target_shopcrm.destinations.brevo import Brevo
from target_shopcrm.destinations.http import Patience
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

from crm_fakes.brevo import settings_for
from crm_fakes.brevo_contacts import DECLARED

if TYPE_CHECKING:
    import pytest

    from crm_fakes.brevo import FakeBrevo
    from crm_fakes.fake import Request

QUICK = Patience(retry=2.0, answer=0.5, poll=0.001, job=0.2)
AGREED = datetime(2026, 2, 20, 9, 0, tzinfo=timezone.utc)


def connected(fake: FakeBrevo, **settings: Any) -> Brevo:
    """The destination, as the target makes it for a running fake."""
    config = {**settings_for(fake), **settings}
    return Brevo(CrmSettings.from_config(config), QUICK)


def on_a_generous_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lift the limits of an ordinary plan, so that tests don't wait for them."""
    for name in ("CONTACT_RATES", "EVENT_RATES", "ORDER_RATES", "OTHER_RATES"):
        monkeypatch.setattr(f"target_shopcrm.destinations.brevo.api.{name}", ())


def used_before(fake: FakeBrevo) -> Brevo:
    """The destination of an account where everything is declared already."""
    fake.contacts.types.update(DECLARED)
    return connected(fake)


def person(
    contact_id: str, email: str | None = None, sms: str | None = None, remote_id: str | None = None
) -> Person:
    both = {"email": email, "sms": sms}
    addresses = {channel: address for channel, address in both.items() if address}
    return Person(shop_id="corner", contact_id=contact_id, addresses=addresses, remote_id=remote_id)


def contact(
    contact_id: str,
    email: str | None = None,
    sms: str | None = None,
    *,
    forget: tuple[str, ...] = (),
    channels: tuple[str, ...] | None = None,
    **fields: Any,
) -> Contact:
    """A contact who may be written to on the channels of all addresses."""
    who = person(contact_id, email, sms)
    return Contact(
        who=who,
        fields=fields,
        forget=frozenset(forget),
        channels=tuple(who.addresses) if channels is None else channels,
    )


def withdrawal(address: str, contact_id: str = "") -> Withdrawal:
    channel = "email" if "@" in address else "sms"
    who = Person(shop_id="corner", contact_id=contact_id, addresses={channel: address})
    return Withdrawal(who=who, channel=channel, address=address)


def grant(who: Person, channel: str = "email") -> Grant:
    return Grant(
        who=who,
        channel=channel,
        address=who.addresses[channel],
        given_at=AGREED,
        source="shopcrm:corner",
    )


def membership(who: Person, list_id: str, *, is_member: bool = True) -> Membership:
    return Membership(who=who, list_id=list_id, is_member=is_member)


def order(who: Person, order_id: str, *, total: int = 1080, is_history: bool = False) -> Order:
    line = OrderLine(product_id="tea-100", name="Tea", quantity="2", net=1000)
    return Order(
        who=who,
        order_id=order_id,
        placed_at=AGREED,
        currency="EUR",
        net=total - 80,
        total=total,
        lines=(line,),
        is_history=is_history,
    )


def event(who: Person, event_id: str, *, is_history: bool = False, **properties: Any) -> Event:
    return Event(
        who=who,
        event_id=event_id,
        name="win_back",
        occurred_at=AGREED,
        channels=("email",),
        properties=properties,
        is_history=is_history,
    )


def cue(who: Person, cue_id: str, text: str = "Ask how the tea was") -> Cue:
    return Cue(who=who, cue_id=cue_id, text=text)


def writes_of(fake: FakeBrevo) -> list[Request]:
    """The requests that change something."""
    return [each for each in fake.requests if each.method != "GET"]


def paths_of(fake: FakeBrevo) -> list[str]:
    """What was asked, in order: ``GET /contacts``."""
    return [f"{each.method} {each.path.removeprefix('/v3')}" for each in fake.requests]
