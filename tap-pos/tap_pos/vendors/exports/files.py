"""Reading the files of one shop by its mapping, whatever their format."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import msgspec

from tap_pos.vendors.base import BadRecord
from tap_pos.vendors.exports.baskets import Adjacent, OrderRows, Piece, spilling
from tap_pos.vendors.exports.folder import UnreadableFile, list_files
from tap_pos.vendors.exports.receipts import ReceiptReader, open_receipts
from tap_pos.vendors.exports.rows import Carrier, Filter, Header, Writing
from tap_pos.vendors.exports.sheets import open_sheet
from tap_pos.vendors.exports.tables import open_csv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from tap_pos.settings import ShopSettings
    from tap_pos.vendors.exports.baskets import Basket
    from tap_pos.vendors.exports.folder import ExportFile
    from tap_pos.vendors.exports.mapping_file import FileMapping, Mapping
    from tap_pos.vendors.exports.tables import Row, Table

T = TypeVar("T")

_UNDERSTANDING = "1"
"""Goes up whenever this vendor's module understands the same files differently."""

_UNEVEN = "it has another number of cells than the header: check delimiter and quotation marks"


class ExportReader:
    """Reads the files of one shop.

    Args:
        shop: The shop's settings.
        mapping: Its mapping.
        folder: Where its files are.
        zone: Whose wall clock its times are.
    """

    def __init__(self, shop: ShopSettings, mapping: Mapping, folder: Path, zone: ZoneInfo) -> None:
        self.mapping = mapping
        self.who = f"Shop '{shop.id}'"
        self._folder, self._zone = folder, zone
        settings = (
            shop.timezone, shop.currency, shop.business_day_starts_at, shop.consent_sources
        )  # fmt: skip
        understood = msgspec.json.encode((_UNDERSTANDING, mapping, settings))
        self.reading = hashlib.sha256(understood).hexdigest()[:16]

    def files(self, part: str) -> list[ExportFile]:
        """List the files that give a part: orders, customers or products.

        Raises:
            RegisterUnavailableError: If the folder can't be listed.
        """
        places = {place for place, _ in self.mapping.giving(part)}
        listed = list_files(self._folder, self.mapping.files, self.who)
        return [file for file in listed if file.place in places]

    def entry(self, file: ExportFile) -> FileMapping:
        """Give the kind of a file."""
        return self.mapping.files[file.place]

    def writing(self, entry: FileMapping) -> Writing:
        """Tell how a kind of file writes numbers and dates."""
        dates = self.mapping.dates if entry.dates is None else entry.dates
        return Writing(entry.numbers or self.mapping.numbers, tuple(dates), self._zone)

    def rows(
        self, file: ExportFile, encoding: str, bind: Callable[[Header], T]
    ) -> Iterator[tuple[int, Row, T] | BadRecord]:
        """Read the rows of a table that count.

        Args:
            file: The file.
            encoding: The encoding it was found to be in.
            bind: Looks for the columns that are needed.

        Yields:
            Line, cells and what `bind` gave; or what is wrong with a row.

        Raises:
            UnreadableFile: If a column is missing, or the file can't be read on.
        """
        entry = self.entry(file)

        def fits(names: Row) -> bool:
            try:
                bind(Header(names, entry))
            except UnreadableFile:
                return False
            return True

        with self._table(file, encoding, entry, fits) as table:
            header = Header(table.header, entry)
            bound = bind(header)
            counts, carry = Filter(entry, header), Carrier(entry, header)
            for line, cells in table.rows:
                if cells is None:
                    yield BadRecord(f"{file.name}:{line}", _UNEVEN)
                    continue
                filled = carry(cells)
                if counts(filled):
                    yield line, filled, bound

    def pieces(self, file: ExportFile, encoding: str) -> Iterator[Piece | BadRecord]:
        """Read what the rows of a file say about orders."""
        entry = self.entry(file)
        if entry.receipts is not None:
            for basket in self.baskets(file, encoding):
                yield basket if isinstance(basket, BadRecord) else basket.as_piece()
            return
        writing = self.writing(entry)

        def bind(header: Header) -> OrderRows:
            return OrderRows(entry, header, writing, file.name)

        for found in self.rows(file, encoding, bind):
            if isinstance(found, BadRecord):
                yield found
                continue
            line, cells, rows = found
            piece = rows.piece(line, cells)
            if piece is not None:
                yield piece

    def whole_pieces(self, file: ExportFile, encoding: str) -> Iterator[Piece | BadRecord]:
        """Read the same, and hold back the orders next to a row that can't be read.

        Nobody knows whose that row was; most likely it is of the order around it, which
        would be sent without it.
        """
        last: Piece | None = None
        broken: str | None = None
        for piece in self.pieces(file, encoding):
            if isinstance(piece, BadRecord):
                broken = f"{piece.id}, next to its rows, can't be read"
                if last is not None:
                    yield Piece(last.key, last.where, {}, problem=broken)
            else:
                piece.problem, broken = piece.problem or broken, None
                last = piece
            yield piece

    def baskets(self, file: ExportFile, encoding: str) -> Iterator[Basket | BadRecord]:
        """Read the orders of a file that knows all about them."""
        entry = self.entry(file)
        if entry.receipts is not None:
            reader = ReceiptReader(entry.receipts, self.writing(entry), file.name)
            with open_receipts(file.path, encoding) as lines:
                yield from reader.baskets(lines)
        elif entry.rows_of_one_order == "adjacent":
            yield from Adjacent().baskets(self.whole_pieces(file, encoding))
        else:
            with spilling() as spill:
                for piece in self.whole_pieces(file, encoding):
                    if isinstance(piece, BadRecord):
                        yield piece
                    else:
                        spill.add(piece, file.place, 0)
                yield from spill.baskets()

    @contextmanager
    def _table(
        self, file: ExportFile, encoding: str, entry: FileMapping, fits: Callable[[Row], bool]
    ) -> Iterator[Table]:
        if entry.format == "xlsx":
            with open_sheet(file.path, entry, self.writing(entry).numbers.decimal) as table:
                yield table
        else:
            with open_csv(file.path, encoding, entry, fits) as table:
                yield table
