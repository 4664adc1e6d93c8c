"""Rows become baskets: what belongs to one order, gathered from wherever it stands.

Rows of one order may lie anywhere in a file, and in several files. They are kept in a
private temporary database on disk while they are gathered, so memory stays flat however
large the files are.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from tap_pos.errors import Unmappable
from tap_pos.vendors.base import BadRecord
from tap_pos.vendors.exports.rows import Header, Identity, Section, Texts, folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_pos.vendors.exports.mapping_file import FileMapping
    from tap_pos.vendors.exports.rows import Writing
    from tap_pos.vendors.exports.sections import Payments
    from tap_pos.vendors.exports.tables import Row

_LINE_SAYS = ("product", "name", "gross", "net", "unit_price")


class Piece(Struct, array_like=True, gc=False):
    """What one row says about one order.

    Attributes:
        key: The order's id.
        where: File and line, for telling what is wrong.
        order: Texts about the whole order.
        lines: The lines it holds.
        payments: The payments it holds.
        apart: Whether it belongs to a return that is an order of its own.
        version: What decides between files, where the mapping names a column for that.
        problem: Why the row can't be read; the whole order is refused then.
        proves_itself: As in `Basket`.
        tells_payments: As in `Basket`.
    """

    key: str
    where: str
    order: Texts
    lines: list[Texts] = []
    payments: list[Texts] = []
    apart: bool = False
    version: str = ""
    problem: str | None = None
    proves_itself: bool = False
    tells_payments: bool = False


@dataclass
class Basket:
    """All that is known about one order.

    Attributes:
        key: The order's id.
        where: Where it was first found.
        order: Texts about the whole order; the first row that says something counts.
        lines: Its lines in the order of the rows.
        payments: Its payments in the order of the rows.
        apart: Whether it is a return.
        proves_itself: Whether it has to add up whatever the mapping says of totals.
        tells_payments: Whether its payments have to add up to its total.
        problem: Why it can't be read.
    """

    key: str
    where: str
    order: Texts = field(default_factory=dict)
    lines: list[Texts] = field(default_factory=list)
    payments: list[Texts] = field(default_factory=list)
    apart: bool = False
    proves_itself: bool = False
    tells_payments: bool = False
    problem: str | None = None

    def add(self, piece: Piece) -> None:
        """Take in one row."""
        for name, text in piece.order.items():
            self.order.setdefault(name, text)
        self.lines.extend(piece.lines)
        self.payments.extend(piece.payments)
        self.apart = self.apart or piece.apart
        self.problem = self.problem or piece.problem
        self.proves_itself = self.proves_itself or piece.proves_itself
        self.tells_payments = self.tells_payments or piece.tells_payments

    def as_piece(self) -> Piece:
        """Give a basket that was read whole, such as a receipt, the form of a row."""
        return Piece(
            self.key, self.where, self.order, self.lines, self.payments, problem=self.problem,
            proves_itself=self.proves_itself, tells_payments=self.tells_payments,
        )  # fmt: skip


class OrderRows:
    """Reads the rows of one file into pieces of orders.

    Args:
        entry: The kind of file; it gives orders.
        header: The file's columns.
        writing: How it writes numbers and dates.
        file_name: For telling where something is wrong.

    Raises:
        UnreadableFile: If a column is missing.
    """

    def __init__(
        self, entry: FileMapping, header: Header, writing: Writing, file_name: str
    ) -> None:
        assert entry.orders is not None  # noqa: S101 - the caller chose such an entry
        self._writing = writing
        self._file_name = file_name
        self._order = Section(entry.orders, header, "orders")
        self._identity = Identity(entry.orders, header, "orders")
        self._line = Section(entry.lines, header, "lines") if entry.lines else None
        self._payments = [
            (Section(payment, header, f"payments[{n}]"), payment)
            for n, payment in enumerate(entry.payments)
        ]
        self._newest_by = header.field(entry.newest_by, "newest_by")
        self._bind_kinds(entry, header)
        self._bind_returns(entry, header)

    def _bind_kinds(self, entry: FileMapping, header: Header) -> None:
        kinds = entry.row_kinds
        self._kind = header.cell(kinds.column, "row_kinds") if kinds else None
        self._kinds = {
            name: folded(getattr(kinds, name)) if kinds else frozenset()
            for name in ("orders", "lines", "payments", "nothing")
        }

    def _bind_returns(self, entry: FileMapping, header: Header) -> None:
        apart = entry.orders.returns_apart if entry.orders else None
        self._apart = header.cell(apart.column, "orders.returns_apart") if apart else None
        self._apart_words = folded(apart.words if apart else ())
        self._apart_by = header.fields(apart.by if apart else (), "orders.returns_apart.by")

    def piece(self, line: int, row: Row) -> Piece | BadRecord | None:
        """Read one row; None if it says nothing about orders."""
        where = f"{self._file_name}:{line}"
        gives = self._gives(row)
        if gives is None:
            return None
        try:
            key, apart = self._key(row)
        except Unmappable as error:
            return BadRecord(where, str(error))
        piece = Piece(key, where, {}, apart=apart)
        try:
            self._fill(piece, row, gives)
        except Unmappable as error:
            piece.problem = f"line {line}: {error}"
        return piece

    def _gives(self, row: Row) -> frozenset[str] | None:
        """Tell what a row is about; nothing known is the empty set, nothing at all is None."""
        if self._kind is None:
            return _ALL
        said = self._kind(row).casefold()
        found = frozenset(name for name, words in self._kinds.items() if said in words)
        return None if "nothing" in found else found

    def _key(self, row: Row) -> tuple[str, bool]:
        key = self._identity(row)
        apart = self._apart is not None and self._apart(row).casefold() in self._apart_words
        if apart:
            key = ":".join([key, "return", *(get(row) for get in self._apart_by)])
        return key, apart

    def _fill(self, piece: Piece, row: Row, gives: frozenset[str]) -> None:
        if not gives:
            raise Unmappable("row_kinds does not name its kind")
        if "orders" in gives:
            piece.order = self._writing.normalised(self._order(row))
        if self._newest_by is not None:
            version = {"updated_at": self._newest_by(row)}
            piece.version = self._writing.normalised(version)["updated_at"]
        if self._line is not None and "lines" in gives:
            texts = self._line(row)
            if any(name in texts for name in _LINE_SAYS):
                piece.lines = [self._writing.normalised(texts)]
        if "payments" in gives:
            piece.payments = list(self._payments_of(row))

    def _payments_of(self, row: Row) -> Iterator[Texts]:
        for section, fields in self._payments:
            texts = section(row)
            if "amount" not in texts:
                continue
            texts = self._writing.normalised(texts)
            if not (texts["amount"] == "0" and _zero_is_none(fields)):
                yield texts


_ALL = frozenset({"orders", "lines", "payments"})


def _zero_is_none(payment: Payments) -> bool:
    return payment.zero == "no payment"


class Spill:
    """Gathers pieces on disk.

    Of the pieces of one order that come from one kind of file, only those of one file
    count: of the file with the highest version, and among equals of the last by name.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000;"
            "CREATE TABLE orders (key TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID;"
            "CREATE TABLE pieces (number INTEGER, place INTEGER, file INTEGER, data BLOB);"
        )
        self._count = 0
        self._last = ("", 0)

    def add(self, piece: Piece, place: int, file: int, *, only_known: bool = False) -> None:
        """Keep a piece.

        Args:
            piece: The piece.
            place: Its kind of file.
            file: Its file's place among the files, by name.
            only_known: Forget it if its order has no piece yet.
        """
        number = self._number(piece.key, only_known=only_known)
        if number is not None:
            row = (number, place, file, msgspec.msgpack.encode(piece))
            self._database.execute("INSERT INTO pieces VALUES (?, ?, ?, ?)", row)

    def _number(self, key: str, *, only_known: bool) -> int | None:
        """Find the number of an order; rows of one order mostly follow each other."""
        if self._last[0] == key:
            return self._last[1]
        find = "SELECT number FROM orders WHERE key = ?"
        found = self._database.execute(find, (key,)).fetchone()
        if found is None:
            if only_known:
                return None
            self._count += 1
            found = (self._count,)
            self._database.execute("INSERT INTO orders VALUES (?, ?)", (key, self._count))
        self._last = (key, int(found[0]))
        return self._last[1]

    def baskets(self) -> Iterator[Basket]:
        """Give the orders, as they were first met."""
        self._database.execute("CREATE INDEX gathered ON pieces (number, place)")
        rows = self._database.execute(
            "SELECT number, place, file, data FROM pieces ORDER BY number, place, rowid"
        )
        decode = msgspec.msgpack.Decoder(Piece).decode
        current, pieces = None, list[tuple[int, int, Piece]]()
        for number, place, file, data in rows:
            if number != current and pieces:
                yield _basket(pieces)
                pieces = []
            current = number
            pieces.append((place, file, decode(data)))
        if pieces:
            yield _basket(pieces)


