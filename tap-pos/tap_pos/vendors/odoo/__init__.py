"""Odoo Point of Sale, 17 and later, through its JSON-RPC interface.

One shop is one company: Odoo shows a user what belongs to the user's default company.

Odoo has no webhooks in its core, so there is none to verify. `write_date` is when the
transaction began that wrote a row, so a row may appear with a date older than rows read
before it: the lookback must be as long as the longest transaction.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tap_pos.asked_once import asked_once
from tap_pos.errors import SettingsError, Unmappable
from tap_pos.vendors.base import Batch, ShopReader, Source, Vendor, WholeTable, Windowed
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.odoo import wire
from tap_pos.vendors.odoo.api import OdooApi, moment
from tap_pos.vendors.odoo.customers import CustomerReader
from tap_pos.vendors.odoo.directory import Companies, Staff, location, read_loyalty_accounts
from tap_pos.vendors.odoo.order_mapping import ShopFacts
from tap_pos.vendors.odoo.orders import OrderReader
from tap_pos.vendors.odoo.products import ProductReader
from tap_pos.vendors.odoo.wire import label, linked, words
from tap_pos.windows import parse_instant
from tap_pos.zones import UTC, zone_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_pos.http import Limits
    from tap_pos.settings import ShopSettings

_logger = logging.getLogger("tap-pos.odoo")
_LONGEST_TRANSACTION = timedelta(minutes=10)


class OdooShop:
    """One Odoo company, opened for one run.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.
    """

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self._shop = shop
        self._api = OdooApi(shop, limits)
        self.now = (self._api.date or datetime.now(timezone.utc)).replace(microsecond=0)
        self._companies = Companies(self._api)
        self._staff = Staff(self._api, shop.id)
        self._tills = self._api.every("pos.config", wire.Config, [])
        self.history_starts_at = min(_openings(self._tills.items), default=self.now)
        self.streams: Mapping[str, Source] = self._streams()

    def _streams(self) -> dict[str, Source]:
        shop_id = self._shop.id
        customers = CustomerReader(self._api, self._shop, self.now)
        orders = OrderReader(self._api, lambda: self._facts, self._staff)
        products = ProductReader(self._api, shop_id, self._fallback_currency)
        loyalty = partial(read_loyalty_accounts, self._api, shop_id)
        return {
            "locations": WholeTable(self._read_locations),
            "employees": WholeTable(self._staff.read),
            "products": Windowed(products.read, _LONGEST_TRANSACTION, vanishing=products.vanishing),
            "customers": Windowed(
                customers.read, _LONGEST_TRANSACTION, vanishing=customers.vanishing
            ),
            "orders": Windowed(orders.read, _LONGEST_TRANSACTION),
            "loyalty_accounts": WholeTable(loyalty),
        }

    def _read_locations(self) -> Iterator[Batch]:
        yield map_all(
            self._tills,
            lambda till: location(
                self._shop.id,
                till,
                self._companies,
                self._facts.currencies.get(till.key),
                self._facts.zones[till.key].key,
            ),
        )

    @asked_once
    def _facts(self) -> ShopFacts:
        tills = self._tills.items
        currencies = {till.key: self._currency(till) for till in tills}
        return ShopFacts(
            id=self._shop.id,
            day_starts_at=self._shop.day_starts_at(),
            zones={till.key: self._zone(till) for till in tills},
            currencies={key: currency for key, currency in currencies.items() if currency},
            fallback_zone=ZoneInfo(self._shop.timezone or "UTC"),
            fallback_currency=self._fallback_currency,
            tips=frozenset(key for till in tills if (key := linked(till.tip_product_id))),
            discounts=frozenset(key for till in tills if (key := linked(till.discount_product_id))),
        )

    def _currency(self, till: wire.Config) -> str | None:
        return label(till.currency_id) or self._companies.currency_of(linked(till.company_id))

    @property
    def _fallback_currency(self) -> str | None:
        """Name the currency of tills that are gone: the setting, else the one of all others."""
        if self._shop.currency:
            return self._shop.currency
        known = {currency for till in self._tills.items if (currency := self._currency(till))}
        return known.pop() if len(known) == 1 else None

    def _zone(self, till: wire.Config) -> ZoneInfo:
        """Choose a till's time zone. Odoo keeps one for persons only, so the setting leads."""
        if self._shop.timezone:
            return ZoneInfo(self._shop.timezone)
        place = self._companies.address_of(linked(till.company_id))
        zone = zone_named((words(place.tz) if place else None) or "UTC")
        if zone is None:
            _logger.warning("Till %s has an unknown time zone; its days are UTC days", till.id)
        return zone or UTC


def _openings(tills: list[wire.Config]) -> Iterator[datetime]:
    """Tell when tills were set up; one whose date can't be read says nothing about it."""
    for till in tills:
        with suppress(Unmappable):
            yield parse_instant(moment(till.create_date, "create_date"))


class Odoo(Vendor):
    """The vendor."""

    name = "odoo"
    required_settings = frozenset({"base_url", "database", "username", "access_token"})
    optional_settings = frozenset(
        {"timezone", "currency", "consent_sources", "full_scan_days", "requests_per_minute"}
    )

    def check(self, shop: ShopSettings) -> None:
        """Refuse consent sources that Odoo can't have.

        Raises:
            SettingsError: If one is a custom attribute.
        """
        if any(source.custom_attribute is not None for source in shop.consent_sources):
            raise SettingsError(
                f"Shop '{shop.id}' names a custom_attribute in consent_sources, but Odoo is read "
                "for contact tags only: name a tag as its group."
            )

    def open(self, shop: ShopSettings, limits: Limits) -> ShopReader:
        """Connect to one Odoo company.

        Raises:
            ShopError: If its tills can't be read.
        """
        return OdooShop(shop, limits)


ODOO = Odoo()
"""Odoo."""
