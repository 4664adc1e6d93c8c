"""A time zone that nobody knows stops nobody."""

from __future__ import annotations

from typing import Any

import pytest
from tap_pos.testing import ScriptedSquare, sync
from tap_pos.zones import zone_named


@pytest.mark.parametrize(
    "name", [None, "", "Europe", "../secret", "Nowhere/Town", "a\0b", "x" * 300, "UTC\n"]
)
def test_what_is_no_zone_is_none(name: str | None) -> None:
    assert zone_named(name) is None


def test_a_folder_of_zones_as_a_zone_leaves_the_days_to_utc(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.locations[0]["timezone"] = "Europe"
    out = sync(config)
    assert out.failures == []
    assert out.table("orders")["tea", "O1"]["business_date"] == "2026-02-10"
