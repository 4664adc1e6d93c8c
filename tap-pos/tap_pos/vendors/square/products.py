"""Square's catalog as products: one per item variation.

Only `SearchCatalogObjects` shows deletions, and it knows "modified after", exclusively, but
no end. A product's record is made of three objects that change apart from each other (the
variation, its item, the item's categories), so:

* categories are read whole, being few; if one changed since the bookmark, every product is
  sent again, because any path may have changed;
* a changed item brings all its variations along;
* a changed variation whose item did not change has its item looked up by id.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from tap_pos import records
from tap_pos.vendors.base import Batch
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import Page, PageDecoder
from tap_pos.vendors.square import wire
from tap_pos.vendors.texts import instant, text, with_variant
from tap_pos.windows import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_pos.vendors.square.api import SquareApi
    from tap_pos.windows import Window

_OBJECTS = PageDecoder("objects", wire.CatalogObject)
_LARGEST_PAGE = 1000
_LARGEST_LOOKUP = 500
_DEEPEST_CATEGORY = 20


class ProductReader:
    """Reads the products of one shop.

    Args:
        api: Connection to Square.
        shop_id: The shop.
    """

    def __init__(self, api: SquareApi, shop_id: str) -> None:
        self._api = api
        self._shop_id = shop_id

    def read(self, window: Window) -> Iterator[Batch]:
        """Read every product that changed since the window began."""
        # Square excludes the instant itself.
        since: str | None = format_instant(window.start - timedelta(milliseconds=1))
        categories: dict[str, wire.CatalogObject] = {}
        for page in self._search("CATEGORY", None):
            categories.update((entry.id, entry) for entry in page.items)
            yield Batch([], page.bad)
        if any(_changed_since(entry, window) for entry in categories.values()):
            since = None
        items: dict[str, wire.CatalogObject] = {}
        sent: dict[str, str] = {}
        for page in self._search("ITEM", since):
            variations = []
            for item in page.items:
                nested = (item.item_data and item.item_data.variations) or []
                variations += [_owned(variation, item) for variation in nested]
                items[item.id] = _without_variations(item)
            sent.update((variation.id, variation.updated_at or "") for variation in variations)
            yield self._batch(Page(variations, None, page.bad), items, categories)
        for page in self._search("ITEM_VARIATION", since):
            # An item may bring along an older copy of a variation than is listed by itself.
            fresh = [entry for entry in page.items if entry.updated_at != sent.get(entry.id)]
            unknown = {_item_id(variation) for variation in fresh} - items.keys() - {None}
            items.update(self._look_up(unknown))
            yield self._batch(Page(fresh, None, page.bad), items, categories)

    def _search(self, kind: str, since: str | None) -> Iterator[Page[wire.CatalogObject]]:
        query: dict[str, Any] = {
            "object_types": [kind],
            "include_deleted_objects": True,
            "limit": _LARGEST_PAGE,
        }
        if since is not None:
            query["begin_time"] = since
        return self._api.pages("POST", "/v2/catalog/search", _OBJECTS, query)

    def _look_up(self, ids: Iterable[str | None]) -> Iterator[tuple[str, wire.CatalogObject]]:
        """Fetch items by id. One that no longer exists is simply not there."""
        wanted = iter(sorted(identity for identity in ids if identity))
        while chunk := list(islice(wanted, _LARGEST_LOOKUP)):
            page, _ = self._api.ask(
                "POST",
                "/v2/catalog/batch-retrieve",
                _OBJECTS,
                {"object_ids": chunk, "include_deleted_objects": True},
            )
            yield from ((item.id, _without_variations(item)) for item in page.items)

    def _batch(
        self,
        variations: Page[wire.CatalogObject],
        items: dict[str, wire.CatalogObject],
        categories: dict[str, wire.CatalogObject],
    ) -> Batch:
        def to_record(variation: wire.CatalogObject) -> records.Product:
            item = items.get(_item_id(variation) or "")
            return product(self._shop_id, variation, item, categories)

        return map_all(variations, to_record)


def product(
    shop_id: str,
    variation: wire.CatalogObject,
    item: wire.CatalogObject | None,
    categories: dict[str, wire.CatalogObject],
) -> records.Product:
    """Map a variation.

    Args:
        shop_id: The shop.
        variation: The variation.
        item: Its item, if Square still has it.
        categories: All categories by id.
    """
    own = variation.item_variation_data or wire.Variation()
    shared = (item.item_data if item else None) or wire.Item()
    price = own.price_money or wire.Money()
    # What becomes of an item no longer concerns a variation that was deleted before.
    sources = (variation,) if variation.is_deleted else (variation, item)
    changed = max((c.updated_at or "" for c in sources if c), default="")
    deleted = next((c for c in (variation, item) if c and c.is_deleted), None)
    return records.Product(
        shop_id=shop_id,
        id=variation.id,
        item_id=text(own.item_id) or (item.id if item else None),
        sku=text(own.sku),
        barcode=text(own.upc),
        name=with_variant(shared.name, own.name),
        category_path=category_path(_category_id(shared), categories),
        price=price.amount,
        currency=price.currency,
        updated_at=instant(changed),
        deleted_at=instant(deleted.updated_at) if deleted else None,
    )


def category_path(category_id: str | None, categories: dict[str, wire.CatalogObject]) -> list[str]:
    """Name a category's ancestors and itself, outermost first."""
    path: list[str] = []
    while category_id in categories and len(path) < _DEEPEST_CATEGORY:
        category = categories[category_id].category_data or wire.Category()
        if name := text(category.name):
            path.append(name)
        category_id = category.parent_category.id if category.parent_category else None
    return path[::-1]


def _changed_since(entry: wire.CatalogObject, window: Window) -> bool:
    """Tell whether an object changed since a window began; True where Square does not say."""
    try:
        return parse_instant(entry.updated_at or "") >= window.start
    except ValueError:
        return True


def _category_id(item: wire.Item) -> str | None:
    """Pick the category a shop reports by, else its first, else the one of older versions."""
    if item.reporting_category and item.reporting_category.id:
        return item.reporting_category.id
    if item.categories:
        return item.categories[0].id
    return item.category_id


def _item_id(variation: wire.CatalogObject) -> str | None:
    return variation.item_variation_data.item_id if variation.item_variation_data else None


def _owned(variation: wire.CatalogObject, item: wire.CatalogObject) -> wire.CatalogObject:
    """Make sure a nested variation names its item."""
    own = variation.item_variation_data or wire.Variation()
    own.item_id = own.item_id or item.id
    variation.item_variation_data = own
    return variation


def _without_variations(item: wire.CatalogObject) -> wire.CatalogObject:
    """Keep an item for its variations' sake without keeping them."""
    if item.item_data:
        item.item_data.variations = None
    return item
