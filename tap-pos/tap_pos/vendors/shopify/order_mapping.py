"""From Shopify's order to the canonical order. Pure functions.

How Shopify's figures become the canonical ones:

* A sale line is the line as it was bought: Shopify's `quantity` and amounts still hold what
  was refunded or removed later. What was taken back follows as return lines, with negative
  amounts and a link to the line: one per refunded line, and one for units that an edit or a
  return without a refund removed, which Shopify shows only as a smaller `currentQuantity`.
* `gross`, `discount` and `net` are sums over those lines, so they say what is left today.
* Where prices include tax, the tax is taken out of `gross` and `net`: both are always
  without tax, and `net + tax + tip + service_charge = total`.
* `tax` and `total` are Shopify's own `currentTotalTaxSet` and `currentTotalPriceSet`.
* Shopify sells a tip as a line without a product. That line is the order's `tip`, not a sale.
* `service_charge` is what `total` holds beside: shipping, duties, fees, rounding.
* All money is in the shop's currency, whatever the customer saw.
* The trading day is that of `processedAt`: a sale made offline, or imported, is created late.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Literal

from tap_pos import records
from tap_pos.errors import Unmappable
from tap_pos.vendors.money import minor_units
from tap_pos.vendors.shopify.ids import short
from tap_pos.vendors.shopify.payment_mapping import payments_of
from tap_pos.vendors.shopify.products import variant_title
from tap_pos.vendors.texts import instant, required_instant, text, with_variant
from tap_pos.windows import business_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import time
    from zoneinfo import ZoneInfo

    from tap_pos.vendors.shopify import wire

_PAID = {"PAID", "PARTIALLY_REFUNDED", "REFUNDED"}
_POS = "pos"


@dataclass(frozen=True)
class ShopFacts:
    """What an order's record needs to know about its shop.

    Attributes:
        id: The shop.
        zone: Its time zone; Shopify's locations have none of their own.
        day_starts_at: Wall-clock time at which a trading day begins.
    """

    id: str
    zone: ZoneInfo
    day_starts_at: time


@dataclass(frozen=True)
class _Figures:
    """One line's amounts in minor units."""

    unit_price: int
    gross: int
    discount: int
    tax: int


def order_of(shop: ShopFacts, order: wire.Order) -> records.Order:
    """Map an order with everything in it.

    Args:
        shop: Facts about the shop.
        order: The order, all its lines fetched.

    Raises:
        Unmappable: If the order breaks Shopify's own rules.
    """
    currency = order.currency_code
    tip_lines = _tip_lines(order)
    lines, links = _lines(order, tip_lines)
    tip = amount(order.total_tip_received_set, currency) - _returned_tip(order, tip_lines)
    tax = amount(order.current_total_tax_set, currency)
    total = amount(order.current_total_price_set, currency)
    gross, discount = sum(line.gross for line in lines), sum(line.discount for line in lines)
    in_store = order.source_name == _POS or order.retail_location is not None
    return records.Order(
        shop_id=shop.id,
        id=short(order.id),
        location_id=short(order.retail_location.id) if order.retail_location else None,
        customer_id=short(order.customer.id) if order.customer else None,
        employee_id=short(order.staff_member.id) if order.staff_member else None,
        channel="store" if in_store else "online",
        state=_state(order),
        receipt_number=_receipt_number(order),
        currency=currency,
        created_at=required_instant(order.created_at, "createdAt"),
        updated_at=required_instant(order.updated_at, "updatedAt"),
        closed_at=instant(order.closed_at or order.cancelled_at),
        business_date=business_date(
            required_instant(order.processed_at, "processedAt"), shop.zone, shop.day_starts_at
        ),
        gross=gross,
        discount=discount,
        tax=tax,
        tip=tip,
        service_charge=total - (gross - discount) - tax - tip,
        net=gross - discount,
        total=total,
        lines=lines,
        payments=payments_of(order, tip),
        returns=links,
    )


def amount(bag: wire.MoneyBag, currency: str) -> int:
    """Take an amount in the shop's currency, in minor units.

    Raises:
        Unmappable: If it is no amount of that currency.
    """
    return minor_units(bag.shop_money.amount, currency)


def _lines(
    order: wire.Order, tip_lines: set[str]
) -> tuple[list[records.OrderLine], list[records.ReturnLink]]:
    """Map what was sold, then what was taken back, with links between the two."""
    sold = {line.id: line for line in order.line_items.nodes if line.id not in tip_lines}
    figures = {identity: _sold(order, line) for identity, line in sold.items()}
    lines = [
        _line(short(identity), "sale", line, line.quantity, figures[identity])
        for identity, line in sold.items()
    ]
    links = []
    for line_id, source_id, units, back in _taken_back(order, sold, figures, tip_lines):
        lines.append(_line(line_id, "return", sold[source_id], units, back))
        links.append(
            records.ReturnLink(
                line_id=line_id,
                source_order_id=short(order.id),
                source_line_id=short(source_id),
            )
        )
    return lines, links


