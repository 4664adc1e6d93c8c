"""Reading one sheet of an Excel workbook, its cells as the texts a CSV would have.

python-calamine reads a whole sheet into memory, about ninety bytes a cell; how large a
workbook may be is therefore limited before it is opened.
"""

from __future__ import annotations

import zipfile
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from python_calamine import CalamineError, CalamineWorkbook

from tap_pos.vendors.exports.folder import UnreadableFile
from tap_pos.vendors.exports.tables import Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_pos.vendors.exports.mapping_file import FileMapping

_LARGEST = 200 << 20
_DIGITS_OF_EXCEL = 15


@contextmanager
def open_sheet(path: Path, entry: FileMapping, decimal: str) -> Iterator[Table]:
    """Open the sheet that an entry names, or the first.

    Args:
        path: The workbook.
        entry: How such files are written.
        decimal: How numbers are to be written, so that they read like those of a CSV.

    Raises:
        UnreadableFile: If there is no such sheet.
    """
    _check_size(path)
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            names = book.sheet_names
            if not names or (entry.sheet is not None and entry.sheet not in names):
                raise UnreadableFile(
                    "it has no sheet of the name that the mapping says: correct sheet"
                )
            sheet = book.get_sheet_by_name(entry.sheet or names[0])
            rows = ([_text(cell, decimal) for cell in row] for row in sheet.iter_rows())
            first = 1 + (sheet.start[0] if sheet.start else 0)
            yield _table(enumerate(rows, first), entry.header_line)
    except (CalamineError, OSError):
        raise UnreadableFile(
            "it is no Excel workbook that can be read: save it again as .xlsx, without a password"
        ) from None


def _table(rows: Iterator[tuple[int, Row]], header_line: int) -> Table:
    for line, cells in rows:
        if line >= header_line:
            return Table(cells, ((n, row) for n, row in rows if any(row)))
    raise UnreadableFile(f"its sheet has no header in line {header_line}: correct header_line")


def _check_size(path: Path) -> None:
    """Refuse what would not fit into memory, or only pretends to be small."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, OSError):
        raise UnreadableFile("it is no .xlsx file: save it as .xlsx, or as CSV") from None
    if size > _LARGEST:
        raise UnreadableFile(
            f"unpacked it has more than {_LARGEST >> 20} MB: save it as CSV, which has no limit"
        )


def _text(cell: object, decimal: str) -> str:
    """Write a cell as a CSV would have it; numbers with the digits that Excel shows at most."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        if cell.is_integer():
            return str(int(cell))
        plain = format(Decimal(f"{cell:.{_DIGITS_OF_EXCEL}g}"), "f")
        return plain.replace(".", ",") if decimal == "comma" else plain
    if isinstance(cell, int):
        return str(cell)
    return _time_text(cell)


def _time_text(cell: object) -> str:
    """Write a date, a time or a span as ISO 8601 has it."""
    if isinstance(cell, datetime):
        if cell.time() == time(0):
            return cell.date().isoformat()
        return cell.isoformat(timespec="milliseconds")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, time):
        return cell.isoformat(timespec="seconds")
    return str(cell).rjust(len("hh:mm:ss"), "0") if isinstance(cell, timedelta) else ""
