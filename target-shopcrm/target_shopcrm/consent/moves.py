"""A profile leaves an address: its grants stay behind and end, its withdrawals come along."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from target_shopcrm.consent.events import ConsentEvent, Key, split_source
from target_shopcrm.consent.standing import reading_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from target_shopcrm.consent.policy import Policy


class Move(NamedTuple):
    """One profile that left one address.

    Attributes:
        shop_id: the shop.
        customer_id: the profile at that shop.
        channel: the channel of both addresses.
        left: the address left, normalised.
        entered: the new address, None where the profile ended.
        observed_at: when the change was observed, by the vendor's clock.
        reason: the event reason to record.
    """

    shop_id: str
    customer_id: str
    channel: str
    left: str
    entered: str | None
    observed_at: datetime
    reason: str

    def keys(self, policy: Policy) -> list[Key]:
        """The keys whose events decide what the move means."""
        return [
            Key(self.shop_id, self.channel, self.left, purpose)
            for purpose, terms in policy.purposes.items()
            if terms.basis == "consent"
        ]


def events_of_move(
    move: Move, known: Mapping[Key, Sequence[ConsentEvent]], policy: Policy
) -> list[ConsentEvent]:
    """What a move says: grants of the profile end, withdrawals also hold at the new address.

    Somebody else's withdrawal at a shared address stays there; one that isn't of any
    profile (a text message, an unsubscribe link) was about the person and comes along.

    Args:
        move: who left which address.
        known: everything known of `Move.keys`, this run's earlier readings included.
        policy: names the purposes.
    """
    events: list[ConsentEvent] = []
    for key in move.keys(policy):
        of_key = known.get(key, ())
        events += _endings(move, of_key)
        if move.entered is not None:
            events += _carried(move, move.entered, of_key)
    return events


def _endings(move: Move, of_key: Sequence[ConsentEvent]) -> list[ConsentEvent]:
    last_words: dict[str, ConsentEvent] = {}
    for event in sorted(of_key, key=reading_order):
        if event.state != "withdrawn" and split_source(event.source)[1] == move.customer_id:
            last_words[event.source] = event
    return [
        msgspec.structs.replace(
            last,
            state="unknown",
            event_time=None,
            observed_at=max(move.observed_at, last.observed_at),
            reason=move.reason,
            legal_basis="consent_express",
            valid_until=None,
            notice=None,
            method=None,
            evidence={},
        )
        for last in last_words.values()
        if last.state in {"given", "pending"} or (last.state == "unknown" and last.reason is None)
    ]


def _carried(move: Move, entered: str, of_key: Sequence[ConsentEvent]) -> list[ConsentEvent]:
    return [
        msgspec.structs.replace(
            event, address=entered, observed_at=move.observed_at, reason=move.reason
        )
        for event in of_key
        if event.state == "withdrawn" and split_source(event.source)[1] in {None, move.customer_id}
    ]
