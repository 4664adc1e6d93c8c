"""Rows that a vendor deletes without telling: missed, asked for, and sent off once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.known_ids import KnownIds
from tap_pos.tap import TapPOS
from tap_pos.testing import Answer, Request, Synced, sync
from tap_pos.testing.fakes.club import Club, ClubVendor
from tap_pos.vendors import VENDORS
from tap_pos.windows import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def club(monkeypatch: pytest.MonkeyPatch) -> Iterator[Club]:
    """A club with five members, at noon on 1 March."""
    monkeypatch.setitem(VENDORS, "club", ClubVendor())
    with Club().running() as running:
        running.join("A", "B", "C", "4", "5")
        yield running


@pytest.fixture
def settings(club: Club) -> dict[str, Any]:
    """Settings that read the club."""
    return {"vendor": "club", "shop_id": "x", "base_url": club.url, "max_retry_seconds": 0.2}


def ended(out: Synced, stream: str) -> list[tuple[str, str]]:
    """Which ends of records were sent, with their times."""
    return [(row["id"], row["deleted_at"]) for row in out.sent(stream) if row["deleted_at"]]


def partition(state: dict[str, Any] | None, stream: str) -> dict[str, Any]:
    assert state is not None
    (found,) = state["bookmarks"][stream]["partitions"]
    return dict(found)


def known(state: dict[str, Any] | None, stream: str) -> list[str]:
    return KnownIds(partition(state, stream)["known_ids"]).missing_from(())


@pytest.mark.parametrize(("stream", "days"), [("products", 1), ("customers", 8)])
def test_what_vanished_is_sent_off_once(
    club: Club, settings: dict[str, Any], stream: str, days: int
) -> None:
    first = sync(settings)
    assert ended(first, stream) == []
    assert known(first.state, stream) == ["4", "5", "A", "B", "C"]
    del club.members["B"], club.members["4"]
    club.advance(days=days)
    second = sync(settings, first.state)
    at = format_instant(club.now)
    assert ended(second, stream) == [("4", at), ("B", at)]
    assert known(second.state, stream) == ["5", "A", "C"]
    club.advance(days=days)
    assert ended(sync(settings, second.state), stream) == []


@pytest.mark.parametrize("stream", ["products", "customers"])
def test_a_row_that_a_listing_missed_is_not_sent_off(
    club: Club, settings: dict[str, Any], stream: str
) -> None:
    first = sync(settings)
    club.hidden = {"A", "C"}
    del club.members["C"]
    club.advance(days=8)
    second = sync(settings, first.state)
    assert [key for key, _ in ended(second, stream)] == ["C"]
    assert known(second.state, stream) == ["4", "5", "A", "B"]


def test_customers_are_scanned_every_seven_days_unless_set_otherwise(
    club: Club, settings: dict[str, Any]
) -> None:
    first = sync(settings)
    assert club.asked("/keys") == [], "the first reading was a listing by itself"
    assert partition(first.state, "customers")["scanned_at"] == "2026-03-01T12:00:00Z"
    del club.members["B"]
    club.advance(days=6)
    second = sync(settings, first.state)
    assert club.asked("/keys") == []
    daily = sync(settings | {"full_scan_days": 1}, first.state)
    assert [key for key, _ in ended(daily, "customers")] == ["B"]
    club.advance(days=1)
    third = sync(settings, second.state)
    assert [key for key, _ in ended(third, "customers")] == ["B"]
    assert partition(third.state, "customers")["scanned_at"] == format_instant(club.now)


def test_scans_can_be_turned_off(club: Club, settings: dict[str, Any]) -> None:
    settings["full_scan_days"] = 0
    first = sync(settings)
    assert "known_ids" not in partition(first.state, "customers")
    club.advance(days=400)
    del club.members["B"]
    second = sync(settings, first.state)
    assert ended(second, "customers") == []
    assert [key for key, _ in ended(second, "products")] == ["B"], "that costs no request"


def test_a_state_without_ids_learns_them_from_a_scan(club: Club, settings: dict[str, Any]) -> None:
    first = sync(settings | {"full_scan_days": 0})
    second = sync(settings, first.state)
    assert ended(second, "customers") == []
    assert known(second.state, "customers") == ["4", "5", "A", "B", "C"]
    del club.members["A"]
    club.advance(days=7)
    assert [key for key, _ in ended(sync(settings, second.state), "customers")] == ["A"]


def test_a_damaged_list_of_ids_is_learnt_anew(
    club: Club, settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    first = sync(settings)
    assert first.state is not None
    for stream in ("products", "customers"):
        first.state["bookmarks"][stream]["partitions"][0]["known_ids"] = ["?"]
    club.advance(days=7)
    second = sync(settings, first.state)
    assert second.failures == []
    assert known(second.state, "customers") == known(second.state, "products") != []
    assert "damaged" in caplog.text


def test_who_comes_back_is_known_again(club: Club, settings: dict[str, Any]) -> None:
    first = sync(settings)
    member = club.members.pop("B")
    club.advance(days=8)
    second = sync(settings, first.state)
    club.members["B"] = member | {"changed": format_instant(club.now)}
    third = sync(settings, second.state)
    assert third.table("customers")["x", "B"]["deleted_at"] is None
    del club.members["B"]
    club.advance(days=8)
    assert [key for key, _ in ended(sync(settings, third.state), "customers")] == ["B"]


def test_an_end_that_the_vendor_tells_is_not_told_again(
    club: Club, settings: dict[str, Any]
) -> None:
    first = sync(settings)
    club.advance(hours=1)
    club.members["B"] |= {"changed": format_instant(club.now), "ended": "2026-03-01T12:30:00Z"}
    second = sync(settings, first.state)
    assert ended(second, "customers") == [("B", "2026-03-01T12:30:00Z")]
    assert "B" not in known(second.state, "customers")
    del club.members["B"]
    club.advance(days=8)
    assert ended(sync(settings, second.state), "customers") == []


def test_a_key_that_nobody_knew_is_known_and_brought_by_the_next_window(
    club: Club, settings: dict[str, Any]
) -> None:
    """It was entered after the windows of this run were read."""
    first = sync(settings)
    club.advance(days=8)

    def enter(request: Request) -> None:
        if request.path == "/keys":
            club.advance(seconds=1)
            club.join("NEW")

    club.script = enter
    second = sync(settings, first.state)
    assert "NEW" in known(second.state, "customers")
    assert ("x", "NEW") not in second.table("customers")
    assert ("x", "NEW") in sync(settings, second.state).table("customers")


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        pytest.param("4", [], id="itself"),
        pytest.param("other", ["4"], id="another"),
        pytest.param(None, [], id="nobody knows whom"),
    ],
)
def test_a_bad_record_is_not_taken_for_a_vanished_one(
    club: Club, settings: dict[str, Any], bad: str | None, expected: list[str]
) -> None:
    first = sync(settings)
    del club.members["4"]
    club.members["Z"] = {"id": bad, "changed": 3}
    club.advance(days=1)
    second = sync(settings | {"max_bad_records": 9}, first.state)
    assert [key for key, _ in ended(second, "products")] == expected


def test_a_scan_whose_cursor_expires_begins_again(club: Club, settings: dict[str, Any]) -> None:
    first = sync(settings)
    del club.members["B"]
    club.advance(days=8)
    left = 2

    def expire(request: Request) -> Answer | None:
        nonlocal left
        if request.path in {"/keys", "/products"} and request.asked["start"] == "3" and left:
            left -= 1
            return Answer(400)
        return None

    club.script = expire
    second = sync(settings, first.state)
    assert second.failures == []
    for stream in ("customers", "products"):
        assert [key for key, _ in ended(second, stream)] == ["B"]


def test_full_table_replication_sends_off_too(club: Club, settings: dict[str, Any]) -> None:
    catalog = TapPOS(config=settings).catalog_dict
    for entry in catalog["streams"]:
        entry["replication_method"] = "FULL_TABLE"
    first = sync(settings, None, catalog)
    assert "replication_key_value" not in partition(first.state, "customers")
    del club.members["B"]
    club.advance(days=8)
    second = sync(settings, first.state, catalog)
    for stream in ("customers", "products"):
        assert [key for key, _ in ended(second, stream)] == ["B"]
        assert len(second.sent(stream)) == 5


@pytest.mark.parametrize("stream", ["products", "customers"])
def test_a_run_that_stops_anywhere_loses_no_ids(
    club: Club, settings: dict[str, Any], stream: str
) -> None:
    """Whatever was sent before a STATE is missed later, though the run never ended."""
    club.join(*(f"M{number:02}" for number in range(18)))
    whole = sync(settings | {"window_days": 20})
    assert len(whole.states) > 8
    gone = sorted(club.members)[::2]
    for position in range(len(whole.states)):
        part = whole.until_state(position)
        members = dict(club.members)
        for key in gone:
            del club.members[key]
        club.advance(days=8)
        resumed = sync(settings, part.state)
        club.members = members
        club.advance(days=-8)
        sent = {row["id"] for row in part.sent(stream)}
        assert {key for key, _ in ended(resumed, stream)} == sent & set(gone)


def test_only_streams_of_the_vendor_are_offered(settings: dict[str, Any]) -> None:
    assert sync(settings).schemas.keys() == {"products", "customers"}
