"""What may stand in a mapping file: which column of which file is which canonical field.

The file is YAML in which every value is a text as written (`yes`, `007` and `1.10` mean
themselves); `mapping_reader` turns it into these structs. `mappings/example.yml` explains
every key to the person who writes one.
"""

# ruff: noqa: TC001 - msgspec reads the annotations when the program runs

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from tap_pos.vendors.exports.sections import (
    Customers,
    Field,
    Lines,
    Name,
    Orders,
    Payments,
    Products,
    Receipts,
)
from tap_pos.vendors.exports.values import date_reader

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT_VERSION = 1


class Numbers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How numbers are written.

    Attributes:
        decimal: What stands before the cents; the other one may then separate thousands.
        symbols: Words around amounts that mean nothing, such as ``kr``.
    """

    decimal: Literal["point", "comma"] = "point"
    symbols: list[Name] = []


class RowKinds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column that says what kind of row it is, where kinds are mixed.

    A row with a text that is in none of the lists is refused.
    """

    column: Name
    orders: list[str] = []
    lines: list[str] = []
    payments: list[str] = []
    nothing: list[str] = []


class Carry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cells that are written in the first row of a group only.

    Attributes:
        by: The column that is the same in all rows of a group; without it, an empty cell
            always repeats the one above.
        columns: What to take over.
    """

    columns: Annotated[list[Field], Meta(min_length=1)]
    by: Field | None = None


class Condition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rows count, or don't: those where a column says one of these words.

    An empty word stands for an empty cell.
    """

    column: Field
    words: Annotated[list[str], Meta(min_length=1)]


class FileMapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of file. A file belongs to the first kind of which a name fits."""

    names: Annotated[list[Name], Meta(min_length=1)]
    format: Literal["csv", "xlsx", "receipts"] = "csv"
    encoding: Name = "auto"
    delimiter: Literal["auto", ",", ";", "|", "tab"] = "auto"
    sheet: Name | None = None
    header_line: Annotated[int, Meta(ge=1, le=1000)] = 1
    leading_apostrophe: Literal["keep", "drop"] = "keep"
    rows_of_one_order: Literal["anywhere", "adjacent"] = "anywhere"
    newest_by: Field | None = None
    numbers: Numbers | None = None
    dates: list[Name] | None = None
    row_kinds: RowKinds | None = None
    carry: Carry | None = None
    only: list[Condition] = []
    skip: list[Condition] = []
    orders: Orders | None = None
    lines: Lines | None = None
    payments: list[Payments] = []
    customers: Customers | None = None
    products: Products | None = None
    receipts: Receipts | None = None

    def __post_init__(self) -> None:
        """Refuse what can't work together."""
        if self.encoding != "auto":
            _check_encoding(self.encoding)
        for written in self.dates or ():
            date_reader(written)
        if (self.format == "receipts") != (self.receipts is not None):
            raise ValueError("format: receipts and receipts: go together")
        if not (self.orders or self.customers or self.products or self.receipts):
            raise ValueError("it gives nothing: add orders, customers, products or receipts")
        if (self.lines or self.payments) and self.orders is None:
            raise ValueError("lines and payments need orders with at least an id")
        for part in (self.orders, self.customers, self.products):
            if part is not None and part.id is None and not part.id_from:
                raise ValueError("each of its records needs an id, or id_from to make one")

    @property
    def gives_orders(self) -> bool:
        """Whether orders, or parts of them, come from such files."""
        return self.orders is not None or self.receipts is not None


class Mapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole mapping file.

    Attributes:
        totals: ``check`` refuses an order whose amounts contradict each other; ``given``
            takes the totals of the file as they are.
        tax: Whether tax is added to prices or included in them; ``by total`` tells it from
            each order's total.
    """

    version: int
    files: Annotated[list[FileMapping], Meta(min_length=1)]
    timezone: Name | None = None
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] | None = None
    numbers: Numbers = Numbers()
    dates: list[Name] = []
    totals: Literal["check", "given"] = "check"
    tax: Literal["by total", "added", "included"] = "by total"

    def __post_init__(self) -> None:
        """Refuse a format of another time, and dates that can't be read."""
        if self.version != FORMAT_VERSION:
            raise ValueError(f"version has to be {FORMAT_VERSION}")
        for written in self.dates:
            date_reader(written)

    def giving(self, part: str) -> Iterator[tuple[int, FileMapping]]:
        """List the kinds of files, with their place, that give a stream."""
        for place, entry in enumerate(self.files):
            if entry.gives_orders if part == "orders" else getattr(entry, part) is not None:
                yield place, entry


def _check_encoding(name: str) -> None:
    """Refuse an encoding that Python does not know as one of text."""
    try:
        "".encode(codecs.lookup(name).name)
    except (LookupError, ValueError):
        raise ValueError("encoding is none that is known: write utf-8, utf-16, cp1252 …") from None
