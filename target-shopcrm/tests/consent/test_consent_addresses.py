"""Two spellings of one address are one address."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_shopcrm.consent.addresses import normalise


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("Ann.Smith@Example.COM", "ann.smith@example.com"),
        ("  ann@example.com\n", "ann@example.com"),
        ("ann+shop@example.com", "ann+shop@example.com"),
        ("ann@bücher.de", "ann@xn--bcher-kva.de"),
        ("ann@xn--bcher-kva.de", "ann@xn--bcher-kva.de"),
        ("JÜRGEN@example.com", "jürgen@example.com"),
        ("ann", None),
        ("ann@", None),
        ("ann@localhost", None),
        ("ann@example.com, bob@example.com", None),
        ("Ann <ann@example.com>", None),
        ("", None),
        (None, None),
    ],
)
def test_email(raw: str | None, normal: str | None) -> None:
    assert normalise("email", raw, "US") == normal


@pytest.mark.parametrize(
    ("raw", "country", "normal"),
    [
        ("(212) 555-0101", "US", "+12125550101"),
        ("212.555.0101", "US", "+12125550101"),
        ("1 212 555 0101", "US", "+12125550101"),
        ("+1 212-555-0101", "US", "+12125550101"),
        ("+1 212-555-0101", "DE", "+12125550101"),
        ("+1 212-555-0101", None, "+12125550101"),
        ("030 901820", "DE", "+4930901820"),
        ("212 555 0101", None, None),
        ("212 555 0101", "DE", "+492125550101"),
        ("212 555 0101 ext. 12", "US", None),
        ("555-0101", "US", None),
        ("call me", "US", None),
        ("", "US", None),
        (None, "US", None),
    ],
)
@pytest.mark.parametrize("channel", ["sms", "phone", "whatsapp"])
def test_phone(channel: str, raw: str | None, country: str | None, normal: str | None) -> None:
    assert normalise(channel, raw, country) == normal


def test_a_channel_without_addresses_has_none() -> None:
    assert normalise("post", "ann@example.com", "US") is None


@given(st.emails())
def test_normalising_an_email_again_changes_nothing(raw: str) -> None:
    once = normalise("email", raw, None)
    if once is not None:
        assert normalise("email", once, None) == once
        assert normalise("email", f" {raw} ", None) == once


@given(
    st.from_regex(r"[\w.+-]{1,12}", fullmatch=True),
    st.sampled_from(["example.com", "Example.ORG", "bücher.de", "ПРИМЕР.рф"]),
)
def test_upper_and_lower_case_are_one_email(local_part: str, domain: str) -> None:
    raw = f"{local_part}@{domain}"
    once = normalise("email", raw, None)
    if once is not None:
        assert normalise("email", once, None) == once
    if local_part.isascii():
        assert normalise("email", raw.upper(), None) == normalise("email", raw.lower(), None)


@given(
    st.integers(2_012_000_000, 9_899_999_999),
    st.integers(0, 3),
)
def test_every_way_to_write_a_phone_number_is_one_number(national: int, written: int) -> None:
    number = phonenumbers.PhoneNumber(country_code=1, national_number=national)
    raw = phonenumbers.format_number(number, written)
    normal = normalise("sms", raw, "US")
    if phonenumbers.is_valid_number_for_region(number, "US"):
        assert normal == f"+1{national}"
        assert normalise("sms", normal, None) == normal


@given(st.text(max_size=40), st.sampled_from(["US", "DE", "GB", None]))
def test_whatever_stands_there_is_an_address_or_nothing(raw: str, country: str | None) -> None:
    for channel in ("email", "sms"):
        once = normalise(channel, raw, country)
        assert once is None or normalise(channel, once, country) == once
