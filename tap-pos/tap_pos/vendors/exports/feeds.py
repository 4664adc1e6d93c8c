"""What is new in the folder since the last run.

A run reads the files that are new or changed since its cursor, in the order of their
names, and every file behind the first of them: where two files hold the same record, the
later one has to have the last word, whichever of them changed. The newest export usually
comes last, so that it is the only one.

Orders whose parts stand in several kinds of files are put together from all of them, and
nothing is sent while one of these files can't be read: half an order would be a wrong one.

A file that is still being written waits for the next run. A file that disappeared deletes
nothing, nor does a row that is missing from a newer export.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tap_pos.records import Record
from tap_pos.vendors.base import BadRecord, Batch, Step
from tap_pos.vendors.exports.baskets import spilling
from tap_pos.vendors.exports.folder import Cursor, Stamp, UnreadableFile, examine, rested

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tap_pos.vendors.exports.baskets import Basket, Spill
    from tap_pos.vendors.exports.files import ExportReader
    from tap_pos.vendors.exports.folder import ExportFile

Item = Record | BadRecord

_logger = logging.getLogger("tap-pos.exports")
PAGE = 1000


class _Pages:
    """Collects records into steps; each carries the cursor as it is when the step is full."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.is_due = False
        self._batch = Batch([])

    def add(self, item: Item) -> Iterator[Step]:
        if isinstance(item, BadRecord):
            self._batch.bad.append(item)
        else:
            self._batch.records.append(item)
        if len(self._batch.records) + len(self._batch.bad) >= PAGE:
            yield from self.flush()

    def flush(self) -> Iterator[Step]:
        if self._batch.records or self._batch.bad or self.is_due:
            yield Step(self._batch, self.cursor.text())
        self._batch, self.is_due = Batch([]), False


class FileByFile:
    """A stream of which every file tells its records wholly.

    Args:
        reader: Reads the shop's files.
        part: orders, customers or products.
        items: Reads the records of one file, given the encoding it is in.
    """

    def __init__(
        self,
        reader: ExportReader,
        part: str,
        items: Callable[[ExportFile, str], Iterator[Item]],
    ) -> None:
        self._reader = reader
        self._part = part
        self._items = items

    def read(self, text: str | None) -> Iterator[Step]:
        """Read what is new after a cursor."""
        listed = self._reader.files(self._part)
        files, unsettled = rested(listed)
        _tell_unsettled(self._reader.who, unsettled)
        cursor = Cursor.parse(text, self._reader.reading)
        pages = _Pages(cursor)
        _forget_vanished(cursor, listed)
        everything = False
        for file in files:
            stamp = cursor.files.get(file.name)
            if not everything and file.looks_like(stamp):
                continue
            try:
                stamp_now, encoding = _examined(self._reader, file)
            except UnreadableFile as error:
                yield from pages.add(BadRecord(file.name, str(error)))
                continue
            if not everything and stamp is not None and stamp.digest == stamp_now.digest:
                cursor.files[file.name], pages.is_due = stamp_now, True
                continue
            try:
                for item in self._items(file, encoding):
                    if not everything:
                        everything = True
                        _forget(cursor, listed[listed.index(file) :])
                    yield from pages.add(item)
            except UnreadableFile as error:
                yield from pages.add(BadRecord(file.name, str(error)))
                continue
            if file.has_changed():
                _tell_changed(self._reader.who, file)
                continue
            cursor.files[file.name], pages.is_due = stamp_now, True
        yield from pages.flush()


class AllTogether:
    """Orders whose parts stand in several files.

    Args:
        reader: Reads the shop's files.
        item: Makes a record of what was gathered about an order.
    """

    def __init__(self, reader: ExportReader, item: Callable[[Basket], Item]) -> None:
        self._reader = reader
        self._item = item

    def read(self, text: str | None) -> Iterator[Step]:
        """Read the orders that a new or changed file says something about."""
        listed = self._reader.files("orders")
        _, unsettled = rested(listed)
        if unsettled:
            _tell_unsettled(self._reader.who, unsettled)
            return
        cursor = Cursor.parse(text, self._reader.reading)
        pages = _Pages(cursor)
        try:
            stamps, encodings = {}, {}
            for file in listed:
                stamps[file.name] = cursor.files.get(file.name)
                if not file.looks_like(stamps[file.name]):
                    stamps[file.name], encodings[file.name] = _examined(self._reader, file)
            changed = [file for file in listed if _differs(cursor, file, stamps)]
            with spilling() as spill:
                for file in changed:
                    yield from self._gather(pages, spill, listed, file, encodings[file.name])
                for file in listed if changed else ():
                    if file not in changed:
                        encoding = encodings.get(file.name) or _examined(self._reader, file)[1]
                        yield from self._gather(pages, spill, listed, file, encoding, known=True)
                if moved := [file for file in listed if file.has_changed()]:
                    _tell_changed(self._reader.who, moved[0])
                    return
                for basket in spill.baskets():
                    yield from pages.add(self._item(basket))
        except _Broken as broken:
            yield from pages.add(BadRecord(broken.file.name, str(broken.__cause__)))
            yield from pages.flush()
            return
        read = {name: stamp for name, stamp in stamps.items() if stamp is not None}
        pages.is_due = read != cursor.files
        cursor.files = read
        yield from pages.flush()

    def _gather(  # noqa: PLR0913 - the parts of one loop
        self,
        pages: _Pages,
        spill: Spill,
        listed: Sequence[ExportFile],
        file: ExportFile,
        encoding: str,
        *,
        known: bool = False,
    ) -> Iterator[Step]:
        rank = listed.index(file)
        try:
            for piece in self._reader.whole_pieces(file, encoding):
                if isinstance(piece, BadRecord):
                    yield from () if known else pages.add(piece)
                else:
                    spill.add(piece, file.place, rank, only_known=known)
        except UnreadableFile as error:
            raise _Broken(file) from error


class _Broken(Exception):  # noqa: N818 - carries an unreadable file to where it is told
    def __init__(self, file: ExportFile) -> None:
        super().__init__()
        self.file = file


def _differs(cursor: Cursor, file: ExportFile, stamps: dict[str, Stamp | None]) -> bool:
    before, now = cursor.files.get(file.name), stamps[file.name]
    return before is None or now is None or before.digest != now.digest


def _examined(reader: ExportReader, file: ExportFile) -> tuple[Stamp, str]:
    entry = reader.entry(file)
    digest, encoding = examine(file, entry.encoding, binary=entry.format == "xlsx")
    return Stamp(file.size, file.mtime_ns, digest), encoding


def _forget(cursor: Cursor, files: Sequence[ExportFile]) -> None:
    for file in files:
        cursor.files.pop(file.name, None)


def _forget_vanished(cursor: Cursor, listed: Sequence[ExportFile]) -> None:
    names = {file.name for file in listed}
    cursor.files = {name: stamp for name, stamp in cursor.files.items() if name in names}


def _tell_unsettled(who: str, files: Sequence[ExportFile]) -> None:
    for file in files:
        _logger.warning("%s: %s is still being written; the next run reads it", who, file.name)


def _tell_changed(who: str, file: ExportFile) -> None:
    _logger.warning("%s: %s changed while it was read; the next run reads it", who, file.name)
