"""Folders as shops have them: what each file says is in the records, to the cent.

Every folder in `exports/` is one situation: files, settings, and what has to come of them.
Only what `expected.json` writes down is compared; `bad` are the records that are refused.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing import sync

if TYPE_CHECKING:
    from tap_pos.testing import Synced

HERE = Path(__file__).parent / "exports"
SITUATIONS = sorted(path.name for path in HERE.iterdir())
EXPORTED_AT = 1_780_000_000
MAPPINGS = Path(__file__).parents[1] / "tap_pos" / "vendors" / "exports" / "mappings"


def config(folder: Path, **more: Any) -> dict[str, Any]:
    """Settings for a folder; without a mapping of its own it says which."""
    return {
        "vendor": "exports",
        "shop_id": "corner",
        "exports_folder": str(folder),
        "exports_mapping": str(folder / "mapping.yml"),
        **more,
    }


@pytest.fixture(params=SITUATIONS)
def situation(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of one situation, its files exported a while ago."""
    name = str(request.param)
    folder = tmp_path / name
    shutil.copytree(HERE / name, folder)
    for path in folder.iterdir():
        os.utime(path, (EXPORTED_AT, EXPORTED_AT))
    return folder


def read(folder: Path) -> Synced:
    given = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    if given.get("exports_mapping") == "example":
        given["exports_mapping"] = str(MAPPINGS / "example.yml")
    return sync(config(folder, max_bad_records=100, **given))


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged about records that can't be read."""
    pattern = re.compile(r"record (.*) can't be read: (.*)")
    found = (pattern.search(message) for message in caplog.messages)
    return [f"{match[1]}: {match[2]}" for match in found if match]


def test_a_folder_becomes_the_records_it_holds(
    situation: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = read(situation)
    expected = json.loads((situation / "expected.json").read_text(encoding="utf-8"))
    assert out.failures == []
    assert told(caplog) == expected.pop("bad", [])
    sent = {stream: out.sent(stream) for stream in out.schemas}
    assert {name: rows for name, rows in sent.items() if rows} == expected
