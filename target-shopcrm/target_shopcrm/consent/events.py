"""What the ledger holds: one event per thing that somebody said about one address."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads the annotations
from datetime import datetime  # noqa: TC003 - same
from typing import Literal, NamedTuple

import msgspec

State = Literal["given", "withdrawn", "unknown", "pending"]
LegalBasis = Literal["consent_express", "soft_opt_in", "implied_purchase", "implied_inquiry"]

ADDRESS_CHANGED = "address_changed"
"""Event reason: the statement was about the customer's other address."""
PROFILE_ENDED = "profile_ended"
"""Event reason: the profile that made the statement was merged or deleted."""

_PROFILE = "#customer="


class Key(NamedTuple):
    """What consent is about. `address` is normalised (`addresses.normalise`)."""

    shop_id: str
    channel: str
    address: str
    purpose: str


class ConsentEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One statement about one key; never changed once it is in the ledger.

    Attributes:
        shop_id: the shop that was told.
        channel: e.g. ``email`` or ``sms``.
        address: the normalised address.
        purpose: ``service``, ``profiling`` or ``marketing``.
        state: ``given``; ``withdrawn``; ``unknown``: the source records opt-ins and holds
            none, which ends what the same profile said before and grants nothing; or
            ``pending``: a double opt-in was asked for and not confirmed yet, which grants
            nothing and changes nothing that other sources said.
        event_time: when the person acted, with offset; None where the source can't say.
        observed_at: when the source was read, by the source's clock, with offset.
        source: who says so, with the profile it was said in (`source_in_profile`).
        reason: None for what a source said itself, else what made us conclude it.
        legal_basis: what a grant rests on; everything but ``consent_express`` counts only
            where the policy accepts it for the channel, and never lifts a withdrawal.
        valid_until: the grant itself says when it ends, with offset; None where it doesn't.
        notice: the version of the privacy notice that the person was shown.
        method: how the statement was collected, e.g. ``pos_till``, ``web_form``,
            ``double_opt_in_click`` or ``crm_readback``.
        evidence: what proves it, as texts: ``order_id``, ``opt_out_offered_at_collection``,
            ``double_opt_in_at``, a reference to the form. Never an address.
    """

    shop_id: str
    channel: str
    address: str
    purpose: str
    state: State
    event_time: datetime | None
    observed_at: datetime
    source: str
    reason: str | None = None
    legal_basis: LegalBasis = "consent_express"
    valid_until: datetime | None = None
    notice: str | None = None
    method: str | None = None
    evidence: Mapping[str, str] = msgspec.field(default_factory=dict)

    @property
    def key(self) -> Key:
        """The key the event is about."""
        return Key(self.shop_id, self.channel, self.address, self.purpose)


def source_in_profile(source: str, customer_id: str) -> str:
    """The name under which the ledger keeps what `source` says in one customer profile.

    Two profiles can share an address and the same source can say different things in each; a
    statement only ever ends an earlier one of its own profile.
    """
    return f"{source}{_PROFILE}{customer_id}"


def split_source(source: str) -> tuple[str, str | None]:
    """The source's own name and the customer id, None where no profile is meant."""
    name, marker, customer_id = source.rpartition(_PROFILE)
    return (name, customer_id) if marker else (source, None)
