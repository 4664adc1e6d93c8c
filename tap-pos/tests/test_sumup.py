"""SumUp, as its users meet it: the real tap over HTTP against a small account."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.errors import SettingsError
from tap_pos.testing import Answer, Request, sync
from tap_pos.testing.fakes.sumup import MERCHANT, SumUpLife
from tap_pos.vendors.sumup import SUMUP
from tap_pos.webhooks import hmac_sha256

if TYPE_CHECKING:
    from collections.abc import Iterator

HISTORY = f"/v2.1/merchants/{MERCHANT}/transactions/history"
ONE = f"/v2.1/merchants/{MERCHANT}/transactions"


@pytest.fixture
def account() -> Iterator[SumUpLife]:
    """An account without any transaction; its clock says 2026-03-01 noon."""
    with SumUpLife().running() as running:
        running.page_size = 100
        yield running


def paid(**extra: Any) -> dict[str, Any]:
    """Make a card payment of €11.90, a tenth of it VAT, without products."""
    return {
        "id": "T1",
        "transaction_code": "TEENSK4W2K",
        "amount": 11.9,
        "currency": "EUR",
        "status": "SUCCESSFUL",
        "payment_type": "POS",
        "vat_amount": 1.9,
        "product_summary": "Purchase",
        **extra,
    }


def one(account: SumUpLife, stream: str = "orders", **settings: Any) -> dict[str, Any]:
    """Read the only record of a stream."""
    out = sync({**account.settings(), **settings})
    assert out.failures == []
    (record,) = out.table(stream).values()
    return record


def amounts(record: dict[str, Any]) -> dict[str, int]:
    names = ("gross", "discount", "net", "tax", "tip", "service_charge", "total")
    return {name: record[name] for name in names if record[name]}


def product(price: float, quantity: int = 1, vat: float = 0.0) -> dict[str, Any]:
    total = price * quantity
    return {
        "name": "Tea", "quantity": quantity, "price": price, "total_price": total,
        "vat_amount": vat,
    }  # fmt: skip


def test_a_payment_without_products_is_an_order_of_one_line(account: SumUpLife) -> None:
    account.take(paid(tip_amount=1.0))
    record = one(account)
    assert amounts(record) == {"gross": 900, "net": 900, "tax": 190, "tip": 100, "total": 1190}
    (line,) = record["lines"]
    assert (line["name"], line["quantity"], line["net"]) == ("Purchase", "1", 900)
    (payment,) = record["payments"]
    assert (payment["method"], payment["amount"], payment["tip"]) == ("card", 1190, 100)
    assert (record["receipt_number"], record["location_id"]) == ("TEENSK4W2K", MERCHANT)
    assert (record["customer_id"], record["employee_id"]) == (None, None)


def test_products_become_lines_and_what_they_cost_less_a_discount(account: SumUpLife) -> None:
    products = [product(4.5, 2, 1.71), product(1.0), product(0.0)]
    account.take(paid(amount=10.71, vat_amount=1.71, products=products))
    record = one(account)
    assert amounts(record) == {
        "gross": 1000, "discount": 100, "net": 900, "tax": 171, "total": 1071,
    }  # fmt: skip
    assert [line["discount"] for line in record["lines"]] == [90, 10, 0]
    assert [line["unit_price"] for line in record["lines"]] == [450, 100, 0]


def test_more_than_the_products_cost_is_a_service_charge(account: SumUpLife) -> None:
    account.take(paid(amount=10.0, vat_amount=0, products=[product(9.0)]))
    assert amounts(one(account)) == {
        "gross": 900, "net": 900, "service_charge": 100, "total": 1000,
    }  # fmt: skip


def test_refunds_and_chargebacks_are_payments_of_the_order_they_belong_to(
    account: SumUpLife,
) -> None:
    account.take(paid())
    first = sync(account.settings())
    account.advance(days=40)
    account.give_back("T1", 250)
    account.give_back("T1", 100, "CHARGE_BACK")
    account.advance(hours=1)
    second = sync(account.settings(), first.state)
    (record,) = second.table("orders").values()
    assert [payment["amount"] for payment in record["payments"]] == [1190, -250, -100]
    assert {payment["kind"] for payment in record["payments"][1:]} == {"refund"}
    assert (record["state"], record["total"]) == ("completed", 1190)
    assert record["updated_at"] == "2026-04-10T12:00:00Z"


def test_money_given_back_that_belongs_to_no_payment_is_an_order_of_its_own(
    account: SumUpLife,
) -> None:
    account.take(paid())
    account.script = as_refund
    record = one(account)
    assert amounts(record) == {"gross": -1000, "net": -1000, "tax": -190, "total": -1190}
    assert record["payments"][0]["kind"] == "refund"
    assert record["lines"][0]["kind"] == "return"
    assert record["returns"] == [{"line_id": "1", "source_order_id": None, "source_line_id": None}]


def as_refund(request: Request) -> Answer | None:
    """List the transaction as a refund that names only itself."""
    entry = {"id": "T1", "transaction_id": "T1", "type": "REFUND"}
    return Answer(body={"items": [entry]}) if request.path == HISTORY else None


def test_a_refund_of_unknown_amount_is_told_instead_of_lost(account: SumUpLife) -> None:
    account.take(paid(status="REFUNDED"))
    out = sync(account.settings())
    assert out.sent("orders") == []
    assert "1 record(s) of orders could not be read" in out.failures[0]


@pytest.mark.parametrize(
    ("status", "state", "payment"),
    [
        ("PENDING", "open", "pending"),
        ("SUCCESSFUL", "completed", "completed"),
        ("CANCELLED", "cancelled", "cancelled"),
        ("FAILED", "cancelled", "failed"),
    ],
)
def test_every_status_has_its_meaning(
    account: SumUpLife, status: str, state: str, payment: str
) -> None:
    account.take(paid(status=status))
    record = one(account)
    assert (record["state"], record["payments"][0]["state"]) == (state, payment)


@pytest.mark.parametrize(
    ("kind", "mode", "method", "channel"),
    [
        ("CASH", "NONE", "cash", "store"),
        ("POS", "CONTACTLESS", "card", "store"),
        ("ECOM", "CUSTOMER_ENTRY", "card", "online"),
        ("ECOM", "PAYPAL", "wallet", "online"),
        ("BOLETO", "BOLETO", "bank", "online"),
        ("APM", "IDEAL", "other", "online"),
    ],
)
def test_how_it_was_paid(
    account: SumUpLife, kind: str, mode: str, method: str, channel: str
) -> None:
    account.take(paid(payment_type=kind, entry_mode=mode))
    record = one(account)
    assert (record["payments"][0]["method"], record["channel"]) == (method, channel)


def test_an_amount_of_zero_stays_zero(account: SumUpLife) -> None:
    account.take(paid(amount=0, vat_amount=0))
    record = one(account)
    assert (record["total"], record["net"], record["payments"][0]["amount"]) == (0, 0, 0)


def test_a_currency_without_cents_has_none(account: SumUpLife) -> None:
    account.take(paid(amount=1190, vat_amount=190, currency="CLP"))
    assert amounts(one(account))["total"] == 1190


@pytest.mark.parametrize(
    ("local", "settings", "day"),
    [
        ("2026-02-11T00:30:00+01:00", {"timezone": "America/New_York"}, "2026-02-11"),
        (None, {}, "2026-02-11"),
        (None, {"timezone": "America/New_York"}, "2026-02-10"),
        (None, {"business_day_starts_at": "04:00"}, "2026-02-10"),
    ],
    ids=["its own clock", "Berlin", "New York", "late trading day"],
)
def test_the_trading_day_is_that_of_the_shop(
    account: SumUpLife, local: str | None, settings: dict[str, str], day: str
) -> None:
    clock = {"local_time": local} if local else {}
    account.take(paid(timestamp="2026-02-10T23:30:00Z", **clock))
    assert one(account, **settings)["business_date"] == day


def test_the_merchant_is_the_location(account: SumUpLife) -> None:
    record = one(account, "locations")
    assert (record["id"], record["name"], record["currency"]) == (MERCHANT, "Tea & Cake", "EUR")
    assert record["timezone"] == "Europe/Berlin"
    assert record["address"]["line1"] == "Teeweg 1"


def test_members_are_employees_unless_they_are_machines(account: SumUpLife) -> None:
    def member(identity: str, kind: str, status: str = "accepted") -> dict[str, Any]:
        user = {"nickname": f"Zoë {identity}", "type": kind, "email": "staff@example.com"}
        return {"id": identity, "status": status, "user": user}

    account.page_size = 1
    account.members = [
        member("1", "user"), member("2", "service_account"), member("3", "managed_user", "disabled")
    ]  # fmt: skip
    out = sync(account.settings())
    people = {row["id"]: (row["display_name"], row["active"]) for row in out.sent("employees")}
    assert people == {"1": ("Zoë 1", True), "3": ("Zoë 3", False)}
    assert "staff@example.com" not in json.dumps(out.messages)


def test_nothing_about_the_card_leaves_the_tap(account: SumUpLife) -> None:
    card = {"last_4_digits": "3456", "type": "VISA"}
    account.take(paid(card=card, auth_code="053201", username="staff@example.com", lat=50.1))
    sent = json.dumps(sync(account.settings()).messages)
    for secret in ("3456", "053201", "staff@example.com", "50.1", "sup_sk_key"):
        assert secret not in sent


@pytest.mark.parametrize(
    "broken",
    [{"amount": 11.905}, {"amount": "much"}, {"timestamp": "2026-02-30T10:00:00Z"},
     {"currency": "XYZ"}, {"status": "LOST"}],
    ids=["finer than a cent", "no amount", "no such day", "no currency", "no status"],
)  # fmt: skip
def test_an_unreadable_transaction_is_told_and_stops_no_other(
    account: SumUpLife, broken: dict[str, Any]
) -> None:
    account.take(paid())
    account.take(paid(id="T2", timestamp="2026-02-28T10:00:00Z"))

    def break_it(request: Request) -> Answer | None:
        if request.path != ONE or request.asked["id"] != "T2":
            return None
        return Answer(body={**account.answer(request).body, **broken})

    account.script = break_it
    out = sync(account.settings())
    assert [row["id"] for row in out.sent("orders")] == ["T1"]
    assert "1 record(s) of orders could not be read" in out.failures[0]


def test_a_transaction_that_is_listed_but_not_given_is_told(account: SumUpLife) -> None:
    account.take(paid())
    account.script = lambda request: Answer(404, {}) if request.path == ONE else None
    assert "1 record(s) of orders could not be read" in sync(account.settings()).failures[0]


def test_a_link_to_the_next_page_may_be_an_address_or_only_its_parameters(
    account: SumUpLife,
) -> None:
    account.page_size = 2
    for number in range(5):
        account.take(paid(id=f"T{number}"))

    def whole_address(request: Request) -> Answer | None:
        if request.path != HISTORY:
            return None
        answer = account.answer(request)
        for link in answer.body["links"]:
            link["href"] = f"https://api.sumup.com{HISTORY}?{link['href']}"
        return answer

    bare = {row["id"] for row in sync(account.settings()).sent("orders")}
    account.script = whole_address
    assert {row["id"] for row in sync(account.settings()).sent("orders")} == bare
    assert bare == {f"T{number}" for number in range(5)}
    assert all("newest_time" in request.asked for request in account.asked(HISTORY)), "kept"


def test_a_link_that_leads_nowhere_ends_the_stream_instead_of_turning_for_ever(
    account: SumUpLife,
) -> None:
    account.take(paid())
    links = [{"rel": "next", "href": "order=ascending"}]
    account.script = lambda request: (
        Answer(body={"items": [], "links": links}) if request.path == HISTORY else None
    )
    assert "round in circles" in sync(account.settings()).failures[0]


# --- refusals ------------------------------------------------------------------------------------


def test_a_wrong_key_ends_the_shop_with_one_sentence(account: SumUpLife) -> None:
    (sentence,) = sync({**account.settings(), "access_token": "sup_sk_wrong"}).failures
    assert "SumUp refuses the API key" in sentence
    assert "sup_sk_wrong" not in sentence


def test_another_merchants_code_is_told(account: SumUpLife) -> None:
    (sentence,) = sync({**account.settings(), "merchant_id": "M0000000"}).failures
    assert "check merchant_id" in sentence


@pytest.mark.parametrize(
    ("path", "scope"), [("members", "members.read"), ("transactions", "transactions.history")]
)
def test_a_missing_scope_is_named_and_the_rest_is_read(
    account: SumUpLife, path: str, scope: str
) -> None:
    account.script = lambda request: Answer(403, {}) if f"/{path}" in request.path else None
    out = sync(account.settings())
    assert scope in out.failures[0]
    assert out.sent("locations")


@pytest.mark.parametrize("missing", ["access_token", "merchant_id"])
def test_settings_that_are_missing_are_named(account: SumUpLife, missing: str) -> None:
    with pytest.raises(SettingsError, match=f"needs the setting {missing}"):
        sync({**account.settings(), missing: ""})


def test_a_webhook_is_genuine_for_five_minutes_with_the_right_secret_and_body() -> None:
    verify = SUMUP.verify_webhook
    assert verify is not None
    now = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    body = b'{"id":"x"}'
    signed_at = str(int(now.timestamp()))
    digest = hmac_sha256("secret", b"v1:" + signed_at.encode() + b":" + body).hex()
    headers = {"x-sumup-webhook-signature": f"t={signed_at},v1={digest}"}
    assert verify(headers, body, "secret", now=now)
    assert verify(headers, body, "secret", now=now + timedelta(minutes=5))
    assert not verify(headers, body, "secret", now=now + timedelta(minutes=5, seconds=1))
    assert not verify(headers, body, "secret", now=now - timedelta(minutes=6))
    assert not verify(headers, b"{}", "secret", now=now)
    assert not verify(headers, body, "another", now=now)
    assert not verify({}, body, "secret", now=now)
    assert not verify({"X-SumUp-Webhook-Signature": "t=x,v1=y"}, body, "secret", now=now)
