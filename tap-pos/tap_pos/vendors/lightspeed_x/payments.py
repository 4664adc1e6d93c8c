"""From Lightspeed X-Series' payments to canonical ones. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tap_pos import records
from tap_pos.errors import Unmappable
from tap_pos.vendors.lightspeed_x.amounts import minor
from tap_pos.vendors.texts import instant

if TYPE_CHECKING:
    from tap_pos.vendors.lightspeed_x import wire

Method = Literal["card", "cash", "gift_card", "wallet", "bank", "other"]

# A shop names its ways to pay itself, and the vendor calls its own ids for them internal.
_WORDS: tuple[tuple[Method, tuple[str, ...]], ...] = (
    ("gift_card", ("gift",)),
    ("wallet", ("apple pay", "google pay", "paypal", "wallet", "alipay", "wechat")),
    ("cash", ("cash",)),
    ("bank", ("bank", "transfer", "direct deposit", "cheque")),
    ("card", ("card", "credit", "debit", "eftpos", "visa", "mastercard", "amex", "lightspeed pay")),
)
_NOT_A_CARD = ("store credit", "on account", "on-account", "layby")


def payment_of(
    payment: wire.Payment, position: int, currency: str, *, sale_is_void: bool
) -> records.Payment:
    """Map a payment; a negative one is a refund.

    Raises:
        Unmappable: If it has no amount.
    """
    if payment.amount is None:
        raise Unmappable("a payment has no amount")
    amount = minor(payment.amount, currency)
    return records.Payment(
        id=payment.id or f"payment-{position}",
        kind="refund" if amount < 0 else "payment",
        method=_method(payment),
        state="cancelled" if sale_is_void or payment.deleted_at else "completed",
        amount=amount,
        created_at=instant(payment.date),
    )


def _method(payment: wire.Payment) -> Method:
    name = ((payment.type.name if payment.type else None) or "").casefold()
    if any(words in name for words in _NOT_A_CARD):
        return "other"
    for method, words in _WORDS:
        if any(word in name for word in words):
            return method
    attributes = payment.external_attributes or ()
    return "card" if any(entry.card_last_four_digits for entry in attributes) else "other"
