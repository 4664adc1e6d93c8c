"""Numbers and dates as people write them are read exactly, or refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tap_pos.errors import Unmappable
from tap_pos.vendors.exports.patterns import compiled
from tap_pos.vendors.exports.values import date_reader, moment, plain_number, required_zone

BERLIN = required_zone("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", "5"),
        ("1,234.50", "1234.5"),
        ("$1,234.50", "1234.5"),
        ("(5.00)", "-5"),
        ("($0.00)", "0"),
        ("-$3", "-3"),
        ("$-3", "-3"),
        ("5.00-", "-5"),
        ("\u22124", "-4"),
        ("CA$5.10", "5.1"),
        ("12,34,567.89", "1234567.89"),
        ("1'234.05", "1234.05"),
        ("1\u202f234", "1234"),
        (".5", "0.5"),
        ("0.453", "0.453"),
        ("-0.00", "0"),
    ],
)
def test_a_number_with_a_decimal_point(text: str, number: str) -> None:
    assert plain_number(text) == number


@pytest.mark.parametrize(
    ("text", "number"), [("1.234,50 €", "1234.5"), ("-7,5", "-7.5"), ("kr 12,00", "12"), ("3", "3")]
)
def test_a_number_with_a_decimal_comma(text: str, number: str) -> None:
    assert plain_number(text, "comma", ["kr"]) == number


@pytest.mark.parametrize(
    ("text", "decimal"),
    [
        ("1,5", "point"),
        ("1.5", "comma"),
        ("", "point"),
        ("abc", "point"),
        ("5 EUR", "point"),
        ("1e5", "point"),
        ("--5", "point"),
        ("(-5)", "point"),
        ("1.2.3", "point"),
        ("=1+1", "point"),
        ("-", "point"),
        ("٣", "comma"),
    ],
)
def test_what_is_not_written_as_declared_is_refused(text: str, decimal: str) -> None:
    with pytest.raises(Unmappable):
        plain_number(text, decimal)


@settings(derandomize=True)
@given(st.decimals(-(10**12), 10**12, places=2))
def test_a_number_written_with_thousands_is_itself(value: Decimal) -> None:
    english = f"{value:,}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert Decimal(plain_number(english)) == Decimal(plain_number(german, "comma")) == value


@pytest.mark.parametrize(
    ("text", "form", "instant"),
    [
        ("2026-05-01 10:00:00 +0200", "iso", "2026-05-01T08:00:00Z"),
        ("2026-05-01T10:00:00.250Z", "iso", "2026-05-01T10:00:00.250Z"),
        ("2026-05-01 10:00", "iso", "2026-05-01T08:00:00Z"),
        ("1.2.26 14:03", "DD.MM.YY HH:mm", "2026-02-01T13:03:00Z"),
        ("10/05/2026 2:30:00 PM", "MM/DD/YYYY hh:mm:ss AM", "2026-10-05T12:30:00Z"),
        ("31 Jan 2026 09:15", "DD MMM YYYY HH:mm", "2026-01-31T08:15:00Z"),
        ("45384.34789351852", "excel", "2024-04-02T06:20:58Z"),
        ("1780000000", "unix", "2026-05-28T20:26:40Z"),
        ("20260501T100000", "YYYYMMDDTHHmmss", "2026-05-01T08:00:00Z"),
    ],
)
def test_a_date_in_a_declared_form(text: str, form: str, instant: str) -> None:
    assert moment(text, (form,), BERLIN).instant == instant


def test_an_hour_that_winter_repeats_is_the_first_and_one_that_summer_skips_moves_on() -> None:
    assert moment("2026-10-25 02:30", (), BERLIN).instant == "2026-10-25T00:30:00Z"
    assert moment("2026-03-29 02:30", (), BERLIN).instant == "2026-03-29T01:30:00Z"


def test_a_date_without_a_time_knows_its_day() -> None:
    assert moment("2026-05-01", (), BERLIN) == ("2026-04-30T22:00:00Z", "2026-05-01")


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-02-30", "05/10/2026", "45384", "0001-01-01", "9999-12-31 23:59 -1400"],
)
def test_another_form_or_an_impossible_date_is_refused(text: str) -> None:
    with pytest.raises(Unmappable):
        moment(text, ("DD.MM.YYYY",), BERLIN)


def test_a_form_with_letters_that_mean_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="'D' means nothing in a date"):
        date_reader("D/M/YYYY")


@pytest.mark.parametrize("pattern", ["(a+)+", "(?:a*b?)*c", "((ab)+c){2,}", r"(\d+,?)*", "("])
def test_a_pattern_that_could_run_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        compiled(pattern)


@pytest.mark.parametrize(
    "pattern", [r"(?P<a>\d+) x (?P<b>\S.*?) {2,}", "(ab)+", "[(+]+(c)?", r"\(a+\)+"]
)
def test_a_plain_pattern_is_taken(pattern: str) -> None:
    assert compiled(pattern).pattern == pattern
