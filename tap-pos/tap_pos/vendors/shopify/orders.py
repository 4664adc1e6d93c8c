"""Shopify's orders, with their lines, refunds and payments.

An order's `updatedAt` moves with everything in it, as far as is known; Shopify does not
promise it. So money that reached or left the shop in a window (`tenderTransactions`) makes
its order be read too, even if the order itself does not claim to have changed.

An order that changes while the rest of its lines is fetched would be put together from two
states. It is left out then: its new `updatedAt` is in a later window.

Orders older than 60 days are hidden from a token without the scope `read_all_orders`, without
a word, even when they are refunded today. Orders that Shopify deletes vanish without a trace.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from tap_pos.errors import CursorExpired
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import Page
from tap_pos.vendors.shopify import queries, wire
from tap_pos.vendors.shopify.api import Kind
from tap_pos.vendors.shopify.ids import short
from tap_pos.vendors.shopify.order_mapping import ShopFacts, order_of
from tap_pos.vendors.shopify.products import changed_in
from tap_pos.windows import Window, format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime

    from tap_pos.records import Record
    from tap_pos.settings import ShopSettings
    from tap_pos.vendors.base import Batch
    from tap_pos.vendors.shopify.api import ShopifyApi

T = TypeVar("T")

ONLINE = "online"
"""Stands among `location_ids` for orders that name no location."""

# With their lines and refunds, five orders come close to the thousand points a query may cost.
_ORDERS = Kind(wire.Order, 5)
_TENDERS = Kind(wire.Tender, 100)
_HIDDEN_AFTER = timedelta(days=60)
_logger = logging.getLogger("tap-pos.shopify")


class OrderReader:
    """Reads the orders of one shop.

    Args:
        api: Connection to Shopify.
        shop: The shop's settings.
        facts: What the mapping has to know about the shop.
        scopes: What the token may do.
        opened_at: When the shop opened.
        now: Shopify's clock.
    """

    def __init__(  # noqa: PLR0913 - all named where they are given
        self,
        api: ShopifyApi,
        shop: ShopSettings,
        facts: ShopFacts,
        *,
        scopes: Collection[str],
        opened_at: datetime,
        now: datetime,
    ) -> None:
        self._api = api
        self._facts = facts
        self._now = now
        staff = "read_users" in scopes
        self._list = queries.ORDERS_WITH_STAFF if staff else queries.ORDERS
        self._lookup = queries.ORDERS_BY_ID_WITH_STAFF if staff else queries.ORDERS_BY_ID
        self._locations = (
            None if shop.location_ids is None else {short(place) for place in shop.location_ids}
        )
        self._hides_old = "read_all_orders" not in scopes and opened_at < now - _HIDDEN_AFTER
        self._tests = 0

    def read(self, window: Window) -> Iterator[Batch]:
        """Read every order that changed in a window.

        Raises:
            CursorExpired: The window has to be read again from its first page.
        """
        self._warn_of_hidden_orders()
        seen: set[str] = set()
        for page in self._api.list_by_id(self._list, _ORDERS, changed_in(window)):
            seen.update(order.id for order in page.items)
            yield self._batch(page, window)
        paid = self._paid_orders(window) - seen
        for page in self._api.get_each(self._lookup, _ORDERS, sorted(paid)):
            yield self._batch(page, window)
        if self._tests and window.end >= self._now:
            _logger.info("Shop '%s': left out %d test order(s)", self._facts.id, self._tests)
            self._tests = 0

    def _warn_of_hidden_orders(self) -> None:
        if self._hides_old:
            _logger.warning(
                "Shop '%s': the app lacks the scope read_all_orders, so Shopify shows only orders "
                "of the last 60 days, and no change of an older one: have Shopify grant it, then "
                "read again from the beginning",
                self._facts.id,
            )
        self._hides_old = False

    def _paid_orders(self, window: Window) -> set[str]:
        """List the orders for which money moved in a window, but for those that come later.

        An order that changed after the window is in a later one, with this money in it.
        """
        found: set[str] = set()
        end = format_instant(window.end)
        search = changed_in(window, "processed_at")
        for page in self._api.list_by_cursor(queries.TENDERS, _TENDERS, search):
            paid = [tender.order for tender in page.items if tender.order]
            found.update(order.id for order in paid if order.updated_at <= end)
        return found

    def _batch(self, page: Page[wire.Order], window: Window) -> Batch:
        self._tests += sum(order.test for order in page.items)
        wanted = [order for order in page.items if not order.test and self._is_mine(order)]
        whole = [order for order in wanted if self._complete(order, window)]
        return map_all(Page(whole, None, page.bad), self._order)

    def _order(self, order: wire.Order) -> Record:
        return order_of(self._facts, order)

    def _is_mine(self, order: wire.Order) -> bool:
        place = short(order.retail_location.id) if order.retail_location else ONLINE
        return self._locations is None or place in self._locations

    def _complete(self, order: wire.Order, window: Window) -> bool:
        """Fetch what did not fit; False if the order changed, or went, meanwhile."""
        if not _rest(order.line_items, partial(self._more_lines, order, window)):
            return False
        for refund in order.refunds:
            more = partial(self._more_refund_lines, order, refund, window)
            if not _rest(refund.refund_line_items, more):
                return False
        return True

    def _more_lines(
        self, order: wire.Order, window: Window, after: str | None
    ) -> wire.Connection[wire.LineItem] | None:
        found = self._api.find(queries.ORDER_LINES, wire.OrderLines, id=order.id, after=after)
        if found is None or self._has_changed(order, found.updated_at, window):
            return None
        return found.line_items

    def _more_refund_lines(
        self, order: wire.Order, refund: wire.Refund, window: Window, after: str | None
    ) -> wire.Connection[wire.RefundLineItem] | None:
        found = self._api.find(queries.REFUND_LINES, wire.RefundLines, id=refund.id, after=after)
        if found is None or self._has_changed(order, found.order.updated_at, window):
            return None
        return found.refund_line_items

    def _has_changed(self, order: wire.Order, updated_at: str, window: Window) -> bool:
        """Tell whether an order is no longer the one whose first lines were read.

        Raises:
            CursorExpired: If no later window would have it, because the clock went back.
        """
        if updated_at == order.updated_at:
            return False
        if updated_at < format_instant(window.end):
            raise CursorExpired
        return True


def _rest(
    first: wire.Connection[T], more: Callable[[str | None], wire.Connection[T] | None]
) -> bool:
    """Complete a connection in place; False if the rest is not to be had."""
    page = first
    while page.page_info.has_next_page:
        following = more(page.page_info.end_cursor)
        if following is None:
            return False
        page = following
        first.nodes.extend(page.nodes)
    return True
