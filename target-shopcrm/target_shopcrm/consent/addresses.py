"""Two spellings of one address become one: consent must find its address again."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email

EMAIL_CHANNELS = frozenset({"email"})
PHONE_CHANNELS = frozenset({"phone", "sms", "whatsapp"})
ADDRESSED_CHANNELS = EMAIL_CHANNELS | PHONE_CHANNELS
"""Channels whose addresses can be compared; others (post, push) have none here."""

_REMEMBERED = 1 << 16


def normalise(channel: str, raw: str | None, country: str | None) -> str | None:
    """The one spelling of an address, or None where it can't be an address of the channel.

    An e-mail address is written in lower case with its domain in ASCII (IDNA); dots and plus
    tags stay, since only the mail server knows what they mean. A phone number is written as
    E.164; a number with an extension is no address of its own and is refused.

    Args:
        channel: ``email``, ``phone``, ``sms`` or ``whatsapp``; any other has no addresses.
        raw: the address as the vendor has it.
        country: ISO 3166-1 alpha-2 country where a number without country code is dialled;
            None accepts international numbers only.

    Returns:
        The normalised address; normalising it again changes nothing.
    """
    if not raw:
        return None
    if channel in EMAIL_CHANNELS:
        return _email(raw)
    if channel in PHONE_CHANNELS:
        return _phone(raw, country)
    return None


@lru_cache(maxsize=_REMEMBERED)
def _email(raw: str) -> str | None:
    address = _validated(raw.strip())
    # Lower case can leave Unicode's composed form; the second look settles that.
    return None if address is None else _validated(address)


def _validated(text: str) -> str | None:
    try:
        parts = validate_email(text, check_deliverability=False)
    except EmailNotValidError:
        return None
    local_part = unicodedata.normalize("NFC", parts.local_part.lower())
    return f"{local_part}@{parts.ascii_domain}"


@lru_cache(maxsize=_REMEMBERED)
def _phone(raw: str, country: str | None) -> str | None:
    try:
        number = phonenumbers.parse(raw, country)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
