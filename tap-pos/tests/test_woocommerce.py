"""WooCommerce, as its users meet it: the real tap over HTTP against a small site."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing import Answer, Request, sync
from tap_pos.testing.fakes.woocommerce import WooCommerceLife, WooCommerceWithRefunds
from tap_pos.testing.fakes.woocommerce_rows import customer, line, order, product, refund, variation
from tap_pos.testing.specifications import specification
from tap_pos.vendors.woocommerce import WOOCOMMERCE
from tap_pos.webhooks import hmac_sha256

if TYPE_CHECKING:
    from collections.abc import Iterator

AT = "2026-02-10T15:00:00"
RECORDED = "woocommerce/sample-{}.woo-8.4.0.json"


@pytest.fixture
def site() -> Iterator[WooCommerceLife]:
    """An empty site in New York; its clock says 2026-03-01 noon."""
    with WooCommerceLife().running() as running:
        running.page_size = 100
        yield running


def one(site: WooCommerceLife, stream: str, **settings: Any) -> dict[str, Any]:
    """Read the only record of a stream."""
    out = sync({**site.settings(), "max_retry_seconds": 0.01, **settings})
    assert out.failures == []
    (record,) = out.table(stream).values()
    return record


def sold(site: WooCommerceLife, **extra: Any) -> None:
    """Sell one thing for $10."""
    given: dict[str, Any] = {"net": 1000, **extra}
    site.put("orders", order(1, AT, given.pop("lines", [line(2, 1000)]), **given))


def test_a_sale_with_coupon_tax_shipping_and_a_surcharge(site: WooCommerceLife) -> None:
    site.put("products", product(7, AT, "Tee", None, variations=[8]))
    tee = line(2, 2400, 2, discount=400, tax=180, product=site.newest("products")[7])
    fees = [{"id": 3, "name": "Gift wrap", "total": "1.50", "total_tax": "0.00"}]
    sold(site, lines=[tee], net=2000, tax=180, shipping=495, fee_lines=fees, total="28.25")
    record = one(site, "orders")
    assert record["lines"] == [
        {
            "id": "2", "kind": "sale", "product_id": "8", "name": "Tee", "quantity": "2",
            "unit_price": 1200, "gross": 2400, "discount": 400, "tax": 180, "net": 2000,
            "unit_cost": None,
        }
    ]  # fmt: skip
    totals = {name: record[name] for name in ("gross", "discount", "net", "tax", "service_charge")}
    assert totals == {
        "gross": 2400, "discount": 400, "net": 2000, "tax": 180, "service_charge": 645,
    }  # fmt: skip
    assert record["total"] == 2825
    assert (record["channel"], record["location_id"]) == ("online", "online")
    assert record["payments"][0]["id"] == "1-payment"
    assert record["payments"][0]["method"] == "card"
    assert record["payments"][0]["amount"] == 2825


def test_goods_given_back_are_return_lines_of_the_same_order(site: WooCommerceLife) -> None:
    sold(site, lines=[line(2, 1000, tax=80), line(3, 500)], net=1500, tax=80)
    back = line(5, -1000, -1, tax=-80, source=2)
    site.put("refunds", refund(4, 1, "2026-02-12T09:00:00", 1080, back))
    record = one(site, "orders")
    returned = record["lines"][2]
    assert (returned["kind"], returned["quantity"], returned["net"]) == ("return", "1", -1000)
    assert record["returns"] == [{"line_id": "5", "source_order_id": "1", "source_line_id": "2"}]
    assert (record["net"], record["tax"], record["total"]) == (500, 0, 500)
    paid_back = record["payments"][1]
    assert (paid_back["id"], paid_back["kind"], paid_back["amount"]) == ("4", "refund", -1080)
    assert record["updated_at"] == "2026-02-12T09:00:00Z", "although the order did not change"


def test_money_given_back_without_goods_leaves_the_sale_as_it_was(site: WooCommerceLife) -> None:
    sold(site)
    site.put("refunds", refund(4, 1, "2026-02-12T09:00:00", 250))
    record = one(site, "orders")
    assert (record["net"], record["total"], len(record["lines"])) == (1000, 1000, 1)
    assert record["payments"][1]["amount"] == -250


def test_a_refund_that_only_the_order_tells_of_is_kept(site: WooCommerceLife) -> None:
    """With some versions /orders/1/refunds stayed empty although the order has a refund."""
    sold(site)
    site.put("refunds", refund(4, 1, "2026-02-12T09:00:00", 250))

    def hide(request: Request) -> Answer | None:
        totals = {"X-WP-Total": "0", "X-WP-TotalPages": "0"}
        hidden = request.path.endswith("/orders/1/refunds")
        return Answer(body=[], headers=totals) if hidden else None

    site.script = hide
    (_, paid_back) = one(site, "orders")["payments"]
    assert (paid_back["id"], paid_back["amount"], paid_back["created_at"]) == ("4", -250, None)


@pytest.mark.parametrize("kind", [WooCommerceLife, WooCommerceWithRefunds])
def test_a_refund_through_paypal_is_found_although_its_order_does_not_change(
    kind: type[WooCommerceLife],
) -> None:
    with kind().running() as site:
        sold(site)
        first = sync(site.settings())
        site.advance(days=2)
        site.put("refunds", refund(4, 1, site.stamp(), 250))
        site.advance(hours=1)
        second = sync(site.settings(), first.state)
        site.advance(hours=1)
        third = sync(site.settings(), second.state)
    assert [row["payments"][-1]["amount"] for row in second.sent("orders")] == [-250]
    assert third.sent("orders") == [], "once is enough"


@pytest.mark.parametrize(
    ("status", "paid", "state", "payment"),
    [
        ("pending", False, "open", "pending"),
        ("on-hold", False, "open", "pending"),
        ("processing", True, "completed", "completed"),
        ("completed", True, "completed", "completed"),
        ("refunded", True, "completed", "completed"),
        ("failed", False, "cancelled", "failed"),
        ("cancelled", False, "cancelled", "cancelled"),
        ("trash", True, "cancelled", "completed"),
        ("checkout-draft", False, "open", "pending"),
        ("packed-by-a-plugin", True, "completed", "completed"),
        ("quote-by-a-plugin", False, "open", "pending"),
    ],
)
def test_every_status_has_its_meaning(
    site: WooCommerceLife, status: str, *, paid: bool, state: str, payment: str
) -> None:
    sold(site, status=status, date_paid_gmt=AT if paid else None)
    record = one(site, "orders")
    assert record["state"] == state
    assert record["payments"][0]["state"] == payment


def test_a_guest_is_no_customer_and_secrets_stay_in_the_shop(site: WooCommerceLife) -> None:
    sold(site, customer=0)
    out = sync(site.settings())
    assert out.sent("orders")[0]["customer_id"] is None
    sent = json.dumps(out.messages)
    for secret in ("wc_order_secret", "192.0.2.7", "guest@example.com", site.secret):
        assert secret not in sent
    for request in site.requests:
        assert "order_key" not in str(request.query)
        assert ("authorization" in request.headers) == ("/wc/v3/" in request.path)


@pytest.mark.parametrize(
    ("currency", "written", "minor"), [("JPY", "1200", 1200), ("KWD", "1.234", 1234)]
)
def test_currencies_have_their_own_digits(
    site: WooCommerceLife, currency: str, written: str, minor: int
) -> None:
    row = {**line(2, 0), "subtotal": written, "total": written}
    sold(site, lines=[row], currency=currency, total=written)
    record = one(site, "orders")
    assert (record["net"], record["total"], record["currency"]) == (minor, minor, currency)


def test_free_things_cost_zero(site: WooCommerceLife) -> None:
    sold(site, lines=[line(2, 0)], net=0)
    record = one(site, "orders")
    assert (record["net"], record["lines"][0]["unit_price"]) == (0, 0)
    assert record["payments"][0]["amount"] == 0


@pytest.mark.parametrize(
    ("zone", "settings", "day"),
    [
        ("America/New_York", {}, "2026-02-09"),
        ("", {}, "2026-02-09"),
        ("", {"timezone": "Europe/Berlin"}, "2026-02-10"),
        ("America/New_York", {"business_day_starts_at": "23:00"}, "2026-02-08"),
    ],
    ids=["named zone", "the site's own clock", "zone from the settings", "late trading day"],
)
def test_the_trading_day_is_that_of_the_shop(
    site: WooCommerceLife, zone: str, settings: dict[str, str], day: str
) -> None:
    site.site["timezone_string"] = zone
    sold(site, date_created_gmt="2026-02-10T03:30:00", date_paid_gmt="2026-02-10T03:30:00")
    assert one(site, "orders", **settings)["business_date"] == day


def test_the_site_is_one_location(site: WooCommerceLife) -> None:
    record = one(site, "locations")
    assert (record["id"], record["name"], record["channel"]) == ("online", "Tea & Cake", "online")
    assert (record["currency"], record["timezone"]) == ("USD", "America/New_York")
    assert (record["address"]["region"], record["address"]["country"]) == ("NY", "US")


def test_accounts_of_every_role_are_read_with_what_they_agreed_to(site: WooCommerceLife) -> None:
    def meta(answer: str) -> list[dict[str, Any]]:
        return [{"id": 1, "key": "newsletter", "value": answer}]

    site.put("customers", customer(1, AT, first_name="Zoë 🫖", meta_data=meta("1")))
    site.put("customers", customer(2, AT, first_name="نور", role="subscriber", meta_data=meta("0")))
    site.put("customers", customer(3, AT, role="administrator"))
    sources = [
        *site.settings()["consent_sources"],
        {"group": "subscriber", "channels": ["sms"], "purpose": "marketing"},
    ]
    out = sync({**site.settings(), "consent_sources": sources})
    people = {row["id"]: row for row in out.sent("customers")}
    states = {
        number: [consent["state"] for consent in row["consents"]] for number, row in people.items()
    }
    assert states == {
        "1": ["given", "unknown"], "2": ["withdrawn", "given"], "3": ["unknown", "unknown"],
    }  # fmt: skip
    assert people["1"]["given_name"] == "Zoë 🫖"
    assert people["2"]["groups"] == ["subscriber"]


def test_without_consent_sources_nothing_is_asserted_and_no_metadata_asked_for(
    site: WooCommerceLife,
) -> None:
    site.put("customers", customer(1, AT))
    settings = site.settings()
    del settings["consent_sources"]
    assert sync(settings).sent("customers")[0]["consents"] == []
    assert all(
        "meta_data" not in r.asked["_fields"] for r in site.asked("/wp-json/wc/v3/customers")
    )


def test_a_product_is_its_variations_and_a_group_is_none(site: WooCommerceLife) -> None:
    site.put("products", product(1, AT, "Cup &amp; Saucer", 450))
    site.put("products", product(2, AT, "Tee", None, variations=[3]))
    site.put("variations", variation(3, 2, "L", 1299))
    site.put("products", {**product(4, AT, "Set", None), "type": "grouped"})
    products = {row["id"]: row for row in sync(site.settings()).sent("products")}
    assert products.keys() == {"1", "3"}
    assert products["1"]["name"] == "Cup & Saucer"
    assert products["1"]["category_path"] == ["Drinks & more", "Tea"]
    assert (products["3"]["name"], products["3"]["price"]) == ("Tee (L)", 1299)
    assert products["3"]["item_id"] == "2"


def test_a_price_without_a_known_currency_is_not_guessed(site: WooCommerceLife) -> None:
    site.settings_of_the_shop = {}
    site.put("products", product(1, AT, "Tea", 450))
    assert one(site, "products")["price"] is None
    assert one(site, "products", currency="EUR")["price"] == 450


@pytest.mark.parametrize(
    "broken",
    [{"total": "ten"}, {"date_created_gmt": "2026-02-30T10:00:00"}, {"currency": "XYZ"}],
    ids=["amount", "date", "currency"],
)
def test_an_unreadable_order_is_told_and_stops_no_other(
    site: WooCommerceLife, broken: dict[str, str]
) -> None:
    sold(site)
    site.put("orders", order(9, AT, [line(8, 500)], net=500))

    def break_it(request: Request) -> Answer | None:
        if request.path != "/wp-json/wc/v3/orders":
            return None
        answer = site.answer(request)
        for found in answer.body:
            found.update(broken if found["id"] == 9 else {})
        return answer

    site.script = break_it
    out = sync(site.settings())
    assert [row["id"] for row in out.sent("orders")] == ["1"]
    assert "1 record(s) of orders could not be read" in out.failures[0]


def test_the_recorded_orders_of_a_real_shop_are_read(site: WooCommerceLife) -> None:
    rows = recorded("orders")
    for row in rows:
        site.put("orders", row)
    site.now = site.now.replace(month=11, day=23)
    sent = {row["id"]: row for row in sync(site.settings()).sent("orders")}
    assert sent.keys() == {str(row["id"]) for row in rows}
    for row in rows:
        record = sent[str(row["id"])]
        assert record["total"] == round(float(row["total"]) * 100)
        assert record["net"] + record["tax"] + record["service_charge"] == record["total"]
        assert len(record["lines"]) == len(row["line_items"])


def test_the_recorded_customers_of_a_real_shop_are_read(site: WooCommerceLife) -> None:
    rows = recorded("customers")
    for row in rows:
        site.put("customers", row)
    sent = {row["id"]: row for row in sync(site.settings()).sent("customers")}
    assert {row["email"] for row in sent.values()} == {row["email"] for row in rows}


def recorded(what: str) -> list[dict[str, Any]]:
    """Read what a real shop once answered."""
    if (file := specification(RECORDED.format(what))) is None:
        pytest.skip(f"the recorded {what} are not on this machine")
    rows: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))
    return rows


def test_a_webhook_is_genuine_only_with_the_right_secret_and_body() -> None:
    verify = WOOCOMMERCE.verify_webhook
    assert verify is not None
    body = b'{"id":1}'
    signature = b64encode(hmac_sha256("secret", body)).decode()
    headers = {"x-wc-webhook-signature": signature}
    assert verify(headers, body, "secret")
    assert not verify(headers, b'{"id":2}', "secret")
    assert not verify(headers, body, "another")
    assert not verify({}, body, "secret")
