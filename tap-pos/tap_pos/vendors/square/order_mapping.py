"""From Square's order, with its payments and refunds, to the canonical order. Pure functions.

How Square's figures become the canonical ones:

* a return is an order of its own, whose `returns[]` hold the lines; their amounts turn
  negative here, their quantities stay positive. An exchange has both kinds of lines;
* Square's `gross_sales_money` already includes modifiers and leaves out inclusive tax;
* `net_amounts` is sale minus return; where Square leaves it out, it is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Literal

from tap_pos import records
from tap_pos.errors import Unmappable
from tap_pos.vendors.square import wire
from tap_pos.vendors.square.payment_mapping import payment_of, refund_of
from tap_pos.vendors.texts import instant, quantity, required_instant, text, with_variant
from tap_pos.windows import business_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import time
    from zoneinfo import ZoneInfo

_STATES: dict[str, Literal["open", "completed", "cancelled"]] = {
    "OPEN": "open",
    "DRAFT": "open",
    "COMPLETED": "completed",
    "CANCELED": "cancelled",
}
_ONLINE_PRODUCTS = {"ONLINE_STORE", "ECOMMERCE_API"}
_ONLINE_FULFILLMENTS = {"PICKUP", "SHIPMENT", "DELIVERY"}


@dataclass(frozen=True)
class ShopFacts:
    """What an order's record needs to know about its shop.

    Attributes:
        id: The shop.
        day_starts_at: Wall-clock time at which a trading day begins.
        keep_fingerprints: Whether card fingerprints may leave this tap.
        zones: Time zone of each location.
        currencies: Currency of each location.
    """

    id: str
    day_starts_at: time
    keep_fingerprints: bool
    zones: Mapping[str, ZoneInfo]
    currencies: Mapping[str, str]
    fallback_zone: ZoneInfo


def order_of(
    shop: ShopFacts,
    order: wire.Order,
    payments: Sequence[wire.Payment],
    refunds: Sequence[wire.Refund],
) -> records.Order:
    """Map an order with everything that was paid for it and given back through it.

    Args:
        shop: Facts about the shop.
        order: The order.
        payments: All its payments.
        refunds: All refunds that belong to it.

    Raises:
        Unmappable: If the order breaks Square's own rules.
    """
    if (state := _STATES.get(order.state or "")) is None:
        raise Unmappable("state is none that Square documents")
    lines = [*_sale_lines(order), *_return_lines(order)]
    gross = sum(line.gross for line in lines)
    discount = sum(line.discount for line in lines)
    created_at = required_instant(order.created_at, "created_at")
    closed_at = instant(order.closed_at)
    location_id = order.location_id or ""
    return records.Order(
        shop_id=shop.id,
        id=order.id,
        location_id=text(order.location_id),
        customer_id=_customer_id(order, payments),
        employee_id=_employee_id(payments, refunds),
        channel="online" if _is_online(order, payments) else "store",
        state=state,
        receipt_number=_first(payment.receipt_number for payment in payments),
        currency=_currency(shop, order),
        created_at=created_at,
        updated_at=required_instant(order.updated_at or order.created_at, "updated_at"),
        closed_at=closed_at,
        business_date=business_date(
            closed_at or created_at,
            shop.zones.get(location_id, shop.fallback_zone),
            shop.day_starts_at,
        ),
        gross=gross,
        discount=discount,
        net=gross - discount,
        **_totals(order),
        lines=lines,
        payments=sorted(
            [
                *(payment_of(payment, shop.keep_fingerprints) for payment in payments),
                *(refund_of(refund) for refund in refunds),
            ],
            key=_by_time,
        ),
        returns=list(_links(order)),
    )


def amount(money: wire.Money | None) -> int:
    """Take the minor units of an amount; no amount is no money."""
    return (money.amount or 0) if money is not None else 0


def _sale_lines(order: wire.Order) -> Iterator[records.OrderLine]:
    for position, line in enumerate(order.line_items or ()):
        discount, tax = amount(line.total_discount_money), amount(line.total_tax_money)
        gross = _gross(line.gross_sales_money, line, discount, tax)
        yield records.OrderLine(
            id=line.uid or f"line-{position}",
            product_id=line.catalog_object_id,
            name=with_variant(line.name, line.variation_name),
            quantity=quantity(line.quantity),
            unit_price=None if line.base_price_money is None else line.base_price_money.amount,
            gross=gross,
            discount=discount,
            tax=tax,
            net=gross - discount,
        )


def _return_lines(order: wire.Order) -> Iterator[records.OrderLine]:
    for line_id, _, line in _numbered_returns(order):
        discount, tax = amount(line.total_discount_money), amount(line.total_tax_money)
        gross = _gross(line.gross_return_money, line, discount, tax)
        price = line.base_price_money.amount if line.base_price_money else None
        yield records.OrderLine(
            id=line_id,
            kind="return",
            product_id=line.catalog_object_id,
            name=with_variant(line.name, line.variation_name),
            quantity=quantity(line.quantity),
            unit_price=None if price is None else -price,
            gross=-gross,
            discount=-discount,
            tax=-tax,
            net=discount - gross,
        )


def _links(order: wire.Order) -> Iterator[records.ReturnLink]:
    for line_id, source, line in _numbered_returns(order):
        yield records.ReturnLink(
            line_id=line_id,
            source_order_id=text(source.source_order_id),
            source_line_id=text(line.source_line_item_uid) if source.source_order_id else None,
        )


def _numbered_returns(
    order: wire.Order,
) -> Iterator[tuple[str, wire.OrderReturn, wire.ReturnLineItem]]:
    """List what is taken back, with an id that no line of the order shares."""
    position = 0
    for source in order.returns or ():
        for line in source.return_line_items or ():
            yield line.uid or f"return-{position}", source, line
            position += 1


def _gross(
    stated: wire.Money | None,
    line: wire.LineItem,
    discount: int,
    tax: int,
) -> int:
    """Take a line's gross amount, or work it out where Square leaves it away."""
    if stated is not None and stated.amount is not None:
        return stated.amount
    if line.total_money is not None and line.total_money.amount is not None:
        return line.total_money.amount - tax + discount
    exact = Decimal(quantity(line.quantity)) * amount(line.base_price_money)
    return int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


