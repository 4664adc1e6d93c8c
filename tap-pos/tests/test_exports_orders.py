"""The figures of an order are computed where the file leaves them out, and held together."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.errors import Unmappable
from tap_pos.vendors.exports.baskets import Basket
from tap_pos.vendors.exports.orders import OrderFacts, order_of
from tap_pos.vendors.exports.values import required_zone

if TYPE_CHECKING:
    from tap_pos.records import Order

FACTS = OrderFacts("corner", required_zone("UTC"), "EUR", time(4), "check", "by total")
AT = {"created_at": "2026-05-01T10:00:00Z"}
TEA = {"name": "Tea", "quantity": "2", "unit_price": "5"}


def order(*lines: dict[str, str], facts: OrderFacts = FACTS, **texts: Any) -> Order:
    apart, payments = texts.pop("apart", False), texts.pop("payments", [])
    basket = Basket("A", "f:2", {**AT, **texts}, list(lines), payments, apart=apart)
    return order_of(basket, facts)


def figures(found: Order) -> tuple[int, int, int, int, int]:
    return found.gross, found.discount, found.net, found.tax, found.total


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({}, (1000, 0, 1000, 0, 1000)),
        ({"total": "10"}, (1000, 0, 1000, 0, 1000)),
        ({"total": "11.9", "tax": "1.9"}, (1000, 0, 1000, 190, 1190)),
        ({"total": "10", "tax": "1.6"}, (840, 0, 840, 160, 1000)),
        ({"discount": "-1"}, (1000, 100, 900, 0, 900)),
        ({"discount": "1", "tip": "2", "total": "11"}, (1000, 100, 900, 0, 1100)),
        ({"net": "9", "total": "9"}, (1000, 100, 900, 0, 900)),
        ({"service_charge": "0.5", "total": "10.5"}, (1000, 0, 1000, 0, 1050)),
    ],
)
def test_what_a_file_leaves_out_is_computed(
    texts: dict[str, Any], expected: tuple[int, ...]
) -> None:
    assert figures(order(TEA, **texts)) == expected


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({"total": "12"}, "its amounts do not add up to its total"),
        ({"gross": "12"}, "its lines do not add up to its gross amount"),
        ({"net": "11"}, "its lines do not add up to its net amount"),
        ({"tax": "1.9"}, "it has tax but no total"),
        ({"total": "10.001"}, "an amount is finer than its currency allows"),
        ({"currency": "XXQ"}, "its currency is none of ISO 4217"),
        ({"state": "done"}, "its state is a word that the mapping does not translate"),
    ],
)
def test_what_contradicts_itself_is_refused(texts: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unmappable, match=reason):
        order(TEA, **texts)


def test_totals_are_taken_as_given_where_the_mapping_says_so() -> None:
    found = order(TEA, total="12", facts=replace(FACTS, totals="given"))
    assert figures(found) == (1000, 0, 1000, 0, 1200)


def test_a_discount_that_may_or_may_not_hold_those_of_the_lines_is_seen_from_the_total() -> None:
    line = {**TEA, "discount": "1"}
    assert figures(order(line, discount="3", total="7")) == (1000, 300, 700, 0, 700)
    assert figures(order(line, discount="3", total="6")) == (1000, 400, 600, 0, 600)
    with pytest.raises(Unmappable, match=r"map orders\.net"):
        order(line, discount="3")


def test_a_total_without_lines_is_an_order() -> None:
    assert figures(order(total="11.9", tax="1.9")) == (1000, 0, 1000, 190, 1190)
    with pytest.raises(Unmappable, match="neither lines nor a total"):
        order()


@pytest.mark.parametrize(
    ("currency", "price", "amount"), [("JPY", "500", 500), ("KWD", "1.234", 1234), ("EUR", "0", 0)]
)
def test_minor_units_are_those_of_the_currency(currency: str, price: str, amount: int) -> None:
    found = order({"name": "🍵 شاي", "unit_price": price}, currency=currency)
    assert (found.net, found.lines[0].gross, found.lines[0].unit_price) == (amount,) * 3


def test_a_return_is_negative_whatever_signs_the_file_gives() -> None:
    line = {"name": "Tea", "quantity": "1", "gross": "5", "discount": "1", "source_order": "S"}
    found = order(line, apart=True, net="4", total="4", payments=[{"amount": "4"}])
    assert figures(found) == (-500, -100, -400, 0, -400)
    assert (found.lines[0].kind, found.lines[0].quantity) == ("return", "1")
    assert (found.payments[0].kind, found.payments[0].amount) == ("refund", -400)
    assert found.returns[0].source_order_id == "S"


def test_a_weighed_quantity_is_priced_to_the_nearest_cent() -> None:
    assert order({"name": "Tea", "quantity": "0.453", "unit_price": "29.9"}).net == 1354


def test_a_day_without_a_time_is_not_pushed_before_the_beginning_of_business() -> None:
    midnight: dict[str, Any] = {"created_at": "2026-05-01T00:00:00Z"}
    assert order(TEA, **midnight).business_date == "2026-04-30"
    assert (
        order(TEA, **midnight, **dict[str, Any]({"created_at:day": "2026-05-01"})).business_date
        == "2026-05-01"
    )


def test_two_lines_with_one_id_are_refused() -> None:
    with pytest.raises(Unmappable, match="same id"):
        order({**TEA, "id": "1"}, {**TEA, "id": "1"})
