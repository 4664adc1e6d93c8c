"""From Lightspeed X-Series' sale to the canonical order. Pure functions.

How Lightspeed's figures become the canonical ones:

* a line's price and total are without tax and after its own discount, which is stated beside
  them "for reporting". Should the lines only add up to the sale's own price before their
  discounts, they are read that way instead;
* a discount on the whole sale is a line of its own, of a product that every account has for
  the purpose, with a negative total. It becomes a line with a discount and no gross;
* a return is a sale of its own that names the sale it takes back, not the lines; its lines
  have negative quantities and totals. An exchange has both kinds of lines;
* whether the totals include surcharges and an online shop's charges is not documented, so
  what was paid decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tap_pos import records
from tap_pos.errors import Unmappable
from tap_pos.vendors.lightspeed_x import wire
from tap_pos.vendors.lightspeed_x.amounts import ZERO, apportioned, exact, minor
from tap_pos.vendors.lightspeed_x.payments import payment_of
from tap_pos.vendors.texts import required_instant, text
from tap_pos.windows import business_date

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import time
    from decimal import Decimal
    from zoneinfo import ZoneInfo

_STATES: dict[str, Literal["open", "completed", "cancelled"]] = {
    "parked": "open",
    # Laid by, on account, or not yet handed over: `attributes` says which.
    "pending": "open",
    "closed": "completed",
    "voided": "cancelled",
}
_ONLINE = ("shopify", "woo", "bigcommerce", "magento", "ecwid", "ecom", "online", "webstore")


@dataclass(frozen=True)
class ShopFacts:
    """What an order's record needs to know about its shop.

    Attributes:
        id: The shop.
        day_starts_at: Wall-clock time at which a trading day begins.
        zones: Time zone of each outlet.
        currencies: Currency of each outlet.
        fallback_zone: Time zone of whatever has no outlet.
        fallback_currency: Currency of whatever has no outlet.
        discount_product_id: The product whose lines are discounts on a whole sale.
    """

    id: str
    day_starts_at: time
    zones: Mapping[str, ZoneInfo]
    currencies: Mapping[str, str]
    fallback_zone: ZoneInfo
    fallback_currency: str | None
    discount_product_id: str | None


@dataclass(frozen=True)
class _Line:
    """A line before rounding."""

    source: wire.Line
    quantity: Decimal
    net: Decimal
    discount: Decimal
    tax: Decimal
    kind: Literal["sale", "return", "discount"]


def is_older_shape(sale: wire.Sale) -> bool:
    """Tell whether a sale is not in the shape of 2026-07."""
    return sale.totals is None or sale.state is None or isinstance(sale.source, str)


def order_of(shop: ShopFacts, sale: wire.Sale) -> records.Order:
    """Map a sale with its lines, payments and returns.

    Raises:
        Unmappable: If the sale breaks Lightspeed's own rules.
    """
    state = "cancelled" if sale.deleted_at else _STATES.get(sale.state or "")
    if state is None:
        raise Unmappable("state is none that Lightspeed documents")
    source = sale.source if isinstance(sale.source, wire.Source) else wire.Source()
    outlet_id = text(source.outlet_id)
    currency = shop.currencies.get(outlet_id or "") or shop.fallback_currency
    if currency is None:
        raise Unmappable("the currency of its outlet is not known")
    created_at = required_instant(sale.date or sale.created_at, "date")
    payments = [
        payment_of(payment, position, currency, sale_is_void=state == "cancelled")
        for position, payment in enumerate(sale.payments or ())
    ]
    exact_lines = _lines(shop, sale)
    lines = _rounded(exact_lines, currency)
    gross, discount = sum(line.gross for line in lines), sum(line.discount for line in lines)
    return records.Order(
        shop_id=shop.id,
        id=sale.id,
        location_id=outlet_id,
        customer_id=text(sale.customer_id),
        employee_id=text(source.author.id) if source.author else None,
        channel="online" if _is_online(sale, source) else "store",
        state=state,
        receipt_number=text(sale.receipt_number) or text(sale.invoice_number),
        currency=currency,
        created_at=created_at,
        updated_at=required_instant(sale.updated_at, "updated_at"),
        closed_at=None if state == "open" else created_at,
        business_date=business_date(
            created_at, shop.zones.get(outlet_id or "", shop.fallback_zone), shop.day_starts_at
        ),
        gross=gross,
        discount=discount,
        net=gross - discount,
        **_totals(sale, lines, payments, currency),
        lines=lines,
        payments=sorted(payments, key=lambda paid: (paid.created_at or "", paid.id)),
        returns=[
            records.ReturnLink(
                line_id=line.id,
                source_order_id=text(sale.returned.original_sale_id) if sale.returned else None,
            )
            for line in lines
            if line.kind == "return"
        ],
    )


def _lines(shop: ShopFacts, sale: wire.Sale) -> list[_Line]:
    """Read the lines' amounts as they add up to the sale's price."""
    lines = [_line(shop, line) for line in sale.line_items or ()]
    price = exact(sale.totals.price) if sale.totals else ZERO
    net = sum((line.net for line in lines), ZERO)
    before = sum((line.discount for line in lines if line.kind != "discount"), ZERO)
    if sale.returned and sale.returned.is_return and net * price < 0:
        raise Unmappable("the lines and the totals of a return have opposite signs")
    if before and net != price and net - before == price:
        return [
            line
            if line.kind == "discount"
            else _Line(
                line.source,
                line.quantity,
                line.net - line.discount,
                line.discount,
                line.tax,
                line.kind,
            )
            for line in lines
        ]
    return lines


def _line(shop: ShopFacts, line: wire.Line) -> _Line:
    pricing, quantity = line.pricing or wire.Pricing(), line.quantity
    if quantity is None:
        raise Unmappable("a line has no quantity")
    if pricing.total is None and pricing.price is None:
        raise Unmappable("a line has no price")
    total = exact(pricing.price) * quantity if pricing.total is None else exact(pricing.total)
    tax = exact(line.tax.total) if line.tax else ZERO
    product_id = line.product.id if line.product else None
    if product_id and product_id == shop.discount_product_id:
        return _Line(line, quantity, total, -total, tax, "discount")
    is_return = quantity < 0 or bool(line.returned and line.returned.is_return)
    return _Line(
        line,
        quantity,
        total,
        exact(pricing.discount_total),
        tax,
        "return" if is_return else "sale",
    )


def _rounded(lines: Sequence[_Line], currency: str) -> list[records.OrderLine]:
    """Round the lines so that they add up to the rounded sums."""
    nets = apportioned((line.net for line in lines), currency)
    discounts = apportioned((line.discount for line in lines), currency)
    taxes = apportioned((line.tax for line in lines), currency)
    return [
        records.OrderLine(
            id=line.source.id or f"line-{position}",
            kind="return" if line.kind == "return" else "sale",
            product_id=line.source.product.id if line.source.product else None,
            quantity=f"{abs(line.quantity).normalize():f}",
            unit_price=_unit_price(line, currency),
            gross=net + discount,
            discount=discount,
            tax=tax,
            net=net,
            unit_cost=_unit_cost(line, currency),
        )
        for position, (line, net, discount, tax) in enumerate(
            zip(lines, nets, discounts, taxes, strict=True)
        )
    ]


def _unit_price(line: _Line, currency: str) -> int | None:
    """Take the price of one before its discount; negative in a return, as all its amounts."""
    if line.kind == "discount" or not line.quantity:
        return None
    price = (line.net + line.discount) / abs(line.quantity)
    return minor(price, currency)


def _unit_cost(line: _Line, currency: str) -> int | None:
    cost = line.source.pricing.cost if line.source.pricing else None
    return None if cost is None or line.kind == "discount" else minor(cost, currency)


def _totals(
    sale: wire.Sale,
    lines: Sequence[records.OrderLine],
    payments: Sequence[records.Payment],
    currency: str,
) -> dict[str, int]:
    """Take the sale's own totals; for what they leave open, what was paid decides."""
    totals = sale.totals or wire.Totals()
    by_kind: dict[str, Decimal] = {}
    for adjustment in sale.adjustments or ():
        kind = (adjustment.adjustment_type or "").upper()
        by_kind[kind] = by_kind.get(kind, ZERO) + exact(adjustment.total)
    tip = minor(by_kind.get("TIP"), currency)
    surcharge = exact(totals.surcharge) or by_kind.get("SURCHARGE", ZERO)
    fees = minor(surcharge + by_kind.get("NON_CASH_FEE", ZERO), currency)
    charges = sale.ecom_custom_charges or ()
    delivery = minor(sum((exact(charge.total) for charge in charges), ZERO), currency)
    delivery_incl = minor(
        sum((exact(c.total if c.total_incl is None else c.total_incl) for c in charges), ZERO),
        currency,
    )
    stated = totals.price_incl_tax
    if stated is None:
        stated = exact(totals.price) + exact(totals.tax)
    total = minor(stated, currency)
    paid = sum(payment.amount for payment in payments if payment.state == "completed")
    readings = (
        total,
        total + tip + fees,
        total + delivery_incl,
        total + tip + fees + delivery_incl,
    )
    return {
        "tax": sum(line.tax for line in lines)
        if totals.tax is None
        else minor(totals.tax, currency),
        "tip": tip,
        "service_charge": fees + delivery,
        "total": next((reading for reading in readings if reading == paid), total),
    }


def _is_online(sale: wire.Sale, source: wire.Source) -> bool:
    """Tell whether the basket was filled on a web site."""
    named = (source.type or "").casefold()
    return bool(sale.ecom_custom_charges) or any(word in named for word in _ONLINE)
