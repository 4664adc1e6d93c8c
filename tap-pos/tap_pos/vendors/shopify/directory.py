"""Shopify's short lists, read whole in each run: locations and staff.

A location is where goods are. An online order names none, so it has no location here either;
its channel says that it was online. Only a fulfilment service's warehouse, which nobody can
walk into, is an online location.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tap_pos import records
from tap_pos.errors import AccessDeniedError
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.shopify import queries, wire
from tap_pos.vendors.shopify.api import Kind
from tap_pos.vendors.shopify.ids import short
from tap_pos.vendors.texts import instant, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_pos.vendors.base import Batch
    from tap_pos.vendors.shopify.api import ShopifyApi

_LOCATIONS = Kind(wire.Location)
_STAFF_MEMBERS = Kind(wire.StaffMember)


def address(source: wire.Address | None) -> records.Address | None:
    """Map a postal address; one without content is none."""
    if source is None:
        return None
    mapped = records.Address(
        line1=text(source.address1),
        line2=text(source.address2),
        city=text(source.city),
        region=text(source.province_code),
        postal_code=text(source.zip),
        country=text(source.country_code or source.country_code_v2),
    )
    return None if mapped == records.Address() else mapped


def location(shop: wire.Shop, shop_id: str, source: wire.Location) -> records.Location:
    """Map a location; zone and currency are the whole shop's."""
    return records.Location(
        shop_id=shop_id,
        id=short(source.id),
        name=text(source.name),
        timezone=text(shop.iana_timezone),
        currency=text(shop.currency_code),
        address=address(source.address),
        channel="online" if source.is_fulfillment_service else "store",
        active=source.is_active,
        updated_at=instant(source.updated_at),
    )


def employee(shop_id: str, source: wire.StaffMember) -> records.Employee:
    """Map a staff member. Shopify does not say where somebody works."""
    return records.Employee(
        shop_id=shop_id,
        id=short(source.id),
        display_name=text(source.name),
        active=source.active and source.exists,
    )


def read_locations(api: ShopifyApi, shop: wire.Shop, shop_id: str) -> Iterator[Batch]:
    """Read all locations, also inactive ones and those of fulfilment services."""
    for page in api.list_by_id(queries.LOCATIONS, _LOCATIONS):
        yield map_all(page, partial(location, shop, shop_id))


def read_employees(
    api: ShopifyApi, shop_id: str, *, allowed: bool, tell: Callable[[str], None]
) -> Iterator[Batch]:
    """Read all staff members; where Shopify does not offer that, nothing, and say so.

    Args:
        api: Connection to Shopify.
        shop_id: The shop.
        allowed: Whether the token has the scope `read_users`.
        tell: Passes a sentence on to the user.

    Raises:
        ShopError: As `ShopifyApi.open` does, but for a missing scope.
    """
    if allowed:
        try:
            for page in api.list_by_id(queries.STAFF_MEMBERS, _STAFF_MEMBERS):
                yield map_all(page, partial(employee, shop_id))
        except AccessDeniedError as error:
            if error.ends_shop:
                raise
        else:
            return
    tell(
        f"Shop '{shop_id}': staff members can't be read: Shopify grants the scope read_users to "
        "Plus and Advanced stores only, so there are no employees."
    )
