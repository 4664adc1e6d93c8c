"""Records that are wrong in one way each: found by key, field and reason, never by value."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from conftest import Shop

EXPECTED = {
    "wrong-type": ("total", "Expected `int`, got `str`"),
    "fraction": ("total", "Expected `int`, got `float`"),
    "impossible-date": ("business_date", "Invalid RFC3339 encoded date"),
    "no-zone": ("created_at", "Expected `datetime` with a timezone component"),
    "unknown-word": ("state", "not one of the allowed words"),
    "too-big": ("total", "Expected `int` <= 9223372036854775807"),
    "nul": ("receipt_number", "text holds the character NUL, which PostgreSQL can't store"),
    "not-a-number": ("lines[0].quantity", "not a decimal number"),
    "nested": ("payments[0].amount", "Expected `int`, got `null`"),
    "no-such-birthday": ("birthday", "not a day written YYYY-MM-DD or --MM-DD"),
    "surrogate": (
        "receipt_number",
        "text holds half a character (a lone surrogate or bytes that aren't UTF-8)",
    ),
    "latin1": (
        "receipt_number",
        "text holds half a character (a lone surrogate or bytes that aren't UTF-8)",
    ),
}


def test_every_wrong_record_is_a_dead_letter_and_the_rest_goes_on(shop: Shop, data: Path) -> None:
    shop.run((data / "records_wrong_in_one_way_each.singer").read_bytes().splitlines())
    assert shop.ask("SELECT id FROM pos.orders") == [("fine",)]
    letters = shop.ask("SELECT key ->> 'id', field, reason FROM sync.dead_letters")
    found = {key: (field, reason) for key, field, reason in letters if key}
    assert found == EXPECTED
    nameless = sorted((field, reason) for key, field, reason in letters if key is None)
    assert nameless == [
        ("", "Expected `object`, got `str`"),
        ("id", "Expected `str` of length <= 300"),
        ("id", "missing"),
    ]
    assert shop.last_run()["dead_lettered"] == len(EXPECTED) + 3


def test_no_value_of_a_bad_record_is_logged_or_stored_beside_the_record(
    shop: Shop, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop.run((data / "records_wrong_in_one_way_each.singer").read_bytes().splitlines())
    told = caplog.text + str(shop.ask("SELECT key, field, reason FROM sync.dead_letters"))
    for value in ("12.99", "2026-02-30", "lost", "two", "1990-02-31", "caf", "x" * 301):
        assert value not in told.replace("two thousand", "")
