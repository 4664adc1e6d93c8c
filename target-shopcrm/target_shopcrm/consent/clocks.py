"""Local clocks: whether they show an open hour, and when they next do.

Clocks are read as people read them. In the night in which an hour is skipped the first minute
after it counts; in the night in which an hour comes twice it is that hour twice.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from zoneinfo import ZoneInfo

    from target_shopcrm.consent.policy import Week

_LOOK_AHEAD = 9
"""Days; a week repeats itself, and a change of the clocks may swallow one opening."""
_MINUTE = timedelta(minutes=1)


def is_open(week: Week, at: datetime, zone: ZoneInfo) -> bool:
    """Whether the clock on the wall shows one of the open hours."""
    local = at.astimezone(zone)
    hours = week.days[local.weekday()]
    return hours is not None and hours.start <= local.hour * 60 + local.minute < hours.end


def next_open(week: Week, at: datetime, zones: Sequence[ZoneInfo]) -> datetime | None:
    """The first instant from `at` on at which all clocks show an open hour.

    Args:
        week: the open hours.
        at: with offset.
        zones: at least one.

    Returns:
        The instant in UTC, or None where they never do at once.
    """
    start = at.astimezone(timezone.utc)
    # What is open in all zones begins to be when one of them opens, or changes its clock.
    candidates = {start, *(instant for zone in zones for instant in _turns(week, start, zone))}
    for instant in sorted(candidates):
        if instant >= start and all(is_open(week, instant, zone) for zone in zones):
            return instant
    return None


def _turns(week: Week, start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The instants from which a zone's clock may show an open hour."""
    today = start.astimezone(zone).date()
    for ahead in range(-1, _LOOK_AHEAD):
        day = today + timedelta(days=ahead)
        changed = _change_of_clocks(day, zone)
        if changed is not None:
            yield changed
        hours = week.days[day.weekday()]
        if hours is not None:
            opening = datetime.combine(day, time(hours.start // 60, hours.start % 60), zone)
            yield opening.astimezone(timezone.utc)
            yield opening.replace(fold=1).astimezone(timezone.utc)


def _change_of_clocks(day: date, zone: ZoneInfo) -> datetime | None:
    """The instant on that day at which the clock was put forward or back, to the minute."""
    before = datetime.combine(day, time.min, timezone.utc) - timedelta(hours=15)
    after = before + timedelta(hours=24 + 28)
    offset = before.astimezone(zone).utcoffset()
    if after.astimezone(zone).utcoffset() == offset:
        return None
    while after - before > _MINUTE:
        middle = before + (after - before) // 2
        middle -= timedelta(seconds=middle.second, microseconds=middle.microsecond)
        if middle == before:
            break
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
