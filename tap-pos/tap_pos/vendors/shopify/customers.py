"""Shopify's customers.

The search by `updated_at` matches whole days, and of which time zone is not said. So more
days than needed are asked for, and the window is cut here, by the second.

A profile that is merged into another, deleted or redacted is simply gone: no list tells, and
the job of a merge can be looked up only by whoever started it. It is noticed as a profile
that a complete listing lacks and that Shopify does not have under its id any more.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tap_pos import records
from tap_pos.vendors.base import Vanishing
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import Page
from tap_pos.vendors.shopify import queries, wire
from tap_pos.vendors.shopify.api import Kind
from tap_pos.vendors.shopify.consents import consents_of
from tap_pos.vendors.shopify.directory import address
from tap_pos.vendors.shopify.ids import full, short
from tap_pos.vendors.texts import instant, text
from tap_pos.windows import Window, format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from datetime import datetime

    from tap_pos.settings import ShopSettings
    from tap_pos.vendors.base import Batch
    from tap_pos.vendors.shopify.api import ShopifyApi

_CUSTOMERS = Kind(wire.Customer, 100)
_IDS = Kind(wire.Reference)


class CustomerReader:
    """Reads the customers of one shop.

    Args:
        api: Connection to Shopify.
        shop: The shop's settings.
        now: Shopify's clock.
    """

    def __init__(self, api: ShopifyApi, shop: ShopSettings, now: datetime) -> None:
        self._api = api
        self._shop = shop
        self._observed_at = format_instant(now)

    def read(self, window: Window) -> Iterator[Batch]:
        """Read every profile that changed in a window."""
        for page in self._api.list_by_id(queries.CUSTOMERS, _CUSTOMERS, whole_days(window)):
            changed = [person for person in page.items if _is_within(person, window)]
            yield map_all(Page(changed, None, page.bad), self._customer)

    @property
    def vanishing(self) -> Vanishing:
        """How merged and deleted profiles are noticed."""
        return Vanishing(confirm=self._gone, tombstone=self._tombstone, keys=self._ids)

    def _ids(self) -> Iterator[Collection[str]]:
        for page in self._api.list_by_id(queries.CUSTOMER_IDS, _IDS):
            yield [short(entry.id) for entry in page.items]

    def _gone(self, ids: Sequence[str]) -> Collection[str]:
        wanted = [full("Customer", identity) for identity in ids]
        found = {
            short(entry.id)
            for page in self._api.get_each(queries.CUSTOMERS_BY_ID, _IDS, wanted)
            for entry in page.items
        }
        return set(ids) - found

    def _tombstone(self, identity: str, missed_at: str) -> records.Customer:
        return records.Customer(shop_id=self._shop.id, id=identity, deleted_at=missed_at)

    def _customer(self, person: wire.Customer) -> records.Customer:
        return customer(self._shop, person, self._observed_at)


def customer(shop: ShopSettings, person: wire.Customer, observed_at: str) -> records.Customer:
    """Map a customer profile.

    Args:
        shop: The shop's settings.
        person: The profile.
        observed_at: Shopify's clock.

    Raises:
        Unmappable: If one of its times is no time.
    """
    mail, phone = person.default_email_address, person.default_phone_number
    tags = sorted({tag.strip() for tag in person.tags} - {""})
    return records.Customer(
        shop_id=shop.id,
        id=short(person.id),
        given_name=text(person.first_name),
        family_name=text(person.last_name),
        email=text(mail.email_address) if mail else None,
        phone=text(phone.phone_number) if phone else None,
        address=address(person.default_address),
        groups=tags,
        consents=consents_of(shop.consent_sources, person, tags, observed_at),
        created_at=instant(person.created_at),
        updated_at=instant(person.updated_at),
    )


def whole_days(window: Window) -> str:
    """Search for the days of a window, with room for any time zone on either side.

    >>> from datetime import datetime, timezone
    >>> noon = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    >>> whole_days(Window(noon, noon))
    "updated_at:>='2026-02-28T00:00:00Z' updated_at:<='2026-03-03T00:00:00Z'"
    """
    first, last = window.start - timedelta(days=1), window.end + timedelta(days=2)
    return f"updated_at:>='{first:%Y-%m-%d}T00:00:00Z' updated_at:<='{last:%Y-%m-%d}T00:00:00Z'"


def _is_within(person: wire.Customer, window: Window) -> bool:
    """Tell whether a profile changed in a window; True where its time can't be read."""
    try:
        return window.start <= parse_instant(person.updated_at) <= window.end
    except ValueError:
        return True
