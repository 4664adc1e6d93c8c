"""The README's tables are what the code says of itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tap_pos.records import STREAMS
from tap_pos.settings import COMMON_SETTINGS
from tap_pos.settings_schema import SETTINGS_SCHEMA
from tap_pos.tap import TapPOS
from tap_pos.vendors import VENDORS

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
NOT_GIVEN = "no"


def table(heading: str) -> list[list[str]]:
    """Read the first table under a heading, its header first."""
    rows: list[list[str]] = []
    section = README[README.index(f"\n{heading}\n") :]
    for line in section.splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
        elif rows:
            break
    return [row for row in rows if not set("".join(row)) <= set("-:| ")]


def words(cell: str) -> set[str]:
    """Find what a cell names in backticks."""
    return set(re.findall(r"`([^`]+)`", cell))


def test_every_stream_and_its_key_are_listed() -> None:
    _, *rows = table("## Streams")
    assert [row[0].strip("`") for row in rows] == list(STREAMS)
    assert all(words(row[1]) == {"shop_id", "id"} for row in rows)


def test_the_matrix_says_which_vendor_gives_which_stream() -> None:
    header, *rows = table("### Streams by vendor")
    assert [words(cell) for cell in header[1:]] == [{name} for name in VENDORS]
    for stream, *cells in rows:
        for vendor, cell in zip(VENDORS.values(), cells, strict=True):
            given = stream.strip("`") in vendor.streams
            assert (cell != NOT_GIVEN) == given, f"{vendor.name} {stream}"
    assert {row[0].strip("`") for row in rows} == set(STREAMS)


def test_every_setting_is_listed_and_nothing_else() -> None:
    _, *rows = table("## Settings")
    listed = {row[0].strip("`") for row in rows}
    builtin: dict[str, dict[str, object]] = {"properties": {}}
    TapPOS.append_builtin_config(builtin)
    assert listed == SETTINGS_SCHEMA["properties"].keys() - builtin["properties"].keys()


def test_the_settings_of_each_vendor_are_those_it_understands() -> None:
    _, *rows = table("### Settings by vendor")
    assert [words(row[0]) for row in rows] == [{name} for name in VENDORS]
    for (_, required, optional), vendor in zip(rows, VENDORS.values(), strict=True):
        assert words(required) == vendor.required_settings
        assert words(optional) == vendor.optional_settings - COMMON_SETTINGS


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_every_vendor_has_its_set_up_and_its_limits(vendor: str) -> None:
    section = re.search(rf"\n## [^\n]*`{vendor}`[^\n]*\n(.*?)(?=\n## )", README, re.DOTALL)
    assert section is not None
    assert "### Set-up" in section[1]
    assert "### Known limits" in section[1]


def test_about_names_every_setting_of_the_readme() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tap_pos", "--about", "--format=markdown"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    _, *rows = table("## Settings")
    for row in rows:
        name = row[0].strip("`")
        assert re.search(rf"\|\s*{name}\s*\|", said), name
