"""Where Square hurts, the register hurts."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from practice_register.api import cursors
from practice_register.testing import running_register

if TYPE_CHECKING:
    from pathlib import Path


def _sorted_by(field: str, **filtered: Any) -> dict[str, Any]:
    return {
        "sort": {"sort_field": field, "sort_order": "ASC"},
        "filter": {"date_time_filter": filtered} if filtered else None,
    }


def test_customers_cannot_be_sorted_by_their_last_change(client: Any) -> None:
    body = {"query": {"sort": {"field": "UPDATED_AT", "order": "ASC"}}}
    status, error = client.refused("POST", "/v2/customers/search", json=body)
    assert (status, error["category"]) == (400, "INVALID_REQUEST_ERROR")
    assert (error["code"], error["field"]) == ("INVALID_ENUM_VALUE", "query.sort.field")


def test_customers_come_by_name_ascending_and_pages_may_be_short(client: Any) -> None:
    page = client.post("/v2/customers/search")
    names = [
        f"{each.get('given_name', '')} {each.get('family_name', '')}".strip().casefold()
        for each in page["customers"]
    ]
    assert names == sorted(names)
    sizes = set()
    cursor: dict[str, Any] = {}
    for _ in range(30):
        page = client.post("/v2/customers/search", limit=2, **cursor)
        if "cursor" not in page:
            break
        sizes.add(len(page["customers"]))
        cursor = {"cursor": page["cursor"]}
    assert sizes == {1, 2}


@pytest.mark.parametrize(("limit", "code"), [(0, "VALUE_TOO_LOW"), (101, "VALUE_TOO_HIGH")])
def test_a_customer_limit_out_of_range_is_refused(client: Any, limit: int, code: str) -> None:
    _, error = client.refused("POST", "/v2/customers/search", json={"limit": limit})
    assert error["code"] == code


def test_customers_are_found_by_when_an_attribute_was_set(client: Any) -> None:
    answered = {}
    for each in client.every("/v2/customers/search", "customers"):
        path = f"/v2/customers/{each['id']}/custom-attributes"
        for attribute in client.get(path).get("custom_attributes", []):
            if attribute["key"] == "club-terms":
                answered[each["id"]] = attribute["updated_at"]
    moment = sorted(answered.values())[len(answered) // 2]
    wanted = {"key": "club-terms", "updated_at": {"start_at": moment}}
    query = {"filter": {"custom_attribute": {"filters": [wanted]}}}
    found = client.every("/v2/customers/search", "customers", query=query)
    assert {each["id"] for each in found} == {
        customer for customer, at in answered.items() if at >= moment
    }
    del wanted["updated_at"]
    status, error = client.refused("POST", "/v2/customers/search", json={"query": query})
    assert (status, error["code"]) == (400, "MISSING_REQUIRED_PARAMETER")


def test_orders_come_newest_first_and_an_unknown_order_key_changes_nothing(client: Any) -> None:
    query = {"sort": {"sort_field": "UPDATED_AT", "order": "ASC"}}
    orders = client.post("/v2/orders/search", location_ids=client.locations, query=query, limit=50)[
        "orders"
    ]
    times = [order["updated_at"] for order in orders]
    assert times == sorted(times, reverse=True)
    assert times[0] > times[-1]


def test_the_sort_field_must_be_the_filtered_field(client: Any) -> None:
    query = _sorted_by("CREATED_AT", updated_at={"start_at": "2026-11-01T00:00:00Z"})
    body = {"location_ids": client.locations, "query": query}
    status, error = client.refused("POST", "/v2/orders/search", json=body)
    assert status == 400
    assert error["field"] == "query.sort.sort_field"
    # Without a sort it is CREATED_AT, which is not the filtered field either.
    query["sort"] = None
    assert client.refused("POST", "/v2/orders/search", json=body)[0] == 400


def test_both_ends_of_an_order_range_are_inclusive(client: Any) -> None:
    moment = client.orders()[10]["updated_at"]
    query = _sorted_by("UPDATED_AT", updated_at={"start_at": moment, "end_at": moment})
    found = client.orders(**query)
    assert moment in {order["updated_at"] for order in found}


def test_more_than_ten_locations_are_refused(tmp_path: Path, connect: Any) -> None:
    today = date(2026, 11, 22)
    with (
        running_register(tmp_path, 3, locations=25, today=today, in_process=True) as shop,
        connect(shop) as client,
    ):
        found = client.get("/v2/locations")["locations"]
        ids, names = [each["id"] for each in found], [each["name"] for each in found]
        assert len(ids) == 25
        assert names == sorted(names)
        assert "INACTIVE" in {each["status"] for each in found}
        status, error = client.refused("POST", "/v2/orders/search", json={"location_ids": ids})
        assert (status, error["code"]) == (400, "ARRAY_LENGTH_TOO_LONG")
        for few in (ids[:10], ids[10:20], ids[20:]):
            assert "errors" not in client.post("/v2/orders/search", location_ids=few)


def test_payments_default_to_the_main_location_and_one_year(client: Any) -> None:
    everything = {
        location: client.every_get(
            "/v2/payments", "payments", location_id=location, begin_time="2020-01-01T00:00:00Z"
        )
        for location in client.locations
    }
    plain = client.every_get("/v2/payments", "payments")
    (main,) = {payment["location_id"] for payment in plain}
    assert client.get("/v2/locations/main")["location"]["id"] == main
    older = [each for each in everything[main] if each["created_at"] < "2025-11-22T05:00:00.000Z"]
    assert older
    assert len(plain) == len(everything[main]) - len(older)
    # The year counts from `created_at` also for who asks only for changes.
    changed = client.every_get(
        "/v2/payments", "payments", updated_at_begin_time="2020-01-01T00:00:00Z"
    )
    assert len(changed) == len(plain)


def test_refunds_come_from_all_locations(client: Any) -> None:
    refunds = client.every_get("/v2/refunds", "refunds")
    assert {refund["location_id"] for refund in refunds} == set(client.locations)
    times = [refund["created_at"] for refund in refunds]
    assert times == sorted(times, reverse=True)


def test_a_payment_limit_above_one_hundred_is_ignored(client: Any) -> None:
    assert len(client.get("/v2/payments", limit=1000)["payments"]) == 100


def test_an_unknown_query_parameter_is_refused_and_an_unknown_body_key_ignored(
    client: Any,
) -> None:
    status, error = client.refused("GET", "/v2/payments", params={"updated_since": "2026-01-01"})
    assert (status, error["code"]) == (400, "UNKNOWN_QUERY_PARAMETER")
    assert client.post("/v2/customers/search", updated_since="2026-01-01")["customers"]


def test_catalog_changes_begin_after_the_given_time_and_deletions_are_asked_for(
    client: Any,
) -> None:
    types = ["ITEM", "ITEM_VARIATION", "CATEGORY"]
    alive = client.every("/v2/catalog/search", "objects", object_types=types, limit=1000)
    both = client.every(
        "/v2/catalog/search",
        "objects",
        object_types=types,
        include_deleted_objects=True,
        limit=1000,
    )
    assert not any(each["is_deleted"] for each in alive)
    assert any(each["is_deleted"] for each in both)
    newest = max(each["updated_at"] for each in alive)
    page = client.post("/v2/catalog/search", object_types=types, begin_time=newest)
    assert "objects" not in page
    assert len(client.post("/v2/catalog/search", limit=5000)["objects"]) == 100
    assert "ITEM_VARIATION" not in {
        each["type"] for each in client.every("/v2/catalog/search", "objects", limit=1000)
    }


def test_every_line_points_into_the_catalog(client: Any) -> None:
    objects = client.every(
        "/v2/catalog/search",
        "objects",
        object_types=["ITEM_VARIATION"],
        include_deleted_objects=True,
        limit=1000,
    )
    known = {each["id"] for each in objects}
    lines = [line for order in client.orders() for line in order.get("line_items", [])]
    pointed = {line["catalog_object_id"] for line in lines if "catalog_object_id" in line}
    assert pointed <= known
    assert any("catalog_object_id" not in line for line in lines)


def test_loyalty_accounts_come_thirty_at_a_time_oldest_first(client: Any) -> None:
    accounts = client.every("/v2/loyalty/accounts/search", "loyalty_accounts", limit=200)
    times = [account["created_at"] for account in accounts]
    assert times == sorted(times)
    phone = accounts[0]["mapping"]["phone_number"]
    found = client.post(
        "/v2/loyalty/accounts/search", query={"mappings": [{"phone_number": phone}]}
    )
    assert [each["id"] for each in found["loyalty_accounts"]] == [accounts[0]["id"]]
    _, error = client.refused("POST", "/v2/loyalty/accounts/search", json={"limit": 201})
    assert error["code"] == "VALUE_TOO_HIGH"


def test_team_members_have_no_order_of_time(client: Any) -> None:
    members = client.every("/v2/team-members/search", "team_members", limit=3)
    times = [member["updated_at"] for member in members]
    assert times != sorted(times)
    assert {member["status"] for member in members} == {"ACTIVE", "INACTIVE"}
    query = {"filter": {"status": "INACTIVE"}}
    assert len(client.post("/v2/team-members/search", query=query)["team_members"]) == 1


def test_a_cursor_belongs_to_its_query_and_dies_young(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = client.post("/v2/orders/search", location_ids=client.locations, limit=10)
    cursor = page["cursor"]
    body = {"location_ids": client.locations[:1], "limit": 10, "cursor": cursor}
    _, other_query = client.refused("POST", "/v2/orders/search", json=body)
    _, mangled = client.refused(
        "POST", "/v2/orders/search", json={**body, "cursor": cursor[:-3] + "AAA"}
    )
    body["location_ids"] = client.locations
    assert client.post("/v2/orders/search", **body)["orders"]
    later = time.time() + cursors.LIFETIME_S + 1
    monkeypatch.setattr(time, "time", lambda: later)
    status, expired = client.refused("POST", "/v2/orders/search", json=body)
    assert status == 400
    assert {each["code"] for each in (other_query, mangled, expired)} == {"INVALID_CURSOR"}


def test_nobody_gets_in_without_the_token(client: Any) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}):
        for path in ("/v2/locations", "/v2/nothing", "/practice/status"):
            status, error = client.refused("GET", path, headers=headers)
            assert (status, error["category"]) == (401, "AUTHENTICATION_ERROR")


def test_an_unknown_path_and_a_wrong_method_are_told_apart(client: Any) -> None:
    assert client.refused("GET", "/v2/nothing")[0] == 404
    assert client.refused("PUT", "/v2/locations")[0] == 405
    _, error = client.refused("GET", "/v2/locations", headers={"Square-Version": "newest"})
    assert error["code"] == "INVALID_SQUARE_VERSION_FORMAT"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"{", "EXPECTED_JSON_BODY", None),
        (b'{"limit": "many"}', "EXPECTED_INTEGER", "limit"),
        (b'{"query": []}', "EXPECTED_OBJECT", "query"),
        (
            b'{"query": {"filter": {"updated_at": {"start_at": "yesterday"}}}}',
            "INVALID_TIME",
            "query.filter.updated_at.start_at",
        ),
    ],
)
def test_a_wrong_body_is_refused_in_squares_words(
    client: Any, body: bytes, code: str, field: str | None
) -> None:
    status, error = client.refused("POST", "/v2/customers/search", data=body)
    assert (status, error["code"], error.get("field")) == (400, code, field)


def test_every_response_carries_the_registers_clock(client: Any) -> None:
    for method, path in (("GET", "/v2/locations"), ("GET", "/v2/nothing")):
        response = client.send(method, path)
        assert response.headers["Date"] == "Sun, 22 Nov 2026 05:00:00 GMT"
