"""Square: registers, online orders, customers and loyalty, through Square's public API."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING

from tap_pos.vendors.base import Batch, ShopReader, Source, Vendor, WholeTable, Windowed
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.square.api import SquareApi
from tap_pos.vendors.square.customers import CustomerReader
from tap_pos.vendors.square.directory import (
    LOCATIONS,
    location,
    read_employees,
    read_loyalty_accounts,
)
from tap_pos.vendors.square.order_mapping import ShopFacts
from tap_pos.vendors.square.orders import OrderReader
from tap_pos.vendors.square.products import ProductReader
from tap_pos.vendors.square.webhooks import is_genuine_webhook
from tap_pos.windows import parse_instant
from tap_pos.zones import UTC, zone_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

    from tap_pos.http import Limits
    from tap_pos.settings import ShopSettings
    from tap_pos.vendors.pages import Page
    from tap_pos.vendors.square import wire

_logger = logging.getLogger("tap-pos.square")
_BEGINNING_OF_SQUARE = datetime(2009, 1, 1, tzinfo=timezone.utc)
# "Occasionally, propagation of the new or updated profiles can take closer to one minute or
# longer, especially during network incidents and outages." (SearchCustomers)
_CUSTOMER_LOOKBACK = timedelta(seconds=180)
_LOOKBACK = timedelta(seconds=60)


class SquareShop:
    """One Square account, opened for one run.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.
    """

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self._shop = shop
        self._api = SquareApi(shop, limits)
        self._locations, date = self._api.ask("GET", "/v2/locations", LOCATIONS)
        self.now = (date or datetime.now(timezone.utc)).replace(microsecond=0)
        self.history_starts_at = min(_openings(self._locations), default=_BEGINNING_OF_SQUARE)
        self.streams: Mapping[str, Source] = self._streams()

    def _streams(self) -> dict[str, Source]:
        shop_id, known = self._shop.id, [place.id for place in self._locations.items]
        customers = CustomerReader(self._api, self._shop, self.now, _logger.info)
        orders = OrderReader(
            self._api,
            _facts(self._shop, self._locations),
            self._shop.location_ids or known,
            all_locations=self._shop.location_ids is None,
        )
        return {
            "locations": WholeTable(self._read_locations),
            "employees": WholeTable(partial(read_employees, self._api, shop_id, known)),
            "products": Windowed(
                ProductReader(self._api, shop_id).read, lookback=_LOOKBACK, sliced=False
            ),
            "customers": Windowed(
                customers.read, lookback=_CUSTOMER_LOOKBACK, vanishing=customers.vanishing
            ),
            "orders": Windowed(orders.read, lookback=_LOOKBACK),
            "loyalty_accounts": WholeTable(partial(read_loyalty_accounts, self._api, shop_id)),
        }

    def _read_locations(self) -> Iterator[Batch]:
        yield map_all(self._locations, partial(location, self._shop.id))


class Square(Vendor):
    """The vendor."""

    name = "square"
    verify_webhook = staticmethod(is_genuine_webhook)
    optional_settings = frozenset(
        {"base_url", "api_version", "location_ids", "consent_sources", "card_fingerprints",
         "requests_per_minute", "full_scan_days"}
    )  # fmt: skip

    def open(self, shop: ShopSettings, limits: Limits) -> ShopReader:
        """Connect to one Square account.

        Raises:
            ShopError: If its locations can't be read.
        """
        return SquareShop(shop, limits)


def _openings(locations: Page[wire.Location]) -> Iterator[datetime]:
    """Tell when locations opened; one whose date can't be read says nothing about it."""
    for place in locations.items:
        with suppress(ValueError):
            yield parse_instant(place.created_at or "")


def _facts(shop: ShopSettings, locations: Page[wire.Location]) -> ShopFacts:
    return ShopFacts(
        id=shop.id,
        day_starts_at=shop.day_starts_at(),
        keep_fingerprints=shop.card_fingerprints,
        zones={place.id: _zone(place) for place in locations.items},
        currencies={place.id: place.currency for place in locations.items if place.currency},
        fallback_zone=UTC,
    )


def _zone(place: wire.Location) -> ZoneInfo:
    zone = zone_named(place.timezone or "UTC")
    if zone is None:
        _logger.warning("Location %s has an unknown time zone; its days are UTC days", place.id)
    return zone or UTC


SQUARE = Square()
