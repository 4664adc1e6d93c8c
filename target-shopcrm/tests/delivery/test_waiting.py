"""What may leave, but not yet: it waits, and goes out once when its time has come."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from target_shopcrm.destinations.crm import Outcome
from told_file import ToldFile, actions, clock_says, email, let_it_be_moody

if TYPE_CHECKING:
    from conftest import Shop, Singer

NIGHT = datetime(2026, 11, 23, 7, 0, tzinfo=timezone.utc)
"""A Monday, two o'clock in the morning in New York."""
MORNING = NIGHT + timedelta(hours=8)
OFFICE_HOURS = {"email": {"everywhere": "09:00 to 18:00"}}


@pytest.fixture
def file(shop: Shop, singer: Singer) -> ToldFile:
    """A shop of which persons 0 to 2 agreed to e-mail, and whose caps are out of the way."""
    file = ToldFile(shop, singer)
    file.policy(frequency_caps={"email": ["900 in 1 day"]})
    file.agree(0, 1, 2)
    return file


@pytest.mark.parametrize("batch_size", [1, 100], ids=["a batch each", "one batch"])
def test_a_contact_that_comes_later_in_the_same_run(file: ToldFile, batch_size: int) -> None:
    facts = [file.order(0), file.event(0), file.cue(0)]
    lines = file.tell(*facts, file.contact(0), batch_size=batch_size)
    assert actions(lines) == ["upsert k0", "send o0", "send e0", "send q0"]
    assert file.waiting() == []
    assert file.tell(*facts, file.contact(0), batch_size=batch_size) == []


def test_a_contact_that_comes_in_the_next_run(file: ToldFile) -> None:
    assert file.tell(file.order(0), file.event(0), file.cue(0)) == []
    assert file.states == [{"told": 3}], "what waits here need not come again"
    assert file.waiting() == [(key, "contact_not_delivered") for key in ("e0", "o0", "q0")]
    assert actions(file.tell(file.contact(0))) == ["upsert k0", "send o0", "send e0", "send q0"]
    assert file.waiting() == []
    assert file.tell() == []


def test_the_latest_version_of_what_waits_is_the_one_that_goes_out(file: ToldFile) -> None:
    file.tell(file.order(0, net=1))
    file.tell(file.order(0, net=2))
    (_, order) = file.tell(file.contact(0))
    assert order["net"] == 2


def test_who_withdraws_while_an_event_waits_is_not_written_to(file: ToldFile) -> None:
    file.tell(file.event(0))
    file.refuse(0)
    lines = file.tell(file.contact(0))
    assert [line for line in lines if line["action"] == "send"] == []
    assert file.waiting() == []


def test_an_order_never_waits_for_someone_who_may_not_be_written_to(file: ToldFile) -> None:
    assert file.tell(file.order(9)) == []
    assert file.waiting() == []
    assert file.held_back() == {"no_event": 1}


