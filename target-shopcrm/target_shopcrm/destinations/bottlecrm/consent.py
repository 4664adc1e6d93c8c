"""Consent in BottleCRM: what its two custom fields and `do_not_call` say, and may be told."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from target_shopcrm.destinations.bottlecrm.fields import (
    CONSENT,
    SUBSCRIBED,
    UNSUBSCRIBED,
    WITHDRAWN,
    Found,
    changes,
)
from target_shopcrm.destinations.items import OptOut

if TYPE_CHECKING:
    from collections.abc import Iterator

DO_NOT_CALL = "do_not_call"


def opt_outs_of(found: Found) -> Iterator[OptOut]:
    """What a person, or staff in their name, told BottleCRM.

    We set `do_not_call` only together with *withdrawn*; anywhere else it was a person's word.
    BottleCRM doesn't say when.

    Args:
        found: A contact.

    Yields:
        Its opt-outs.
    """
    if found.email and found.consent("email") == UNSUBSCRIBED:
        yield OptOut(channel="email", address=found.email, at=None, cause=UNSUBSCRIBED)
    phone = found.phone_e164 or found.phone
    if phone and found.consent("sms") == UNSUBSCRIBED:
        yield OptOut(channel="sms", address=phone, at=None, cause=UNSUBSCRIBED)
    elif phone and found.do_not_call and found.consent("sms") != WITHDRAWN:
        yield OptOut(channel="sms", address=phone, at=None, cause=DO_NOT_CALL)


def withdrawn(found: Found, channels: set[str]) -> dict[str, Any]:
    """The PATCH that closes channels of a contact; a person's own no stays one."""
    custom = {
        CONSENT[channel]: WITHDRAWN
        for channel in channels
        if found.consent(channel) != UNSUBSCRIBED
    }
    wanted = {DO_NOT_CALL: True} if "sms" in channels else {}
    return changes(found, wanted, custom)


def granted(found: Found, channels: set[str]) -> dict[str, Any]:
    """The PATCH that opens channels of a contact."""
    custom = {CONSENT[channel]: SUBSCRIBED for channel in channels}
    wanted = {DO_NOT_CALL: False} if "sms" in channels else {}
    return changes(found, wanted, custom)


def said_no_since(found: Found, channel: str, given_at: datetime, noticed_at: str) -> bool:
    """Whether a person said no to BottleCRM and may have done so after agreeing in the shop.

    Args:
        found: The contact.
        channel: The channel.
        given_at: When the person agreed.
        noticed_at: When the contact had last been changed as its opt-out was first seen in
            this run (RFC 3339). The person can't have acted later.

    Returns:
        True also where nobody can know.
    """
    if not any(each.channel == channel for each in opt_outs_of(found)):
        return False
    return datetime.fromisoformat(noticed_at.replace("Z", "+00:00")) > given_at
