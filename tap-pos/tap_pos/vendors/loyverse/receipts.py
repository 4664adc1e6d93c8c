"""From Loyverse's receipts to canonical orders. Pure functions.

How Loyverse's figures become the canonical ones:

* a refund is a receipt of its own that names the receipt it takes back, not its lines. All its
  amounts become negative, whatever sign they come with;
* `gross_total_money` of a line is before discounts, with its modifiers and with the taxes that
  are included in prices. Net sales hold no tax at all, so these are taken out;
* a discount on the whole receipt need not be in its lines: the receipt's own figure counts;
* `receipt_date` is when the till made the sale, `created_at` when it was sent in;
* whether the total holds tip and surcharge is not documented, so what was paid decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from tap_pos import records
from tap_pos.errors import Unmappable
from tap_pos.vendors.money import rounded_minor_units
from tap_pos.vendors.texts import instant, required_instant, text, with_variant
from tap_pos.windows import business_date

if TYPE_CHECKING:
    from datetime import time
    from zoneinfo import ZoneInfo

    from tap_pos.vendors.loyverse import wire

Method = Literal["card", "cash", "gift_card", "wallet", "bank", "other"]

_KINDS: dict[str, int] = {"SALE": 1, "REFUND": -1}
_CARDS = ("CARD", "WORLDPAY", "SUMUP", "ZETTLE", "IZETTLE", "YOCO", "TYRO", "NETS", "STRIPE")
_WORDS: tuple[tuple[Method, tuple[str, ...]], ...] = (
    ("gift_card", ("gift",)),
    ("wallet", ("apple pay", "google pay", "paypal", "wallet", "alipay", "wechat")),
    ("bank", ("bank", "transfer", "cheque", "check")),
    ("card", ("card", "visa", "mastercard", "debit", "credit")),
    ("cash", ("cash",)),
)
# Far below any coin, far above the noise of adding doubles.
_FINEST = Decimal("1E-9")


@dataclass(frozen=True)
class ShopFacts:
    """What an order's record needs to know about its shop.

    Attributes:
        id: The shop.
        currency: ISO 4217.
        zone: The shop's time zone; stores have none of their own.
        day_starts_at: Wall-clock time at which a trading day begins.
    """

    id: str
    currency: str
    zone: ZoneInfo
    day_starts_at: time

    def minor(self, amount: Decimal | None) -> int:
        """Round an amount to minor units; no amount is no money."""
        tidy = Decimal(0) if amount is None else amount.quantize(_FINEST)
        return rounded_minor_units(tidy, self.currency)


def order_of(shop: ShopFacts, receipt: wire.Receipt) -> records.Order:
    """Map a receipt.

    Raises:
        Unmappable: If the receipt breaks Loyverse's own rules.
    """
    if (sign := _KINDS.get(receipt.receipt_type or "")) is None:
        raise Unmappable("receipt_type is neither SALE nor REFUND")
    made_at = required_instant(receipt.receipt_date or receipt.created_at, "receipt_date")
    lines = [
        _line(shop, line, position, sign) for position, line in enumerate(receipt.line_items or ())
    ]
    payments = [
        _payment(shop, receipt, position, sign) for position in range(len(receipt.payments or ()))
    ]
    gross = sum(line.gross for line in lines)
    discount = sum(line.discount for line in lines)
    if receipt.total_discount is not None:
        discount = sign * abs(shop.minor(receipt.total_discount))
    tip, surcharge = (sign * abs(shop.minor(amount)) for amount in (receipt.tip, receipt.surcharge))
    return records.Order(
        shop_id=shop.id,
        id=receipt.id,
        location_id=text(receipt.store_id),
        customer_id=text(receipt.customer_id),
        employee_id=text(receipt.employee_id),
        state="cancelled" if receipt.cancelled_at else "completed",
        receipt_number=receipt.id,
        currency=shop.currency,
        created_at=made_at,
        updated_at=required_instant(receipt.updated_at, "updated_at"),
        closed_at=made_at,
        business_date=business_date(made_at, shop.zone, shop.day_starts_at),
        gross=gross,
        discount=discount,
        tax=sign * abs(shop.minor(receipt.total_tax)),
        tip=tip,
        service_charge=surcharge,
        net=gross - discount,
        total=_total(shop, receipt, sign, tip + surcharge),
        lines=lines,
        payments=payments,
        returns=[
            records.ReturnLink(line_id=line.id, source_order_id=text(receipt.refund_for))
            for line in lines
            if line.kind == "return"
        ],
    )


def _line(shop: ShopFacts, line: wire.Line, position: int, sign: int) -> records.OrderLine:
    if line.quantity is None or line.gross_total_money is None:
        raise Unmappable("a line has no quantity or no gross_total_money")
    taxes = [(tax.type or "", abs(shop.minor(tax.money_amount))) for tax in line.line_taxes or ()]
    included = sum(amount for kind, amount in taxes if kind == "INCLUDED")
    gross = abs(shop.minor(line.gross_total_money)) - included
    discount = abs(shop.minor(line.total_discount))
    return records.OrderLine(
        id=line.id or f"line-{position}",
        kind="sale" if sign > 0 else "return",
        product_id=text(line.variant_id),
        name=with_variant(line.item_name, line.variant_name),
        quantity=f"{abs(line.quantity).normalize():f}",
        unit_price=None if line.price is None else sign * abs(shop.minor(line.price)),
        gross=sign * gross,
        discount=sign * discount,
        tax=sign * sum(amount for _, amount in taxes),
        net=sign * (gross - discount),
        unit_cost=None if line.cost is None else shop.minor(line.cost),
    )


def _payment(shop: ShopFacts, receipt: wire.Receipt, position: int, sign: int) -> records.Payment:
    """Map a payment, which Loyverse knows only by its place in the receipt."""
    payment = (receipt.payments or [])[position]
    if payment.money_amount is None:
        raise Unmappable("a payment has no money_amount")
    return records.Payment(
        id=f"{receipt.id}-{position}",
        kind="payment" if sign > 0 else "refund",
        method=_method(payment),
        state="cancelled" if receipt.cancelled_at else "completed",
        amount=sign * abs(shop.minor(payment.money_amount)),
        created_at=instant(payment.paid_at),
    )


def _method(payment: wire.Payment) -> Method:
    kind, name = (payment.type or "").upper(), (payment.name or "").casefold()
    if kind == "CASH":
        return "cash"
    if any(word in kind for word in _CARDS):
        return "card"
    return next((method for method, words in _WORDS if any(w in name for w in words)), "other")


def _total(shop: ShopFacts, receipt: wire.Receipt, sign: int, extras: int) -> int:
    if receipt.total_money is None:
        raise Unmappable("it has no total_money")
    total = sign * abs(shop.minor(receipt.total_money))
    paid = sign * sum(abs(shop.minor(payment.money_amount)) for payment in receipt.payments or ())
    return total + extras if paid == total + extras else total
