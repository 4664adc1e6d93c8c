"""From Clover's order, with its money, to the canonical order. Pure functions.

Clover keeps prices, discounts and tax rates, and leaves the sums to whoever reads them. They
are computed here as Clover documents it ("Calculate order totals"): a line with its modifiers,
less its percentages, less its amounts; then the order's percentages and amounts, spread over
the lines; all rounded half up.

* Where tax is added, the order's tax is what remains of Clover's own `total`. Where prices
  hold the tax (`isVat`), it is taken out of gross, discount and net.
* Clover's `total` has no tip; a payment's `amount` has none either.
* A line that was refunded or exchanged stays in Clover's order. Here a line of kind
  ``return`` follows it, and all totals are sale minus return.
* An order made in training mode is no sale: it is ``cancelled``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from tap_pos import records
from tap_pos.errors import Unmappable
from tap_pos.vendors.clover.api import moment, optional_moment
from tap_pos.vendors.clover.wire import listed
from tap_pos.vendors.money import minor_digits
from tap_pos.vendors.texts import text
from tap_pos.windows import business_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import time
    from zoneinfo import ZoneInfo

    from tap_pos.vendors.clover import wire

Method = Literal["card", "cash", "gift_card", "wallet", "bank", "other"]
State = Literal["open", "completed", "cancelled"]
PaymentState = Literal["pending", "completed", "failed", "cancelled"]

_UNIT = 1_000
_WHOLE_TAX = 10_000_000
_WHOLE_CHARGE = 1_000_000
_PAID = {"PAID", "REFUNDED", "PARTIALLY_REFUNDED", "CREDITED", "MANUALLY_REFUNDED"}
_RESULTS: dict[str, PaymentState] = {
    "SUCCESS": "completed",
    "AUTH_COMPLETED": "completed",
    "VOID_FAILED": "completed",
    "AUTH": "pending",
    "INITIATED": "pending",
    "PENDING": "pending",
    "OFFLINE_RETRYING": "pending",
    "FAIL": "failed",
    "VOIDED": "cancelled",
    "VOIDING": "cancelled",
}
_METHODS: dict[str, Method] = {
    "com.clover.tender.cash": "cash",
    "com.clover.tender.credit_card": "card",
    "com.clover.tender.debit_card": "card",
    "com.clover.tender.external_gift_card": "gift_card",
    "com.clover.tender.gift_card": "gift_card",
    "com.clover.tender.check": "bank",
}


@dataclass(frozen=True)
class ShopFacts:
    """What an order's record needs to know about its shop.

    Attributes:
        id: The shop.
        merchant_id: Its one location.
        currency: Its currency, for orders that don't name one.
        zone: Its time zone.
        day_starts_at: Wall-clock time at which a trading day begins.
    """

    id: str
    merchant_id: str
    currency: str | None
    zone: ZoneInfo
    day_starts_at: time


@dataclass(frozen=True)
class _Sums:
    """What a line comes to."""

    gross: int
    discount: int
    tax: int


def order_of(shop: ShopFacts, order: wire.Order, tenders: Mapping[str, str]) -> records.Order:
    """Map an order.

    Args:
        shop: Facts about the shop.
        order: The order, put together.
        tenders: The kind of each way to pay.

    Raises:
        Unmappable: If it breaks Clover's own rules.
    """
    currency = order.currency or shop.currency
    if currency is None:
        raise Unmappable("no currency is named, nor is the merchant's known")
    minor_digits(currency)
    sold = listed(order.line_items)
    sums = _sums(order, sold)
    lines = [_line(line, worth) for line, worth in zip(sold, sums, strict=True)]
    backs = [_back(line) for line, row in zip(lines, sold, strict=True) if _is_back(row)]
    lines_with_backs = [*lines, *backs]
    payments = _payments(order, tenders)
    tip = sum(row.tip for row in payments if row.state == "completed" and row.kind == "payment")
    charge = _service_charge(order, sold)
    net = sum(line.net for line in lines)
    tax = _tax(order, lines, charge)
    total = net + tax + charge if order.total is None else order.total
    created_at = moment(order.client_created_time or order.created_time, "createdTime")
    state = _state(order)
    closed_at = _closed_at(payments, created_at) if state == "completed" else None
    return records.Order(
        shop_id=shop.id,
        id=order.id,
        location_id=shop.merchant_id,
        customer_id=next((row.id for row in listed(order.customers)), None),
        employee_id=order.employee.id if order.employee else None,
        state=state,
        receipt_number=text(order.title),
        currency=currency,
        created_at=created_at,
        updated_at=_updated_at(order, payments, created_at),
        closed_at=closed_at,
        business_date=business_date(closed_at or created_at, shop.zone, shop.day_starts_at),
        gross=sum(line.gross for line in lines_with_backs),
        discount=sum(line.discount for line in lines_with_backs),
        tax=tax + sum(line.tax for line in backs),
        tip=tip,
        service_charge=charge,
        net=sum(line.net for line in lines_with_backs),
        total=total + tip + sum(line.net + line.tax for line in backs),
        lines=lines_with_backs,
        payments=payments,
        returns=[
            records.ReturnLink(
                line_id=line.id,
                source_order_id=order.id,
                source_line_id=line.id.removesuffix(_BACK),
            )
            for line in backs
        ],
    )


def _state(order: wire.Order) -> State:
    if order.deleted_time or order.deleted_timestamp or order.test_mode:
        return "cancelled"
    paid = (order.payment_state or "") in _PAID or (order.state or "").casefold() == "locked"
    return "completed" if paid else "open"


def _sums(order: wire.Order, lines: Sequence[wire.LineItem]) -> list[_Sums]:
    """Compute each line: its price, its own discounts, its share of the order's, its tax."""
    before = [_price(line) for line in lines]
    after = [
        price - _taken_off(price, listed(line.discounts))
        for price, line in zip(before, lines, strict=True)
    ]
    shares = _spread(_taken_off(sum(after), listed(order.discounts)), after)
    result = []
    for price, rest, share, line in zip(before, after, shares, lines, strict=True):
        rate = Fraction(0)
        if not order.tax_removed:
            rate = Fraction(sum(row.rate or 0 for row in listed(line.tax_rates)), _WHOLE_TAX)
        paid = rest - share
        if order.is_vat:
            tax = paid - _rounded(paid / (1 + rate))
            gross = _rounded(price / (1 + rate))
            result.append(_Sums(gross, gross - (paid - tax), tax))
        else:
            result.append(_Sums(price, price - paid, _rounded(paid * rate)))
    return result