def _totals(order: wire.Order) -> dict[str, int]:
    """Take the order's own totals: what was sold minus what was taken back."""
    net = order.net_amounts
    if net is not None:
        return {
            "tax": amount(net.tax_money),
            "tip": amount(net.tip_money),
            "service_charge": amount(net.service_charge_money),
            "total": amount(net.total_money),
        }
    back = order.return_amounts or wire.MoneyAmounts()
    service_charge = amount(order.total_service_charge_money) - amount(back.service_charge_money)
    return {
        "tax": amount(order.total_tax_money) - amount(back.tax_money),
        "tip": amount(order.total_tip_money) - amount(back.tip_money),
        "service_charge": service_charge,
        "total": amount(order.total_money) - amount(back.total_money),
    }


def _currency(shop: ShopFacts, order: wire.Order) -> str:
    """Find the order's currency; an order without any amount has its location's."""
    sums = (order.net_amounts and order.net_amounts.total_money, order.total_money)
    found = _first(money.currency for money in sums if money)
    found = found or shop.currencies.get(order.location_id or "")
    if found is None:
        raise Unmappable("no currency is named, nor is the location's known")
    return found


def _customer_id(order: wire.Order, payments: Sequence[wire.Payment]) -> str | None:
    """Find who bought: the order says so, else a tender, else a payment."""
    return (
        text(order.customer_id)
        or _first(tender.customer_id for tender in order.tenders or ())
        or _first(payment.customer_id for payment in payments)
    )


def _employee_id(payments: Sequence[wire.Payment], refunds: Sequence[wire.Refund]) -> str | None:
    """Find who was at the register: whoever took the first payment or gave the first refund."""
    return (
        _first(payment.team_member_id for payment in payments)
        or _first(payment.employee_id for payment in payments)
        or _first(refund.team_member_id for refund in refunds)
    )


def _is_online(order: wire.Order, payments: Sequence[wire.Payment]) -> bool:
    """Tell whether the basket was filled on a web site."""
    if order.source is not None and "online" in (order.source.name or "").casefold():
        return True
    if any(entry.type in _ONLINE_FULFILLMENTS for entry in order.fulfillments or ()):
        return True
    return any(
        payment.application_details is not None
        and payment.application_details.square_product in _ONLINE_PRODUCTS
        for payment in payments
    )


def _by_time(payment: records.Payment) -> tuple[str, str]:
    return payment.created_at or "", payment.id


def _first(values: Iterator[str | None]) -> str | None:
    """Take the first value that says anything."""
    return next((found for value in values if (found := text(value))), None)
