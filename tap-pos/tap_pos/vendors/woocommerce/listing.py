"""Reading lists to their end while the shop goes on selling.

Pages are numbered, so a row that leaves the list while it is read pushes another one over a
page's edge, unseen. Two ways around that:

* by keyset: always the first page of what changed after the last change that was seen;
* backwards, from the last page to the first, where rows can only leave or come last: what
  leaves then pushes unread rows towards the pages that are still to be read.

How WooCommerce understands dates decides the rest. `modified_after` and `modified_before` are
exclusive and know whole seconds. A date without an offset is site-local unless
`dates_are_gmt` is set; with both that and a ``Z``, WordPress converts the date to local time
and then compares it with a column in UTC. So: UTC without a ``Z``, and `dates_are_gmt`. PHP
still reads it as if a clock at the site showed it, and moves a time that such a clock skips
in spring; and lists are sorted by site-local time, which an hour in autumn has twice. The days
around these two nights are read backwards, as one span.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from tap_pos.vendors.pages import ListDecoder, Page
from tap_pos.vendors.woocommerce import wire
from tap_pos.windows import Window, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from tap_pos.vendors.base import BadRecord
    from tap_pos.vendors.woocommerce.api import Listing, Query, WooApi

N = TypeVar("N", bound=wire.Numbered)

_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)
_MOST_RESTARTS = 5


class Clock(NamedTuple):
    """One of the times a row can be listed by.

    Attributes:
        order: What `orderby` calls it.
        prefix: What the parameters that limit it begin with.
        field: Where a row shows it, in UTC.
    """

    order: str
    prefix: str
    field: str


MODIFIED = Clock("modified", "modified_", "date_modified_gmt")
CREATED = Clock("date", "", "date_created_gmt")


class _Stamp(Struct):
    id: Any = None
    date_modified_gmt: Any = None
    date_created_gmt: Any = None


_STAMPS = msgspec.json.Decoder(list[_Stamp])


class Reader(Generic[N]):
    """Reads one kind of row.

    Args:
        api: Connection to the site.
        path: Path of the list.
        kind: The struct of a row.
        zone: The site's time zone; None where it is unknown or is a fixed offset.
        more: Further parameters of every request.
    """

    def __init__(
        self,
        api: WooApi,
        path: str,
        kind: type[N],
        *,
        zone: ZoneInfo | None = None,
        more: Query | None = None,
    ) -> None:
        self._api = api
        self._path = path
        self._decode = ListDecoder(kind)
        self._zone = zone
        self._query = {"_fields": wire.wanted(kind), **(more or {})}
        self._stamped = wire.wanted(kind, MODIFIED.field, CREATED.field)

    def everything(self, **query: str) -> Iterator[Page[N]]:
        """Read a whole list backwards, by id; what is added meanwhile may be left out."""
        for listing in self._backwards({**self._query, **query}, frozen=False):
            yield listing.page

    def by_id(self, ids: list[int], **query: str) -> Page[N]:
        """Read at most a page of rows by id; those that do not exist are left out."""
        included = ",".join(str(number) for number in ids)
        return self._page({**self._query, **query, "include": included}).page

    def changed(self, window: Window, clock: Clock = MODIFIED, **query: str) -> Iterator[Page[N]]:
        """Read what was changed, or created, in a window, both ends included.

        Rows around a change of the clocks at the site may come although they are older.

        Args:
            window: The window.
            clock: Whether to go by the time of change or of creation.
            query: Further parameters.
        """
        query = {**self._query, "_fields": self._stamped, "dates_are_gmt": "true", **query}
        spans = list(_spans(window, self._zone))
        if len(spans) > 1:
            whole = _limits(Window(spans[0][0].start, window.end), clock)
            listing = self._page({**query, **whole})
            if listing.pages <= 1:
                # In one answer no order of rows can be wrong.
                yield listing.page
                return
        for span, clocks_change in spans:
            if clocks_change:
                for listing in self._backwards({**query, **_limits(span, clock)}, frozen=True):
                    yield listing.page
            else:
                yield from self._keyset(span, clock, query)

    def _keyset(self, span: Window, clock: Clock, query: Query) -> Iterator[Page[N]]:
        """Read the first page of what comes after the last row seen, until nothing does."""
        seen: set[tuple[int, datetime]] = set()
        rest = span
        while True:
            sorted_by_time = {"orderby": clock.order, "order": "asc"}
            listing = self._page({**query, **_limits(rest, clock), **sorted_by_time})
            stamps = _stamps(listing, clock)
            if listing.pages <= 1:
                yield _without(listing.page, seen, stamps)
                return
            # Rows that the key's user may not read are counted, but not shown; others show no
            # time. If there is no other on the page, all that is left is read as one span.
            first, last = (min(stamps.values()), max(stamps.values())) if stamps else rest
            if last < rest.start:
                raise self._api.unexpected(
                    self._path, f"ignores {clock.prefix}after: update WooCommerce"
                )
            if stamps and rest.start < last != first:
                yield _without(listing.page, seen, stamps)
                rest = Window(last, rest.end)
                seen = {(number, at) for number, at in stamps.items() if at == last}
                continue
            # More rows than a page holds share one second.
            together = Window(first, last)
            for frozen in self._backwards({**query, **_limits(together, clock)}, frozen=True):
                yield _without(frozen.page, seen, _stamps(frozen, clock))
            rest = Window(last + _SECOND, rest.end)
            if rest.start > rest.end:
                return

    def _backwards(self, query: Query, *, frozen: bool) -> Iterator[Listing[N]]:
        """Read a list from its last page to its first.

        Args:
            query: Which list.
            frozen: Whether rows may only leave it. One that comes in nevertheless could push
                an unread row back over a page's edge, so the list is then read again.
        """
        query = {**query, "orderby": "id", "order": "asc"}
        for _ in range(_MOST_RESTARTS):
            listing = self._page(query)
            if listing.pages <= 1:
                yield listing
                return
            fewest, number = listing.total, listing.pages
            while number:
                listing = self._page({**query, "page": str(number)})
                if frozen and listing.total > fewest:
                    break
                fewest = listing.total
                yield listing
                number -= 1
            else:
                return
        raise self._api.unexpected(
            self._path, "keeps adding rows to a list of the past: run again when it is quiet"
        )

    def _page(self, query: Query) -> Listing[N]:
        return self._api.page(self._path, self._decode, query)


def _stamps(listing: Listing[N], clock: Clock) -> dict[int, datetime]:
    """Read the time of each row, also of one that can't be read otherwise, if it shows one."""
    found = {}
    for row in _stamped(listing.body):
        try:
            found[int(row.id)] = parse_instant(getattr(row, clock.field))
        except (ValueError, TypeError):  # noqa: PERF203 - one row without a time must not hide the others
            continue
    return found


