"""What is recorded as an event: an occasion to write, a sale, a return.

Klaviyo has no orders of its own; the metrics `Placed Order` and `Refunded Order` are what its
own shop integrations use, and what its reports and predictions read.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from target_shopcrm.destinations.klaviyo.contacts import as_klaviyo_writes

if TYPE_CHECKING:
    from target_shopcrm.destinations.items import Event, Order, OrderLine, Person
    from target_shopcrm.destinations.klaviyo.account import Json

PLACED, REFUNDED = "Placed Order", "Refunded Order"
OUR_ID = "shopcrm_event_id"
"""Event property that repeats the unique id: reading events back doesn't promise that one."""
_DIGITS = {
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
    "RWF": 0, "UGX": 0, "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
}  # fmt: skip
"""ISO 4217: digits after the decimal point where they aren't two."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """An event as Klaviyo records it.

    Attributes:
        who: Whom it happened to.
        metric: Its name in Klaviyo.
        unique_id: Ours, the same whenever the same thing is sent.
        at: When, with offset.
        properties: What else is recorded.
        value: In units of the currency, such as 12.99.
        currency: ISO 4217.
        is_backfill: Whether it must start no flow.
        is_order: Whether it matters that what is recorded says what would be sent.
    """

    who: Person
    metric: str
    unique_id: str
    at: datetime
    properties: Json
    value: float | None = None
    currency: str | None = None
    is_backfill: bool = False
    is_order: bool = False

    def entry(self, profile_id: str) -> Json:
        """The event as the API takes it, for a profile that is there.

        Args:
            profile_id: The profile. Nothing else names it: an address in an event would be
                written into a profile, or make a new one.
        """
        profile = {"type": "profile", "id": profile_id, "attributes": {}}
        metric = {"type": "metric", "attributes": {"name": self.metric}}
        attributes: Json = {
            "properties": self.properties,
            "time": self.at.astimezone(timezone.utc).isoformat(),
            "metric": {"data": metric},
            "unique_id": self.unique_id,
        }
        if self.value is not None:
            attributes |= {"value": self.value, "value_currency": self.currency}
        if self.is_backfill:
            attributes["backfill"] = True
        event = {"type": "event", "attributes": attributes}
        entry: Json = {"profile": {"data": profile}, "events": {"data": [event]}}
        if self.is_backfill:
            entry["backfill"] = True
        return {"type": "event-bulk-create", "attributes": entry}


def of_event(event: Event) -> Happening:
    """An occasion to write to a person; the flow it starts has the occasion's name."""
    properties = {name: as_klaviyo_writes(value) for name, value in event.properties.items()}
    return Happening(
        who=event.who,
        metric=event.name,
        unique_id=event.external_id,
        at=event.occurred_at,
        properties={
            **properties,
            "channels": list(event.channels),
            OUR_ID: event.external_id,
        },
        is_backfill=event.is_history,
    )


def of_order(order: Order) -> Happening:
    """A sale, or a return where money went back."""
    is_return = order.net < 0
    sign = -1 if is_return else 1
    return Happening(
        who=order.who,
        metric=REFUNDED if is_return else PLACED,
        unique_id=order.external_id,
        at=order.placed_at,
        properties={
            "order_id": order.order_id,
            "total": amount(sign * order.total, order.currency),
            "net": amount(sign * order.net, order.currency),
            "items": [_line(line, sign, order.currency) for line in order.lines],
            OUR_ID: order.external_id,
        },
        value=amount(sign * order.total, order.currency),
        currency=order.currency,
        is_backfill=order.is_history,
        is_order=True,
    )


def _line(line: OrderLine, sign: int, currency: str) -> Json:
    told = {
        "product_id": line.product_id,
        "name": line.name,
        "quantity": line.quantity,
        "net": amount(sign * line.net, currency),
    }
    return {name: value for name, value in told.items() if value is not None}


def amount(minor: int, currency: str) -> float:
    """An amount as Klaviyo counts it.

    Args:
        minor: In minor units.
        currency: ISO 4217.

    Returns:
        In units of the currency.
    """
    digits = _DIGITS.get(currency, 2)
    return round(minor / float(10**digits), digits)
