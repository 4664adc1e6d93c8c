"""Lightspeed X-Series' JSON for small shops, with as little as a test needs to say."""

from __future__ import annotations

from typing import Any

from tap_pos.testing.fakes.lightspeed_x import ScriptedLightspeed

Row = dict[str, Any]
AT = "2026-02-10T11:30:00+00:00"


def auckland() -> ScriptedLightspeed:
    """Make a shop in Auckland with one outlet; its clock says 2026-03-01 noon UTC."""
    shop = ScriptedLightspeed()
    shop.write(
        "outlets",
        {
            "id": "O1",
            "name": " Main ",
            "currency": "NZD",
            "time_zone": "Pacific/Auckland",
            "physical_city": "Auckland",
            "physical_suburb": "Newmarket",
            "physical_country_id": "NZ",
        },
    )
    return shop


def settings_of(shop: ScriptedLightspeed) -> Row:
    """Give settings that read it with a personal token."""
    return {
        "vendor": "lightspeed_x",
        "shop_id": "tea",
        "access_token": "token",
        "base_url": shop.url,
        "max_retry_seconds": 2,
        "requests_per_minute": 100_000,
    }


def line(total: float = 10.0, quantity: float = 1, **extra: Any) -> Row:
    """Make a line without tax and discount; `pricing` adds to what follows from the total."""
    pricing = {"price": total / quantity, "total": total, "discount": 0, "discount_total": 0}
    return {
        "id": f"line-{total}",
        "product": {"id": "P1"},
        "quantity": quantity,
        "pricing": pricing | extra.pop("pricing", {}),
        "tax": {"total": 0},
        "return": {"is_return": False},
        **extra,
    }


def sale(*lines: Row, price: float = 10.0, tax: float = 0.0, **extra: Any) -> Row:
    """Make a closed sale that was paid by card; `paid` is what, if not price and tax."""
    amount = extra.pop("paid", price + tax)
    return {
        "id": "S1",
        "state": "closed",
        "attributes": [],
        "invoice_number": "T-1",
        "date": AT,
        "created_at": AT,
        "updated_at": AT,
        "line_items": list(lines) or [line()],
        "payments": [{"id": "paid", "amount": amount, "date": AT, "type": {"name": "EFTPOS"}}],
        "totals": {"price": price, "tax": tax, "price_incl_tax": price + tax},
        "return": {"is_return": False, "return_sale_ids": []},
        "source": {"outlet_id": "O1", "type": "USER", "author": {"id": "U1"}},
        **extra,
    }
