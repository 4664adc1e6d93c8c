"""Window arithmetic: which spans of time are read, and where the next run starts.

A bookmark says "everything that became visible before this instant has been read". It is
therefore the end of a fully drained window minus the vendor's lookback, and never the
newest time seen: vendors don't return rows in the order in which they become visible.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

_CANONICAL = re.compile(
    r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
    r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3})?Z"
).fullmatch


class Window(NamedTuple):
    """A span of time, both ends included, in UTC."""

    start: datetime
    end: datetime


def slices(window: Window, width: timedelta) -> Iterator[Window]:
    """Cut a window into pieces no wider than `width`, oldest first.

    Neighbours share their boundary instant, so a vendor may treat either end as exclusive
    and still nothing falls between them. A window without extent is one piece; a window
    that ends before it starts has none.

    Args:
        window: The whole span.
        width: The widest piece; must be positive.

    Yields:
        The pieces, the last of which ends where the window ends.
    """
    start = window.start
    while start <= window.end:
        end = min(start + width, window.end)
        yield Window(start, end)
        if end == window.end:
            return
        start = end


def bookmark_after(drained: Window, lookback: timedelta) -> datetime:
    """Where a later run has to start once a window is fully drained.

    Args:
        drained: The window that was read to its end.
        lookback: How long the vendor may take to show a change.

    Returns:
        The window's end minus the lookback, but never before the window's own start, which
        an earlier run has already proved.
    """
    return max(drained.start, drained.end - lookback)


def parse_instant(text: str) -> datetime:
    """Read an RFC 3339 date or time; a date means its first instant in UTC.

    Args:
        text: Such as ``2026-11-21T18:03:11Z`` or ``2026-11-21``.

    Returns:
        The instant, aware, in UTC.

    Raises:
        ValueError: If it is neither.
    """
    try:
        if len(text) == len("YYYY-MM-DD"):
            day = msgspec.convert(text, date)
            return datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        raise ValueError("not an RFC 3339 date or time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc)


def format_instant(moment: datetime) -> str:
    """Write an instant as all records do: UTC, whole seconds or milliseconds, with a ``Z``.

    >>> format_instant(datetime(2026, 11, 21, 18, 3, 11, 5000, tzinfo=timezone.utc))
    '2026-11-21T18:03:11.005Z'
    """
    utc = moment.astimezone(timezone.utc)
    text = utc.isoformat(timespec="milliseconds" if utc.microsecond >= 1000 else "seconds")  # noqa: PLR2004 - microseconds in a millisecond
    return text.replace("+00:00", "Z")


def normalise_instant(text: str) -> str:
    """Bring a vendor's RFC 3339 time into the records' form.

    >>> normalise_instant("2026-11-21T10:03:11.000-08:00")
    '2026-11-21T18:03:11Z'

    Raises:
        ValueError: If it is not such a time.
    """
    if _CANONICAL(text):
        return text[:19] + "Z" if text[19:] == ".000Z" else text
    return format_instant(parse_instant(text))


def business_date(instant: str, zone: ZoneInfo, day_starts_at: time) -> str:
    """Tell the trading day an instant belongs to, by the clock on the shop's wall.

    Args:
        instant: RFC 3339.
        zone: The location's time zone.
        day_starts_at: Wall-clock time at which the shop's books turn to the next day; a bar
            that closes at three says ``04:00``.

    Returns:
        ``YYYY-MM-DD``.

    Raises:
        ValueError: If the instant can't be read.
    """
    local = parse_instant(instant).astimezone(zone)
    day = local.date()
    if local.time() < day_starts_at:
        day -= timedelta(days=1)
    return day.isoformat()
