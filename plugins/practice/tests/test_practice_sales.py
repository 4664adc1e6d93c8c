"""Orders, payments, returns and refunds add up, and come in all the shapes Square has."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from practice_register.shop.pricing import price_line


@pytest.fixture
def orders(client: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.orders()
    return found


def _amount(record: dict[str, Any], field: str) -> int:
    amount: int = record[field]["amount"]
    return amount


def test_every_line_and_every_total_adds_up(orders: list[dict[str, Any]]) -> None:
    for order in orders:
        total = _amount(order, "total_tip_money")
        for line in order.get("line_items", []):
            exact = Decimal(line["quantity"]) * _amount(line, "base_price_money")
            gross = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
            assert gross == _amount(line, "gross_sales_money")
            net = gross - _amount(line, "total_discount_money")
            assert net >= 0
            assert net + _amount(line, "total_tax_money") == _amount(line, "total_money")
            total += _amount(line, "total_money")
        assert total == _amount(order, "total_money")
        returned = sum(
            _amount(line, "total_money")
            for each in order.get("returns", [])
            for line in each["return_line_items"]
        )
        assert order["net_amounts"]["total_money"]["amount"] == total - returned
        assert returned == sum(
            _amount(refund, "amount_money") for refund in order.get("refunds", [])
        )


def test_tenders_pay_the_order_and_are_payments(client: Any, orders: list[dict[str, Any]]) -> None:
    payments = {
        payment["id"]: payment
        for location in client.locations
        for payment in client.every_get(
            "/v2/payments", "payments", location_id=location, begin_time="2020-01-01T00:00:00Z"
        )
    }
    for order in orders:
        tenders = order.get("tenders", [])
        if order["state"] == "COMPLETED":
            assert sum(_amount(each, "amount_money") for each in tenders) == _amount(
                order, "total_money"
            )
        for tender in tenders:
            payment = payments[tender["payment_id"]]
            assert payment["order_id"] == order["id"]
            assert _amount(payment, "total_money") == _amount(tender, "amount_money")
    kinds = {tender["type"] for order in orders for tender in order.get("tenders", [])}
    assert {"CARD", "CASH", "SQUARE_GIFT_CARD", "WALLET"} <= kinds
    cards = [each["card_details"]["card"] for each in payments.values() if "card_details" in each]
    assert all(card["fingerprint"] for card in cards)
    assert all(payment["team_member_id"] for payment in payments.values())


def test_returns_are_orders_of_their_own_linked_and_unlinked(
    client: Any, orders: list[dict[str, Any]]
) -> None:
    by_id = {order["id"]: order for order in orders}
    returns = [(order, each) for order in orders for each in order.get("returns", [])]
    linked = [(order, each) for order, each in returns if "source_order_id" in each]
    assert 0 < len(linked) < len(returns)
    for order, each in linked:
        assert "line_items" not in order
        source = by_id[each["source_order_id"]]
        lines = {line["uid"]: line for line in source["line_items"]}
        for line in each["return_line_items"]:
            sold = lines[line["source_line_item_uid"]]
            assert sold["catalog_object_id"] == line["catalog_object_id"]
            assert _amount(line, "total_money") <= _amount(sold, "total_money")
    refunds = {
        each["id"]: each
        for each in client.every_get("/v2/refunds", "refunds", begin_time="2020-01-01T00:00:00Z")
    }
    for order, each in returns:
        (inside,) = order["refunds"]
        refund = refunds[inside["id"]]
        assert refund["order_id"] == order["id"]
        assert refund["unlinked"] == ("source_order_id" not in each)
        assert refund["unlinked"] == ("payment_id" not in refund)


def test_offline_sales_arrive_late_with_their_old_time(orders: list[dict[str, Any]]) -> None:
    late = [
        order
        for order in orders
        if "version" not in order
        and order["created_at"][:10] < order["updated_at"][:10]
        and "line_items" in order
        and order["closed_at"] < order["updated_at"][:19]
    ]
    assert late


def test_line_uids_are_unique_only_within_their_order(orders: list[dict[str, Any]]) -> None:
    uids = [[line["uid"] for line in order.get("line_items", [])] for order in orders]
    assert all(len(set(each)) == len(each) for each in uids)
    assert len({uid for each in uids for uid in each}) < sum(map(len, uids)) / 2


@pytest.mark.parametrize(
    ("quantity", "paid", "saved", "expected"),
    [
        (1, 199, 30, ("1", 229, 229, 30)),
        (3, 500, 0, ("3", 167, 501, 1)),
        (0, 0, 0, ("1", 0, 0, 0)),
        (0, 250, 0, ("1", 250, 250, 0)),
        (2, 0, 399, ("2", 200, 400, 400)),
        (8725, 2006, 1, ("8.725", 231, 2015, 9)),
    ],
)
def test_the_data_sets_oddities_become_sensible_lines(
    quantity: int, paid: int, saved: int, expected: tuple[str, int, int, int]
) -> None:
    priced = price_line(quantity, paid, saved, taxed=False)
    assert (priced.quantity, priced.base, priced.gross, priced.discount) == expected
    assert priced.total == paid


def test_tax_comes_on_top() -> None:
    assert price_line(1, 250, 0, taxed=True)[-2:] == (15, 265)
