"""Writing Singer messages: fast for records, whole lines even when a signal arrives."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import StateMessage

from tap_pos.errors import OutputClosedError
from tap_pos.records import Record  # noqa: TC001 - msgspec reads the annotation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from singer_sdk.singerlib import Message

_encoder = msgspec.json.Encoder()
_STATE_SECONDS = 0.5
_STATE_BYTES_PER_SECOND = 1_000_000
_SMALL_STATE = 16_000


class _RecordLine(Struct, tag="RECORD", tag_field="type", gc=False):
    """A RECORD message with the members and the order that the SDK writes."""

    stream: str
    record: Record
    time_extracted: str


_parse = msgspec.json.Decoder(dict[str, Any]).decode


def record_lines(stream: str, records: Sequence[Record]) -> bytes:
    """Encode one RECORD message per record.

    Args:
        stream: Name of the stream.
        records: The records, which all carry the time of this call as extraction time.
    """
    extracted = datetime.now(timezone.utc).isoformat()
    return _encoder.encode_lines([_RecordLine(stream, record, extracted) for record in records])


def records_in(lines: bytes) -> Iterator[dict[str, Any]]:
    """Give the records of messages that `record_lines` made, as dictionaries."""
    for line in lines.splitlines():
        yield _parse(line)["record"]


class StatePace:
    """Says when a STATE message is worth its size.

    Each one carries the state of all shops. A single shop's is small and follows its records
    at once. Otherwise there are two a second, or fewer where that were more than a megabyte
    a second, as with the ids of very many customers.

    Args:
        shops: How many shops are read.
    """

    def __init__(self, shops: int) -> None:
        self._is_alone = shops == 1
        self._wait = 0.0
        self._last = time.monotonic()

    def allows(self) -> bool:
        """Tell whether another STATE may be written now."""
        return time.monotonic() - self._last >= self._wait

    def written(self, size: int) -> None:
        """Note that one of so many bytes was written."""
        self._last = time.monotonic()
        is_small = self._is_alone and size <= _SMALL_STATE
        self._wait = 0.0 if is_small else max(_STATE_SECONDS, size / _STATE_BYTES_PER_SECOND)


class WholeLineWriter(MsgSpecWriter):
    """Writes to standard output and never leaves half a line behind.

    A signal that arrives while a message is being written is acted upon right after it.

    Attributes:
        state_size: Bytes of the last STATE message.
    """

    def __init__(self) -> None:
        super().__init__()
        self.state_size = 0
        self._writing = False
        self._postponed: Callable[[], None] | None = None

    def write_message(self, message: Message) -> None:
        """Write one message of any type."""
        line = self.format_message(message)
        if isinstance(message, StateMessage):
            self.state_size = len(line)
        self.write_lines(line)

    def write_lines(self, lines: bytes | bytearray) -> None:
        """Write messages that are encoded already."""
        if not lines:
            return
        with self._uninterrupted():
            sys.stdout.buffer.write(lines)
            sys.stdout.flush()

    def when_idle(self, action: Callable[[], None]) -> None:
        """Do something now, or right after the message that is being written."""
        if self._writing:
            self._postponed = action
        else:
            action()

    @contextmanager
    def _uninterrupted(self) -> Iterator[None]:
        self._writing = True
        try:
            yield
        except BrokenPipeError:
            raise OutputClosedError(
                "The program that reads tap-pos's output has stopped: look at its message; "
                "the next run carries on from the last saved state."
            ) from None
        finally:
            self._writing = False
        if self._postponed is not None:
            action, self._postponed = self._postponed, None
            action()
