"""Square's orders: every trap of its Orders, Payments and Refunds APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing import Answer, ScriptedSquare, refusal, sync
from tap_pos.testing.fakes.square_rows import line, location, money, order, payment, refund

if TYPE_CHECKING:
    from tap_pos.testing import Request

RETURNED = {
    "uid": "back",
    "source_line_item_uid": "line",
    "name": "Tea",
    "quantity": "2",
    "catalog_object_id": "VARIATION",
    "base_price_money": money(500),
    "gross_return_money": money(1000),
    "total_tax_money": money(80),
    "total_discount_money": money(100),
    "total_money": money(980),
}


def one_order(config: dict[str, Any], identity: str = "O1") -> dict[str, Any]:
    out = sync(config)
    assert out.failures == []
    return out.table("orders")["tea", identity]


def test_a_sale_is_one_record_with_its_lines_and_payments(config: dict[str, Any]) -> None:
    sale = one_order(config)
    assert (sale["state"], sale["channel"], sale["currency"]) == ("completed", "store", "USD")
    assert (sale["gross"], sale["net"], sale["total"]) == (1000, 1000, 1000)
    assert [row["id"] for row in sale["lines"]] == ["line"]
    assert [row["amount"] for row in sale["payments"]] == [1000]
    assert sale["business_date"] == "2026-02-10"


def test_a_return_is_an_order_of_its_own_with_negative_amounts(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    back = {"total_money": money(980), "tax_money": money(80), "discount_money": money(100)}
    square.orders.append(
        order(
            "BACK",
            "2026-02-12T15:00:00Z",
            line_items=None,
            tenders=None,
            total_money=money(0),
            net_amounts=None,
            return_amounts=back,
            returns=[{"uid": "r", "source_order_id": "O1", "return_line_items": [RETURNED]}],
            refunds=[{"id": "RF1", "status": "APPROVED", "amount_money": money(980)}],
        )
    )
    square.refunds.append(
        refund("RF1", "BACK", "2026-02-12T15:00:05Z", amount=980, team_member_id="T9")
    )
    record = one_order(config, "BACK")
    (row,) = record["lines"]
    assert (row["kind"], row["quantity"], row["unit_price"]) == ("return", "2", -500)
    assert (row["gross"], row["discount"], row["tax"], row["net"]) == (-1000, -100, -80, -900)
    assert (record["gross"], record["discount"], record["net"]) == (-1000, -100, -900)
    assert (record["tax"], record["total"]) == (-80, -980)
    assert record["returns"] == [
        {"line_id": "back", "source_order_id": "O1", "source_line_id": "line"}
    ]
    (money_back,) = record["payments"]
    assert (money_back["kind"], money_back["amount"]) == ("refund", -980)
    assert record["employee_id"] == "T9"


def test_an_unlinked_return_has_no_source(square: ScriptedSquare, config: dict[str, Any]) -> None:
    square.orders[0] |= {"line_items": None, "returns": [{"return_line_items": [RETURNED]}]}
    (link,) = one_order(config)["returns"]
    assert link == {"line_id": "back", "source_order_id": None, "source_line_id": None}


def test_an_exchange_has_both_kinds_of_lines(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.orders[0] |= {
        "returns": [{"source_order_id": "O0", "return_line_items": [RETURNED]}],
        "net_amounts": {"total_money": money(20), "tax_money": money(-80)},
    }
    record = one_order(config)
    assert [row["kind"] for row in record["lines"]] == ["sale", "return"]
    assert (record["gross"], record["net"], record["total"], record["tax"]) == (0, 100, 20, -80)


def test_a_refund_of_an_old_payment_touches_its_order_again(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    """Square moves the payment's and the refund's updated_at, but not the order's."""
    first = sync(config)
    square.now = square.now.replace(month=4)
    square.payments[0] |= {"updated_at": "2026-03-20T09:00:00Z", "status": "COMPLETED"}
    square.orders[0]["refunds"] = [{"id": "RF1", "status": "PENDING", "amount_money": money(300)}]
    square.refunds.append(refund("RF1", "O1", "2026-03-20T09:00:00Z", amount=300, status="PENDING"))
    second = sync(config, first.state)
    (record,) = second.table("orders").values()
    assert [(p["kind"], p["amount"], p["state"]) for p in record["payments"]] == [
        ("payment", 1000, "completed"),
        ("refund", -300, "pending"),
    ]
    square.now = square.now.replace(month=5)
    square.refunds[0] |= {"updated_at": "2026-04-03T09:00:00Z", "status": "COMPLETED"}
    third = sync(config, second.state)
    (record,) = third.table("orders").values()
    assert [p["state"] for p in record["payments"]] == ["completed", "completed"]
    assert record == sync(config).table("orders")["tea", "O1"]


