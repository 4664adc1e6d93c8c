"""Lightspeed X-Series' short lists: outlets and users. Read whole in each run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_pos import records
from tap_pos.vendors.lightspeed_x import wire
from tap_pos.vendors.lightspeed_x.api import VersionDecoder
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.texts import instant, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_pos.vendors.base import Batch
    from tap_pos.vendors.lightspeed_x.api import LightspeedApi

OUTLETS = VersionDecoder(wire.Outlet)
_USERS = VersionDecoder(wire.User)


def location(shop_id: str, source: wire.Outlet) -> records.Location:
    """Map an outlet. An online shop sells through an ordinary outlet too."""
    street = [
        line for line in map(text, (source.physical_address_2, source.physical_suburb)) if line
    ]
    address = records.Address(
        line1=text(source.physical_address_1),
        line2=", ".join(street) or None,
        city=text(source.physical_city),
        region=text(source.physical_state),
        postal_code=text(source.physical_postcode),
        country=text(source.physical_country_id),
    )
    return records.Location(
        shop_id=shop_id,
        id=source.id,
        name=text(source.name),
        timezone=text(source.time_zone),
        currency=text(source.currency),
        address=None if address == records.Address() else address,
        active=not source.deleted_at,
    )


def employee(shop_id: str, source: wire.User, outlet_ids: Sequence[str]) -> records.Employee:
    """Map a user; one who is restricted to no outlet works in all of them."""
    return records.Employee(
        shop_id=shop_id,
        id=source.id,
        display_name=text(source.display_name),
        active=source.enabled is not False and not source.deleted_at,
        location_ids=sorted(source.restricted_outlet_ids or outlet_ids),
        updated_at=instant(source.updated_at),
    )


def read_employees(api: LightspeedApi, shop_id: str, outlet_ids: Sequence[str]) -> Iterator[Batch]:
    """Read all users."""
    for page in api.changes("users", _USERS):
        yield map_all(page, lambda source: employee(shop_id, source, outlet_ids))
