"""Who is known at the till: which profiles stand for a household, and from when to when.

A third of the baskets stay anonymous. Some people end up with two profiles; some of those
are merged, which at Square creates a third profile with a new id and ends both old ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from practice_register.chance import chance
from practice_register.timeline import DAY, HOUR, MINUTE, Timeline

if TYPE_CHECKING:
    from random import Random

    from practice_register.identifiers import Identifiers

_NEVER = 1 << 60
_STRANGERS, _SHOWS_CARD = 0.1, 0.74
_LAPSED_ONE_IN = 12
_INSTANT_SHARE = 0.02
_DOUBLE_SHARE, _DOUBLES_AT_LEAST = 0.08, 6
_MERGES = (-10 * DAY, 2 * DAY, -90 * DAY, 9 * DAY, 23 * DAY)
"""When merges happen, from the moment the register opens: one inside the 28 days that Square's
events reach back, one that happened before, and some that are still to come."""
_DELETIONS = (-5 * DAY, 5 * DAY)


@dataclass
class Persona:
    """The profiles of one household; instants are `_NEVER` for what does not happen."""

    household: int
    first: str
    since: int
    instant: bool = False
    second: str = ""
    second_since: int = _NEVER
    merged: str = ""
    merged_at: int = _NEVER
    deleted_at: int = _NEVER

    def profile_at(self, instant: int, rng: Random) -> str:
        """The profile that is shown at the till, empty where nobody is known."""
        if instant < self.since or instant >= self.deleted_at:
            return ""
        if instant >= self.merged_at:
            return self.merged
        if instant >= self.second_since and rng.random() < 0.5:  # noqa: PLR2004 - either card
            return self.second
        return self.first

    def listed_at(self, instant: int) -> bool:
        """Whether the person has a profile that a change can happen to."""
        return self.since + HOUR < instant < self.deleted_at and not self.instant


def lapsed_households(households: list[int], seed: int) -> set[int]:
    """The households whose baskets are dated a year earlier.

    They give the register a past beyond the one year that Square's payment list goes back
    by default, and customers who stopped coming.
    """
    count = len(households) // _LAPSED_ONE_IN
    return set(chance("lapsed", seed).sample(households, count))


def identified_visits(household: int, visits: list[int], seed: int) -> list[int]:
    """Which of a household's visits (instants) are made with the customer being known."""
    rng = chance("identified", seed, household)
    if rng.random() < _STRANGERS:
        return []
    return [visit for visit in visits if rng.random() < _SHOWS_CARD]


def plan_personas(
    visits: dict[int, list[int]], ids: Identifiers, calendar: Timeline, seed: int
) -> dict[int, Persona]:
    """Give each household with an identified visit its profiles.

    Args:
        visits: the instants of identified visits, ascending, by household.
        ids: makes the profiles' ids.
        calendar: when the register opens and ends.
        seed: the register's seed.
    """
    personas = {
        household: Persona(household, ids.make("customer", household, 26), known[0] - 5 * MINUTE)
        for household, known in visits.items()
        if known
    }
    rng = chance("personas", seed)
    order = list(personas.values())
    rng.shuffle(order)
    doubles = _make_doubles(order, visits, ids, calendar, rng)
    _merge(doubles, ids, calendar, rng)
    others = [
        persona
        for persona in order
        if not persona.second and persona.since < calendar.opens + min(_DELETIONS)
    ]
    deletions = _DELETIONS if len(others) > len(_DELETIONS) * 3 else ()
    for persona, after in zip(others, deletions, strict=False):
        persona.deleted_at = calendar.opens + after + 13 * HOUR + rng.randrange(HOUR)
    for persona in others[len(_DELETIONS) :]:
        persona.instant = rng.random() < _INSTANT_SHARE
    return personas


def _make_doubles(
    order: list[Persona],
    visits: dict[int, list[int]],
    ids: Identifiers,
    calendar: Timeline,
    rng: Random,
) -> list[Persona]:
    wanted = max(_DOUBLES_AT_LEAST, int(len(order) * _DOUBLE_SHARE))
    doubles: list[Persona] = []
    for persona in order:
        early = [at for at in visits[persona.household] if at < calendar.opens - 100 * DAY]
        if len(doubles) < wanted and len(early) > 3:  # noqa: PLR2004 - a few visits on the first card
            persona.second = ids.make("second customer", persona.household, 26)
            persona.second_since = rng.choice(early[2:]) - 4 * MINUTE
            doubles.append(persona)
    return doubles


def _merge(doubles: list[Persona], ids: Identifiers, calendar: Timeline, rng: Random) -> None:
    # Some people must keep two profiles, so that identity has to be found by other means.
    merging = doubles[: max(0, len(doubles) - 2)]
    for persona, after in zip(merging, _MERGES, strict=False):
        persona.merged = ids.make("merged customer", persona.household, 26)
        persona.merged_at = calendar.opens + after + 12 * HOUR + rng.randrange(8 * HOUR)
        if persona.merged_at <= persona.second_since:
            persona.second_since = persona.since + DAY