@contextmanager
def spilling() -> Iterator[Spill]:
    """Open a private temporary database, gone when the block ends."""
    database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    try:
        database.execute("BEGIN")
        yield Spill(database)
    finally:
        database.close()


def _basket(pieces: list[tuple[int, int, Piece]]) -> Basket:
    """Put the pieces of one order together."""
    best: dict[int, tuple[str, int]] = {}
    for place, file, piece in pieces:
        best[place] = max(best.get(place, ("", -1)), (piece.version, file))
    basket = Basket(pieces[0][2].key, pieces[0][2].where)
    for place, file, piece in pieces:
        if file == best[place][1]:
            basket.add(piece)
    return basket


class Adjacent:
    """Puts rows together that stand next to each other, and notices if they don't."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE seen (key TEXT PRIMARY KEY) WITHOUT ROWID; BEGIN"
        )

    def baskets(self, pieces: Iterable[Piece | BadRecord]) -> Iterator[Basket | BadRecord]:
        """Give the orders in the order of the file."""
        basket: Basket | None = None
        for piece in pieces:
            if isinstance(piece, BadRecord):
                yield piece
                continue
            if basket is None or basket.key != piece.key:
                if basket is not None:
                    yield basket
                basket = Basket(piece.key, piece.where)
                if self._is_known(piece.key):
                    basket.problem = (
                        "its rows are not next to each other: set rows_of_one_order to anywhere"
                    )
            basket.add(piece)
        if basket is not None:
            yield basket
        self._database.close()

    def _is_known(self, key: str) -> bool:
        found = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (key,))
        return found.rowcount == 0
