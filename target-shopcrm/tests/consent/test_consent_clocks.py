"""Clocks that skip an hour, have one twice, or show something else in every zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from consent_situations import SHOP, policy_of
from hypothesis import given
from hypothesis import strategies as st
from target_shopcrm.consent.clocks import is_open, next_open
from target_shopcrm.consent.policy import Freeze, Hours, Shop, Week
from target_shopcrm.consent.sending import freeze_at, hold

if TYPE_CHECKING:
    from target_shopcrm.consent.policy import Policy

NEW_YORK = ZoneInfo("America/New_York")
ZONES = [
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Havana",  # its clocks change at midnight
    "Africa/Cairo",  # and so do these, at another time of the year
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "Europe/London",
    "UTC",
]
CHANGES = [
    datetime(2026, 3, 8, 7, tzinfo=timezone.utc),  # New York goes forward
    datetime(2026, 11, 1, 6, tzinfo=timezone.utc),  # and back
    datetime(2026, 3, 8, 5, tzinfo=timezone.utc),  # Havana goes forward at midnight
    datetime(2026, 4, 4, 15, tzinfo=timezone.utc),  # Lord Howe goes back
    datetime(2026, 4, 23, 22, tzinfo=timezone.utc),  # Cairo goes forward at midnight
    datetime(2026, 3, 29, 1, tzinfo=timezone.utc),  # London goes forward
]
MINUTE = timedelta(minutes=1)
instants = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-3 * 24 * 60, 3 * 24 * 60),
)
hours = st.none() | st.tuples(st.integers(0, 1439), st.integers(1, 1440)).map(
    lambda ends: Hours(*ends) if ends[0] < ends[1] else None
)
weeks = st.tuples(*[hours] * 7).map(Week)


@lru_cache(maxsize=1)
def american_policy() -> Policy:
    return policy_of(
        "version: 1\nname: n\nextends: us\n"
        f"shops: {{{SHOP}: {{country: US, timezone: America/New_York}}}}\n"
    )


def every_day(start: str, end: str) -> Week:
    minutes = [int(text[:2]) * 60 + int(text[3:]) for text in (start, end)]
    return Week((Hours(*minutes),) * 7)


@pytest.mark.parametrize(
    ("day", "opens"),
    [
        ("2026-03-07", "2026-03-07T07:30:00+00:00"),  # half past two, the usual way
        ("2026-03-08", "2026-03-08T07:00:00+00:00"),  # there is no half past two: at three
        ("2026-03-09", "2026-03-09T06:30:00+00:00"),  # half past two of daylight saving time
    ],
)
def test_hours_that_begin_in_the_skipped_hour_begin_after_it(day: str, opens: str) -> None:
    midnight = datetime.fromisoformat(day).replace(tzinfo=NEW_YORK)
    found = next_open(every_day("02:30", "05:00"), midnight, [NEW_YORK])
    assert found == datetime.fromisoformat(opens)


def test_hours_that_lie_in_the_hour_that_comes_twice_are_open_twice() -> None:
    week = every_day("01:15", "01:45")
    first = datetime(2026, 11, 1, 1, 15, tzinfo=NEW_YORK)
    second = first.replace(fold=1)
    assert is_open(week, first, NEW_YORK)
    assert is_open(week, second, NEW_YORK)
    between = (first + timedelta(minutes=30)).astimezone(timezone.utc)
    assert not is_open(week, between, NEW_YORK)
    assert next_open(week, between, [NEW_YORK]) == second.astimezone(timezone.utc)


@given(weeks, instants, st.lists(st.sampled_from(ZONES), min_size=1, max_size=4, unique=True))
def test_the_promised_instant_is_open_in_every_zone_and_none_before_it_is(
    week: Week, start: datetime, names: list[str]
) -> None:
    zones = [ZoneInfo(name) for name in names]
    found = next_open(week, start, zones)
    last = start + timedelta(days=2) if found is None else found
    if found is not None:
        assert found >= start
        assert all(is_open(week, found, zone) for zone in zones)
    probe = start
    while probe < min(last, start + timedelta(days=2)):
        assert not all(is_open(week, probe, zone) for zone in zones), probe
        probe += 7 * MINUTE


@given(instants, st.sampled_from(ZONES), st.integers(0, 3))
def test_nothing_ever_goes_out_outside_the_hours_or_in_a_pause(
    now: datetime, zone: str, length: int
) -> None:
    first, last = now.date(), now.date() + timedelta(days=length)
    pause = Freeze(first.timetuple()[:3], last.timetuple()[:3])
    policy = replace(
        american_policy(),
        shops={SHOP: Shop("US", "US-NY", zone)},
        freeze_windows={"pause": pause},
    )
    local = now.astimezone(ZoneInfo(zone))
    if hold(policy, SHOP, "sms", "+12125550101", zone, now, []) is None:
        assert 8 <= local.hour < 21
        assert not first <= local.date() <= last
    freeze = freeze_at(policy, SHOP, now)
    if freeze is not None:
        assert freeze.until is not None
        assert freeze.until > now
        assert freeze_at(policy, SHOP, freeze.until) is None
        assert freeze_at(policy, SHOP, freeze.until - MINUTE) is not None


@given(instants, st.lists(st.integers(0, 40 * 24 * 60), max_size=8), st.sampled_from(ZONES))
def test_whoever_waits_as_long_as_told_may_be_written_to_in_the_end(
    now: datetime, minutes_ago: list[int], zone: str
) -> None:
    policy = american_policy()
    sent = [now - minutes * MINUTE for minutes in minutes_ago]
    waits = hold(policy, SHOP, "sms", "+12125550101", zone, now, sent)
    for _ in range(4):
        if waits is None:
            return
        assert waits.until is not None
        assert waits.until > now
        now = waits.until
        waits = hold(policy, SHOP, "sms", "+12125550101", zone, now, sent)
    assert waits is None
