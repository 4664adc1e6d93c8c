"""Odoo's point-of-sale orders, with the lines and payments that are models of their own.

Writing a line or a payment does not touch its order, so all three are listed and any of
them brings the order along. Its record is always built from the order as it is, read by id
with all its lines and payments.

Merging partners points their orders to the survivor by plain SQL, which touches no order;
it does write the survivor. So a written partner brings along the older orders that it has.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeVar

from tap_pos.asked_once import asked_once
from tap_pos.errors import Unmappable
from tap_pos.vendors.base import BadRecord, Batch
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.odoo import wire
from tap_pos.vendors.odoo.api import changed_in, chunks
from tap_pos.vendors.odoo.order_mapping import Basket, order_of
from tap_pos.vendors.odoo.wire import linked, linked_id
from tap_pos.vendors.pages import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tap_pos.records import Order
    from tap_pos.vendors.odoo.api import Domain, OdooApi
    from tap_pos.vendors.odoo.directory import Staff
    from tap_pos.vendors.odoo.order_mapping import ShopFacts
    from tap_pos.windows import Window

R = TypeVar("R", bound=wire.Row)

_BEFORE_ANY_ODOO = datetime(2005, 1, 1, tzinfo=timezone.utc)
_ORDER, _LINE, _PAYMENT = "pos.order", "pos.order.line", "pos.payment"


class OrderReader:
    """Reads the orders of one shop.

    Args:
        api: Connection to Odoo.
        facts: Gives facts about the shop, once they are needed.
        staff: Who works there.
    """

    def __init__(self, api: OdooApi, facts: Callable[[], ShopFacts], staff: Staff) -> None:
        self._api = api
        self._facts = facts
        self._staff = staff
        self._first_start: datetime | None = None

    def read(self, window: Window) -> Iterator[Batch]:
        """Read every order touched in a window."""
        self._first_start = self._first_start or window.start
        bad: list[BadRecord] = []
        touched = sorted(self._touched(changed_in(window), bad))
        yield Batch([], bad)
        for chunk in chunks(touched):
            yield self._batch(chunk)

    def _touched(self, changed: Domain, bad: list[BadRecord]) -> set[int]:
        touched = {key for page in self._api.ids(_ORDER, changed) for key in page}
        for lines in self._api.rows(_LINE, wire.OfOrder, changed):
            touched.update(key for row in lines.items if (key := linked(row.order_id)))
            bad.extend(lines.bad)
        for payments in self._api.rows(_PAYMENT, wire.OfPaidOrder, changed):
            touched.update(key for row in payments.items if (key := linked(row.pos_order_id)))
            bad.extend(payments.bad)
        for key in self._orders_of_written_partners(changed):
            touched.add(key)
        return touched

    def _orders_of_written_partners(self, changed: Domain) -> Iterator[int]:
        """List orders that this run has not read and won't, of partners that were written."""
        if self._first_start is None or self._first_start <= _BEFORE_ANY_ODOO:
            return
        older = ("write_date", "<", f"{self._first_start:%Y-%m-%d %H:%M:%S}")
        for page in self._api.ids("res.partner", changed):
            for found in self._api.ids(_ORDER, [("partner_id", "in", page), older]):
                yield from found

    def _batch(self, keys: Sequence[int]) -> Batch:
        orders: Page[wire.Order] = _whole(self._api.having(_ORDER, wire.Order, "id", keys))
        lines = _whole(self._api.having(_LINE, wire.Line, "order_id", keys))
        payments = _whole(self._api.having(_PAYMENT, wire.Payment, "pos_order_id", keys))
        bad_lines = {row.id: row for row in lines.bad}
        bad_payments = {row.id: row for row in payments.bad}
        lines_of: dict[int | None, list[wire.Line]] = defaultdict(list)
        for line in lines.items:
            lines_of[linked(line.order_id)].append(line)
        payments_of: dict[int | None, list[wire.Payment]] = defaultdict(list)
        for payment in payments.items:
            payments_of[linked(payment.pos_order_id)].append(payment)
        sources = self._sources(lines.items)

        def to_record(order: wire.Order) -> Order:
            # Let no order out with less in it than was sold or paid.
            parts = [bad_lines.pop(str(key), None) for key in order.lines]
            parts += [bad_payments.pop(str(key), None) for key in order.payment_ids]
            if reasons := [part.reason for part in parts if part is not None]:
                raise Unmappable(f"one of its lines or payments is unreadable ({reasons[0]})")
            basket = Basket(
                order,
                lines_of[order.key],
                payments_of[order.key],
                sources,
                self._methods,
                self._staff.id_of(order),
            )
            return order_of(self._facts(), basket)

        batch = map_all(orders, to_record)
        batch.bad.extend((*bad_lines.values(), *bad_payments.values()))
        return batch

    def _sources(self, lines: Sequence[wire.Line]) -> Mapping[int, str]:
        """Find the orders whose lines are taken back by these lines."""
        keys = {key for line in lines if (key := linked(line.refunded_orderline_id))}
        pages = self._api.having(_LINE, wire.OfOrder, "id", sorted(keys))
        return {
            row.key: order_id
            for page in pages
            for row in page.items
            if (order_id := linked_id(row.order_id))
        }

    @asked_once
    def _methods(self) -> Mapping[int, wire.Method]:
        return {
            row.key: row for row in self._api.every("pos.payment.method", wire.Method, []).items
        }


def _whole(pages: Iterator[Page[R]]) -> Page[R]:
    """Put pages together."""
    result: Page[R] = Page([])
    for page in pages:
        result.items.extend(page.items)
        result.bad.extend(page.bad)
    return result
