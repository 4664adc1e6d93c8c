"""The registry of destinations: one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.destinations.jsonl import JsonLines
from target_shopcrm.destinations.shopcrm import ShopCRM
from target_shopcrm.errors import ConfigurationError

if TYPE_CHECKING:
    from target_shopcrm.destinations.base import MessageDestination, TableDestination
    from target_shopcrm.settings import Settings


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
