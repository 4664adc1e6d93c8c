"""Lengths of time as a policy writes them: ``24 months``, ``90 days``, ``3 years``."""

from __future__ import annotations

import re
from datetime import date, datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import pendulum

if TYPE_CHECKING:
    from target_shopcrm.consent.policy.file import Place

_DURATION = re.compile(r"([1-9][0-9]{0,3}) (year|month|day)s?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ANY_DAY = datetime(2025, 1, 1, tzinfo=timezone.utc)
_MONTHS_OF_A_YEAR = 12


class Validity(NamedTuple):
    """How long something lives, in calendar months and days after it began."""

    months: int = 0
    days: int = 0

    def end(self, start: datetime) -> datetime:
        """The instant from which what began at `start` is over."""
        return _later(start, self.months, self.days)

    def is_longer_than(self, other: Validity) -> bool:
        """Whether it ends later than `other`, both begun on the same day."""
        return self.end(_ANY_DAY) > other.end(_ANY_DAY)

    def __str__(self) -> str:
        """As a policy writes it, in years where there are whole ones."""
        years, more = divmod(self.months, _MONTHS_OF_A_YEAR)
        if years and not more:
            return _counted(years, "year")
        return _counted(self.months, "month") if self.months else _counted(self.days, "day")


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def read_duration(place: Place) -> Validity:
    """A length of time, as it stands in the file."""
    match = _DURATION.fullmatch(place.text())
    if match is None:
        place.fail(
            f"{place.text()!r} is no duration; write a number of years, months or days, such as"
            " 24 months"
        )
    number = int(match[1])
    if match[2] == "day":
        return Validity(days=number)
    return Validity(months=number * (_MONTHS_OF_A_YEAR if match[2] == "year" else 1))


def read_shorter(place: Place, longest: Validity | None) -> Validity:
    """A length of time that may not be longer than that of the policy this one extends."""
    duration = read_duration(place)
    if longest is not None and duration.is_longer_than(longest):
        place.fail(
            f"a policy that extends another can only tighten it, and {place.text()} is longer"
            " than there; write a shorter time"
        )
    return duration


def read_date(place: Place) -> date:
    """One day, as it stands in the file."""
    text = place.text()
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        place.fail(f"{text!r} is no day; write it like 2026-01-31")
    return day


@lru_cache(maxsize=1 << 14)
def _later(start: datetime, months: int, days: int) -> datetime:
    end = pendulum.instance(start.astimezone(timezone.utc)).add(months=months, days=days)
    return datetime.combine(end.date(), end.time(), timezone.utc)
