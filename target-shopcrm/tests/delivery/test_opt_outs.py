"""What people told the CRM itself: the ledger learns it, and learns nothing that we said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from crm_fakes.pilot import Pilot, pilot_with
from target_shopcrm.consent.opt_outs import Echo, opt_out_events
from target_shopcrm.consent.policy import load_policy
from target_shopcrm.destinations.items import OptOut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from conftest import Shop, Singer
    from target_shopcrm.consent.events import ConsentEvent, Key
    from target_shopcrm.consent.policy import Policy

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=timezone.utc)
ADA = "ada@example.com"
POLICY = """
version: 1
name: test
extends: strict
shops:
  corner: {country: US}
  harbour: {country: DE}
"""


@dataclass
class Reader:
    """What reads a CRM's opt-outs, with a ledger that holds what it was given."""

    policy: Policy
    ledger: Sequence[ConsentEvent] = ()

    def learn(
        self, *found: OptOut, shops: Sequence[str] = ("corner",), echoes: Sequence[Echo] = ()
    ) -> list[ConsentEvent]:
        """What is new in some opt-outs."""
        return opt_out_events(
            found,
            crm="brevo",
            shops=shops,
            policy=self.policy,
            echoes=echoes,
            observed_at=NOW,
            known=self._known,
        )

    def _known(self, keys: Iterable[Key]) -> Mapping[Key, Sequence[ConsentEvent]]:
        return {key: [each for each in self.ledger if each.key == key] for key in keys}


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    path = tmp_path / "policy.yml"
    path.write_text(POLICY)
    return Reader(load_policy(path))


def said_no(at: datetime | None = None, **fields: Any) -> OptOut:
    return OptOut(
        **{"channel": "email", "address": ADA, "at": at, "cause": "unsubscribed", **fields}
    )


def test_a_dated_opt_out_is_dated_when_the_person_acted(reader: Reader) -> None:
    at = NOW - timedelta(days=3)
    (event,) = reader.learn(said_no(at))
    assert (event.state, event.purpose, event.address) == ("withdrawn", "marketing", ADA)
    assert (event.event_time, event.observed_at, event.source) == (at, NOW, "brevo:unsubscribed")


def test_an_undated_one_counts_from_when_it_was_read(reader: Reader) -> None:
    (event,) = reader.learn(said_no())
    assert (event.event_time, event.observed_at) == (None, NOW)


@pytest.mark.parametrize("at", [None, NOW], ids=["undated", "dated"])
def test_the_same_opt_out_read_again_is_no_news(reader: Reader, at: datetime | None) -> None:
    reader.ledger = reader.learn(said_no(at), said_no(at))
    assert len(reader.ledger) == 1
    assert reader.learn(said_no(at)) == []


def test_an_account_of_several_shops_says_no_to_all_of_them(reader: Reader) -> None:
    events = reader.learn(said_no(), shops=["corner", "harbour"])
    assert [event.shop_id for event in events] == ["corner", "harbour"]


def test_a_phone_number_is_read_as_each_shop_would_dial_it(reader: Reader) -> None:
    sms = said_no(channel="sms", address="(212) 555-0101", cause="STOP")
    events = reader.learn(sms, shops=["corner", "harbour"])
    assert [(event.shop_id, event.address) for event in events] == [
        ("corner", "+12125550101"),
        ("harbour", "+492125550101"),
    ]
    german = said_no(channel="sms", address="+49 151 23456789")
    assert {event.address for event in reader.learn(german, shops=["corner", "harbour"])} == {
        "+4915123456789"
    }


@pytest.mark.parametrize("address", ["", "nobody", "@example.com", "+49 151 23456789"])
def test_what_is_no_address_is_left_alone(reader: Reader, address: str) -> None:
    assert reader.learn(said_no(address=address), said_no(channel="push")) == []


