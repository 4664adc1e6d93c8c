"""Odoo: what people do at the till and in the back office, and what the tap makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from tap_pos.testing import Synced, sync
from tap_pos.testing.fakes.odoo import SECRET, FakeOdoo
from tap_pos.testing.fakes.odoo_rows import order, pay, person


def synced(odoo: FakeOdoo, stream: str, **settings: Any) -> dict[str, dict[str, Any]]:
    out = sync(odoo.settings() | {"max_retry_seconds": 0.1} | settings)
    assert out.failures == []
    return {identity: record for (_, identity), record in out.table(stream).items()}


def first_run(odoo: FakeOdoo) -> Synced:
    """Read the shop when all of it is older than the next run's lookback."""
    odoo.advance(days=1)
    return sync(odoo.settings())


def rows(out: Synced, stream: str) -> list[dict[str, Any]]:
    return list(out.table(stream).values())


def only(records: dict[str, dict[str, Any]]) -> dict[str, Any]:
    (record,) = records.values()
    return record


# --- sales --------------------------------------------------------------------------------


def test_a_sale_with_discount_and_added_tax(odoo: FakeOdoo) -> None:
    key = order(odoo, {"net": 1799, "tax": 144, "price_unit": 9.995, "qty": 2.0, "discount": 10.0})
    pay(odoo, key, 19.43, payment_method_id=2)
    sale = only(synced(odoo, "orders"))
    (line,) = sale["lines"]
    assert (line["quantity"], line["gross"], line["discount"], line["net"]) == (
        "2",
        1999,
        200,
        1799,
    )
    assert (line["tax"], sale["tax"], sale["net"], sale["total"]) == (144, 144, 1799, 1943)
    assert (sale["state"], sale["currency"], sale["location_id"]) == ("completed", "USD", "1")
    (payment,) = sale["payments"]
    assert (payment["method"], payment["amount"], payment["state"]) == ("card", 1943, "completed")


def test_a_price_that_holds_the_tax_is_told_without_it(odoo: FakeOdoo) -> None:
    order(odoo, {"net": 900, "tax": 180, "price_unit": 12.0, "discount": 10.0})
    (line,) = only(synced(odoo, "orders"))["lines"]
    assert (line["gross"], line["discount"], line["net"], line["unit_price"]) == (
        1000,
        100,
        900,
        1200,
    )


def test_what_is_given_away_is_a_discount_of_its_price(odoo: FakeOdoo) -> None:
    order(odoo, {"net": 0, "price_unit": 5.0, "qty": 3.0, "discount": 100.0})
    sale = only(synced(odoo, "orders"))
    assert (sale["gross"], sale["discount"], sale["net"], sale["total"]) == (1500, 1500, 0, 0)


def test_rewards_and_discounts_on_the_basket_are_no_negative_sales(odoo: FakeOdoo) -> None:
    order(odoo, {"net": 1000}, {"net": -150, "is_reward_line": True})
    sale = only(synced(odoo, "orders"))
    assert (sale["gross"], sale["discount"], sale["net"]) == (1000, 150, 850)


def test_a_tip_is_no_line(odoo: FakeOdoo) -> None:
    odoo.write("pos.config", 1, tip_product_id=[43, "Tips"])
    order(odoo, {"net": 1000, "tax": 80}, {"net": 200, "product_id": [43, "Tips"]})
    sale = only(synced(odoo, "orders"))
    assert (sale["net"], sale["tax"], sale["tip"], sale["total"]) == (1000, 80, 200, 1280)
    assert len(sale["lines"]) == 1


def test_change_makes_the_cash_smaller(odoo: FakeOdoo) -> None:
    key = order(odoo, {"net": 835})
    pay(odoo, key, 10.0)
    pay(odoo, key, -1.65, is_change=True)
    (payment,) = only(synced(odoo, "orders"))["payments"]
    assert (payment["kind"], payment["method"], payment["amount"]) == ("payment", "cash", 835)


