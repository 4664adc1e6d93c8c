"""What a site tells about itself: its name, clock, currency and address.

WooCommerce's own routes tell the currency and the address, to users who may manage the shop.
Name and time zone are in what WordPress tells everybody, unless a plugin forbids that. What is
not told is taken from the shop's settings, or left open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from html import unescape
from typing import TYPE_CHECKING

import msgspec

from tap_pos import records
from tap_pos.errors import AccessDeniedError
from tap_pos.vendors.pages import ListDecoder
from tap_pos.vendors.texts import text
from tap_pos.vendors.woocommerce import wire
from tap_pos.zones import zone_named

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from tap_pos.settings import ShopSettings
    from tap_pos.vendors.woocommerce.api import WooApi

LOCATION_ID = "online"
"""A site has no locations, so all it sells it sells at this one."""

_SITE = msgspec.json.Decoder(wire.Site)
_SETTINGS = ListDecoder(wire.Setting)


@dataclass(frozen=True)
class SiteFacts:
    """One site, as far as it is known.

    Attributes:
        now: The site's clock.
        name: Its title.
        zone: Its time zone; None where it is a fixed offset that has no name.
        currency: What its prices are in.
        address: Where the shop is.
    """

    now: datetime
    name: str | None
    zone: ZoneInfo | None
    currency: str | None
    address: records.Address | None


def read_site(api: WooApi, shop: ShopSettings) -> SiteFacts:
    """Ask a site about itself; the first request of a run, so it also tries the key.

    Raises:
        ShopError: If the key is refused or the site can't be reached.
    """
    path = "/settings/general"
    reply = api.try_to_ask(path, _SETTINGS, {"_fields": wire.wanted(wire.Setting)})
    refused = None if reply.content is not None else api.refusal(reply, path)
    if refused is not None and not _is_one_permission(refused):
        raise refused
    values = {entry.id: entry.value for entry in reply.content.items} if reply.content else {}
    told = api.site(_SITE.decode, {"_fields": wire.wanted(wire.Site)}) or wire.Site()
    return SiteFacts(
        now=(reply.date or datetime.now(timezone.utc)).replace(microsecond=0),
        name=name_of(told.name),
        zone=zone_named(told.timezone_string) or zone_named(shop.timezone),
        currency=_text(values.get("woocommerce_currency")) or shop.currency,
        address=_address(values),
    )


def location(shop_id: str, site: SiteFacts) -> records.Location:
    """Map the site to the one location it is."""
    return records.Location(
        shop_id=shop_id,
        id=LOCATION_ID,
        name=site.name,
        timezone=site.zone.key if site.zone else None,
        currency=site.currency,
        address=site.address,
        channel="online",
    )


def name_of(value: str | None) -> str | None:
    """Read a title: WordPress keeps many of them as HTML (``Tea &amp; Cake``)."""
    return text(unescape(value)) if value else None


def _is_one_permission(error: Exception) -> bool:
    """Tell whether only the settings are forbidden: the rest may be readable."""
    return isinstance(error, AccessDeniedError) and not error.ends_shop


def _address(values: dict[str, object]) -> records.Address | None:
    """Map the shop's address; the country setting holds the state too (``US:NY``)."""
    country, _, region = (_text(values.get("woocommerce_default_country")) or "").partition(":")
    mapped = records.Address(
        line1=_text(values.get("woocommerce_store_address")),
        line2=_text(values.get("woocommerce_store_address_2")),
        city=_text(values.get("woocommerce_store_city")),
        region=text(region),
        postal_code=_text(values.get("woocommerce_store_postcode")),
        country=text(country),
    )
    return None if mapped == records.Address() else mapped


def _text(value: object) -> str | None:
    return text(value) if isinstance(value, str) else None
