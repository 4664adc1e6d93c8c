"""The folder: which files it has, which of them changed, and whether one can be trusted yet."""

from __future__ import annotations

import base64
import codecs
import fnmatch
import hashlib
import os
import re
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from tap_pos.errors import RegisterUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_pos.vendors.exports.mapping_file import FileMapping

SETTLED_AFTER = 5.0
"""Seconds for which a file has to have rested before it is read."""

_A_DAY = 86_400.0
_CHUNK = 1 << 20
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp")
_DIGITS = re.compile(r"(\d+)")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class UnreadableFile(Exception):  # noqa: N818 - a reason that becomes a bad record
    """A file can't be read on; the reason is a sentence for the shop."""


class Stamp(Struct, frozen=True, array_like=True):
    """How a file looked when it was read: compact, as it stands in the state.

    Attributes:
        size: In bytes.
        mtime_ns: Time of its last change.
        digest: Beginning of its SHA-256.
    """

    size: int
    mtime_ns: int
    digest: str


@dataclass(frozen=True)
class ExportFile:
    """One file that the mapping names.

    Attributes:
        path: Where it is.
        name: Below the folder, with slashes.
        place: Which kind of file it is: the place of its entry in the mapping.
        size: When it was listed.
        mtime_ns: When it was listed.
    """

    path: Path
    name: str
    place: int
    size: int
    mtime_ns: int

    def is_settled(self, now: float) -> bool:
        """Tell whether nobody has written to it for a while.

        A time in the future, from a file server whose clock is ahead, counts as just now;
        one further ahead than a day says nothing at all.
        """
        age = now - self.mtime_ns / 1e9
        return age >= SETTLED_AFTER or age < -_A_DAY

    def has_changed(self) -> bool:
        """Tell whether it was written to, or removed, since it was listed."""
        try:
            found = self.path.stat()
        except OSError:
            return True
        return (found.st_size, found.st_mtime_ns) != (self.size, self.mtime_ns)

    def looks_like(self, stamp: Stamp | None) -> bool:
        """Tell whether size and time are those of an earlier reading."""
        return stamp is not None and (stamp.size, stamp.mtime_ns) == (self.size, self.mtime_ns)


def list_files(folder: Path, entries: Sequence[FileMapping], who: str) -> list[ExportFile]:
    """List the files that the mapping names, in the order of their names.

    Numbers in names count as numbers (`orders-2` before `orders-10`), and the ending last
    (`export.csv` before `export (1).csv`, as browsers name a second download).

    Raises:
        RegisterUnavailableError: If the folder can't be listed.
    """
    found = []
    try:
        for path in _walk(folder):
            name = path.relative_to(folder).as_posix()
            place = _place(name, entries)
            look = _look(path) if place is not None else None
            if place is not None and look is not None:
                found.append(ExportFile(path, name, place, look.st_size, look.st_mtime_ns))
    except OSError as error:
        raise RegisterUnavailableError(
            f"{who}: the folder of exports can't be read ({error.strerror or 'no such folder'}): "
            "check exports_folder, and that this program may read it."
        ) from None
    return sorted(found, key=lambda file: _order(file.name))


def examine(file: ExportFile, encoding: str, *, binary: bool) -> tuple[str, str]:
    """Read a file once for its digest, and see in what encoding it really is.

    Args:
        file: The file.
        encoding: As declared, or ``auto``.
        binary: Whether it is no text.

    Returns:
        The digest, and the encoding to read it with.

    Raises:
        UnreadableFile: If it can't be opened, or is not in the encoding.
    """
    digest = hashlib.sha256()
    try:
        with file.path.open("rb") as stream:
            beginning = stream.read(_CHUNK)
            check = None if binary else _EncodingCheck(encoding, beginning)
            chunk = beginning
            while chunk:
                digest.update(chunk)
                if check is not None:
                    check.feed(chunk)
                chunk = stream.read(_CHUNK)
    except OSError as error:
        raise UnreadableFile(
            f"it can't be opened ({error.strerror or 'unknown'}): check that this program may read "
            "it and that no other program holds it"
        ) from None
    short = base64.b64encode(digest.digest()[:15], b"-_").decode()
    return short, "" if check is None else check.finish()


