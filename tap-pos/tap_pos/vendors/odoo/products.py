"""Odoo's product variants as products.

A variant's record is made of three models that are written apart from each other (the
variant, its template, its category and that one's ancestors), so each is listed on its own
and whatever changed brings its variants along. An archived variant has ended; a deleted one
vanishes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_pos import records
from tap_pos.asked_once import asked_once
from tap_pos.vendors.base import Batch, Vanishing
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.money import rounded_minor_units
from tap_pos.vendors.odoo import wire
from tap_pos.vendors.odoo.api import changed_in, moment, optional_moment
from tap_pos.vendors.odoo.wire import label, linked, linked_id, words
from tap_pos.vendors.pages import Page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from tap_pos.vendors.odoo.api import Domain, OdooApi
    from tap_pos.windows import Window

_PRODUCT = "product.product"
_TEMPLATE = "product.template"
_CATEGORY = "product.category"
_DEEPEST_CATEGORY = 20

Categories = dict[int, wire.Category]


class ProductReader:
    """Reads the products of one shop.

    Args:
        api: Connection to Odoo.
        shop_id: The shop.
        currency: What prices are in where Odoo does not say.
    """

    def __init__(self, api: OdooApi, shop_id: str, currency: str | None) -> None:
        self._api = api
        self._shop_id = shop_id
        self._currency = currency
        self.vanishing = Vanishing(
            confirm=lambda ids: set(ids) - api.existing(_PRODUCT, ids),
            tombstone=lambda identity, at: records.Product(
                shop_id=shop_id, id=identity, deleted_at=at
            ),
            keys=self._keys,
        )

    def read(self, window: Window) -> Iterator[Batch]:
        """Read every variant of which anything changed in a window."""
        sent: set[int] = set()
        for page in self._touched(changed_in(window)):
            fresh = [row for row in page.items if row.key not in sent]
            sent.update(row.key for row in fresh)
            yield self._batch(Page(fresh, None, page.bad))

    def _touched(self, changed: Domain) -> Iterator[Page[wire.Product]]:
        yield from self._api.rows(_PRODUCT, wire.Product, changed)
        templates = {key for page in self._api.ids(_TEMPLATE, changed) for key in page}
        renamed = {key for page in self._api.ids(_CATEGORY, changed) for key in page}
        if renamed:
            affected = sorted(descendants(renamed, self._categories))
            pages = self._api.ids(_TEMPLATE, [("categ_id", "in", affected)])
            templates.update(key for page in pages for key in page)
        yield from self._api.having(_PRODUCT, wire.Product, "product_tmpl_id", sorted(templates))

    def _keys(self) -> Iterator[list[str]]:
        for page in self._api.ids(_PRODUCT, []):
            yield [str(key) for key in page]

    @asked_once
    def _categories(self) -> Categories:
        rows = self._api.every(_CATEGORY, wire.Category, [])
        return {category.key: category for category in rows.items}

    def _batch(self, page: Page[wire.Product]) -> Batch:
        return map_all(
            page, lambda row: product(self._shop_id, row, self._categories, self._currency)
        )


def product(
    shop_id: str, row: wire.Product, categories: Mapping[int, wire.Category], currency: str | None
) -> records.Product:
    """Map a variant.

    Args:
        shop_id: The shop.
        row: The variant.
        categories: All categories.
        currency: What prices are in where Odoo does not say.
    """
    priced_in = label(row.currency_id) or currency
    return records.Product(
        shop_id=shop_id,
        id=row.id,
        item_id=linked_id(row.product_tmpl_id),
        sku=words(row.default_code),
        barcode=words(row.barcode),
        name=_name(row),
        category_path=category_path(linked(row.categ_id), categories),
        price=_amount(row.lst_price, priced_in),
        # A cost in another currency than the price could not be told from it.
        unit_cost=_amount(row.standard_price, priced_in) if _same_currency(row) else None,
        currency=priced_in,
        updated_at=optional_moment(row.write_date, "write_date"),
        deleted_at=None if row.active else moment(row.write_date, "write_date"),
    )


def category_path(key: int | None, categories: Mapping[int, wire.Category]) -> list[str]:
    """Name a category's ancestors and itself, outermost first."""
    path: list[str] = []
    while (category := categories.get(key or 0)) and len(path) < _DEEPEST_CATEGORY:
        if name := words(category.name):
            path.append(name)
        key = linked(category.parent_id)
    return path[::-1]


def descendants(keys: set[int], categories: Mapping[int, wire.Category]) -> set[int]:
    """Add every category that lies below one of these."""
    found = set(keys)
    for category in categories.values():
        line: list[int] = []
        above: wire.Category | None = category
        while above and above.key not in found and len(line) < _DEEPEST_CATEGORY:
            line.append(above.key)
            above = categories.get(linked(above.parent_id) or 0)
        if above and above.key in found:
            found.update(line)
    return found


def _name(row: wire.Product) -> str | None:
    """Name a variant with its attributes, without the code that Odoo puts before it."""
    shown = words(row.display_name) or label(row.product_tmpl_id)
    code = words(row.default_code)
    return (words(shown.removeprefix(f"[{code}]")) if code else shown) if shown else None


def _same_currency(row: wire.Product) -> bool:
    return label(row.cost_currency_id) in {None, label(row.currency_id)}


def _amount(amount: Decimal | None, currency: str | None) -> int | None:
    return None if amount is None or currency is None else rounded_minor_units(amount, currency)
