"""Lightspeed Retail X-Series (formerly Vend), through its dated public API."""

from __future__ import annotations

import logging
import re
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tap_pos.errors import AccessDeniedError, SettingsError
from tap_pos.vendors.base import Batch, Feed, ShopReader, Source, Vendor, WholeTable
from tap_pos.vendors.lightspeed_x import wire
from tap_pos.vendors.lightspeed_x.api import LightspeedApi, VersionDecoder
from tap_pos.vendors.lightspeed_x.customers import (
    CUSTOM_FIELDS,
    CUSTOMERS,
    CustomerMapper,
    read_loyalty_accounts,
)
from tap_pos.vendors.lightspeed_x.directory import OUTLETS, location, read_employees
from tap_pos.vendors.lightspeed_x.feed import VersionFeed
from tap_pos.vendors.lightspeed_x.orders import ShopFacts, is_older_shape, order_of
from tap_pos.vendors.lightspeed_x.products import PRODUCTS, PriceFacts, ProductMapper
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import Page, SingleDecoder
from tap_pos.windows import format_instant
from tap_pos.zones import zone_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_pos.http import Limits
    from tap_pos.settings import ShopSettings

_logger = logging.getLogger("tap-pos.lightspeed_x")
_BEGINNING_OF_VEND = datetime(2010, 1, 1, tzinfo=timezone.utc)
_RETAILER = SingleDecoder("data", wire.Retailer)
_SALES = VersionDecoder(wire.Sale)
_OAUTH = ("client_id", "client_secret", "refresh_token", "token_file")


class LightspeedShop:
    """One Lightspeed account, opened for one run.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.
    """

    history_starts_at = _BEGINNING_OF_VEND

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self._shop = shop
        self._api = LightspeedApi(shop, limits)
        first, date = self._api.ask("outlets", OUTLETS, {"deleted": "true", "page_size": "200"})
        self.now = (date or datetime.now(timezone.utc)).replace(microsecond=0)
        self._outlets = Page(list(first.items), None, list(first.bad))
        for page in self._api.changes("outlets", OUTLETS, first.highest or 0, deleted=True):
            self._outlets.items.extend(page.items)
            self._outlets.bad.extend(page.bad)
        self._retailer = self._read_retailer()
        self.streams: Mapping[str, Source] = self._streams()

    def _streams(self) -> dict[str, Source]:
        shop, api = self._shop, self._api
        self._facts = self._order_facts()
        currency = self._facts.fallback_currency or ""
        customers = CustomerMapper(api, shop, format_instant(self.now))
        products = ProductMapper(api, shop.id, self._prices(currency))
        customer_feed = VersionFeed(
            api, "customers", CUSTOMERS,
            to_batch=customers.batch, basis=customers.basis, deleted=True,
            now=self.now, full_scan_days=shop.full_scan_days,
        )  # fmt: skip
        product_feed = VersionFeed(
            api, "products", PRODUCTS,
            to_batch=products.batch, basis=products.basis, deleted=True,
            now=self.now, full_scan_days=shop.full_scan_days,
        )  # fmt: skip
        # Sales have no parameter for deleted ones: they come as any other, with `deleted_at`.
        sale_feed = VersionFeed(
            api, "sales", _SALES,
            to_batch=self._sales, basis=lambda: sorted(shop.location_ids or []),
            now=self.now, full_scan_days=shop.full_scan_days,
        )  # fmt: skip
        open_outlets = [outlet.id for outlet in self._outlets.items if not outlet.deleted_at]
        return {
            "locations": WholeTable(self._read_locations),
            "employees": WholeTable(partial(read_employees, api, shop.id, open_outlets)),
            "products": Feed(product_feed.read),
            "customers": Feed(customer_feed.read),
            "orders": Feed(sale_feed.read),
            "loyalty_accounts": WholeTable(partial(read_loyalty_accounts, api, shop.id, currency)),
        }

    def _read_locations(self) -> Iterator[Batch]:
        yield map_all(self._outlets, partial(location, self._shop.id))

    def _read_retailer(self) -> wire.Retailer:
        """Read what the account has for all outlets; a token without that scope will do."""
        try:
            found, _ = self._api.ask("retailer", _RETAILER)
        except AccessDeniedError as error:
            if error.ends_shop:
                raise
            _logger.info(
                "Shop '%s': the token lacks the scopes retailer:read and payment_types:read, so "
                "discounts on whole sales can't be told from returned lines",
                self._shop.id,
            )
            return wire.Retailer()
        return found if isinstance(found, wire.Retailer) else wire.Retailer()

    def _order_facts(self) -> ShopFacts:
        shop, retailer = self._shop, self._retailer
        currencies = {place.id: place.currency for place in self._outlets.items if place.currency}
        return ShopFacts(
            id=shop.id,
            day_starts_at=shop.day_starts_at(),
            zones={place.id: self._zone(place) for place in self._outlets.items},
            currencies=currencies,
            fallback_zone=ZoneInfo(shop.timezone or "UTC"),
            fallback_currency=(retailer.currency.code if retailer.currency else None)
            or next(iter(currencies.values()), None),
            discount_product_id=retailer.discount_product_id,
        )

    def _prices(self, currency: str) -> PriceFacts:
        """Find out whether a label shows the price with or without the tax."""
        exclusive = self._retailer.tax_exclusive
        if exclusive is None:
            exclusive = any(place.display_prices == "exclusive" for place in self._outlets.items)
        return PriceFacts(currency, "exclusive" if exclusive else "inclusive")

    def _zone(self, place: wire.Outlet) -> ZoneInfo:
        zone = zone_named(place.time_zone or self._shop.timezone or "UTC")
        if zone is None:
            _logger.warning(
                "Outlet %s has an unknown time zone; its days are those of the timezone setting",
                place.id,
            )
        return zone or ZoneInfo(self._shop.timezone or "UTC")

    def _sales(self, page: Page[wire.Sale]) -> Batch:
        """Map a page of sales, once it is sure that the asked version answered."""
        if any(is_older_shape(sale) for sale in page.items):
            raise self._api.older_version("sales")
        wanted = self._shop.location_ids
        mine = [sale for sale in page.items if wanted is None or _outlet_of(sale) in wanted]
        return map_all(Page(mine, None, page.bad), partial(order_of, self._facts))