def _price(line: wire.LineItem) -> int:
    quantity = Fraction(_UNIT if line.unit_qty is None else line.unit_qty, _UNIT)
    return _rounded(line.price * quantity) + sum(
        row.amount or 0 for row in listed(line.modifications)
    )


def _taken_off(price: int, discounts: Iterable[wire.Discount]) -> int:
    """Sum up discounts, percentages before amounts; never more than there is."""
    rows = list(discounts)
    percent = sum(_rounded(Fraction(price * (row.percentage or 0), 100)) for row in rows)
    amount = sum(abs(row.amount or 0) for row in rows if not row.percentage)
    return min(percent + amount, max(price, 0))


def _spread(amount: int, over: Sequence[int]) -> list[int]:
    """Cut an amount into shares by weight that add up to it, to the cent."""
    weights = [max(weight, 0) for weight in over]
    whole, given, seen, shares = sum(weights), 0, 0, []
    for weight in weights:
        seen += weight
        share = (_rounded(Fraction(amount * seen, whole)) if whole else 0) - given
        given += share
        shares.append(share)
    return shares


def _service_charge(order: wire.Order, lines: Sequence[wire.LineItem]) -> int:
    charge = order.service_charge
    if charge is None or charge.amount is not None:
        return (charge.amount or 0) if charge else 0
    prices = [(_price(line), listed(line.discounts)) for line in lines]
    base = sum(price - _taken_off(price, discounts) for price, discounts in prices)
    return _rounded(Fraction(base * (charge.percentage_decimal or 0), _WHOLE_CHARGE))


def _tax(order: wire.Order, lines: Sequence[records.OrderLine], charge: int) -> int:
    computed = sum(line.tax for line in lines)
    if order.is_vat or order.total is None:
        return computed
    remaining = order.total - charge - sum(line.net for line in lines)
    return remaining if remaining >= 0 else computed


