"""The registry of destinations: one line each, imported when used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from target_shopcrm.destinations.jsonl import JsonLines
from target_shopcrm.destinations.shopcrm import ShopCRM
from target_shopcrm.errors import ConfigurationError

if TYPE_CHECKING:
    from target_shopcrm.destinations.base import MessageDestination, TableDestination
    from target_shopcrm.destinations.crm import CrmDestination
    from target_shopcrm.settings import Settings

CRMS = {
    "klaviyo": "target_shopcrm.destinations.klaviyo:Klaviyo",
    "hubspot": "target_shopcrm.destinations.hubspot:HubSpot",
    "mailchimp": "target_shopcrm.destinations.mailchimp:Mailchimp",
    "brevo": "target_shopcrm.destinations.brevo:Brevo",
    "bottlecrm": "target_shopcrm.destinations.bottlecrm:BottleCRM",
    "tryton": "target_shopcrm.destinations.tryton:Tryton",
}
"""Where each CRM's class is; it is made from `target_shopcrm.settings.CrmSettings`."""


def crm_class(name: str) -> type[CrmDestination]:
    """Find the class of a CRM.

    Args:
        name: A key of `CRMS`.

    Returns:
        The class.
    """
    module, _, symbol = CRMS[name].partition(":")
    found: type[CrmDestination] = getattr(import_module(module), symbol)
    return found


def destination_for(settings: Settings) -> TableDestination | MessageDestination:
    """Make the destination that the settings name.

    Args:
        settings: The settings of the run.

    Returns:
        The destination, not yet open.

    Raises:
        ConfigurationError: If there is no such destination.
    """
    if settings.destination == ShopCRM.name:
        return ShopCRM()
    if settings.destination == JsonLines.name and settings.output_path is not None:
        return JsonLines(settings.output_path)
    raise ConfigurationError(
        f"There is no destination {settings.destination!r}; use {ShopCRM.name} or {JsonLines.name}."
    )
