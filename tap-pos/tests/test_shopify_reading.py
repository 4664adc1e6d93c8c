"""Reading a Shopify shop's orders whole: nested pages, changes meanwhile, what is unreadable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing import Answer, sync
from tap_pos.testing.fakes.shopify import FakeShopify
from tap_pos.testing.fakes.shopify_rows import (
    line,
    location,
    order,
    product,
    refund,
    transaction,
    variant,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pos.testing import Request

AT = "2026-02-10T15:00:00Z"


@pytest.fixture
def shop() -> Iterator[FakeShopify]:
    """A shop with one register; its clock says 2026-03-01 noon."""
    with FakeShopify().running() as fake:
        fake.write("locations", location(1, AT))
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


def test_long_orders_are_read_to_the_end(shop: FakeShopify, config: dict[str, Any]) -> None:
    """More lines, refunded lines, refunds and payments than fit on any page."""
    shop.page_size = 4
    lines = [line(n, 100, currentQuantity=0 if n <= 9 else 1) for n in range(1, 14)]
    refunds = [refund(1, *[(n, 1) for n in range(1, 8)]), *[refund(n, (n, 1)) for n in (8, 9)]]
    moved = [transaction(n, 10, AT) for n in range(1, 31)]
    shop.write("orders", order(1001, AT, lines, refunds=refunds, transactions=moved))
    found = sync(config).table("orders")["tea", "1001"]
    assert (len(found["lines"]), len(found["payments"]), found["net"]) == (22, 30, 400)


def test_an_order_that_changes_while_it_is_read_comes_whole_later(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    shop.page_size = 4
    row = order(1001, AT, [line(n, 100) for n in range(1, 8)])
    shop.write_all("orders", row, order(1002, AT))

    def script(request: Request) -> None:
        if b"query order(" in request.body:
            shop.write("orders", row | {"updatedAt": "2026-03-01T12:00:00Z", "lines": [line(9)]})

    shop.script = script
    first = sync(config)
    assert set(first.table("orders")) == {("tea", "1002")}
    later = sync(config, first.state)
    assert len(later.table("orders")["tea", "1001"]["lines"]) == 1


def test_a_refund_that_the_order_does_not_admit_is_seen(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    """Its money is in the list of tenders, though the order's updatedAt stands still."""
    shop.write("orders", order(1001, AT, transactions=[transaction(1, 1000, AT)]))
    first = sync(config)
    shop.advance(days=1)
    now = "2026-03-02T11:00:00Z"
    moved = [transaction(1, 1000, AT), transaction(2, 400, now, kind="REFUND", parent=1)]
    shop.rows["orders"][1001]["transactions"] = moved
    tender = {"id": "gid://shopify/TenderTransaction/2", "processedAt": now, "order": 1001}
    shop.write("tenderTransactions", tender)
    later = sync(config, first.state)
    assert [p["amount"] for p in later.table("orders")["tea", "1001"]["payments"]] == [1000, -400]


def test_a_malformed_amount_spoils_one_order_only(
    shop: FakeShopify, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    spoilt = [line(1, "1.0.0"), line(2, "12.345"), line(3, "NaN")]
    shop.write_all("orders", *[order(1001 + n, AT, [bad]) for n, bad in enumerate(spoilt)])
    shop.write("orders", order(1004, AT, createdAt="yesterday"))
    shop.write("orders", order(1009, AT))
    out = sync(config | {"max_bad_records": 4})
    assert out.failures == []
    assert set(out.table("orders")) == {("tea", "1009")}
    assert "gid://shopify/Order/1002" in caplog.text
    assert "12.345" not in caplog.text


def test_one_order_that_shopify_can_not_complete_is_a_bad_record(
    shop: FakeShopify, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    shop.write_all("orders", order(1001, AT), order(1002, AT))

    def script(request: Request) -> Answer | None:
        if b"query orders(" not in request.body:
            return None
        body: Any = shop.answer(request).body
        if body["data"]["orders"]["nodes"]:
            path = ["orders", "nodes", 1, "customer"]
            body["errors"] = [{"message": "lost", "path": path, "extensions": {"code": "LOST"}}]
        return Answer(200, body)

    shop.script = script
    out = sync(config)
    assert set(out.table("orders")) == {("tea", "1001")}
    assert "could not be read" in out.failures[0]
    assert "gid://shopify/Order/1002" in caplog.text
    assert "orders.nodes.customer (LOST)" in caplog.text


def test_an_order_without_its_staff_is_whole(shop: FakeShopify, config: dict[str, Any]) -> None:
    """The app may have the scope, and the shop's plan still hide who sold."""
    shop.write("orders", order(1001, AT))

    def script(request: Request) -> Answer | None:
        if b"staffMember" not in request.body or b"query orders(" not in request.body:
            return None
        body: Any = shop.answer(request).body
        path = ["orders", "nodes", 0, "staffMember"]
        refused = {"message": "no", "path": path, "extensions": {"code": "ACCESS_DENIED"}}
        return Answer(200, body | {"errors": [refused]})

    shop.script = script
    out = sync(config)
    assert out.failures == []
    assert out.table("orders")["tea", "1001"]["employee_id"] is None


def test_products_whose_costs_may_not_be_seen_are_whole(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    shop.page_size = 4
    shop.write("products", product(1, AT))
    shop.write_all("productVariants", *[variant(n, 1, AT) for n in range(1, 7)])

    def script(request: Request) -> Answer | None:
        body: Any = shop.answer(request).body
        root = next((name for name in ("products", "product") if name in body["data"]), None)
        if root is None:
            return None
        path = [root, "nodes", 0, "variants", "nodes", 0, "inventoryItem", "unitCost"]
        refused = {"message": "no", "path": path, "extensions": {"code": "ACCESS_DENIED"}}
        return Answer(200, body | {"errors": [refused]})

    shop.script = script
    out = sync(config)
    assert out.failures == []
    assert len(out.table("products")) == 6
