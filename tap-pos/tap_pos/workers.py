"""Many shops at once: worker threads read, the main thread takes what they bring.

Bounded on three sides, so that memory stays flat however many shops there are and however
long their histories: so many workers, so few parcels ahead of the main thread per source,
and so much memory for all sources together, judged by the largest parcel each has brought.
Small sources, such as a day's news, are therefore read all at once, and large histories a
few at a time, which keeps one interpreter busy all the same.

The threads are daemons: an interrupted run ends at once instead of waiting for answers that
nobody will read.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

_AHEAD = 2
_SILENCE_SECONDS = 0.25
# While a source is read, some of its pages exist at once, as the answer's bytes, the vendor's
# structs, the records and their lines: about ten times the lines of one page.
_COSTS = 10


@dataclass(frozen=True)
class Parcel:
    """Something a source brought.

    Attributes:
        content: What is to be written, whole lines.
        records: How many records that are.
        state: What of the state changes once it is written.
    """

    content: bytes
    records: int
    state: dict[str, object]


@dataclass(frozen=True)
class Source:
    """One thing to read.

    Attributes:
        key: Its name.
        read: Reads it; runs in a worker.
        guess: How many bytes its first parcel with content may have.
    """

    key: str
    read: Callable[[], Iterator[Parcel]]
    guess: int


@dataclass(frozen=True)
class Ended:
    """A source has been read to its end.

    Attributes:
        error: What ended it too early.
        held: How much room it had in the end.
    """

    error: BaseException | None
    held: int


@dataclass(frozen=True)
class Silence:
    """Nothing has come for a moment."""


class _Closed(Exception):  # noqa: N818 - a signal to end quietly, not a failure
    """Nobody wants any more parcels."""


class Room:
    """So many bytes may be taken by all sources; who comes first goes first.

    A source that needs more than there is goes ahead as soon as it is alone. One that turns
    out to be larger than it seemed is not stopped, since it would keep what it has; the next
    one waits the longer.

    Args:
        size: How many bytes.
    """

    def __init__(self, size: int) -> None:
        self._free = self._size = size
        self._changed = threading.Condition()
        self._waiting: deque[object] = deque()
        self._is_closed = False

    def enter(self, count: int) -> None:
        """Wait until there is room, and take it."""
        place = object()
        needed = min(count, self._size)
        with self._changed:
            self._waiting.append(place)
            self._changed.wait_for(
                lambda: self._is_closed or (self._waiting[0] is place and self._free >= needed)
            )
            if self._is_closed:
                raise _Closed
            self._waiting.popleft()
            self._free -= count
            self._changed.notify_all()

    def give_back(self, count: int) -> None:
        """Make room for others; a negative count takes more."""
        with self._changed:
            self._free += count
            self._changed.notify_all()

    def close(self) -> None:
        """Send everybody home."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


def gather(
    sources: Sequence[Source], *, workers: int, room: int
) -> Generator[tuple[str, Parcel | Ended | Silence], None, None]:
    """Read several sources at once.

    The parcels of one source come in its own order, those of different sources as they
    arrive. Once this generator is closed, nothing more is read; what is under way ends by
    itself and is thrown away.

    Args:
        sources: What to read; begun in this order.
        workers: How many may be under way at once.
        room: How many bytes of memory all sources together may take.

    Yields:
        A source's key and a parcel; or why there are no more of it; or, without a key, that
        nothing came for a moment.
    """
    crew = _Crew(sources, room)
    crew.start(min(workers, len(sources)))
    try:
        left = len(sources)
        while left:
            try:
                key, brought = crew.arrived.get(timeout=_SILENCE_SECONDS)
            except Empty:
                yield "", Silence()
                continue
            yield key, brought
            crew.let_go(key, brought)
            left -= isinstance(brought, Ended)
    finally:
        crew.close()


class _Crew:
    """The workers of one `gather`.

    Args:
        sources: What to read.
        room: How many bytes of memory all sources together may take.
    """

    def __init__(self, sources: Sequence[Source], room: int) -> None:
        self.arrived: SimpleQueue[tuple[str, Parcel | Ended]] = SimpleQueue()
        self._to_do: SimpleQueue[Source] = SimpleQueue()
        for source in sources:
            self._to_do.put(source)
        self._ahead = {source.key: threading.Semaphore(_AHEAD - 1) for source in sources}
        self._room = Room(room)
        self._is_closed = False

    def start(self, workers: int) -> None:
        """Begin to read."""
        for number in range(workers):
            threading.Thread(target=self._work, name=f"reader-{number}", daemon=True).start()

    def let_go(self, key: str, brought: Parcel | Ended) -> None:
        """Let go of something that was brought."""
        self._ahead[key].release()
        if isinstance(brought, Ended):
            self._room.give_back(brought.held)

    def close(self) -> None:
        """Let every worker end at its next page."""
        self._is_closed = True
        self._room.close()
        for ahead in self._ahead.values():
            ahead.release()

    def _work(self) -> None:
        """Read one source after the other until none is left."""
        while not self._is_closed:
            try:
                source = self._to_do.get_nowait()
            except Empty:
                return
            try:
                self._read(source)
            except _Closed:
                return

    def _read(self, source: Source) -> None:
        """Bring one source, parcel by parcel, and its end.

        Raises:
            _Closed: If nobody wants any more.
        """
        held, largest, ahead = source.guess * _COSTS, 0, self._ahead[source.key]
        self._room.enter(held)
        error: BaseException | None = None
        try:
            for parcel in source.read():
                if len(parcel.content) > largest:
                    largest = len(parcel.content)
                    self._room.give_back(held - largest * _COSTS)
                    held = largest * _COSTS
                self.arrived.put((source.key, parcel))
                ahead.acquire()
                if self._is_closed:
                    raise _Closed  # noqa: TRY301 - it must not reach the handler below
        except _Closed:
            raise
        except BaseException as raised:  # noqa: BLE001 - the main thread raises or keeps it
            error = raised
        self.arrived.put((source.key, Ended(error, held)))