def test_our_own_withdrawal_comes_back_as_an_echo(reader: Reader) -> None:
    echo = Echo("email", ADA, NOW - timedelta(days=1))
    assert reader.learn(said_no(), echoes=[echo]) == []
    assert reader.learn(said_no(echo.told_at + timedelta(minutes=9)), echoes=[echo]) == []
    assert reader.learn(said_no(echo.told_at - timedelta(minutes=9)), echoes=[echo]) == []


def test_a_no_of_another_hour_is_the_persons_own(reader: Reader) -> None:
    echo = Echo("email", ADA, NOW - timedelta(days=1))
    for at in (echo.told_at - timedelta(hours=1), echo.told_at + timedelta(hours=1)):
        assert len(reader.learn(said_no(at), echoes=[echo])) == 1


def test_an_echo_is_of_one_address_on_one_channel(reader: Reader) -> None:
    echoes = [Echo("sms", ADA, NOW), Echo("email", "bea@example.com", NOW)]
    assert len(reader.learn(said_no(), echoes=echoes)) == 1
    assert reader.learn(said_no(address="Ada@Example.com "), echoes=[Echo("email", ADA, NOW)]) == []


# The whole way: a person, the CRM, the ledger


@pytest.fixture(params=["brevo", "hubspot"])
def crm(request: pytest.FixtureRequest, shop: Shop, singer: Singer) -> Iterator[Pilot]:
    """A CRM in which our own withdrawals look like anybody's."""
    with pilot_with(request.param, shop, singer) as pilot:
        yield pilot


def undated(crm: Pilot, state: str, at: str, shop_id: str = "corner") -> str:
    """Ada's profile at a register that doesn't date its opt-ins."""
    said = [
        crm.singer.consent(state, purpose, observed_at=at) for purpose in ("marketing", "profiling")
    ]
    return crm.singer.record("customers", "c1", shop_id, email=ADA, consents=said, updated_at=at)


def heard_from(crm: Pilot) -> list[str]:
    """The shops for which the ledger learned a no from the CRM."""
    rows = crm.shop.ask(
        "SELECT shop_id FROM consent.events WHERE source LIKE %s AND state = 'withdrawn'",
        f"{crm.name}:%",
    )
    return sorted({shop_id for (shop_id,) in rows})


def may_be_written_to(crm: Pilot) -> bool:
    return bool(
        crm.shop.one(
            "SELECT allowed FROM consent.verdicts WHERE shop_id = 'corner' AND channel = 'email'"
            " AND purpose = 'marketing' AND address = %s",
            ADA,
        )
    )


def test_an_undated_opt_in_can_come_back_after_our_own_withdrawal(crm: Pilot) -> None:
    crm.customers(undated(crm, "given", "2026-11-01T10:00:00Z"))
    crm.tell(crm.contact("k1", email=ADA))
    crm.customers(undated(crm, "unknown", "2026-11-02T10:00:00Z"))
    crm.tell()
    assert ("email", ADA) not in crm.fake.mailable()
    crm.tell()
    assert heard_from(crm) == [], "we said that, not Ada"
    crm.customers(undated(crm, "given", "2026-11-03T10:00:00Z"))
    crm.tell(crm.contact("k1", email=ADA))
    assert may_be_written_to(crm)


def test_a_person_who_says_no_there_says_no_to_every_shop_of_the_account(crm: Pilot) -> None:
    crm.customers(
        undated(crm, "given", "2026-11-01T10:00:00Z"),
        undated(crm, "given", "2026-11-01T10:00:00Z", "harbour"),
    )
    crm.tell(crm.contact("k1", email=ADA))
    crm.fake.person_opts_out("email", ADA)
    crm.tell(crm.contact("k1", email=ADA, journey="win_back"))
    assert heard_from(crm) == ["corner", "harbour"]
    assert not may_be_written_to(crm)
    crm.customers(undated(crm, "given", "2026-11-22T10:00:00Z"))
    assert not may_be_written_to(crm), "a register that dates nothing lifts no withdrawal"
    crm.tell(crm.contact("k1", email=ADA, journey="thank_you"))
    assert ("email", ADA) not in crm.fake.mailable()
