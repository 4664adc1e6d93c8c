"""The ways through the gate, one per kind of destination.

A route takes a batch as it came in, asks the gate about every part of it, and hands a
destination what may pass. It is the only room that knows both the gate and the destinations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.destinations.shadow import ShadowDestination
from target_shopcrm.routes.crm import CrmRoute, CrmRun
from target_shopcrm.routes.tables import TableRoute

if TYPE_CHECKING:
    from target_shopcrm.destinations.base import TableDestination
    from target_shopcrm.destinations.crm import CrmDestination
    from target_shopcrm.routes.work import Route
    from target_shopcrm.settings import Settings


def route_to(destination: TableDestination | CrmDestination, settings: Settings) -> Route:
    """Find the route to a destination.

    Args:
        destination: Any; in shadow mode the shadow of a CRM.
        settings: The settings of the run.

    Returns:
        The route for its kind.
    """
    if destination.kind == "tables":
        return TableRoute(destination)
    return CrmRoute(
        CrmRun(
            destination,
            lists=settings.crm.lists,
            history_after_hours=settings.history_after_hours,
            shadow=destination if isinstance(destination, ShadowDestination) else None,
        )
    )
