"""The registry of destinations: one line each, imported when used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from target_shopcrm.database.tables import TABLES
from target_shopcrm.destinations.jsonl import JsonLines
from target_shopcrm.destinations.shadow import ShadowDestination
from target_shopcrm.destinations.shopcrm import ShopCRM
from target_shopcrm.errors import ConfigurationError
from target_shopcrm.records import ACTIVATION

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_shopcrm.destinations.base import TableDestination
    from target_shopcrm.destinations.crm import CrmDestination
    from target_shopcrm.settings import CrmSettings, Settings

CRMS = {
    "klaviyo": "target_shopcrm.destinations.klaviyo:Klaviyo",
    "hubspot": "target_shopcrm.destinations.hubspot:HubSpot",
    "mailchimp": "target_shopcrm.destinations.mailchimp:Mailchimp",
    "brevo": "target_shopcrm.destinations.brevo:Brevo",
    "bottlecrm": "target_shopcrm.destinations.bottlecrm:BottleCRM",
    "tryton": "target_shopcrm.destinations.tryton:Tryton",
}
"""Where each CRM's class is; it is made from `target_shopcrm.settings.CrmSettings`."""


def crm_class(name: str) -> Callable[[CrmSettings], CrmDestination]:
    """Find the class of a CRM.

    Args:
        name: A key of `CRMS`.

    Returns:
        The class.
    """
    module, _, symbol = CRMS[name].partition(":")
    found: Callable[[CrmSettings], CrmDestination] = getattr(import_module(module), symbol)
    return found


def destination_for(settings: Settings) -> TableDestination | CrmDestination:
    """Make the destination that the settings name.

    Args:
        settings: The settings of the run.

    Returns:
        The destination, not yet open; in shadow mode the shadow of it.

    Raises:
        ConfigurationError: If there is no such destination, or it lacks a setting.
    """
    if settings.destination == ShopCRM.name:
        if settings.is_shadow:
            raise ConfigurationError(
                "The ShopCRM database has no shadow: mode shadow is for destinations outside."
            )
        return ShopCRM()
    if settings.destination in CRMS:
        crm = crm_class(settings.destination)(settings.crm)
    elif settings.destination == JsonLines.name and settings.output_path is not None:
        crm = JsonLines(settings.output_path)
    else:
        known = ", ".join([ShopCRM.name, JsonLines.name, *CRMS])
        raise ConfigurationError(
            f"There is no destination {settings.destination!r}; use one of {known}."
        )
    return ShadowDestination(crm) if settings.is_shadow else crm


def streams_of(destination: TableDestination | CrmDestination) -> frozenset[str]:
    """Tell which streams a destination takes.

    Args:
        destination: Any.

    Returns:
        Names of canonical streams.
    """
    return frozenset(TABLES) if destination.kind == "tables" else ACTIVATION
