"""From WooCommerce's order and its refunds to the canonical order. Pure functions.

How WooCommerce's figures become the canonical ones:

* lines are stored without tax even where prices include it: `subtotal` is before coupons and
  `total` after them, so `gross` is the subtotals, `discount` what coupons took off, and `tax`
  is always added;
* shipping and surcharges, without their tax, are the `service_charge`;
* WooCommerce computes with as many decimals as the shop sets, so amounts are rounded;
* an order keeps its totals when something is given back. Here the goods given back are lines
  of kind ``return`` in the same order, and all totals are sale minus return. What is refunded
  beside goods (shipping, goodwill) shows in the payments only;
* `closed_at` is the payment, the moment that stays when the order is fulfilled later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from tap_pos import records
from tap_pos.errors import Unmappable
from tap_pos.vendors.money import minor_digits, rounded_minor_units
from tap_pos.vendors.texts import instant, required_instant, text
from tap_pos.vendors.woocommerce.site import LOCATION_ID, name_of
from tap_pos.windows import business_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import time
    from decimal import Decimal

    from tap_pos.vendors.woocommerce import wire

State = Literal["open", "completed", "cancelled"]
PaymentState = Literal["pending", "completed", "failed", "cancelled"]
Method = Literal["card", "cash", "gift_card", "wallet", "bank", "other"]

_STATES: dict[str, State] = {
    "pending": "open",
    "on-hold": "open",
    "auto-draft": "open",
    "checkout-draft": "open",
    # Paid, and not yet shipped: to WooCommerce too this is a sale.
    "processing": "completed",
    "completed": "completed",
    # Sold, and all of it given back.
    "refunded": "completed",
    "failed": "cancelled",
    "cancelled": "cancelled",
    "trash": "cancelled",
}
_UNPAID: dict[str, PaymentState] = {
    "completed": "completed",
    "refunded": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "trash": "cancelled",
}
_METHODS: dict[str, Method] = {
    "cod": "cash",
    "pos_cash": "cash",
    "bacs": "bank",
    "paypal": "wallet",
    "ppcp-gateway": "wallet",
    "stripe": "card",
    "woocommerce_payments": "card",
}
_MADE_AT_A_TILL = {"pos-rest-api"}
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class ShopFacts:
    """What an order's record needs to know about its shop.

    Attributes:
        id: The shop.
        day_starts_at: Wall-clock time at which a trading day begins.
        zone: The site's time zone; None to go by the local times in the order.
    """

    id: str
    day_starts_at: time
    zone: ZoneInfo | None


def order_of(shop: ShopFacts, order: wire.Order, refunds: Sequence[wire.Refund]) -> records.Order:
    """Map an order with everything that was given back for it.

    Args:
        shop: Facts about the shop.
        order: The order.
        refunds: Its refunds in full, as far as there are such.

    Raises:
        Unmappable: If the order breaks WooCommerce's own rules.
    """
    currency = order.currency
    minor_digits(currency)
    sold = [_sale_line(line, currency) for line in order.line_items]
    returned = [(line, _return_line(line, currency)) for line in _returned(refunds)]
    lines = [*sold, *(line for _, line in returned)]
    gross = sum(line.gross for line in lines)
    discount = sum(line.discount for line in lines)
    back_tax = sum(line.tax for _, line in returned)
    back = sum(line.net for _, line in returned) + back_tax
    created_at = required_instant(order.date_created_gmt, "date_created_gmt")
    refunded_at = [required_instant(r.date_created_gmt, "a refund's date") for r in refunds]
    state = _state(order)
    return records.Order(
        shop_id=shop.id,
        id=order.id,
        location_id=LOCATION_ID,
        # Guests have the number 0, and no account.
        customer_id=str(order.customer_id) if order.customer_id else None,
        channel="store" if order.created_via in _MADE_AT_A_TILL else "online",
        state=state,
        receipt_number=text(order.receipt),
        currency=currency,
        created_at=created_at,
        # Refunds made through some gateways leave the order's own time as it was.
        updated_at=max([instant(order.date_modified_gmt) or created_at, *refunded_at]),
        closed_at=instant(_closing(order)[0]) if state == "completed" else None,
        business_date=_business_date(shop, order, state),
        gross=gross,
        discount=discount,
        tax=rounded_minor_units(order.total_tax, currency) + back_tax,
        service_charge=_service_charge(order),
        net=gross - discount,
        total=rounded_minor_units(order.total, currency) + back,
        lines=lines,
        payments=[*_payment(order), *_refunds(order, refunds)],
        returns=[
            records.ReturnLink(
                line_id=line.id, source_order_id=order.id, source_line_id=_source_line(source)
            )
            for source, line in returned
        ],
    )


def _state(order: wire.Order) -> State:
    """Tell what became of an order.

    Plugins add statuses of their own. Of those it is only known whether the order was paid:
    then it is a sale, else it is still open.
    """
    return _STATES.get(order.status) or ("completed" if order.date_paid_gmt else "open")


def _closing(order: wire.Order) -> tuple[str | None, str | None]:
    """Find when an order was paid, else completed, in UTC and on the site's clock."""
    if order.date_paid_gmt:
        return order.date_paid_gmt, order.date_paid
    return order.date_completed_gmt, order.date_completed


