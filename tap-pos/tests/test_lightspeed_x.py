"""Lightspeed Retail X-Series: sales as a shop makes them, and the feed that brings them."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing import sync
from tap_pos.testing.fakes.lightspeed_x_rows import AT, auckland, line, sale, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pos.testing.fakes.lightspeed_x import ScriptedLightspeed

Row = dict[str, Any]


@pytest.fixture
def shop() -> Iterator[ScriptedLightspeed]:
    """A shop in Auckland; its clock says 2026-03-01 noon UTC."""
    with auckland().running() as shop:
        yield shop


@pytest.fixture
def config(shop: ScriptedLightspeed) -> Row:
    return settings_of(shop)


def order(shop: ScriptedLightspeed, config: Row, row: Row) -> Row:
    shop.write("sales", row)
    out = sync(config)
    assert out.failures == []
    return out.table("orders")["tea", row["id"]]


def test_a_sale_with_a_discount_and_tax(shop: ScriptedLightspeed, config: Row) -> None:
    discounted = line(15.65218, 2, tax={"total": 2.34782},
                      pricing={"price": 7.82609, "discount": 0.86956, "discount_total": 1.73912,
                               "cost": 3.5})  # fmt: skip
    record = order(shop, config, sale(discounted, price=15.65218, tax=2.34782))
    assert (record["gross"], record["discount"], record["net"]) == (1739, 174, 1565)
    assert (record["tax"], record["total"], record["currency"]) == (235, 1800, "NZD")
    (entry,) = record["lines"]
    assert (entry["quantity"], entry["unit_price"], entry["unit_cost"]) == ("2", 870, 350)
    assert (entry["gross"], entry["discount"], entry["net"]) == (1739, 174, 1565)
    assert record["payments"][0]["method"] == "card"
    assert (record["employee_id"], record["receipt_number"]) == ("U1", "T-1")


def test_lines_that_only_add_up_before_their_discounts_are_read_that_way(
    shop: ScriptedLightspeed, config: Row
) -> None:
    before = line(10.0, pricing={"discount": 2, "discount_total": 2})
    record = order(shop, config, sale(before, price=8.0))
    assert (record["gross"], record["discount"], record["net"]) == (1000, 200, 800)


def test_the_business_day_is_that_of_the_outlet(shop: ScriptedLightspeed, config: Row) -> None:
    record = order(shop, config, sale())
    # Half past midnight of the eleventh in Auckland.
    assert (record["created_at"], record["business_date"]) == ("2026-02-10T11:30:00Z", "2026-02-11")
    late = config | {"business_day_starts_at": "04:00"}
    assert sync(late).table("orders")["tea", "S1"]["business_date"] == "2026-02-10"


def test_a_discount_on_the_whole_sale_is_no_return(shop: ScriptedLightspeed, config: Row) -> None:
    off = line(-6.0, -1, id="off", product={"id": shop.retailer["discount_product_id"]})
    record = order(shop, config, sale(line(12.0), off, price=6.0))
    assert (record["gross"], record["discount"], record["net"]) == (1200, 600, 600)
    assert [entry["kind"] for entry in record["lines"]] == ["sale", "sale"]
    assert record["returns"] == []


def test_a_return_names_the_sale_it_takes_back(shop: ScriptedLightspeed, config: Row) -> None:
    pricing = {"price": 10.0, "discount": 1, "discount_total": -1}
    taken = {"return": {"is_return": True}, "tax": {"total": -1.5}}
    back = line(-10.0, -1, id="back", pricing=pricing, **taken)
    linked = {"is_return": True, "original_sale_id": "S0", "return_sale_ids": []}
    record = order(shop, config, sale(back, price=-10.0, tax=-1.5) | {"return": linked})
    (entry,) = record["lines"]
    assert (entry["kind"], entry["quantity"], entry["unit_price"]) == ("return", "1", -1100)
    assert (entry["gross"], entry["discount"], entry["net"], entry["tax"]) == (
        -1100,
        -100,
        -1000,
        -150,
    )
    assert record["returns"] == [
        {"line_id": "back", "source_order_id": "S0", "source_line_id": None}
    ]
    assert (record["total"], record["payments"][0]["kind"]) == (-1150, "refund")


def test_an_exchange_has_both_kinds_of_lines(shop: ScriptedLightspeed, config: Row) -> None:
    back = line(-10.0, -1, id="back", **{"return": {"is_return": True}})
    record = order(shop, config, sale(back, line(25.0), price=15.0))
    assert [entry["kind"] for entry in record["lines"]] == ["return", "sale"]
    assert (record["net"], record["total"]) == (1500, 1500)
    assert record["returns"][0]["source_order_id"] is None


@pytest.mark.parametrize(
    ("state", "more", "canonical"),
    [
        ("parked", {}, "open"),
        ("pending", {"attributes": ["layby"]}, "open"),
        ("pending", {"attributes": ["onaccount"]}, "open"),
        ("closed", {"attributes": ["onaccount"]}, "completed"),
        ("voided", {}, "cancelled"),
        ("closed", {"deleted_at": AT}, "cancelled"),
    ],
)
def test_the_state_of_a_sale(
    shop: ScriptedLightspeed, config: Row, state: str, more: Row, canonical: str
) -> None:
    record = order(shop, config, sale(state=state, **more))
    assert (record["state"], record["closed_at"] is None) == (canonical, canonical == "open")
    cancelled = canonical == "cancelled"
    assert record["payments"][0]["state"] == ("cancelled" if cancelled else "completed")


def test_tips_fees_and_delivery_count_as_far_as_they_were_paid(
    shop: ScriptedLightspeed, config: Row
) -> None:
    more: Row = {
        "adjustments": [{"adjustment_type": "TIP", "total": 2.0},
                        {"adjustment_type": "NON_CASH_FEE", "total": 0.5}],
        "ecom_custom_charges": [{"name": "Delivery", "total": 4.0, "total_incl": 4.6}],
    }  # fmt: skip
    record = order(shop, config, sale(paid=17.1, **more))
    assert (record["tip"], record["service_charge"], record["total"]) == (200, 450, 1710)
    assert record["channel"] == "online"
    included = order(shop, config, sale(paid=10.0, **more))
    assert included["total"] == 1000


@pytest.mark.parametrize(("currency", "minor"), [("JPY", 10), ("KWD", 10_000), ("NZD", 1000)])
def test_amounts_follow_the_outlets_currency(
    shop: ScriptedLightspeed, config: Row, currency: str, minor: int
) -> None:
    shop.write("outlets", shop.current("outlets")["O1"] | {"currency": currency})
    assert order(shop, config, sale())["net"] == minor


def test_zero_stays_zero_and_binary_noise_goes(shop: ScriptedLightspeed, config: Row) -> None:
    record = order(shop, config, sale(line(2.7755575615628914e-17, 1), price=0.0))
    assert (record["gross"], record["total"], record["lines"][0]["unit_price"]) == (0, 0, 0)


def test_rounded_lines_add_up_to_the_rounded_sale(shop: ScriptedLightspeed, config: Row) -> None:
    lines = [line(0.335, id=f"l{n}") for n in range(3)]
    record = order(shop, config, sale(*lines, price=1.005))
    assert record["net"] == 101 == sum(entry["net"] for entry in record["lines"])


@pytest.mark.parametrize(
    ("name", "method"),
    [("Cash", "cash"), ("Gift Card", "gift_card"), ("Credit Card", "card"), ("PayPal", "wallet"),
     ("Store Credit", "other"), ("Bank transfer", "bank"), ("Barter", "other")],
)  # fmt: skip
def test_how_it_was_paid_is_told_by_the_shops_own_words(
    shop: ScriptedLightspeed, config: Row, name: str, method: str
) -> None:
    payment = {"id": "p", "amount": 10.0, "date": AT, "type": {"name": name}}
    assert order(shop, config, sale(payments=[payment]))["payments"][0]["method"] == method


def test_a_sale_edited_later_comes_again(shop: ScriptedLightspeed, config: Row) -> None:
    shop.write("sales", sale())
    first = sync(config)
    shop.advance(days=20)
    shop.write("sales", sale(customer_id="C9", updated_at=shop.stamp()))
    again = sync(config, first.state)
    assert [row["customer_id"] for row in again.sent("orders")] == ["C9"]
    assert "after" in shop.asked("/api/2026-07/sales")[-1].asked


def test_a_lower_version_that_shows_up_after_a_higher_one_is_not_lost(
    shop: ScriptedLightspeed, config: Row
) -> None:
    shop.write("sales", sale(id="OLD"))
    shop.lag = timedelta(seconds=60)
    shop.write("sales", sale(id="SLOW", updated_at=shop.stamp()))
    shop.lag = timedelta(0)
    # Versions are drawn over the whole account, so there is a wide gap between the two.
    shop.write("customers", {"id": "C1"})
    shop.write("sales", sale(id="QUICK", updated_at=shop.stamp()))
    first = sync(config)
    assert [row["id"] for row in first.sent("orders")] == ["OLD", "QUICK"]
    shop.advance(seconds=60)
    second = sync(config, first.state)
    assert [row["id"] for row in second.sent("orders")] == ["SLOW", "QUICK"]
    assert sync(config, second.state).sent("orders") == []


@pytest.mark.parametrize(
    "broken",
    [
        {"date": "yesterday"},
        {"updated_at": None},
        {"state": "lost"},
        {"line_items": [line(pricing={"total": "ten"})]},
        {"line_items": [{"id": "x", "quantity": 1}]},
        {"line_items": [line(1e30)]},
        {"payments": [{"id": "p"}]},
    ],
)
def test_a_malformed_sale_is_named_and_holds_the_bookmark(
    shop: ScriptedLightspeed, config: Row, broken: Row, caplog: pytest.LogCaptureFixture
) -> None:
    shop.write("sales", sale() | {"id": "GOOD"})
    shop.write("sales", sale() | {"id": "BAD"} | broken)
    with caplog.at_level(logging.ERROR):
        out = sync(config)
    assert [row["id"] for row in out.sent("orders")] == ["GOOD"]
    assert any("BAD" in message for message in caplog.messages)
    assert "1 record(s) of orders could not be read" in out.failures[0]


def test_only_the_chosen_outlets_are_read(shop: ScriptedLightspeed, config: Row) -> None:
    shop.write("sales", sale())
    shop.write("sales", sale(id="S2", source={"outlet_id": "O2"}))
    first = sync(config | {"location_ids": ["O1"]})
    assert [row["id"] for row in first.sent("orders")] == ["S1"]
    # A later choice of more outlets reads everything again.
    more = sync(config | {"location_ids": ["O1", "O2"]}, first.state)
    assert [row["id"] for row in more.sent("orders")] == ["S1", "S2"]


def test_an_expired_version_served_by_another_is_refused(
    shop: ScriptedLightspeed, config: Row
) -> None:
    shop.write("sales", sale())
    shop.served_versions = set()
    out = sync(config | {"api_version": "2025-01"})
    assert out.sent("orders") == []
    assert "/api/2025-01/sales in the shape of another version" in out.failures[0]
    assert "set api_version" in out.failures[0]


def test_everything_is_read_again_when_the_settings_ask_for_it(
    shop: ScriptedLightspeed, config: Row
) -> None:
    shop.write("sales", sale())
    weekly = config | {"full_scan_days": 7}
    first = sync(weekly)
    shop.advance(days=6)
    assert sync(weekly, first.state).sent("orders") == []
    shop.advance(days=2)
    assert len(sync(weekly, first.state).sent("orders")) == 1
