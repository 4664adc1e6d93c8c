"""Square's JSON for small shops, with as little as a test needs to say."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def money(amount: int | None, currency: str | None = "USD") -> Row:
    """Make an amount in minor units."""
    return {"amount": amount, "currency": currency}


def location(identity: str = "L1", **extra: Any) -> Row:
    """Make a location in New York that opened on 2026-01-01."""
    return {
        "id": identity,
        "name": f"Shop {identity}",
        "timezone": "America/New_York",
        "currency": "USD",
        "status": "ACTIVE",
        "created_at": "2026-01-01T00:00:00Z",
        **extra,
    }


def line(uid: str = "line", amount: int = 1000, **extra: Any) -> Row:
    """Make one line of one piece, untaxed."""
    return {
        "uid": uid,
        "name": "Tea",
        "quantity": "1",
        "catalog_object_id": "VARIATION",
        "base_price_money": money(amount),
        "gross_sales_money": money(amount),
        "total_tax_money": money(0),
        "total_discount_money": money(0),
        "total_money": money(amount),
        **extra,
    }


def order(identity: str, at: str, *, amount: int = 1000, **extra: Any) -> Row:
    """Make a completed order of one line, paid by a payment named after it."""
    return {
        "id": identity,
        "location_id": "L1",
        "state": "COMPLETED",
        "created_at": at,
        "updated_at": at,
        "closed_at": at,
        "line_items": [line(amount=amount)],
        "net_amounts": {"total_money": money(amount)},
        "total_money": money(amount),
        "tenders": [{"id": f"{identity}-paid", "payment_id": f"{identity}-paid", "type": "CARD"}],
        **extra,
    }


def payment(order_id: str, at: str, *, amount: int = 1000, **extra: Any) -> Row:
    """Make the payment of an order made by `order`."""
    return {
        "id": f"{order_id}-paid",
        "order_id": order_id,
        "location_id": "L1",
        "status": "COMPLETED",
        "source_type": "CARD",
        "amount_money": money(amount),
        "total_money": money(amount),
        "created_at": at,
        "updated_at": at,
        **extra,
    }


def refund(identity: str, order_id: str, at: str, *, amount: int = 1000, **extra: Any) -> Row:
    """Make a refund that belongs to an order."""
    return {
        "id": identity,
        "order_id": order_id,
        "location_id": "L1",
        "status": "COMPLETED",
        "destination_type": "CARD",
        "amount_money": money(amount),
        "created_at": at,
        "updated_at": at,
        **extra,
    }


def customer(identity: str, at: str, **extra: Any) -> Row:
    """Make a customer profile without any contact details."""
    return {"id": identity, "created_at": at, "updated_at": at, **extra}
