"""A contact as Brevo holds it, and the questions that are asked of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from target_shopcrm.destinations.brevo.attributes import EMAIL, EXT_ID, SMS, read

if TYPE_CHECKING:
    from target_shopcrm.destinations.items import Fields

BLOCK_FLAGS = {"email": "emailBlacklisted", "sms": "smsBlacklisted"}
"""The flag that blocklists a contact on each channel."""


class Held(Struct, frozen=True, kw_only=True):
    """What Brevo holds of one contact.

    Attributes:
        id: Brevo's number of it.
        ext_id: Our id, or another integration's; None if nobody set one.
        email: In lower case.
        phone: In E.164, although Brevo answers it without the plus.
        email_blocked: Whether campaigns leave it out; nobody knows who wanted that.
        sms_blocked: The same for texts.
        lists: The lists it is on.
        left: The lists it was on until the person unsubscribed from them.
        fields: By the names of the canonical contact.
    """

    id: int
    ext_id: str | None = None
    email: str | None = None
    phone: str | None = None
    email_blocked: bool = False
    sms_blocked: bool = False
    lists: frozenset[int] = frozenset()
    left: frozenset[int] = frozenset()
    fields: Fields = {}

    def address(self, channel: str) -> str | None:
        """The address of a channel."""
        return self.email if channel == "email" else self.phone

    def is_blocked(self, channel: str) -> bool:
        """Whether it is blocklisted on a channel."""
        return self.email_blocked if channel == "email" else self.sms_blocked

    def is_writable(self, channel: str) -> bool:
        """Whether Brevo would write to it on a channel."""
        return self.address(channel) is not None and not self.is_blocked(channel)


def held(row: Any) -> Held | None:
    """Read one contact of an answer.

    Args:
        row: The decoded JSON.

    Returns:
        The contact, None if it isn't what Brevo promises.
    """
    if not isinstance(row, dict):
        return None
    attributes = row.get("attributes")
    flags = [row.get(flag) for flag in BLOCK_FLAGS.values()]
    if not isinstance(row.get("id"), int) or not isinstance(attributes, dict):
        return None
    if not all(isinstance(flag, bool) for flag in flags):
        return None  # never take a missing flag for "may be written to"
    email = row.get("email") or attributes.get(EMAIL)
    return Held(
        id=row["id"],
        ext_id=_text(row.get("ext_id")) or _text(attributes.get(EXT_ID)),
        email=email.strip().lower() if isinstance(email, str) and email.strip() else None,
        phone=phone(attributes.get(SMS)),
        email_blocked=bool(flags[0]),
        sms_blocked=bool(flags[1]),
        lists=_numbers(row.get("listIds")),
        left=_numbers(row.get("listUnsubscribed")),
        fields=read(attributes),
    )


def phone(value: Any) -> str | None:
    """A phone number as Brevo writes it (``33…``, ``+33…`` or ``0033…``) in E.164."""
    digits = "".join(each for each in str(value or "") if each.isdigit()).removeprefix("00")
    return f"+{digits}" if digits else None


def _text(value: Any) -> str | None:
    return str(value) if value not in (None, "") else None


def _numbers(values: Any) -> frozenset[int]:
    return frozenset(each for each in values or () if isinstance(each, int))
