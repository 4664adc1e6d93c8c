"""Lightspeed Retail X-Series: customers and what they said, the range, places and staff."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing import sync
from tap_pos.testing.fakes.lightspeed_x_rows import AT, auckland, settings_of

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


def customer(shop: ScriptedLightspeed, config: Row, **fields: Any) -> Row:
    row = {"id": "C1", "first_name": "Ada", "last_name": "L", "updated_at": AT, **fields}
    shop.write("customers", row)
    out = sync(config)
    assert out.failures == []
    return out.table("customers")["tea", "C1"]


def said(record: Row) -> set[tuple[str, str, str]]:
    return {(c["channel"], c["state"], c["source"]) for c in record["consents"]}


def test_a_customer_is_trimmed_and_the_mobile_goes_first(
    shop: ScriptedLightspeed, config: Row
) -> None:
    record = customer(
        shop, config, first_name=" Zoë 🫖 ", last_name=" نور ", email=" z@example.org ",
        phone="09 1", mobile="021 2", customer_code="Z-1", enable_loyalty=True,
        date_of_birth="1980-12-31T00:00:00Z", physical_city=" ", postal_city="Auckland",
    )  # fmt: skip
    assert (record["given_name"], record["family_name"]) == ("Zoë 🫖", "نور")
    assert (record["email"], record["phone"]) == ("z@example.org", "021 2")
    assert (record["birthday"], record["loyalty_id"]) == ("1980-12-31", "Z-1")
    assert record["address"]["city"] == "Auckland"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, set()),
        ({"do_not_email": False}, set()),
        ({"do_not_email": True}, {("email", "withdrawn", "lightspeed_x:do_not_email")}),
        ({"enable_promotional_sms": True},
         {("sms", "given", "lightspeed_x:enable_promotional_sms")}),
        ({"enable_promotional_sms": False},
         {("sms", "unknown", "lightspeed_x:enable_promotional_sms")}),
        ({"enable_promotional_sms": None}, set()),
    ],
)  # fmt: skip
def test_two_flags_of_opposite_polarity(
    shop: ScriptedLightspeed, config: Row, fields: Row, expected: set[tuple[str, str, str]]
) -> None:
    assert said(customer(shop, config, **fields)) == expected


def test_opt_ins_kept_in_a_group_and_in_a_custom_field(
    shop: ScriptedLightspeed, config: Row
) -> None:
    asking = config | {
        "consent_sources": [
            {"group": "Newsletter", "channels": ["email"], "purpose": "marketing"},
            {"custom_attribute": "custom_field_3", "channels": ["phone"], "purpose": "marketing",
             "given": ["yes"], "withdrawn": ["no"]},
        ]
    }  # fmt: skip
    shop.write("customer_groups", {"id": "G1", "name": "Newsletter"})
    record = customer(shop, asking, customer_group_id="G1", custom_field_3=" NO ")
    assert record["groups"] == ["Newsletter"]
    assert said(record) == {
        ("email", "given", "lightspeed_x:group:Newsletter"),
        ("phone", "withdrawn", "lightspeed_x:custom_attribute:custom_field_3"),
    }


def test_a_renamed_group_ends_what_it_meant(shop: ScriptedLightspeed, config: Row) -> None:
    source = {"group": "Newsletter", "channels": ["email"], "purpose": "marketing"}
    asking = config | {"consent_sources": [source]}
    group = {"id": "G1", "name": "Newsletter"}
    shop.write("customer_groups", group)
    shop.write("customers", {"id": "C1", "customer_group_id": "G1", "updated_at": AT})
    first = sync(asking)
    shop.advance(days=1)
    shop.write("customer_groups", group | {"name": "Old newsletter"})
    (record,) = sync(asking, first.state).sent("customers")
    assert said(record) == {("email", "unknown", "lightspeed_x:group:Newsletter")}


def test_of_a_deleted_customer_only_the_fact_is_left(shop: ScriptedLightspeed, config: Row) -> None:
    record = customer(shop, config, email="a@example.org", do_not_email=True, deleted_at=AT)
    assert record["deleted_at"] == "2026-02-10T11:30:00Z"
    assert (record["email"], record["given_name"], record["consents"]) == (None, None, [])


def test_loyalty_is_money(shop: ScriptedLightspeed, config: Row) -> None:
    for number, balance in enumerate((12.34, 5.5511151231257827e-17, 0)):
        shop.write("customers", {"id": f"C{number}", "enable_loyalty": number < 2,
                                 "loyalty_balance": balance, "updated_at": AT})  # fmt: skip
    accounts = sync(config).table("loyalty_accounts")
    assert {key[1]: row["balance"] for key, row in accounts.items()} == {"C0": 1234, "C1": 0}


@pytest.mark.parametrize(("tax", "price"), [("in", 1250), ("on top", 1087)])
def test_a_products_price_is_the_one_on_its_label(
    shop: ScriptedLightspeed, config: Row, tax: str, price: int
) -> None:
    shop.retailer["tax_exclusive"] = tax == "on top"
    shop.write("products", {"id": "P1", "name": "Tea", "variant_name": "Tea / Large", "sku": "t",
                            "price_including_tax": 12.5, "price_excluding_tax": 10.86957,
                            "supply_price": 4, "variant_parent_id": "P0", "brand": {}, "type": {},
                            "product_codes": [{"type": "EAN", "code": "42"}]})  # fmt: skip
    record = sync(config).table("products")["tea", "P1"]
    assert (record["name"], record["item_id"], record["barcode"]) == ("Tea / Large", "P0", "42")
    assert (record["price"], record["unit_cost"], record["currency"]) == (price, 400, "NZD")
    assert (record["brand"], record["category_path"]) == (None, [])


def test_places_and_people(shop: ScriptedLightspeed, config: Row) -> None:
    shop.write("users", {"id": "U1", "display_name": "Ada", "username": "ada@example.org",
                         "restricted_outlet_ids": [], "email": "ada@example.org"})  # fmt: skip
    shop.write("users", {"id": "U2", "display_name": "Bo", "enabled": False,
                         "restricted_outlet_ids": ["O1"]})  # fmt: skip
    out = sync(config)
    place = out.table("locations")["tea", "O1"]
    assert (place["name"], place["timezone"], place["active"]) == ("Main", "Pacific/Auckland", True)
    assert place["address"]["line2"] == "Newmarket"
    people = out.table("employees")
    assert people["tea", "U1"]["location_ids"] == ["O1"]
    assert [row["active"] for row in people.values()] == [True, False]
    assert "ada@example.org" not in str(out.messages)
