"""Square's short lists, read whole in every run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_pos.testing import sync
from tap_pos.testing.fakes.square_rows import location

if TYPE_CHECKING:
    from tap_pos.testing import ScriptedSquare


def test_locations_are_read_open_or_not(square: ScriptedSquare, config: dict[str, Any]) -> None:
    square.locations.append(location("L2", status="INACTIVE", timezone="Europe/Oslo"))
    table = sync(config).table("locations")
    assert {key[1]: row["active"] for key, row in table.items()} == {"L1": True, "L2": False}
    assert table["tea", "L2"]["timezone"] == "Europe/Oslo"


def test_a_location_in_an_unknown_time_zone_keeps_utc_days(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.locations = [location(timezone="Atlantis/Capital")]
    assert sync(config).table("orders")["tea", "O1"]["business_date"] == "2026-02-10"


def test_team_members_in_no_particular_order_all_arrive(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    """A peer keeps a running maximum here, and loses two of five."""
    days = [3, 1, 2, 5, 4]
    square.page_size = 2
    square.team_members = [
        {
            "id": f"T{day}",
            "status": "INACTIVE" if day == 5 else "ACTIVE",
            "given_name": "Ann",
            "family_name": " ",
            "updated_at": f"2026-02-0{day}T00:00:00Z",
            "assigned_locations": {"assignment_type": "EXPLICIT_LOCATIONS", "location_ids": ["L1"]},
        }
        for day in days
    ]
    everywhere = {"assignment_type": "ALL_CURRENT_AND_FUTURE_LOCATIONS"}
    square.team_members[0]["assigned_locations"] = everywhere
    table = sync(config).table("employees")
    assert {key[1] for key in table} == {"T1", "T2", "T3", "T4", "T5"}
    assert table["tea", "T5"]["active"] is False
    assert table["tea", "T3"]["location_ids"] == ["L1"]
    assert table["tea", "T1"]["display_name"] == "Ann"


def test_loyalty_accounts_carry_points_but_no_phone_number(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.loyalty_accounts = [
        {
            "id": "A1",
            "program_id": "P1",
            "customer_id": "C1",
            "balance": -20,
            "created_at": "2026-01-05T00:00:00Z",
            "updated_at": "2026-02-05T00:00:00Z",
            "mapping": {"phone_number": "+12125550123"},
        },
        {"id": "A2", "program_id": "P1"},
    ]
    table = sync(config).table("loyalty_accounts")
    assert table["tea", "A1"]["balance"] == -20
    assert table["tea", "A1"]["enrolled_at"] == "2026-01-05T00:00:00Z"
    assert table["tea", "A2"]["balance"] == 0
    assert "2125550123" not in str(table)


def test_whole_lists_keep_no_bookmark(square: ScriptedSquare, config: dict[str, Any]) -> None:
    square.team_members = [{"id": "T1"}]
    first = sync(config)
    assert first.state is not None
    (partition,) = first.state["bookmarks"]["employees"]["partitions"]
    assert partition == {"context": {"shop_id": "tea"}}
    assert len(sync(config, first.state).sent("employees")) == 1
