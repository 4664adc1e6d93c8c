"""The verdict: a pure fold over everything the ledger holds of one key.

In the order of precedence:

1. A purpose that rests on the contract needs no event. Everything else starts denied.
2. Where anybody ever withdrew, only a *dated*, express grant stands that is strictly later
   than the last withdrawal. An undated grant, or a purchase, never lifts a withdrawal.
3. A grant ends when its own source later holds none, or waits for a confirmation, and doesn't
   count while another profile with the same address holds none in that source.
4. A grant that isn't express counts where the policy accepts what it rests on (`grounds`).
5. A grant that stands expires after the policy's time, or when it says itself.

The order in which events arrived plays no part.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from target_shopcrm.consent.appending import events_to_append
from target_shopcrm.consent.events import ADDRESS_CHANGED
from target_shopcrm.consent.grounds import end_of
from target_shopcrm.consent.standing import (
    effective_time,
    is_contradicted,
    is_copy,
    is_ended,
    last_withdrawal,
    reading_order,
)
from target_shopcrm.consent.verdicts import CONTRACT, Reason, Verdict, denied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.consent.events import ConsentEvent, Key
    from target_shopcrm.consent.policy import Policy

__all__ = ["events_to_append", "verdict"]

_FOR_GOOD = datetime.max.replace(tzinfo=timezone.utc)


def verdict(key: Key, events: Sequence[ConsentEvent], policy: Policy, at: datetime) -> Verdict:
    """Whether the address may be used on the channel for the purpose at the instant `at`.

    Args:
        key: what is asked; its address is normalised.
        events: everything the ledger holds of exactly this key, in any order.
        policy: the shop's policy.
        at: the shop's now, with offset. It only decides what has expired: the vendor's clock
            may be ahead of ours, and a grant is capped at its observation anyway.
    """
    purpose = policy.purposes.get(key.purpose)
    if purpose is None:
        return denied(Reason.PURPOSE_NOT_IN_POLICY)
    if key.channel not in policy.channels:
        return denied(Reason.CHANNEL_NOT_IN_POLICY)
    if policy.jurisdiction_of(key.shop_id) is None:
        return denied(Reason.UNKNOWN_JURISDICTION)
    if purpose.basis == "contract":
        return CONTRACT
    return _by_consent(key, events, policy, at)


def _by_consent(key: Key, events: Sequence[ConsentEvent], policy: Policy, at: datetime) -> Verdict:
    if not events:
        return denied(Reason.NO_EVENT)
    withdrawn_at = last_withdrawal(events)
    standing = [
        event
        for event in events
        if event.state == "given"
        and _lifts(event, withdrawn_at, events)
        and not is_ended(event, events)
    ]
    unopposed = [grant for grant in standing if not is_contradicted(grant, events)]
    if unopposed:
        return _best(
            [_on_its_own(grant, unopposed, events, key, policy) for grant in unopposed], at
        )
    if withdrawn_at is not None:
        return denied(Reason.WITHDRAWN)
    return denied(Reason.CONFLICT) if standing else _unknown(events)


def _lifts(
    grant: ConsentEvent, withdrawn_at: datetime | None, events: Sequence[ConsentEvent]
) -> bool:
    if withdrawn_at is None:
        return True
    if grant.event_time is None or grant.legal_basis != "consent_express":
        return False
    return effective_time(grant, events) > withdrawn_at


def _on_its_own(
    grant: ConsentEvent,
    unopposed: Sequence[ConsentEvent],
    events: Sequence[ConsentEvent],
    key: Key,
    policy: Policy,
) -> Verdict:
    """What one grant allows, by the strictest of the readings that report it."""
    given_at = effective_time(grant, events)
    ends: list[datetime | None] = []
    for reading in unopposed:
        if not is_copy(reading, grant):
            continue
        end, is_accepted = end_of(reading, given_at, key, policy)
        if not is_accepted:
            return denied(Reason.IMPLIED_NOT_PERMITTED)
        ends.append(end)
    stated = [end for end in ends if end is not None]
    return Verdict(
        allowed=True,
        reason=Reason.GRANTED,
        valid_until=min(stated, default=None),
        given_at=given_at,
    )


def _best(answers: Sequence[Verdict], at: datetime) -> Verdict:
    """Of several grants that count, the one that lives longest decides."""
    accepted = [answer for answer in answers if answer.allowed]
    if not accepted:
        return denied(Reason.IMPLIED_NOT_PERMITTED)
    best = max(accepted, key=lambda answer: answer.valid_until or _FOR_GOOD)
    if best.valid_until is not None and at >= best.valid_until:
        return denied(Reason.EXPIRED)
    times = [answer.given_at for answer in accepted if answer.given_at is not None]
    return best._replace(given_at=max(times, default=None))


def _unknown(events: Sequence[ConsentEvent]) -> Verdict:
    """Nothing stands and nobody withdrew: the last words of the sources say why."""
    last_words: dict[str, ConsentEvent] = {}
    for event in sorted(events, key=lambda event: (*reading_order(event), event.reason or "")):
        last_words[event.source] = event
    if any(word.state == "pending" for word in last_words.values()):
        return denied(Reason.PENDING_DOUBLE_OPT_IN)
    last = max(last_words.values(), key=lambda event: (event.observed_at, event.reason or ""))
    changed = last.reason == ADDRESS_CHANGED
    return denied(Reason.ADDRESS_CHANGED if changed else Reason.UNKNOWN_STATE)
