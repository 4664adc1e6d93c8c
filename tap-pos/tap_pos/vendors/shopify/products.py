"""Shopify's products: one record per variant.

A record is made of a variant and its product, which change apart from each other, so what
changed is looked for in both lists: a changed product brings all its variants along, and
then come changed variants whose product did not change.

The product search quietly leaves out all but active products unless told which statuses to
find; variants take no sort by time, only by id, as every list here.

`deletionEvents` (deprecated, and about whole products only) names no variant, so it can't end
a record of a variant. Variants that vanished, alone or with their product, are noticed by
comparing complete listings of their ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_pos import records
from tap_pos.vendors.base import Vanishing
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.money import minor_units
from tap_pos.vendors.pages import Page
from tap_pos.vendors.shopify import queries, wire
from tap_pos.vendors.shopify.api import Kind
from tap_pos.vendors.shopify.ids import full, short
from tap_pos.vendors.texts import required_instant, text, with_variant
from tap_pos.windows import format_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tap_pos.vendors.base import Batch
    from tap_pos.vendors.shopify.api import ShopifyApi
    from tap_pos.windows import Window

_PRODUCTS = Kind(wire.Product, 25)
_VARIANTS = Kind(wire.Variant, 100)
_IDS = Kind(wire.Reference)
_ALL_STATUSES = "status:active,archived,draft,unlisted"
_ALL_PRODUCT_STATUSES = "product_status:ACTIVE,ARCHIVED,DRAFT,UNLISTED"


class ProductReader:
    """Reads the products of one shop.

    Args:
        api: Connection to Shopify.
        shop_id: The shop.
        currency: The shop's currency, in which all its prices are.
    """

    def __init__(self, api: ShopifyApi, shop_id: str, currency: str) -> None:
        self._api = api
        self._shop_id = shop_id
        self._currency = currency

    def read(self, window: Window) -> Iterator[Batch]:
        """Read every variant that changed in a window, or whose product did."""
        changed = changed_in(window)
        sent: set[str] = set()
        for page in self._api.list_by_id(queries.PRODUCTS, _PRODUCTS, f"{changed} {_ALL_STATUSES}"):
            variants = [variant for item in page.items for variant in self._variants(item)]
            sent.update(variant.id for variant in variants)
            yield map_all(Page(variants, None, page.bad), self._product)
        for found in self._api.list_by_id(
            queries.VARIANTS, _VARIANTS, f"{changed} {_ALL_PRODUCT_STATUSES}"
        ):
            fresh = [
                variant
                for variant in found.items
                if variant.id not in sent and not _comes_later(variant, window)
            ]
            yield map_all(Page(fresh, None, found.bad), self._product)

    @property
    def vanishing(self) -> Vanishing:
        """How removed variants are noticed."""
        return Vanishing(confirm=self._gone, tombstone=self._tombstone, keys=self._ids)

    def _variants(self, item: wire.Product) -> Iterator[wire.Variant]:
        """Give all variants of a product, each with its product.

        A product that changes meanwhile may lose its place here; a later window has it.
        """
        connection = item.variants
        item.variants = None
        while connection is not None:
            for variant in connection.nodes:
                variant.product = item
                yield variant
            if not connection.page_info.has_next_page:
                return
            found = self._api.find(
                queries.PRODUCT_VARIANTS,
                wire.ProductVariants,
                id=item.id,
                after=connection.page_info.end_cursor,
            )
            connection = found.variants if found is not None else None

    def _ids(self) -> Iterator[Collection[str]]:
        for page in self._api.list_by_id(queries.VARIANT_IDS, _IDS, _ALL_PRODUCT_STATUSES):
            yield [short(entry.id) for entry in page.items]

    def _gone(self, ids: Sequence[str]) -> Collection[str]:
        wanted = [full("ProductVariant", identity) for identity in ids]
        found = {
            short(entry.id)
            for page in self._api.get_each(queries.VARIANTS_BY_ID, _IDS, wanted)
            for entry in page.items
        }
        return set(ids) - found

    def _tombstone(self, identity: str, missed_at: str) -> records.Product:
        return records.Product(shop_id=self._shop_id, id=identity, deleted_at=missed_at)

    def _product(self, variant: wire.Variant) -> records.Product:
        return product(self._shop_id, self._currency, variant)


def product(shop_id: str, currency: str, variant: wire.Variant) -> records.Product:
    """Map a variant and its product.

    Args:
        shop_id: The shop.
        currency: The shop's currency.
        variant: The variant, with its product in it.

    Raises:
        Unmappable: If a price is no amount of the currency, or a time is no time.
    """
    item = variant.product
    cost = variant.inventory_item.unit_cost
    changes = [required_instant(variant.updated_at, "updatedAt")]
    if item is not None:
        changes.append(required_instant(item.updated_at, "the product's updatedAt"))
    return records.Product(
        shop_id=shop_id,
        id=short(variant.id),
        item_id=short(item.id) if item else None,
        sku=text(variant.sku),
        barcode=text(variant.barcode),
        name=with_variant(item.title if item else None, variant_title(variant.title)),
        category_path=category_path(item),
        brand=text(item.vendor) if item else None,
        price=minor_units(variant.price, currency),
        unit_cost=(
            minor_units(cost.amount, currency) if cost and cost.currency_code == currency else None
        ),
        currency=currency,
        updated_at=max(changes),
    )


def variant_title(title: str | None) -> str | None:
    """Drop the title that Shopify gives to the only variant of a product."""
    return None if title == "Default Title" else title


def category_path(item: wire.Product | None) -> list[str]:
    """Name Shopify's category of a product, outermost first, else the shop's own word for it."""
    if item is None:
        return []
    if item.category is not None:
        return [part.strip() for part in item.category.full_name.split(" > ") if part.strip()]
    own = text(item.product_type)
    return [own] if own else []


def changed_in(window: Window, field: str = "updated_at") -> str:
    """Search for what has a time in a window, both ends included.

    >>> from datetime import datetime, timezone
    >>> from tap_pos.windows import Window
    >>> noon = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    >>> changed_in(Window(noon, noon))
    "updated_at:>='2026-03-01T12:00:00Z' updated_at:<='2026-03-01T12:00:00Z'"
    """
    return f"{field}:>='{format_instant(window.start)}' {field}:<='{format_instant(window.end)}'"


def _comes_later(variant: wire.Variant, window: Window) -> bool:
    """Tell whether a variant's product changed after a window: a later one has them both."""
    return variant.product is not None and (variant.product.updated_at > format_instant(window.end))
