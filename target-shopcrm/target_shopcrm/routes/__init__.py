"""The ways through the gate, one per kind of destination.

A route takes a batch as it came in, asks the gate about every part of it, and hands a
destination what may pass. It is the only room that knows both the gate and the destinations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.routes.contacts import ContactRoute
from target_shopcrm.routes.tables import TableRoute

if TYPE_CHECKING:
    from target_shopcrm.destinations.base import MessageDestination, TableDestination
    from target_shopcrm.routes.work import Route


def route_to(destination: TableDestination | MessageDestination) -> Route:
    """Find the route to a destination.

    Args:
        destination: Any.

    Returns:
        The route for its kind.
    """
    if destination.kind == "tables":
        return TableRoute(destination)
    return ContactRoute(destination)