def test_payments_are_asked_for_by_location_and_from_the_very_beginning(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    """Otherwise Square means the main location and the last twelve months."""
    square.locations.append(location("L2"))
    square.orders.append(order("O2", "2026-02-11T15:00:00Z", location_id="L2"))
    old = "2024-05-05T05:05:05Z"
    square.payments.append(
        payment("O2", "2026-02-11T15:00:00Z", location_id="L2", created_at=old, tip_money=money(7))
    )
    assert one_order(config, "O2")["payments"][0]["tip"] == 7
    assert all(request.asked["sort_order"] == "ASC" for request in square.asked("/v2/payments"))
    assert not [r for r in square.requests if r.path.startswith("/v2/payments/")]


def test_payments_that_changed_in_another_window_are_fetched_by_id(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.payments[0]["updated_at"] = "2026-02-20T09:00:00Z"
    out = sync(config | {"window_days": 1})
    records = out.sent("orders")
    assert len(records) == 2, "once for the order's change, once for the payment's"
    assert records[0] == records[1]


def test_a_tender_without_a_payment_record_still_counts(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.payments.clear()
    square.orders[0]["tenders"] = [
        {"id": "old", "type": "SQUARE_GIFT_CARD", "amount_money": money(1000)},
        {"id": "none", "type": "NO_SALE", "amount_money": money(0)},
    ]
    (paid,) = one_order(config)["payments"]
    assert (paid["id"], paid["method"], paid["amount"]) == ("old", "gift_card", 1000)


def test_a_failure_between_two_chunks_of_locations_loses_nothing(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    """Twelve locations need two calls; the second fails, then the run is resumed."""
    names = [f"L{number:02}" for number in range(12)]
    square.locations = [location(name) for name in names]
    square.payments.clear()
    square.orders = [
        order(f"{name}-{day}", f"2026-02-{day:02}T15:00:00Z", location_id=name, tenders=None)
        for name in names
        for day in range(1, 25)
    ]

    def fail_in_the_second_chunk(request: Request) -> Answer | None:
        if request.path != "/v2/orders/search" or "L11" not in request.asked["location_ids"]:
            return None
        window = request.asked["query"]["filter"]["date_time_filter"]["updated_at"]
        return refusal(400, "BAD_REQUEST") if window["end_at"] > "2026-02" else None

    square.script = fail_in_the_second_chunk
    first = sync(config)
    assert "refused POST /v2/orders/search with 400 (BAD_REQUEST)" in first.failures[0]
    assert len(first.table("orders")) == 10 * 24
    square.script = lambda _request: None
    second = sync(config, first.state)
    assert len(first.then(second).table("orders")) == 12 * 24
    chunks = [len(request.asked["location_ids"]) for request in square.asked("/v2/orders/search")]
    assert max(chunks) == 10


def test_many_orders_of_the_same_instant_all_arrive(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.page_size = 7
    square.orders = [order(f"O{n}", "2026-02-10T15:00:00Z", tenders=None) for n in range(40)]
    assert len(sync(config | {"window_days": 1}).table("orders")) == 40


def test_an_offline_sale_of_three_days_ago_arrives_as_a_new_change(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    first = sync(config)
    square.now = square.now.replace(day=4)
    late = order("LATE", "2026-02-28T23:30:00Z", tenders=None)
    late["updated_at"] = "2026-03-03T20:00:00Z"
    square.orders.append(late)
    second = sync(config, first.state)
    assert second.table("orders")["tea", "LATE"]["business_date"] == "2026-02-28"


@pytest.mark.parametrize(
    ("change", "channel"),
    [
        ({"source": {"name": "Square Online"}}, "online"),
        ({"fulfillments": [{"type": "SHIPMENT"}]}, "online"),
        ({"source": {"name": "Square Point of Sale"}}, "store"),
    ],
)
def test_the_channel_is_where_the_basket_was_filled(
    square: ScriptedSquare, config: dict[str, Any], change: dict[str, Any], channel: str
) -> None:
    square.orders[0] |= change
    assert one_order(config)["channel"] == channel


def test_a_payment_taken_by_the_online_shop_makes_the_order_online(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.payments[0]["application_details"] = {"square_product": "ONLINE_STORE"}
    assert one_order(config)["channel"] == "online"


@pytest.mark.parametrize(
    ("details", "method"),
    [
        ({"source_type": "CASH"}, "cash"),
        ({"source_type": "WALLET"}, "wallet"),
        ({"source_type": "BUY_NOW_PAY_LATER"}, "other"),
        ({"source_type": "CARD", "card_details": {"card": {"card_brand": "VISA"}}}, "card"),
        (
            {"source_type": "CARD", "card_details": {"card": {"card_brand": "SQUARE_GIFT_CARD"}}},
            "gift_card",
        ),
    ],
)
def test_how_it_was_paid(
    square: ScriptedSquare, config: dict[str, Any], details: dict[str, Any], method: str
) -> None:
    square.payments[0] |= details
    assert one_order(config)["payments"][0]["method"] == method


@pytest.mark.parametrize(("allowed", "kept"), [(False, None), (True, "sq-1-print")])
def test_a_card_fingerprint_leaves_only_where_the_settings_allow_it(
    square: ScriptedSquare,
    config: dict[str, Any],
    *,
    allowed: bool,
    kept: str | None,
) -> None:
    square.payments[0]["card_details"] = {"card": {"fingerprint": "sq-1-print"}}
    record = one_order(config | {"card_fingerprints": allowed})
    assert record["payments"][0]["card_fingerprint"] == kept


def test_who_bought_and_who_sold(square: ScriptedSquare, config: dict[str, Any]) -> None:
    square.orders[0]["tenders"][0]["customer_id"] = "C-tender"
    square.payments[0] |= {"team_member_id": "T1", "receipt_number": " R7 "}
    record = one_order(config)
    assert (record["customer_id"], record["employee_id"]) == ("C-tender", "T1")
    assert record["receipt_number"] == "R7"


def test_amounts_of_zero_stay_zero_and_missing_money_is_no_money(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.orders[0] |= {
        "line_items": [
            line("free", 0),
            line("bare", 0, gross_sales_money=None, total_discount_money=None, total_money=None)
            | {"quantity": "0.453", "base_price_money": money(999)},
        ],
        "net_amounts": None,
        "total_money": {"amount": None, "currency": None},
        "total_tip_money": None,
    }
    record = one_order(config)
    assert [row["gross"] for row in record["lines"]] == [0, 453]
    assert (record["total"], record["tip"], record["currency"]) == (0, 0, "USD")


def test_yen_have_no_minor_unit_and_pass_as_they_are(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.orders[0] |= {"net_amounts": {"total_money": money(1200, "JPY")}}
    record = one_order(config)
    assert (record["total"], record["currency"]) == (1200, "JPY")


def test_only_the_chosen_locations_are_read(square: ScriptedSquare, config: dict[str, Any]) -> None:
    square.locations.append(location("L2"))
    square.orders.append(order("O2", "2026-02-11T15:00:00Z", location_id="L2"))
    square.payments.append(payment("O2", "2026-02-11T15:00:00Z", location_id="L2"))
    square.refunds.append(refund("RF", "O2", "2026-02-12T15:00:00Z", location_id="L2"))
    out = sync(config | {"location_ids": ["L1"]})
    assert set(out.table("orders")) == {("tea", "O1")}
    assert set(out.table("locations")) == {("tea", "L1"), ("tea", "L2")}


def test_the_trading_day_of_a_bar_ends_in_the_small_hours(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.orders[0]["closed_at"] = "2026-02-11T08:30:00Z"
    assert one_order(config)["business_date"] == "2026-02-11"
    late = one_order(config | {"business_day_starts_at": "04:00"})
    assert late["business_date"] == "2026-02-10"
