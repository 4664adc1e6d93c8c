"""A mapping that can't work says in one sentence what to write in which line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tap_pos.errors import SettingsError
from tap_pos.testing import sync
from tap_pos.vendors.exports.mapping_reader import READY_MAPPINGS, parse_mapping
from tap_pos.vendors.exports.sections import Column

MAPPINGS = Path(__file__).parents[1] / "tap_pos" / "vendors" / "exports" / "mappings"
RECEIPTS = "    format: receipts\n    receipts:\n      patterns:\n        - lines: "
FILES = "version: 1\nfiles:\n  - names: [a.csv]\n"


@pytest.mark.parametrize("name", ["example", *READY_MAPPINGS])
def test_every_mapping_of_the_package_is_valid(name: str) -> None:
    text = (MAPPINGS / f"{name}.yml").read_text(encoding="utf-8")
    assert parse_mapping(text, name).files


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "is not valid YAML in line 1"),
        ("version: 1\nversion: 1", "in line 2 (the key 'version' stands there twice)"),
        ("a: &x {b: *x}", "a reference (*name) is not understood here"),
        ("version: 2\nfiles: [{names: [a], customers: {id: A}}]", "line 1: version has to be 1"),
        ("version: 1", "line 1: the key 'files' is missing"),
        (
            f"{FILES}    orders:\n      id: No\n      totl: X",
            "line 6, files[0].orders: the key 'totl' is",
        ),
        (
            f"{FILES}    orders:\n      id: {{}}",
            "line 5, files[0].orders.id: say exactly one of column",
        ),
        (
            f"{FILES}    lines: {{name: A}}\n    customers: {{id: A}}",
            "lines and payments need orders",
        ),
        (f"{FILES}    orders: {{total: A}}", "needs an id, or id_from"),
        (
            f"{FILES}    encoding: klingon\n    customers: {{id: A}}",
            "encoding is none that is known",
        ),
        (f"{FILES}    dates: [D.M.Y]\n    customers: {{id: A}}", "'D' means nothing in a date"),
        (f"{FILES}    format: receipts", "receipts: go together"),
        (f"{FILES}    delimiter: tabs\n    customers: {{id: A}}", "line 4, files[0].delimiter"),
        (
            f"{FILES}    orders:\n      id: A\n      state: {{column: S, words: {{x: done}}}}",
            "line 6, files[0].orders.state: 'done' is none of cancelled, completed, open",
        ),
        (
            f"{FILES}{RECEIPTS}(?P<prise>a)",
            "line 7, files[0].receipts.patterns[0]: prise is no field of lines",
        ),
        (
            f"{FILES}{RECEIPTS}(?P<name>(a+)+)",
            "the pattern repeats a group that repeats something",
        ),
    ],
)
def test_an_error_names_the_line_and_the_key(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_mapping(text, "the mapping file")
    assert sentence in str(caught.value)


def test_words_stay_words() -> None:
    """In YAML no, 007 and 1:30 would be a truth value, a seven and ninety."""
    mapping = parse_mapping(
        f"{FILES}    orders: {{id: 007, state: {{column: no, words: {{yes: open, 1:30: open}}}}}}",
        "it",
    )
    orders = mapping.files[0].orders
    assert orders is not None
    assert orders.id == "007"
    assert orders.state == Column(column="no", words={"yes": "open", "1:30": "open"})


def config(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "vendor": "exports",
        "shop_id": "corner",
        "exports_folder": str(folder),
        "exports_mapping": "square",
        "timezone": "UTC",
        "currency": "EUR",
        **more,
    }


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"exports_mapping": ""}, "needs the setting exports_mapping"),
        ({"exports_mapping": "squere"}, "set exports_mapping to lightspeed, shopify, square"),
        ({"timezone": ""}, "needs the setting timezone, such as Europe/Berlin"),
        ({"currency": ""}, "needs the setting currency, such as EUR"),
        (
            {
                "exports_mapping": "lightspeed.yml",
                "consent_sources": [{"channels": ["sms"], "purpose": "marketing", "group": "VIP"}],
            },
            "consent_sources names a group, but the mapping has no customers.groups",
        ),
        ({"access_token": "secret"}, "has the setting access_token, which exports has no use for"),
    ],
)
def test_settings_that_are_missing_are_named(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    (tmp_path / "lightspeed.yml").write_text(f"{FILES}    customers: {{id: A}}", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        sync(config(tmp_path, **change))
    assert sentence in str(caught.value)
    assert "secret" not in str(caught.value)