class _EncodingCheck:
    """Decodes along while a file is hashed: better refused whole than broken off half-way."""

    def __init__(self, declared: str, beginning: bytes) -> None:
        marked = next((name for mark, name in _MARKS if beginning.startswith(mark)), None)
        if marked is None and declared == "auto" and b"\0" in beginning:
            raise UnreadableFile(
                "it holds zero bytes, as UTF-16 without a mark does: write encoding: utf-16-le "
                "into the mapping, or export it as CSV in UTF-8"
            )
        self._declared = declared
        self._name = marked or ("utf-8" if declared == "auto" else declared)
        self._decoder = codecs.getincrementaldecoder(self._name)()
        is_utf8 = codecs.lookup(self._name).name.startswith("utf")
        self._doubt = None if is_utf8 else codecs.getincrementaldecoder("utf-8")()
        self._foreign = False

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        try:
            self._decoder.decode(chunk, final)
        except UnicodeDecodeError:
            advice = (
                "write its encoding into the mapping, such as encoding: cp1252 for files of "
                "older Windows programs"
                if self._declared == "auto"
                else "correct encoding in the mapping"
            )
            raise UnreadableFile(f"it is not in {self._name}: {advice}") from None
        self._foreign = self._foreign or not chunk.isascii()
        if self._doubt is not None:
            try:
                self._doubt.decode(chunk, final)
            except UnicodeDecodeError:
                self._doubt = None

    def finish(self) -> str:
        self.feed(b"", final=True)
        if self._doubt is not None and self._foreign:
            raise UnreadableFile(
                f"it is in UTF-8, although the mapping says {self._declared}: "
                "write encoding: auto into the mapping"
            )
        return self._name


class Cursor(Struct):
    """What a run has read, as it stands in the state.

    Attributes:
        reading: Stands for how files were understood: the mapping and the settings. Where
            that has changed, everything is read again.
        files: How each file looked, by name.
    """

    reading: str
    files: dict[str, Stamp] = {}

    @classmethod
    def parse(cls, text: str | None, reading: str) -> Cursor:
        """Read a cursor; one of another understanding, or of another format, knows nothing."""
        try:
            cursor = msgspec.json.decode(text or "{}", type=cls)
        except msgspec.ValidationError:
            return cls(reading)
        return cursor if cursor.reading == reading else cls(reading)

    def text(self) -> str:
        """Write it for the state."""
        return msgspec.json.encode(self).decode()


def rested(files: Sequence[ExportFile]) -> tuple[list[ExportFile], list[ExportFile]]:
    """Part the files that have settled from those still being written."""
    now = time.time()
    settled = [file for file in files if file.is_settled(now)]
    return settled, [file for file in files if not file.is_settled(now)]


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            hidden = name.startswith((".", "~$")) or name.casefold().endswith(_UNFINISHED)
            if not hidden:
                yield Path(place, name)


def _look(path: Path) -> os.stat_result | None:
    """Look at a file; None for what has just gone, or is no file that could be read to an end."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _place(name: str, entries: Sequence[FileMapping]) -> int | None:
    """Find the first entry of which a pattern fits; one without a slash fits in any subfolder."""
    folded = name.casefold()
    for place, entry in enumerate(entries):
        for pattern in entry.names:
            subject = folded if "/" in pattern else folded.rpartition("/")[2]
            if fnmatch.fnmatchcase(subject, pattern.casefold()):
                return place
    return None


def _order(name: str) -> tuple[list[tuple[int, int, str]], str]:
    stem, dot, ending = name.rpartition(".")
    parts = _DIGITS.split((stem if dot else ending).casefold())
    natural = [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts if part]
    return natural, name
