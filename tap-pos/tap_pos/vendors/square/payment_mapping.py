"""From Square's payments and refunds to canonical payments. Pure functions."""

from __future__ import annotations

from typing import Literal

from tap_pos import records
from tap_pos.errors import Unmappable
from tap_pos.vendors.square import wire
from tap_pos.vendors.texts import instant

Method = Literal["card", "cash", "gift_card", "wallet", "bank", "other"]
State = Literal["pending", "completed", "failed", "cancelled"]

_METHODS: dict[str, Method] = {
    "CARD": "card",
    "CASH": "cash",
    "WALLET": "wallet",
    "BANK_ACCOUNT": "bank",
    "SQUARE_GIFT_CARD": "gift_card",
    "THIRD_PARTY_CARD": "card",
}
_PAYMENT_STATES: dict[str, State] = {
    "APPROVED": "pending",
    "PENDING": "pending",
    "COMPLETED": "completed",
    "CANCELED": "cancelled",
    "FAILED": "failed",
}
_REFUND_STATES: dict[str, State] = {
    "PENDING": "pending",
    "APPROVED": "completed",
    "COMPLETED": "completed",
    "REJECTED": "failed",
    "FAILED": "failed",
}


def payment_of(payment: wire.Payment, keep_fingerprint: bool) -> records.Payment:  # noqa: FBT001 - named at the one call
    """Map a payment.

    Args:
        payment: The payment.
        keep_fingerprint: Whether the card's fingerprint may leave this tap.

    Raises:
        Unmappable: If its status is unknown or it has no amount.
    """
    card = payment.card_details.card if payment.card_details else None
    method = _METHODS.get(payment.source_type or "", "other")
    if card is not None and card.card_brand == "SQUARE_GIFT_CARD":
        method = "gift_card"
    tip = payment.tip_money.amount if payment.tip_money else None
    total = payment.total_money.amount if payment.total_money else None
    if total is None:
        total = _required(payment.amount_money, f"payment {payment.id}") + (tip or 0)
    return records.Payment(
        id=payment.id,
        method=method,
        state=_state(_PAYMENT_STATES, payment.status, f"payment {payment.id}"),
        amount=total,
        tip=tip or 0,
        card_fingerprint=card.fingerprint if keep_fingerprint and card else None,
        created_at=instant(payment.created_at),
        updated_at=instant(payment.updated_at),
    )


def refund_of(refund: wire.Refund) -> records.Payment:
    """Map a refund: money that moved back.

    Raises:
        Unmappable: If its status is unknown or it has no amount.
    """
    return records.Payment(
        id=refund.id,
        kind="refund",
        method=_METHODS.get(refund.destination_type or "", "other"),
        state=_state(_REFUND_STATES, refund.status, f"refund {refund.id}"),
        amount=-_required(refund.amount_money, f"refund {refund.id}"),
        created_at=instant(refund.created_at),
        updated_at=instant(refund.updated_at),
    )


def payment_from_tender(order_id: str, tender: wire.Tender) -> wire.Payment:
    """Make do with what an order tells about a payment that has no record of its own.

    Tenders of old, entered through Square's first API, have none.
    """
    source_type = "CARD" if tender.type == "SQUARE_GIFT_CARD" else tender.type
    gift_card = wire.CardDetails(wire.Card(card_brand="SQUARE_GIFT_CARD"))
    return wire.Payment(
        id=tender.payment_id or tender.id or order_id,
        order_id=order_id,
        customer_id=tender.customer_id,
        status="COMPLETED",
        source_type=source_type,
        card_details=gift_card if tender.type == "SQUARE_GIFT_CARD" else None,
        total_money=tender.amount_money,
        tip_money=tender.tip_money,
        created_at=tender.created_at,
        updated_at=tender.created_at,
    )


def refund_from_order(order_id: str, refund: wire.OrderRefund) -> wire.Refund:
    """Make do with what an order tells about a refund that has no record of its own."""
    return wire.Refund(
        id=refund.id,
        order_id=order_id,
        status=refund.status,
        amount_money=refund.amount_money,
        created_at=refund.created_at,
        updated_at=refund.created_at,
    )


def _state(states: dict[str, State], status: str | None, what: str) -> State:
    if (state := states.get(status or "")) is None:
        raise Unmappable(f"the status of {what} is none that Square documents")
    return state


def _required(money: wire.Money | None, what: str) -> int:
    if money is None or money.amount is None:
        raise Unmappable(f"{what} has no amount")
    return money.amount
