"""Every profile's life: from the states of all profiles to customer rows and events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from practice_register.chance import chance
from practice_register.rows import CustomerRow, EventRow
from practice_register.shop.changes import Changes, plan_changes
from practice_register.shop.profiles import (
    Profile,
    customer_document,
    farewell,
    first_profile,
    merged_profile,
    second_profile,
    write_profile,
)
from practice_register.timeline import DAY, INDEX_DELAY, Timeline, rfc3339_seconds

if TYPE_CHECKING:
    from random import Random

    from practice_register.archive import BlobWriter
    from practice_register.identifiers import Identifiers
    from practice_register.shop.people import Registry
    from practice_register.shop.personas import Persona
    from practice_register.shop.premises import Premises

_EVENTS_REACH_BACK = 28 * DAY


@dataclass(frozen=True)
class Life:
    """All states of one profile, how it ended and into which profile it was merged."""

    states: list[Profile]
    ended: int | None = None
    merged_from: tuple[str, ...] = ()
    merged_into: str = ""


class Biographer:
    """Lets the people live and writes their profiles and events."""

    def __init__(self, premises: Premises, calendar: Timeline, seed: int) -> None:
        """Profiles of one shop, one calendar and one seed."""
        self._premises = premises
        self._calendar = calendar
        self._seed = seed

    def lives(self, personas: dict[int, Persona], registry: Registry) -> dict[int, list[Life]]:
        """The lives of each household's profiles: one, two, or three after a merge."""
        changes = Changes(registry, self._premises.newsletter)
        planned = plan_changes(personas, self._calendar, self._seed)
        return {
            household: self._household(persona, planned[household], changes, registry)
            for household, persona in personas.items()
        }

    def _household(
        self,
        persona: Persona,
        planned: list[tuple[int, str]],
        changes: Changes,
        registry: Registry,
    ) -> list[Life]:
        rng = chance("life", self._seed, persona.household)
        if persona.instant:
            # Square makes such a profile by itself when a card is seen again and again.
            nobody = Profile(persona.first, persona.since, "INSTANT_PROFILE", persona.since)
            return [Life([nobody])]
        person = registry.person(persona.household)
        groups = (self._premises.newsletter, self._premises.friends)
        states = {persona.first: [first_profile(person, persona.first, persona.since, rng, groups)]}
        turns = list(planned)
        if persona.second:
            turns.append((persona.second_since, "second"))
        if persona.merged:
            turns.append((persona.merged_at, "merge"))
        for at, kind in sorted(turns):
            if kind == "second":
                first = states[persona.first][-1]
                states[persona.second] = [second_profile(first, person, persona.second, at, rng)]
            elif kind == "merge":
                first, second = states[persona.first][-1], states[persona.second][-1]
                states[persona.merged] = [merged_profile(first, second, persona.merged, at)]
            else:
                current = _current(persona, at, rng)
                latest = states[current][-1]
                states[current].append(changes.apply(latest, kind, at, persona.household, rng))
        return [_life(persona, profile, states[profile]) for profile in states]

    def write(
        self, lives: dict[int, list[Life]], blob: BlobWriter, ids: Identifiers
    ) -> tuple[list[CustomerRow], list[EventRow]]:
        """Write all states that can be seen, and the events that can be searched."""
        customers: list[CustomerRow] = []
        events: list[EventRow] = []
        # The search runs behind the clock, so it may still show the state before the last.
        settled = self._calendar.opens - INDEX_DELAY
        for household in lives.values():
            for life in household:
                past = [state for state in life.states if state.updated <= settled]
                shown = past[-1:] + life.states[len(past) :]
                rows = [write_profile(blob, state) for state in shown]
                if life.ended is not None:
                    rows.append(farewell(rows[-1], life.ended))
                    if life.ended <= settled:
                        rows = []
                customers += rows
                events += self._events(life, blob, ids)
        events.sort(key=lambda row: (row.created, row.id))
        return customers, events

    def _events(self, life: Life, blob: BlobWriter, ids: Identifiers) -> list[EventRow]:
        oldest = self._calendar.opens - _EVENTS_REACH_BACK
        rows: list[EventRow] = []
        happened: list[tuple[int, str, Profile]] = [
            (state.updated, "updated" if number else "created", state)
            for number, state in enumerate(life.states)
        ]
        if life.ended is not None:
            happened.append((life.ended, "deleted", life.states[-1]))
        for number, (at, verb, state) in enumerate(happened):
            if at < oldest or not state.listed():
                continue
            event = ids.make("event", f"{state.id} {number}", 32).lower()
            event_id = "-".join((event[:8], event[8:12], event[12:16], event[16:20], event[20:]))
            document = self._event(event_id, at, verb, state, life)
            offset, length = blob.add(msgspec.json.encode(document))
            kind = f"customer.{verb}"
            rows.append(EventRow(event_id, at, offset, length, at, at, False, kind))  # noqa: FBT003 - a row's fields in order
        return rows

    def _event(
        self, event_id: str, at: int, verb: str, state: Profile, life: Life
    ) -> dict[str, Any]:
        # The customer in an event holds no groups: Square leaves them out.
        customer = customer_document(state)
        customer.pop("group_ids", None)
        content: dict[str, Any] = {"customer": customer}
        merge: dict[str, Any] = {}
        if verb == "created" and life.merged_from:
            merge = {"from_customer_ids": list(life.merged_from), "to_customer_id": state.id}
        if verb == "deleted" and life.merged_into:
            merge = {
                "from_customer_ids": list(life.merged_from),
                "to_customer_id": life.merged_into,
            }
        if merge:
            content["event_context"] = {"merge": merge}
        data: dict[str, Any] = {"type": "customer", "id": state.id, "object": content}
        if verb == "deleted":
            data["deleted"] = True
        return {
            "merchant_id": self._premises.merchant,
            "type": f"customer.{verb}",
            "event_id": event_id,
            "created_at": rfc3339_seconds(at),
            "data": data,
        }


def _current(persona: Persona, at: int, rng: Random) -> str:
    if at > persona.merged_at:
        return persona.merged
    if at > persona.second_since and rng.random() < 0.25:  # noqa: PLR2004 - mostly on the first card
        return persona.second
    return persona.first


def _life(persona: Persona, profile: str, states: list[Profile]) -> Life:
    both = (persona.first, persona.second)
    if persona.merged and profile == persona.merged:
        return Life(states, merged_from=both)
    if persona.merged:
        return Life(states, persona.merged_at, both, persona.merged)
    ended = persona.deleted_at if persona.deleted_at < 1 << 60 else None
    return Life(states, ended)
