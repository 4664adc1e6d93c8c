"""From Odoo's order, with its lines and payments, to the canonical order. Pure functions.

How Odoo's figures become the canonical ones:

* amounts are floats that Odoo rounded to the currency, so they are rounded to it again;
* `price_subtotal` is what a line costs after its discount and without tax. A discount is a
  percentage; what it took off is worked out from the unit price;
* a reward and a discount on the whole basket are lines of their own with a negative price:
  here they are lines that cost nothing and discount something;
* a tip is a line too, of the till's tip product: here it is no line, but the order's tip;
* change is a negative payment: here it makes the payment smaller that it was given for;
* a refund is an order of its own with negative quantities, amounts and payments.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from tap_pos import records
from tap_pos.errors import Unmappable
from tap_pos.vendors.money import rounded_minor_units
from tap_pos.vendors.odoo.api import moment, optional_moment
from tap_pos.vendors.odoo.wire import label, linked, linked_id, words
from tap_pos.windows import business_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import time
    from zoneinfo import ZoneInfo

    from tap_pos.vendors.odoo import wire

Method = Literal["card", "cash", "gift_card", "wallet", "bank", "other"]

_STATES: dict[str, Literal["open", "completed", "cancelled"]] = {
    "draft": "open",
    "cancel": "cancelled",
    "paid": "completed",
    "done": "completed",
    "invoiced": "completed",
}
_MOST_DECIMALS = Decimal("0.000001")
_WHOLE = Decimal(100)


@dataclass(frozen=True)
class ShopFacts:
    """What an order's record needs to know about its shop.

    Attributes:
        id: The shop.
        day_starts_at: Wall-clock time at which a trading day begins.
        zones: Time zone of each till.
        currencies: Currency of each till.
        fallback_zone: Time zone of a till that is not known.
        fallback_currency: Currency of a till that is not known.
        tips: Products that stand for a tip.
        discounts: Products that stand for a discount on the whole basket.
    """

    id: str
    day_starts_at: time
    zones: Mapping[int, ZoneInfo]
    currencies: Mapping[int, str]
    fallback_zone: ZoneInfo
    fallback_currency: str | None
    tips: frozenset[int]
    discounts: frozenset[int]


@dataclass(frozen=True)
class Basket:
    """An order with everything its record is made of.

    Attributes:
        order: The order.
        lines: Its lines.
        payments: Its payments.
        sources: The order of each line that may be taken back.
        methods: All ways to pay.
        employee_id: Who served.
    """

    order: wire.Order
    lines: Sequence[wire.Line]
    payments: Sequence[wire.Payment]
    sources: Mapping[int, str]
    methods: Mapping[int, wire.Method]
    employee_id: str | None


def order_of(shop: ShopFacts, basket: Basket) -> records.Order:
    """Map an order.

    Args:
        shop: Facts about the shop.
        basket: The order with its lines and payments.

    Raises:
        Unmappable: If it breaks Odoo's own rules.
    """
    order, till = basket.order, linked(basket.order.config_id) or 0
    if (state := _STATES.get(words(order.state) or "")) is None:
        raise Unmappable("state is none that Odoo 17 has")
    currency = shop.currencies.get(till) or shop.fallback_currency
    if currency is None:
        raise Unmappable("no currency is known of its till: set currency")
    tips = [line for line in basket.lines if linked(line.product_id) in shop.tips]
    goods = [line for line in basket.lines if linked(line.product_id) not in shop.tips]
    lines = [_line(line, currency, shop.discounts) for line in goods]
    tip_tax = sum(_tax(line, currency) for line in tips)
    created_at = moment(order.date_order, "date_order")
    return records.Order(
        shop_id=shop.id,
        id=order.id,
        location_id=linked_id(order.config_id),
        customer_id=linked_id(order.partner_id),
        employee_id=basket.employee_id,
        state=state,
        receipt_number=words(order.pos_reference) or words(order.name),
        currency=currency,
        created_at=created_at,
        updated_at=_last_written(basket),
        closed_at=created_at if state == "completed" else None,
        business_date=business_date(
            created_at, shop.zones.get(till, shop.fallback_zone), shop.day_starts_at
        ),
        gross=sum(line.gross for line in lines),
        discount=sum(line.discount for line in lines),
        tax=rounded_minor_units(order.amount_tax, currency) - tip_tax,
        tip=sum(rounded_minor_units(line.price_subtotal_incl, currency) for line in tips),
        net=sum(line.net for line in lines),
        total=rounded_minor_units(order.amount_total, currency),
        lines=lines,
        payments=_payments(basket, currency, state),
        returns=list(_links(goods, basket.sources)),
    )


def _line(line: wire.Line, currency: str, discounts: frozenset[int]) -> records.OrderLine:
    net = rounded_minor_units(line.price_subtotal, currency)
    taken_off = line.is_reward_line or linked(line.product_id) in discounts
    gross = 0 if taken_off else _gross(line, net, currency)
    back = line.qty < 0
    price = rounded_minor_units(line.price_unit, currency)
    return records.OrderLine(
        id=line.id,
        kind="return" if back else "sale",
        product_id=linked_id(line.product_id),
        name=words(line.full_product_name) or label(line.product_id),
        quantity=_quantity(abs(line.qty)),
        unit_price=-price if back else price,
        gross=gross,
        discount=gross - net,
        tax=_tax(line, currency),
        net=net,
        unit_cost=_unit_cost(line, currency),
    )


def _gross(line: wire.Line, net: int, currency: str) -> int:
    """Work out what a line would cost without its discount, and without tax.

    Whether a unit price holds the tax is a matter of the tax; the line's own sums show it. Of
    a line given away for nothing they don't: its gross is the price on the tag.
    """
    if not line.discount:
        return net
    listed = line.price_unit * line.qty
    paid = rounded_minor_units(listed * (_WHOLE - line.discount) / _WHOLE, currency)
    if paid == net or not line.price_subtotal_incl:
        return rounded_minor_units(listed, currency)
    return rounded_minor_units(listed * line.price_subtotal / line.price_subtotal_incl, currency)


def _tax(line: wire.Line, currency: str) -> int:
    with_tax = rounded_minor_units(line.price_subtotal_incl, currency)
    return with_tax - rounded_minor_units(line.price_subtotal, currency)


def _unit_cost(line: wire.Line, currency: str) -> int | None:
    if line.total_cost is None or not line.is_total_cost_computed or not line.qty:
        return None
    return rounded_minor_units(line.total_cost / line.qty, currency)


def _quantity(quantity: Decimal) -> str:
    """Write a float without the dust of binary fractions.

    >>> _quantity(Decimal("0.30000000000000004")), _quantity(Decimal("20.0"))
    ('0.3', '20')
    """
    return f"{quantity.quantize(_MOST_DECIMALS).normalize():f}"


def _links(lines: Sequence[wire.Line], sources: Mapping[int, str]) -> Iterator[records.ReturnLink]:
    for line in lines:
        if line.qty < 0:
            source = linked(line.refunded_orderline_id)
            order_id = sources.get(source) if source else None
            yield records.ReturnLink(
                line_id=line.id,
                source_order_id=order_id,
                source_line_id=str(source) if order_id else None,
            )


def _payments(
    basket: Basket, currency: str, state: Literal["open", "completed", "cancelled"]
) -> list[records.Payment]:
    """Map the payments, each less the change that was given for it."""
    amounts = {row.key: rounded_minor_units(row.amount, currency) for row in basket.payments}
    for change in (row for row in basket.payments if row.is_change):
        for row in basket.payments:
            same = row.payment_method_id == change.payment_method_id and not row.is_change
            if same and amounts[row.key] >= -amounts[change.key]:
                amounts[row.key] += amounts.pop(change.key)
                break
    return [
        _payment(row, amounts[row.key], basket.methods, state)
        for row in sorted(basket.payments, key=_by_time)
        if row.key in amounts
    ]


def _payment(
    row: wire.Payment,
    amount: int,
    methods: Mapping[int, wire.Method],
    state: Literal["open", "completed", "cancelled"],
) -> records.Payment:
    states: dict[str, Literal["pending", "completed", "cancelled"]] = {
        "open": "pending",
        "completed": "completed",
        "cancelled": "cancelled",
    }
    return records.Payment(
        id=row.id,
        kind="refund" if amount < 0 and not row.is_change else "payment",
        method=_method(row, methods),
        state="cancelled" if words(row.payment_status) == "reversed" else states[state],
        amount=amount,
        created_at=optional_moment(row.payment_date, "payment_date"),
        updated_at=optional_moment(row.write_date, "write_date"),
    )


def _method(row: wire.Payment, methods: Mapping[int, wire.Method]) -> Method:
    """Tell how money moved.

    A way to pay that books to the bank without a terminal may be a card machine of its own or
    a transfer; Odoo knows only the bank.
    """
    method = methods.get(linked(row.payment_method_id) or 0)
    if method is not None and (method.is_cash_count or method.type == "cash"):
        return "cash"
    if words(row.card_type) or (method is not None and words(method.use_payment_terminal)):
        return "card"
    return "bank" if method is not None and method.type == "bank" else "other"


def _last_written(basket: Basket) -> str:
    """Tell when an order, a line or a payment of it was last written."""
    rows: list[wire.Dated] = [basket.order, *basket.lines, *basket.payments]
    written = [found for row in rows if (found := optional_moment(row.write_date, "write_date"))]
    return max(written, default=moment(basket.order.date_order, "date_order"))


def _by_time(row: wire.Payment) -> tuple[str, int]:
    return words(row.payment_date) or "", row.key
