"""Square's catalog: names made of three objects that change apart from each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing import sync
from tap_pos.testing.fakes.square_rows import money

if TYPE_CHECKING:
    from tap_pos.testing import ScriptedSquare, Synced

OLD = "2026-02-01T00:00:00.000Z"
NEW = "2026-03-02T00:00:00.000Z"


def category(identity: str, name: str, parent: str | None = None, at: str = OLD) -> dict[str, Any]:
    data: dict[str, Any] = {"name": name}
    if parent:
        data["parent_category"] = {"id": parent, "ordinal": 0}
    return {"type": "CATEGORY", "id": identity, "updated_at": at, "category_data": data}


def variation(identity: str, name: str = "Regular", at: str = OLD, **data: Any) -> dict[str, Any]:
    own = {"item_id": "I1", "name": name, "sku": f" {identity}-sku ", "price_money": money(450)}
    return {
        "type": "ITEM_VARIATION",
        "id": identity,
        "updated_at": at,
        "item_variation_data": own | data,
    }


@pytest.fixture
def shop(square: ScriptedSquare) -> ScriptedSquare:
    """A shop that sells one tea in two sizes, three categories deep."""
    sizes = [variation("V1"), variation("V2", "Large", price_money=money(0))]
    item = {"name": "Tea", "variations": sizes, "categories": [{"id": "GREEN"}]}
    square.catalog = [
        category("GREEN", "Green", "HOT"),
        category("HOT", "Hot", "DRINKS"),
        category("DRINKS", "Drinks"),
        {"type": "ITEM", "id": "I1", "updated_at": OLD, "item_data": item},
        *sizes,
    ]
    return square


def later(shop: ScriptedSquare, config: dict[str, Any]) -> Synced:
    """Read everything, let a day pass, and change what the test changes in between."""
    out = sync(config)
    shop.now = shop.now.replace(day=3)
    return out


def test_every_variation_is_a_product(shop: ScriptedSquare, config: dict[str, Any]) -> None:
    table = sync(config).table("products")
    small, large = table["tea", "V1"], table["tea", "V2"]
    assert (small["name"], large["name"]) == ("Tea", "Tea (Large)")
    assert (small["price"], large["price"], small["currency"]) == (450, 0, "USD")
    assert small["category_path"] == ["Drinks", "Hot", "Green"]
    assert (small["item_id"], small["sku"]) == ("I1", "V1-sku")
    assert small["deleted_at"] is None
    assert len(shop.asked("/v2/catalog/batch-retrieve")) == 0


def test_nothing_is_sent_again_when_nothing_changed(
    shop: ScriptedSquare, config: dict[str, Any]
) -> None:
    first = later(shop, config)
    assert sync(config, first.state).sent("products") == []


def test_a_new_price_brings_only_its_variation(
    shop: ScriptedSquare, config: dict[str, Any]
) -> None:
    first = later(shop, config)
    shop.catalog[4] = variation("V1", at=NEW, price_money=money(500))
    second = sync(config, first.state)
    (row,) = second.sent("products")
    assert (row["id"], row["price"], row["name"]) == ("V1", 500, "Tea")
    assert row["category_path"] == ["Drinks", "Hot", "Green"]
    assert row["updated_at"] == "2026-03-02T00:00:00Z"


def test_a_renamed_item_brings_all_its_variations(
    shop: ScriptedSquare, config: dict[str, Any]
) -> None:
    first = later(shop, config)
    shop.catalog[3]["item_data"]["name"] = "Sencha"
    shop.catalog[3]["updated_at"] = NEW
    second = sync(config, first.state)
    assert {row["name"] for row in second.sent("products")} == {"Sencha", "Sencha (Large)"}


def test_a_renamed_category_changes_every_path_below_it(
    shop: ScriptedSquare, config: dict[str, Any]
) -> None:
    first = later(shop, config)
    shop.catalog[2] = category("DRINKS", "Beverages", at=NEW)
    second = sync(config, first.state)
    assert {row["category_path"][0] for row in second.sent("products")} == {"Beverages"}
    assert second.table("products") == sync(config).table("products")


@pytest.mark.parametrize("position", [3, 4], ids=["item", "variation"])
def test_deletions_are_seen(shop: ScriptedSquare, config: dict[str, Any], position: int) -> None:
    first = later(shop, config)
    shop.catalog[position] |= {"is_deleted": True, "updated_at": NEW}
    second = sync(config, first.state)
    assert second.table("products")["tea", "V1"]["deleted_at"] == "2026-03-02T00:00:00Z"


def test_categories_in_a_circle_end_somewhere(shop: ScriptedSquare, config: dict[str, Any]) -> None:
    shop.catalog[2] = category("DRINKS", "Drinks", "GREEN")
    path = sync(config).table("products")["tea", "V1"]["category_path"]
    assert path[-1] == "Green"


def test_square_excludes_the_instant_it_is_asked_from(
    shop: ScriptedSquare, config: dict[str, Any]
) -> None:
    """A variation that changed in the very instant of the bookmark must come along."""
    first = later(shop, config)
    assert first.state is not None
    bookmark = first.state["bookmarks"]["products"]["partitions"][0]["replication_key_value"]
    shop.catalog[4] = variation("V1", at=bookmark.replace("Z", ".000Z"))
    assert [row["id"] for row in sync(config, first.state).sent("products")] == ["V1"]
