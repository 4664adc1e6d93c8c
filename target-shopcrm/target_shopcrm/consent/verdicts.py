"""The gate's answers: allowed or denied, and always why."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime


class Reason(str, Enum):
    """Why a verdict is what it is. The texts are stored, counted and shown."""

    GRANTED = "granted"
    """a standing grant of this address for this channel and purpose"""
    CONTRACT = "contract"
    """the purpose rests on the contract with the customer and needs no grant"""
    NO_EVENT = "no_event"
    """nobody ever said anything about this address for this channel and purpose"""
    WITHDRAWN = "withdrawn"
    """a withdrawal that no later dated grant lifts"""
    UNKNOWN_STATE = "unknown_state"
    """sources that record opt-ins hold none, or hold none any more"""
    EXPIRED = "expired"
    """the grant is older than the policy lets a grant live"""
    ADDRESS_CHANGED = "address_changed"
    """the grant was given for the customer's previous address"""
    INVALID_ADDRESS = "invalid_address"
    """no address, or one that can't exist"""
    UNKNOWN_JURISDICTION = "unknown_jurisdiction"
    """the policy doesn't say under which law the shop sells"""
    CONFLICT = "conflict"
    """profiles that share an address, or addresses of one person, contradict each other"""
    CHANNEL_NOT_IN_POLICY = "channel_not_in_policy"
    """the policy doesn't name the channel"""
    PURPOSE_NOT_IN_POLICY = "purpose_not_in_policy"
    """the policy doesn't name the purpose"""
    NOT_IN_POLICY = "not_in_policy"
    """the policy doesn't list the field or the kind of record"""

    def __str__(self) -> str:
        """The stored text, on every Python version."""
        return self.value


class Verdict(NamedTuple):
    """One answer.

    Attributes:
        allowed: whether the use is allowed at the asked instant.
        reason: why; `Reason.GRANTED` and `Reason.CONTRACT` are the only reasons to allow.
        valid_until: from this instant on the grant counts as expired; None where it never
            does, and for everything denied.
    """

    allowed: bool
    reason: Reason
    valid_until: datetime | None = None


def denied(reason: Reason) -> Verdict:
    """A denial for `reason`."""
    return Verdict(allowed=False, reason=reason)


CONTRACT = Verdict(allowed=True, reason=Reason.CONTRACT)
"""The answer for every purpose that rests on the contract."""
