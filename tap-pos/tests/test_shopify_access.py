"""Access to a Shopify shop: tokens, scopes, versions, points, settings, webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.errors import SettingsError
from tap_pos.testing import Answer, sync
from tap_pos.testing.fakes.shopify import Bucket, FakeShopify
from tap_pos.testing.fakes.shopify_rows import customer, location, order
from tap_pos.vendors.shopify import SHOPIFY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_pos.testing import Request

AT = "2026-02-10T15:00:00Z"


@pytest.fixture
def shop() -> Iterator[FakeShopify]:
    """A shop with one sale and one customer; its clock says 2026-03-01 noon."""
    with FakeShopify().running() as fake:
        fake.write("locations", location(1, AT))
        fake.write("customers", customer(7, AT, firstName="Quirina"))
        fake.write("orders", order(1001, AT, customer=7))
        yield fake


@pytest.fixture
def config(shop: FakeShopify) -> dict[str, Any]:
    return {
        "vendor": "shopify",
        "shop_id": "tea",
        "access_token": "token",
        "base_url": shop.url,
        "max_retry_seconds": 2,
    }


def once(answer: Answer, mark: bytes = b"query orders(") -> Callable[[Request], Answer | None]:
    """Answer the first query of a kind in this way."""
    left = [answer]
    return lambda request: left.pop() if mark in request.body and left else None


def refusal(code: str) -> Answer:
    return Answer(200, {"errors": [{"message": "as scripted", "extensions": {"code": code}}]})


def test_a_wrong_token_ends_the_shop_with_one_sentence(config: dict[str, Any]) -> None:
    out = sync(config | {"access_token": "stale-token"})
    assert len(out.failures) == 1
    assert "refuses the access token (401)" in out.failures[0]
    assert "stale-token" not in out.failures[0]


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "still installed"), (402, "frozen or locked"), (423, "frozen or locked"),
     (404, "check api_version"), (301, "myshopify.com"), (418, "refused a request with 418")],
)  # fmt: skip
def test_each_refusal_says_what_to_do(
    shop: FakeShopify, config: dict[str, Any], status: int, words: str
) -> None:
    elsewhere = {"Location": "https://elsewhere.example.org/"}
    shop.script = lambda _request: Answer(status, {"errors": "no"}, elsewhere)
    out = sync(config)
    assert len(out.failures) == 1
    assert words in out.failures[0]


@pytest.mark.parametrize(
    ("scope", "stream"),
    [("read_customers", "customers"), ("read_products", "products"), ("read_orders", "orders"),
     ("read_locations", "locations")],
)  # fmt: skip
def test_a_missing_scope_is_named_and_only_its_streams_fail(
    shop: FakeShopify, config: dict[str, Any], scope: str, stream: str
) -> None:
    shop.scopes.remove(scope)
    out = sync(config)
    assert any(f"the scope {scope} " in sentence for sentence in out.failures)
    assert out.sent(stream) == []
    others = {"locations": "locations", "customers": "customers"}.keys() - {stream}
    assert all(out.sent(name) for name in others)


def test_orders_never_lose_their_customer_to_a_missing_scope(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    """Without it Shopify would give the order with customer null, like a guest's."""
    shop.scopes.remove("read_customers")
    out = sync(config)
    assert out.sent("orders") == []
    assert any("orders.nodes.customer" in sentence for sentence in out.failures)


def test_hidden_old_orders_are_warned_of_once(
    shop: FakeShopify, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    shop.shop["createdAt"] = "2020-01-01T00:00:00Z"
    shop.write("orders", order(900, "2025-06-01T00:00:00Z"))
    assert len(sync(config).sent("orders")) == 2
    assert "read_all_orders" not in caplog.text
    shop.scopes.remove("read_all_orders")
    out = sync(config)
    assert out.failures == []
    assert set(out.table("orders")) == {("tea", "1001")}
    assert sum("read_all_orders" in record.getMessage() for record in caplog.records) == 1


def test_a_young_shop_has_no_old_orders_to_hide(
    shop: FakeShopify, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    shop.scopes.remove("read_all_orders")
    assert len(sync(config).sent("orders")) == 1
    assert "read_all_orders" not in caplog.text


@pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "TIMEOUT", "THROTTLED"])
def test_a_passing_error_told_with_200_changes_nothing(
    shop: FakeShopify, config: dict[str, Any], code: str
) -> None:
    shop.script = once(refusal(code))
    out = sync(config)
    assert out.failures == []
    assert len(out.sent("orders")) == 1


