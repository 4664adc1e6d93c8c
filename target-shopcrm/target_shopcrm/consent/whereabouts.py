"""Where the person behind an address probably is: time zones, and laws about the hour.

A phone number only says where it was given out; people move and keep their number. It is what
a sender can know, so every place the number could belong to has to be content with the hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers.timezone import time_zones_for_number

from target_shopcrm.consent.addresses import PHONE_CHANNELS

if TYPE_CHECKING:
    from collections.abc import Iterable

US_AREA_CODES = {
    "US-CT": "203 475 860 959",
    "US-FL": (
        "239 305 321 324 352 386 407 448 561 645 656 689 727 728 754 772 786 813 850 863 904 941"
        " 954"
    ),
    "US-MD": "227 240 301 410 443 667",
    "US-MS": "228 601 662 769",
    "US-NJ": "201 551 609 640 732 848 856 862 908 973",
    "US-OK": "405 539 572 580 918",
    "US-RI": "401",
    "US-TX": (
        "210 214 254 281 325 346 361 409 430 432 469 512 682 713 726 737 806 817 830 832 903 915"
        " 936 940 945 956 972 979"
    ),
}
"""Area codes of the states that have hours of their own; a test compares them with libphonenumber,
whose own table of places is too heavy to be loaded for this."""
_STATE_OF = {code: state for state, codes in US_AREA_CODES.items() for code in codes.split()}
_AREA_CODE = slice(len("+1"), len("+1212"))
_OF_A_PLACE = {
    phonenumbers.PhoneNumberType.FIXED_LINE,
    phonenumbers.PhoneNumberType.MOBILE,
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
}


def recipient_zones(
    channel: str, address: str, country: str | None, stated: str | None
) -> tuple[str, ...]:
    """The time zones in which the person behind an address may be.

    Args:
        channel: e.g. ``sms``.
        address: normalised, or as the vendor has it.
        country: ISO 3166-1 country where a number without country code is dialled.
        stated: the IANA zone that the person or the register states; it settles the question.
            An e-mail address says nothing, so for it the shop's own zone is stated.

    Returns:
        IANA names; empty where nobody can tell, and then nothing may be sent.
    """
    if stated is not None:
        return (stated,) if is_zone(stated) else ()
    number = _number(channel, address, country)
    if number is None:
        return ()
    zones = tuple(time_zones_for_number(number))
    return zones if all(is_zone(zone) for zone in zones) else ()


def recipient_laws(
    channel: str, address: str, country: str | None, laws: Iterable[str]
) -> tuple[str, ...]:
    """The jurisdictions of the person behind an address, as far as its hours differ.

    Args:
        channel: e.g. ``sms``.
        address: normalised, or as the vendor has it.
        country: ISO 3166-1 country where a number without country code is dialled.
        laws: the jurisdictions with hours of their own. A number that belongs to no place
            (a toll-free one) counts under all of them.

    Returns:
        ISO 3166 codes; empty for an address that says nothing.
    """
    number = _number(channel, address, country)
    if number is None:
        return ()
    if phonenumbers.number_type(number) not in _OF_A_PLACE:
        return tuple(sorted(laws))
    region = phonenumbers.region_code_for_number(number)
    if region != "US":
        return (region,) if region else tuple(sorted(laws))
    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return (_STATE_OF.get(text[_AREA_CODE], "US"),)


def is_zone(name: str) -> bool:
    """Whether this is a time zone whose clock is known."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return False
    return True


def _number(channel: str, address: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    if channel not in PHONE_CHANNELS:
        return None
    try:
        number = phonenumbers.parse(address, country)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None