def _line(line: wire.LineItem, worth: _Sums) -> records.OrderLine:
    return records.OrderLine(
        id=line.id,
        product_id=line.item.id if line.item else None,
        name=text(line.name),
        quantity=_quantity(line.unit_qty),
        unit_price=line.price,
        gross=worth.gross,
        discount=worth.discount,
        tax=worth.tax,
        net=worth.gross - worth.discount,
    )


_BACK = "-back"


def _is_back(line: wire.LineItem) -> bool:
    return bool(line.refunded or line.exchanged)


def _back(line: records.OrderLine) -> records.OrderLine:
    """Make the line that takes a line back."""
    return records.OrderLine(
        id=line.id + _BACK,
        kind="return",
        product_id=line.product_id,
        name=line.name,
        quantity=line.quantity,
        unit_price=None if line.unit_price is None else -line.unit_price,
        gross=-line.gross,
        discount=-line.discount,
        tax=-line.tax,
        net=-line.net,
    )


def _quantity(unit_qty: int | None) -> str:
    """Write thousandths as a decimal number.

    >>> _quantity(453), _quantity(2000), _quantity(None)
    ('0.453', '2', '1')
    """
    if unit_qty is None:
        return "1"
    whole, rest = divmod(unit_qty, _UNIT)
    return f"{whole}.{rest:03d}".rstrip("0").rstrip(".")


def _payments(order: wire.Order, tenders: Mapping[str, str]) -> list[records.Payment]:
    methods = {row.id: _method(row, tenders) for row in listed(order.payments)}
    rows = [
        *(_payment(row, methods[row.id]) for row in listed(order.payments)),
        *(_refund(row, methods, tenders) for row in listed(order.refunds)),
        *(_refund(row, methods, tenders) for row in listed(order.credits)),
    ]
    return sorted(rows, key=lambda row: (row.created_at or "", row.id))


def _payment(row: wire.Payment, method: Method) -> records.Payment:
    if (state := _RESULTS.get(row.result or "")) is None:
        raise Unmappable(f"the result of payment {row.id} is none that Clover documents")
    return records.Payment(
        id=row.id,
        method=method,
        state=state,
        amount=row.amount + (row.tip_amount or 0),
        tip=row.tip_amount or 0,
        created_at=optional_moment(row.client_created_time or row.created_time, "createdTime"),
        updated_at=optional_moment(row.modified_time, "modifiedTime"),
    )


def _refund(
    row: wire.Refund, methods: Mapping[str, Method], tenders: Mapping[str, str]
) -> records.Payment:
    own = tenders.get(row.tender.id, "") if row.tender else ""
    paid = methods.get(row.payment.id) if row.payment else None
    at = optional_moment(row.client_created_time or row.created_time, "createdTime")
    return records.Payment(
        id=row.id,
        kind="refund",
        method=_METHODS.get(own) or paid or "other",
        state="completed",
        amount=-row.amount,
        created_at=at,
        updated_at=optional_moment(row.created_time, "createdTime"),
    )


def _method(row: wire.Payment, tenders: Mapping[str, str]) -> Method:
    if row.card_transaction is not None:
        return "card"
    return _METHODS.get(tenders.get(row.tender.id, "") if row.tender else "", "other")


def _closed_at(payments: Iterable[records.Payment], created_at: str) -> str:
    """Tell when the last payment was taken: what is given back later leaves that as it is."""
    return max(_times(payments), default=created_at)


def _times(payments: Iterable[records.Payment]) -> Iterator[str]:
    for row in payments:
        if row.kind == "payment" and row.state == "completed" and row.created_at:
            yield row.created_at


def _updated_at(order: wire.Order, payments: Iterable[records.Payment], created_at: str) -> str:
    own = optional_moment(order.modified_time, "modifiedTime") or created_at
    return max([own, *(row.updated_at for row in payments if row.updated_at)])


def _rounded(amount: Fraction | int) -> int:
    """Round half up, as Clover does."""
    return (amount + Fraction(1, 2)).__floor__()
