"""Square: money without a basket, profiles that vanish, webhooks, and other rare matters."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing import Answer, ScriptedSquare, refusal, sync
from tap_pos.testing.fakes.square_rows import customer, location, money, order, payment, refund
from tap_pos.vendors.square import SQUARE

if TYPE_CHECKING:
    from tap_pos.testing import Request


def test_an_unlinked_refund_counts_as_an_order_of_its_own(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    at = "2026-02-12T03:00:00Z"
    square.refunds = [refund("U", "", at, amount=700, unlinked=True)]
    record = sync(config).table("orders")["tea", "U"]
    assert (record["state"], record["net"], record["total"]) == ("completed", -700, -700)
    assert record["business_date"] == "2026-02-11"  # New York
    assert [(entry["kind"], entry["net"]) for entry in record["lines"]] == [("return", -700)]
    assert record["returns"] == [
        {"line_id": record["lines"][0]["id"], "source_order_id": None, "source_line_id": None}
    ]
    assert [(p["kind"], p["amount"]) for p in record["payments"]] == [("refund", -700)]


def test_an_unlinked_refund_follows_its_fate(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    at = "2026-02-12T03:00:00Z"
    square.refunds = [refund("U", "", at, unlinked=True, status="PENDING")]
    first = sync(config)
    assert first.table("orders")["tea", "U"]["state"] == "open"
    square.advance(days=1)
    square.refunds[0] |= {"status": "REJECTED", "updated_at": "2026-03-02T08:00:00Z"}
    later = sync(config, first.state).table("orders")["tea", "U"]
    assert later["state"] == "cancelled"
    assert later["payments"][0]["state"] == "failed"


def test_a_refund_that_names_only_its_payment_belongs_to_the_payments_order(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    first = sync(config)
    square.advance(days=2)
    at = "2026-03-03T09:00:00Z"
    square.refunds = [refund("R", "", at, amount=250, payment_id="O1-paid")]
    table = sync(config, first.state).table("orders")
    assert set(table) == {("tea", "O1")}
    assert [p["amount"] for p in table["tea", "O1"]["payments"]] == [1000, -250]


def test_a_payment_without_an_order_is_not_lost(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    at = "2026-02-12T03:00:00Z"
    amounts: dict[str, Any] = {
        "amount_money": money(500), "tip_money": money(50), "total_money": money(550)
    }  # fmt: skip
    square.payments.append(payment("", at, **amounts))
    record = sync(config).table("orders")["tea", "-paid"]
    assert (record["net"], record["tip"], record["total"]) == (500, 50, 550)
    assert [(entry["kind"], entry["net"]) for entry in record["lines"]] == [("sale", 500)]


def test_a_return_without_receipt_is_an_order_that_links_to_nothing(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    back = {"quantity": "1", "gross_return_money": money(400), "total_money": money(400)}
    square.orders.append(
        order("RET", "2026-02-12T15:00:00Z", amount=0, line_items=None, tenders=[],
              returns=[{"return_line_items": [back]}],
              net_amounts={"total_money": money(-400)})
    )  # fmt: skip
    record = sync(config).table("orders")["tea", "RET"]
    assert (record["net"], record["total"]) == (-400, -400)
    assert record["returns"][0]["source_order_id"] is None


def without_events(request: Request) -> Answer | None:
    return refusal(400, "BAD_REQUEST") if request.path == "/v2/events" else None


@pytest.fixture
def crowded(square: ScriptedSquare) -> ScriptedSquare:
    """A shop without the Events API, with five customers on pages of two."""
    square.script = without_events
    square.page_size = 2
    square.customers = [customer(f"C{n}", "2026-02-01T10:00:00Z") for n in range(5)]
    return square


def test_a_customer_who_vanished_is_noticed_within_a_week(
    crowded: ScriptedSquare, config: dict[str, Any]
) -> None:
    first = sync(config)
    crowded.advance(days=3)
    crowded.customers.pop(2)
    second = sync(config, first.state)
    assert second.table("customers") == {}
    crowded.advance(days=5)
    third = sync(config, second.state)
    (gone,) = third.table("customers").values()
    assert (gone["id"], gone["deleted_at"]) == ("C2", "2026-03-09T12:00:00Z")
    crowded.advance(days=8)
    assert sync(config, third.state).table("customers") == {}


def test_a_profile_that_a_list_leaves_out_is_alive_if_it_answers_by_itself(
    crowded: ScriptedSquare, config: dict[str, Any]
) -> None:
    first = sync(config)
    crowded.advance(days=8)
    hidden = crowded.customers.pop(2)

    def script(request: Request) -> Answer | None:
        if request.path == "/v2/customers/C2":
            return Answer(200, {"customer": hidden})
        return without_events(request)

    crowded.script = script
    assert sync(config, first.state).table("customers") == {}


def test_a_profile_that_answers_under_another_id_was_merged_away(
    crowded: ScriptedSquare, config: dict[str, Any]
) -> None:
    first = sync(config)
    crowded.advance(days=8)
    crowded.customers.pop(2)

    def script(request: Request) -> Answer | None:
        if request.path == "/v2/customers/C2":
            return Answer(200, {"customer": {"id": "C4"}})
        return without_events(request)

    crowded.script = script
    (gone,) = sync(config, first.state).table("customers").values()
    assert (gone["id"], gone["deleted_at"]) == ("C2", "2026-03-09T12:00:00Z")


def test_the_search_for_vanished_customers_can_be_turned_off(
    crowded: ScriptedSquare, config: dict[str, Any]
) -> None:
    config["full_scan_days"] = 0
    first = sync(config)
    crowded.advance(days=30)
    crowded.customers.pop(2)
    crowded.requests.clear()
    assert sync(config, first.state).table("customers") == {}
    assert all("filter" in r.asked["query"] for r in crowded.asked("/v2/customers/search"))


def test_a_profile_that_came_back_within_the_second_is_alive(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    """Square leaves out fractions that are zero, so its times don't sort as texts."""
    square.customers[0]["updated_at"] = "2026-02-20T10:00:00.250Z"
    square.events = [{"created_at": "2026-02-20T10:00:00Z", "data": {"id": "C1"}}]
    assert sync(config).table("customers")["tea", "C1"]["deleted_at"] is None


