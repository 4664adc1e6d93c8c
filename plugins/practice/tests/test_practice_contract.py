"""Every request that tests and taps make, and every response, against Square's OpenAPI file."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType


def _load_helper() -> ModuleType:
    # Test folders are no packages, so the helper beside this file is loaded by its path.
    path = Path(__file__).with_name("square_specification.py")
    spec = importlib.util.spec_from_file_location("square_specification", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def specification(specification_path: Path) -> Any:
    return _load_helper().Specification(specification_path)


@pytest.fixture
def talk(client: Any, specification: Any) -> Any:
    """Send a request, check both directions, follow all pages, return the pages."""

    def call(method: str, path: str, body: Any = None, **query: str) -> list[dict[str, Any]]:
        pages: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            sent_query = {**query, **cursor} if method == "GET" else query
            sent_body = {**(body or {}), **cursor} if method == "POST" else None
            specification.check_request(method, path, sent_query, sent_body)
            response = client.send(method, path, params=sent_query, json=sent_body)
            content = response.json()
            specification.check_response(method, path, response.status_code, content)
            pages.append(content)
            if "cursor" not in content:
                return pages
            cursor = {"cursor": content["cursor"]}

    return call


def _all(pages: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [record for page in pages for record in page.get(name, [])]


def test_orders_are_square_orders(talk: Any, client: Any) -> None:
    query = {"sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"}}
    body = {"location_ids": client.locations, "limit": 500, "query": query}
    orders = _all(talk("POST", "/v2/orders/search", body), "orders")
    assert len(orders) > 900
    talk("POST", "/v2/orders/search", {**body, "return_entries": True})
    ids = [order["id"] for order in orders[:100]]
    assert _all(talk("POST", "/v2/orders/batch-retrieve", {"order_ids": ids}), "orders")
    talk("GET", f"/v2/orders/{ids[0]}")


def test_payments_and_refunds_are_squares(talk: Any, client: Any) -> None:
    for location in client.locations:
        payments = _all(talk("GET", "/v2/payments", location_id=location), "payments")
        talk("GET", f"/v2/payments/{payments[0]['id']}")
    refunds = _all(talk("GET", "/v2/refunds", sort_field="UPDATED_AT"), "refunds")
    talk("GET", f"/v2/refunds/{refunds[0]['id']}")


def test_customers_their_groups_and_attributes_are_squares(talk: Any) -> None:
    customers = _all(talk("POST", "/v2/customers/search", {"limit": 7}), "customers")
    wanted = {"key": "club-terms", "updated_at": {"start_at": "2026-01-01T00:00:00Z"}}
    query = {"filter": {"custom_attribute": {"filters": [wanted]}}}
    assert _all(talk("POST", "/v2/customers/search", {"query": query}), "customers")
    for customer in customers:
        path = f"/v2/customers/{customer['id']}/custom-attributes"
        talk("GET", path, limit="1", with_definitions="true")
    talk("GET", f"/v2/customers/{customers[0]['id']}")
    assert len(_all(talk("GET", "/v2/customers/groups", limit="1"), "groups")) == 2


def test_the_catalog_is_squares(talk: Any) -> None:
    types = ["ITEM", "ITEM_VARIATION", "CATEGORY"]
    body = {"object_types": types, "include_deleted_objects": True, "limit": 1000}
    objects = _all(talk("POST", "/v2/catalog/search", body), "objects")
    assert {each["type"] for each in objects} == set(types)
    body = {"object_types": ["CATEGORY"], "include_category_path_to_root": True}
    categories = _all(talk("POST", "/v2/catalog/search", body), "objects")
    assert any("path_to_root" in each["category_data"] for each in categories)


def test_the_rest_is_squares(talk: Any, client: Any, specification: Any) -> None:
    assert _all(talk("GET", "/v2/locations"), "locations")
    talk("GET", "/v2/locations/main")
    (status,) = talk("POST", "/oauth2/token/status")
    assert status["expires_at"] == "2026-12-22T05:00:00Z"
    assert _all(talk("POST", "/v2/team-members/search", {"limit": 3}), "team_members")
    talk("GET", "/v2/loyalty/programs")
    talk("GET", "/v2/loyalty/programs/main")
    assert _all(talk("POST", "/v2/loyalty/accounts/search", {"limit": 5}), "loyalty_accounts")
    talk("PUT", "/v2/events/enable")
    events = _all(talk("POST", "/v2/events", {"limit": 10}), "events")
    kinds = {
        "customer.created": "CustomerCreatedEvent",
        "customer.updated": "CustomerUpdatedEvent",
        "customer.deleted": "CustomerDeletedEvent",
    }
    assert {event["type"] for event in events} == set(kinds)
    for event in events:
        # Square's schema of this webhook leaves out `deleted`, which the event's own one has.
        data = {key: value for key, value in event["data"].items() if key != "deleted"}
        specification.check_schema(kinds[event["type"]], {**event, "data": data})
    assert client.locations


def test_refusals_are_squares_error_envelope(client: Any, specification: Any) -> None:
    wrong: list[tuple[str, str, Any]] = [
        ("POST", "/v2/orders/search", {"location_ids": []}),
        ("POST", "/v2/customers/search", {"query": {"sort": {"field": "UPDATED_AT"}}}),
        ("POST", "/v2/catalog/search", {"object_types": ["THING"]}),
        ("GET", "/v2/payments/none", None),
        ("GET", "/v2/refunds/none", None),
    ]
    for method, path, body in wrong:
        response = client.send(method, path, json=body)
        assert response.status_code in (400, 404)
        specification.check_response(method, path, response.status_code, response.json())
