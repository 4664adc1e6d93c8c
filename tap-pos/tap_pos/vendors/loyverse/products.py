"""Loyverse's items as products: one per variant. Read whole in each run.

Items can be listed by time of change, but a category has no such time and an item's is not
known to move with its category's name. A range is small (a few pages of 250), so reading all
of it is the one way that misses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tap_pos import records
from tap_pos.vendors.base import Batch, Vanishing
from tap_pos.vendors.loyverse import wire
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import Page, PageDecoder
from tap_pos.vendors.texts import instant, text, with_variant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from tap_pos.vendors.loyverse.api import LoyverseApi
    from tap_pos.vendors.loyverse.receipts import ShopFacts

_ITEMS = PageDecoder("items", wire.Item)
_CATEGORIES = PageDecoder("categories", wire.Category)
_VARIANT = msgspec.json.Decoder(wire.Variant).decode


class ProductReader:
    """Reads the products of one shop.

    Args:
        api: Connection to Loyverse.
        shop: Facts about the shop.
    """

    def __init__(self, api: LoyverseApi, shop: ShopFacts) -> None:
        self._api = api
        self._shop = shop
        self.vanishing = Vanishing(self._gone, self._tombstone)

    def read(self) -> Iterator[Batch]:
        """Read every variant of every item, deleted ones too."""
        names = {
            category.id: name
            for page in self._api.pages("categories", _CATEGORIES)
            for category in page.items
            if (name := text(category.name)) and not category.deleted_at
        }
        for page in self._api.pages("items", _ITEMS, {"show_deleted": "true"}):
            yield Batch([], page.bad)
            for item in page.items:
                yield self._variants(item, names)

    def _variants(self, item: wire.Item, names: Mapping[str, str]) -> Batch:
        category = names.get(item.category_id or "")
        return map_all(
            Page(item.variants or []),
            lambda variant: product(self._shop, item, variant, [category] if category else []),
        )

    def _gone(self, ids: Sequence[str]) -> Collection[str]:
        """Ask for each: a variant that is gone is not found, or says when it ended."""
        found = self._api.get_each("variants", ids, _VARIANT)
        return [identity for identity, one in found if one is None or one.deleted_at]

    def _tombstone(self, identity: str, missed_at: str) -> records.Product:
        return records.Product(shop_id=self._shop.id, id=identity, deleted_at=missed_at)


def product(
    shop: ShopFacts, item: wire.Item, variant: wire.Variant, path: list[str]
) -> records.Product:
    """Map a variant.

    Args:
        shop: Facts about the shop.
        item: Its item.
        variant: The variant.
        path: Name of its item's category, if that has one.
    """
    options = (variant.option1_value, variant.option2_value, variant.option3_value)
    named = [option for option in map(text, options) if option]
    return records.Product(
        shop_id=shop.id,
        id=variant.id,
        item_id=item.id,
        sku=text(variant.sku),
        barcode=text(variant.barcode),
        name=with_variant(item.item_name, " / ".join(named)),
        category_path=path,
        # A price that is asked for at the till is none.
        price=None if variant.default_price is None else shop.minor(variant.default_price),
        unit_cost=None if variant.cost is None else shop.minor(variant.cost),
        currency=shop.currency,
        updated_at=max(
            (at for at in map(instant, (item.updated_at, variant.updated_at)) if at), default=None
        ),
        deleted_at=instant(variant.deleted_at) or instant(item.deleted_at),
    )
