"""How a sale is paid: cards, cash, gift cards and wallets, and the JSON of payments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from practice_register.rows import PaymentRow
from practice_register.timeline import HOUR, SECOND, rfc3339

if TYPE_CHECKING:
    from random import Random

    from practice_register.archive import BlobWriter
    from practice_register.identifiers import Identifiers

_BRANDS = ["VISA"] * 5 + ["MASTERCARD"] * 3 + ["AMERICAN_EXPRESS", "DISCOVER"]
_ENTRY = ["EMV", "CONTACTLESS", "CONTACTLESS", "SWIPED"]


class Card(Struct, frozen=True):
    """A payment card; the fingerprint is the same wherever the card is used in the shop."""

    brand: str
    last_4: str
    fingerprint: str
    kind: str

    def json(self) -> str:
        """The card as Square shows it in a payment."""
        return (
            f'{{"card_brand":"{self.brand}","last_4":"{self.last_4}","card_type":"{self.kind}",'
            f'"fingerprint":"{self.fingerprint}","exp_month":{int(self.last_4) % 12 + 1},'
            f'"exp_year":2031}}'
        )


class Payment(Struct, frozen=True):
    """One state of a payment; amounts in cents, `amount` without the tip."""

    id: str
    order: str
    location: str
    team_member: str
    customer: str
    method: str
    amount: int
    tip: int
    created: int
    updated: int
    status: str = "COMPLETED"
    card: Card | None = None
    entry: str = "EMV"
    cash_given: int = 0
    buyer_email: str = ""
    offline_since: int = 0
    refunded: int = 0
    refund_ids: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """What was charged, tip included."""
        return self.amount + self.tip


def money(amount: int) -> str:
    """An amount as Square writes it."""
    return f'{{"amount":{amount},"currency":"USD"}}'


class Wallet:
    """What a household pays with."""

    def __init__(self, household: int, ids: Identifiers, rng: Random) -> None:
        """Fill the wallet with one or two bank cards and a gift card."""
        self._cards = [
            Card(
                brand=rng.choice(_BRANDS),
                last_4=f"{rng.randrange(10_000):04}",
                fingerprint=f"sq-1-{ids.make('card', f'{household} {number}', 32)}",
                kind="CREDIT" if rng.random() < 0.6 else "DEBIT",  # noqa: PLR2004 - more credit
            )
            for number in range(1 + (rng.random() < 0.3))  # noqa: PLR2004 - some have two
        ]
        self._gift = Card(
            "SQUARE_GIFT_CARD",
            f"{rng.randrange(10_000):04}",
            f"sq-1-{ids.make('gift card', household, 32)}",
            "UNKNOWN_CARD_TYPE",
        )

    def pay(self, payment: Payment, rng: Random) -> Payment:
        """Choose how `payment` is made: people who stay unknown pay cash more often."""
        draw = rng.random()
        if draw < (0.2 if payment.customer else 0.4):
            bill = 500 if payment.total < 2000 else 2000  # noqa: PLR2004 - five or twenty dollars
            return replace(payment, method="CASH", cash_given=-(-payment.total // bill) * bill)
        if draw > 0.97:  # noqa: PLR2004 - few pay by telephone
            return replace(payment, method="WALLET")
        if draw > 0.94:  # noqa: PLR2004 - few pay by gift card
            return self.gift(payment)
        card = self._cards[0] if rng.random() < 0.8 else self._cards[-1]  # noqa: PLR2004 - a favourite
        return replace(payment, method="CARD", card=card, entry=rng.choice(_ENTRY))

    def gift(self, payment: Payment) -> Payment:
        """Pay by gift card."""
        return replace(payment, method="SQUARE_GIFT_CARD", card=self._gift, entry="SWIPED")

    def card(self, payment: Payment) -> Payment:
        """Pay by the favourite bank card."""
        return replace(payment, method="CARD", card=self._cards[0], entry="ON_FILE")


_CARD_STATUS = {
    "COMPLETED": "CAPTURED",
    "APPROVED": "AUTHORIZED",
    "CANCELED": "VOIDED",
    "FAILED": "FAILED",
}


def tender_json(payment: Payment) -> str:
    """The payment as a tender inside its order; its amount includes the tip."""
    details = ""
    if payment.card is not None:
        status = _CARD_STATUS[payment.status]
        details = (
            f',"card_details":{{"status":"{status}","card":{payment.card.json()},'
            f'"entry_method":"{payment.entry}"}}'
        )
    if payment.method == "CASH":
        change = payment.cash_given - payment.total
        details = (
            f',"cash_details":{{"buyer_tendered_money":{money(payment.cash_given)},'
            f'"change_back_money":{money(change)}}}'
        )
    tip = f',"tip_money":{money(payment.tip)}' if payment.tip else ""
    customer = f',"customer_id":"{payment.customer}"' if payment.customer else ""
    return (
        f'{{"id":"{payment.id}","location_id":"{payment.location}",'
        f'"transaction_id":"{payment.order}","created_at":"{rfc3339(payment.created)}",'
        f'"amount_money":{money(payment.total)}{tip}{customer},"type":"{payment.method}"'
        f'{details},"payment_id":"{payment.id}"}}'
    )


def write_payment(blob: BlobWriter, payment: Payment) -> PaymentRow:
    """Write one state of a payment and return its row."""
    offset, length = blob.add(_payment_json(payment).encode())
    return PaymentRow(
        id=payment.id,
        since=payment.updated,
        offset=offset,
        length=length,
        created=payment.created,
        updated=payment.updated,
        gone=False,
        location=payment.location,
        status=payment.status,
        total=payment.total,
        tip=payment.tip,
        offline_since=payment.offline_since,
    )


def _payment_json(payment: Payment) -> str:
    parts = [
        (
            f'{{"id":"{payment.id}","created_at":"{rfc3339(payment.created)}",'
            f'"updated_at":"{rfc3339(payment.updated)}","amount_money":{money(payment.amount)},'
            f'"total_money":{money(payment.total)},"approved_money":{money(payment.total)},'
            f'"status":"{payment.status}","location_id":"{payment.location}",'
            f'"order_id":"{payment.order}","team_member_id":"{payment.team_member}",'
            f'"version_token":"{payment.id[:8]}{payment.updated}","application_details":'
            f'{{"square_product":"SQUARE_POS","application_id":"sq0ids-practice"}}'
        )
    ]
    if payment.tip:
        parts.append(f'"tip_money":{money(payment.tip)}')
    if payment.customer:
        parts.append(f'"customer_id":"{payment.customer}"')
    if payment.buyer_email:
        parts.append(f'"buyer_email_address":"{payment.buyer_email}"')
    if payment.status != "CANCELED":
        parts.append(f'"receipt_number":"{payment.id[:4]}"')
    if payment.refund_ids:
        refunds = ",".join(f'"{refund}"' for refund in payment.refund_ids)
        parts.append(f'"refund_ids":[{refunds}],"refunded_money":{money(payment.refunded)}')
    if payment.offline_since:
        parts.append(
            '"is_offline_payment":true,"offline_payment_details":'
            f'{{"client_created_at":"{rfc3339(payment.offline_since)}"}}'
        )
    parts.append(_source(payment))
    return ",".join(parts) + "}"


def _source(payment: Payment) -> str:
    if payment.method == "CASH":
        change = payment.cash_given - payment.total
        return (
            f'"source_type":"CASH","cash_details":{{"buyer_supplied_money":'
            f'{money(payment.cash_given)},"change_back_money":{money(change)}}}'
        )
    if payment.method == "WALLET" or payment.card is None:
        return '"source_type":"WALLET","wallet_details":{"status":"CAPTURED","brand":"CASH_APP"}'
    # A gift card is a CARD payment at Square; only the card's brand tells it apart.
    failed = ""
    if payment.status == "FAILED":
        failed = ',"errors":[{"category":"PAYMENT_METHOD_ERROR","code":"GENERIC_DECLINE"}]'
    return (
        f'"source_type":"CARD","card_details":{{"status":"{_CARD_STATUS[payment.status]}",'
        f'"card":{payment.card.json()},"entry_method":"{payment.entry}"{failed}}}'
    )


def settled(payment: Payment, after: int = 2 * SECOND) -> Payment:
    """The payment's completed state, a moment later."""
    return replace(payment, status="COMPLETED", updated=payment.updated + after)


PICK_UP_LATEST = 40 * HOUR
"""How long an order for later can stay open."""
