"""Clover's people and range: the merchant as a location, employees, customers, items."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_pos import records
from tap_pos.vendors.base import Batch, Vanishing
from tap_pos.vendors.clover import wire
from tap_pos.vendors.clover.api import Listing, moment, optional_moment
from tap_pos.vendors.clover.wire import listed
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.texts import text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tap_pos.vendors.clover.api import CloverApi
    from tap_pos.windows import Window

_EMPLOYEES = Listing("employees", wire.Employee)
_CUSTOMERS = Listing("customers", wire.Customer, "emailAddresses", "phoneNumbers", "addresses")
_ITEMS = Listing("items", wire.Item, "categories", time=("modifiedTime", lambda i: i.modified_time))
_ITEM_KEYS = Listing("items", wire.Reference)
_CATEGORIES = Listing("categories", wire.Category, time=("modifiedTime", lambda c: c.modified_time))


def location(
    shop_id: str,
    merchant: wire.Merchant,
    place: wire.Address | None,
    currency: str | None,
    zone: str,
) -> records.Location:
    """Map the merchant, who is the one place that sells."""
    return records.Location(
        shop_id=shop_id,
        id=merchant.id,
        name=text(merchant.name),
        timezone=zone,
        currency=currency,
        address=address(place),
    )


def address(source: wire.Address | None) -> records.Address | None:
    """Map a postal address; one without content is none."""
    if source is None:
        return None
    mapped = records.Address(
        line1=text(source.address1),
        line2=text(source.address2),
        city=text(source.city),
        region=text(source.state),
        postal_code=text(source.zip),
        country=text(source.country),
    )
    return None if mapped == records.Address() else mapped


def read_employees(api: CloverApi, shop_id: str, merchant_id: str) -> Iterator[Batch]:
    """Read everybody who works there."""

    def employee(source: wire.Employee) -> records.Employee:
        return records.Employee(
            shop_id=shop_id,
            id=source.id,
            display_name=text(source.name),
            active=not source.deleted_time,
            location_ids=[merchant_id],
            updated_at=optional_moment(source.modified_time, "modifiedTime"),
        )

    for page in api.all(_EMPLOYEES):
        yield map_all(page, employee)


class CustomerReader:
    """Reads the customers of one shop: all in each run, since Clover keeps no time of change.

    Args:
        api: Connection to Clover.
        shop_id: The shop.
        observed_at: Clover's clock.
    """

    def __init__(self, api: CloverApi, shop_id: str, observed_at: str) -> None:
        self._api = api
        self._shop_id = shop_id
        self._observed_at = observed_at
        self.vanishing = Vanishing(
            confirm=self._gone,
            tombstone=lambda identity, at: records.Customer(
                shop_id=shop_id, id=identity, deleted_at=at
            ),
        )

    def read(self) -> Iterator[Batch]:
        """Read all customers."""
        for page in self._api.all(_CUSTOMERS):
            yield map_all(page, partial(customer, self._shop_id, observed_at=self._observed_at))

    def _gone(self, ids: Sequence[str]) -> Collection[str]:
        found = self._api.each("customers/{}", ids, wire.Customer)
        return {
            identity
            for identity, row in found
            if row is None or (isinstance(row, wire.Customer) and row.deleted_time)
        }


def customer(shop_id: str, source: wire.Customer, observed_at: str) -> records.Customer:
    """Map a customer.

    `marketingAllowed` names no channel. It is taken for e-mail only: for texts and calls the
    law asks for more than a general yes. False is also what everybody has who was never asked,
    so it is `unknown`: it ends an earlier yes and is no refusal.
    """
    emails = sorted(listed(source.email_addresses), key=lambda row: not row.primary_email)
    numbers = listed(source.phone_numbers)
    places = listed(source.addresses)
    consent = records.Consent(
        channel="email",
        purpose="marketing",
        state="given" if source.marketing_allowed else "unknown",
        observed_at=observed_at,
        source="clover:marketingAllowed",
    )
    return records.Customer(
        shop_id=shop_id,
        id=source.id,
        given_name=text(source.first_name),
        family_name=text(source.last_name),
        email=next((found for row in emails if (found := text(row.email_address))), None),
        phone=next((found for row in numbers if (found := text(row.phone_number))), None),
        address=next((place for row in places if (place := address(row))), None),
        consents=[consent],
        created_at=optional_moment(source.customer_since, "customerSince"),
        deleted_at=optional_moment(source.deleted_time, "deletedTime"),
    )


class ProductReader:
    """Reads the items of one shop.

    Args:
        api: Connection to Clover.
        shop_id: The shop.
        currency: What prices are in.
    """

    def __init__(self, api: CloverApi, shop_id: str, currency: str | None) -> None:
        self._api = api
        self._shop_id = shop_id
        self._currency = currency
        self.vanishing = Vanishing(
            confirm=self._gone,
            tombstone=lambda identity, at: records.Product(
                shop_id=shop_id, id=identity, deleted_at=at
            ),
            keys=self._keys,
        )

    def read(self, window: Window) -> Iterator[Batch]:
        """Read every item that changed in a window; all of them if a category did."""
        renamed = False
        for page in self._api.changed(_CATEGORIES, window):
            renamed = renamed or bool(page.items or page.bad)
        pages = self._api.all(_ITEMS) if renamed else self._api.changed(_ITEMS, window)
        for found in pages:
            yield map_all(found, partial(product, self._shop_id, currency=self._currency))

    def _keys(self) -> Iterator[list[str]]:
        for page in self._api.all(_ITEM_KEYS):
            yield [row.id for row in page.items]

    def _gone(self, ids: Sequence[str]) -> Collection[str]:
        found = self._api.each("items/{}", ids, wire.Item)
        return {
            identity
            for identity, row in found
            if row is None or (isinstance(row, wire.Item) and row.deleted)
        }


def product(shop_id: str, source: wire.Item, currency: str | None) -> records.Product:
    """Map an item. Of several categories the first by name is told."""
    categories = sorted(listed(source.categories), key=lambda row: (row.name or "", row.id))
    deleted_at = source.deleted_time or source.modified_time
    return records.Product(
        shop_id=shop_id,
        id=source.id,
        item_id=source.item_group.id if source.item_group else source.id,
        sku=text(source.sku),
        barcode=text(source.code),
        name=text(source.name),
        category_path=[name for row in categories[:1] if (name := text(row.name))],
        price=source.price,
        unit_cost=source.cost,
        currency=currency,
        updated_at=optional_moment(source.modified_time, "modifiedTime"),
        deleted_at=moment(deleted_at, "deletedTime") if source.deleted else None,
    )
