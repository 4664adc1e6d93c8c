"""Loyverse: receipts as tills send them, filters that may be ignored, people, the range."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.errors import SettingsError
from tap_pos.testing import Answer, sync
from tap_pos.testing.fakes.loyverse import ScriptedLoyverse, refusal
from tap_pos.vendors import VENDORS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pos.testing import Request

Row = dict[str, Any]
AT = "2026-02-11T03:30:00.000Z"


@pytest.fixture
def shop() -> Iterator[ScriptedLoyverse]:
    """A shop with one store; its clock says 2026-03-01 noon UTC."""
    shop = ScriptedLoyverse()
    shop.write("stores", {"id": "L1", "name": " Main ", "city": "Boston"})
    with shop.running():
        yield shop


@pytest.fixture
def config(shop: ScriptedLoyverse) -> Row:
    return {
        "vendor": "loyverse",
        "shop_id": "tea",
        "access_token": "token",
        "base_url": shop.url,
        "max_retry_seconds": 0.5,
        "requests_per_minute": 100_000,
        "timezone": "America/New_York",
    }


def line(gross: float = 10.0, quantity: float = 1, **extra: Any) -> Row:
    return {"id": f"line-{gross}", "variant_id": "V1", "item_name": "Tea", "variant_name": "Large",
            "quantity": quantity, "price": gross / quantity, "gross_total_money": gross,
            "total_discount": 0, "cost": 1.1, "line_taxes": [], **extra}  # fmt: skip


def receipt(*lines: Row, total: float = 10.0, **extra: Any) -> Row:
    return {
        "receipt_number": "1-1", "receipt_type": "SALE", "refund_for": None, "cancelled_at": None,
        "receipt_date": AT, "created_at": AT, "updated_at": AT, "store_id": "L1",
        "employee_id": "E1", "customer_id": None, "total_money": total, "total_tax": 0,
        "total_discount": 0, "tip": 0, "surcharge": 0, "line_items": list(lines) or [line()],
        "payments": [{"name": "Cash", "type": "CASH", "money_amount": total, "paid_at": AT}],
        **extra,
    }  # fmt: skip


def order(shop: ScriptedLoyverse, config: Row, row: Row) -> Row:
    shop.write("receipts", row)
    out = sync(config)
    assert out.failures == []
    return out.table("orders")["tea", row["receipt_number"]]


# --- receipts --------------------------------------------------------------------------------


def test_a_sale_with_a_discount_and_both_kinds_of_tax(shop: ScriptedLoyverse, config: Row) -> None:
    included = line(21.6, 2, total_discount=2.0,
                    line_taxes=[{"type": "INCLUDED", "money_amount": 1.6}])  # fmt: skip
    added = line(10.0, line_taxes=[{"type": "ADDED", "money_amount": 0.8}])
    record = order(
        shop, config, receipt(included, added, total=30.4, total_tax=2.4, total_discount=2.0)
    )
    assert (record["gross"], record["discount"], record["net"]) == (3000, 200, 2800)
    assert (record["tax"], record["total"], record["currency"]) == (240, 3040, "USD")
    first = record["lines"][0]
    assert (first["name"], first["quantity"], first["unit_price"]) == ("Tea (Large)", "2", 1080)
    assert (first["gross"], first["discount"], first["net"], first["tax"]) == (2000, 200, 1800, 160)
    assert first["unit_cost"] == 110


def test_a_discount_on_the_whole_receipt_counts(shop: ScriptedLoyverse, config: Row) -> None:
    record = order(shop, config, receipt(total=7.0, total_discount=3.0))
    assert (record["gross"], record["discount"], record["net"]) == (1000, 300, 700)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_refund_is_negative_whatever_sign_it_comes_with(
    shop: ScriptedLoyverse, config: Row, sign: int
) -> None:
    shop.write("receipts", receipt())
    back = receipt(
        line(10.0 * sign, 1 * sign, id="back"), total=10.0 * sign,
        receipt_number="1-2", receipt_type="REFUND", refund_for="1-1",
    )  # fmt: skip
    record = order(shop, config, back)
    assert (record["net"], record["total"]) == (-1000, -1000)
    (entry,) = record["lines"]
    assert (entry["kind"], entry["quantity"], entry["unit_price"]) == ("return", "1", -1000)
    assert record["returns"] == [
        {"line_id": "back", "source_order_id": "1-1", "source_line_id": None}
    ]
    (money,) = record["payments"]
    assert (money["kind"], money["amount"], money["state"]) == ("refund", -1000, "completed")


def test_a_receipt_sent_in_later_keeps_the_tills_day(shop: ScriptedLoyverse, config: Row) -> None:
    late = receipt(created_at="2026-02-28T10:00:00.000Z", updated_at="2026-02-28T10:00:00.000Z")
    record = order(shop, config, late)
    # Half past ten at night in New York.
    assert (record["created_at"], record["business_date"]) == ("2026-02-11T03:30:00Z", "2026-02-10")
    assert record["updated_at"] == "2026-02-28T10:00:00Z"


def test_a_cancelled_receipt_moved_no_money(shop: ScriptedLoyverse, config: Row) -> None:
    shop.write("receipts", receipt())
    first = sync(config)
    shop.advance(days=1)
    shop.write("receipts", receipt(cancelled_at=shop.stamp(), updated_at=shop.stamp()))
    (record,) = sync(config, first.state).sent("orders")
    assert (record["state"], record["payments"][0]["state"]) == ("cancelled", "cancelled")


@pytest.mark.parametrize(("paid", "total"), [(12.5, 1250), (10.0, 1000)])
def test_tip_and_surcharge_count_as_far_as_they_were_paid(
    shop: ScriptedLoyverse, config: Row, paid: float, total: int
) -> None:
    money = [{"name": "Card", "type": "NONINTEGRATEDCARD", "money_amount": paid, "paid_at": AT}]
    record = order(shop, config, receipt(tip=2.0, surcharge=0.5, payments=money))
    assert (record["tip"], record["service_charge"], record["total"]) == (200, 50, total)


@pytest.mark.parametrize(("currency", "minor"), [("JPY", 10), ("KWD", 10_000), ("EUR", 1000)])
def test_amounts_follow_the_merchants_currency(
    shop: ScriptedLoyverse, config: Row, currency: str, minor: int
) -> None:
    shop.merchant["currency"]["code"] = currency
    record = order(shop, config, receipt())
    assert (record["net"], record["currency"]) == (minor, currency)


def test_zero_stays_zero_and_binary_noise_goes(shop: ScriptedLoyverse, config: Row) -> None:
    record = order(shop, config, receipt(line(5.551115123125783e-17, 0.453), total=0.0))
    assert (record["gross"], record["total"], record["payments"][0]["amount"]) == (0, 0, 0)
    assert record["lines"][0]["quantity"] == "0.453"


@pytest.mark.parametrize(
    ("kind", "name", "method"),
    [("CASH", "Barzahlung", "cash"), ("NONINTEGRATEDCARD", "EC", "card"), ("SUMUP", "", "card"),
     ("OTHER", "Gift card", "gift_card"), ("OTHER", "Bank transfer", "bank"),
     ("OTHER", "Barter", "other")],
)  # fmt: skip
def test_how_it_was_paid(
    shop: ScriptedLoyverse, config: Row, kind: str, name: str, method: str
) -> None:
    money = [{"name": name, "type": kind, "money_amount": 10.0, "paid_at": AT}]
    assert order(shop, config, receipt(payments=money))["payments"][0]["method"] == method


@pytest.mark.parametrize(
    "broken",
    [
        {"receipt_date": "yesterday"},
        {"receipt_type": "GIFT"},
        {"total_money": "ten"},
        {"total_money": None},
        {"line_items": [{"id": "x", "quantity": 1}]},
        {"payments": [{"type": "CASH"}]},
        {"updated_at": None},
    ],
)
def test_a_malformed_receipt_is_named_and_holds_the_bookmark(
    shop: ScriptedLoyverse, config: Row, broken: Row, caplog: pytest.LogCaptureFixture
) -> None:
    shop.ignores_filters = True
    shop.write("receipts", receipt(receipt_number="GOOD"))
    shop.write("receipts", receipt(receipt_number="BAD") | broken)
    with caplog.at_level(logging.ERROR):
        out = sync(config)
    assert {row["id"] for row in out.sent("orders")} == {"GOOD"}
    assert any("record BAD of orders" in message for message in caplog.messages)
    assert "of orders could not be read" in out.failures[0]


# --- asking ----------------------------------------------------------------------------------


def test_a_filter_that_is_ignored_is_noticed_and_made_up_for(
    shop: ScriptedLoyverse, config: Row, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        at = f"2026-0{number + 1}-05T10:00:00.000Z" if number < 2 else "2026-02-28T10:00:00.000Z"
        shop.write("receipts", receipt(receipt_number=f"1-{number}", updated_at=at))
    told = sync(config)
    shop.ignores_filters = True
    with caplog.at_level(logging.WARNING):
        again = sync(config)
    assert again.table("orders") == told.table("orders")
    assert len(again.sent("orders")) == 3
    warnings = [message for message in caplog.messages if "ignores the filter" in message]
    assert len(warnings) == 1
    assert "receipts" in warnings[0]


def test_windows_ask_for_a_little_more_than_they_need(shop: ScriptedLoyverse, config: Row) -> None:
    first = sync(config)
    shop.advance(hours=1)
    sync(config, first.state)
    asked = shop.asked("/v1.0/receipts")[-1].asked
    assert asked["updated_at_min"] == "2026-03-01T11:57:59.999Z"
    assert asked["updated_at_max"] == "2026-03-01T13:00:00.001Z"
    assert asked["limit"] == "250"


def test_a_page_that_leads_back_to_itself_is_refused(shop: ScriptedLoyverse, config: Row) -> None:
    def circle(request: Request) -> Answer | None:
        body = {"receipts": [receipt()], "cursor": "same"}
        return Answer(body=body) if request.path.endswith("/receipts") else None

    shop.script = circle
    (sentence,) = sync(config).failures
    assert "the same page of receipts over and over" in sentence


def test_a_refused_token_ends_the_shop(shop: ScriptedLoyverse, config: Row) -> None:
    (sentence,) = sync(config | {"access_token": "expired-secret"}).failures
    assert "refuses the access token (UNAUTHORIZED)" in sentence
    assert "expired-secret" not in sentence
    assert len(shop.requests) == 1


def test_a_missing_scope_costs_only_its_stream(shop: ScriptedLoyverse, config: Row) -> None:
    shop.write("receipts", receipt())
    shop.scopes -= {"EMPLOYEES_READ"}
    out = sync(config)
    assert len(out.sent("orders")) == 1
    assert "grant it the scope EMPLOYEES_READ" in out.failures[0]


def test_a_plan_without_a_feature_costs_only_its_stream(
    shop: ScriptedLoyverse, config: Row
) -> None:
    shop.write("receipts", receipt())
    unpaid = refusal(402, "PAYMENT_REQUIRED")
    shop.script = lambda request: unpaid if request.path.endswith("/employees") else None
    out = sync(config)
    assert len(out.sent("orders")) == 1
    assert "whether the account's plan includes it" in out.failures[0]


def test_the_currency_setting_helps_where_the_merchant_says_nothing(
    shop: ScriptedLoyverse, config: Row
) -> None:
    shop.write("receipts", receipt())
    shop.merchant["currency"] = None
    assert "set currency to its three letters" in sync(config).failures[0]
    assert sync(config | {"currency": "EUR"}).sent("orders")[0]["currency"] == "EUR"
    shop.scopes -= {"MERCHANT_READ"}
    assert "scope MERCHANT_READ" in sync(config).failures[0]
    assert sync(config | {"currency": "EUR"}).sent("orders")[0]["currency"] == "EUR"


def test_settings_without_use_are_refused(config: Row) -> None:
    source = {"group": "Newsletter", "channels": ["email"], "purpose": "marketing"}
    with pytest.raises(SettingsError, match="consent_sources, which loyverse has no use for"):
        sync(config | {"consent_sources": [source]})


# --- people, places and the range ----------------------------------------------------------------


def test_a_customer_has_one_name_and_says_nothing_about_consent(
    shop: ScriptedLoyverse, config: Row
) -> None:
    shop.write("customers", {"id": "C1", "name": " Zoë 🫖 نور ", "email": " z@example.org ",
                             "phone_number": "+1 555", "customer_code": "Z1", "total_points": 7.9,
                             "country_code": "US", "note": "a secret", "created_at": AT,
                             "updated_at": AT})  # fmt: skip
    out = sync(config)
    record = out.table("customers")["tea", "C1"]
    assert (record["given_name"], record["family_name"]) == ("Zoë 🫖 نور", None)
    assert (record["email"], record["loyalty_id"], record["consents"]) == (
        "z@example.org",
        "Z1",
        [],
    )
    assert out.table("loyalty_accounts")["tea", "C1"]["balance"] == 7
    assert "a secret" not in str(out.messages)


@pytest.mark.parametrize("field", ["deleted_at", "permanent_deletion_at"])
def test_of_a_deleted_customer_only_the_fact_is_left(
    shop: ScriptedLoyverse, config: Row, field: str
) -> None:
    shop.write("customers", {"id": "C1", "name": "Ada", "total_points": 7, "created_at": AT,
                             "updated_at": AT, field: AT})  # fmt: skip
    out = sync(config)
    record = out.table("customers")["tea", "C1"]
    assert (record["given_name"], record["deleted_at"]) == (None, "2026-02-11T03:30:00Z")
    assert out.sent("loyalty_accounts") == []


def test_a_customer_who_vanished_is_missed(shop: ScriptedLoyverse, config: Row) -> None:
    for identity in ("C1", "C2"):
        shop.write("customers", {"id": identity, "created_at": AT, "updated_at": AT})
    first = sync(config)
    shop.end("customers", "C1")
    shop.advance(days=8)
    (record,) = sync(config, first.state).sent("customers")
    assert (record["id"], record["deleted_at"]) == ("C1", "2026-03-09T12:00:00Z")


def test_an_item_is_one_product_per_variant(shop: ScriptedLoyverse, config: Row) -> None:
    variants = [
        {"variant_id": "V1", "option1_value": "Large", "option2_value": "Oat", "sku": "t-1",
         "barcode": "42", "default_price": 4.5, "cost": 1.234, "updated_at": AT},
        {"variant_id": "V2", "option1_value": None, "default_price": None, "deleted_at": AT},
    ]  # fmt: skip
    shop.write("categories", {"id": "K1", "name": "Drinks"})
    shop.write("items", {"id": "I1", "item_name": "Tea", "category_id": "K1", "variants": variants,
                         "updated_at": AT})  # fmt: skip
    products = sync(config).table("products")
    first, second = products["tea", "V1"], products["tea", "V2"]
    assert (first["name"], first["item_id"], first["category_path"]) == (
        "Tea (Large / Oat)", "I1", ["Drinks"],
    )  # fmt: skip
    assert (first["price"], first["unit_cost"], first["barcode"]) == (450, 123, "42")
    assert (second["price"], second["deleted_at"]) == (None, "2026-02-11T03:30:00Z")


def test_places_and_people(shop: ScriptedLoyverse, config: Row) -> None:
    shop.write("employees", {"id": "E1", "name": "Ada", "email": "ada@example.org",
                             "stores": ["L1"], "deleted_at": None})  # fmt: skip
    out = sync(config)
    place = out.table("locations")["tea", "L1"]
    assert (place["name"], place["currency"], place["timezone"]) == ("Main", "USD", None)
    assert out.table("employees")["tea", "E1"]["location_ids"] == ["L1"]
    assert "ada@example.org" not in str(out.messages)


def test_no_webhook_is_taken_for_genuine() -> None:
    assert VENDORS["loyverse"].verify_webhook is None
