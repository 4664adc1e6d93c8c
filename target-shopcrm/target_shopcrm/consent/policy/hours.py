"""The policy's quiet hours: when messages may go out, by the clock of whoever gets them."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_shopcrm.consent.policy.file import Place

EVERYWHERE = "everywhere"
"""The name of hours that hold under every law."""
NEVER = "never"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_GROUPS = {
    "weekdays": range(5),
    "weekends": range(5, 7),
    "monday to saturday": range(6),
    **{name: range(day, day + 1) for day, name in enumerate(DAYS)},
}
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9]) to ([01][0-9]|2[0-4]):([0-5][0-9])")
_MINUTES_OF_A_DAY = 24 * 60


class Hours(NamedTuple):
    """The part of one day in which messages may go out, in minutes after midnight.

    Attributes:
        start: the first minute that is open.
        end: the first minute that is closed again, at most 1440.
    """

    start: int
    end: int

    def __str__(self) -> str:
        """As a policy writes it."""
        return " to ".join(f"{minute // 60:02}:{minute % 60:02}" for minute in self)


class Week(NamedTuple):
    """The open hours of each day, Monday first; None for a day without any."""

    days: tuple[Hours | None, ...]

    def within(self, other: Week) -> Week:
        """The hours that are open in both weeks."""
        pairs = zip(self.days, other.days, strict=True)
        return Week(tuple(_both(one, another) for one, another in pairs))


ALL_WEEK = Week((Hours(0, _MINUTES_OF_A_DAY),) * 7)

QuietHours = "Mapping[str, Mapping[str, Week]]"
"""By channel and then by law (an ISO 3166 code, or `EVERYWHERE`)."""


def open_hours(by_law: Mapping[str, Week], jurisdictions: Iterable[str]) -> Week:
    """The hours that every law in question leaves open.

    A part of a country has its own law beside the country's, and the stricter of them holds.

    Args:
        by_law: one channel's hours.
        jurisdictions: ISO 3166-1 or -2 codes.
    """
    week = by_law.get(EVERYWHERE, ALL_WEEK)
    for code in jurisdictions:
        for law in (code[:2], code) if len(code) > len("US") else (code,):
            week = week.within(by_law.get(law, ALL_WEEK))
    return week


def read_quiet_hours(
    place: Place | None,
    channels: frozenset[str],
    base: Mapping[str, Mapping[str, Week]],
) -> Mapping[str, Mapping[str, Week]]:
    """The hours by channel and law; what a policy adds to those of another is tighter.

    Args:
        place: the section, None where the file has none.
        channels: the channels of the policy.
        base: the hours of the policy this one extends, empty for a whole policy.
    """
    hours = {channel: dict(by_law) for channel, by_law in base.items()}
    for channel, entry in place.mapping().items() if place else ():
        if channel not in channels:
            entry.fail(
                f"{channel!r} is not a channel of this policy; use {', '.join(sorted(channels))}"
            )
        before = base.get(channel, {})
        by_law = hours.setdefault(channel, {})
        for law, stated in entry.mapping().items():
            _check_law(law, stated)
            week = _week(stated)
            longest = open_hours(before, [] if law == EVERYWHERE else [law])
            if week.within(longest) != week:
                stated.fail(
                    "a policy that extends another can only tighten it, and messages may not go"
                    f" out at all of these hours there ({law}); write fewer hours"
                )
            by_law[law] = week
    return MappingProxyType({name: MappingProxyType(by_law) for name, by_law in hours.items()})


def _check_law(law: str, place: Place) -> None:
    if law != EVERYWHERE and re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", law) is None:
        place.fail(
            f"{law!r} isn't a jurisdiction; use {EVERYWHERE} or an ISO 3166 code such as US or"
            " US-NY"
        )


def _week(place: Place) -> Week:
    if place.is_text():
        return Week((_hours(place),) * 7)
    days: dict[int, Hours | None] = {}
    for group, entry in place.mapping().items():
        if group not in _GROUPS:
            entry.fail(f"{group!r} are no days; use {', '.join(_GROUPS)}")
        hours = _hours(entry)
        for day in _GROUPS[group]:
            if day in days:
                entry.fail(f"{DAYS[day]} stands twice in {place.name}; keep one of the two")
            days[day] = hours
    for day, name in enumerate(DAYS):
        if day not in days:
            place.fail(f"{place.name} says nothing about {name}; add hours, or '{name}: never'")
    return Week(tuple(days[day] for day in range(7)))


def _hours(place: Place) -> Hours | None:
    text = place.text()
    if text == NEVER:
        return None
    match = _HOURS.fullmatch(text)
    hours = Hours(*(int(match[at]) * 60 + int(match[at + 1]) for at in (1, 3))) if match else None
    if hours is None or not hours.start < hours.end <= _MINUTES_OF_A_DAY:
        place.fail(f"{text!r} are no hours of a day; write them like 08:00 to 21:00, or never")
    return hours


def _both(one: Hours | None, another: Hours | None) -> Hours | None:
    if one is None or another is None:
        return None
    hours = Hours(max(one.start, another.start), min(one.end, another.end))
    return hours if hours.start < hours.end else None
