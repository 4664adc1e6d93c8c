"""People change their minds and their addresses: what happens to profiles, and when."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from practice_register.chance import chance
from practice_register.shop.people import email_for, phone_digits
from practice_register.shop.premises import CLUB_TERMS, SMS_MARKETING
from practice_register.timeline import DAY, HOUR, SECOND, Timeline

if TYPE_CHECKING:
    from random import Random

    from practice_register.shop.people import Registry
    from practice_register.shop.personas import Persona
    from practice_register.shop.profiles import Profile

_CONSENTS = ["newsletter"] * 8 + ["unsubscribe"] * 4 + [SMS_MARKETING] * 5 + [CLUB_TERMS] * 3
_CONTACTS = ["address", "phone", "email"]
_DAILY_SHARE, _DAILY_AT_LEAST = 0.008, 2
_FIRST_SPARE_NUMBER, _SPARE_NUMBERS = 2600, 1400
_LAST_MINUTE = DAY - 40 * SECOND
"""A change this late in a day is not yet in the search index when the next day begins."""


def plan_changes(
    personas: dict[int, Persona], calendar: Timeline, seed: int
) -> dict[int, list[tuple[int, str]]]:
    """When which kind of change happens to the people of each household, in order of time."""
    rng = chance("changes", seed)
    planned: dict[int, list[tuple[int, str]]] = {household: [] for household in personas}
    for persona in personas.values():
        past = max(0, calendar.opens - persona.since - 2 * DAY)
        if past and rng.random() < 0.25:  # noqa: PLR2004 - a quarter changed something before
            kind = rng.choice(_CONSENTS + _CONTACTS)
            at = persona.since + DAY + rng.randrange(past)
            if persona.listed_at(at):
                planned[persona.household].append((at, kind))
    everyone = [personas[household] for household in sorted(personas)]
    for day in range(-1, (calendar.ends - calendar.opens) // DAY):
        begins = calendar.opens + day * DAY
        listed = [persona for persona in everyone if persona.listed_at(begins)]
        wanted = max(_DAILY_AT_LEAST, round(len(listed) * _DAILY_SHARE))
        times = [9 * HOUR + rng.randrange(12 * HOUR) for _ in range(wanted - 1)] + [_LAST_MINUTE]
        for persona, time in zip(rng.sample(listed, min(wanted, len(listed))), times, strict=False):
            if persona.listed_at(begins + time):
                planned[persona.household].append((begins + time, rng.choice(_CONSENTS)))
        if day % 2 and listed:
            persona = rng.choice(listed)
            if persona.listed_at(begins + 21 * HOUR):
                planned[persona.household].append((begins + 21 * HOUR, rng.choice(_CONTACTS)))
    for happenings in planned.values():
        happenings.sort()
    return planned


class Changes:
    """Applies planned changes to profiles."""

    def __init__(self, registry: Registry, newsletter: str) -> None:
        """Use the people's registry for new addresses and the newsletter group's id."""
        self._registry = registry
        self._newsletter = newsletter
        self._spare_numbers = count(_FIRST_SPARE_NUMBER)

    def apply(self, profile: Profile, kind: str, at: int, household: int, rng: Random) -> Profile:
        """The profile's next state after a change of that kind."""
        if kind == "unsubscribe" and profile.unsubscribed and rng.random() < 0.7:  # noqa: PLR2004 - few return
            kind = "newsletter"
        if kind == "newsletter":
            others = tuple(group for group in profile.groups if group != self._newsletter)
            leaves = self._newsletter in profile.groups
            return profile.changed(at, groups=others if leaves else (self._newsletter, *others))
        if kind == "unsubscribe":
            return profile.changed(at, unsubscribed=not profile.unsubscribed)
        if kind in (SMS_MARKETING, CLUB_TERMS):
            return _answer(profile, kind, at, rng)
        return self._contact(profile, kind, at, household, rng)

    def _contact(
        self, profile: Profile, kind: str, at: int, household: int, rng: Random
    ) -> Profile:
        version = profile.version + 1
        if kind == "email" and profile.email:
            name = profile.family_name or "mail"
            return profile.changed(at, email=email_for("new", f"{name}.{version}", household, rng))
        if kind == "phone" and profile.digits:
            number = next(self._spare_numbers)
            # No two people may share a number by accident, so the stock of spare ones is final.
            if number < _FIRST_SPARE_NUMBER + _SPARE_NUMBERS:
                return profile.changed(at, digits=phone_digits(number))
        address = self._registry.another_address(household, version)
        return profile.changed(at, address=address)


def _answer(profile: Profile, key: str, at: int, rng: Random) -> Profile:
    old = profile.attribute(key)
    if key == CLUB_TERMS:
        return profile.with_attribute(key, not (old is not None and old.value is True), at)
    if old is None:
        wish = "yes" if rng.random() < 0.7 else "no"  # noqa: PLR2004 - most who answer agree
    else:
        wish = "no" if old.value == "yes" else "yes"
    return profile.with_attribute(key, wish, at)
