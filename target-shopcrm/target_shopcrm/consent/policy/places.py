"""The policy's geography: which shop sells where, and which laws the policy was written for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers

from target_shopcrm.consent.policy.model import Shop

if TYPE_CHECKING:
    from target_shopcrm.consent.policy.file import Place
    from target_shopcrm.consent.policy.model import Policy

_JURISDICTION = re.compile(r"([A-Z]{2})(-[A-Z0-9]{1,3})?")


def read_jurisdictions(place: Place | None, base: Policy | None) -> frozenset[str]:
    """The codes of the laws; a policy that extends another adds to those."""
    inherited = base.jurisdictions if base else frozenset()
    if place is None:
        return inherited
    return inherited | {_jurisdiction(entry) for _, entry in place.texts()}


def read_shops(place: Place | None, jurisdictions: frozenset[str]) -> dict[str, Shop]:
    """The shops by shop_id; without the section no shop is anywhere."""
    if place is None:
        return {}
    return {shop_id: _shop(shop, jurisdictions) for shop_id, shop in place.mapping().items()}


def _shop(place: Place, jurisdictions: frozenset[str]) -> Shop:
    entries = place.mapping()
    for name, entry in entries.items():
        if name not in Shop._fields:
            entry.fail(f"a shop has no {name!r}; use {', '.join(Shop._fields)}")
    if "country" not in entries:
        place.fail(f"the shop {place.name} has no country; write {{country: US}}")
    country = _country(entries["country"])
    stated = entries.get("jurisdiction")
    jurisdiction = _jurisdiction(stated) if stated else country
    if jurisdiction not in jurisdictions and jurisdiction[:2] not in jurisdictions:
        (stated or entries["country"]).fail(
            f"this policy wasn't written for the law of {jurisdiction!r}; check that law with"
            f" counsel, then add it to 'jurisdictions'"
        )
    zone = entries.get("timezone")
    return Shop(country, jurisdiction, _timezone(zone) if zone else None)


def _country(place: Place) -> str:
    country = place.text()
    if country not in phonenumbers.SUPPORTED_REGIONS:
        place.fail(f"{country!r} isn't a country; use its two ISO 3166-1 letters, such as US")
    return country


def _timezone(place: Place) -> str:
    name = place.text()
    if "/" not in name or name.startswith("Etc/") or not _is_zone(name):
        place.fail(f"{name!r} isn't a time zone; use its IANA name, such as America/New_York")
    return name


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return False
    return True


def _jurisdiction(place: Place) -> str:
    code = place.text()
    match = _JURISDICTION.fullmatch(code)
    if match is None or match[1] not in phonenumbers.SUPPORTED_REGIONS:
        place.fail(f"{code!r} isn't a jurisdiction; use an ISO 3166 code such as US or US-NY")
    return code
