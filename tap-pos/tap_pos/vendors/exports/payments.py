"""From the payments of a basket to canonical ones. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from tap_pos import records
from tap_pos.errors import Unmappable
from tap_pos.vendors.money import minor_units

if TYPE_CHECKING:
    from tap_pos.vendors.exports.baskets import Basket
    from tap_pos.vendors.exports.rows import Texts

Method = Literal["card", "cash", "gift_card", "wallet", "bank", "other"]

_STATES = ("pending", "completed", "failed", "cancelled")
_PLAIN_WORDS: dict[str, Method] = {
    "card": "card", "credit card": "card", "debit card": "card", "credit": "card",
    "debit": "card", "visa": "card", "mastercard": "card", "american express": "card",
    "amex": "card", "maestro": "card", "eftpos": "card", "cash": "cash",
    "gift card": "gift_card", "gift_card": "gift_card", "wallet": "wallet",
    "apple pay": "wallet", "google pay": "wallet", "paypal": "wallet", "bank": "bank",
    "bank transfer": "bank",
}  # fmt: skip


def method_of(said: str | None) -> Method:
    """Understand a payment method without a mapping's help; what is not plain is ``other``."""
    return _PLAIN_WORDS.get((said or "").strip().casefold(), "other")


def payments_of(basket: Basket, currency: str) -> list[records.Payment]:
    """Map all payments and refunds of an order.

    Raises:
        Unmappable: If one has no amount or an unknown state.
    """
    return [
        _payment(texts, number, currency, apart=basket.apart)
        for number, texts in enumerate(basket.payments, 1)
    ]


def _payment(texts: Texts, number: int, currency: str, *, apart: bool) -> records.Payment:
    amount = minor_units(texts["amount"], currency)
    kind, state = texts.get("kind"), texts.get("state", "completed")
    if kind not in {None, "payment", "refund"}:
        raise Unmappable("a payment's kind is a word that the mapping does not translate (words)")
    if state not in _STATES:
        raise Unmappable("a payment's state is a word that the mapping does not translate (words)")
    back = apart or kind == "refund" or (kind is None and amount < 0)
    tip = minor_units(texts.get("tip", "0"), currency)
    return records.Payment(
        id=texts.get("id") or str(number),
        kind="refund" if back else "payment",
        method=method_of(texts.get("method")),
        state=cast("Any", state),
        amount=-abs(amount) if back else amount,
        tip=-abs(tip) if back else tip,
        created_at=texts.get("created_at"),
    )
