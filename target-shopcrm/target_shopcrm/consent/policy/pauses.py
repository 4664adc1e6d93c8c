"""How often somebody is written to at most, and the days on which nothing is written."""

from __future__ import annotations

import re
from datetime import date, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_shopcrm.consent.policy.file import Place

_CAP = re.compile(r"([1-9][0-9]{0,2}) in ([1-9][0-9]{0,2}) days?")
_ONCE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARLY = re.compile(r"[0-9]{2}-[0-9]{2}")
_LEAP_YEAR = 2024
_LONGEST_CAP = 365
"""Days; what was sent longer ago is not looked up."""


class Cap(NamedTuple):
    """At most so many messages to one address within any such number of 24-hour days."""

    messages: int
    days: int

    def __str__(self) -> str:
        """As one would say it."""
        time = "24 hours" if self.days == 1 else f"{self.days} days"
        return f"{self.messages} in {time}"


class Freeze(NamedTuple):
    """Days on which nothing but erasures and withdrawals is written, by the shop's calendar.

    Attributes:
        first: the first frozen day, as (month, day) or (year, month, day).
        last: the last frozen day, in the same form; every year, where there is no year, and
            then it may lie in the year after the first.
    """

    first: tuple[int, ...]
    last: tuple[int, ...]

    def covers(self, day: date) -> bool:
        """Whether the day is frozen."""
        today = (day.year, day.month, day.day)[-len(self.first) :]
        if self.first <= self.last:
            return self.first <= today <= self.last
        return today >= self.first or today <= self.last

    @property
    def is_yearly(self) -> bool:
        """Whether it comes again every year."""
        return len(self.first) == len(("month", "day"))


def read_caps(
    place: Place | None, channels: frozenset[str], base: Mapping[str, tuple[Cap, ...]]
) -> Mapping[str, tuple[Cap, ...]]:
    """The caps by channel; no law sets them, so a policy that extends another sets its own."""
    caps = dict(base)
    for channel, entry in place.mapping().items() if place else ():
        if channel not in channels:
            entry.fail(
                f"{channel!r} is not a channel of this policy; use {', '.join(sorted(channels))}"
            )
        items = [("", entry)] if entry.is_text() else entry.texts()
        caps[channel] = tuple(_cap(item) for _, item in items)
    return MappingProxyType(caps)


def _cap(place: Place) -> Cap:
    match = _CAP.fullmatch(place.text())
    cap = Cap(int(match[1]), int(match[2])) if match else None
    if cap is None or cap.days > _LONGEST_CAP:
        place.fail(
            f"{place.text()!r} is no cap; write it like 4 in 30 days, of {_LONGEST_CAP} days at"
            " most"
        )
    return cap


def read_freezes(place: Place | None, base: Mapping[str, Freeze]) -> Mapping[str, Freeze]:
    """The freeze windows by name; a policy that extends another adds its own or moves them."""
    freezes = dict(base)
    for name, entry in place.mapping().items() if place else ():
        freezes[name] = _freeze(entry)
    return MappingProxyType(freezes)


def _freeze(place: Place) -> Freeze:
    entries = place.mapping()
    for name, entry in entries.items():
        if name not in {"from", "to"}:
            entry.fail(f"a freeze window has no {name!r}; use from, to")
    for name in ("from", "to"):
        if name not in entries:
            place.fail(f"the freeze window {place.name} has no {name!r}; write {{from: …, to: …}}")
    first, last = _day(entries["from"]), _day(entries["to"])
    if len(first) != len(last):
        place.fail("one of the two days has a year and the other doesn't; write both alike")
    freeze = Freeze(first, last)
    if not freeze.is_yearly and first > last:
        entries["to"].fail("the window ends before it begins; swap the two days")
    if freeze.is_yearly and all(
        freeze.covers(date(_LEAP_YEAR, 1, 1) + timedelta(days=day)) for day in range(366)
    ):
        place.fail("the window never ends; leave out at least one day of the year")
    return freeze


def _day(place: Place) -> tuple[int, ...]:
    text = place.text()
    is_known = _ONCE.fullmatch(text) or _YEARLY.fullmatch(text)
    try:
        day = date.fromisoformat(text if len(text) > len("12-24") else f"{_LEAP_YEAR}-{text}")
    except ValueError:
        is_known = None
    if not is_known:
        place.fail(f"{text!r} is no day; write 2026-12-24, or 12-24 for that day of every year")
    return (day.year, day.month, day.day)[-text.count("-") - 1 :]
