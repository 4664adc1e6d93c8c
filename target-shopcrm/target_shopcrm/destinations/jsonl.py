"""Destination jsonl: the file that a CRM would have been sent, each line exactly once.

The database knows how many bytes of the file belong to committed transactions. Whatever stands
behind them was written by a run that didn't live to commit, and is cut off.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

import msgspec

from target_shopcrm.destinations.base import CrmMessage, Upsert
from target_shopcrm.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from target_shopcrm.database.connection import Connection

_OWNER_ONLY = 0o600
_encode = msgspec.json.Encoder().encode


class JsonLines:
    """A file of JSON lines.

    Args:
        path: The file; its folder is made if need be. A file that was moved away is begun anew.
    """

    name = "jsonl"
    kind: Literal["messages"] = "messages"
    streams = frozenset({"activation-contacts"})

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._descriptor: int | None = None
        self._committed = 0
        self._pending: int | None = None

    def open(self, connection: Connection) -> None:
        """Open the file and cut off what no transaction vouches for.

        Args:
            connection: In a transaction.

        Raises:
            OutputError: If the file can't be written, or is shorter than what was committed.
        """
        row = connection.execute(
            "SELECT committed_bytes FROM sync.outputs WHERE destination = %s AND path = %s",
            [self.name, str(self._path)],
        ).fetchone()
        committed = int(row[0]) if row else None
        if not self._path.exists():
            committed = 0
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
            descriptor = os.open(self._path, flags, _OWNER_ONLY)
            size = os.fstat(descriptor).st_size
        except OSError as error:
            raise self._unwritable(error) from error
        if committed is None:  # a file from elsewhere is continued, not touched
            committed = size
        if size < committed:
            os.close(descriptor)
            raise OutputError(
                f"The file {self._path} has {size} bytes where {committed} were written; somebody"
                " changed it: move it away, then run again."
            )
        self._descriptor, self._committed = descriptor, committed
        self._truncate(committed)
        self._remember(connection, committed)

    def send(self, connection: Connection, messages: Sequence[CrmMessage]) -> None:
        """Append messages; they count once the open transaction commits.

        Args:
            connection: In a transaction.
            messages: In the order in which they matter.

        Raises:
            OutputError: If the file can't be written.
        """
        if not messages or self._descriptor is None:
            return
        lines = memoryview(b"".join(_encode(_flat(message)) + b"\n" for message in messages))
        position = self._end
        try:
            os.lseek(self._descriptor, position, os.SEEK_SET)
            while lines:
                written = os.write(self._descriptor, lines)
                lines = lines[written:]
                position += written
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._unwritable(error) from error
        self._pending = position
        self._remember(connection, position)

    def committed(self) -> None:
        """Note that the transaction of the last messages is durable."""
        self._committed, self._pending = self._end, None

    def rolled_back(self) -> None:
        """Cut off what was written in the transaction that is gone."""
        self._pending = None
        if self._descriptor is not None:
            self._truncate(self._committed)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def _end(self) -> int:
        return self._committed if self._pending is None else self._pending

    def _truncate(self, size: int) -> None:
        if self._descriptor is None:
            return
        try:
            os.ftruncate(self._descriptor, size)
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._unwritable(error) from error

    def _remember(self, connection: Connection, size: int) -> None:
        connection.execute(
            "INSERT INTO sync.outputs (destination, path, committed_bytes) VALUES (%s, %s, %s)"
            " ON CONFLICT (destination, path) DO UPDATE"
            " SET committed_bytes = EXCLUDED.committed_bytes"
            " WHERE sync.outputs.committed_bytes <> EXCLUDED.committed_bytes",
            [self.name, str(self._path), size],
        )

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(
            f"The file {self._path} can't be written ({error.strerror}); check its folder, its"
            " permissions and the space on its disk, then run again."
        )


def _flat(message: CrmMessage) -> dict[str, object]:
    """The line of a message: an upsert's fields stand beside its key."""
    line = msgspec.structs.asdict(message)
    if isinstance(message, Upsert):
        line.update(line.pop("fields"))
    return line
