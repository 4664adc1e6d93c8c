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
    from zoneinfo import ZoneInfo

_CANONICAL = re.compile(
    # Up to the 28th: only the calendar knows whether a month has more days.
    r"(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])"
    r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3})?Z"
).fullmatch


class Window(NamedTuple):
    """A span of time, both ends included, in UTC."""

    start: datetime
    end: datetime


class Cuts:
    """Cuts a window into pieces, oldest first, and narrower where too much is in one.

    Neighbours share their boundary instant, so a vendor may treat either end as exclusive
    and still nothing falls between them. A window without extent is one piece; a window
    that ends before it starts has none.

    A piece is drawn with `next_piece` and stays the same until it is either `drained` or
    `halve`d. Once halved, pieces become wider again only where less than half as many
    records are found as in the fullest piece before: twice as wide, such a piece holds no
    more than one that was fine.

    Args:
        whole: The whole span.
        width: The widest piece; must be positive.
    """

    def __init__(self, whole: Window, width: timedelta) -> None:
        self.whole = whole
        self._start, self._end = whole
        self._width = self._widest = width
        self._most_records = 0
        self._has_ended = whole.start > whole.end

    def next_piece(self) -> Window | None:
        """Give the piece that is to be read now; None once all are drained."""
        if self._has_ended:
            return None
        return Window(self._start, min(self._start + self._width, self._end))

    def halve(self) -> bool:
        """Make the piece narrower; tell whether that was possible."""
        piece = self.next_piece()
        if piece is None or not can_be_halved(piece):
            return False
        seconds = (piece.end - piece.start) // timedelta(seconds=2)
        self._width = timedelta(seconds=max(1, seconds))
        self._most_records = 0
        return True

    def drained(self, records: int) -> None:
        """Go on to what comes after the piece, in which so many records were."""
        self._start = min(self._start + self._width, self._end)
        self._has_ended = self._start == self._end
        self._most_records = max(self._most_records, records)
        if records * 2 < self._most_records:
            self._width = min(self._width * 2, self._widest)


def can_be_halved(window: Window) -> bool:
    """Tell whether a window is wider than the whole seconds that vendors can ask for."""
    return window.end - window.start > timedelta(seconds=1)


def bookmark_after(drained: Window, lookback: timedelta) -> datetime:
    """Where a later run has to start once a window is fully drained.

    Args:
        drained: Everything this run has read without a gap, however many pieces it was cut
            into: the start of the last piece alone proves nothing, a change within the
            lookback before it may have become visible only after its own piece was read.
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
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return moment.astimezone(timezone.utc)
    except (msgspec.ValidationError, OverflowError):
        # Also a time that only its own zone still has in the years 1 to 9999.
        raise ValueError("not an RFC 3339 date or time") from None


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
