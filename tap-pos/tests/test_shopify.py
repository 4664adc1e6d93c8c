"""Sales in a Shopify shop, as they arrive in the orders stream."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing import sync
from tap_pos.testing.fakes.shopify import FakeShopify
from tap_pos.testing.fakes.shopify_rows import (
    customer,
    line,
    location,
    order,
    product,
    refund,
    staff_member,
    transaction,
    variant,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pos.testing.fake import Row

AT = "2026-02-10T15:00:00Z"


@pytest.fixture
def shop() -> Iterator[FakeShopify]:
    """A shop with one register in New York; its clock says 2026-03-01 noon."""
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


def read(config: dict[str, Any], number: int = 1001) -> dict[str, Any]:
    """Give the one order as it arrived."""
    out = sync(config)
    assert out.failures == []
    return out.table("orders")["tea", str(number)]


def figures(record: Row) -> dict[str, int]:
    names = ("gross", "discount", "net", "tax", "tip", "service_charge", "total")
    return {name: record[name] for name in names}


def test_a_sale_at_the_register(shop: FakeShopify, config: dict[str, Any]) -> None:
    shop.write("customers", customer(7, AT))
    shop.write("staffMembers", staff_member(5))
    shop.write("products", product(20, AT))
    shop.write("productVariants", variant(21, 20, AT))
    sold = line(1, 1000, 2, discount=100, tax=90, variant=21, title="Tea", variantTitle="Large")
    shop.write(
        "orders",
        order(1001, AT, [sold], customer=7, staff=5, transactions=[transaction(1, 1980, AT)]),
    )
    found = read(config)
    assert figures(found) == {
        "gross": 2000, "discount": 200, "net": 1800, "tax": 180, "tip": 0,
        "service_charge": 0, "total": 1980,
    }  # fmt: skip
    assert found["lines"] == [
        {"id": "1", "kind": "sale", "product_id": "21", "name": "Tea (Large)", "quantity": "2",
         "unit_price": 1000, "gross": 2000, "discount": 200, "tax": 180, "net": 1800,
         "unit_cost": None}
    ]  # fmt: skip
    assert (found["channel"], found["location_id"]) == ("store", "1")
    assert (found["customer_id"], found["employee_id"]) == ("7", "5")
    assert (found["state"], found["receipt_number"]) == ("completed", "1-1001")
    assert [(p["method"], p["amount"]) for p in found["payments"]] == [("card", 1980)]


def test_a_guest_buys_online_with_shipping(shop: FakeShopify, config: dict[str, Any]) -> None:
    shop.write(
        "orders",
        order(1001, AT, sourceName="web", sourceIdentifier="EXT-9", location=None, shipping=500),
    )
    found = read(config)
    assert (found["channel"], found["location_id"], found["customer_id"]) == ("online", None, None)
    assert (found["service_charge"], found["net"], found["total"]) == (500, 1000, 1500)
    assert found["receipt_number"] == "#1001"


def test_tax_inside_the_price_is_taken_out(shop: FakeShopify, config: dict[str, Any]) -> None:
    sold = line(1, 1190, tax=190)
    shop.write("orders", order(1001, AT, [sold], taxesIncluded=True))
    found = read(config)
    assert figures(found) == {
        "gross": 1000, "discount": 0, "net": 1000, "tax": 190, "tip": 0, "service_charge": 0,
        "total": 1190,
    }  # fmt: skip


@pytest.mark.parametrize("title", ["Tip", "Trinkgeld"])
def test_a_tip_is_no_sale(shop: FakeShopify, config: dict[str, Any], title: str) -> None:
    tip = line(2, 200, title=title, taxable=False)
    paid = [transaction(1, 1200, AT)]
    shop.write("orders", order(1001, AT, [line(1), tip], tip=200, transactions=paid))
    found = read(config)
    assert (found["net"], found["tip"], found["total"]) == (1000, 200, 1200)
    assert [entry["id"] for entry in found["lines"]] == ["1"]
    assert [(p["amount"], p["tip"]) for p in found["payments"]] == [(1200, 200)]


def test_a_tip_given_back_is_no_tip(shop: FakeShopify, config: dict[str, Any]) -> None:
    tip = line(2, 200, title="Tip", taxable=False, currentQuantity=0)
    given_back = [refund(3, (2, 1))]
    shop.write("orders", order(1001, AT, [line(1), tip], tip=200, refunds=given_back))
    found = read(config)
    assert (found["net"], found["tip"], found["service_charge"], found["total"]) == (
        1000,
        0,
        0,
        1000,
    )
    assert found["returns"] == []


@pytest.mark.parametrize(
    ("currency", "price"), [("JPY", 1500), ("KWD", 1234), ("EUR", 0)], ids=["yen", "dinar", "free"]
)
def test_amounts_have_the_digits_of_their_currency(
    shop: FakeShopify, config: dict[str, Any], currency: str, price: int
) -> None:
    shop.shop["currencyCode"] = currency
    shop.write("orders", order(1001, AT, [line(1, price)]))
    found = read(config)
    assert (found["currency"], found["total"], found["net"]) == (currency, price, price)


def test_emoji_and_right_to_left_names_survive(shop: FakeShopify, config: dict[str, Any]) -> None:
    names = ["🫖 Tee", "شاي"]
    shop.write("orders", order(1001, AT, [line(n, title=t) for n, t in enumerate(names)]))
    assert [entry["name"] for entry in read(config)["lines"]] == names


def test_a_refund_takes_back_its_line(shop: FakeShopify, config: dict[str, Any]) -> None:
    sold = line(1, 1000, 2, currentQuantity=1, discount=100, tax=90)
    moved = [
        transaction(1, 1980, AT),
        transaction(2, 990, "2026-02-12T10:00:00Z", kind="REFUND", parent=1),
    ]
    shop.write("orders", order(1001, AT, [sold], refunds=[refund(3, (1, 1))], transactions=moved))
    found = read(config)
    back = found["lines"][1]
    assert back == {
        "id": "return-30", "kind": "return", "product_id": None, "name": "Tea", "quantity": "1",
        "unit_price": -1000, "gross": -1000, "discount": -100, "tax": -90, "net": -900,
        "unit_cost": None,
    }  # fmt: skip
    assert found["returns"] == [
        {"line_id": "return-30", "source_order_id": "1001", "source_line_id": "1"}
    ]
    assert (found["net"], found["tax"], found["total"]) == (900, 90, 990)
    assert [(p["kind"], p["amount"]) for p in found["payments"]] == [
        ("payment", 1980),
        ("refund", -990),
    ]


def test_money_given_back_for_nothing_is_a_refund_without_lines(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    moved = [transaction(1, 1000, AT), transaction(2, 300, AT, kind="REFUND", parent=1)]
    shop.write("orders", order(1001, AT, refunds=[refund(3)], transactions=moved))
    found = read(config)
    assert (len(found["lines"]), found["returns"], found["net"]) == (1, [], 1000)
    assert found["payments"][1]["amount"] == -300


def test_units_an_edit_removed_are_taken_back(shop: FakeShopify, config: dict[str, Any]) -> None:
    """Three were ordered; one was refunded, then an edit removed the other two."""
    sold = line(1, 1000, 3, currentQuantity=0, discount=100, tax=90)
    shop.write("orders", order(1001, AT, [sold, line(2, 500)], refunds=[refund(3, (1, 1))]))
    found = read(config)
    removed = found["lines"][3]
    assert (removed["id"], removed["quantity"], removed["net"]) == ("removed-1", "2", -1800)
    assert figures(found) == {
        "gross": 500, "discount": 0, "net": 500, "tax": 0, "tip": 0, "service_charge": 0,
        "total": 500,
    }  # fmt: skip


def test_a_line_that_is_wholly_gone_leaves_no_cent(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    """A discount rarely divides evenly; the refund of one of three units took a cent more."""
    sold = line(1, 1000, 3, currentQuantity=0, discount=100)
    taken_back = refund(3, (1, 1))
    taken_back["lines"][0]["subtotal"] = 901
    shop.write("orders", order(1001, AT, [sold], refunds=[taken_back]))
    found = read(config)
    assert [entry["net"] for entry in found["lines"]] == [2700, -901, -1799]
    assert set(figures(found).values()) == {0}


def test_an_exchange_has_both_kinds_of_lines(shop: FakeShopify, config: dict[str, Any]) -> None:
    swapped = [line(1, 1000, currentQuantity=0), line(2, 1500)]
    shop.write("orders", order(1001, AT, swapped))
    found = read(config)
    assert [(entry["kind"], entry["net"]) for entry in found["lines"]] == [
        ("sale", 1000),
        ("sale", 1500),
        ("return", -1000),
    ]
    assert (found["net"], found["total"]) == (1500, 1500)


def test_a_captured_authorization_is_one_payment(shop: FakeShopify, config: dict[str, Any]) -> None:
    moved = [
        transaction(1, 1000, AT, kind="AUTHORIZATION"),
        transaction(2, 1000, AT, kind="CAPTURE", parent=1),
        transaction(3, 700, AT, kind="AUTHORIZATION"),
        transaction(4, 700, AT, kind="VOID", parent=3),
        transaction(5, 200, AT, kind="EMV_AUTHORIZATION"),
        transaction(6, 400, AT, status="FAILURE"),
    ]
    shop.write("orders", order(1001, AT, transactions=moved))
    assert [(p["id"], p["state"]) for p in read(config)["payments"]] == [
        ("2", "completed"),
        ("3", "cancelled"),
        ("5", "pending"),
        ("6", "failed"),
    ]


@pytest.mark.parametrize(("taken", "received", "amount"), [(2000, 1000, 1000), (1000, 1000, 1000)])
def test_change_given_back_is_no_income(
    shop: FakeShopify, config: dict[str, Any], taken: int, received: int, amount: int
) -> None:
    """Whether the cash handed over or the price is the payment's amount is not documented."""
    moved = [
        transaction(1, taken, AT, gateway="cash", details=None),
        transaction(2, 1000, AT, kind="CHANGE", gateway="cash", details=None, parent=1),
    ]
    sums = {"totalReceivedSet": received}
    shop.write("orders", order(1001, AT, transactions=moved, sums=sums))
    assert [(p["method"], p["amount"]) for p in read(config)["payments"]] == [("cash", amount)]


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"displayFinancialStatus": "PAID"}, "completed"),
        ({"displayFinancialStatus": "REFUNDED"}, "completed"),
        ({"displayFinancialStatus": "PENDING"}, "open"),
        ({"displayFinancialStatus": "AUTHORIZED", "closedAt": AT}, "open"),
        ({"displayFinancialStatus": "VOIDED"}, "open"),
        ({"displayFinancialStatus": None, "closedAt": AT}, "completed"),
        ({"displayFinancialStatus": "PAID", "cancelledAt": AT}, "cancelled"),
    ],
)
def test_how_far_an_order_is(
    shop: FakeShopify, config: dict[str, Any], facts: Row, state: str
) -> None:
    shop.write("orders", order(1001, AT, **facts))
    assert read(config)["state"] == state


