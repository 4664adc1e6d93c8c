"""Whether a message may go out now, and if not, when: freeze windows, quiet hours, caps.

The verdict says whether somebody may be written to at all; this says when. It holds marketing
back, never an erasure or a withdrawal.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from target_shopcrm.consent.addresses import PHONE_CHANNELS
from target_shopcrm.consent.clocks import is_open, next_open
from target_shopcrm.consent.verdicts import Reason
from target_shopcrm.consent.whereabouts import recipient_laws, recipient_zones

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from target_shopcrm.consent.policy import Policy

_FIRST_TO_BEGIN_A_DAY = timezone(timedelta(hours=14))
_LAST_TO_END_A_DAY = timezone(timedelta(hours=-12))
_LONGEST_FREEZE = 4000
"""Days to look ahead for the end of a freeze; more in a row can only be an error."""
_END_OF_TIME = datetime.max.replace(tzinfo=timezone.utc)


class Hold(NamedTuple):
    """Why nothing goes out now.

    Attributes:
        reason: `Reason.FREEZE_WINDOW`, `Reason.QUIET_HOURS` or `Reason.FREQUENCY_CAP`, or why
            the question can't be asked.
        until: when to ask again, in UTC; None where time alone changes nothing.
    """

    reason: Reason
    until: datetime | None


def freeze_at(policy: Policy, shop_id: str, at: datetime) -> Hold | None:
    """Whether the shop has a freeze window now, in which only erasures and withdrawals are written.

    Days are those of the shop's calendar. Of a shop whose time zone nobody stated a day counts
    for as long as it is that day anywhere on earth.

    Args:
        policy: the shop's policy.
        shop_id: the shop.
        at: now, with offset.
    """
    if not policy.freeze_windows:
        return None
    name = policy.timezone_of(shop_id)
    first = _day(at, ZoneInfo(name) if name else _LAST_TO_END_A_DAY)
    last = _day(at, ZoneInfo(name) if name else _FIRST_TO_BEGIN_A_DAY)
    if not any(_is_frozen(policy, day) for day in _days(first, last)):
        return None
    thaws = _first_free_day(policy, first, last, together=1 if name else 2)
    if thaws is None:
        return Hold(Reason.FREEZE_WINDOW, None)
    midnight = datetime.combine(thaws, time.min, ZoneInfo(name) if name else _LAST_TO_END_A_DAY)
    return Hold(Reason.FREEZE_WINDOW, midnight.astimezone(timezone.utc))


def hold(  # noqa: PLR0913, PLR0917 - a message is what it is
    policy: Policy,
    shop_id: str,
    channel: str,
    address: str,
    zone: str | None,
    at: datetime,
    sent: Sequence[datetime],
) -> Hold | None:
    """Whether a marketing message has to wait.

    Args:
        policy: the shop's policy.
        shop_id: the shop that writes.
        channel: e.g. ``sms``.
        address: whom it writes to, normalised.
        zone: the recipient's IANA time zone where the person or the register states it. For
            e-mail the shop's own stands in; a phone number speaks for itself.
        at: when the message would go out, with offset.
        sent: when earlier messages went to this address on this channel, in any order.

    Returns:
        None where it may go out; of several holds the one that lasts longest.
    """
    jurisdiction = policy.jurisdiction_of(shop_id)
    if jurisdiction is None:
        return Hold(Reason.UNKNOWN_JURISDICTION, None)
    if channel not in policy.channels:
        return Hold(Reason.CHANNEL_NOT_IN_POLICY, None)
    holds = [
        freeze_at(policy, shop_id, at),
        _quiet(policy, shop_id, channel, address, zone, at),
        _capped(policy, channel, at, sent),
    ]
    waiting = [one for one in holds if one is not None]
    return max(waiting, key=lambda one: one.until or _END_OF_TIME, default=None)


def _quiet(  # noqa: PLR0913, PLR0917 - same
    policy: Policy, shop_id: str, channel: str, address: str, zone: str | None, at: datetime
) -> Hold | None:
    country = policy.country_of(shop_id)
    laws = recipient_laws(channel, address, country, policy.quiet_hours.get(channel, {}))
    shop_law = policy.jurisdiction_of(shop_id)
    week = policy.hours_of(channel, [*laws, *([shop_law] if shop_law else [])])
    if week is None:
        return None
    stated = zone if channel in PHONE_CHANNELS else zone or policy.timezone_of(shop_id)
    zones = [ZoneInfo(name) for name in recipient_zones(channel, address, country, stated)]
    if not zones:
        return Hold(Reason.QUIET_HOURS, None)
    if all(is_open(week, at, clock) for clock in zones):
        return None
    return Hold(Reason.QUIET_HOURS, next_open(week, at, zones))


def _capped(policy: Policy, channel: str, at: datetime, sent: Sequence[datetime]) -> Hold | None:
    """A cap frees when the oldest of the messages that fill it is as old as it counts."""
    newest_first = sorted((one.astimezone(timezone.utc) for one in sent), reverse=True)
    frees = [
        newest_first[cap.messages - 1] + timedelta(days=cap.days)
        for cap in policy.frequency_caps.get(channel, ())
        if len(newest_first) >= cap.messages
    ]
    until = max(frees, default=None)
    return Hold(Reason.FREQUENCY_CAP, until) if until is not None and until > at else None


def _is_frozen(policy: Policy, day: date) -> bool:
    return any(freeze.covers(day) for freeze in policy.freeze_windows.values())


def _first_free_day(policy: Policy, first: date, last: date, *, together: int) -> date | None:
    """The first day after a frozen one that is free, with the days that begin before it ends.

    At the moment at which a day begins in the far west, the next has begun in the far east.
    """
    frozen = max(day for day in _days(first, last) if _is_frozen(policy, day))
    for ahead in range(1, _LONGEST_FREEZE):
        day = frozen + timedelta(days=ahead)
        if not any(_is_frozen(policy, day + timedelta(days=more)) for more in range(together)):
            return day
    return None


def _day(at: datetime, zone: ZoneInfo | timezone) -> date:
    return at.astimezone(zone).date()


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
