"""Reading one shop's stream: windows, cursors, what is bad and what vanished. Knows no Singer.

A `StreamReading` turns what a vendor's module gives into pieces: some records, and what the
shop's part of the state may say once these records, and all pieces before, are safely sent.
Whoever sends them decides when that is; nothing here depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from tap_pos.errors import (
    CursorExpired,
    RecordsNotUnderstoodError,
    UnexpectedAnswerError,
    WindowTooLarge,
)
from tap_pos.vanishing import Acquaintances
from tap_pos.vendors.base import Feed, WholeTable, Windowed
from tap_pos.windows import Cuts, Window, bookmark_after, format_instant, parse_instant

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping

    from tap_pos.records import Record
    from tap_pos.shops import OpenShop
    from tap_pos.vendors.base import Batch

T = TypeVar("T")

_MOST_RESTARTS = 5
_BEFORE_EVERYTHING = datetime(2000, 1, 1, tzinfo=timezone.utc)
# Some say the year 1 for "unknown": that would be thousands of windows without any row.
_BEFORE_REGISTERS = datetime(1970, 1, 1, tzinfo=timezone.utc)
_SHORTEST = timedelta(seconds=1)


@dataclass(frozen=True)
class Piece:
    """Some records of one shop and stream.

    Attributes:
        records: The records, in the order in which they are to be sent.
        state: What of the shop's part of the state changes once they are sent.
    """

    records: list[Record]
    state: Mapping[str, Any]


class StreamReading:
    """Reads what one shop has new of one stream, once.

    Args:
        shop: The shop.
        stream: Name of the stream.
        state: The shop's part of the stream's state, as earlier runs left it.
        incremental: Whether to go on from a bookmark or cursor, and to keep one.
        log: Where to tell what a person should know.
    """

    def __init__(
        self,
        shop: OpenShop,
        stream: str,
        state: Mapping[str, Any],
        *,
        incremental: bool,
        log: logging.Logger,
    ) -> None:
        self._shop = shop
        self._stream = stream
        self._state = state
        self._incremental = incremental
        self._log = log
        self._source = shop.reader.streams.get(stream)
        self._bad_records = 0
        self._acquaintances = Acquaintances.of(shop, self._source, state, log)

    def pieces(self) -> Iterator[Piece]:
        """Read, page by page.

        Raises:
            ShopError: If the shop can't be read on.
        """
        if isinstance(self._source, Feed):
            yield from self._read_feed(self._source)
        elif isinstance(self._source, WholeTable):
            yield from self._read_whole_table(self._source)
        elif isinstance(self._source, Windowed):
            yield from self._read_windows(self._source)
        self._check_bad_records()

    def _read_feed(self, source: Feed) -> Iterator[Piece]:
        """Read what came after the last cursor."""
        cursor = self._state.get("cursor") if self._incremental else None

        def steps() -> Iterator[Piece]:
            nonlocal cursor
            for step in source.read(cursor):
                piece = self._piece(step.batch)
                cursor = step.cursor
                keeps = self._incremental and self._is_sound()
                yield Piece(piece.records, {"cursor": cursor} if keeps else {})

        yield from self._restarted(steps, goes_on=True)

    def _read_whole_table(self, source: WholeTable) -> Iterator[Piece]:
        """Read everything; what is known but was not there may have vanished."""
        yield from self._restarted(lambda: map(self._piece, source.read()))
        if self._acquaintances is not None:
            for records, state in self._acquaintances.missed_in_whole_table():
                yield Piece(records, state)

    def _read_windows(self, source: Windowed) -> Iterator[Piece]:
        """Read what changed, and from time to time look for what vanished."""
        bookmark = self._bookmark()
        for cuts in self._spans(source, self._start(bookmark)):
            while (window := cuts.next_piece()) is not None:
                yield from self._read_window(source, cuts, window)
        if self._acquaintances is not None:
            listings = self._acquaintances.listings(is_first_read=bookmark is None)
            for keys in self._restarted(listings):
                self._acquaintances.note_listed(keys)
                yield Piece([], {})
            for records, state in self._acquaintances.missed_in_listings():
                yield Piece(records, state)

    def _read_window(self, source: Windowed, cuts: Cuts, window: Window) -> Iterator[Piece]:
        """Read one window and move the bookmark, or find that it has to be narrower."""
        count, bad_before = 0, self._bad_records
        try:
            for batch in self._restarted(lambda: source.read(window)):
                count += len(batch.records)
                yield self._piece(batch)
        except WindowTooLarge:
            if not (source.sliced and cuts.halve()):
                raise UnexpectedAnswerError(
                    f"Shop '{self._shop.id}': more of {self._stream} changed within "
                    f"{window.end - window.start} than fits into memory: report it."
                ) from None
            self._bad_records = bad_before
            return
        cuts.drained(count)
        if self._incremental and self._is_sound():
            lookback = source.lookback if self._shop.lookback is None else self._shop.lookback
            read = Window(cuts.whole.start, window.end)
            yield Piece(
                [],
                {
                    "replication_key": "updated_at",
                    "replication_key_value": format_instant(bookmark_after(read, lookback)),
                },
            )

    def _restarted(self, read: Callable[[], Iterator[T]], *, goes_on: bool = False) -> Iterator[T]:
        """Read to the end, again whenever a cursor expires.

        Each new attempt may fail too, as long as it gets further than all before it now and
        then; a reader that is too slow for the vendor's cursors never does.

        Args:
            read: Reads page by page.
            goes_on: Whether a new attempt goes on where the last one ended, rather than
                finding the same bad records once more.
        """
        furthest, in_vain, bad_before = 0, 0, self._bad_records
        while in_vain < _MOST_RESTARTS:
            pages = 0
            try:
                for page in read():
                    yield page
                    pages += 1
            except CursorExpired:
                self._log.info(
                    "Shop '%s': a page cursor of %s expired; reading it again from the last "
                    "safe place",
                    self._shop.id,
                    self._stream,
                )
            else:
                return
            if not goes_on:
                self._bad_records = bad_before
            in_vain = 0 if pages > furthest else in_vain + 1
            furthest = max(furthest, pages)
        raise UnexpectedAnswerError(
            f"Shop '{self._shop.id}': page cursors of {self._stream} keep expiring before a "
            f"window of {self._shop.window_width.days} days is read: set a smaller window_days."
        )

    def _piece(self, batch: Batch) -> Piece:
        """Count and tell what could not be read; pass on the rest."""
        for bad in batch.bad:
            self._bad_records += 1
            self._log.error(
                "Shop '%s': record %s of %s can't be read: %s",
                self._shop.id,
                bad.id or "(without id)",
                self._stream,
                bad.reason,
            )
        if self._acquaintances is None:
            return Piece(batch.records, {})
        return Piece(batch.records, self._acquaintances.meet(batch))

    def _is_sound(self) -> bool:
        """Tell whether no more was bad than is allowed."""
        return self._bad_records <= self._shop.max_bad_records

    def _check_bad_records(self) -> None:
        """Fail the shop's stream if too much of it was unreadable."""
        if not self._is_sound():
            count = self._bad_records
            raise RecordsNotUnderstoodError(
                f"Shop '{self._shop.id}': {count} record(s) of {self._stream} could not be read "
                "(their ids are in the log above; the bookmark waits for them): report them, or "
                f"set max_bad_records to {count} to go on without them."
            )

    def _spans(self, source: Windowed, start: datetime | None) -> Iterator[Cuts]:
        """Say what is still to be read, oldest first, and how wide each window may be."""
        now, width = self._shop.reader.now, self._shop.window_width
        if start is not None and start > now:
            self._log.warning(
                "Shop '%s': its clock is behind the bookmark of %s, so there is nothing to read",
                self._shop.id,
                self._stream,
            )
        elif not source.sliced:
            yield _in_one_piece(Window(start or _BEFORE_EVERYTHING, now))
        elif start is None:
            # Hardly anything is older than the shop, so all of that is one window.
            told = self._shop.reader.history_starts_at.replace(microsecond=0)
            began = min(max(told, _BEFORE_REGISTERS), now)
            yield _in_one_piece(Window(_BEFORE_EVERYTHING, began))
            yield Cuts(Window(began, now), width)
        else:
            yield Cuts(Window(start, now), width)

    def _bookmark(self) -> datetime | None:
        """Find how far earlier runs have read."""
        if not self._incremental or "replication_key_value" not in self._state:
            return None
        return parse_instant(self._state["replication_key_value"]).replace(microsecond=0)

    def _start(self, bookmark: datetime | None) -> datetime | None:
        """Find where to start: the bookmark, else the start date, else None for everything."""
        return self._shop.start_date if bookmark is None else bookmark


def _in_one_piece(window: Window) -> Cuts:
    """Cut a window only if the vendor says so."""
    return Cuts(window, max(window.end - window.start, _SHORTEST))
