"""Clover's orders with everything that belongs to them, put together from several answers.

* One request shows three expanded fields at most, so an order is read in three parts.
* A nested list is cut after 100 without a word; line items are then read from their own list.
* Payments, refunds and credits can move apart from the order, so their own lists say which
  orders to read again, one by one.
* A deleted order leaves the list. Clover lists deletions of the last 90 days only.
* An order whose state is null was never finished and is in no list; if it was paid all the
  same, its payment leads to it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_pos.errors import Unmappable, WindowTooLarge
from tap_pos.vendors.base import BadRecord, Batch
from tap_pos.vendors.clover import wire
from tap_pos.vendors.clover.api import Listing
from tap_pos.vendors.clover.order_mapping import order_of
from tap_pos.vendors.clover.wire import listed
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import Page
from tap_pos.windows import Window, can_be_halved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from tap_pos.records import Order
    from tap_pos.vendors.clover.api import CloverApi
    from tap_pos.vendors.clover.order_mapping import ShopFacts

_PARTS: tuple[tuple[str, ...], ...] = (
    ("lineItems.discounts", "lineItems.modifications", "lineItems.taxRates"),
    ("customers", "discounts", "serviceCharge"),
    ("payments", "refunds", "credits"),
)
_OF_PART: tuple[tuple[str, ...], ...] = (
    ("line_items",),
    ("customers", "discounts", "service_charge"),
    ("payments", "refunds", "credits"),
)
_CHANGED = tuple(
    Listing("orders", wire.Order, *part, time=("modifiedTime", lambda row: row.modified_time))
    for part in _PARTS
)
_DELETED = tuple(
    Listing("orders", wire.Order, *part, time=("deletedTime", lambda row: row.deleted_time))
    for part in _PARTS
)
_PAYMENTS = Listing("payments", wire.Payment, time=("modifiedTime", lambda row: row.modified_time))
_REFUNDS = Listing("refunds", wire.Refund, time=("createdTime", lambda row: row.created_time))
_CREDITS = Listing("credits", wire.Refund, time=("createdTime", lambda row: row.created_time))
_LINES = Listing("line_items", wire.LineItem, "discounts", "modifications", "taxRates")
_NESTED_MOST = 100
_DELETIONS_LISTED = timedelta(days=89)
_CHUNK = 200
_MOST_AT_HAND = 5000

Parts = dict[str, dict[int, wire.Order]]


class OrderReader:
    """Reads the orders of one shop.

    Args:
        api: Connection to Clover.
        facts: Facts about the shop.
        now: Clover's clock.
        tenders: Gives what each way to pay is, once it is needed.
    """

    def __init__(
        self,
        api: CloverApi,
        facts: ShopFacts,
        now: datetime,
        tenders: Callable[[], Mapping[str, str]],
    ) -> None:
        self._api = api
        self._facts = facts
        self._now = now
        self._tenders = tenders

    def read(self, window: Window) -> Iterator[Batch]:
        """Read every order touched in a window.

        Raises:
            WindowTooLarge: The window has to be read in halves.
        """
        bad: list[BadRecord] = []
        touched = self._touched(window, bad)
        parts = self._listed(_CHANGED, window, bad)
        recent = Window(max(window.start, self._now - _DELETIONS_LISTED), window.end)
        if recent.start <= recent.end:
            for identity, found in self._listed(_DELETED, recent, bad).items():
                parts.setdefault(identity, {}).update(found)
        yield Batch([], bad)
        unreadable = {row.id for row in bad}
        wanted = sorted({*parts, *touched} - unreadable)
        for start in range(0, len(wanted), _CHUNK):
            chunk = {key: parts.pop(key, {}) for key in wanted[start : start + _CHUNK]}
            yield self._batch(chunk)

    def _touched(self, window: Window, bad: list[BadRecord]) -> set[str]:
        """List the orders of which money moved."""
        touched: set[str] = set()
        for payments in self._api.changed(_PAYMENTS, window):
            touched.update(row.order.id for row in payments.items if row.order)
            bad.extend(payments.bad)
        for listing in (_REFUNDS, _CREDITS):
            for page in self._api.changed(listing, window):
                bad.extend(page.bad)
                for row in page.items:
                    if row.order_ref:
                        touched.add(row.order_ref.id)
                    else:
                        bad.append(BadRecord(row.id, "it gives money back for no order"))
        return touched

    def _listed(
        self, listings: Iterable[Listing[wire.Order]], window: Window, bad: list[BadRecord]
    ) -> Parts:
        """Read the orders of a window, each in as many parts as were listed of it."""
        parts: Parts = {}
        seen: set[tuple[str | None, str]] = set()
        for number, listing in enumerate(listings):
            for page in self._api.changed(listing, window):
                for order in page.items:
                    parts.setdefault(order.id, {})[number] = order
                # Each part of an order may be bad; once is enough.
                fresh = [row for row in page.bad if (row.id, row.reason) not in seen]
                seen.update((row.id, row.reason) for row in fresh)
                bad.extend(fresh)
                if len(parts) > _MOST_AT_HAND and can_be_halved(window):
                    raise WindowTooLarge
        return parts

    def _batch(self, parts: Parts) -> Batch:
        """Complete the parts of some orders, and map them.

        An order that is gone by now is left to the list of deletions.
        """
        bad: dict[str, BadRecord] = {}
        for number, expand in enumerate(_PARTS):
            missing = [identity for identity, found in parts.items() if number not in found]
            for identity, order in self._api.each("orders/{}", missing, wire.Order, *expand):
                if isinstance(order, BadRecord):
                    bad[identity] = order
                elif order is not None:
                    parts[identity][number] = order
        whole = [_joined(found) for found in parts.values() if len(found) == len(_PARTS)]
        return map_all(Page(whole, None, list(bad.values())), self._record)

    def _all_lines(self, order_id: str) -> wire.Elements[wire.LineItem]:
        pages = list(self._api.all(_LINES, f"orders/{order_id}/line_items"))
        for page in pages:
            if page.bad:
                raise Unmappable(f"one of its lines is unreadable ({page.bad[0].reason})")
        lines = {line.id: line for page in pages for line in page.items}
        return wire.Elements(list(lines.values()))

    def _record(self, order: wire.Order) -> Order:
        nested: tuple[Any, ...] = (order.payments, order.refunds, order.credits, order.discounts)
        if any(len(listed(rows)) >= _NESTED_MOST for rows in nested):
            raise Unmappable("it has more payments, refunds or discounts than Clover shows")
        if len(listed(order.line_items)) >= _NESTED_MOST:
            order.line_items = self._all_lines(order.id)
        return order_of(self._facts, order, self._tenders())


def _joined(parts: Mapping[int, wire.Order]) -> wire.Order:
    """Put the parts of an order together, on top of the newest of them."""
    newest = max(parts.values(), key=lambda order: order.modified_time or 0)
    for number, names in enumerate(_OF_PART):
        for name in names:
            setattr(newest, name, getattr(parts[number], name))
    return newest
