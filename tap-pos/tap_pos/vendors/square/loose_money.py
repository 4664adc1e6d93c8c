"""Square's money without a basket: unlinked refunds, and payments that belong to no order.

An unlinked refund ("not linked to an existing payment in Square") sends money to somebody's
card for goods of which Square knows nothing. It counts all the same, so it becomes an order
of one nameless line, under the refund's own id. The same goes for a payment without an order.
Pure functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tap_pos import records
from tap_pos.errors import Unmappable
from tap_pos.vendors.square.payment_mapping import payment_of, refund_of
from tap_pos.vendors.texts import required_instant, text
from tap_pos.windows import business_date

if TYPE_CHECKING:
    from tap_pos.vendors.square import wire
    from tap_pos.vendors.square.order_mapping import ShopFacts

State = Literal["open", "completed", "cancelled"]

_LINE = "money"
_STATES: dict[str, State] = {
    "pending": "open",
    "completed": "completed",
    "failed": "cancelled",
    "cancelled": "cancelled",
}


def order_of_refund(shop: ShopFacts, refund: wire.Refund) -> records.Order:
    """Make an order of a refund that belongs to none.

    Raises:
        Unmappable: If the refund breaks Square's own rules.
    """
    currency = refund.amount_money.currency if refund.amount_money else None
    return _order(
        shop, refund, refund_of(refund), currency, employee_id=text(refund.team_member_id)
    )


def order_of_payment(shop: ShopFacts, payment: wire.Payment) -> records.Order:
    """Make an order of a payment that belongs to none.

    Raises:
        Unmappable: If the payment breaks Square's own rules.
    """
    money = payment.total_money or payment.amount_money
    return _order(
        shop,
        payment,
        payment_of(payment, shop.keep_fingerprints),
        money.currency if money else None,
        employee_id=text(payment.team_member_id) or text(payment.employee_id),
        customer_id=text(payment.customer_id),
        receipt_number=text(payment.receipt_number),
    )


def _order(  # noqa: PLR0913 - all but the first four are named where they are given
    shop: ShopFacts,
    source: wire.Refund | wire.Payment,
    moved: records.Payment,
    currency: str | None,
    *,
    employee_id: str | None,
    customer_id: str | None = None,
    receipt_number: str | None = None,
) -> records.Order:
    place = source.location_id or ""
    if (currency := currency or shop.currencies.get(place)) is None:
        raise Unmappable("no currency is named, nor is the location's known")
    created_at = required_instant(source.created_at, "created_at")
    is_refund = moved.kind == "refund"
    worth = moved.amount - moved.tip
    line = records.OrderLine(
        id=_LINE, kind="return" if is_refund else "sale", quantity="1", gross=worth, net=worth
    )
    return records.Order(
        shop_id=shop.id,
        id=source.id,
        location_id=text(source.location_id),
        customer_id=customer_id,
        employee_id=employee_id,
        state=_STATES[moved.state],
        receipt_number=receipt_number,
        currency=currency,
        created_at=created_at,
        updated_at=required_instant(source.updated_at or source.created_at, "updated_at"),
        closed_at=created_at if moved.state == "completed" else None,
        business_date=business_date(
            created_at, shop.zones.get(place, shop.fallback_zone), shop.day_starts_at
        ),
        gross=worth,
        tip=moved.tip,
        net=worth,
        total=moved.amount,
        lines=[line],
        payments=[moved],
        returns=[records.ReturnLink(line_id=_LINE)] if is_refund else [],
    )
