"""The till: turns real baskets into orders, payments, returns and refunds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from msgspec.structs import replace

from practice_register.shop.orders import CLICK_AND_COLLECT, Sale, SaleLine, write_sale
from practice_register.shop.pricing import price_line
from practice_register.shop.returns import (
    Refund,
    Return,
    one_piece,
    reason,
    write_refund,
    write_return,
)
from practice_register.shop.tenders import Payment, Wallet, settled, write_payment
from practice_register.timeline import DAY, HOUR, MINUTE, SECOND, Timeline

if TYPE_CHECKING:
    from random import Random

    from practice_register.archive import BlobWriter
    from practice_register.baskets import Basket
    from practice_register.identifiers import Identifiers
    from practice_register.rows import OrderRow, PaymentRow, RefundRow
    from practice_register.shop.catalog import Catalog
    from practice_register.shop.personas import Persona
    from practice_register.shop.premises import Premises

_FOR_LATER, _CALLED_OFF, _OFFLINE = 0.012, 0.016, 0.031
_RETURNED, _RETURNED_UNLINKED = 0.03, 0.04


class _State(Protocol):
    @property
    def updated(self) -> int: ...


_S = TypeVar("_S", bound=_State)


def seen(states: list[_S], calendar: Timeline) -> list[_S]:
    """The states that can ever be seen: the last past one and all of the revealed future."""
    past = [state for state in states if state.updated <= calendar.opens]
    future = [state for state in states if calendar.opens < state.updated <= calendar.ends]
    return past[-1:] + future


@dataclass
class Takings:
    """What the till has written: all rows, and what the loyalty program needs to know."""

    orders: list[OrderRow] = field(default_factory=list)
    payments: list[PaymentRow] = field(default_factory=list)
    refunds: list[RefundRow] = field(default_factory=list)
    spent: list[tuple[int, str, int]] = field(default_factory=list)
    """Per completed sale and return of a known customer: when, who, cents without tax and tip."""


class Till:
    """Rings up baskets, one household after the other."""

    def __init__(
        self,
        premises: Premises,
        catalog: Catalog,
        ids: Identifiers,
        calendar: Timeline,
        blob: BlobWriter,
    ) -> None:
        """A till for the whole shop; it writes into `blob` and collects `takings`."""
        self._premises = premises
        self._catalog = catalog
        self._ids = ids
        self._calendar = calendar
        self._blob = blob
        self.takings = Takings()

    def serve(
        self, baskets: list[Basket], persona: Persona | None, known: set[int], rng: Random
    ) -> None:
        """Ring up a household's baskets (in the shop's time); `known` holds identified visits."""
        if not baskets:
            return
        wallet = Wallet(baskets[0].household, self._ids, rng)
        for basket in baskets:
            customer = ""
            if persona is not None and basket.at in known:
                customer = persona.profile_at(basket.at, rng)
            self._ring_up(basket, customer, wallet, rng)

    def _ring_up(self, basket: Basket, customer: str, wallet: Wallet, rng: Random) -> None:
        sale = self._sale(basket, customer, rng)
        draw = rng.random()
        if customer and draw < _CALLED_OFF:
            self._for_later(sale, wallet, rng, called_off=draw >= _FOR_LATER)
            return
        closed = sale.created + rng.randrange(20 * SECOND, 200 * SECOND)
        arrives = closed + rng.randrange(3 * SECOND)
        offline = _CALLED_OFF <= draw < _OFFLINE
        if offline:
            # The till was offline: Square learns of the sale up to 72 hours later.
            arrives = closed + rng.randrange(HOUR, 71 * HOUR)
        sale = replace(sale, state="COMPLETED", closed=closed, updated=arrives)
        payments = self._pay(sale, wallet, arrives - 2 * SECOND, rng)
        if offline:
            payments = [replace(each, offline_since=closed) for each in payments]
        payments = [settled(each) for each in payments]
        if customer and rng.random() < 0.03:  # noqa: PLR2004 - now and then only the payment knows who
            sale = replace(sale, customer="")
        sale = replace(sale, tenders=tuple(payments))
        self._write_sale([sale])
        if customer:
            self._note_points(sale, customer)
        if rng.random() < 0.004:  # noqa: PLR2004 - a declined card before the one that worked
            self._declined(sale, wallet)
        self._bring_back(sale, payments, rng)

    def _sale(self, basket: Basket, customer: str, rng: Random) -> Sale:
        lines = []
        prepared = False
        for number, row in enumerate(basket.lines, 1):
            article = self._catalog.articles.get(row.product)
            taxed = article is not None and article.taxed
            priced = price_line(row.quantity, row.paid, row.saved, taxed=taxed)
            lines.append(SaleLine(f"L{number}", article, priced))
            if article is not None:
                prepared = prepared or article.prepared
                self._catalog.note_sale(row.product, basket.at, priced.base)
        tips = rng.random() < (0.25 if prepared else 0.01)
        locations = self._premises.locations
        created = basket.at + basket.id % SECOND
        return Sale(
            id=self._ids.make("order", basket.id),
            location=locations[basket.store % len(locations)],
            customer=customer,
            lines=lines,
            tip=rng.choice((50, 100, 200, 300)) if tips else 0,
            created=created,
            updated=created,
            closed=0,
            state="OPEN",
            ticket=f"Basket {basket.id % 10_000:04}",
        )

    def _for_later(self, sale: Sale, wallet: Wallet, rng: Random, *, called_off: bool) -> None:
        """An order placed online: open for hours, then picked up or called off."""
        sale = replace(sale, source=CLICK_AND_COLLECT, version=1, tip=0)
        payments = self._pay(sale, wallet, sale.created, rng, online=True)
        reserved = [replace(payment, status="APPROVED") for payment in payments]
        sale = replace(sale, tenders=tuple(reserved))
        ends = sale.created + rng.randrange(6 * HOUR, 40 * HOUR)
        state, status = ("CANCELED", "CANCELED") if called_off else ("COMPLETED", "COMPLETED")
        final = [replace(payment, status=status, updated=ends) for payment in reserved]
        closed = replace(
            sale,
            state=state,
            closed=ends,
            updated=ends + SECOND,
            version=3,
            tenders=() if called_off else tuple(final),
        )
        self._write_sale([sale, closed])
        for before, after in zip(reserved, final, strict=True):
            self._write_payment([before, after])
        if not called_off:
            self._note_points(closed, closed.customer)

    def _pay(
        self, sale: Sale, wallet: Wallet, at: int, rng: Random, *, online: bool = False
    ) -> list[Payment]:
        amount = sale.goods_total
        if amount + sale.tip == 0:
            return []  # a basket of coupons costs nothing, and Square keeps no payment for it
        team = self._premises.team[sale.location]
        payment = Payment(
            id=self._ids.make("payment", f"{sale.id} 1", 24),
            order=sale.id,
            location=sale.location,
            team_member=rng.choice(team),
            customer=sale.customer,
            method="CARD",
            amount=amount,
            tip=sale.tip,
            created=at,
            updated=at,
        )
        if online:
            return [wallet.card(payment)]
        if amount > 2000 and rng.random() < 0.01:  # noqa: PLR2004 - a gift card that does not suffice
            gift = wallet.gift(replace(payment, amount=1000, tip=0))
            second = self._ids.make("payment", f"{sale.id} 2", 24)
            return [gift, wallet.card(replace(payment, id=second, amount=amount - 1000))]
        return [wallet.pay(payment, rng)]

    def _declined(self, sale: Sale, wallet: Wallet) -> None:
        if not sale.tenders:
            return
        declined = self._ids.make("payment", f"{sale.id} 0", 24)
        at = sale.tenders[0].created - 30 * SECOND
        attempt = replace(sale.tenders[0], id=declined, created=at, updated=at, status="FAILED")
        self._write_payment([wallet.card(replace(attempt, cash_given=0))])

    def _bring_back(self, sale: Sale, payments: list[Payment], rng: Random) -> None:
        """Maybe bring goods back; either way the payments' states are complete then."""
        draw = rng.random()
        worth = [line for line in sale.lines if line.priced.total and line.article is not None]
        linked = draw < _RETURNED and len(payments) == 1
        if not worth or (not linked and not _RETURNED <= draw < _RETURNED_UNLINKED):
            for payment in payments:
                self._write_payment([payment])
            return
        after = rng.randrange(1, 20)
        if rng.random() < 0.06:  # noqa: PLR2004 - some come back months later
            after = rng.randrange(60, 200)
        at = sale.updated + after * DAY + rng.randrange(2 * HOUR)
        lines = [one_piece(line) for line in rng.sample(worth, min(len(worth), 1 + (draw < 0.01)))]  # noqa: PLR2004 - mostly one line
        lines.sort(key=lambda line: int(line.uid[1:]))
        states = self._refunds(sale, payments[0] if linked else None, lines, at, rng)
        self._write_return(sale, lines, states, linked=linked, rng=rng)
        if not linked:
            for payment in payments:
                self._write_payment([payment])
            return
        history = [payments[0]]
        for state in states:
            taken_back = 0 if state.status in ("FAILED", "REJECTED") else state.amount
            history.append(
                replace(
                    payments[0],
                    updated=state.updated,
                    refunded=taken_back,
                    refund_ids=(state.id,),
                )
            )
        self._write_payment(history)

    def _refunds(
        self, sale: Sale, payment: Payment | None, lines: list[SaleLine], at: int, rng: Random
    ) -> list[Refund]:
        destination = "CASH"
        if payment is not None and payment.method != "CASH":
            destination = "WALLET" if payment.method == "WALLET" else "CARD"
        first = Refund(
            id=self._ids.make("refund", sale.id, 24),
            order=self._ids.make("return", sale.id),
            location=sale.location,
            team_member=rng.choice(self._premises.team[sale.location]),
            payment=payment,
            amount=sum(line.priced.total for line in lines),
            destination=destination,
            reason=reason(rng.randrange(4)),
            created=at + SECOND,
            updated=at + SECOND,
            status="PENDING",
        )
        if destination == "CASH" or rng.random() < 0.15:  # noqa: PLR2004 - banks mostly take days
            return [replace(first, status="COMPLETED")]
        draw = rng.random()
        status = "FAILED" if draw < 0.04 else "REJECTED" if draw < 0.05 else "COMPLETED"  # noqa: PLR2004 - few fail
        later = first.updated + rng.randrange(18 * HOUR, 5 * DAY)
        return [first, replace(first, status=status, updated=later)]

    def _write_return(
        self, sale: Sale, lines: list[SaleLine], states: list[Refund], *, linked: bool, rng: Random
    ) -> None:
        customer = sale.customer if linked or rng.random() < 0.5 else ""  # noqa: PLR2004 - half stay unknown
        at = states[0].created - SECOND
        updated = at + 2 * SECOND
        # When its refund is settled later the order shows it, but keeps its `updated_at`:
        # who follows orders alone never learns of it.
        returns = [
            Return(
                id=state.order,
                location=sale.location,
                customer=customer,
                source=sale.id if linked else "",
                lines=lines,
                refund=state,
                created=at,
                updated=updated,
                since=max(updated, state.updated),
            )
            for state in states
        ]
        past = [each for each in returns if each.since <= self._calendar.opens]
        future = [
            each for each in returns if self._calendar.opens < each.since <= self._calendar.ends
        ]
        self.takings.orders += [write_return(self._blob, each) for each in past[-1:] + future]
        self.takings.refunds += [
            write_refund(self._blob, each) for each in seen(states, self._calendar)
        ]
        if customer:
            net = sum(line.priced.total - line.priced.tax for line in lines)
            self.takings.spent.append((updated, customer, -net))

    def _note_points(self, sale: Sale, customer: str) -> None:
        net = sum(line.priced.total - line.priced.tax for line in sale.lines)
        self.takings.spent.append((sale.updated + MINUTE, customer, net))

    def _write_sale(self, states: list[Sale]) -> None:
        self.takings.orders += [
            write_sale(self._blob, each) for each in seen(states, self._calendar)
        ]

    def _write_payment(self, states: list[Payment]) -> None:
        self.takings.payments += [
            write_payment(self._blob, each) for each in seen(states, self._calendar)
        ]
