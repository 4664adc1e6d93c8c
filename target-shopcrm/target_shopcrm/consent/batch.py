"""A batch of readings against the ledger: what has to be appended, and nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.consent.appending import events_to_append
from target_shopcrm.consent.moves import events_of_move

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_shopcrm.consent.assertions import Assertions
    from target_shopcrm.consent.events import ConsentEvent, Key
    from target_shopcrm.consent.policy import Policy

    EventsFor = Callable[[Iterable[Key]], Mapping[Key, Sequence[ConsentEvent]]]
    """Reads everything the ledger holds of the given keys; keys without events may be missing."""


def events_of_batch(
    batch: Sequence[Assertions], events_for: EventsFor, policy: Policy
) -> list[ConsentEvent]:
    """What the ledger has to append for a batch of readings, in the order to append it.

    Store the result in the same transaction as the batch's contact points: either both are
    kept or neither, and a lost transaction is simply read again.

    Args:
        batch: the readings, in the order in which they came.
        events_for: everything the ledger holds of the given keys; asked once.
        policy: names the purposes.
    """
    keys = {event.key for said in batch for event in said.events}
    for said in batch:
        for move in said.moves:
            keys.update(move.keys(policy))
            if move.entered is not None:
                keys.update(key._replace(address=move.entered) for key in move.keys(policy))
    known = {key: list(events) for key, events in events_for(keys).items()} if keys else {}
    news: list[ConsentEvent] = []
    for said in batch:
        events = list(said.events)
        for move in said.moves:
            events += events_of_move(move, known, policy)
        for key, asserted in _by_key(events).items():
            of_key = known.setdefault(key, [])
            fresh = events_to_append(of_key, asserted)
            of_key += fresh
            news += fresh
    return news


def _by_key(events: Iterable[ConsentEvent]) -> dict[Key, list[ConsentEvent]]:
    grouped: dict[Key, list[ConsentEvent]] = {}
    for event in events:
        grouped.setdefault(event.key, []).append(event)
    return grouped
