"""Clover: what happens at the register, what its lists leave out, and what the tap makes of it."""

from __future__ import annotations

import json
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing import Answer, Synced, sync
from tap_pos.testing.fakes.clover import SECRET, FakeClover
from tap_pos.testing.fakes.clover_server import milliseconds
from tap_pos.vendors.clover import CLOVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pos.testing import Request

DICE = Random(1)  # noqa: S311 - dice, no secret


@pytest.fixture
def clover() -> Iterator[FakeClover]:
    """A merchant in New York who has sold nothing; its clock says 2026-03-01 noon UTC."""
    with FakeClover().running() as running:
        yield running


def line(identity: str = "L1", price: int = 1000, **extra: Any) -> dict[str, Any]:
    return {"id": identity, "name": "Tea", "price": price, "item": {"id": "I1"}, **extra}


def order(clover: FakeClover, *lines: dict[str, Any], **extra: Any) -> str:
    at = milliseconds(clover.now - timedelta(days=1))
    return clover.put("orders", {
        "currency": "USD", "total": None, "state": "locked", "paymentState": "PAID",
        "createdTime": at, "clientCreatedTime": at, "modifiedTime": at, "lineItems": list(lines),
        **extra,
    })  # fmt: skip


def pay(clover: FakeClover, key: str, amount: int, **extra: Any) -> str:
    at = milliseconds(clover.now - timedelta(days=1))
    return clover.put("payments", {
        "order": {"id": key}, "amount": amount, "result": "SUCCESS", "tender": {"id": "CASH"},
        "createdTime": at, "modifiedTime": at, **extra,
    })  # fmt: skip


def first_run(clover: FakeClover) -> Synced:
    """Read the shop when all of it is older than the next run's lookback."""
    clover.advance(days=1)
    return sync(clover.settings())


def rows(out: Synced, stream: str) -> list[dict[str, Any]]:
    return list(out.table(stream).values())


def only(clover: FakeClover, stream: str, **settings: Any) -> dict[str, Any]:
    out = sync(clover.settings() | {"max_retry_seconds": 0.1} | settings)
    assert out.failures == []
    (record,) = rows(out, stream)
    return record


# --- sales --------------------------------------------------------------------------------


def test_a_sale_with_modifiers_discounts_added_tax_and_a_tip(clover: FakeClover) -> None:
    salad = line(price=1200, modifications=[{"amount": 100}, {"amount": 100}],
                 discounts=[{"amount": -100}], taxRates=[{"rate": 825_000}])  # fmt: skip
    greek = line("L2", 1200, discounts=[{"percentage": 25}], taxRates=[{"rate": 825_000}])
    key = order(clover, salad, greek, discounts=[{"percentage": 10}], total=2143)
    pay(clover, key, 2143, tipAmount=300, tender={"id": "X"}, cardTransaction={"token": SECRET})
    sale = only(clover, "orders")
    assert [(row["gross"], row["discount"]) for row in sale["lines"]] == [(1400, 230), (1200, 390)]
    assert (sale["gross"], sale["discount"], sale["net"]) == (2600, 620, 1980)
    assert (sale["tax"], sale["tip"], sale["total"]) == (163, 300, 2443)
    (money,) = sale["payments"]
    assert (money["method"], money["amount"], money["tip"]) == ("card", 2443, 300)
    assert (sale["state"], sale["closed_at"]) == ("completed", "2026-02-28T12:00:00Z")


def test_prices_that_hold_the_tax_are_told_without_it(clover: FakeClover) -> None:
    order(clover, line(price=1200, taxRates=[{"rate": 2_000_000}]), isVat=True, total=1200)
    sale = only(clover, "orders")
    assert (sale["gross"], sale["net"], sale["tax"], sale["total"]) == (1000, 1000, 200, 1200)


def test_what_is_sold_by_weight_and_what_costs_nothing(clover: FakeClover) -> None:
    order(clover, line(price=1999, unitQty=453), line("L2", 0), total=906)
    sale = only(clover, "orders")
    assert [row["quantity"] for row in sale["lines"]] == ["0.453", "1"]
    assert [row["gross"] for row in sale["lines"]] == [906, 0]
    assert (sale["tax"], sale["tip"], sale["total"]) == (0, 0, 906)


def test_a_service_charge_is_neither_sales_nor_tax(clover: FakeClover) -> None:
    order(clover, line(), serviceCharge={"percentageDecimal": 180_000}, total=1180)
    sale = only(clover, "orders")
    assert (sale["net"], sale["service_charge"], sale["tax"], sale["total"]) == (1000, 180, 0, 1180)


def test_a_line_taken_back_follows_as_a_return(clover: FakeClover) -> None:
    sold = [line("L1", 1000, refunded=True), line("L2", 500)]
    key = order(clover, *sold, total=1500, paymentState="PARTIALLY_REFUNDED")
    paid = pay(clover, key, 1500)
    clover.put("refunds", {"amount": 1000, "orderRef": {"id": key}, "payment": {"id": paid},
                           "createdTime": clover.clock()})  # fmt: skip
    sale = only(clover, "orders")
    assert [(row["kind"], row["net"]) for row in sale["lines"]] == [
        ("sale", 1000), ("sale", 500), ("return", -1000)
    ]  # fmt: skip
    assert sale["returns"] == [
        {"line_id": "L1-back", "source_order_id": key, "source_line_id": "L1"}
    ]
    assert (sale["net"], sale["total"], sale["state"]) == (500, 500, "completed")
    assert [(row["kind"], row["method"], row["amount"]) for row in sale["payments"]] == [
        ("payment", "cash", 1500), ("refund", "cash", -1000)
    ]  # fmt: skip