def _business_date(shop: ShopFacts, order: wire.Order, state: State) -> str:
    universal, local = order.date_created_gmt, order.date_created
    if state == "completed" and _closing(order)[0]:
        universal, local = _closing(order)[0] or "", _closing(order)[1]
    try:
        if shop.zone is not None:
            return business_date(universal, shop.zone, shop.day_starts_at)
        # The site's own wall clock, written without an offset.
        return business_date(local or universal, _UTC, shop.day_starts_at)
    except ValueError:
        raise Unmappable("the order's date is no time") from None


def _service_charge(order: wire.Order) -> int:
    shipping = rounded_minor_units(order.shipping_total, order.currency)
    return shipping + sum(rounded_minor_units(fee.total, order.currency) for fee in order.fee_lines)


def _sale_line(line: wire.Line, currency: str) -> records.OrderLine:
    gross = rounded_minor_units(line.subtotal, currency)
    net = rounded_minor_units(line.total, currency)
    each = line.subtotal / line.quantity if line.quantity else None
    return records.OrderLine(
        id=line.id,
        product_id=_product_id(line),
        name=name_of(line.name),
        quantity=_plain(line.quantity),
        # WooCommerce's own `price` is what is left after coupons.
        unit_price=None if each is None else rounded_minor_units(each, currency),
        gross=gross,
        discount=gross - net,
        tax=_tax(line, currency),
        net=net,
    )


def _return_line(line: wire.Line, currency: str) -> records.OrderLine:
    """Map what came back: WooCommerce writes quantity and amounts negative."""
    net = rounded_minor_units(line.total, currency)
    each = line.total / abs(line.quantity) if line.quantity else None
    return records.OrderLine(
        id=line.id,
        kind="return",
        product_id=_product_id(line),
        name=name_of(line.name),
        quantity=_plain(abs(line.quantity)),
        unit_price=None if each is None else rounded_minor_units(each, currency),
        gross=net,
        tax=_tax(line, currency),
        net=net,
    )


def _returned(refunds: Sequence[wire.Refund]) -> Iterator[wire.Line]:
    for refund in refunds:
        yield from refund.line_items or ()


def _source_line(line: wire.Line) -> str | None:
    """Find which line of the sale was given back; only its metadata tells."""
    for meta in line.meta_data or ():
        if meta.key == "_refunded_item_id" and meta.value:
            return str(meta.value)
    return None


def _product_id(line: wire.Line) -> str | None:
    """Name what was sold: the variation, where there is one. Deleted products have no number."""
    number = line.variation_id or line.product_id
    return str(number) if number else None


def _tax(line: wire.Line, currency: str) -> int:
    return rounded_minor_units(line.total_tax, currency) if line.total_tax else 0


def _plain(quantity: Decimal) -> str:
    if not quantity.is_finite():
        raise Unmappable("a quantity is not a decimal number")
    return format(quantity, "f")


def _payment(order: wire.Order) -> Iterator[records.Payment]:
    """Make the one payment of an order; WooCommerce has no records of payments."""
    paid_at = instant(order.date_paid_gmt)
    if paid_at is None and not order.payment_method:
        return
    yield records.Payment(
        id=f"{order.id}-payment",
        method=_method(order),
        state="completed" if paid_at else _UNPAID.get(order.status, "pending"),
        amount=rounded_minor_units(order.total, order.currency),
        created_at=paid_at or required_instant(order.date_created_gmt, "date_created_gmt"),
        updated_at=paid_at,
    )


def _refunds(order: wire.Order, refunds: Sequence[wire.Refund]) -> Iterator[records.Payment]:
    """Map what was paid back. A refund exists only once the money is on its way."""
    for refund in sorted(refunds, key=lambda refund: refund.number):
        refunded_at = instant(refund.date_created_gmt)
        yield records.Payment(
            id=refund.id,
            kind="refund",
            method=_method(order),
            state="completed",
            amount=-rounded_minor_units(refund.amount, order.currency),
            created_at=refunded_at,
            updated_at=refunded_at,
        )
    known = {refund.number for refund in refunds}
    for summary in order.refunds:
        if summary.number not in known:
            yield records.Payment(
                id=summary.id,
                kind="refund",
                method=_method(order),
                state="completed",
                amount=rounded_minor_units(summary.total, order.currency),
            )


def _method(order: wire.Order) -> Method:
    """Tell how an order is paid: of the gateways' names only the common ones are known."""
    return _METHODS.get(order.payment_method or "", "other")
