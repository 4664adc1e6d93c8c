"""Square's orders with everything paid for them and given back through them.

An order is touched in a window if it changed itself, or a payment or a refund of it did:
Square moves their `updated_at` apart from the order's. Whatever touched it, its record is
the same, because it is always built from the order's own list of tenders and refunds, each
in full. What the window's lists did not bring along is fetched by id. Money that belongs to no
order becomes an order of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from tap_pos.errors import Unmappable, WindowTooLarge
from tap_pos.vendors.base import BadRecord, Batch
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import Page, PageDecoder, SingleDecoder
from tap_pos.vendors.square import wire
from tap_pos.vendors.square.loose_money import order_of_payment, order_of_refund
from tap_pos.vendors.square.order_mapping import ShopFacts, order_of
from tap_pos.vendors.square.payment_mapping import payment_from_tender, refund_from_order
from tap_pos.windows import Window, can_be_halved, format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_pos.records import Record
    from tap_pos.vendors.square.api import SquareApi

T = TypeVar("T")

_ORDERS = PageDecoder("orders", wire.Order)
_PAYMENTS = PageDecoder("payments", wire.Payment)
_REFUNDS = PageDecoder("refunds", wire.Refund)
_PAYMENT = SingleDecoder("payment", wire.Payment)
_REFUND = SingleDecoder("refund", wire.Refund)
_LARGEST_ORDER_PAGE = 500
_LARGEST_MONEY_PAGE = 100
_MOST_LOCATIONS = 10
_LARGEST_LOOKUP = 100
# Each takes about 1.3 kB.
_MOST_PAYMENTS_AT_HAND = 2000
# Left out, Square quietly starts a year ago, by the time of creation.
_BEGINNING_OF_SQUARE = "2009-01-01T00:00:00Z"


@dataclass
class _Money:
    """Payments and refunds at hand while one window is read."""

    payments: dict[str, wire.Payment | BadRecord | None] = field(default_factory=dict)
    refunds: dict[str, wire.Refund | BadRecord | None] = field(default_factory=dict)
    refunds_of_order: dict[str, list[str]] = field(default_factory=dict)
    touched_orders: set[str] = field(default_factory=set)

    def add_refund(self, refund: wire.Refund) -> None:
        """Keep a refund, and remember the order it belongs to."""
        self.refunds[refund.id] = refund
        if refund.order_id:
            self.refunds_of_order.setdefault(refund.order_id, []).append(refund.id)
            self.touched_orders.add(refund.order_id)


class OrderReader:
    """Reads the orders of one shop.

    Args:
        api: Connection to Square.
        facts: Facts about the shop.
        location_ids: The locations to read; Square must be asked about each by name.
        all_locations: Whether these are all locations of the shop.
    """

    def __init__(
        self, api: SquareApi, facts: ShopFacts, location_ids: Sequence[str], *, all_locations: bool
    ) -> None:
        self._api = api
        self._facts = facts
        self._location_ids = location_ids
        self._all_locations = all_locations

    def read(self, window: Window) -> Iterator[Batch]:
        """Read every order touched in a window.

        Raises:
            CursorExpired: The window has to be read again from its first page.
            WindowTooLarge: The window has to be read in halves.
        """
        money = _Money()
        for page in self._payments(window):
            money.payments.update((payment.id, payment) for payment in page.items)
            money.touched_orders.update(p.order_id for p in page.items if p.order_id)
            if len(money.payments) > _MOST_PAYMENTS_AT_HAND and can_be_halved(window):
                raise WindowTooLarge
            loose = [payment for payment in page.items if not payment.order_id]
            yield map_all(Page(loose, None, page.bad), partial(order_of_payment, self._facts))
        for refund_page in self._refunds(window):
            self._find_orders(refund_page.items, money)
            for refund in refund_page.items:
                money.add_refund(refund)
            back = [refund for refund in refund_page.items if not refund.order_id]
            yield map_all(Page(back, None, refund_page.bad), partial(order_of_refund, self._facts))
        for order_page in self._orders(window):
            money.touched_orders.difference_update(order.id for order in order_page.items)
            money.touched_orders.difference_update(bad.id for bad in order_page.bad if bad.id)
            yield self._batch(order_page, money)
        for order_page in self._orders_by_id(money.touched_orders):
            yield self._batch(order_page, money)

    def _payments(self, window: Window) -> Iterator[Page[wire.Payment]]:
        """List payments location by location: without one, Square means the main location."""
        for location_id in self._location_ids:
            yield from self._api.pages(
                "GET", "/v2/payments", _PAYMENTS, _changed(window) | {"location_id": location_id}
            )

    def _refunds(self, window: Window) -> Iterator[Page[wire.Refund]]:
        """List refunds without a location: that means all, also a refund that has none."""
        for page in self._api.pages("GET", "/v2/refunds", _REFUNDS, _changed(window)):
            mine = [refund for refund in page.items if self._is_mine(refund.location_id)]
            yield Page(mine, None, page.bad)

    def _find_orders(self, refunds: Sequence[wire.Refund], money: _Money) -> None:
        """Let a refund that names only its payment name that payment's order too."""
        lost = [refund for refund in refunds if refund.payment_id and not refund.order_id]
        unknown = {
            refund.payment_id for refund in lost if refund.payment_id
        } - money.payments.keys()
        money.payments.update(self._api.get_each("/v2/payments/{}", unknown, _PAYMENT))
        for refund in lost:
            payment = money.payments.get(refund.payment_id or "")
            if isinstance(payment, wire.Payment):
                refund.order_id = payment.order_id

    def _orders(self, window: Window) -> Iterator[Page[wire.Order]]:
        """Search orders, ten locations at a time."""
        changed = {"start_at": format_instant(window.start), "end_at": format_instant(window.end)}
        for chunk in _chunks(self._location_ids, _MOST_LOCATIONS):
            query = {
                "location_ids": chunk,
                "limit": _LARGEST_ORDER_PAGE,
                "query": {
                    "filter": {"date_time_filter": {"updated_at": changed}},
                    # Must be the filtered field, and spelled so: anything else means DESC.
                    "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"},
                },
            }
            yield from self._api.pages("POST", "/v2/orders/search", _ORDERS, query)

    def _orders_by_id(self, ids: Iterable[str]) -> Iterator[Page[wire.Order]]:
        """Fetch orders that only their money touched. Square leaves out unknown ids."""
        for chunk in _chunks(sorted(ids), _LARGEST_LOOKUP):
            page, _ = self._api.ask(
                "POST", "/v2/orders/batch-retrieve", _ORDERS, {"order_ids": chunk}
            )
            mine = [order for order in page.items if self._is_mine(order.location_id)]
            yield Page(mine, None, page.bad)

    def _is_mine(self, location_id: str | None) -> bool:
        return self._all_locations or location_id is None or location_id in self._location_ids

    def _batch(self, page: Page[wire.Order], money: _Money) -> Batch:
        """Map a page of orders once all their money is at hand; then let go of it."""
        self._complete(page.items, money)

        def to_record(order: wire.Order) -> Record:
            payments = [
                _sound(money.payments.get(identity)) or payment_from_tender(order.id, tender)
                for identity, tender in _tenders(order)
            ]
            own = {refund.id: refund for refund in order.refunds or ()}
            refunds = [
                _sound(money.refunds.get(identity)) or refund_from_order(order.id, own[identity])
                for identity in sorted({*own, *money.refunds_of_order.get(order.id, ())})
            ]
            return order_of(self._facts, order, payments, refunds)

        batch = map_all(page, to_record)
        for order in page.items:
            for identity, _ in _tenders(order):
                money.payments.pop(identity, None)
        return batch

    def _complete(self, orders: Sequence[wire.Order], money: _Money) -> None:
        """Fetch the payments and refunds of these orders that the lists did not bring."""
        payment_ids = {identity for order in orders for identity, _ in _tenders(order)}
        money.payments.update(
            self._api.get_each("/v2/payments/{}", payment_ids - money.payments.keys(), _PAYMENT)
        )
        refund_ids = {refund.id for order in orders for refund in order.refunds or ()}
        money.refunds.update(
            self._api.get_each("/v2/refunds/{}", refund_ids - money.refunds.keys(), _REFUND)
        )


def _changed(window: Window) -> dict[str, Any]:
    """Ask for money that changed in a window, whenever it was taken."""
    return {
        "begin_time": _BEGINNING_OF_SQUARE,
        "updated_at_begin_time": format_instant(window.start),
        "updated_at_end_time": format_instant(window.end),
        "sort_field": "UPDATED_AT",
        "sort_order": "ASC",
        "limit": str(_LARGEST_MONEY_PAGE),
    }


def _tenders(order: wire.Order) -> Iterator[tuple[str, wire.Tender]]:
    """List how an order was paid, with the id of each payment."""
    for tender in order.tenders or ():
        identity = tender.payment_id or tender.id
        if identity and tender.type != "NO_SALE":
            yield identity, tender


def _sound(found: T | BadRecord | None) -> T | None:
    """Let no order out with less money in it than moved."""
    if isinstance(found, BadRecord):
        raise Unmappable(f"one of its payments or refunds is unreadable ({found.reason})")
    return found


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk
