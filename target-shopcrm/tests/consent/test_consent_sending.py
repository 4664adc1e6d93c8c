"""When a message may go out: by the shop's calendar, the recipient's clock, and how many went."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from consent_situations import SHOP, policy_of
from target_shopcrm.consent.sending import Hold, freeze_at, hold
from target_shopcrm.consent.verdicts import Reason
from target_shopcrm.consent.whereabouts import recipient_zones

if TYPE_CHECKING:
    from target_shopcrm.consent.policy import Policy

NEW_YORK, DALLAS, PROVIDENCE, TOLL_FREE = (
    "+12125550101",
    "+12145550101",
    "+14015550101",
    "+18005550101",
)
LOS_ANGELES, SYDNEY_OR_PERTH = "+13105550101", "+61412345678"
ADA = "ada@example.com"
LOUD = """\
frequency_caps: {email: 9 in 1 day, sms: 9 in 1 day}
"""


@lru_cache(maxsize=32)
def shop_policy(
    pack: str = "us", more: str = LOUD, zone: str | None = "America/New_York"
) -> Policy:
    country = {"us": "US", "strict": "US", "eu": "DE", "uk": "GB", "ca": "CA"}[pack]
    where = f"{{country: {country}{f', timezone: {zone}' if zone else ''}}}"
    return policy_of(f"version: 1\nname: n\nextends: {pack}\nshops: {{{SHOP}: {where}}}\n{more}")


def at(text: str, zone: str = "America/New_York") -> datetime:
    """A reading of a clock on the wall, such as ``2026-03-02 08:30``, a Monday."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def held(
    address: str,
    when: datetime,
    *,
    policy: Policy | None = None,
    zone: str | None = None,
    sent: list[datetime] | None = None,
) -> Hold | None:
    channel = "email" if "@" in address else "sms"
    return hold(policy or shop_policy(), SHOP, channel, address, zone, when, sent or [])


@pytest.mark.parametrize(
    ("address", "when", "until"),
    [
        (NEW_YORK, "2026-03-02 08:00", None),
        (NEW_YORK, "2026-03-02 20:59", None),
        (NEW_YORK, "2026-03-02 21:00", "2026-03-03 08:00"),
        (NEW_YORK, "2026-03-02 07:59", "2026-03-02 08:00"),
        (LOS_ANGELES, "2026-03-02 09:00", "2026-03-02 11:00"),  # eight o'clock over there
        (DALLAS, "2026-03-07 09:30", "2026-03-07 10:00"),  # a Saturday, nine in Texas
        (DALLAS, "2026-03-01 12:30", "2026-03-01 13:00"),  # a Sunday: from noon
        (PROVIDENCE, "2026-03-02 17:59", None),
        (PROVIDENCE, "2026-03-02 18:00", "2026-03-03 09:00"),
        (PROVIDENCE, "2026-03-06 18:00", "2026-03-07 10:00"),  # Friday evening
    ],
)
def test_a_text_waits_for_the_hours_of_the_recipients_state(
    address: str, when: str, until: str | None
) -> None:
    expected = None if until is None else Hold(Reason.QUIET_HOURS, at(until))
    assert held(address, at(when)) == expected


def test_a_shop_in_a_strict_state_keeps_its_hours_wherever_it_writes_to() -> None:
    policy = policy_of(
        "version: 1\nname: n\nextends: us\n"
        f"shops: {{{SHOP}: {{country: US, jurisdiction: US-RI, timezone: America/New_York}}}}\n"
    )
    assert held(NEW_YORK, at("2026-03-02 19:00"), policy=policy) == Hold(
        Reason.QUIET_HOURS, at("2026-03-03 09:00")
    )


def test_a_number_of_several_zones_waits_until_it_is_day_in_all_of_them() -> None:
    policy = shop_policy("strict", LOUD)
    waits = held(SYDNEY_OR_PERTH, at("2026-03-03 09:00", "Australia/Sydney"), policy=policy)
    assert waits is not None
    assert waits.until is not None
    for zone in recipient_zones("sms", SYDNEY_OR_PERTH, None, None):
        local = waits.until.astimezone(ZoneInfo(zone))
        assert 9 <= local.hour < 18


def test_a_toll_free_number_may_be_anywhere_and_is_never_written_to() -> None:
    for hour in range(24):
        assert held(TOLL_FREE, at(f"2026-03-02 {hour:02}:30")) == Hold(Reason.QUIET_HOURS, None)


def test_who_states_where_they_are_is_believed() -> None:
    when = at("2026-03-02 09:00")
    assert held(LOS_ANGELES, when) is not None
    assert held(LOS_ANGELES, when, zone="America/New_York") is None
    assert held(LOS_ANGELES, when, zone="Mars/Olympus") == Hold(Reason.QUIET_HOURS, None)


def test_email_goes_by_the_clock_of_the_shop_and_waits_where_nobody_stated_one() -> None:
    hours = LOUD + "quiet_hours: {email: {everywhere: 10:00 to 16:00}}\n"
    noon, evening = at("2026-03-02 12:00"), at("2026-03-02 16:30")
    assert held(ADA, noon, policy=shop_policy(more=hours)) is None
    assert held(ADA, evening, policy=shop_policy(more=hours)) == Hold(
        Reason.QUIET_HOURS, at("2026-03-03 10:00")
    )
    assert held(ADA, evening, policy=shop_policy(more=hours), zone="America/Los_Angeles") is None
    nowhere = shop_policy(more=hours, zone=None)
    assert held(ADA, noon, policy=nowhere) == Hold(Reason.QUIET_HOURS, None)
    assert held(ADA, evening, policy=shop_policy(zone=None)) is None, (
        "no hours, nothing to wait for"
    )


def test_hours_that_never_come_hold_for_good() -> None:
    never = LOUD + "quiet_hours: {sms: {everywhere: never}}\n"
    assert held(NEW_YORK, at("2026-03-02 12:00"), policy=shop_policy(more=never)) == Hold(
        Reason.QUIET_HOURS, None
    )


def test_a_cap_frees_when_the_message_that_filled_it_is_old_enough() -> None:
    policy = shop_policy(more="frequency_caps: {email: [1 in 1 day, 2 in 30 days]}\n")
    now = at("2026-03-31 12:00").astimezone(timezone.utc)
    hour, day = timedelta(hours=1), timedelta(days=1)
    assert held(ADA, now, policy=policy) is None
    assert held(ADA, now, policy=policy, sent=[now - hour]) == Hold(
        Reason.FREQUENCY_CAP, now + 23 * hour
    )
    assert held(ADA, now, policy=policy, sent=[now - day]) is None
    assert held(ADA, now, policy=policy, sent=[now - 2 * day, now - 29 * day]) == Hold(
        Reason.FREQUENCY_CAP, now + day
    )
    assert held(ADA, now, policy=policy, sent=[now - 29 * day, now - 31 * day]) is None


def test_of_several_reasons_the_one_that_lasts_longest_is_told() -> None:
    policy = shop_policy(more="freeze_windows: {inventory: {from: 2026-03-01, to: 2026-03-04}}\n")
    night = at("2026-03-02 22:00").astimezone(timezone.utc)
    assert held(NEW_YORK, night, policy=policy) == Hold(
        Reason.FREEZE_WINDOW, at("2026-03-05 00:00")
    )
    assert held(NEW_YORK, night, policy=policy, sent=[night] * 6) == Hold(
        Reason.FREQUENCY_CAP, night + timedelta(days=30)
    )


@pytest.mark.parametrize(
    ("when", "until"),
    [
        ("2026-12-23 23:59", None),
        ("2026-12-24 00:00", "2026-12-27 00:00"),
        ("2026-12-26 23:59", "2026-12-27 00:00"),
        ("2026-12-27 00:00", None),
        ("2026-12-30 12:00", "2027-01-04 00:00"),  # two windows that touch
        ("2027-12-30 12:00", "2028-01-02 00:00"),  # only the yearly one came again
        ("2027-12-25 12:00", "2027-12-27 00:00"),
    ],
)
def test_a_pause_begins_and_ends_at_the_shops_midnight(when: str, until: str | None) -> None:
    policy = shop_policy(
        more=(
            "freeze_windows:\n"
            "  christmas: {from: 12-24, to: 12-26}\n"
            "  the turn of the year: {from: 12-30, to: 01-01}\n"
            "  stocktaking: {from: 2027-01-02, to: 2027-01-03}\n"
        )
    )
    expected = None if until is None else Hold(Reason.FREEZE_WINDOW, at(until))
    assert freeze_at(policy, SHOP, at(when)) == expected


def test_a_pause_of_a_shop_without_a_time_zone_holds_while_it_is_that_day_anywhere() -> None:
    policy = shop_policy(
        more="freeze_windows: {one: {from: 2026-03-02, to: 2026-03-02}}\n", zone=None
    )
    first = datetime(2026, 3, 1, 10, tzinfo=timezone.utc)
    last = datetime(2026, 3, 3, 12, tzinfo=timezone.utc)
    second = timedelta(seconds=1)
    assert freeze_at(policy, SHOP, first - second) is None
    assert freeze_at(policy, SHOP, first) == Hold(Reason.FREEZE_WINDOW, last)
    assert freeze_at(policy, SHOP, last - second) == Hold(Reason.FREEZE_WINDOW, last)
    assert freeze_at(policy, SHOP, last) is None


def test_a_leap_day_that_is_frozen_every_year() -> None:
    policy = shop_policy(more="freeze_windows: {leap: {from: 02-29, to: 02-29}}\n")
    assert freeze_at(policy, SHOP, at("2027-02-28 12:00")) is None
    assert freeze_at(policy, SHOP, at("2027-03-01 12:00")) is None
    assert freeze_at(policy, SHOP, at("2028-02-29 12:00")) is not None


def test_a_shop_that_is_nowhere_and_a_channel_that_is_closed_send_nothing() -> None:
    noon = at("2026-03-02 12:00")
    assert hold(shop_policy(), "elsewhere", "email", ADA, None, noon, []) == Hold(
        Reason.UNKNOWN_JURISDICTION, None
    )
    assert hold(shop_policy(), SHOP, "whatsapp", NEW_YORK, None, noon, []) == Hold(
        Reason.CHANNEL_NOT_IN_POLICY, None
    )
