"""Loyverse's customers and their points, its stores and its staff.

Loyverse has no field for anybody's consent and no groups to keep one in, so nothing is said
about that.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from tap_pos import records
from tap_pos.vendors.base import Batch, Vanishing
from tap_pos.vendors.loyverse import wire
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import Page, PageDecoder
from tap_pos.vendors.texts import instant, text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tap_pos.vendors.loyverse.api import LoyverseApi
    from tap_pos.windows import Window

STORES = PageDecoder("stores", wire.Store)
_EMPLOYEES = PageDecoder("employees", wire.Employee)
_CUSTOMERS = PageDecoder("customers", wire.Customer)
_CUSTOMER = msgspec.json.Decoder(wire.Customer).decode


class CustomerReader:
    """Reads the customers of one shop.

    Args:
        api: Connection to Loyverse.
        shop_id: The shop.
    """

    def __init__(self, api: LoyverseApi, shop_id: str) -> None:
        self._api = api
        self._shop_id = shop_id
        self.vanishing = Vanishing(self._gone, self._tombstone, self._keys)

    def read(self, window: Window) -> Iterator[Batch]:
        """Read every customer that changed in a window."""
        for page in self._api.changes("customers", _CUSTOMERS, window):
            yield map_all(page, partial(customer, self._shop_id))

    def read_loyalty_accounts(self) -> Iterator[Batch]:
        """Read every customer once more for their points."""
        for page in self._api.pages("customers", _CUSTOMERS):
            members = [
                one for one in page.items if one.total_points is not None and not _ended(one)
            ]
            yield map_all(Page(members, None, page.bad), partial(loyalty_account, self._shop_id))

    def _keys(self) -> Iterator[Collection[str]]:
        """List every customer there is; whoever can't be read is there nevertheless."""
        for page in self._api.pages("customers", _CUSTOMERS):
            unreadable = [bad.id for bad in page.bad if bad.id is not None]
            yield [one.id for one in page.items if not _ended(one)] + unreadable

    def _gone(self, ids: Sequence[str]) -> Collection[str]:
        """Ask for each: a deleted customer is not found, or says when it ended."""
        found = self._api.get_each("customers", ids, _CUSTOMER)
        return [identity for identity, one in found if one is None or _ended(one)]

    def _tombstone(self, identity: str, missed_at: str) -> records.Customer:
        return records.Customer(shop_id=self._shop_id, id=identity, deleted_at=missed_at)


def customer(shop_id: str, source: wire.Customer) -> records.Customer:
    """Map a customer; of a deleted one nothing is left but the fact.

    Loyverse keeps one name, which is not taken apart: where it would have to be cut is not for
    a program to say.
    """
    if ended := instant(_ended(source)):
        return records.Customer(
            shop_id=shop_id,
            id=source.id,
            updated_at=instant(source.updated_at),
            deleted_at=ended,
        )
    address = records.Address(
        line1=text(source.address),
        city=text(source.city),
        region=text(source.region),
        postal_code=text(source.postal_code),
        country=text(source.country_code),
    )
    code = text(source.customer_code)
    return records.Customer(
        shop_id=shop_id,
        id=source.id,
        given_name=text(source.name),
        email=text(source.email),
        phone=text(source.phone_number),
        address=None if address == records.Address() else address,
        reference_id=code,
        loyalty_id=code,
        created_at=instant(source.created_at),
        updated_at=instant(source.updated_at),
    )


def loyalty_account(shop_id: str, source: wire.Customer) -> records.LoyaltyAccount:
    """Map a customer's points. Parts of a point are cut off: nobody is promised more."""
    points = source.total_points or Decimal(0)
    return records.LoyaltyAccount(
        shop_id=shop_id,
        id=source.id,
        customer_id=source.id,
        balance=int(points.to_integral_value(ROUND_FLOOR)),
        updated_at=instant(source.updated_at),
    )


def location(shop_id: str, currency: str, source: wire.Store) -> records.Location:
    """Map a store. It has no time zone."""
    address = records.Address(
        line1=text(source.address),
        city=text(source.city),
        region=text(source.region),
        postal_code=text(source.postal_code),
        country=text(source.country),
    )
    return records.Location(
        shop_id=shop_id,
        id=source.id,
        name=text(source.name),
        currency=currency,
        address=None if address == records.Address() else address,
        active=not source.deleted_at,
        updated_at=instant(source.updated_at),
    )


def read_locations(api: LoyverseApi, shop_id: str, currency: str) -> Iterator[Batch]:
    """Read all stores."""
    for page in api.pages("stores", STORES, {"show_deleted": "true"}):
        yield map_all(page, partial(location, shop_id, currency))


def employee(shop_id: str, source: wire.Employee) -> records.Employee:
    """Map an employee."""
    return records.Employee(
        shop_id=shop_id,
        id=source.id,
        display_name=text(source.name),
        active=not source.deleted_at,
        location_ids=sorted(source.stores or []),
        updated_at=instant(source.updated_at),
    )


def read_employees(api: LoyverseApi, shop_id: str) -> Iterator[Batch]:
    """Read all employees."""
    for page in api.pages("employees", _EMPLOYEES, {"show_deleted": "true"}):
        yield map_all(page, partial(employee, shop_id))


def _ended(source: wire.Customer) -> str | None:
    return source.deleted_at or source.permanent_deletion_at
