"""From Shopify's transactions to canonical payments. Pure functions.

A transaction is a step, not a payment: an authorization only reserves, a capture of it moves
the money, a void lets it go. So an authorization stands for itself only until one of its
captures succeeds. Change given back in cash lowers the payment it belongs to, unless the
payments already come to what Shopify says it received.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tap_pos import records
from tap_pos.errors import Unmappable
from tap_pos.vendors.money import minor_units
from tap_pos.vendors.shopify.ids import short
from tap_pos.vendors.texts import instant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_pos.vendors.shopify import wire

Method = Literal["card", "cash", "gift_card", "wallet", "bank", "other"]
State = Literal["pending", "completed", "failed", "cancelled"]

_STATES: dict[str, State] = {
    "SUCCESS": "completed",
    "PENDING": "pending",
    "AWAITING_RESPONSE": "pending",
    "UNKNOWN": "pending",
    "FAILURE": "failed",
    "ERROR": "failed",
}
_DETAILS: dict[str, Method] = {
    "CardPaymentDetails": "card",
    "PaypalWalletPaymentDetails": "wallet",
}
_GATEWAYS: dict[str, Method] = {
    "cash": "cash",
    "gift_card": "gift_card",
    "paypal": "wallet",
    "shopify_payments": "card",
    "bank deposit": "bank",
    "bank_deposit": "bank",
}
_MONEY_IN = {"SALE", "CAPTURE"}
_RESERVED = {"AUTHORIZATION", "EMV_AUTHORIZATION"}
_SILENT = {"VOID", "CHANGE", "SUGGESTED_REFUND"}


def payments_of(order: wire.Order, tip: int) -> list[records.Payment]:
    """Map an order's transactions, oldest first.

    Args:
        order: The order.
        tip: Its tip in minor units; Shopify does not say which payment it came with, so a
            payment has it only if it is the only one.

    Raises:
        Unmappable: If a transaction has a kind or status that Shopify does not document.
    """
    change = _change(order)
    paid = [entry for entry in order.transactions if entry.kind in _MONEY_IN and _succeeded(entry)]
    payments = []
    for entry in order.transactions:
        state = _state(order, entry)
        if state is None:
            continue
        refund = entry.kind == "REFUND"
        value = minor_units(entry.amount_set.shop_money.amount, order.currency_code)
        payments.append(
            records.Payment(
                id=short(entry.id),
                kind="refund" if refund else "payment",
                method=_method(entry),
                state=state,
                amount=-value if refund else value - change.get(entry.id, 0),
                tip=tip if paid == [entry] else 0,
                created_at=instant(entry.processed_at or entry.created_at),
            )
        )
    return sorted(payments, key=lambda payment: (payment.created_at or "", payment.id))


def _state(order: wire.Order, entry: wire.Transaction) -> State | None:
    """Tell what became of a transaction; None if another one tells it better."""
    state = _STATES.get(entry.status)
    if state is None:
        raise Unmappable(f"the status of transaction {short(entry.id)} is undocumented")
    if entry.kind in _SILENT:
        return None
    if entry.kind in _RESERVED:
        if state != "completed":
            return state
        later = {
            other.kind
            for other in order.transactions
            if _succeeded(other) and _parent(other) == entry.id
        }
        if later & _MONEY_IN:
            return None
        return "cancelled" if "VOID" in later else "pending"
    if entry.kind not in _MONEY_IN and entry.kind != "REFUND":
        raise Unmappable(f"the kind of transaction {short(entry.id)} is undocumented")
    return state


def _change(order: wire.Order) -> Mapping[str, int]:
    """Find by how much each payment is smaller because change was given."""

    def value(entry: wire.Transaction) -> int:
        return minor_units(entry.amount_set.shop_money.amount, order.currency_code)

    done = [entry for entry in order.transactions if _succeeded(entry)]
    received = minor_units(order.total_received_set.shop_money.amount, order.currency_code)
    if sum(value(entry) for entry in done if entry.kind in _MONEY_IN) == received:
        return {}
    change: dict[str, int] = {}
    for entry in done:
        if entry.kind == "CHANGE" and (parent := _parent(entry)):
            change[parent] = change.get(parent, 0) + value(entry)
    return change


def _method(entry: wire.Transaction) -> Method:
    """Tell how money moved: by what Shopify knows of it, else by the name of the gateway."""
    details = entry.payment_details
    if details is not None and details.kind in _DETAILS:
        return _DETAILS[details.kind]
    return _GATEWAYS.get((entry.gateway or "").strip().casefold(), "other")


def _succeeded(entry: wire.Transaction) -> bool:
    return entry.status == "SUCCESS"


def _parent(entry: wire.Transaction) -> str | None:
    return entry.parent_transaction.id if entry.parent_transaction else None
