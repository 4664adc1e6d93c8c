"""When things happen: the shift from the data set's year to the shop's, and how times are written.

All instants in this package are integers: milliseconds since 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from email.utils import formatdate
from functools import lru_cache

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

HELD_BACK_WEEKS = 8
"""How much of the data set lies in the future of a register that was just started, at least."""

EARLIER_BY = 52 * WEEK
"""How much older the baskets of lapsed households are than those of the others."""

INDEX_DELAY = 90 * SECOND
"""How long a new or changed customer profile stays unknown to the search."""

OPENING_HOUR_UTC = 5
"""The register's day turns at 05:00 UTC: midnight in New York in winter, when stores are empty."""

_EPOCH_DAY = date(1970, 1, 1)
_DATA_BEGINS = int(datetime(2017, 1, 1, OPENING_HOUR_UTC, tzinfo=timezone.utc).timestamp()) * SECOND
_DATA_ENDS = int(datetime(2018, 1, 1, OPENING_HOUR_UTC, tzinfo=timezone.utc).timestamp()) * SECOND

_SPAN = re.compile(r"([0-9]{1,4})([hdw])")
_SPAN_UNITS = {"h": HOUR, "d": DAY, "w": WEEK}


@dataclass(frozen=True)
class Timeline:
    """The register's own calendar.

    Attributes:
        begins: nothing at the shop is older than this.
        opens: the clock of a register that was just started.
        ends: the last instant to which the clock can advance.
        shift: what is added to an instant of the data set; whole weeks, so weekdays stay.
    """

    begins: int
    opens: int
    ends: int
    shift: int


def timeline(first_day: date) -> Timeline:
    """Lay the data set's year around the day on which the register is first started."""
    opens = (first_day - _EPOCH_DAY).days * DAY + OPENING_HOUR_UTC * HOUR
    weeks = -(-(opens + HELD_BACK_WEEKS * WEEK - _DATA_ENDS) // WEEK)
    shift = weeks * WEEK
    begins = _DATA_BEGINS + shift - EARLIER_BY - 30 * DAY
    return Timeline(begins=begins, opens=opens, ends=_DATA_ENDS + shift, shift=shift)


def parse_span(text: str) -> int:
    """Read a span such as ``1d``, ``12h`` or ``2w`` into milliseconds.

    Raises:
        ValueError: if the text is anything else.
    """
    match = _SPAN.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise ValueError(f"'{text}' is no span of time: write for example 12h, 1d, 7d or 2w.")
    return int(match[1]) * _SPAN_UNITS[match[2]]


@lru_cache(maxsize=4096)
def _day_text(day: int) -> str:
    return (_EPOCH_DAY + timedelta(days=day)).isoformat()


def rfc3339(instant: int) -> str:
    """Write an instant as Square does: ``2026-11-21T18:03:11.042Z``."""
    day, rest = divmod(instant, DAY)
    seconds, milliseconds = divmod(rest, SECOND)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{_day_text(day)}T{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}Z"


def rfc3339_seconds(instant: int) -> str:
    """Write an instant in whole seconds, which is all that some of Square's fields hold."""
    return rfc3339(instant)[:19] + "Z"


def http_date(instant: int) -> str:
    """Write an instant as the ``Date`` header does."""
    return formatdate(instant / SECOND, usegmt=True)


def day_text(instant: int) -> str:
    """The UTC calendar day of an instant, ``YYYY-MM-DD``."""
    return _day_text(instant // DAY)
