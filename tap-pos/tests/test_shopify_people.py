"""Customers, their consent, products, places and staff of a Shopify shop."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing import Answer, sync
from tap_pos.testing.fakes.shopify import FakeShopify
from tap_pos.testing.fakes.shopify_rows import (
    customer,
    email,
    location,
    order,
    phone,
    product,
    staff_member,
    variant,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pos.testing.fake import Row

AT = "2026-02-10T15:00:00Z"
SAID = "2026-02-09T08:00:00Z"


@pytest.fixture
def shop() -> Iterator[FakeShopify]:
    """An empty shop; its clock says 2026-03-01 noon."""
    with FakeShopify(page_size=3).running() as fake:
        yield fake


@pytest.fixture
def config(shop: FakeShopify) -> dict[str, Any]:
    return {
        "vendor": "shopify",
        "shop_id": "tea",
        "access_token": "token",
        "base_url": shop.url,
        "max_retry_seconds": 2,
    }


def consents(config: dict[str, Any]) -> dict[tuple[str, str], tuple[str, str | None]]:
    """Give what is said about the one customer, by channel and purpose."""
    out = sync(config)
    assert out.failures == []
    (person,) = out.table("customers").values()
    return {(c["channel"], c["purpose"]): (c["state"], c["event_time"]) for c in person["consents"]}


def test_a_customer_with_everything(shop: FakeShopify, config: dict[str, Any]) -> None:
    shop.write(
        "customers",
        customer(
            7, AT, firstName=" نور 🫖 ", lastName="O'Brien", tags=["b", "a "],
            defaultEmailAddress=email("noor@example.org"),
            defaultPhoneNumber=phone("+15555550100", ("NEVER_SUBSCRIBED", None)),
            defaultAddress={"id": "gid://shopify/MailingAddress/1", "address1": "1 Main Street",
                            "city": "Springfield", "provinceCode": "IL", "zip": "62701",
                            "countryCodeV2": "US"},
        ),
    )  # fmt: skip
    found = sync(config).table("customers")["tea", "7"]
    assert (found["given_name"], found["family_name"]) == ("نور 🫖", "O'Brien")
    assert (found["email"], found["phone"]) == ("noor@example.org", "+15555550100")
    assert found["groups"] == ["a", "b"]
    assert found["address"] == {
        "line1": "1 Main Street", "line2": None, "city": "Springfield", "region": "IL",
        "postal_code": "62701", "country": "US",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("SUBSCRIBED", ("given", SAID)),
        ("UNSUBSCRIBED", ("withdrawn", SAID)),
        ("INVALID", ("withdrawn", SAID)),
        ("PENDING", ("unknown", None)),
        ("NOT_SUBSCRIBED", ("unknown", None)),
    ],
)
def test_what_shopify_says_about_mail(
    shop: FakeShopify, config: dict[str, Any], said: str, state: tuple[str, str | None]
) -> None:
    shop.write("customers", customer(7, AT, defaultEmailAddress=email("a@example.org", said, SAID)))
    assert consents(config)["email", "marketing"] == state


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("SUBSCRIBED", ("given", SAID)),
        ("UNSUBSCRIBED", ("withdrawn", SAID)),
        ("REDACTED", ("withdrawn", SAID)),
        ("PENDING", ("unknown", None)),
        ("NEVER_SUBSCRIBED", ("unknown", None)),
    ],
)
def test_what_shopify_says_about_phones(
    shop: FakeShopify, config: dict[str, Any], said: str, state: tuple[str, str | None]
) -> None:
    given = ("SUBSCRIBED", SAID)
    for sms, chat in (((said, SAID), given), (given, (said, SAID))):
        shop.write("customers", customer(7, AT, defaultPhoneNumber=phone("+1555", sms, chat)))
        found = consents(config)
        assert found["sms", "marketing"] == (state if chat is given else ("given", SAID))
        assert found["whatsapp", "marketing"] == (state if sms is given else ("given", SAID))


def test_an_address_that_is_gone_ends_what_was_given_for_it(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    shop.write("customers", customer(7, AT))
    assert set(consents(config).values()) == {("unknown", None)}


def test_opting_out_of_data_sale_ends_profiling_everywhere(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    shop.write("customers", customer(7, AT, dataSaleOptOut=True))
    found = consents(config)
    channels = ("email", "sms", "phone", "post", "whatsapp", "push")
    assert all(found[channel, "profiling"] == ("withdrawn", None) for channel in channels)


def test_a_tag_can_hold_an_opt_in(shop: FakeShopify, config: dict[str, Any]) -> None:
    shop.write("customers", customer(7, AT, tags=["Letters"]))
    sources = [
        {"group": name, "channels": [channel], "purpose": "marketing"}
        for name, channel in (("Letters", "post"), ("Calls", "phone"))
    ]
    found = consents(config | {"consent_sources": sources})
    assert found["post", "marketing"] == ("given", None)
    assert found["phone", "marketing"] == ("unknown", None)


def test_a_change_within_the_day_is_found_by_a_search_for_days(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    people = [customer(n, f"2026-02-{10 + n}T23:59:59Z") for n in range(1, 9)]
    shop.write_all("customers", *people)
    first = sync(config | {"window_days": 1})
    assert len(first.table("customers")) == 8
    assert len(first.sent("customers")) == 8
    shop.advance(hours=2)
    shop.write("customers", people[0] | {"updatedAt": "2026-03-01T13:00:00Z", "firstName": "Zoë"})
    later = sync(config, first.state)
    assert [person["given_name"] for person in later.sent("customers")] == ["Zoë"]


def test_a_merged_customer_is_missed_once(shop: FakeShopify, config: dict[str, Any]) -> None:
    shop.write_all("customers", *[customer(n, AT) for n in range(1, 8)])
    first = sync(config)
    shop.write("customers", None, number=4)
    shop.advance(days=30)
    second = sync(config, first.state)
    assert [person["id"] for person in second.sent("customers")] == ["4"]
    assert second.sent("customers")[0]["deleted_at"] == "2026-03-31T12:00:00Z"
    shop.advance(days=30)
    assert sync(config, second.state).sent("customers") == []


def test_secrets_are_never_asked_for(shop: FakeShopify, config: dict[str, Any]) -> None:
    shop.write("customers", customer(7, AT))
    shop.write("staffMembers", staff_member(5))
    shop.write("orders", order(1001, AT, customer=7, staff=5))
    out = sync(config)
    assert len(out.sent("orders")) == 1
    assert "secret" not in json.dumps(out.messages)
    asked = b"".join(request.body for request in shop.requests)
    for field in (b"multipassIdentifier", b"statusPageUrl", b"nsubscribeUrl", b"CardPayment",
                  b"presentmentMoney", b"privateData"):  # fmt: skip
        assert field not in asked


def test_each_variant_is_a_product(shop: FakeShopify, config: dict[str, Any]) -> None:
    shop.write("products", product(1, AT, category="Food > Drinks > Tea", title="Tea"))
    shop.write("products", product(2, AT, title="Cup", productType=""))
    sizes: list[Row] = [{"title": "Large", "price": 900, "cost": 300, "barcode": "123"}, {}]
    shop.write_all("productVariants", *[variant(n, n, AT, **s) for n, s in enumerate(sizes, 1)])
    found = sync(config).table("products")
    large = found["tea", "1"]
    assert (large["name"], large["item_id"], large["brand"]) == ("Tea (Large)", "1", "Leaf & Co")
    assert (large["price"], large["unit_cost"], large["currency"]) == (900, 300, "USD")
    assert large["category_path"] == ["Food", "Drinks", "Tea"]
    assert (found["tea", "2"]["name"], found["tea", "2"]["category_path"]) == ("Cup", [])


def test_products_of_every_status_are_read(shop: FakeShopify, config: dict[str, Any]) -> None:
    statuses = ("ACTIVE", "ARCHIVED", "DRAFT", "UNLISTED")
    for number, status in enumerate(statuses, 1):
        shop.write("products", product(number, AT, status=status))
        shop.write("productVariants", variant(number, number, AT))
    first = sync(config)
    assert len(first.table("products")) == 4
    shop.advance(days=1)
    now = "2026-03-02T11:00:00Z"
    for number, status in enumerate(statuses, 1):
        shop.write("products", product(number, now, status=status, title="Green tea"))
    later = sync(config, first.state)
    assert [row["name"] for row in later.sent("products")] == ["Green tea"] * 4


def test_a_product_with_many_variants_is_read_whole(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    shop.write("products", product(1, AT))
    old = "2026-01-05T00:00:00Z"
    shop.write_all("productVariants", *[variant(n, 1, old) for n in range(1, 12)])
    first = sync(config)
    assert len(first.table("products")) == 11
    shop.advance(days=1)
    shop.write("products", product(1, "2026-03-02T11:00:00Z", title="Green tea"))
    later = sync(config, first.state)
    assert {row["name"] for row in later.sent("products")} == {"Green tea"}
    assert len(later.table("products")) == 11


def test_a_variant_that_changes_alone_is_seen(shop: FakeShopify, config: dict[str, Any]) -> None:
    shop.write("products", product(1, AT))
    shop.write_all("productVariants", variant(1, 1, AT), variant(2, 1, AT))
    first = sync(config)
    shop.advance(days=1)
    shop.write("productVariants", variant(2, 1, "2026-03-02T11:00:00Z", price=475))
    later = sync(config, first.state)
    assert [(row["id"], row["price"]) for row in later.sent("products")] == [("2", 475)]


def test_a_variant_taken_out_of_a_living_product_is_missed(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    shop.write("products", product(1, AT))
    shop.write_all("productVariants", variant(1, 1, AT), variant(2, 1, AT))
    first = sync(config)
    shop.write("productVariants", None, number=2)
    shop.advance(days=30)
    gone = sync(config, first.state).sent("products")
    assert [(row["id"], row["deleted_at"]) for row in gone] == [("2", "2026-03-31T12:00:00Z")]


def test_locations_closed_and_of_others_are_there(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    shop.write_all(
        "locations",
        location(1, AT),
        location(2, AT, isActive=False),
        location(3, AT, isFulfillmentService=True),
        location(4, AT),
    )
    found = sync(config).table("locations")
    assert [(found["tea", str(n)]["active"], found["tea", str(n)]["channel"]) for n in (1, 2, 3)] \
        == [(True, "store"), (False, "store"), (True, "online")]  # fmt: skip
    assert found["tea", "4"]["timezone"] == "America/New_York"


def test_staff_is_read_where_shopify_offers_it(shop: FakeShopify, config: dict[str, Any]) -> None:
    shop.write_all("staffMembers", staff_member(1), staff_member(2, exists=False))
    found = sync(config).table("employees")
    assert [row["active"] for row in found.values()] == [True, False]
    assert found["tea", "1"]["display_name"] == "Till 1"


def test_without_staff_the_run_goes_on_and_says_so_once(
    shop: FakeShopify, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    shop.scopes.remove("read_users")
    shop.write("staffMembers", staff_member(5))
    shop.write("orders", order(1001, AT, staff=5))
    with caplog.at_level(logging.INFO):
        out = sync(config)
    assert out.failures == []
    assert out.sent("employees") == []
    assert out.table("orders")["tea", "1001"]["employee_id"] is None
    assert sum("read_users" in record.getMessage() for record in caplog.records) == 1


def test_a_shop_that_hides_its_staff_has_no_employees(
    shop: FakeShopify, config: dict[str, Any]
) -> None:
    """Shopify may also answer null, without an error."""
    shop.script = lambda request: (
        Answer(200, {"data": {"staffMembers": None}}) if b"staffMembers" in request.body else None
    )
    out = sync(config)
    assert out.failures == []
    assert out.sent("employees") == []