@pytest.mark.parametrize(("currency", "total"), [("JPY", 500), ("KWD", 1234), ("EUR", 1250)])
def test_amounts_are_the_smallest_coins_already(
    clover: FakeClover, currency: str, total: int
) -> None:
    order(clover, line(price=total), currency=currency, total=total)
    sale = only(clover, "orders")
    assert (sale["currency"], sale["total"]) == (currency, total)


@pytest.mark.parametrize(
    ("extra", "state"),
    [
        ({"state": "open", "paymentState": "OPEN"}, "open"),
        ({"state": "locked", "paymentState": None}, "completed"),
        ({"paymentState": "REFUNDED"}, "completed"),
        ({"testMode": True}, "cancelled"),
    ],
)
def test_states(clover: FakeClover, extra: dict[str, Any], state: str) -> None:
    order(clover, line(), **extra)
    assert only(clover, "orders")["state"] == state


def test_a_deleted_order_is_cancelled(clover: FakeClover) -> None:
    key = order(clover, line())
    first = first_run(clover)
    clover.advance(days=2)
    clover.change("orders", key, deletedTime=clover.clock())
    (record,) = rows(sync(clover.settings(), first.state), "orders")
    assert record["state"] == "cancelled"


def test_an_order_that_was_never_finished_but_paid_is_read_by_its_payment(
    clover: FakeClover,
) -> None:
    pay(clover, order(clover, line(), state=None, paymentState=None), 1000)
    assert only(clover, "orders")["state"] == "open"


def test_a_tip_added_later_brings_the_order_along(clover: FakeClover) -> None:
    """Clover moves the payment's time of change, not the order's."""
    paid = pay(clover, order(clover, line(), total=1000), 1000)
    first = first_run(clover)
    clover.advance(days=120)
    clover.change("payments", paid, tipAmount=200, modifiedTime=clover.clock())
    (record,) = rows(sync(clover.settings(), first.state), "orders")
    assert (record["tip"], record["total"]) == (200, 1200)


def test_the_day_of_a_sale_is_the_shops_own(clover: FakeClover) -> None:
    order(clover, line(), clientCreatedTime=milliseconds(clover.now.replace(hour=3)))
    assert only(clover, "orders")["business_date"] == "2026-02-28"
    clover.properties = {"defaultCurrency": "USD"}
    assert only(clover, "orders", timezone="Asia/Tokyo")["business_date"] == "2026-03-01"


# --- what Clover leaves out without a word ------------------------------------------------


def test_an_order_of_more_lines_than_clover_nests_is_whole(clover: FakeClover) -> None:
    clover.page_size = 40
    order(clover, *(line(f"L{number}", 100) for number in range(130)), total=13_000)
    sale = only(clover, "orders")
    assert (len(sale["lines"]), sale["net"], sale["tax"]) == (130, 13_000, 0)


def test_a_year_is_asked_for_in_pieces_of_less_than_90_days(clover: FakeClover) -> None:
    pay(clover, order(clover, line()), 1000)
    sync(clover.settings() | {"window_days": 365})
    for request in clover.requests:
        bounds = [int(text.rpartition("=")[2]) for text in request.query.get("filter", [])]
        assert not bounds or bounds[1] - bounds[0] < 90 * 86_400_000
        assert len(request.asked.get("expand", "").split(",")) <= 3


def test_rows_of_other_days_than_asked_for_are_not_believed(clover: FakeClover) -> None:
    key = order(clover, line())

    def ignore_filter(request: Request) -> Answer | None:
        listed = request.path.endswith("/payments")
        return Answer(body={"elements": [{"id": "P", "amount": 1, "order": {"id": key},
                                          "modifiedTime": 1}]}) if listed else None  # fmt: skip

    clover.script = ignore_filter
    (sentence,) = sync(clover.settings()).failures
    assert "with those of others" in sentence


def test_rows_that_move_between_pages_are_not_lost(clover: FakeClover) -> None:
    """Clover pages by offset: when a row of an earlier page goes, one of the next is skipped."""
    keys = [clover.put("customers", {"firstName": str(number)}) for number in range(9)]
    pages = 0

    def delete_while_paging(request: Request) -> None:
        nonlocal pages
        pages += request.path.endswith("/customers")
        if pages == 2 and len(clover.rows("customers")) == 9:
            for key in keys[-2:]:
                clover.remove("customers", key)

    clover.script = delete_while_paging
    assert {row["id"] for row in rows(sync(clover.settings()), "customers")} >= set(keys[:-2])


