"""The verdict: a pure fold over everything the ledger holds of one key.

In the order of precedence:

1. A purpose that rests on the contract needs no event. Everything else starts denied.
2. Where anybody ever withdrew, only a *dated* grant stands that is strictly later than the
   last withdrawal. An undated grant never lifts a withdrawal.
3. A grant ends when its own source later holds none, and doesn't count while another profile
   with the same address holds none in that source.
4. A grant that stands expires after the policy's time.

The order in which events arrived plays no part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.consent.appending import events_to_append
from target_shopcrm.consent.events import ADDRESS_CHANGED
from target_shopcrm.consent.standing import (
    effective_time,
    is_contradicted,
    is_ended,
    last_withdrawal,
)
from target_shopcrm.consent.verdicts import CONTRACT, Reason, Verdict, denied

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from target_shopcrm.consent.events import ConsentEvent, Key
    from target_shopcrm.consent.policy import Policy, Purpose

__all__ = ["events_to_append", "verdict"]


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
    return _by_consent(events, purpose, at)


def _by_consent(events: Sequence[ConsentEvent], purpose: Purpose, at: datetime) -> Verdict:
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
        given_at = max(effective_time(grant, events) for grant in unopposed)
        return _unless_expired(given_at, purpose, at)
    if withdrawn_at is not None:
        return denied(Reason.WITHDRAWN)
    return denied(Reason.CONFLICT) if standing else _unknown(events)


def _lifts(
    grant: ConsentEvent, withdrawn_at: datetime | None, events: Sequence[ConsentEvent]
) -> bool:
    if withdrawn_at is None:
        return True
    return grant.event_time is not None and effective_time(grant, events) > withdrawn_at


def _unless_expired(given_at: datetime, purpose: Purpose, at: datetime) -> Verdict:
    if purpose.valid_for is None:
        return Verdict(allowed=True, reason=Reason.GRANTED)
    valid_until = purpose.valid_for.end(given_at)
    if at >= valid_until:
        return denied(Reason.EXPIRED)
    return Verdict(allowed=True, reason=Reason.GRANTED, valid_until=valid_until)


def _unknown(events: Sequence[ConsentEvent]) -> Verdict:
    """Nothing stands and nobody withdrew: the last word of any source says why."""
    last = max(
        (event for event in events if event.state == "unknown"),
        key=lambda event: (event.observed_at, event.reason or ""),
    )
    changed = last.reason == ADDRESS_CHANGED
    return denied(Reason.ADDRESS_CHANGED if changed else Reason.UNKNOWN_STATE)
