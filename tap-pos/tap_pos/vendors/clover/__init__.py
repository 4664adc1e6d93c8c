"""Clover, through its REST API v3: one merchant with one token is one shop.

`base_url` names the region: https://api.clover.com (the default, North America),
https://api.eu.clover.com, https://api.la.clover.com, or the sandbox,
https://apisandbox.dev.clover.com.

Clover has published no machine-readable specification. What is documented is followed;
what only other sources tell (the names of some fields, the scale of rates) is kept to this
package's `wire` and `order_mapping`.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING

from tap_pos.asked_once import asked_once
from tap_pos.errors import Unmappable
from tap_pos.vendors.base import Batch, ShopReader, Source, Vendor, WholeTable, Windowed
from tap_pos.vendors.clover import wire
from tap_pos.vendors.clover.api import CloverApi, Listing, moment
from tap_pos.vendors.clover.directory import (
    CustomerReader,
    ProductReader,
    location,
    read_employees,
)
from tap_pos.vendors.clover.order_mapping import ShopFacts
from tap_pos.vendors.clover.orders import OrderReader
from tap_pos.webhooks import header, same
from tap_pos.windows import format_instant, parse_instant
from tap_pos.zones import UTC, zone_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

    from tap_pos.http import Limits
    from tap_pos.settings import ShopSettings

_logger = logging.getLogger("tap-pos.clover")
_BEGINNING_OF_CLOVER = datetime(2010, 1, 1, tzinfo=timezone.utc)
# Clover does not say how late its lists show a change; its other lists take seconds.
_LOOKBACK = timedelta(minutes=5)
_TENDERS = Listing("tenders", wire.Tender)


class CloverShop:
    """One Clover merchant, opened for one run.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.
    """

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self._shop = shop
        self._api = CloverApi(shop, limits)
        merchant, date = self._api.one("", wire.Merchant)
        self._merchant = merchant or wire.Merchant(shop.merchant_id)
        self.now = (date or datetime.now(timezone.utc)).replace(microsecond=0)
        self.history_starts_at = _opening(self._merchant)
        self._api.nothing_before(self.history_starts_at)
        properties = self._api.one("properties", wire.Properties)[0] or wire.Properties()
        self._currency = properties.default_currency or shop.currency
        self._zone = _zone(properties.timezone or shop.timezone)
        self.streams: Mapping[str, Source] = self._streams()

    def _streams(self) -> dict[str, Source]:
        shop_id, merchant_id = self._shop.id, self._merchant.id
        customers = CustomerReader(self._api, shop_id, format_instant(self.now))
        products = ProductReader(self._api, shop_id, self._currency)
        facts = ShopFacts(
            id=shop_id,
            merchant_id=merchant_id,
            currency=self._currency,
            zone=self._zone,
            day_starts_at=self._shop.day_starts_at(),
        )
        orders = OrderReader(self._api, facts, self.now, lambda: self._tenders)
        return {
            "locations": WholeTable(self._read_location),
            "employees": WholeTable(partial(read_employees, self._api, shop_id, merchant_id)),
            "products": Windowed(products.read, _LOOKBACK, vanishing=products.vanishing),
            "customers": WholeTable(customers.read, vanishing=customers.vanishing),
            "orders": Windowed(orders.read, _LOOKBACK),
        }

    def _read_location(self) -> Iterator[Batch]:
        place = self._api.one("address", wire.Address)[0]
        found = location(self._shop.id, self._merchant, place, self._currency, self._zone.key)
        yield Batch([found])

    @asked_once
    def _tenders(self) -> dict[str, str]:
        pages = self._api.all(_TENDERS)
        return {row.id: row.label_key or "" for page in pages for row in page.items}


def verify_webhook(
    headers: Mapping[str, str],
    body: bytes,  # noqa: ARG001 - Clover signs nothing: the header is a fixed code
    secret: str,
    *,
    url: str = "",  # noqa: ARG001 - same
    now: datetime | None = None,  # noqa: ARG001 - same
) -> bool:
    """Compare the fixed code that Clover sends along. It proves the sender, not the content."""
    return same(header(headers, "X-Clover-Auth"), secret)


class Clover(Vendor):
    """The vendor."""

    name = "clover"
    streams = frozenset({"locations", "employees", "products", "customers", "orders"})
    required_settings = frozenset({"access_token", "merchant_id"})
    optional_settings = frozenset(
        {"base_url", "timezone", "currency", "requests_per_minute", "full_scan_days"}
    )
    verify_webhook = staticmethod(verify_webhook)

    def open(self, shop: ShopSettings, limits: Limits) -> ShopReader:
        """Connect to one Clover merchant.

        Raises:
            ShopError: If the merchant can't be read.
        """
        return CloverShop(shop, limits)


def _opening(merchant: wire.Merchant) -> datetime:
    """Tell when the merchant's account was opened."""
    try:
        return parse_instant(moment(merchant.created_time, "createdTime"))
    except Unmappable:
        return _BEGINNING_OF_CLOVER


def _zone(name: str | None) -> ZoneInfo:
    zone = zone_named(name or "UTC")
    if zone is None:
        _logger.warning("The merchant's time zone is unknown; its days are UTC days")
    return zone or UTC


CLOVER = Clover()
"""Clover."""