def test_pages_that_never_hold_still_end_in_a_sentence(clover: FakeClover) -> None:
    def shuffle(request: Request) -> Answer | None:
        if not request.path.endswith("/customers"):
            return None
        return Answer(body={"elements": [{"id": f"C{len(clover.requests)}"}]})

    clover.script = shuffle
    (sentence,) = sync(clover.settings()).failures
    assert "change faster than they can be read" in sentence


# --- people and range ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "state"), [(True, "given"), (False, "unknown"), (None, "unknown")]
)
def test_marketing_allowed_is_a_yes_to_email_and_never_a_no(
    clover: FakeClover,
    allowed: bool | None,  # noqa: FBT001 - a case of the test
    state: str,
) -> None:
    emails = [{"emailAddress": "b@x.org"}, {"emailAddress": "a@x.org", "primaryEmail": True}]
    clover.put("customers", {"firstName": "ليلى", "lastName": "🍵", "marketingAllowed": allowed,
                             "emailAddresses": emails})  # fmt: skip
    customer = only(clover, "customers")
    (consent,) = customer["consents"]
    assert (consent["channel"], consent["state"], consent["event_time"]) == ("email", state, None)
    assert (customer["given_name"], customer["email"]) == ("ليلى", "a@x.org")


def test_a_category_that_is_renamed_sends_its_items_again(clover: FakeClover) -> None:
    clover.add_product(DICE)
    first = first_run(clover)
    clover.advance(days=3)
    (key,) = (row["id"] for row in clover.rows("items"))
    clover.change("categories", "CAT", name="Warm", modifiedTime=clover.clock())
    clover.change("items", key, categories=[{"id": "CAT", "name": "Warm"}])
    (tea,) = rows(sync(clover.settings(), first.state), "products")
    assert (tea["category_path"], tea["barcode"], tea["currency"]) == (["Warm"], "400", "USD")


def test_no_secret_leaves_clover(clover: FakeClover) -> None:
    clover.hire(DICE)
    clover.add_customer(DICE)
    pay(clover, order(clover, line()), 1000, cardTransaction={"last4": SECRET, "token": SECRET})
    out = sync(clover.settings())
    assert SECRET not in json.dumps(out.messages)
    assert not any("cards" in request.asked.get("expand", "") for request in clover.requests)
    assert rows(out, "locations")[0]["timezone"] == "America/New_York"


# --- when things go wrong -----------------------------------------------------------------


def test_a_refused_token_ends_the_shop(clover: FakeClover) -> None:
    clover.tokens = set()
    (sentence,) = sync(clover.settings()).failures
    assert "refuses the access token for this merchant" in sentence
    assert "token'" not in sentence


def test_a_merchant_of_another_region_is_not_found(clover: FakeClover) -> None:
    (sentence,) = sync(clover.settings() | {"merchant_id": "M2"}).failures
    assert "check merchant_id and base_url" in sentence


def test_a_missing_permission_is_named_and_the_rest_goes_on(clover: FakeClover) -> None:
    order(clover, line())
    clover.refused = {"customers"}
    out = sync(clover.settings())
    (sentence,) = out.failures
    assert "Customers (read)" in sentence
    assert len(rows(out, "orders")) == 1


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({"total": "ten"}, id="an amount in words"),
        pytest.param({"total": 10.5}, id="a fraction of a cent"),
        pytest.param({"createdTime": 10**18, "clientCreatedTime": None}, id="an impossible date"),
        pytest.param({"currency": "XXQ"}, id="a currency of no country"),
        pytest.param({"lineItems": [{"id": "L1", "price": "x"}]}, id="a line that can't be read"),
    ],
)
def test_an_order_that_breaks_the_rules_is_bad_and_held_back(
    clover: FakeClover, extra: dict[str, Any]
) -> None:
    order(clover, line(), **extra)
    sound = order(clover, line("L9"))
    (sentence,) = sync(clover.settings()).failures
    assert "could not be read" in sentence
    out = sync(clover.settings() | {"max_bad_records": 3})
    assert out.failures == []
    assert [row["id"] for row in rows(out, "orders")] == [sound]


def test_a_bad_order_that_its_payment_leads_to_is_only_bad(clover: FakeClover) -> None:
    key = order(clover, line(), state=None, total="ten")
    pay(clover, key, 1000)
    out = sync(clover.settings() | {"max_bad_records": 1})
    assert (out.failures, rows(out, "orders")) == ([], [])
    (sentence,) = sync(clover.settings()).failures
    assert "1 record(s) of orders could not be read" in sentence


def test_money_given_back_for_no_order_is_not_dropped_silently(clover: FakeClover) -> None:
    clover.put("credits", {"amount": 100, "createdTime": clover.clock()})
    (sentence,) = sync(clover.settings()).failures
    assert "1 record(s) of orders could not be read" in sentence


def test_a_webhook_is_known_by_clovers_code() -> None:
    verify = CLOVER.verify_webhook
    assert verify is not None
    assert verify({"x-clover-auth": "code"}, b"{}", "code")
    assert not verify({"X-Clover-Auth": "other"}, b"{}", "code")
    assert not verify({}, b"{}", "code")
    assert not verify({"X-Clover-Auth": ""}, b"{}", "")
