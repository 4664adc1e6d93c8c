"""The register's memory on disk: one blob of ready-made JSON and one index, built once.

A memory is built in a folder of its own and renamed into place when complete, so that an
interrupted build leaves nothing that could be mistaken for a memory.
"""

from __future__ import annotations

import mmap
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from practice_register.errors import RegisterError
from practice_register.rows import Index

if TYPE_CHECKING:
    from collections.abc import Callable

BLOB = "records.json.blob"
INDEX = "index.msgpack"


class BlobWriter:
    """Appends pieces of JSON to the blob file."""

    def __init__(self, path: Path) -> None:
        """Create the file."""
        self._file = path.open("wb", buffering=1 << 20)
        self._end = 0

    def add(self, piece: bytes) -> tuple[int, int]:
        """Append a piece and return its offset and length."""
        offset = self._end
        self._file.write(piece)
        self._end += len(piece)
        return offset, len(piece)

    def close(self) -> None:
        """Write what is buffered and close the file."""
        self._file.close()


class Memory:
    """A finished memory, opened for reading; safe for many threads at once."""

    def __init__(self, folder: Path) -> None:
        """Open the memory in `folder`.

        Raises:
            RegisterError: if it cannot be read.
        """
        try:
            self.index = msgspec.msgpack.decode((folder / INDEX).read_bytes(), type=Index)
            with (folder / BLOB).open("rb") as blob:
                self._blob = mmap.mmap(blob.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise RegisterError(
                f"The register's data in {folder} cannot be read ({error.__class__.__name__}): "
                "run `practice-register reset` and start it again."
            ) from error

    def piece(self, offset: int, length: int) -> bytes:
        """Return one record's JSON."""
        return self._blob[offset : offset + length]


def build_atomically(folder: Path, build: Callable[[BlobWriter], Index]) -> None:
    """Run `build` in a temporary folder beside `folder` and rename it into place.

    Raises:
        RegisterError: if the disk refuses.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".building-", dir=folder.parent))
        try:
            writer = BlobWriter(scratch / BLOB)
            try:
                index = build(writer)
            finally:
                writer.close()
            (scratch / INDEX).write_bytes(msgspec.msgpack.encode(index))
            shutil.rmtree(folder, ignore_errors=True)
            scratch.rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise RegisterError(
            f"The register's data cannot be written to {folder.parent} ({error.strerror}): "
            "free some space or choose another --folder."
        ) from error
