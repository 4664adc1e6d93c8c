"""The shops of one run: opened when first needed, and what went wrong with them."""

from __future__ import annotations

from collections import Counter
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
        self._bad_records: Counter[str] = Counter()

    def count_bad_record(self, stream: str) -> None:
        """Note that a record could not be read."""
        self._bad_records[stream] += 1

    def bad_records_of(self, stream: str) -> int:
        """Tell how many records of a stream could not be read so far."""
        return self._bad_records[stream]


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

    def open(self, shop_id: str) -> OpenShop:
        """Open a shop, or give the one opened before.

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
        sentences = [str(error) for errors in self._failures.values() for error in errors]
        if sentences:
            raise ShopsFailedError(list(dict.fromkeys(sentences)))
