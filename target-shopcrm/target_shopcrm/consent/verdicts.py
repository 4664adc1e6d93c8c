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
    PENDING_DOUBLE_OPT_IN = "pending_double_opt_in"
    """an opt-in was asked for and its confirmation is still missing"""
    IMPLIED_NOT_PERMITTED = "implied_not_permitted"
    """what a grant rests on isn't accepted by the policy, or isn't proven"""
    ERASED = "erased"
    """the person was erased and has granted nothing since"""
    QUIET_HOURS = "quiet_hours"
    """it is an hour in which the recipient may not be written to, or nobody knows which it is"""
    FREQUENCY_CAP = "frequency_cap"
    """the address has got as many messages as the policy allows for now"""
    FREEZE_WINDOW = "freeze_window"
    """a day on which the shop writes nothing but erasures and withdrawals"""
    CONTACT_NOT_DELIVERED = "contact_not_delivered"
    """what belongs to a contact waits until the contact itself is in the CRM"""
    RETENTION = "retention"
    """the policy doesn't keep it that long"""

    def __str__(self) -> str:
        """The stored text, on every Python version."""
        return self.value


_TOLD = {
    Reason.GRANTED: "The person agreed to it, or the law counts what they did as agreement.",
    Reason.CONTRACT: "It belongs to what the customer bought, so nobody has to be asked.",
    Reason.NO_EVENT: "Nobody has ever asked this person, or no answer has reached us.",
    Reason.WITHDRAWN: (
        "The person said no. Only their own, later and dated yes changes that; you can't."
    ),
    Reason.UNKNOWN_STATE: (
        "The register keeps a list of who agreed, and this person isn't on it (any more)."
    ),
    Reason.EXPIRED: "The person agreed, but too long ago. Ask again.",
    Reason.ADDRESS_CHANGED: (
        "The person agreed for another address of theirs. Ask again for this one."
    ),
    Reason.INVALID_ADDRESS: (
        "There is no address, or nothing can be sent to it. Correct it at the register."
    ),
    Reason.UNKNOWN_JURISDICTION: (
        "The policy doesn't say where this shop is. Add the shop under 'shops'."
    ),
    Reason.CONFLICT: (
        "Two profiles at the register say different things about one person, and the more"
        " careful one counts. Correct or merge them there."
    ),
    Reason.CHANNEL_NOT_IN_POLICY: "The policy doesn't allow this way of reaching people.",
    Reason.PURPOSE_NOT_IN_POLICY: "The policy doesn't know this purpose.",
    Reason.NOT_IN_POLICY: "The policy doesn't let this leave the shop at all.",
    Reason.PENDING_DOUBLE_OPT_IN: (
        "The person was sent a message to confirm that they agree, and hasn't confirmed yet."
    ),
    Reason.IMPLIED_NOT_PERMITTED: (
        "A purchase or an inquiry doesn't count as agreement here, or its proof is missing."
        " Ask the person."
    ),
    Reason.ERASED: "The person was erased and hasn't agreed to anything since.",
    Reason.QUIET_HOURS: (
        "It isn't a time of day to write to this person, or we don't know what time it is there."
    ),
    Reason.FREQUENCY_CAP: "The person has had as many messages as your policy allows for now.",
    Reason.FREEZE_WINDOW: "Your policy has a pause on this day. It goes on after the pause.",
    Reason.CONTACT_NOT_DELIVERED: (
        "The contact isn't in the CRM yet. What belongs to it follows when it is."
    ),
    Reason.RETENTION: "Your policy doesn't keep this any longer.",
}


def told(reason: Reason) -> str:
    """The reason as one would tell it to the shop's owner, and what to do where one can."""
    return _TOLD[reason]


class Verdict(NamedTuple):
    """One answer.

    Attributes:
        allowed: whether the use is allowed at the asked instant.
        reason: why; `Reason.GRANTED` and `Reason.CONTRACT` are the only reasons to allow.
        valid_until: from this instant on the grant counts as expired; None where it never
            does, and for everything denied.
        given_at: when the person agreed; None for everything denied, and for the contract.
    """

    allowed: bool
    reason: Reason
    valid_until: datetime | None = None
    given_at: datetime | None = None


def denied(reason: Reason) -> Verdict:
    """A denial for `reason`."""
    return Verdict(allowed=False, reason=reason)


CONTRACT = Verdict(allowed=True, reason=Reason.CONTRACT)
"""The answer for every purpose that rests on the contract."""
