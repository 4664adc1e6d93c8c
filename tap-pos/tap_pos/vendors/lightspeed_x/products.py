"""Lightspeed X-Series' products: every one is a sellable variant.

A product's row carries the names of its brand and category, but nothing says that its version
moves when those are renamed. Both lists are short, so they are read whole in every run, and
every product is sent again if a name or a path has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from tap_pos import records
from tap_pos.vendors.lightspeed_x import wire
from tap_pos.vendors.lightspeed_x.amounts import minor
from tap_pos.vendors.lightspeed_x.api import VersionDecoder
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.texts import instant, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from tap_pos.vendors.base import Batch
    from tap_pos.vendors.lightspeed_x.api import LightspeedApi
    from tap_pos.vendors.pages import Page

PRODUCTS = VersionDecoder(wire.Product)
_BRANDS = VersionDecoder(wire.Named)
_CATEGORY_PAGE = 1000


@dataclass(frozen=True)
class PriceFacts:
    """How a shop's prices are to be read.

    Attributes:
        currency: ISO 4217.
        labels: Whether the price on the label has the tax in it.
    """

    currency: str
    labels: Literal["inclusive", "exclusive"]


class _Categories(Struct):
    categories: list[wire.Category] = []


class _PageInfo(Struct):
    has_next: bool = False
    last_seen: str | None = None


class _CategoryAnswer(Struct):
    data: _Categories
    page_info: _PageInfo = msgspec.field(default_factory=_PageInfo)


class ProductMapper:
    """Maps the products of one shop.

    Args:
        api: Connection to Lightspeed.
        shop_id: The shop.
        prices: How its prices are to be read.
    """

    def __init__(self, api: LightspeedApi, shop_id: str, prices: PriceFacts) -> None:
        self._api = api
        self._shop_id = shop_id
        self._prices = prices
        self._brands: Mapping[str, str] = {}
        self._paths: Mapping[str, list[str]] = {}

    def basis(self) -> object:
        """Read what products are made of beside their own rows; maps nothing before."""
        self._brands = {
            brand.id: name
            for page in self._api.changes("brands", _BRANDS)
            for brand in page.items
            if (name := text(brand.name)) and not brand.deleted_at
        }
        self._paths = {
            category.id: _path(category) for category in self._categories() if category.id
        }
        return [self._brands, self._paths, self._prices]

    def batch(self, page: Page[wire.Product]) -> Batch:
        """Map a page."""
        return map_all(page, self._product)

    def _categories(self) -> Iterator[wire.Category]:
        """List the categories, which are paged by id and carry no version."""
        decode = msgspec.json.Decoder(_CategoryAnswer).decode
        query = {"page_size": str(_CATEGORY_PAGE)}
        while True:
            answer, _ = self._api.ask("product_categories", decode, query)
            yield from answer.data.categories
            following = answer.page_info.last_seen
            if not (answer.page_info.has_next and following) or following == query.get("after"):
                return
            query = query | {"after": following}

    def _product(self, source: wire.Product) -> records.Product:
        brand = source.brand or wire.Named()
        category = source.type or wire.Category()
        path = self._paths.get(source.product_type_id or category.id)
        return product(
            self._shop_id,
            source,
            self._prices,
            brand=self._brands.get(source.brand_id or brand.id) or text(brand.name),
            path=_path(category) if path is None else path,
        )


def product(
    shop_id: str, source: wire.Product, prices: PriceFacts, *, brand: str | None, path: list[str]
) -> records.Product:
    """Map a product.

    Args:
        shop_id: The shop.
        source: The product.
        prices: How the shop's prices are to be read.
        brand: Name of its brand.
        path: Names of its category's ancestors and of the category itself, outermost first.
    """
    inclusive, exclusive = source.price_including_tax, source.price_excluding_tax
    label = inclusive if prices.labels == "inclusive" else exclusive
    codes = (text(code.code) for code in source.product_codes or ())
    return records.Product(
        shop_id=shop_id,
        id=source.id,
        # Variants point to one among them, which points to none.
        item_id=text(source.variant_parent_id) or source.id,
        sku=text(source.sku),
        barcode=next((code for code in codes if code), None),
        # The variant's name already begins with the family's.
        name=text(source.variant_name) or text(source.name),
        category_path=path,
        brand=brand,
        price=_money(label, prices.currency),
        unit_cost=_money(source.supply_price, prices.currency),
        currency=prices.currency,
        updated_at=instant(source.updated_at),
        deleted_at=instant(source.deleted_at),
    )


def _money(amount: Decimal | None, currency: str) -> int | None:
    """Round an amount that Lightspeed computed at a higher precision."""
    return None if amount is None else minor(amount, currency)


def _path(category: wire.Category) -> list[str]:
    """Name a category's ancestors and itself; a category without a path is its own."""
    names = [text(step.name) for step in category.category_path or ()] or [text(category.name)]
    return [name for name in names if name]
