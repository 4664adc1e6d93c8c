"""The Singer side: one stream class for all six canonical streams of all vendors.

What the SDK does and this module does otherwise, and why:

* Bookmarks. The SDK keeps the newest replication key seen. No vendor returns rows in the
  order in which they become visible, so here a bookmark moves only when a window has been
  read to its end, to that end minus the vendor's lookback. A STATE message follows at once.
* RECORD messages. By default the SDK turns every record into dictionaries, prunes, conforms
  and maps them, and writes line by line. As long as the user asks for none of that (no
  stream map, no flattening, no batch files, every property selected, the schema unchanged)
  the result is the record itself, so a page of structs is encoded in one call. Otherwise
  the SDK's own path is taken, with the same windows and the same bookmarks.
* Failures. A shop that fails does not end the run; `Shops` remembers it for the end.

Everything else is the SDK's: schemas, selection, metrics, state format, batch files.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

import msgspec
from singer_sdk import Stream
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import Schema

from tap_pos.errors import (
    CursorExpired,
    RecordsNotUnderstoodError,
    ShopError,
    UnexpectedAnswerError,
)
from tap_pos.schemas import KEY_PROPERTIES
from tap_pos.vendors.base import Batch, Feed, WholeTable, Windowed
from tap_pos.windows import Window, bookmark_after, format_instant, parse_instant, slices

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from singer_sdk.helpers.types import Context
    from singer_sdk.helpers.types import Record as SingerRecord

    from tap_pos.messages import WholeLineWriter
    from tap_pos.records import Record
    from tap_pos.shops import OpenShop, Shops
    from tap_pos.tap import TapPOS

_MOST_RESTARTS = 5
_BEFORE_EVERYTHING = datetime(2000, 1, 1, tzinfo=timezone.utc)


class CanonicalStream(Stream):
    """One canonical stream over all shops; each shop is a partition.

    Args:
        tap: The tap.
        name: Name of the stream in `tap_pos.records.STREAMS`.
        schema: Its JSON schema.
        shops: Opens the shops of the run and remembers which failed.
    """

    primary_keys = KEY_PROPERTIES

    def __init__(
        self, tap: TapPOS, name: str, schema: dict[str, Any], shops: Shops, *, incremental: bool
    ) -> None:
        super().__init__(tap, schema=schema, name=name)
        self._shops = shops
        self.primary_keys = KEY_PROPERTIES
        if incremental:
            self.replication_key = "updated_at"

    @property
    def partitions(self) -> list[dict[str, str]]:
        """One partition per selected shop."""
        return [{"shop_id": shop_id} for shop_id in self._shops.ids]

    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Give none: it would cap a bookmark of the SDK's kind."""

    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Write none: where a window starts is this module's business."""

    def _increment_stream_state(
        self, latest_record: SingerRecord, *, context: Context | None = None
    ) -> None:
        """Move nothing: only a fully drained window moves a bookmark."""

    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        """Read one shop's records as dictionaries, for the SDK's own path."""
        for records in self._read_shop(context):
            for record in records:
                yield msgspec.to_builtins(record)

    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Write all records, by whole pages where nothing is to be done to them."""
        if not (write_messages and self.selected and self._passes_unchanged()):
            yield from super()._sync_records(context, write_messages=write_messages)
            return
        writer = cast("WholeLineWriter", self._tap.message_writer)
        counter = self.get_record_counter()
        timer = self.get_sync_timer()
        with counter, timer:
            for partition in [context] if context else self.partitions:
                counter.with_context(partition)
                timer.with_context(partition)
                for records in self._read_shop(partition):
                    writer.write_records(self.name, records)
                    counter.increment(len(records))
        self.state_manager.is_flushed = False
        self._write_state_message()
        yield from ()

    def _passes_unchanged(self) -> bool:
        """Tell whether a record leaves this tap exactly as its struct encodes."""
        maps = self.stream_maps
        return (
            len(maps) == 1
            and type(maps[0]) is SameRecordTransform
            and not maps[0].flattening_enabled
            and maps[0].stream_alias == self.name
            and all(self.mask.values())
            and self._stream_version is None
            and _plain(self.effective_schema) == _plain(self.schema)
        )

    def _read_shop(self, context: Context | None) -> Iterator[list[Record]]:
        """Read one shop, page by page, and keep its bookmark.

        A failure of the shop is remembered, not raised, except in a connection test, which
        is there to show it.
        """
        context = context or {}
        shop_id = str(context["shop_id"])
        left = self.ABORT_AT_RECORD_COUNT
        if self._shops.has_ended(shop_id):
            return
        try:
            for records in self._read_windows(self._shops.open(shop_id), context):
                yield records if left is None else records[:left]
                if left is not None and (left := left - len(records)) <= 0:
                    return
        except ShopError as error:
            self._shops.remember_failure(shop_id, error)
            if self.ABORT_AT_RECORD_COUNT is not None:
                raise

    def _read_windows(self, shop: OpenShop, context: Context) -> Iterator[list[Record]]:
        """Read what a shop has new; move the bookmark after each drained window."""
        source = shop.reader.streams.get(self.name)
        if source is None:
            return
        if isinstance(source, Feed):
            yield from self._read_feed(shop, source, context)
            return
        if isinstance(source, WholeTable):
            for batch in source.read():
                yield self._sound_records(shop, batch)
            self._check_bad_records(shop)
            return
        lookback = source.lookback if shop.lookback is None else shop.lookback
        for window in self._windows(shop, source, context):
            yield from self._drain(shop, source, window)
            if shop.bad_records_of(self.name) <= shop.max_bad_records:
                self._move_bookmark(context, bookmark_after(window, lookback))
        self._check_bad_records(shop)

    def _read_feed(self, shop: OpenShop, source: Feed, context: Context) -> Iterator[list[Record]]:
        """Read what came after the last cursor; keep the cursor of each page that is sent."""
        state = self.get_context_state(context)
        incremental = self.replication_method != "FULL_TABLE"
        for step in source.read(state.get("cursor") if incremental else None):
            yield self._sound_records(shop, step.batch)
            if incremental and shop.bad_records_of(self.name) <= shop.max_bad_records:
                state["cursor"] = step.cursor
                self._send_state()
        self._check_bad_records(shop)

    def _drain(self, shop: OpenShop, source: Windowed, window: Window) -> Iterator[list[Record]]:
        """Read a window to its end, from its first page again whenever a cursor expires.

        Each new attempt may fail too, as long as it gets further than all before it now and
        then; a reader that is too slow for the vendor's cursors never does.
        """
        furthest, in_vain = 0, 0
        while in_vain < _MOST_RESTARTS:
            pages = 0
            try:
                for batch in source.read(window):
                    yield self._sound_records(shop, batch)
                    pages += 1
            except CursorExpired:
                self.logger.info(
                    "Shop '%s': a page cursor of %s expired; reading the window again",
                    shop.id,
                    self.name,
                )
            else:
                return
            in_vain = 0 if pages > furthest else in_vain + 1
            furthest = max(furthest, pages)
        raise UnexpectedAnswerError(
            f"Shop '{shop.id}': page cursors of {self.name} keep expiring before a window of "
            f"{shop.window_width.days} days is read: set a smaller window_days."
        )

    def _sound_records(self, shop: OpenShop, batch: Batch) -> list[Record]:
        """Count and tell what could not be read; pass on the rest."""
        for bad in batch.bad:
            shop.count_bad_record(self.name)
            self.logger.error(
                "Shop '%s': record %s of %s can't be read: %s",
                shop.id,
                bad.id or "(without id)",
                self.name,
                bad.reason,
            )
        return batch.records

    def _check_bad_records(self, shop: OpenShop) -> None:
        """Fail the shop's stream if too much of it was unreadable."""
        count = shop.bad_records_of(self.name)
        if count > shop.max_bad_records:
            raise RecordsNotUnderstoodError(
                f"Shop '{shop.id}': {count} record(s) of {self.name} could not be read (their ids "
                "are in the log above; the bookmark waits for them): report them, or set "
                f"max_bad_records to {count} to go on without them."
            )

    def _windows(self, shop: OpenShop, source: Windowed, context: Context) -> Iterator[Window]:
        """Cut what is still to be read into windows, oldest first."""
        start, now = self._start(shop, context), shop.reader.now
        if start is None and source.sliced:
            # Hardly anything is older, so all of that is one window.
            start = min(shop.reader.history_starts_at.replace(microsecond=0), now)
            yield Window(_BEFORE_EVERYTHING, start)
        if start is not None and start > now:
            self.logger.warning(
                "Shop '%s': its clock is behind the bookmark of %s, so there is nothing to read",
                shop.id,
                self.name,
            )
        elif source.sliced and start is not None:
            yield from slices(Window(start, now), shop.window_width)
        else:
            yield Window(start or _BEFORE_EVERYTHING, now)

    def _start(self, shop: OpenShop, context: Context) -> datetime | None:
        """Find where to start: the bookmark, else the start date, else None for everything."""
        state = self.get_context_state(context)
        if self.replication_method != "FULL_TABLE" and "replication_key_value" in state:
            return parse_instant(state["replication_key_value"]).replace(microsecond=0)
        return shop.start_date

    def _move_bookmark(self, context: Context, bookmark: datetime) -> None:
        """Save how far this shop has been read."""
        if self.replication_method == "FULL_TABLE":
            return
        state = self.get_context_state(context)
        state["replication_key"] = self.replication_key
        state["replication_key_value"] = format_instant(bookmark)
        self._send_state()

    def _send_state(self) -> None:
        """Tell the state, unless it has to wait for the SDK's batch files."""
        self.state_manager.is_flushed = False
        if not self.config.get("batch_config"):
            # Batch files are complete only when the SDK says so; it writes the state then.
            self._write_state_message()


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Bring a schema into the form it has after a round trip through a catalog."""
    return Schema.from_dict(schema).to_dict()
