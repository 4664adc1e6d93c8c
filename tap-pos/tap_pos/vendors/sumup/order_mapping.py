"""From SumUp's transaction to the canonical order. Pure functions.

SumUp is where money is taken, not where baskets are kept, so a transaction is an order of one
payment. How its figures become the canonical ones:

* an amount includes tip and VAT. `net` is what is left without both, so `tax` counts as added;
* products, which only some ways of selling record, become lines. Where their prices come to
  more than the amount, the difference is a discount, spread over them; where they come to
  less, it is a service charge. Without products there is one line for all of it;
* what was paid back, and what a cardholder's bank took back, is told by the transaction's
  events. SumUp does not say for which goods, so lines and totals stay.

SumUp shows no time of change, so `updated_at` is the latest time a transaction tells of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from tap_pos import records
from tap_pos.errors import Unmappable
from tap_pos.vendors.money import minor_units, rounded_minor_units
from tap_pos.vendors.texts import instant, required_instant, text
from tap_pos.windows import business_date

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import time
    from decimal import Decimal

    from tap_pos.vendors.sumup import wire

Method = Literal["card", "cash", "gift_card", "wallet", "bank", "other"]
OrderState = Literal["open", "completed", "cancelled"]
PaymentState = Literal["pending", "completed", "failed", "cancelled"]

GIVEN_BACK = {"REFUND", "CHARGE_BACK"}
_STATES: dict[str, tuple[OrderState, PaymentState]] = {
    "PENDING": ("open", "pending"),
    "SUCCESSFUL": ("completed", "completed"),
    # In full or in part: what was sold and paid remains so.
    "REFUNDED": ("completed", "completed"),
    "CHARGE_BACK": ("completed", "completed"),
    "CANCELLED": ("cancelled", "cancelled"),
    "FAILED": ("cancelled", "failed"),
}
_EVENT_STATES: dict[str, PaymentState] = {
    "PENDING": "pending",
    "SCHEDULED": "pending",
    "RECONCILED": "completed",
    "PAID_OUT": "completed",
    "REFUNDED": "completed",
    "SUCCESSFUL": "completed",
    "FAILED": "failed",
}
_METHODS: dict[str, Method] = {
    "CASH": "cash",
    "POS": "card",
    "ECOM": "card",
    "RECURRING": "card",
    "MOTO": "card",
    "BALANCE": "wallet",
    "BOLETO": "bank",
    "DIRECT_DEBIT": "bank",
}
_WALLETS = {"APPLE_PAY", "GOOGLE_PAY", "PAYPAL", "TWINT"}
_AT_THE_TILL = {"POS", "CASH"}
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class ShopFacts:
    """What an order's record needs to know about its shop.

    Attributes:
        id: The shop.
        merchant: The merchant's code, which is the location.
        day_starts_at: Wall-clock time at which a trading day begins.
        zone: The shop's time zone, for transactions that don't tell their local time.
    """

    id: str
    merchant: str
    day_starts_at: time
    zone: ZoneInfo


def order_of(shop: ShopFacts, paid: wire.Transaction, kind: str) -> records.Order:
    """Map a transaction with everything that was given back for it.

    Args:
        shop: Facts about the shop.
        paid: The transaction.
        kind: What the history calls it: ``PAYMENT``, or one of `GIVEN_BACK` for money given
            back that belongs to no payment.

    Raises:
        Unmappable: If it breaks SumUp's own rules.
    """
    if (states := _STATES.get(paid.status)) is None:
        raise Unmappable("status is none that SumUp documents")
    created_at = required_instant(paid.timestamp, "timestamp")
    refunds = list(_refunds(paid))
    is_alone = kind in GIVEN_BACK and not refunds
    if paid.status == "REFUNDED" and not refunds and not is_alone:
        raise Unmappable("it was refunded, but none of its events says how much")
    state, payment_state = states
    amounts = _Amounts.alone(paid) if is_alone else _Amounts.of(paid)
    money = records.Payment(
        id=paid.id,
        kind="refund" if is_alone else "payment",
        method=_method(paid),
        state=payment_state,
        amount=amounts.total,
        tip=amounts.tip,
        created_at=created_at,
        updated_at=created_at,
    )
    times = [created_at, *(refund.created_at for refund in refunds if refund.created_at)]
    return records.Order(
        shop_id=shop.id,
        id=paid.id,
        location_id=shop.merchant,
        channel="store" if paid.payment_type in _AT_THE_TILL else "online",
        state=state,
        receipt_number=text(paid.transaction_code),
        currency=paid.currency,
        created_at=created_at,
        updated_at=max(times),
        closed_at=created_at if state == "completed" else None,
        business_date=_business_date(shop, paid, created_at),
        gross=sum(line.gross for line in amounts.lines),
        discount=sum(line.discount for line in amounts.lines),
        tax=amounts.tax,
        tip=amounts.tip,
        service_charge=amounts.service_charge,
        net=sum(line.net for line in amounts.lines),
        total=amounts.total,
        lines=amounts.lines,
        payments=[money, *refunds],
        returns=[records.ReturnLink(line_id=line.id) for line in amounts.lines if is_alone],
    )


@dataclass(frozen=True)
class _Amounts:
    """What a transaction comes to, in minor units."""

    total: int
    tip: int
    tax: int
    service_charge: int
    lines: list[records.OrderLine]

    @classmethod
    def of(cls, paid: wire.Transaction) -> _Amounts:
        """Split a payment into its parts."""
        currency = paid.currency
        total, tip = minor_units(paid.amount, currency), _units(paid.tip_amount, currency)
        products = paid.products or []
        vat = [_units(product.vat_amount, currency) for product in products]
        tax = sum(vat) if paid.vat_amount is None else _units(paid.vat_amount, currency)
        net = total - tip - tax
        if not products:
            return cls(total, tip, tax, 0, [_only_line(paid, net, tax)])
        prices = [_price(product, currency) for product in products]
        discounts = _spread(max(sum(prices) - net, 0), prices)
        lines = [
            records.OrderLine(
                id=str(number),
                name=text(product.name),
                quantity=format(_quantity(product), "f"),
                unit_price=None if product.price is None else _units(product.price, currency),
                gross=price,
                discount=discount,
                tax=line_tax,
                net=price - discount,
            )
            for number, (product, price, discount, line_tax) in enumerate(
                zip(products, prices, discounts, vat, strict=True), 1
            )
        ]
        return cls(total, tip, tax, max(net - sum(prices), 0), lines)

    @classmethod
    def alone(cls, paid: wire.Transaction) -> _Amounts:
        """Read money given back that belongs to no payment: all of it is negative."""
        total = -abs(minor_units(paid.amount, paid.currency))
        tax = -abs(_units(paid.vat_amount, paid.currency))
        return cls(total, 0, tax, 0, [_only_line(paid, total - tax, tax, kind="return")])


def _only_line(
    paid: wire.Transaction, net: int, tax: int, kind: Literal["sale", "return"] = "sale"
) -> records.OrderLine:
    """Make the line of a transaction that names no products."""
    return records.OrderLine(
        id="1",
        kind=kind,
        name=text(paid.product_summary),
        quantity="1",
        unit_price=net,
        gross=net,
        tax=tax,
        net=net,
    )


def _refunds(paid: wire.Transaction) -> Iterator[records.Payment]:
    """Map what was given back: SumUp lists it twice, in full and in short."""
    found = {
        event.id: (event.status, event.amount, event.timestamp)
        for event in paid.events or ()
        if event.type in GIVEN_BACK
    }
    for event in paid.transaction_events or ():
        if event.event_type in GIVEN_BACK:
            found[event.id] = (event.status, event.amount, event.timestamp)
    for identity, (status, amount, timestamp) in sorted(found.items(), key=lambda e: e[0] or 0):
        state = _EVENT_STATES.get(status or "")
        if identity is None or amount is None or state is None:
            raise Unmappable("one of its refunds has no id, no amount or an unknown status")
        at = instant(timestamp)
        yield records.Payment(
            id=str(identity),
            kind="refund",
            method=_method(paid),
            state=state,
            amount=-abs(minor_units(amount, paid.currency)),
            created_at=at,
            updated_at=at,
        )


def _business_date(shop: ShopFacts, paid: wire.Transaction, created_at: str) -> str:
    """Tell the trading day by the transaction's own wall clock, where it shows one."""
    if paid.local_time:
        try:
            return business_date(paid.local_time[:19], _UTC, shop.day_starts_at)
        except ValueError:
            raise Unmappable("local_time is not an RFC 3339 time") from None
    return business_date(created_at, shop.zone, shop.day_starts_at)


def _method(paid: wire.Transaction) -> Method:
    if paid.entry_mode in _WALLETS:
        return "wallet"
    return _METHODS.get(paid.payment_type or "", "other")


def _price(product: wire.Product, currency: str) -> int:
    """Tell what all pieces of a product cost without VAT."""
    if product.total_price is not None:
        return _units(product.total_price, currency)
    return 0 if product.price is None else _units(product.price * _quantity(product), currency)


def _quantity(product: wire.Product) -> Decimal:
    if product.quantity is None or not product.quantity.is_finite():
        raise Unmappable("a quantity is not a decimal number")
    return product.quantity


def _units(amount: Decimal | None, currency: str) -> int:
    """Read an amount that SumUp computed, in binary and with more digits than there are coins."""
    return 0 if amount is None else rounded_minor_units(amount, currency)


def _spread(amount: int, weights: Sequence[int]) -> list[int]:
    """Divide an amount by weights so that not a penny is lost."""
    shares, left, weight_left = [], amount, sum(weights)
    for weight in weights:
        share = left * weight // weight_left if weight_left else left
        shares.append(share)
        left, weight_left = left - share, weight_left - weight
    return shares
