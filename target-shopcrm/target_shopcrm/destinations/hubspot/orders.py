"""Orders, each once, linked to the contact whose they are.

HubSpot has no way to say that an order is long past, and a workflow may start from any order;
so what is history isn't sent.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from target_shopcrm.destinations.crm import Outcome
from target_shopcrm.destinations.hubspot.account import parts
from target_shopcrm.destinations.hubspot.batches import Batches, Input
from target_shopcrm.destinations.hubspot.linked import Linked, LinkedObjects
from target_shopcrm.destinations.hubspot.properties import (
    ORDER,
    ORDER_ID,
    Properties,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.destinations.hubspot.account import Account
    from target_shopcrm.destinations.hubspot.contacts import Contacts
    from target_shopcrm.destinations.items import Order

HISTORY = "HubSpot can't mark history, and a workflow could write to the person because of it"
_NO_DECIMALS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND"}
    | {"VUV", "XAF", "XOF", "XPF"}
)
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
"""ISO 4217; all other currencies that shops take have two."""
_LONGEST_TEXT = 65_000
"""HubSpot's texts hold 65,536 characters."""


class Orders:
    """The orders of one account.

    Args:
        account: Where.
        contacts: Knows the record ids of people.
    """

    def __init__(self, account: Account, contacts: Contacts) -> None:
        self._properties = Properties(account, "orders", ORDER, "crm.schemas.orders.write")
        batches = Batches(account, "orders", "crm.objects.orders")
        self._objects = LinkedObjects(account, "orders", batches, ORDER_ID, contacts)

    def send(self, orders: Sequence[Order]) -> list[Outcome]:
        """Create or change orders; three calls per hundred, and one a run for the properties."""
        outcomes = {
            at: Outcome("skipped", reason=HISTORY)
            for at, order in enumerate(orders)
            if order.is_history
        }
        new = [at for at in range(len(orders)) if at not in outcomes]
        if new:
            self._properties.declare()
        for part in parts(len(new)):
            some = new[part.start : part.stop]
            items = [Linked(orders[at].who, self._input(orders[at])) for at in some]
            outcomes.update(zip(some, self._objects.write(items, {}), strict=True))
        return [outcomes[at] for at in range(len(orders))]

    def _input(self, order: Order) -> Input:
        """What HubSpot has a property for; its own ones differ between accounts."""
        values = {
            "hs_order_name": order.order_id,
            "hs_external_order_id": order.external_id,
            "hs_external_created_date": order.placed_at,
            "hs_currency_code": order.currency,
            "hs_total_price": _major(order.total, order.currency),
            "pos_net": _major(order.net, order.currency),
            "pos_lines": _lines(order),
        }
        return Input(
            order.external_id,
            {
                name: text_of(value)
                for name, value in values.items()
                if name in self._properties.names
            },
        )


def _major(amount: int, currency: str) -> str:
    """Minor units as HubSpot writes money."""
    decimals = 0 if currency in _NO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2
    return str(Decimal(amount).scaleb(-decimals))


def _lines(order: Order) -> str:
    """What was bought, a line each: line items of their own would cost two calls an order."""
    texts = [f"{line.quantity} x {line.name or line.product_id or '?'}" for line in order.lines]
    return "\n".join(texts)[:_LONGEST_TEXT]
