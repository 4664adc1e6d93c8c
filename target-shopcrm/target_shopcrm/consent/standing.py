"""When a statement counts, and what ends it: what fold and ledger have to agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.consent.events import split_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from target_shopcrm.consent.events import ConsentEvent

_CAUTION = {"given": 0, "pending": 1, "unknown": 2, "withdrawn": 3}


def reading_order(event: ConsentEvent) -> tuple[datetime, int]:
    """Sorts statements by when they were read; of one instant the most cautious is last."""
    return (event.observed_at, _CAUTION[event.state])


def effective_time(event: ConsentEvent, events: Iterable[ConsentEvent]) -> datetime:
    """The instant from which `event` counts.

    When the person acted, else when it was observed. A grant can't come from the future: it
    counts from its first observation at the latest.

    Args:
        event: the statement.
        events: everything known of its key, in which to look for the first observation.
    """
    if event.event_time is None:
        return event.observed_at
    if event.state != "given":
        return event.event_time
    first_seen = min((copy.observed_at for copy in events if is_copy(copy, event)), default=None)
    return min(event.event_time, event.observed_at, first_seen or event.observed_at)


def is_copy(one: ConsentEvent, other: ConsentEvent) -> bool:
    """Whether two readings report the same act of the person."""
    return (
        one.event_time == other.event_time
        and one.state == other.state
        and one.source == other.source
    )


def terms(grant: ConsentEvent) -> tuple[object, ...]:
    """What a grant rests on and when it ends itself; one act can be reported with several."""
    return (grant.legal_basis, grant.valid_until, sorted(grant.evidence.items()))


def last_withdrawal(events: Iterable[ConsentEvent]) -> datetime | None:
    """The latest instant at which anybody withdrew, or None."""
    return max(
        (event.event_time or event.observed_at for event in events if event.state == "withdrawn"),
        default=None,
    )


def is_ended(grant: ConsentEvent, events: Iterable[ConsentEvent]) -> bool:
    """Whether the source of a grant said later, or in the same instant, that it holds none.

    A source that waits for a confirmation holds none either, until it comes.
    """
    return any(
        event.state in {"unknown", "pending"}
        and event.source == grant.source
        and event.observed_at >= grant.observed_at
        for event in events
    )


def is_contradicted(grant: ConsentEvent, events: Sequence[ConsentEvent]) -> bool:
    """Whether another profile with the same address holds no grant in the same source.

    The least permissive of two profiles wins, whichever was read first. A profile that left
    the address, or ended, has no say any more. A withdrawal is no word about the opt-in: it has
    its own rule. A question that waits for its answer is none either.
    """
    name, profile = split_source(grant.source)
    if profile is None or len(events) == 1:
        return False
    last_words: dict[str, ConsentEvent] = {}
    for event in sorted(events, key=reading_order):
        if event.state in {"withdrawn", "pending"} or event.source == grant.source:
            continue
        if split_source(event.source)[0] == name:
            last_words[event.source] = event
    return any(event.state == "unknown" and event.reason is None for event in last_words.values())