def test_quiet_hours_hold_an_event_until_the_window_opens(
    file: ToldFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.policy(quiet_hours=OFFICE_HOURS)
    clock_says(monkeypatch, NIGHT)
    assert actions(file.tell(file.contact(0), file.order(0), file.event(0))) == [
        "upsert k0",
        "send o0",
    ], "only what makes a CRM write has to wait"
    assert file.waiting() == [("e0", "quiet_hours")]
    nine = datetime(2026, 11, 23, 14, 0, tzinfo=timezone.utc)
    assert file.shop.one("SELECT not_before FROM sync.waiting") == nine
    clock_says(monkeypatch, nine - timedelta(seconds=1))
    assert file.tell() == []
    clock_says(monkeypatch, nine)
    assert actions(file.tell()) == ["send e0"]
    assert file.tell(file.event(0)) == []
    assert file.waiting() == []


def test_where_nobody_knows_the_hour_an_event_waits_until_somebody_says(
    file: ToldFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = {"corner": {"country": "US"}}
    file.policy(quiet_hours=OFFICE_HOURS, shops=nowhere)
    clock_says(monkeypatch, MORNING)
    assert actions(file.tell(file.contact(0), file.event(0))) == ["upsert k0"]
    assert file.waiting() == [("e0", "quiet_hours")]
    assert file.tell() == []
    file.policy(quiet_hours=OFFICE_HOURS)
    assert actions(file.tell()) == ["send e0"]


def test_an_event_that_was_sent_by_day_is_not_held_by_night(
    file: ToldFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taps repeat their last records; such an event is over, whatever the hour."""
    file.policy(quiet_hours=OFFICE_HOURS)
    clock_says(monkeypatch, MORNING)
    file.tell(file.contact(0), file.event(0))
    clock_says(monkeypatch, MORNING + timedelta(hours=12))
    assert file.tell(file.event(0)) == []
    assert file.waiting() == []
    assert file.counted("events") == {"read": 1, "unchanged": 1}


def test_a_frequency_cap_holds_until_it_is_free_again(
    file: ToldFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.policy(frequency_caps={"email": ["2 in 7 days"]})
    now = datetime.now(timezone.utc)
    clock_says(monkeypatch, now)
    lines = file.tell(file.contact(0), *(file.event(0, f"e{n}") for n in range(4)))
    assert actions(lines) == ["upsert k0", "send e0", "send e1"]
    assert file.waiting() == [("e2", "frequency_cap"), ("e3", "frequency_cap")]
    clock_says(monkeypatch, now + timedelta(days=6))
    assert file.tell() == []
    clock_says(monkeypatch, now + timedelta(days=8))
    assert actions(file.tell()) == ["send e2", "send e3"]


def test_a_cap_counts_what_somebody_got_and_nobody_else(file: ToldFile) -> None:
    file.policy(frequency_caps={"email": ["1 in 1 day"]})
    people = [file.contact(n) for n in range(3)]
    lines = file.tell(*people, *(file.event(n) for n in range(3)), batch_size=2)
    assert actions(lines)[-3:] == ["send e0", "send e1", "send e2"]
    assert file.tell(file.event(0, "another")) == []
    assert file.held_back() == {"frequency_cap": 1}


def test_a_cap_may_look_back_for_a_year(file: ToldFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file.policy(frequency_caps={"email": ["1 in 365 days"]})
    file.tell(file.contact(0), file.event(0))
    clock_says(monkeypatch, datetime.now(timezone.utc) + timedelta(days=364))
    assert file.tell(file.event(0, "another")) == []


def test_an_event_in_doubt_is_not_held_by_its_own_first_try(
    file: ToldFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.policy(frequency_caps={"email": ["1 in 1 day"]})
    let_it_be_moody(monkeypatch, {("event", "*"): Outcome("uncertain")})
    assert actions(file.tell(file.contact(0), file.event(0))) == ["upsert k0"]
    assert file.waiting() == [("e0", "uncertain")]
    let_it_be_moody(monkeypatch, {})
    assert actions(file.tell()) == ["send e0"]


def test_an_event_that_has_expired_is_dropped_and_counted(
    file: ToldFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_says(monkeypatch, MORNING)
    over = file.event(0, expires_at=MORNING.isoformat())
    assert actions(file.tell(file.contact(0), over)) == ["upsert k0"]
    assert file.held_back() == {"event_expired": 1}
    assert file.waiting() == []


def test_an_event_that_would_expire_before_the_window_opens_does_not_wait(
    file: ToldFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.policy(quiet_hours=OFFICE_HOURS)
    clock_says(monkeypatch, NIGHT)
    short = file.event(0, expires_at=(NIGHT + timedelta(hours=1)).isoformat())
    file.tell(file.contact(0), short)
    assert file.held_back() == {"quiet_hours": 1}
    assert file.waiting() == []


def test_an_event_that_expires_while_it_waits_for_its_contact(
    file: ToldFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_says(monkeypatch, MORNING)
    file.tell(file.event(0, expires_at=(MORNING + timedelta(days=1)).isoformat()))
    clock_says(monkeypatch, MORNING + timedelta(days=2))
    assert actions(file.tell(file.contact(0))) == ["upsert k0"]
    assert file.held_back() == {"event_expired": 1}
    assert file.waiting() == []


def test_a_contact_in_doubt_is_told_again_by_the_next_run(
    file: ToldFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_it_be_moody(monkeypatch, {("upsert", email(0)): Outcome("uncertain")})
    lines = file.tell(file.contact(0), file.contact(1), file.event(0), file.event(1))
    assert actions(lines) == ["upsert k1", "send e1"], "an event never outruns its contact"
    assert file.waiting() == [("e0", "contact_not_delivered"), ("k0", "uncertain")]
    let_it_be_moody(monkeypatch, {})
    assert actions(file.tell()) == ["upsert k0", "send e0"]
    assert file.waiting() == []
