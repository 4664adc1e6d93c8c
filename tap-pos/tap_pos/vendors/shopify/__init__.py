"""Shopify: registers (Shopify POS), the online shop and its customers, through Admin GraphQL.

Bulk operations are not used. They promise a whole table in one file, but a file that was cut
short looks like a complete one, nested lists in it are bound by the same limits, and taps
that rely on them are known to lose rows and to move their bookmarks all the same. Pages cost
more requests, and every one of them is checked.

Shopify has no loyalty programme of its own (store credit is money, not membership), so there
is no stream of loyalty accounts.

All ids are the numbers that the admin's addresses, its exports and webhooks show, not the
`gid://shopify/…` that GraphQL writes around them.
"""

from __future__ import annotations

import logging
import re
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tap_pos.errors import SettingsError, UnexpectedAnswerError
from tap_pos.vendors.base import ShopReader, Source, Vendor, WholeTable, Windowed
from tap_pos.vendors.shopify import queries, wire
from tap_pos.vendors.shopify.api import DEFAULT_VERSION, ShopifyApi
from tap_pos.vendors.shopify.customers import CustomerReader
from tap_pos.vendors.shopify.directory import read_employees, read_locations
from tap_pos.vendors.shopify.order_mapping import ShopFacts
from tap_pos.vendors.shopify.orders import OrderReader
from tap_pos.vendors.shopify.products import ProductReader
from tap_pos.webhooks import header, hmac_sha256, matches_base64
from tap_pos.windows import parse_instant
from tap_pos.zones import zone_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_pos.http import Limits
    from tap_pos.settings import ShopSettings

_logger = logging.getLogger("tap-pos.shopify")
_IS_VERSION = re.compile(r"20\d\d-(01|04|07|10)").fullmatch
# Shopify's search index is behind its data by an amount that nobody documents.
_LOOKBACK = timedelta(minutes=10)


class ShopifyShop:
    """One Shopify shop, opened for one run.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.
    """

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self._shop = shop
        self._api = ShopifyApi(shop, limits)
        opening, date = self._api.open(queries.SHOP, wire.Opening)
        self._facts = opening.shop
        self._scopes = _implied(
            {scope.handle for scope in opening.current_app_installation.access_scopes}
        )
        self.now = (date or datetime.now(timezone.utc)).replace(microsecond=0)
        try:
            self.history_starts_at = parse_instant(opening.shop.created_at)
        except ValueError:
            raise UnexpectedAnswerError(
                f"Shop '{shop.id}': Shopify sent a createdAt of the shop that is no time: "
                "check base_url."
            ) from None
        self.streams: Mapping[str, Source] = self._streams()

    def _streams(self) -> dict[str, Source]:
        api, shop = self._api, self._shop
        customers = CustomerReader(api, shop, self.now)
        products = ProductReader(api, shop.id, self._facts.currency_code)
        orders = OrderReader(
            api,
            shop,
            ShopFacts(shop.id, self._zone(), shop.day_starts_at()),
            scopes=self._scopes,
            opened_at=self.history_starts_at,
            now=self.now,
        )
        employees = partial(
            read_employees,
            api,
            shop.id,
            allowed="read_users" in self._scopes,
            tell=_logger.info,
        )
        return {
            "locations": WholeTable(partial(read_locations, api, self._facts, shop.id)),
            "employees": WholeTable(employees),
            "products": Windowed(products.read, lookback=_LOOKBACK, vanishing=products.vanishing),
            "customers": Windowed(
                customers.read, lookback=_LOOKBACK, vanishing=customers.vanishing
            ),
            "orders": Windowed(orders.read, lookback=_LOOKBACK),
        }

    def _zone(self) -> ZoneInfo:
        zone = zone_named(self._facts.iana_timezone)
        if zone is None:
            _logger.warning(
                "Shop '%s': its time zone is unknown here, so its days are those of the setting "
                "timezone, else of UTC",
                self._shop.id,
            )
        return zone or ZoneInfo(self._shop.timezone or "UTC")


class Shopify(Vendor):
    """The vendor."""

    name = "shopify"
    streams = frozenset({"locations", "employees", "products", "customers", "orders"})
    required_settings = frozenset({"base_url", "access_token"})
    optional_settings = frozenset(
        {"api_version", "consent_sources", "location_ids", "requests_per_minute", "timezone",
         "full_scan_days"}
    )  # fmt: skip

    @staticmethod
    def verify_webhook(
        headers: Mapping[str, str],
        body: bytes,
        secret: str,
        *,
        url: str = "",  # noqa: ARG004 - Shopify does not sign the address
        now: datetime | None = None,  # noqa: ARG004 - nor a time
    ) -> bool:
        """Tell a genuine webhook: its raw body signed with the app's client secret.

        For up to an hour after the secret is rotated Shopify may still use the old one.
        """
        return matches_base64(header(headers, "X-Shopify-Hmac-SHA256"), hmac_sha256(secret, body))

    def check(self, shop: ShopSettings) -> None:
        """Refuse an address or version that can't work, and consent sources not read here.

        Raises:
            SettingsError: With one sentence that says what to set.
        """
        if urlsplit(shop.base_url).path.strip("/"):
            raise SettingsError(
                f"The base_url of shop '{shop.id}' must be the bare address of the shop, "
                "such as https://my-shop.myshopify.com: remove what follows it."
            )
        version = shop.api_version or DEFAULT_VERSION
        if not _IS_VERSION(version) or version < DEFAULT_VERSION:
            raise SettingsError(
                f"The api_version of shop '{shop.id}' must be a release of Shopify's Admin API "
                f"from {DEFAULT_VERSION} on (older ones lack consent by channel): correct it."
            )
        if any(source.custom_attribute for source in shop.consent_sources):
            raise SettingsError(
                f"Shop '{shop.id}' (shopify) can read consent from customer tags only: name a "
                "group, not a custom_attribute, in consent_sources."
            )

    def open(self, shop: ShopSettings, limits: Limits) -> ShopReader:
        """Connect to one Shopify shop.

        Raises:
            ShopError: If it can't be read.
        """
        return ShopifyShop(shop, limits)


def _implied(scopes: set[str]) -> set[str]:
    """Add what a right to write includes: the right to read."""
    return scopes | {
        scope.replace("write_", "read_", 1) for scope in scopes if scope.startswith("write_")
    }


SHOPIFY = Shopify()
