"""Loyverse: free registers for small shops, through the public API v1.0.

No specification of the vendor's is public. What this module relies on are names and habits
that several third parties describe alike; where they leave something open, it asks for more
than it needs and looks at every answer.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from tap_pos.errors import AccessDeniedError, UnexpectedAnswerError
from tap_pos.vendors.base import Batch, ShopReader, Source, Vendor, WholeTable, Windowed
from tap_pos.vendors.loyverse import wire
from tap_pos.vendors.loyverse.api import LoyverseApi
from tap_pos.vendors.loyverse.people import STORES, CustomerReader, read_employees, read_locations
from tap_pos.vendors.loyverse.products import ProductReader
from tap_pos.vendors.loyverse.receipts import ShopFacts, order_of
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import PageDecoder
from tap_pos.windows import Window, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_pos.http import Limits
    from tap_pos.settings import ShopSettings

_MERCHANT = msgspec.json.Decoder(wire.Merchant).decode
_RECEIPTS = PageDecoder("receipts", wire.Receipt, key="receipt_number")
_BEGINNING_OF_LOYVERSE = datetime(2014, 1, 1, tzinfo=timezone.utc)
# Nobody says how long a change takes to be listed; two minutes are generous for one database.
_LOOKBACK = timedelta(seconds=120)


class LoyverseShop:
    """One Loyverse account, opened for one run.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.
    """

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self._api = LoyverseApi(shop, limits)
        merchant, self.now = self._open(shop)
        self._facts = ShopFacts(
            id=shop.id,
            currency=self._currency(shop, merchant),
            zone=ZoneInfo(shop.timezone or "UTC"),
            day_starts_at=shop.day_starts_at(),
        )
        self.history_starts_at = _began(merchant)
        self.streams: Mapping[str, Source] = self._streams()

    def _streams(self) -> dict[str, Source]:
        api, facts = self._api, self._facts
        customers, products = CustomerReader(api, facts.id), ProductReader(api, facts)
        return {
            "locations": WholeTable(partial(read_locations, api, facts.id, facts.currency)),
            "employees": WholeTable(partial(read_employees, api, facts.id)),
            "products": WholeTable(products.read, vanishing=products.vanishing),
            "customers": Windowed(customers.read, _LOOKBACK, vanishing=customers.vanishing),
            "orders": Windowed(self._read_receipts, _LOOKBACK),
            "loyalty_accounts": WholeTable(customers.read_loyalty_accounts),
        }

    def _read_receipts(self, window: Window) -> Iterator[Batch]:
        """Read every receipt that changed in a window: new, refunded or cancelled."""
        for page in self._api.changes("receipts", _RECEIPTS, window):
            yield map_all(page, partial(order_of, self._facts))

    def _open(self, shop: ShopSettings) -> tuple[wire.Merchant, datetime]:
        """Ask for the merchant; a token that may not read it will do if the setting helps out."""
        try:
            merchant, date = self._api.ask("merchant", _MERCHANT)
        except (AccessDeniedError, UnexpectedAnswerError) as error:
            if shop.currency is None or (isinstance(error, AccessDeniedError) and error.ends_shop):
                raise
            merchant = wire.Merchant()
            _, date = self._api.ask("stores", STORES, {"limit": "1"})
        return merchant, (date or datetime.now(timezone.utc)).replace(microsecond=0)

    def _currency(self, shop: ShopSettings, merchant: wire.Merchant) -> str:
        """Take the merchant's currency, else the setting."""
        stated = merchant.currency
        code = stated.code if isinstance(stated, wire.Currency) else stated
        if found := code or shop.currency:
            return found
        raise UnexpectedAnswerError(
            f"{self._api.who}: Loyverse does not tell the account's currency: set currency to its "
            "three letters, such as EUR."
        )


class Loyverse(Vendor):
    """The vendor.

    `verify_webhook` is None: those who describe how Loyverse signs its webhooks contradict
    each other.
    """

    name = "loyverse"
    optional_settings = frozenset(
        {"base_url", "timezone", "currency", "requests_per_minute", "full_scan_days"}
    )

    def open(self, shop: ShopSettings, limits: Limits) -> ShopReader:
        """Connect to one Loyverse account.

        Raises:
            ShopError: If the merchant can't be read, or tells no currency and no setting does.
        """
        return LoyverseShop(shop, limits)


def _began(merchant: wire.Merchant) -> datetime:
    try:
        return parse_instant(merchant.created_at or "")
    except ValueError:
        return _BEGINNING_OF_LOYVERSE


LOYVERSE = Loyverse()
