"""WooCommerce: online orders, customers and products of a WordPress site, through its REST API."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tap_pos.asked_once import asked_once
from tap_pos.errors import AccessDeniedError, SettingsError
from tap_pos.vendors.base import (
    Batch,
    ShopReader,
    Source,
    Vanishing,
    Vendor,
    WholeTable,
    Windowed,
)
from tap_pos.vendors.woocommerce.api import WooApi
from tap_pos.vendors.woocommerce.customers import CustomerReader
from tap_pos.vendors.woocommerce.order_mapping import ShopFacts
from tap_pos.vendors.woocommerce.orders import OrderReader
from tap_pos.vendors.woocommerce.products import ProductReader
from tap_pos.vendors.woocommerce.site import location, read_site
from tap_pos.webhooks import header, hmac_sha256, matches_base64
from tap_pos.windows import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_pos.http import Limits
    from tap_pos.settings import ShopSettings
    from tap_pos.windows import Window

_BEGINNING_OF_WOOCOMMERCE = datetime(2011, 9, 1, tzinfo=timezone.utc)
# A change is stamped when its request begins to save and is seen when that has been committed;
# slow plugins hook in between.
_LOOKBACK = timedelta(seconds=60)


class WooCommerceShop:
    """One site, opened for one run.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.
    """

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self._shop_id = shop.id
        api = WooApi(shop, limits)
        self._site = read_site(api, shop)
        self.now = self._site.now
        self._orders = OrderReader(api, ShopFacts(shop.id, shop.day_starts_at(), self._site.zone))
        products = ProductReader(api, shop.id, self._site)
        customers = CustomerReader(api, shop, format_instant(self.now))
        self.streams: Mapping[str, Source] = {
            "locations": WholeTable(self._read_locations),
            "products": Windowed(
                products.read,
                lookback=_LOOKBACK,
                vanishing=Vanishing(products.gone, products.tombstone, products.keys),
            ),
            "customers": WholeTable(
                customers.read, vanishing=Vanishing(customers.gone, customers.tombstone)
            ),
            "orders": Windowed(self._read_orders, lookback=_LOOKBACK),
        }

    @asked_once
    def history_starts_at(self) -> datetime:
        """When the oldest order was made, if it tells; hardly a product is older."""
        try:
            found = self._orders.first_created_at()
        except AccessDeniedError:
            found = None
        if found is None:
            return self.now
        try:
            # A second earlier, lest the first order be in two windows.
            return parse_instant(found) - timedelta(seconds=1)
        except (ValueError, OverflowError):
            return _BEGINNING_OF_WOOCOMMERCE

    def _read_locations(self) -> Iterator[Batch]:
        yield Batch([location(self._shop_id, self._site)])

    def _read_orders(self, window: Window) -> Iterator[Batch]:
        return self._orders.read(window, _BEGINNING_OF_WOOCOMMERCE)


def _is_genuine(
    headers: Mapping[str, str],
    body: bytes,
    secret: str,
    *,
    url: str = "",  # noqa: ARG001 - part of every vendor's signature, not signed here
    now: datetime | None = None,  # noqa: ARG001 - part of every vendor's signature, not signed here
) -> bool:
    """Verify a webhook: its header holds the base64 HMAC-SHA256 of the raw body."""
    return matches_base64(header(headers, "X-WC-Webhook-Signature"), hmac_sha256(secret, body))


class WooCommerce(Vendor):
    """The vendor."""

    name = "woocommerce"
    streams = frozenset({"locations", "products", "customers", "orders"})
    required_settings = frozenset({"base_url", "consumer_key", "consumer_secret"})
    optional_settings = frozenset(
        {"consent_sources", "currency", "full_scan_days", "requests_per_minute", "timezone"}
    )
    verify_webhook = staticmethod(_is_genuine)

    def check(self, shop: ShopSettings) -> None:
        """Refuse an address below the site's own, and keys that changed places."""
        if "/wp-json" in shop.base_url or "?" in shop.base_url:
            raise SettingsError(
                f"The base_url of shop '{shop.id}' must be the address of the site itself, such "
                "as https://shop.example.com: leave out /wp-json and what follows."
            )
        if shop.consumer_key.startswith("cs_") or shop.consumer_secret.startswith("ck_"):
            raise SettingsError(
                f"Shop '{shop.id}' has consumer_key and consumer_secret mixed up: the key begins "
                "with ck_ and the secret with cs_."
            )

    def open(self, shop: ShopSettings, limits: Limits) -> ShopReader:
        """Connect to one site.

        Raises:
            ShopError: If the key is refused or the site can't be read.
        """
        return WooCommerceShop(shop, limits)


WOOCOMMERCE = WooCommerce()