def test_a_custom_attribute_behind_a_hundred_others_is_found(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.page_size = 100
    at = "2026-02-05T00:00:00Z"
    others = [{"key": f"k{n}", "value": n, "updated_at": at} for n in range(120)]
    square.attributes["C1"] = [*others, {"key": "sms", "value": "yes", "updated_at": at}]
    config["consent_sources"] = [
        {"custom_attribute": "sms", "given": ["yes"], "channels": ["sms"], "purpose": "marketing"}
    ]
    (said,) = sync(config).table("customers")["tea", "C1"]["consents"]
    assert said["state"] == "given"


def test_a_variation_that_is_newer_than_its_items_copy_wins(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    def variation(price: int, at: str) -> dict[str, Any]:
        data = {"item_id": "I", "name": "Large", "price_money": money(price)}
        return {"type": "ITEM_VARIATION", "id": "V", "updated_at": at, "item_variation_data": data}

    old, new = "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"
    item = {"name": "Tea", "variations": [variation(300, old)]}
    square.catalog = [
        {"type": "ITEM", "id": "I", "updated_at": new, "item_data": item},
        variation(350, new),
    ]
    assert sync(config).table("products")["tea", "V"]["price"] == 350


def test_an_inactive_location_and_its_sales_are_read(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.locations.append(location("CLOSED", status="INACTIVE"))
    at = "2026-02-12T15:00:00Z"
    square.orders.append(order("OLD", at, location_id="CLOSED"))
    square.payments.append(payment("OLD", at, location_id="CLOSED"))
    out = sync(config)
    assert out.table("locations")["tea", "CLOSED"]["active"] is False
    assert out.table("orders")["tea", "OLD"]["payments"][0]["state"] == "completed"


def test_a_location_whose_opening_date_is_unreadable_is_read_all_the_same(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.locations[0]["created_at"] = "when we were young"
    out = sync(config)
    assert out.failures == []
    assert ("tea", "O1") in out.table("orders")


def test_a_debt_of_loyalty_points_stays_a_debt(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.loyalty_accounts = [{"id": "A", "program_id": "P", "balance": -30}]
    assert sync(config).table("loyalty_accounts")["tea", "A"]["balance"] == -30


def test_an_error_that_quotes_a_person_is_told_without_the_quotation(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    quoted = {"code": "ada@example.org", "detail": "ada@example.org", "field": "Ada Baker"}
    square.script = lambda request: (
        Answer(400, {"errors": [quoted]}) if request.path == "/v2/orders/search" else None
    )
    (sentence,) = sync(config).failures
    assert "no code" in sentence
    assert "ada" not in sentence.lower()


URL, KEY, BODY = "https://shop.example/hooks", "signature-key", b'{"type":"order.updated"}'


def signed(key: str, message: bytes) -> dict[str, str]:
    digest = hmac.new(key.encode(), message, hashlib.sha256).digest()
    return {"X-Square-HmacSha256-Signature": base64.b64encode(digest).decode()}


def verified(headers: dict[str, str], body: bytes = BODY, key: str = KEY, url: str = URL) -> bool:
    assert SQUARE.verify_webhook is not None
    return SQUARE.verify_webhook(headers, body, key, url=url)


def test_a_genuine_webhook_is_known_by_address_and_body_together() -> None:
    genuine = signed(KEY, URL.encode() + BODY)
    assert verified(genuine)
    assert not verified(genuine, body=BODY + b" ")
    assert not verified(genuine, url=URL + "/")
    assert not verified(genuine, key="another key")


def test_a_forged_webhook_is_refused() -> None:
    assert not verified({})
    assert not verified({"x-square-hmacsha256-signature": ""})
    assert not verified({"x-square-hmacsha256-signature": "é not base64"})
    assert not verified(signed(KEY, BODY))  # the address is not signed
    assert not verified(signed("", URL.encode() + BODY), key="")
    assert not verified(signed(KEY, BODY), url="")
