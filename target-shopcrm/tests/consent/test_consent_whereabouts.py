"""Where somebody probably is, as far as their address tells."""

from __future__ import annotations

import phonenumbers
import pytest
from target_shopcrm.consent.whereabouts import (
    US_AREA_CODES,
    recipient_laws,
    recipient_zones,
)

STATES = {
    "Connecticut": "US-CT",
    "Florida": "US-FL",
    "Maryland": "US-MD",
    "Mississippi": "US-MS",
    "New Jersey": "US-NJ",
    "Oklahoma": "US-OK",
    "Rhode Island": "US-RI",
    "Texas": "US-TX",
}
LAWS = ["US", "US-FL", "US-TX"]


@pytest.mark.parametrize(
    ("channel", "address", "stated", "zones"),
    [
        ("sms", "+12125550101", None, ("America/New_York",)),
        ("sms", "(212) 555-0101", None, ("America/New_York",)),
        ("whatsapp", "+34612345678", None, ("Atlantic/Canary", "Europe/Madrid")),
        ("sms", "+12125550101", "America/Denver", ("America/Denver",)),
        ("sms", "+12125550101", "Denver", ()),
        ("email", "ada@example.com", "Europe/Paris", ("Europe/Paris",)),
        ("email", "ada@example.com", None, ()),
        ("sms", "no number", None, ()),
        ("post", "10 Downing Street", None, ()),
    ],
)
def test_the_zones_of_an_address(
    channel: str, address: str, stated: str | None, zones: tuple[str, ...]
) -> None:
    assert recipient_zones(channel, address, "US", stated) == zones


@pytest.mark.parametrize(
    ("address", "laws"),
    [
        ("+12125550101", ("US",)),
        ("+13055550101", ("US-FL",)),
        ("+14165550101", ("CA",)),
        ("+447400123456", ("GB",)),
        ("+18005550101", tuple(LAWS)),  # toll-free: anywhere, so everywhere
    ],
)
def test_the_laws_of_a_number(address: str, laws: tuple[str, ...]) -> None:
    assert recipient_laws("sms", address, None, LAWS) == laws


def test_an_email_address_says_nothing_about_the_law() -> None:
    assert recipient_laws("email", "ada@example.com", "US", LAWS) == ()


@pytest.mark.long
def test_every_area_code_of_a_strict_state_is_known() -> None:
    """The library's own table takes seconds to load, which is why there is one of ours."""
    from phonenumbers.geocoder import description_for_number  # noqa: PLC0415 - see above

    found: dict[str, set[str]] = {}
    for area_code in range(200, 1000):
        number = phonenumbers.parse(f"+1{area_code}5550123")
        place = description_for_number(number, "en")  # such as Texas, or Dallas, TX
        state = STATES.get(place) or f"US-{place[-2:]}"
        if state in US_AREA_CODES and phonenumbers.region_code_for_number(number) == "US":
            found.setdefault(state, set()).add(str(area_code))
    assert found == {state: set(codes.split()) for state, codes in US_AREA_CODES.items()}
