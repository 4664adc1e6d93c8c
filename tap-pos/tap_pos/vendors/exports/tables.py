"""Reading CSV row by row, whatever the file's size, and refusing what is not clearly one."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from tap_pos.vendors.exports.folder import UnreadableFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tap_pos.vendors.exports.mapping_file import FileMapping

Row = list[str]
_LONGEST_LINE = 4_000_000
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Table:
    """A file as rows.

    Attributes:
        header: The names of the columns.
        rows: Line number and cells of each row that has any text. A row of another length
            than the header has None for cells.
    """

    header: Row
    rows: Iterator[tuple[int, Row | None]]


@contextmanager
def open_csv(
    path: Path, encoding: str, entry: FileMapping, fits: Callable[[Row], bool]
) -> Iterator[Table]:
    """Open a CSV file.

    Args:
        path: The file.
        encoding: The encoding it was found to be in.
        entry: How such files are written.
        fits: Tells whether a header has all the columns that are needed; decides which
            delimiter it is where the mapping leaves that open.

    Raises:
        UnreadableFile: If it is no such file, at once or while reading.
    """
    try:
        with path.open(encoding=encoding, newline="") as stream:
            header, delimiter, lines = _header(stream, entry, fits)
            yield Table(header, _rows(stream, delimiter, len(header), lines))
    except OSError as error:
        raise UnreadableFile(f"it can't be read on ({error.strerror or 'unknown'})") from None


def _header(
    stream: TextIO, entry: FileMapping, fits: Callable[[Row], bool]
) -> tuple[Row, str, int]:
    """Find the header and the delimiter; tell how many lines were read for it."""
    declared: str = "\t" if entry.delimiter == "tab" else entry.delimiter
    lines, text = 0, ""
    while lines < entry.header_line:
        text = _line(stream)
        if lines == 0 and text.casefold().startswith("sep=") and len(text.strip()) == len("sep=;"):
            declared = text[4]
            text = _line(stream)
            lines += 1
            if entry.header_line == 1:
                lines += 1
                break
        lines += 1
    if not text.strip():
        raise UnreadableFile(
            f"it has no header in line {entry.header_line}: correct header_line in the mapping, "
            "or export the file again"
        )
    while text.count('"') % 2:
        more = _line(stream)
        if not more:
            raise UnreadableFile("a quotation mark in its header is never closed")
        text, lines = text + more, lines + 1
    candidates = [declared] if declared != "auto" else list(_DELIMITERS)
    headers = [(_parse(text, delimiter), delimiter) for delimiter in candidates]
    headers.sort(key=lambda found: (not fits(found[0]), -len(found[0])))
    return *headers[0], lines


def _parse(text: str, delimiter: str) -> Row:
    try:
        return next(csv.reader([text.rstrip("\r\n")], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _rows(
    stream: TextIO, delimiter: str, width: int, lines: int
) -> Iterator[tuple[int, Row | None]]:
    reader = csv.reader(iter(lambda: _line(stream), ""), delimiter=delimiter, strict=True)
    while True:
        begins = lines + reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            raise UnreadableFile(
                f"from line {begins} on it is not CSV: a quotation mark is missing or a cell is "
                "too long; export it again"
            ) from None
        if cells is None:
            return
        if any(cells):
            yield begins, cells if len(cells) == width else None


def _line(stream: TextIO) -> str:
    text = stream.readline(_LONGEST_LINE)
    if len(text) >= _LONGEST_LINE or "\0" in text:
        raise UnreadableFile("it has a line that no text has: check that it is CSV")
    return text
