"""The register's own accounts: counted from its memory, not through its API."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from practice_register.timeline import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable

    from practice_register.rows import OrderRow, PaymentRow, RefundRow
    from practice_register.view import View

Book = dict[str, Any]


def books(view: View) -> Book:
    """Count and sum everything as of the view's clock; money in cents.

    Returns:
        ``clock``; ``total`` and ``locations`` (by location id), each with the books of
        ``orders``, ``lines``, ``return_lines``, ``payments`` and ``refunds``; ``customers``
        with ``profiles`` (all that exist) and ``searchable`` (what the search shows).
    """
    orders, payments, refunds = (
        view.orders.values(),
        view.payments.values(),
        view.refunds.values(),
    )
    locations = {
        location: _book(
            [row for row in orders if row.location == location],
            [row for row in payments if row.location == location],
            [row for row in refunds if row.location == location],
        )
        for location in view.memory.index.location_ids
    }
    return {
        "clock": rfc3339(view.clock),
        "currency": "USD",
        "total": _book(orders, payments, refunds),
        "locations": locations,
        "customers": {
            "profiles": len(view.customers),
            "searchable": len(view.indexed_customers),
            "known_on_orders": sum(1 for row in orders if row.customer),
        },
    }


def _book(
    orders: Iterable[OrderRow], payments: Iterable[PaymentRow], refunds: Iterable[RefundRow]
) -> Book:
    orders, payments, refunds = list(orders), list(payments), list(refunds)
    return {
        "orders": {
            "count": len(orders),
            "total_money": sum(row.total for row in orders),
            "net_total_money": sum(row.net_total for row in orders),
            "discount_money": sum(row.discount for row in orders),
            "tax_money": sum(row.tax for row in orders),
            "tip_money": sum(row.tip for row in orders),
            "by_state": dict(sorted(Counter(row.state for row in orders).items())),
        },
        "lines": {
            "count": sum(row.lines for row in orders),
            "total_money": sum(row.line_money for row in orders),
        },
        "return_lines": {
            "count": sum(row.return_lines for row in orders),
            "total_money": sum(row.return_money for row in orders),
        },
        "payments": {
            "count": len(payments),
            "total_money": sum(row.total for row in payments),
            "tip_money": sum(row.tip for row in payments),
            "by_status": _by_status((row.status, row.total) for row in payments),
        },
        "refunds": {
            "count": len(refunds),
            "amount_money": sum(row.amount for row in refunds),
            "by_status": _by_status((row.status, row.amount) for row in refunds),
        },
    }


def _by_status(pairs: Iterable[tuple[str, int]]) -> dict[str, dict[str, int]]:
    sums: dict[str, dict[str, int]] = {}
    for status, amount in pairs:
        entry = sums.setdefault(status, {"count": 0, "money": 0})
        entry["count"] += 1
        entry["money"] += amount
    return dict(sorted(sums.items()))