class LightspeedX(Vendor):
    """The vendor.

    `verify_webhook` is None: how Lightspeed signs its webhooks is not documented anywhere that
    could be found.
    """

    name = "lightspeed_x"
    required_settings = frozenset({"base_url"})
    optional_settings = frozenset(
        {"access_token", *_OAUTH, "api_version", "consent_sources", "timezone",
         "requests_per_minute", "location_ids", "full_scan_days"}
    )  # fmt: skip

    def check(self, shop: ShopSettings) -> None:
        """Refuse settings that can't work together.

        Raises:
            SettingsError: With one sentence that says what to set.
        """
        who = f"Shop '{shop.id}' (lightspeed_x)"
        missing = [name for name in _OAUTH if not getattr(shop, name)]
        if shop.access_token and len(missing) < len(_OAUTH):
            raise SettingsError(
                f"{who} has both an access_token and settings of an OAuth application: keep one "
                "of the two ways in."
            )
        if not shop.access_token and len(missing) == len(_OAUTH):
            raise SettingsError(
                f"{who} needs a way in: set access_token to a personal token (Plus plan), or set "
                "client_id, client_secret, refresh_token and token_file of an OAuth application."
            )
        if not shop.access_token and missing:
            raise SettingsError(f"{who} needs the setting {' and '.join(missing)} too: set it.")
        if urlsplit(shop.base_url).path.strip("/"):
            raise SettingsError(
                f"{who} has a path in its base_url: write only "
                "https://{domain_prefix}.retail.lightspeed.app."
            )
        if shop.api_version and not re.fullmatch(r"\d{4}-\d{2}", shop.api_version):
            raise SettingsError(
                f"{who} has an api_version that is no dated one: write it as 2026-07."
            )
        for source in shop.consent_sources:
            if source.custom_attribute and source.custom_attribute not in CUSTOM_FIELDS:
                raise SettingsError(
                    f"{who} has a consent source with a custom_attribute that Lightspeed does "
                    f"not have: use one of {', '.join(CUSTOM_FIELDS)}."
                )

    def open(self, shop: ShopSettings, limits: Limits) -> ShopReader:
        """Connect to one Lightspeed account.

        Raises:
            ShopError: If its outlets can't be read.
        """
        return LightspeedShop(shop, limits)


def _outlet_of(sale: wire.Sale) -> str | None:
    return sale.source.outlet_id if isinstance(sale.source, wire.Source) else None


LIGHTSPEED_X = LightspeedX()