def test_an_error_that_lasts_is_a_failure_not_an_empty_page(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    shop.script = lambda request: (
        refusal("INTERNAL_SERVER_ERROR") if b"query orders(" in request.body else None
    )
    out = sync(config | {"max_retry_seconds": 0.1})
    assert "answered INTERNAL_SERVER_ERROR" in out.failures[0]
    bookmarks = out.state["bookmarks"] if out.state else {}
    assert "replication_key_value" not in str(bookmarks.get("orders"))


def test_a_throttled_query_waits_as_long_as_the_bucket_needs(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    throttled = {"maximumAvailable": 2000, "currentlyAvailable": 100, "restoreRate": 1000}
    cost = {"requestedQueryCost": 600, "throttleStatus": throttled}
    body = {"errors": [{"message": "Throttled"}], "data": None, "extensions": {"cost": cost}}
    shop.script = once(Answer(200, body))
    started = time.monotonic()
    assert sync(config).failures == []
    assert time.monotonic() - started >= 0.5


def test_queries_wait_for_the_bucket_instead_of_being_throttled(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    shop.page_size = 1
    shop.write_all("orders", *[order(n, AT) for n in range(1002, 1008)])
    shop.bucket = Bucket(maximum=1000, restore=8000, available=1000)
    throttled = []

    def script(request: Request) -> Answer | None:
        if b"query orders(" not in request.body:
            return None
        answer = shop.answer(request)
        throttled.append("errors" in answer.body)
        return answer

    shop.script = script
    assert len(sync(config).sent("orders")) == 7
    assert sum(throttled) <= 1, "only while the cost of such a query was not known"


def test_a_query_too_costly_is_asked_in_smaller_pieces(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    shop.write_all("orders", *[order(n, AT) for n in range(1002, 1012)])

    def script(request: Request) -> Answer | None:
        first = request.json()["variables"].get("first", 0)
        return refusal("MAX_COST_EXCEEDED") if b"orders(" in request.body and first > 2 else None

    shop.script = script
    assert len(sync(config).sent("orders")) == 11
    shop.script = lambda request: (
        refusal("MAX_COST_EXCEEDED") if b"query orders(" in request.body else None
    )
    assert "too costly" in sync(config).failures[0]


def test_a_newer_version_is_a_warning_and_an_older_one_a_refusal(
    shop: FakeShopify, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    shop.served_version = "2027-01"
    assert sync(config).failures == []
    assert sum("answers as 2027-01" in r.getMessage() for r in caplog.records) == 1
    shop.served_version = "2026-07"
    assert "older than the api_version 2026-10" in sync(config).failures[0]


def test_the_version_can_be_chosen(shop: FakeShopify, config: dict[str, Any]) -> None:
    assert sync(config | {"api_version": "2027-01"}).failures == []
    assert {request.path for request in shop.requests} == {"/admin/api/2027-01/graphql.json"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"base_url": "https://tea.myshopify.com/admin"}, "the bare address"),
        ({"api_version": "2026-07"}, "from 2026-10 on"),
        ({"api_version": "latest"}, "from 2026-10 on"),
        ({"base_url": ""}, "base_url"),
        ({"card_fingerprints": True}, "card_fingerprints"),
        (
            {
                "consent_sources": [
                    {
                        "custom_attribute": "x",
                        "given": ["yes"],
                        "channels": ["sms"],
                        "purpose": "marketing",
                    }
                ]
            },
            "customer tags only",
        ),
    ],
)
def test_settings_that_can_not_work_are_refused(
    config: dict[str, Any], settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        sync(config | settings)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, {"data": {"orders": {"nodes": "none"}}}),
        Answer(200, {"data": {"orders": {"nodes": [{"id": "x"}, {"id": "y"}],
                                         "pageInfo": {"hasNextPage": True}}}}),
        Answer(200, {"data": None}),
        Answer(200, {"data": {"orders": None}}),
        Answer(200, {"errors": [{"message": "Field 'x' doesn't exist"}]}),
        Answer(200, [1]),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_shopifys_is_told_and_loses_nothing(
    shop: FakeShopify, config: dict[str, Any], answer: Answer
) -> None:
    shop.script = once(answer)
    first = sync(config | {"max_bad_records": 9})
    assert len(first.failures) == 1
    later = sync(config, first.state)
    assert later.failures == []
    assert len(later.sent("orders")) == 1


def test_pages_out_of_order_are_refused(shop: FakeShopify, config: dict[str, Any]) -> None:
    """A server that ignored the filter by id would send the same page for ever."""
    shop.page_size = 1
    shop.write("orders", order(1002, AT))
    first: list[Answer] = []

    def script(request: Request) -> Answer | None:
        if b"query orders(" not in request.body:
            return None
        answer = first[0] if first else shop.answer(request)
        if not first and answer.body["data"]["orders"]["nodes"]:
            first.append(answer)
        return answer

    shop.script = script
    assert "did not list orders by id" in sync(config).failures[0]


def test_no_name_or_token_reaches_the_log(
    shop: FakeShopify, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    shop.tokens.add("shpat_5ecret")
    shop.script = once(refusal("INTERNAL_SERVER_ERROR"), b"query customers(")
    with caplog.at_level(logging.DEBUG):
        assert sync(config | {"access_token": "shpat_5ecret"}).sent("customers")
    assert "Quirina" not in caplog.text
    assert "5ecret" not in caplog.text


def test_a_genuine_webhook_is_told_from_a_forged_one() -> None:
    body = '{"id":1,"note":"🫖"}'.encode()
    signature = base64.b64encode(hmac.new(b"shhh", body, hashlib.sha256).digest()).decode()
    for name in ("X-Shopify-Hmac-SHA256", "x-shopify-hmac-sha256"):
        assert SHOPIFY.verify_webhook({name: signature}, body, "shhh")
    assert not SHOPIFY.verify_webhook({"X-Shopify-Hmac-SHA256": signature}, body + b" ", "shhh")
    assert not SHOPIFY.verify_webhook({"X-Shopify-Hmac-SHA256": signature}, body, "other")
    assert not SHOPIFY.verify_webhook({"X-Shopify-Hmac-SHA256": "ünsigned"}, body, "shhh")
    assert not SHOPIFY.verify_webhook({}, body, "shhh")
