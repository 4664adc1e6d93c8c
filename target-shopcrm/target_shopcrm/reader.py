"""Standard input as bytes: canonical records take the fast way, other lines the SDK's."""

from __future__ import annotations

import sys
from collections import Counter
from typing import IO, TYPE_CHECKING, Any, Protocol

from singer_sdk.singerlib.encoding import GenericSingerReader

from target_shopcrm.decoding import broken_line
from target_shopcrm.errors import InputError
from target_shopcrm.messages import RecordLine, StateLine, as_mapping, read_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from msgspec import Raw

    from target_shopcrm.decoding import BadRecord

Callbacks = dict[str, "Callable[[dict[str, Any]], None]"]

_RECORD = "RECORD"
_STATE = "STATE"


class OpenRun(Protocol):
    """A run that takes what the reader reads."""

    def record(self, stream: str, raw: Raw) -> None:
        """Take a record of a canonical stream."""
        ...

    def bad_record(self, bad: BadRecord) -> None:
        """Take a record of a canonical stream whose line has broken text in it."""
        ...

    def state(self, value: bytes) -> None:
        """Take a STATE value."""
        ...


class Receiver(Protocol):
    """Whose input is read."""

    @property
    def canonical_streams(self) -> set[str]:
        """The streams announced by a SCHEMA message as canonical ones."""
        ...

    def begin(self) -> OpenRun:
        """Do everything that has to be done before the first line is read."""
        ...

    def abort(self, error: BaseException) -> None:
        """Give up."""
        ...


class CanonicalReader(GenericSingerReader[bytes]):
    """The SDK's reader, with a way of its own for canonical records and STATE.

    Args:
        receiver: Takes what is read.
    """

    def __init__(self, receiver: Receiver) -> None:
        super().__init__()
        self._receiver = receiver
        self._line_number = 0

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input, undecoded."""
        return sys.stdin.buffer

    def process_lines(
        self,
        file_input: IO[bytes] | IO[str] | None,
        callbacks: Callbacks,
    ) -> Counter[str]:
        """Read all lines.

        Args:
            file_input: Where from; None means standard input.
            callbacks: The SDK's handler for each type of message.

        Returns:
            How many messages of each type were read.
        """
        try:
            run = self._receiver.begin()
            return self._process(run, _lines(file_input or self.default_input), callbacks)
        except BaseException as error:
            self._receiver.abort(error)
            raise

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """Read one line the SDK's way.

        Args:
            line: The line.

        Returns:
            The message.
        """
        return as_mapping(line, self._line_number)

    def _process(self, run: OpenRun, lines: Iterable[bytes], callbacks: Callbacks) -> Counter[str]:
        canonical = self._receiver.canonical_streams
        stats: Counter[str] = Counter()
        records = states = 0
        for line in lines:
            self._line_number += 1
            message = read_line(line)
            if type(message) is RecordLine and message.stream in canonical:
                run.record(message.stream, message.record)
                records += 1
            elif type(message) is StateLine:
                run.state(bytes(message.value))
                states += 1
            elif line.strip():
                stats[self._the_sdks_way(run, line, callbacks)] += 1
        stats[_RECORD] += records
        stats[_STATE] += states
        return stats

    def _the_sdks_way(self, run: OpenRun, line: bytes, callbacks: Callbacks) -> str:
        message = self.deserialize_json(line)
        kind, stream = message.get("type"), message.get("stream")
        if kind == _RECORD and stream in self._receiver.canonical_streams:
            run.bad_record(broken_line(stream, line, message.get("record")))
            return _RECORD
        if kind not in callbacks:
            raise InputError(
                f"Line {self._line_number} of the input is no message this target knows; look at"
                " the tap's output."
            )
        callbacks[kind](message)
        return str(kind)


def _lines(file_input: IO[bytes] | IO[str]) -> Iterable[bytes]:
    """Lines as bytes, also of a text file, which the SDK opens for ``--input``."""
    buffer: IO[bytes] | None = getattr(file_input, "buffer", None)
    if buffer is not None:
        return buffer
    return (line.encode() if isinstance(line, str) else line for line in file_input)
