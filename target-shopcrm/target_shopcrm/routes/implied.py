"""What orders say about consent, where the policy lets a purchase count.

The orders of a batch are written first. Then the ledger learns what they imply for the address
that their customer has now; an order from before the customer changed to it implies nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.consent.implied import Purchase, implied_events, keys_of
from target_shopcrm.database.ledger import Ledger
from target_shopcrm.database.tables import TABLES
from target_shopcrm.routes.verdicts import gate_at, refresh_verdicts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from target_shopcrm.consent.assertions import ContactPoint
    from target_shopcrm.consent.policy import Policy
    from target_shopcrm.database.tables import Row
    from target_shopcrm.routes.work import Work

STREAM = "orders"
_ORDERS = TABLES[STREAM]


def learn_from_orders(work: Work, rows: Sequence[Row]) -> None:
    """Tell the ledger what orders imply.

    Args:
        work: The transaction; the customers and orders of the batch are written already.
        rows: The orders of the batch.
    """
    shops = {row.key[0] for row in rows}
    counting = {shop_id for shop_id in shops if _counts(work.policy, shop_id)}
    sales = [row for row in rows if row.key[0] in counting and _is_sale(row)]
    if not sales:
        return
    ledger = Ledger(work.connection)
    points = ledger.contact_points({_customer(row) for row in sales})
    purchases = [_purchase(row, points.get(_customer(row), {})) for row in sales]
    keys = keys_of(purchases, work.policy)
    news = implied_events(purchases, work.policy, ledger.events_for(keys))
    ledger.append(news, work.run_id)
    gate, at = gate_at(work, ledger)
    refresh_verdicts(gate, ledger, [event.key for event in news], at)
    work.counts.add("consent.events", written=len(news))


def _counts(policy: Policy, shop_id: str) -> bool:
    return any(
        policy.implied_in(shop_id, channel) or policy.soft_opt_in_of(shop_id, channel)
        for channel in policy.channels
    )


def _is_sale(row: Row) -> bool:
    """Whether somebody known bought something, and the till was closed on it."""
    return (
        _ORDERS.cell(row, "customer_id") is not None
        and _ORDERS.cell(row, "state") == "completed"
        and any(line.get("kind") != "return" for line in _ORDERS.cell(row, "lines") or ())
    )


def _purchase(row: Row, points: Mapping[str, ContactPoint]) -> Purchase:
    shop_id, customer_id = _customer(row)
    at: datetime = _ORDERS.cell(row, "closed_at") or _ORDERS.cell(row, "created_at")
    is_online = _ORDERS.cell(row, "channel") == "online"
    return Purchase(
        shop_id=shop_id,
        customer_id=customer_id,
        order_id=row.key[1],
        at=at,
        addresses={name: point.address for name, point in points.items() if point.since <= at},
        method="web_checkout" if is_online else "pos_till",
    )


def _customer(row: Row) -> tuple[str, str]:
    return (row.key[0], str(_ORDERS.cell(row, "customer_id")))
