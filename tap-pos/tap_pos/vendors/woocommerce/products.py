"""WooCommerce's products: one record for each thing that can be sold.

A product with variations is sold only as one of them; a grouped product only shows others.
Changing a variation changes its product too, so products alone are listed by change, and all
variations of a changed product are read again. What is in the trash counts as deleted; what
is deleted for good leaves no trace but its absence.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from tap_pos import records
from tap_pos.vendors import background
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.money import rounded_minor_units
from tap_pos.vendors.pages import Page
from tap_pos.vendors.texts import instant, text, with_variant
from tap_pos.vendors.woocommerce import wire
from tap_pos.vendors.woocommerce.listing import Reader
from tap_pos.vendors.woocommerce.site import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tap_pos.vendors.base import Batch
    from tap_pos.vendors.woocommerce.api import WooApi
    from tap_pos.vendors.woocommerce.site import SiteFacts
    from tap_pos.windows import Window

Categories = dict[int, wire.Category]

_KEY = msgspec.json.Decoder(wire.ProductKey)
_TRASH = "trash"
_STATUSES = ("any", _TRASH)
"""What WordPress calls any status leaves out the trash."""

_DEEPEST_CATEGORY = 20
_WORKERS = 4


class ProductReader:
    """Reads the products of one site.

    Args:
        api: Connection to the site.
        shop_id: The shop.
        site: Facts about the site.
    """

    def __init__(self, api: WooApi, shop_id: str, site: SiteFacts) -> None:
        self._api = api
        self._shop_id = shop_id
        self._currency = site.currency
        self._products = Reader(api, "/products", wire.Product, zone=site.zone)
        self._keys = Reader(api, "/products", wire.ProductKey)
        self._categories = Reader(api, "/products/categories", wire.Category)

    def read(self, window: Window) -> Iterator[Batch]:
        """Read every product that changed in a window."""
        categories: Categories | None = None
        for status in _STATUSES:
            for page in self._products.changed(window, status=status):
                if categories is None and page.items:
                    categories = self._all_categories()
                yield from self._batches(page, categories or {})

    def keys(self) -> Iterator[list[str]]:
        """List the id of everything that can be sold now."""
        for page in self._keys.everything(status="any"):
            ids = [bad.id for bad in page.bad if bad.id is not None]
            for product in page.items:
                if has_variations(product):
                    ids += map(str, product.variations or ())
                elif not _is_group(product):
                    ids.append(product.id)
            yield ids

    def gone(self, ids: Sequence[str]) -> set[str]:
        """Ask for each of some ids, of products or variations, whether it can still be sold."""
        query = {"_fields": wire.wanted(wire.ProductKey)}
        found = self._api.get_each("/products/{}", [int(one) for one in ids], _KEY.decode, query)
        return {str(number) for number, product in found if not _is_sold(product)}

    def tombstone(self, identity: str, missed_at: str) -> records.Product:
        """Make the last record of something that was sold."""
        return records.Product(
            shop_id=self._shop_id, id=identity, updated_at=missed_at, deleted_at=missed_at
        )

    def _all_categories(self) -> Categories:
        """Read all categories: they tell no time of change."""
        return {
            category.number: category
            for page in self._categories.everything()
            for category in page.items
        }

    def _batches(self, page: Page[wire.Product], categories: Categories) -> Iterator[Batch]:
        """Map the products of a page, fetching variations of several at once."""
        single = [p for p in page.items if not has_variations(p) and not _is_group(p)]
        to_record = partial(
            product_of, shop_id=self._shop_id, currency=self._currency, categories=categories
        )
        yield map_all(Page(single, None, page.bad), lambda product: to_record(product, product))
        varied = [product for product in page.items if has_variations(product)]
        for product, pages in background.each(self._variations, varied, _WORKERS):
            for variations in pages:
                yield map_all(variations, partial(to_record, product))

    def _variations(self, product: wire.Product) -> tuple[wire.Product, list[Page[wire.Variation]]]:
        """Read all variations of a product; those of a product in the trash are there too."""
        reader = Reader(self._api, f"/products/{product.number}/variations", wire.Variation)
        statuses = _STATUSES if product.status == _TRASH else ("any",)
        return product, [page for status in statuses for page in reader.everything(status=status)]


def product_of(
    product: wire.Product,
    sold: wire.Sellable,
    *,
    shop_id: str,
    currency: str | None,
    categories: Mapping[int, wire.Category],
) -> records.Product:
    """Map something that can be sold.

    Args:
        product: The product.
        sold: One of its variations, or the product itself.
        shop_id: The shop.
        currency: What the site's prices are in; no price is told without it.
        categories: All categories by id.

    Raises:
        Unmappable: If a time or the price is none.
    """
    options = [
        attribute.option or ""
        for attribute in (sold.attributes or () if isinstance(sold, wire.Variation) else ())
    ]
    price = text(sold.price)
    # A variation's own time is never later, and not told in UTC.
    updated_at = instant(product.date_modified_gmt)
    return records.Product(
        shop_id=shop_id,
        id=sold.id,
        item_id=product.id,
        sku=text(sold.sku),
        barcode=text(sold.global_unique_id),
        name=with_variant(name_of(product.name), name_of(", ".join(filter(None, options)))),
        category_path=_category_path(product, categories),
        brand=next((name for brand in product.brands or () if (name := name_of(brand.name))), None),
        price=rounded_minor_units(price, currency) if price and currency else None,
        currency=currency,
        updated_at=updated_at,
        deleted_at=updated_at if _TRASH in {product.status, sold.status} else None,
    )


def has_variations(product: wire.Product | wire.ProductKey) -> bool:
    """Tell whether a product is sold as one of its variations only."""
    return product.type.startswith("variable") or bool(product.variations)


def _is_group(product: wire.Product | wire.ProductKey) -> bool:
    return product.type == "grouped"


def _is_sold(product: wire.ProductKey | None) -> bool:
    return (
        product is not None
        and product.status != _TRASH
        and not has_variations(product)
        and not _is_group(product)
    )


def _category_path(product: wire.Product, categories: Mapping[int, wire.Category]) -> list[str]:
    """Name the deepest of a product's categories and what it lies in, outermost first."""
    paths = [_path_to(term.number, categories) for term in product.categories or ()]
    return max(paths, key=len, default=[])


def _path_to(number: int, categories: Mapping[int, wire.Category]) -> list[str]:
    path: list[str] = []
    category = categories.get(number)
    while category is not None and len(path) < _DEEPEST_CATEGORY:
        path.append(name_of(category.name) or category.id)
        category = categories.get(category.parent or 0)
    return path[::-1]
