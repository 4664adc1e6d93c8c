"""The Singer side: one stream class for all canonical streams of all vendors.

What the SDK does and this module does otherwise, and why:

* Bookmarks. The SDK keeps the newest replication key seen. No vendor returns rows in the
  order in which they become visible, so here the state is what `tap_pos.reading` says it may
  be once certain records are sent.
* Many shops. The SDK reads partition by partition. Here worker threads read all shops of a
  stream at once (`tap_pos.workers`), and this thread writes what they bring: it alone writes
  messages and moves the state, always the records first. One stream still follows the
  other, as the SDK has it: what others refer to is complete before it is referred to, each
  SCHEMA stands before its records, and selection, metrics, maps and batch files remain the
  SDK's. Reading each shop through all its streams would save little: only the waits for
  the slowest shop of each stream.
* RECORD messages. By default the SDK turns every record into dictionaries, prunes, conforms
  and maps them, and writes line by line. As long as the user asks for none of that (no
  stream map, no flattening, no batch files, every property selected, the schema unchanged)
  the result is the record itself, so a page of structs is encoded in one call, by the
  worker. Otherwise the SDK's own way is taken, with the same reading and the same state.
* Failures. A shop that fails does not end the run; `Shops` remembers it for the end.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

from singer_sdk import Stream
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import Schema

from tap_pos.errors import ShopError
from tap_pos.messages import StatePace, record_lines, records_in
from tap_pos.reading import StreamReading
from tap_pos.schemas import KEY_PROPERTIES
from tap_pos.workers import Ended, Parcel, Source, gather

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from singer_sdk.helpers.types import Context
    from singer_sdk.helpers.types import Record as SingerRecord

    from tap_pos.messages import WholeLineWriter
    from tap_pos.shops import Shops
    from tap_pos.tap import TapPOS

# Measured, so that many long histories at once stay below 120 MB, and that a day's news can be
# read from 32 shops at once. Histories begin two at a time, more as soon as pages prove small.
_ROOM = 10_000_000
_FIRST_PAGE_OF_A_HISTORY = 500_000
_FIRST_PAGE_OF_NEWS = 30_000


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
        """One partition per selected shop whose vendor has this stream."""
        return [{"shop_id": shop_id} for shop_id in self._shops.giving(self.name)]

    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Give none: it would cap a bookmark of the SDK's kind."""

    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Write none: where a window starts is not the SDK's business."""

    def _increment_stream_state(
        self, latest_record: SingerRecord, *, context: Context | None = None
    ) -> None:
        """Move nothing: only what has been read to its end moves a bookmark."""

    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        """Read records as dictionaries, without moving any state."""
        with closing(self._parcels([context] if context else self.partitions)) as parcels:
            for _, parcel in parcels:
                yield from records_in(parcel.content)

    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Write all records, by whole pages where nothing is to be done to them.

        Args:
            context: The one partition to read; None for all.
            write_messages: False where the records go into batch files instead.

        Yields:
            The records, if they are not written here.
        """
        if not self.selected:
            return
        contexts: Sequence[Mapping[str, Any]] = [context] if context else self.partitions
        pace = StatePace(shops=len(contexts))
        write = self._way_of_writing()
        counter, timer = self.get_record_counter(), self.get_sync_timer()
        if len(contexts) == 1:
            counter.with_context(contexts[0])
            timer.with_context(contexts[0])
        with counter, timer, closing(self._parcels(contexts)) as parcels:
            for shop_id, parcel in parcels:
                if write_messages:
                    write(parcel.content)
                else:
                    yield from records_in(parcel.content)
                counter.increment(parcel.records)
                self._keep_state(shop_id, parcel)
                if write_messages and pace.allows():
                    self._write_state(pace)
        self.state_manager.is_flushed = False
        if write_messages:
            self._write_state_message()

    def _way_of_writing(self) -> Callable[[bytes], None]:
        """Choose how encoded records reach standard output."""
        if self._passes_unchanged():
            return cast("WholeLineWriter", self._tap.message_writer).write_lines

        def write(content: bytes) -> None:
            for record in records_in(content):
                self._write_record_message(record)

        return write

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

    def _keep_state(self, shop_id: str, parcel: Parcel) -> None:
        """Take over what a shop's state says now that its records are sent."""
        if parcel.state:
            self.get_context_state({"shop_id": shop_id}).update(parcel.state)
            self.state_manager.is_flushed = False

    def _write_state(self, pace: StatePace) -> None:
        """Tell the state, if there is news."""
        if not self.state_manager.is_flushed:
            self._write_state_message()
            pace.written(cast("WholeLineWriter", self._tap.message_writer).state_size)

    def _parcels(
        self, contexts: Sequence[Mapping[str, Any]]
    ) -> Generator[tuple[str, Parcel], None, None]:
        """Read shops at once and give what they bring as it comes, an empty parcel in a lull.

        A failure of a shop is remembered, not raised, except in a connection test, which is
        there to show it.
        """
        shop_ids = [str(context["shop_id"]) for context in contexts]
        sources = [self._source(key) for key in shop_ids if not self._shops.has_ended(key)]
        workers = self._shops.max_workers
        with closing(gather(sources, workers=workers, room=_ROOM)) as arriving:
            for shop_id, brought in arriving:
                if isinstance(brought, Parcel):
                    yield shop_id, brought
                elif not isinstance(brought, Ended):
                    yield shop_id, Parcel(b"", 0, {})
                elif isinstance(brought.error, ShopError):
                    self._shops.remember_failure(shop_id, brought.error)
                    if self.ABORT_AT_RECORD_COUNT is not None:
                        raise brought.error
                elif brought.error is not None:
                    raise brought.error

    def _source(self, shop_id: str) -> Source:
        """Say how one shop is read by a worker, which must not touch the state itself."""
        state = dict(self.get_context_state({"shop_id": shop_id}))
        goes_on = self._is_incremental() and state.keys() & {"replication_key_value", "cursor"}
        is_short = goes_on or self.replication_key is None
        guess = _FIRST_PAGE_OF_NEWS if is_short else _FIRST_PAGE_OF_A_HISTORY
        return Source(shop_id, lambda: self._read(shop_id, state), guess)

    def _is_incremental(self) -> bool:
        """Tell whether a run goes on where the last one ended."""
        return self.replication_method != "FULL_TABLE"

    def _read(self, shop_id: str, state: Mapping[str, Any]) -> Iterator[Parcel]:
        """Read one shop and encode its records; runs in a worker."""
        reading = StreamReading(
            self._shops.open(shop_id),
            self.name,
            state,
            incremental=self._is_incremental(),
            log=self.logger,
        )
        left = self.ABORT_AT_RECORD_COUNT
        for piece in reading.pieces():
            if left is not None and len(piece.records) >= left:
                yield Parcel(record_lines(self.name, piece.records[:left]), left, {})
                return
            content = record_lines(self.name, piece.records)
            yield Parcel(content, len(piece.records), dict(piece.state))
            if left is not None:
                left -= len(piece.records)


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Bring a schema into the form it has after a round trip through a catalog."""
    return Schema.from_dict(schema).to_dict()
