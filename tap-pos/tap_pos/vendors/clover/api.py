"""Clover's way of asking: pages without a total or an order, windows of 90 days, permissions.

* Pages go by offset, in no documented order, while rows come and go. So each page begins
  with the last row of the one before: where it does not, something moved, and the list is
  read again from its start.
* What a request about more than 90 days leaves out, Clover does not say. No request here is
  about more than 80, and no row outside of what was asked for is accepted.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from tap_pos.errors import AccessDeniedError, UnexpectedAnswerError, Unmappable
from tap_pos.http import BearerToken, HttpClient
from tap_pos.pacing import Pace
from tap_pos.vendors import background
from tap_pos.vendors.base import BadRecord
from tap_pos.vendors.pages import Page, PageDecoder
from tap_pos.windows import Window, format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_pos.errors import ShopError
    from tap_pos.http import Limits, Reply
    from tap_pos.settings import ShopSettings

T = TypeVar("T")

DEFAULT_BASE_URL = "https://api.clover.com"
_PER_MINUTE, _BURST, _WORKERS = 16 * 60.0, 4, 4
_LARGEST_PAGE = 1000
_MOST_RESTARTS = 20
_WIDEST = timedelta(days=80)
_MARGIN = timedelta(days=30)
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_BEGINNING = datetime(1970, 1, 1, tzinfo=timezone.utc)
_PERMISSIONS = {
    "customers": "Customers (read)",
    "employees": "Employees (read)",
    "items": "Inventory (read)",
    "categories": "Inventory (read)",
    "orders": "Orders (read)",
    "payments": "Payments (read)",
    "refunds": "Payments (read)",
    "credits": "Payments (read)",
}


class _Row(Struct):
    id: str | None = None


class _Rows(Struct):
    elements: list[_Row] = []


_ROWS = msgspec.json.Decoder(_Rows)


class Listing(Generic[T]):
    """One of Clover's lists.

    Args:
        name: Its path below the merchant.
        kind: The struct of its rows.
        expand: What to show along, at most three fields.
        time: The field of time it can be asked by, and how a row tells it.
    """

    def __init__(
        self,
        name: str,
        kind: type[T],
        *expand: str,
        time: tuple[str, Callable[[T], int | None]] | None = None,
    ) -> None:
        self.name = name
        self.expand = expand
        self.time = time
        self._page = PageDecoder("elements", kind)

    def __call__(self, body: bytes) -> tuple[Page[T], list[str | None]]:
        """Decode a page, and the ids of its rows in their order, sound or not."""
        return self._page(body), [row.id for row in _ROWS.decode(body).elements]


class CloverApi:
    """Asks Clover on behalf of one merchant.

    Args:
        shop: The shop's settings.
        limits: How long to wait and to retry.
    """

    def __init__(self, shop: ShopSettings, limits: Limits) -> None:
        self._who = f"Shop '{shop.id}'"
        self._root = f"/v3/merchants/{quote(shop.merchant_id, safe='')}"
        self._http = HttpClient(
            shop.base_url or DEFAULT_BASE_URL,
            auth=BearerToken(shop.access_token),
            headers={"Accept": "application/json"},
            limits=limits,
            who=self._who,
            pace=Pace(shop.requests_per_minute or _PER_MINUTE, _BURST),
        )
        self._beginning = _BEGINNING

    def nothing_before(self, moment: datetime) -> None:
        """Ask for nothing older: decades in pieces of days are many requests for no row."""
        self._beginning = moment - _MARGIN

    def one(self, path: str, kind: type[T]) -> tuple[T | None, datetime | None]:
        """Read one object; None if there is none.

        Returns:
            The object and Clover's clock.

        Raises:
            ShopError: If it can't be read.
        """
        reply = self._get(path, msgspec.json.Decoder(kind).decode, [])
        if reply.content is None and (reply.status != _NOT_FOUND or not path):
            raise self._refusal(reply.status, path)
        return reply.content, reply.date

    def each(
        self, path: str, ids: Iterable[str], kind: type[T], *expand: str
    ) -> Iterator[tuple[str, T | BadRecord | None]]:
        """Read objects one by one, several at once; None for those that don't exist."""
        decoder = msgspec.json.Decoder(kind)
        query = [("expand", ",".join(expand))] if expand else []

        def fetch(identity: str) -> tuple[str, T | BadRecord | None]:
            def decode(body: bytes) -> T | BadRecord:
                try:
                    return decoder.decode(body)
                except msgspec.ValidationError as error:
                    return BadRecord(identity, str(error))

            where = path.format(quote(identity, safe=""))
            reply = self._get(where, decode, query)
            if reply.content is None and reply.status != _NOT_FOUND:
                raise self._refusal(reply.status, where)
            return identity, reply.content

        return background.each(fetch, ids, _WORKERS)

    def all(self, listing: Listing[T], name: str | None = None) -> Iterator[Page[T]]:
        """Read a whole list.

        Args:
            listing: The list.
            name: Its path, where it is one of several.
        """
        return self._pages(listing, name or listing.name, [])

    def changed(self, listing: Listing[T], window: Window) -> Iterator[Page[T]]:
        """Read what a list has from a window, both ends included, in pieces."""
        if listing.time is None:
            raise ValueError("this list can't be asked by time")
        field, time_of = listing.time
        asked_for = Window(max(window.start, min(self._beginning, window.end)), window.end)
        for piece in _pieces(asked_for):
            # The clock shows whole seconds; the list holds milliseconds of that second too.
            start, end = _milliseconds(piece.start), _milliseconds(piece.end) + 999
            asked = [("filter", f"{field}>={start}"), ("filter", f"{field}<={end}")]
            for page in self._pages(listing, listing.name, asked):
                times = [time for row in page.items if (time := time_of(row)) is not None]
                if times and not start <= min(times) <= max(times) <= end:
                    raise UnexpectedAnswerError(
                        f"{self._who}: Clover answered a question about the {listing.name} of "
                        "some days with those of others, so the list may be incomplete: "
                        "run again, and report it if it stays."
                    )
                yield page

    def _pages(
        self, listing: Listing[T], path: str, query: Sequence[tuple[str, str]]
    ) -> Iterator[Page[T]]:
        expand = [("expand", ",".join(listing.expand))] if listing.expand else []
        offset, last, restarts = 0, None, 0
        while True:
            place = [("limit", str(_LARGEST_PAGE)), ("offset", str(max(0, offset - 1)))]
            reply = self._get(path, listing, [*query, *expand, *place])
            if reply.content is None:
                raise self._refusal(reply.status, path)
            page, ids = reply.content
            if offset and ids[:1] != [last]:
                restarts += 1
                if restarts > _MOST_RESTARTS:
                    raise UnexpectedAnswerError(
                        f"{self._who}: the pages of {listing.name} change faster than they can be "
                        "read: run again at a quieter hour, or set a smaller window_days."
                    )
                offset, last = 0, None
                continue
            seen_before = 1 if offset else 0
            if len(ids) <= seen_before:
                return
            offset, last = offset + len(ids) - seen_before, ids[-1]
            yield page

    def _get(
        self, path: str, decode: Callable[[bytes], T], query: Sequence[tuple[str, str]]
    ) -> Reply[T]:
        where = f"{self._root}/{path}" if path else self._root
        if query:
            where = f"{where}?{urlencode(query)}"
        try:
            return self._http.request("GET", where, decode)
        except msgspec.ValidationError as error:
            raise UnexpectedAnswerError(
                f"{self._who}: {self._http.host} sent JSON that is not Clover's (GET {path}, "
                f"{error}): check base_url."
            ) from None

    def _refusal(self, status: int, path: str) -> ShopError:
        """Say what a refusal means and what to do about it."""
        name = path.partition("/")[0]
        if not path and status in {_UNAUTHORIZED, _FORBIDDEN}:
            return AccessDeniedError(
                f"{self._who}: Clover refuses the access token for this merchant ({status}): check "
                "access_token, merchant_id, the permission Merchant (read), and that base_url is "
                "the merchant's region.",
                ends_shop=True,
            )
        if status in {_UNAUTHORIZED, _FORBIDDEN}:
            return AccessDeniedError(
                f"{self._who}: the access token may not read {name} ({status}): grant it the "
                f"permission {_PERMISSIONS.get(name, 'Merchant (read)')}, or deselect the stream; "
                "if it was revoked, create a new one.",
                ends_shop=False,
            )
        if not path and status == _NOT_FOUND:
            return UnexpectedAnswerError(
                f"{self._who}: Clover knows no such merchant there: check merchant_id and base_url "
                "(each region has its own)."
            )
        return UnexpectedAnswerError(
            f"{self._who}: Clover refused to list {name or 'the merchant'} with {status}: check "
            "the shop's settings, and report it if they are right."
        )


def moment(milliseconds: int | None, name: str) -> str:
    """Write a time that has to be there.

    Raises:
        Unmappable: If it is missing or no time.
    """
    try:
        if milliseconds and milliseconds > 0:
            return format_instant(_BEGINNING + timedelta(milliseconds=milliseconds))
    except OverflowError:
        pass
    raise Unmappable(f"{name} is missing or no time")


def optional_moment(milliseconds: int | None, name: str) -> str | None:
    """Write a time that may be absent.

    Raises:
        Unmappable: If it is there, but no time.
    """
    return moment(milliseconds, name) if milliseconds else None


def _pieces(window: Window) -> Iterator[Window]:
    """Cut a window into pieces that Clover answers for in full; neighbours share an instant."""
    start = window.start
    while start < window.end - _WIDEST:
        yield Window(start, start + _WIDEST)
        start += _WIDEST
    yield Window(start, window.end)


def _milliseconds(instant: datetime) -> int:
    return int((instant - _BEGINNING).total_seconds()) * 1000