def _stamped(body: bytes) -> list[_Stamp]:
    """Read the rows of a list, but for what is no row at all."""
    try:
        return _STAMPS.decode(body)
    except msgspec.ValidationError:
        rows = (row for row in msgspec.json.decode(body) if isinstance(row, dict))
        return [msgspec.convert(row, _Stamp) for row in rows]


def naive_utc(moment: datetime) -> str:
    """Write an instant as the date parameters need it beside `dates_are_gmt`."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")


def _limits(span: Window, clock: Clock) -> Query:
    """Ask for a span of whole seconds, both ends included, from parameters that exclude them."""
    end = span.end.replace(microsecond=0)
    return {
        f"{clock.prefix}after": naive_utc(span.start - _SECOND),
        f"{clock.prefix}before": naive_utc(end + _SECOND),
    }


def _without(
    page: Page[N], seen: set[tuple[int, datetime]], stamps: dict[int, datetime]
) -> Page[N]:
    """Leave out rows that came with the page before."""
    if not seen:
        return page
    return Page(
        [row for row in page.items if (row.number, stamps.get(row.number)) not in seen],
        None,
        [bad for bad in page.bad if not _was_seen(bad, seen, stamps)],
    )


def _was_seen(bad: BadRecord, seen: set[tuple[int, datetime]], stamps: dict[int, datetime]) -> bool:
    number = int(bad.id) if bad.id and bad.id.isdecimal() else 0
    return (number, stamps.get(number)) in seen


def _spans(window: Window, zone: ZoneInfo | None) -> Iterator[tuple[Window, bool]]:
    """Cut a window where clocks at the site are changed.

    Cuts are made at noon, which no clock in the world skips or shows twice. If the window
    itself begins near such a night, it is read from the noon before.

    Yields:
        Each span, and whether clocks are changed in it. Neighbours share their boundary.
    """
    start = window.start
    for noon in _clock_changes(window, zone):
        begin, end = noon - _DAY, noon + 2 * _DAY
        if start < begin:
            yield Window(start, begin), False
        yield Window(max(begin, _noon_before(start)), min(end, window.end)), True
        start = end
        if start >= window.end:
            return
    yield Window(start, window.end), False


def _clock_changes(window: Window, zone: ZoneInfo | None) -> Iterator[datetime]:
    """Find the noons, in UTC, after which clocks at the site are changed before the next one.

    What is written without an offset may be up to fourteen hours away from what is meant, so
    a change matters from the noon before to the noon after these two.
    """
    if zone is None:
        return
    noon = _noon_before(window.start) - 2 * _DAY
    while noon - _DAY < window.end:
        following = noon + _DAY
        if _offset(noon, zone) != _offset(following, zone):
            if noon + 2 * _DAY > window.start:
                yield noon
            following += 2 * _DAY
        noon = following


@lru_cache(maxsize=16384)
def _offset(moment: datetime, zone: ZoneInfo) -> timedelta | None:
    """Look up a zone's offset; every list asks for the same decades of noons."""
    return moment.astimezone(zone).utcoffset()


def _noon_before(moment: datetime) -> datetime:
    noon = datetime.combine(moment.date(), time(12), timezone.utc)
    return noon if noon < moment else noon - _DAY
