"""WooCommerce's orders with everything given back for them.

A refund through WooCommerce changes its order; one through PayPal does not, so refunds are
looked for themselves:

* since version 9.0 all refunds can be listed by their time of creation (they never change);
* before that, every order says which refunds it has, and in each window those orders are
  looked through that were made up to thirty days before it. A first sync needs no such look:
  each order is read with the refunds it has by then.

What an order itself says about its refunds is not trusted blindly: some sites of version 9 and
later leave that list empty (woocommerce/woocommerce#65488). Whether this one does is found out
from its newest refund; if so, the refunds of every paid order are asked for.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from tap_pos.asked_once import asked_once
from tap_pos.errors import Unmappable
from tap_pos.vendors.base import Batch
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import ListDecoder, Page
from tap_pos.vendors.woocommerce import wire
from tap_pos.vendors.woocommerce.api import LARGEST_PAGE
from tap_pos.vendors.woocommerce.listing import CREATED, Reader
from tap_pos.vendors.woocommerce.order_mapping import order_of
from tap_pos.windows import parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from tap_pos.records import Record
    from tap_pos.vendors.base import BadRecord
    from tap_pos.vendors.woocommerce.api import WooApi
    from tap_pos.vendors.woocommerce.order_mapping import ShopFacts
    from tap_pos.windows import Window

_STATUSES = ("any", "trash")
"""What WordPress calls any status leaves out the trash."""

_REFUNDED_WITHIN = timedelta(days=30)
_ORDER = msgspec.json.Decoder(wire.RefundsOfOrder)
_REFUNDS = ListDecoder(wire.Refund)
_NEWEST_REFUND = ListDecoder(wire.RefundOfOrder)
_NOT_FOUND = 404


class _Refunding(NamedTuple):
    """How this site tells of refunds.

    Attributes:
        listed: Whether all refunds can be listed.
        in_orders: Whether orders say which refunds they have.
    """

    listed: bool
    in_orders: bool


class OrderReader:
    """Reads the orders of one site.

    Args:
        api: Connection to the site.
        facts: Facts about the shop.
    """

    def __init__(self, api: WooApi, facts: ShopFacts) -> None:
        self._api = api
        self._facts = facts
        self._orders = Reader(api, "/orders", wire.Order, zone=facts.zone)
        self._summaries = Reader(api, "/orders", wire.RefundsOfOrder, zone=facts.zone)
        self._refunds = Reader(api, "/refunds", wire.RefundOfOrder, zone=facts.zone)
        self._is_first_sync = False

    def first_created_at(self) -> str | None:
        """Find when the oldest order was made."""
        query = {
            "orderby": "date",
            "order": "asc",
            "per_page": "1",
            "_fields": "id,date_created_gmt",
        }
        for status in _STATUSES:
            found = self._api.ask("/orders", _CREATED, {**query, "status": status}).content
            for order in found or ():
                if order.date_created_gmt:
                    return order.date_created_gmt
        return None

    def read(self, window: Window, history_starts_at: datetime) -> Iterator[Batch]:
        """Read every order that was changed, or refunded, in a window.

        Args:
            window: The window.
            history_starts_at: A window that begins before this is the first of a first sync.
        """
        self._is_first_sync = self._is_first_sync or window.start < history_starts_at
        bad: list[BadRecord] = []
        refunded = set(self._refunded(window, bad))
        yield Batch([], bad)
        for status in _STATUSES:
            for page in self._orders.changed(window, status=status):
                yield self._batch(page, refunded)
                refunded.difference_update(order.number for order in page.items)
        remaining = iter(sorted(refunded))
        while chunk := list(islice(remaining, LARGEST_PAGE)):
            for status in _STATUSES:
                yield self._batch(self._orders.by_id(chunk, status=status), refunded)

    def _refunded(self, window: Window, bad: list[BadRecord]) -> Iterator[int]:
        """Find orders that were refunded in a window, whether that changed them or not.

        Args:
            window: The window.
            bad: Receives the refunds that can't be read.
        """
        if self._is_first_sync:
            return
        if self._refunding.listed:
            for page in self._refunds.changed(window, CREATED):
                yield from (refund.parent_id for refund in page.items)
                bad.extend(page.bad)
            return
        earlier = window._replace(start=window.start - _REFUNDED_WITHIN)
        for orders in self._summaries.changed(earlier, CREATED, status="any"):
            suspects = [order.number for order in orders.items if order.refunds]
            for number, refunds in self._refunds_of(suspects):
                if any(_is_in(refund, window) for refund in refunds.items):
                    yield number

    @asked_once
    def _refunding(self) -> _Refunding:
        """Find out how this site tells of refunds."""
        query = {"per_page": "1", "_fields": wire.wanted(wire.RefundOfOrder)}
        newest = self._api.try_to_ask("/refunds", _NEWEST_REFUND, query)
        if newest.content is None:
            if newest.status != _NOT_FOUND:
                raise self._api.refusal(newest, "/refunds")
            return _Refunding(listed=False, in_orders=True)
        for refund in newest.content.items:
            fields = {"_fields": wire.wanted(wire.RefundsOfOrder)}
            for _, order in self._api.get_each(
                "/orders/{}", [refund.parent_id], _ORDER.decode, fields
            ):
                told = order is None or any(r.number == refund.number for r in order.refunds)
                return _Refunding(listed=True, in_orders=told)
        return _Refunding(listed=True, in_orders=True)

    def _refunds_of(self, numbers: Iterable[int]) -> Iterator[tuple[int, Page[wire.Refund]]]:
        query = {"per_page": str(LARGEST_PAGE), "_fields": wire.wanted(wire.Refund)}
        for number, page in self._api.get_each("/orders/{}/refunds", numbers, _REFUNDS, query):
            yield number, page or Page([])

    def _batch(self, page: Page[wire.Order], refunded: set[int]) -> Batch:
        """Map a page of orders once their refunds are at hand."""
        refunds = dict(
            self._refunds_of(
                order.number for order in page.items if self._may_have_refunds(order, refunded)
            )
        )

        def to_record(order: wire.Order) -> Record:
            own = refunds.get(order.number, Page([]))
            for bad in own.bad:
                raise Unmappable(f"one of its refunds is unreadable ({bad.reason})")
            return order_of(self._facts, order, own.items)

        return map_all(page, to_record)

    def _may_have_refunds(self, order: wire.Order, refunded: set[int]) -> bool:
        if order.refunds or order.status == "refunded" or order.number in refunded:
            return True
        return bool(order.date_paid_gmt) and not self._refunding.in_orders


def _is_in(refund: wire.Refund, window: Window) -> bool:
    """Tell whether a refund was made in a window; an unreadable date is looked at later."""
    try:
        return window.start <= parse_instant(refund.date_created_gmt) <= window.end
    except ValueError:
        return True


class _Created(msgspec.Struct):
    date_created_gmt: str | None = None


_CREATED = msgspec.json.Decoder(list[_Created]).decode
