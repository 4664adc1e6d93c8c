"""WooCommerce's JSON for small shops, with as little as a test needs to say. Amounts in cents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tap_pos.testing.fake import Row


def money(cents: int) -> str:
    """Write an amount as WooCommerce does."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


def line(  # noqa: PLR0913 - what a line consists of, named where it is made
    number: int,
    gross: int,
    quantity: int = 1,
    *,
    discount: int = 0,
    tax: int = 0,
    product: Row | None = None,
    source: int | None = None,
) -> Row:
    """Make a line; one with a source takes that line back."""
    children = product["variations"] if product else []
    net = gross - discount
    meta = [] if source is None else [{"id": 1, "key": "_refunded_item_id", "value": str(source)}]
    return {
        "id": number,
        "name": product["name"] if product else "Tea",
        "product_id": product["id"] if product else 0,
        "variation_id": children[0] if children else 0,
        "quantity": quantity,
        "subtotal": money(gross),
        "subtotal_tax": money(tax),
        "total": money(net),
        "total_tax": money(tax),
        # After coupons, and a number where all other amounts are texts.
        "price": net / 100 / quantity if quantity else 0,
        "meta_data": meta,
    }


def order(  # noqa: PLR0913 - what an order consists of, named where it is made
    number: int,
    at: str,
    lines: list[Row],
    *,
    net: int,
    tax: int = 0,
    shipping: int = 0,
    status: str = "completed",
    customer: int = 0,
    **extra: Any,
) -> Row:
    """Make an order that was paid at once."""
    return {
        "id": number,
        "number": str(number),
        "status": status,
        "currency": "USD",
        "order_key": "wc_order_secret",
        "customer_ip_address": "192.0.2.7",
        "created_via": "checkout",
        "date_created_gmt": at,
        "date_modified_gmt": at,
        "date_paid_gmt": at,
        "date_completed_gmt": at if status == "completed" else None,
        "total": money(net + tax + shipping),
        "total_tax": money(tax),
        "shipping_total": money(shipping),
        "prices_include_tax": False,
        "customer_id": customer,
        "payment_method": "stripe",
        "billing": {"email": "guest@example.com"},
        "line_items": lines,
        "fee_lines": [],
        "refunds": [],
        **extra,
    }


def refund(number: int, order_id: int, at: str, amount: int, returned: Row | None = None) -> Row:
    """Make a refund of an order, with at most one line taken back."""
    return {
        "id": number,
        "parent_id": order_id,
        "date_created_gmt": at,
        "amount": money(amount),
        "reason": "",
        "refunded_by": 1,
        "refunded_payment": True,
        "line_items": [returned] if returned else [],
    }


def customer(number: int, at: str, **extra: Any) -> Row:
    """Make an account that was never changed."""
    return {
        "id": number,
        "date_created_gmt": at,
        "date_modified_gmt": None,
        "email": f"c{number}@example.com",
        "first_name": "",
        "last_name": "",
        "role": "customer",
        "username": f"c{number}",
        "billing": {"phone": "+15551234567"},
        "meta_data": [],
        **extra,
    }


def product(
    number: int, at: str, name: str, price: int | None, *, variations: list[int] | None = None
) -> Row:
    """Make a product, sold as it is unless it has variations."""
    return {
        "id": number,
        "name": name,
        "type": "variable" if variations else "simple",
        "status": "publish",
        "sku": f"P{number}",
        "price": "" if price is None else money(price),
        "date_created_gmt": at,
        "date_modified_gmt": at,
        "categories": [{"id": 2, "name": "Tea", "slug": "tea"}],
        "variations": variations or [],
    }


def variation(number: int, parent: int, size: str, price: int) -> Row:
    """Make a variation."""
    return {
        "id": number,
        "parent_id": parent,
        "status": "publish",
        "sku": f"V{number}",
        "price": money(price),
        "attributes": [{"id": 0, "name": "Size", "option": size}],
    }
