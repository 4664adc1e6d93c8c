"""Writing Singer messages: fast for records, whole lines even when a signal arrives."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from singer_sdk.contrib.msgspec import MsgSpecWriter

from tap_pos.errors import OutputClosedError
from tap_pos.records import Record  # noqa: TC001 - msgspec reads the annotation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from singer_sdk.singerlib import Message

_encoder = msgspec.json.Encoder()


class _RecordLine(Struct, tag="RECORD", tag_field="type", gc=False):
    """A RECORD message with the members and the order that the SDK writes."""

    stream: str
    record: Record
    time_extracted: str


class WholeLineWriter(MsgSpecWriter):
    """Writes to standard output and never leaves half a line behind.

    A signal that arrives while a message is being written is acted upon right after it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._writing = False
        self._postponed: Callable[[], None] | None = None

    def write_message(self, message: Message) -> None:
        """Write one message of any type."""
        with self._uninterrupted():
            super().write_message(message)

    def write_records(self, stream: str, records: Sequence[Record]) -> None:
        """Write one RECORD message per record.

        Args:
            stream: Name of the stream.
            records: The records, which all carry the time of this call as extraction time.
        """
        extracted = datetime.now(timezone.utc).isoformat()
        lines = _encoder.encode_lines(
            [_RecordLine(stream, record, extracted) for record in records]
        )
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
