"""The shops of one run: opened when first needed, and what went wrong with them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tap_pos.errors import ShopsFailedError
from tap_pos.http import Limits
from tap_pos.vendors import VENDORS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tap_pos.errors import ShopError
    from tap_pos.settings import Settings, ShopSettings
    from tap_pos.vendors.base import ShopReader


_FULL_SCAN_DAYS = 7


class OpenShop:
    """One shop that answered, with how it is to be read.

    Args:
        shop: The shop's settings.
        settings: The run's settings.
        reader: The vendor's reader of the shop.
    """

    def __init__(self, shop: ShopSettings, settings: Settings, reader: ShopReader) -> None:
        self.id = shop.id
        self.reader = reader
        self.start_date: datetime | None = shop.start() or settings.start()
        self.window_width = timedelta(days=settings.window_days)
        self.max_bad_records = settings.max_bad_records
        seconds = settings.lookback_seconds
        self.lookback = None if seconds is None else timedelta(seconds=seconds)
        days = _FULL_SCAN_DAYS if shop.full_scan_days is None else shop.full_scan_days
        self.full_scan_every = timedelta(days=days) if days else None


class Shops:
    """Opens the shops of a run and remembers which failed.

    Args:
        settings: Gives the run's settings; asked only when a shop is needed, so that
            discovery works without any.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._open: dict[str, OpenShop] = {}
        self._failures: dict[str, list[ShopError]] = {}

    @property
    def ids(self) -> list[str]:
        """The ids of the shops of this run."""
        return [shop.id for shop in self._settings().selected_shops()]

    @property
    def max_workers(self) -> int:
        """How many shops may be read at once."""
        return self._settings().max_workers

    def giving(self, stream: str) -> list[str]:
        """Name the shops of this run whose vendor has a stream."""
        return [
            shop.id
            for shop in self._settings().selected_shops()
            if stream in VENDORS[shop.vendor].streams
        ]

    def open(self, shop_id: str) -> OpenShop:
        """Open a shop, or give the one opened before; no two threads may ask for the same.

        Raises:
            ShopError: If the shop can't be read.
        """
        if shop_id not in self._open:
            settings = self._settings()
            (shop,) = (shop for shop in settings.shops if shop.id == shop_id)
            limits = Limits(settings.max_retry_seconds, settings.request_timeout_seconds)
            reader = VENDORS[shop.vendor].open(shop, limits)
            self._open[shop_id] = OpenShop(shop, settings, reader)
        return self._open[shop_id]

    def has_ended(self, shop_id: str) -> bool:
        """Tell whether a shop failed in a way that no other stream would survive."""
        return any(error.ends_shop for error in self._failures.get(shop_id, ()))

    def remember_failure(self, shop_id: str, error: ShopError) -> None:
        """Keep a failure for the end of the run."""
        self._failures.setdefault(shop_id, []).append(error)

    def raise_failures(self) -> None:
        """Report every shop that failed, at the end of a run.

        Raises:
            ShopsFailedError: If any did, with one sentence per shop and cause.
        """
        if not self._failures:
            return
        in_order = [shop.id for shop in self._settings().shops if shop.id in self._failures]
        sentences = [str(error) for shop_id in in_order for error in self._failures[shop_id]]
        raise ShopsFailedError(list(dict.fromkeys(sentences)))