def test_a_refund_is_an_order_that_points_to_the_sale(odoo: FakeOdoo) -> None:
    sold = order(odoo, {"net": 2000, "tax": 160, "qty": 2.0, "price_unit": 10.0})
    line = {"net": -1000, "tax": -80, "qty": -1.0, "price_unit": 10.0, "refunded_orderline_id": 1}
    back = order(odoo, line)
    pay(odoo, back, -10.8)
    refund = synced(odoo, "orders")[str(back)]
    (row,) = refund["lines"]
    assert (row["kind"], row["quantity"], row["unit_price"]) == ("return", "1", -1000)
    assert (row["gross"], row["tax"], refund["net"], refund["total"]) == (-1000, -80, -1000, -1080)
    assert refund["returns"] == [
        {"line_id": row["id"], "source_order_id": str(sold), "source_line_id": "1"}
    ]
    (money,) = refund["payments"]
    assert (money["kind"], money["amount"], money["state"]) == ("refund", -1080, "completed")


def test_a_line_changed_by_itself_brings_its_order_along(odoo: FakeOdoo) -> None:
    """Odoo does not touch the order; so does the payment's way to pay."""
    key = order(odoo, {"net": 500})
    paid = pay(odoo, key, 5.0)
    first = first_run(odoo)
    odoo.advance(days=40)
    odoo.begin()
    odoo.write("pos.order.line", 1, full_product_name="Green tea")
    odoo.advance(hours=1)
    second = sync(odoo.settings(), first.state)
    assert [line["name"] for line in second.sent("orders")[-1]["lines"]] == ["Green tea"]
    odoo.advance(days=40)
    odoo.begin()
    odoo.write("pos.payment", paid, payment_method_id=2)
    third = sync(odoo.settings(), second.state)
    assert [money["method"] for money in third.sent("orders")[-1]["payments"]] == ["card"]


@pytest.mark.parametrize(
    ("currency", "paid", "total"), [("JPY", 500.0, 500), ("KWD", 1.234, 1234), ("USD", 12.1, 1210)]
)
def test_floats_become_the_currencys_smallest_coin(
    odoo: FakeOdoo, currency: str, paid: float, total: int
) -> None:
    odoo.write("res.company", 1, currency_id=[9, currency])
    order(odoo, {"net": 0}, amount_total=paid + 1e-13)
    sale = only(synced(odoo, "orders"))
    assert (sale["currency"], sale["total"]) == (currency, total)


def test_the_day_of_a_sale_is_the_shops_own(odoo: FakeOdoo) -> None:
    late = odoo.now.replace(month=2, day=28, hour=2)
    order(odoo, {"net": 100}, date_order=late)
    assert only(synced(odoo, "orders"))["business_date"] == "2026-02-27"
    assert only(synced(odoo, "orders", timezone="Asia/Tokyo"))["business_date"] == "2026-02-28"
    settings = {name: value for name, value in odoo.settings().items() if name != "timezone"}
    (place,) = rows(sync(settings), "locations")
    assert place["timezone"] == "America/Chicago"
    assert place["address"]["region"] == "New York"


@pytest.mark.parametrize(
    ("state", "expected"),
    [("draft", "open"), ("cancel", "cancelled"), ("done", "completed"), ("invoiced", "completed")],
)
def test_states(odoo: FakeOdoo, state: str, expected: str) -> None:
    order(odoo, {"net": 100}, state=state)
    assert only(synced(odoo, "orders"))["state"] == expected


# --- people -------------------------------------------------------------------------------


def consents(customer: dict[str, Any]) -> set[tuple[str, str]]:
    return {(entry["channel"], entry["state"]) for entry in customer["consents"]}


def test_a_tag_gives_and_a_blacklist_takes_away(odoo: FakeOdoo) -> None:
    key = str(person(odoo, category_id=[1]))
    first = first_run(odoo)
    (customer,) = rows(first, "customers")
    assert consents(customer) == {("email", "given")}
    assert (customer["given_name"], customer["email"]) == ("ليلى 🍵", "a@x.org")

    odoo.advance(days=3)
    odoo.begin()
    listed = odoo.create("mail.blacklist", email="a@x.org", active=True)
    odoo.create("phone.blacklist", number="+15550001", active=True)
    odoo.advance(hours=1)
    second = sync(odoo.settings(), first.state)
    customer = second.table("customers")["tea", key]
    assert consents(customer) == {
        ("email", "given"), ("email", "withdrawn"), ("sms", "withdrawn"), ("phone", "withdrawn")
    }  # fmt: skip
    (mail,) = (entry for entry in customer["consents"] if entry["source"] == "odoo:mail.blacklist")
    assert mail["event_time"] == "2026-03-05T12:00:00Z"

    odoo.advance(days=3)
    odoo.begin()
    odoo.write("mail.blacklist", listed, active=False)
    third = sync(odoo.settings(), second.state)
    after = third.table("customers")["tea", key]
    assert ("email", "withdrawn") not in consents(after)
    assert ("sms", "withdrawn") in consents(after)


