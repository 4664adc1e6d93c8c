"""A made-up vendor that deletes without telling, for testing how that is noticed.

It lists members by pages, all of them or those that changed, and answers for each one; what
it has deleted is simply not there any more.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tap_pos.errors import CursorExpired
from tap_pos.http import HttpClient
from tap_pos.records import Customer, Product
from tap_pos.testing.fake import Answer, FakeVendor, Request
from tap_pos.vendors.base import Batch, Vanishing, Vendor, WholeTable, Windowed
from tap_pos.vendors.mapping import map_all
from tap_pos.vendors.pages import PageDecoder
from tap_pos.windows import format_instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from tap_pos.http import Limits
    from tap_pos.settings import ShopSettings
    from tap_pos.vendors.base import Source
    from tap_pos.windows import Window

_NOT_FOUND = 404
_NEVER = datetime(2000, 1, 1, tzinfo=timezone.utc)


class Member(Struct):
    """A row of the made-up vendor."""

    id: str
    changed: str
    ended: str | None = None


_MEMBERS = PageDecoder("rows", Member, cursor="next")


class Club(FakeVendor):
    """The made-up vendor: three rows a page, sorted by id."""

    def __init__(self) -> None:
        super().__init__()
        self.members: dict[str, dict[str, Any]] = {}
        self.hidden: set[str] = set()

    def join(self, *ids: str) -> None:
        """Take in members, or change them."""
        for identity in ids:
            self.members[identity] = {"id": identity, "changed": format_instant(self.now)}

    def answer(self, request: Request) -> Answer:
        """List members, or answer for one."""
        _, _, identity = request.path.partition("/members/")
        if identity:
            return Answer(200 if identity in self.members else _NOT_FOUND)
        since, until = (request.asked.get(name) for name in ("since", "until"))
        rows = [row for key, row in sorted(self.members.items()) if key not in self.hidden]
        if since and until:
            rows = [row for row in rows if since <= str(row["changed"]) <= until]
        start = int(request.asked.get("start", 0))
        following = {"next": str(start + 3)} if rows[start + 3 :] else {}
        return Answer(body={"rows": rows[start : start + 3], **following})


class ClubShop:
    """One club: products read whole, customers by windows."""

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self._id = shop.id
        self._http = HttpClient(shop.base_url, auth=None, headers={}, limits=limits, who=shop.id)
        self.now = self._http.request("GET", "/hello", bytes).date or _NEVER
        self.history_starts_at = datetime(2026, 1, 1, tzinfo=timezone.utc)
        self.streams: Mapping[str, Source] = {
            "products": WholeTable(
                self._products,
                Vanishing(
                    self._gone, lambda key, at: Product(shop_id=self._id, id=key, deleted_at=at)
                ),
            ),
            "customers": Windowed(
                self._customers,
                timedelta(seconds=60),
                vanishing=Vanishing(
                    self._gone,
                    lambda key, at: Customer(shop_id=self._id, id=key, deleted_at=at),
                    self._keys,
                ),
            ),
        }

    def _pages(self, path: str, **asked: str) -> Iterator[Any]:
        following: str | None = "0"
        while following is not None:
            reply = self._http.request("GET", path, _MEMBERS, params={**asked, "start": following})
            if reply.content is None:
                raise CursorExpired
            yield reply.content
            following = reply.content.cursor

    def _products(self) -> Iterator[Batch]:
        for page in self._pages("/products"):
            yield map_all(page, lambda row: Product(shop_id=self._id, id=row.id))

    def _customers(self, window: Window) -> Iterator[Batch]:
        span = {"since": format_instant(window.start), "until": format_instant(window.end)}
        for page in self._pages("/customers", **span):
            yield map_all(
                page,
                lambda row: Customer(
                    shop_id=self._id, id=row.id, updated_at=row.changed, deleted_at=row.ended
                ),
            )

    def _keys(self) -> Iterator[Collection[str]]:
        for page in self._pages("/keys"):
            yield [row.id for row in page.items]

    def _gone(self, ids: Sequence[str]) -> Collection[str]:
        asked = {key: self._http.request("GET", f"/members/{key}", bytes).status for key in ids}
        return {key for key, status in asked.items() if status == _NOT_FOUND}


class ClubVendor(Vendor):
    """The made-up vendor's module."""

    name = "club"
    streams = frozenset({"products", "customers"})
    required_settings = frozenset({"base_url"})
    optional_settings = frozenset({"full_scan_days"})

    def open(self, shop: ShopSettings, limits: Limits) -> ClubShop:
        """Open one club."""
        return ClubShop(shop, limits)