def test_a_late_sale_counts_on_the_day_it_was_made(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    """Half past one at night in New York, at a bar that closes at three."""
    shop.write("orders", order(1001, AT, processedAt="2026-02-08T06:30:00Z"))
    assert read(config | {"business_day_starts_at": "04:00"})["business_date"] == "2026-02-07"


def test_test_orders_are_left_out_and_counted(
    shop: FakeShopify, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    shop.write_all("orders", order(1001, AT), order(1002, AT, test=True))
    with caplog.at_level(logging.INFO):
        out = sync(config)
    assert set(out.table("orders")) == {("tea", "1001")}
    assert [r.getMessage() for r in caplog.records if "test order" in r.getMessage()] == [
        "Shop 'tea': left out 1 test order(s)"
    ]


def test_only_the_chosen_locations_are_read(shop: FakeShopify, config: dict[str, Any]) -> None:
    shop.write("locations", location(2, AT))
    places: list[Row] = [{"location": 1}, {"location": 2}, {"location": None}]
    shop.write_all("orders", *[order(1001 + n, AT, **place) for n, place in enumerate(places)])
    for chosen, found in ((["2"], {"1002"}), (["1", "online"], {"1001", "1003"})):
        out = sync(config | {"location_ids": chosen})
        assert {identity for _, identity in out.table("orders")} == found