def test_a_tag_that_is_renamed_no_longer_gives(odoo: FakeOdoo) -> None:
    person(odoo, category_id=[1])
    first = first_run(odoo)
    odoo.advance(days=3)
    odoo.begin()
    odoo.write("res.partner.category", 1, name="Old newsletter")
    (customer,) = rows(sync(odoo.settings(), first.state), "customers")
    assert consents(customer) == {("email", "unknown")}
    assert customer["groups"] == ["Old newsletter"]


def test_users_are_no_customers_and_archived_people_have_ended(odoo: FakeOdoo) -> None:
    person(odoo, active=False)
    customer = only(synced(odoo, "customers"))
    assert customer["deleted_at"] == customer["updated_at"] == "2026-03-01T12:00:00Z"


def test_orders_of_merged_partners_are_sent_again(odoo: FakeOdoo) -> None:
    """Odoo moves them by plain SQL; only the survivor is written."""
    gone, kept = person(odoo), person(odoo)
    key = order(odoo, {"net": 100}, partner_id=gone)
    first = first_run(odoo)
    odoo.advance(days=50)
    odoo.begin()
    odoo.patch("pos.order", key, partner_id=kept)
    odoo.write("res.partner", kept)
    second = sync(odoo.settings(), first.state)
    assert second.table("orders")["tea", str(key)]["customer_id"] == str(kept)


def test_people_at_the_till_are_employees_where_odoo_knows_them(odoo: FakeOdoo) -> None:
    order(odoo, {"net": 100})
    assert only(synced(odoo, "orders"))["employee_id"] == "2"
    odoo.database.models["pos.order"].types["employee_id"] = "many2one:hr.employee"
    odoo.add_model("hr.employee", name="char", active="boolean", user_id="many2one:res.users")
    odoo.create("hr.employee", name="Ada", active=True, user_id=2, pin=SECRET)
    assert only(synced(odoo, "employees"))["display_name"] == "Ada"
    assert only(synced(odoo, "orders"))["employee_id"] == "1"
    odoo.unreadable = {"hr.employee"}
    assert only(synced(odoo, "orders"))["employee_id"] == "2"


def test_only_cards_that_collect_points_are_memberships(odoo: FakeOdoo) -> None:
    odoo.create("loyalty.program", name="Points", program_type="loyalty")
    odoo.create("loyalty.program", name="Wallet", program_type="ewallet")
    for program in (1, 2):
        odoo.create("loyalty.card", program_id=program, partner_id=4, points=12.5, code=SECRET)
    card = only(synced(odoo, "loyalty_accounts"))
    assert (card["program_id"], card["customer_id"], card["balance"]) == ("1", "4", 12)


# --- range --------------------------------------------------------------------------------


def test_a_category_renamed_far_above_sends_its_products_again(odoo: FakeOdoo) -> None:
    template = odoo.create("product.template", name="Tea", active=True, categ_id=2, list_price=2.5)
    odoo.create("product.product", product_tmpl_id=template, active=True, default_code="T",
                currency_id=[1, "USD"], barcode="400", standard_price=1.25)  # fmt: skip
    first = first_run(odoo)
    (tea,) = rows(first, "products")
    assert (tea["name"], tea["sku"], tea["price"], tea["unit_cost"]) == ("Tea", "T", 250, 125)
    assert tea["category_path"] == ["All", "Hot"]
    odoo.advance(days=3)
    odoo.begin()
    odoo.write("product.category", 1, name="Everything")
    (tea,) = rows(sync(odoo.settings(), first.state), "products")
    assert tea["category_path"] == ["Everything", "Hot"]
