"""The clock moves only by `advance`, and only the days that passed come to light."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from practice_register.errors import RegisterError
from practice_register.timeline import DAY, parse_span, rfc3339, timeline


def _snapshot(client: Any) -> dict[str, dict[str, Any]]:
    attributes = {}
    customers = client.every("/v2/customers/search", "customers")
    for each in customers:
        path = f"/v2/customers/{each['id']}/custom-attributes"
        attributes[each["id"]] = {"id": each["id"], "attributes": client.get(path)}
    payments = [
        each
        for location in client.locations
        for each in client.every_get(
            "/v2/payments", "payments", location_id=location, begin_time="2020-01-01T00:00:00Z"
        )
    ]
    refunds = client.every_get("/v2/refunds", "refunds", begin_time="2020-01-01T00:00:00Z")
    return {
        "orders": {each["id"]: each for each in client.orders()},
        "customers": {each["id"]: each for each in customers},
        "payments": {each["id"]: each for each in payments},
        "refunds": {each["id"]: each for each in refunds},
        "attributes": attributes,
    }


def test_an_advanced_day_reveals_that_day_only(moving: Any) -> None:
    register, client = moving
    before, clock_before = _snapshot(client), register.clock
    assert _snapshot(client) == before
    clock_after = register.advance(days=1)
    after = _snapshot(client)
    assert clock_after == "2026-11-23T05:00:00.000Z"
    for name in ("payments", "refunds"):
        changed = [each for key, each in after[name].items() if before[name].get(key) != each]
        assert all(clock_before < each["updated_at"] <= clock_after for each in changed)
    fresh = [each for key, each in after["orders"].items() if key not in before["orders"]]
    assert fresh
    assert all(clock_before < each["updated_at"] <= clock_after for each in fresh)
    assert max(each["created_at"] for each in before["orders"].values()) >= "2026-11-21T05"


def test_minds_change_every_day_and_show_up_a_little_late(moving: Any) -> None:
    register, client = moving
    customers = {each["id"]: each for each in client.every("/v2/customers/search", "customers")}
    clock = register.clock
    late = 0
    for _ in range(5):
        for each in customers.values():
            late += client.get(f"/v2/customers/{each['id']}")["customer"] != each
        new_clock = register.advance(days=1)
        found = client.every("/v2/customers/search", "customers")
        changed = [each for each in found if customers.get(each["id"]) != each]
        assert changed
        # The search runs behind: what changed in the day's last seconds is not in it yet.
        assert all(each["updated_at"] <= new_clock for each in changed)
        gone = customers.keys() - {each["id"] for each in found}
        customers = {each["id"]: each for each in found}
        assert len(gone) <= 2
        clock = new_clock
    assert late > 0
    assert clock == "2026-11-27T05:00:00.000Z"


def test_a_scan_sees_a_changed_order_at_its_new_time_only(moving_crowd: Any) -> None:
    register, client = moving_crowd
    still_open = {"state_filter": {"states": ["OPEN"]}}
    waiting: list[dict[str, Any]] = []
    while not waiting:
        register.advance(hours=12)
        waiting = client.orders(filter=still_open, sort={"sort_field": "UPDATED_AT"})
    order = waiting[0]
    query = {
        "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"},
        "filter": {"date_time_filter": {"updated_at": {"start_at": order["updated_at"]}}},
    }
    body = {"location_ids": client.locations, "query": query, "limit": 1}
    page = client.post("/v2/orders/search", **body)
    assert page["orders"][0]["id"] == order["id"]
    register.advance(days=3)
    moved = client.get(f"/v2/orders/{order['id']}")["order"]
    assert moved["updated_at"] > order["updated_at"]
    assert moved["state"] in ("COMPLETED", "CANCELED")
    # The end of the window was missing, so it is the time of the first page: what happened
    # since then is no part of this scan.
    rest = client.every("/v2/orders/search", "orders", **{**body, "cursor": page["cursor"]})
    assert order["id"] not in {each["id"] for each in rest}
    again = client.every("/v2/orders/search", "orders", **{**body, "limit": 500})
    assert [each["updated_at"] for each in again if each["id"] == order["id"]] == [
        moved["updated_at"]
    ]


def test_a_merge_makes_a_new_profile_and_only_events_tell(moving: Any) -> None:
    register, client = moving
    customers = {each["id"] for each in client.every("/v2/customers/search", "customers")}
    past = _merges(client)
    assert len(past) == 1  # the merge of ninety days ago is out of reach
    register.advance(days=4)
    found = {each["id"]: each for each in client.every("/v2/customers/search", "customers")}
    merges = _merges(client)
    assert len(merges) == 2
    for old_ids, new_id in merges:
        assert found[new_id]["creation_source"] == "MERGE"
        for old_id in old_ids:
            assert old_id not in found
            assert client.refused("GET", f"/v2/customers/{old_id}")[0] == 404
    new_merge = next(merge for merge in merges if merge not in past)
    assert set(new_merge[0]) <= customers
    register.advance(days=40)
    assert not set(_merges(client)) & set(merges)


def _merges(client: Any) -> list[tuple[tuple[str, ...], str]]:
    query = {"filter": {"event_types": ["customer.deleted"]}}
    events = client.every("/v2/events", "events", query=query)
    contexts = [event["data"]["object"].get("event_context") for event in events]
    pairs = [
        (tuple(each["merge"]["from_customer_ids"]), each["merge"]["to_customer_id"])
        for each in contexts
        if each
    ]
    assert all(pairs.count(pair) == 2 for pair in pairs)  # one event for each profile that ended
    return list(dict.fromkeys(pairs))


def test_refunds_are_settled_later_without_moving_their_order(moving: Any) -> None:
    register, client = moving
    history: dict[str, set[str]] = {}
    orders: dict[str, set[str]] = {}
    touched = set()
    for _ in range(8):
        for refund in client.every_get("/v2/refunds", "refunds", begin_time="2020-01-01T00:00:00Z"):
            history.setdefault(refund["id"], set()).add(refund["status"])
        for order in client.orders():
            if "returns" in order:
                orders.setdefault(order["id"], set()).add(order["updated_at"])
        for location in client.locations:
            for payment in client.every_get(
                "/v2/payments", "payments", location_id=location, begin_time="2020-01-01T00:00:00Z"
            ):
                if "refund_ids" in payment and payment["updated_at"] > payment["created_at"]:
                    touched.add(payment["id"])
        register.advance(days=4)
    assert any({"PENDING", "COMPLETED"} <= states for states in history.values())
    assert all(len(times) == 1 for times in orders.values())
    assert touched


def test_the_clock_cannot_leave_the_data(moving: Any) -> None:
    register, _ = moving
    register.advance(days=56)
    with pytest.raises(RegisterError, match=r"ends on 2027-01-18 and only 1d are left"):
        register.advance(days=2)
    register.advance(days=1)
    assert register.clock == "2027-01-18T05:00:00.000Z"


@pytest.mark.parametrize("day", [date(2026, 11, 22), date(2027, 3, 1), date(2028, 2, 29)])
def test_time_is_shifted_by_whole_weeks_and_eight_to_nine_are_held_back(day: date) -> None:
    calendar = timeline(day)
    assert calendar.shift % (7 * DAY) == 0
    assert 56 <= (calendar.ends - calendar.opens) / DAY < 63
    assert rfc3339(calendar.opens) == f"{day.isoformat()}T05:00:00.000Z"


def test_spans_are_read_or_refused() -> None:
    assert parse_span("12h") * 2 == parse_span("1d") == DAY
    assert parse_span("2w") == 14 * DAY
    for wrong in ("", "1", "d", "0d", "-1d", "1y", "1.5d"):
        with pytest.raises(ValueError, match="no span of time"):
            parse_span(wrong)