def _line(
    line_id: str,
    kind: Literal["sale", "return"],
    source: wire.LineItem,
    units: int,
    figures: _Figures,
) -> records.OrderLine:
    return records.OrderLine(
        id=line_id,
        kind=kind,
        product_id=short(source.variant.id) if source.variant else None,
        name=with_variant(source.title, variant_title(source.variant_title)),
        quantity=str(units),
        unit_price=figures.unit_price,
        gross=figures.gross,
        discount=figures.discount,
        tax=figures.tax,
        net=figures.gross - figures.discount,
    )


def _sold(order: wire.Order, line: wire.LineItem) -> _Figures:
    """Work out a line as it was bought."""
    currency = order.currency_code
    unit_price = amount(line.original_unit_price_set, currency)
    tax = sum(amount(entry.price_set, currency) for entry in line.tax_lines)
    return _Figures(
        unit_price=unit_price,
        gross=unit_price * line.quantity - (tax if order.taxes_included else 0),
        discount=sum(
            amount(entry.allocated_amount_set, currency) for entry in line.discount_allocations
        ),
        tax=tax,
    )


def _taken_back(
    order: wire.Order,
    sold: dict[str, wire.LineItem],
    figures: dict[str, _Figures],
    tip_lines: set[str],
) -> Iterator[tuple[str, str, int, _Figures]]:
    """List what was taken back: a line's id, the line it takes back, units and amounts."""
    units: Counter[str] = Counter()
    returned: dict[str, list[_Figures]] = {}
    for refund in order.refunds:
        for position, entry in enumerate(refund.refund_line_items.nodes):
            source_id = entry.line_item.id
            if source_id in tip_lines:
                continue
            if source_id not in sold:
                raise Unmappable("a refund names a line that the order does not have")
            back = _refunded(order, entry, figures[source_id])
            units[source_id] += entry.quantity
            returned.setdefault(source_id, []).append(back)
            own = short(entry.id) if entry.id else f"{short(refund.id)}-{position}"
            yield f"return-{own}", source_id, entry.quantity, back
    for source_id, line in sold.items():
        removed = line.quantity - line.current_quantity - units[source_id]
        if removed > 0:
            back = _removed(line, removed, figures[source_id], returned.get(source_id, ()))
            yield f"removed-{short(source_id)}", source_id, removed, back


def _refunded(order: wire.Order, entry: wire.RefundLineItem, sold: _Figures) -> _Figures:
    """Work out a refunded line; its subtotal is what was paid, so the rest was discount."""
    currency = order.currency_code
    subtotal, tax = amount(entry.subtotal_set, currency), amount(entry.total_tax_set, currency)
    price = sold.unit_price * entry.quantity
    return _Figures(
        unit_price=-sold.unit_price,
        gross=-(price - (tax if order.taxes_included else 0)),
        discount=-(price - subtotal),
        tax=-tax,
    )


def _removed(
    line: wire.LineItem, units: int, sold: _Figures, returned: Sequence[_Figures]
) -> _Figures:
    """Work out units that are gone without a refund: their share of what the line came to.

    If nothing of the line is left, they are all that no refund has taken back.
    """

    def share(whole: int, back: int) -> int:
        if line.current_quantity == 0:
            return -(whole + back)
        exact = Decimal(whole) * units / line.quantity
        return -int(exact.to_integral_value(ROUND_HALF_EVEN))

    return _Figures(
        unit_price=-sold.unit_price,
        gross=share(sold.gross, sum(entry.gross for entry in returned)),
        discount=share(sold.discount, sum(entry.discount for entry in returned)),
        tax=share(sold.tax, sum(entry.tax for entry in returned)),
    )


def _tip_lines(order: wire.Order) -> set[str]:
    """Find the lines that are the tip: untaxed, of no product, and together the whole tip.

    They are named "Tip" in English; in another language only the amount gives one away.
    """
    currency = order.currency_code
    tip = amount(order.total_tip_received_set, currency)
    if not tip:
        return set()
    possible = {
        line.id: amount(line.original_unit_price_set, currency) * line.quantity
        for line in order.line_items.nodes
        if line.product is None and line.variant is None and not line.taxable
    }
    named = {
        line.id
        for line in order.line_items.nodes
        if line.id in possible and line.title.strip().casefold() == "tip"
    }
    if named and sum(possible[identity] for identity in named) == tip:
        return named
    fitting = [identity for identity, price in possible.items() if price == tip]
    return set(fitting[:1])


def _returned_tip(order: wire.Order, tip_lines: set[str]) -> int:
    return sum(
        amount(entry.subtotal_set, order.currency_code)
        for refund in order.refunds
        for entry in refund.refund_line_items.nodes
        if entry.line_item.id in tip_lines
    )


def _state(order: wire.Order) -> Literal["open", "completed", "cancelled"]:
    """Tell how far an order is. One that awaits money, or whose payment lapsed, is open."""
    if order.cancelled_at:
        return "cancelled"
    status = order.display_financial_status
    return "completed" if status in _PAID or (status is None and order.closed_at) else "open"


def _receipt_number(order: wire.Order) -> str | None:
    """Take the number on a register's receipt, else the number the customer was told."""
    receipt = text(order.source_identifier) if order.source_name == _POS else None
    return receipt or text(order.name)
