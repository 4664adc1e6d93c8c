"""Odoo's rows, written with what a test cares about; everything else has a default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tap_pos.testing.fakes.odoo import FakeOdoo


def order(odoo: FakeOdoo, *lines: dict[str, Any], **extra: Any) -> int:
    """Sell lines of which each says `net` and `tax` in cents; everything else has a default."""
    net = sum(line["net"] for line in lines)
    tax = sum(line.get("tax", 0) for line in lines)
    row = {"state": "paid", "date_order": odoo.now, "config_id": 1, "company_id": 1, "user_id": 2,
           "amount_total": (net + tax) / 100, "amount_tax": tax / 100}  # fmt: skip
    key = odoo.create("pos.order", **row | extra)
    ids = []
    for line in lines:
        own, more = line["net"] / 100, {**line}
        tax = more.pop("tax", 0) / 100
        more.pop("net")
        defaults = {"qty": 1.0, "price_unit": own, "discount": 0.0, "product_id": [7, "Tea"],
                    "price_subtotal": own, "price_subtotal_incl": round(own + tax, 4)}  # fmt: skip
        ids.append(odoo.create("pos.order.line", order_id=key, **defaults | more))
    odoo.patch("pos.order", key, lines=ids)
    return key


def pay(odoo: FakeOdoo, key: int, amount: float, **extra: Any) -> int:
    """Pay an order, in major units."""
    row = {"payment_method_id": 1, "payment_date": odoo.now, **extra}
    return odoo.create("pos.payment", pos_order_id=key, amount=amount, **row)


def person(odoo: FakeOdoo, **extra: Any) -> int:
    """Take down a contact with an e-mail address and a phone."""
    row = {
        "name": "ليلى 🍵",
        "active": True,
        "partner_share": True,
        "email": "Ann <A@x.org>",
        "email_normalized": "a@x.org",
        "phone_sanitized": "+15550001",
        "category_id": [],
    }
    return odoo.create("res.partner", **row | extra)
