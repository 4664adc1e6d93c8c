"""What the ledger has to learn from a reading, and what it knows already.

Vendors say the same thing at every reading. Only what is new, or what changes the verdict, is
appended: reading an unchanged shop again writes nothing, and a stale reading can't bring a
grant back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.consent.standing import (
    effective_time,
    is_copy,
    is_ended,
    last_withdrawal,
    reading_order,
    terms,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.consent.events import ConsentEvent


def events_to_append(
    known: Sequence[ConsentEvent], asserted: Sequence[ConsentEvent]
) -> list[ConsentEvent]:
    """The asserted events that the ledger must append, in the order to append them.

    Args:
        known: everything the ledger holds of ONE key.
        asserted: what readings now say about the same key, in any order, repeats included.

    Returns:
        The news; empty where `asserted` says nothing the ledger doesn't hold.
    """
    ledger = list(known)
    news: list[ConsentEvent] = []
    in_order = sorted(asserted, key=reading_order)
    for is_due in (_is_news, _denies_again):
        for event in in_order:
            if event not in ledger and is_due(event, ledger):
                ledger.append(event)
                news.append(event)
    return news


def _is_news(event: ConsentEvent, ledger: Sequence[ConsentEvent]) -> bool:
    of_source = [other for other in ledger if other.source == event.source]
    if not of_source:
        return True
    if event.state in {"unknown", "pending"}:
        return _no_opt_in_is_news(event, of_source)
    if event.event_time is not None:
        return _dated_is_news(event, of_source)
    if event.state == "given":
        return _undated_grant_is_news(event, of_source)
    return _undated_withdrawal_is_news(event, of_source)


def _denies_again(event: ConsentEvent, ledger: Sequence[ConsentEvent]) -> bool:
    """An undated withdrawal that is still asserted after a newer grant denies once more."""
    if event.state != "withdrawn" or event.event_time is not None:
        return False
    withdrawn_at = last_withdrawal(ledger)
    return withdrawn_at is not None and any(
        withdrawn_at < effective_time(grant, ledger) <= event.observed_at
        for grant in ledger
        if grant.state == "given"
        and grant.event_time is not None
        and grant.legal_basis == "consent_express"
    )


def _dated_is_news(event: ConsentEvent, of_source: Sequence[ConsentEvent]) -> bool:
    copies = [other for other in of_source if is_copy(other, event)]
    if not copies:
        return True
    if event.state != "given":
        return False
    if effective_time(event, copies) < effective_time(copies[0], copies):
        return True
    if all(terms(copy) != terms(event) for copy in copies):
        return True
    ended = all(is_ended(copy, of_source) for copy in copies)
    return ended and not is_ended(event, of_source)


def _undated_grant_is_news(event: ConsentEvent, of_source: Sequence[ConsentEvent]) -> bool:
    last = max(of_source, key=reading_order)
    if last.observed_at < event.observed_at and last.state != "given":
        return True
    standing = [other for other in of_source if is_copy(other, event)]
    return bool(standing) and all(terms(other) != terms(event) for other in standing)


def _undated_withdrawal_is_news(event: ConsentEvent, of_source: Sequence[ConsentEvent]) -> bool:
    withdrawn_at = last_withdrawal(of_source)
    if withdrawn_at is not None and withdrawn_at >= event.observed_at:
        return False
    # A dated withdrawal is an act of its own; it doesn't make an undated one a repetition.
    before = [
        other
        for other in of_source
        if other.observed_at <= event.observed_at
        and (other.state != "withdrawn" or other.event_time is None)
    ]
    return not before or max(before, key=reading_order).state != "withdrawn"


def _no_opt_in_is_news(event: ConsentEvent, of_source: Sequence[ConsentEvent]) -> bool:
    if any(
        other.state == "given"
        and other.observed_at <= event.observed_at
        and not is_ended(other, of_source)
        for other in of_source
    ):
        return True
    # A withdrawal is no opt-in and nothing ends it, so it says nothing about the opt-in.
    of_opt_in = [other for other in of_source if other.state != "withdrawn"]
    if not of_opt_in:
        return True
    last = max(of_opt_in, key=reading_order)
    if last.observed_at > event.observed_at:
        return False
    return _word(last) != _word(event)


def _word(event: ConsentEvent) -> tuple[object, ...]:
    """What a source says about an opt-in it doesn't hold; each question is one of its own."""
    asked_at = event.event_time if event.state == "pending" else None
    return (event.state, event.reason, asked_at)
