"""The catalog: categories, items and their variations, as far as they occur in the baskets.

Products that differ only in package share an item, as a shop would enter them. An object
appears shortly before its first sale, so each day of the revealed future brings new ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from practice_register.chance import chance
from practice_register.rows import CatalogRow
from practice_register.timeline import DAY, HOUR, SECOND, Timeline, rfc3339

if TYPE_CHECKING:
    from random import Random

    from practice_register.archive import BlobWriter
    from practice_register.baskets import Product
    from practice_register.identifiers import Identifiers

_VARIATIONS_AN_ITEM = 30
_TAXED = {"DRUG GM", "COSMETICS", "GM MERCH EXP", "AUTOMOTIVE", "GARDEN CENTER", "TOYS"}
_REPRICED, _DISCONTINUED = 0.05, 0.08
_PREPARED = {"DELI", "SALAD BAR", "CHEF SHOPPE", "RESTAURANT"}


@dataclass(frozen=True)
class Article:
    """What an order line says about a product; the texts are ready-made JSON."""

    id: str
    name: str
    variation: str
    taxed: bool
    prepared: bool


@dataclass
class _Sold:
    """When a product was first and last sold, and at what shelf price."""

    first: int
    last: int
    price: int


@dataclass
class _Item:
    id: str
    name: str
    categories: list[str]
    products: list[Product] = field(default_factory=list)


class Catalog:
    """Collects what is sold, then writes the catalog objects' rows."""

    def __init__(self, products: dict[int, Product], ids: Identifiers, calendar: Timeline) -> None:
        """Prepare the articles of all products in the chosen baskets."""
        self._ids = ids
        self._calendar = calendar
        self._sold: dict[int, _Sold] = {}
        self._items: list[_Item] = []
        self._categories: dict[str, dict[str, Any]] = {}
        self.articles: dict[int, Article] = {}
        open_items: dict[tuple[object, ...], _Item] = {}
        for product in sorted(products.values(), key=lambda each: each.id):
            group = (product.manufacturer, product.category, product.type)
            item = open_items.get(group)
            if item is None or len(item.products) == _VARIATIONS_AN_ITEM:
                item = self._new_item(product)
                open_items[group] = item
            item.products.append(product)
            self.articles[product.id] = Article(
                id=ids.make("variation", product.id, 24),
                name=msgspec.json.encode(item.name).decode(),
                variation=msgspec.json.encode(_variation_name(product)).decode(),
                taxed=product.department in _TAXED,
                prepared=product.department in _PREPARED,
            )

    def note_sale(self, product: int, at: int, price: int) -> None:
        """Remember that `product` was sold at a shelf price, to date and price its object."""
        sold = self._sold.get(product)
        if sold is None:
            self._sold[product] = _Sold(at, at, price)
            return
        sold.first, sold.last = min(sold.first, at), max(sold.last, at)
        if at == sold.first and price:
            sold.price = price

    def write(self, blob: BlobWriter, seed: int) -> list[CatalogRow]:
        """Write every object's states and return their rows."""
        rows = [_row(blob, category) for category in self._categories.values()]
        for item in self._items:
            self._write_item(item, blob, rows, chance("catalog", seed, item.id))
        return rows

    def _new_item(self, product: Product) -> _Item:
        department = self._category(_title(product.department, "Other"), None)
        categories = [department]
        if product.category:
            categories = [self._category(_title(product.category, ""), department)]
        item = _Item(
            self._ids.make("item", product.id, 24), _title(product.type, "Item"), categories
        )
        self._items.append(item)
        return item

    def _category(self, name: str, parent: str | None) -> str:
        category = self._ids.make("category", f"{parent} {name}", 24)
        if category in self._categories:
            return category
        data: dict[str, Any] = {"name": name, "category_type": "REGULAR_CATEGORY"}
        data["is_top_level"] = parent is None
        if parent is not None:
            above = self._categories[parent]
            data["parent_category"] = {"id": parent}
            data["root_category"] = parent
            data["path_to_root"] = [
                {"category_id": parent, "category_name": above["category_data"]["name"]}
            ]
        document = _object("CATEGORY", category, self._calendar.begins, deleted=False)
        self._categories[category] = document | {"category_data": data}
        return category

    def _write_item(
        self, item: _Item, blob: BlobWriter, rows: list[CatalogRow], rng: Random
    ) -> None:
        changes = {product.id: self._changes(product, rng) for product in item.products}
        ends = self._end_of(item, rng)
        moments = sorted({at for states in changes.values() for at, _ in states})
        for at in self._shown(moments, ends):
            variations = []
            for product in item.products:
                reached = [state for state in changes[product.id] if state[0] <= at]
                if reached:
                    changed, price = reached[-1]
                    when = at if at == ends else changed
                    variations.append(
                        self._variation(item, product, price, when, deleted=at == ends)
                    )
            rows.append(_row(blob, self._item(item, variations, at, deleted=at == ends)))
        for product in item.products:
            prices = dict(changes[product.id])
            for at in self._shown(list(prices), ends):
                price = prices.get(at, changes[product.id][-1][1])
                rows.append(
                    _row(blob, self._variation(item, product, price, at, deleted=at == ends))
                )

    def _shown(self, moments: list[int], ends: int | None) -> list[int]:
        """The states that can be seen: the last one before the register opened and all later."""
        if ends is not None:
            moments = [*(at for at in moments if at < ends), ends]
        past = [at for at in moments if at <= self._calendar.opens]
        return past[-1:] + moments[len(past) :]

    def _changes(self, product: Product, rng: Random) -> list[tuple[int, int]]:
        """When a variation changes and its price from then on: its arrival, maybe a new price."""
        sold = self._sold[product.id]
        arrival = sold.first - sold.first % HOUR - (2 + product.id % 30) * HOUR
        changes = [(arrival + product.id % SECOND, sold.price)]
        if rng.random() < _REPRICED:
            at = self._calendar.opens + rng.randrange(60 * DAY)
            if at > arrival + HOUR:
                changes.append((at, sold.price + max(5, sold.price // 20)))
        return changes

    def _end_of(self, item: _Item, rng: Random) -> int | None:
        """When the item leaves the catalog, if it does: some weeks after its last sale."""
        last = max(self._sold[product.id].last for product in item.products)
        ends = last + rng.randrange(10 * DAY, 40 * DAY)
        return ends if rng.random() < _DISCONTINUED and ends < self._calendar.ends else None

    def _item(
        self, item: _Item, variations: list[dict[str, Any]], at: int, *, deleted: bool
    ) -> dict[str, Any]:
        data = {
            "name": item.name,
            "is_taxable": self.articles[item.products[0].id].taxed,
            "variations": variations,
            "product_type": "REGULAR",
            "categories": [{"id": category, "ordinal": 0} for category in item.categories],
            "reporting_category": {"id": item.categories[0]},
            "is_archived": False,
        }
        return _object("ITEM", item.id, at, deleted=deleted) | {"item_data": data}

    def _variation(
        self, item: _Item, product: Product, price: int, at: int, *, deleted: bool
    ) -> dict[str, Any]:
        data: dict[str, Any] = {
            "item_id": item.id,
            "name": _variation_name(product),
            "sku": str(product.id),
            "ordinal": item.products.index(product),
            "pricing_type": "FIXED_PRICING",
            "price_money": {"amount": price, "currency": "USD"},
            "sellable": True,
            "stockable": True,
        }
        if product.id % 7:  # one product in seven has no barcode
            data["upc"] = _upc(product)
        document = _object("ITEM_VARIATION", self.articles[product.id].id, at, deleted=deleted)
        return document | {"item_variation_data": data}


def _row(blob: BlobWriter, document: dict[str, Any]) -> CatalogRow:
    offset, length = blob.add(msgspec.json.encode(document))
    return CatalogRow(
        id=document["id"],
        since=document["version"],
        offset=offset,
        length=length,
        created=document["version"],
        updated=document["version"],
        gone=False,
        type=document["type"],
        deleted=document["is_deleted"],
    )


def _object(kind: str, object_id: str, updated: int, *, deleted: bool) -> dict[str, Any]:
    return {
        "type": kind,
        "id": object_id,
        "updated_at": rfc3339(updated),
        "version": updated,
        "is_deleted": deleted,
        "present_at_all_locations": True,
    }


def _title(text: str | None, otherwise: str) -> str:
    return text.strip().title() if text and text.strip() else otherwise


def _variation_name(product: Product) -> str:
    return product.package.strip() if product.package and product.package.strip() else "Regular"


def _upc(product: Product) -> str:
    """A well-formed 12-digit UPC; its manufacturer part is made up."""
    digits = f"0{product.manufacturer % 100000:05}{product.id % 100000:05}"
    odd, even = sum(map(int, digits[::2])), sum(map(int, digits[1::2]))
    return digits + str(-(3 * odd + even) % 10)
