"""From the cells of a row to named texts, as the mapping says.

What stands here in amounts is a plain number, in times an RFC 3339 instant: nothing behind
this module needs to know how a shop's files are written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_pos.errors import Unmappable
from tap_pos.vendors.exports.folder import UnreadableFile
from tap_pos.vendors.exports.sections import Column
from tap_pos.vendors.exports.values import moment, plain_number, required_zone

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from zoneinfo import ZoneInfo

    from msgspec import Struct

    from tap_pos.vendors.exports.mapping_file import Condition, FileMapping, Numbers
    from tap_pos.vendors.exports.sections import Field
    from tap_pos.vendors.exports.tables import Row

Texts = dict[str, str]
Getter = Callable[["Row"], str]

AMOUNTS = frozenset(
    {"gross", "discount", "net", "tax", "tip", "service_charge", "total", "quantity", "unit_price",
     "unit_cost", "amount", "price", "change"}
)  # fmt: skip
TIMES = frozenset({"created_at", "updated_at", "closed_at", "cancelled_at", "event_time"})


@dataclass(frozen=True)
class Writing:
    """How a kind of file writes numbers and dates.

    Attributes:
        numbers: Decimal sign and symbols.
        dates: The forms of dates.
        zone: Whose wall clock its times are, unless a row says otherwise.
    """

    numbers: Numbers
    dates: tuple[str, ...]
    zone: ZoneInfo

    def normalised(self, texts: Texts) -> Texts:
        """Bring numbers and times into the form of records.

        Raises:
            Unmappable: Naming the field that can't be read.
        """
        named = texts.pop("timezone", None)
        zone = self.zone if named is None else required_zone(named)
        for name in texts.keys() & AMOUNTS:
            texts[name] = self._read(
                name, plain_number, self.numbers.decimal, self.numbers.symbols
            )(texts[name])
        for name in texts.keys() & TIMES:
            try:
                found = moment(texts[name], self.dates, zone)
            except Unmappable as error:
                raise Unmappable(f"{name}: {error}") from None
            texts[name] = found.instant
            if found.day is not None:
                texts[f"{name}:day"] = found.day
        if named is not None:
            texts["timezone"] = named
        return texts

    @staticmethod
    def _read(name: str, read: Callable[..., str], *how: Any) -> Callable[[str], str]:
        def named(text: str) -> str:
            try:
                return read(text, *how)
            except Unmappable as error:
                raise Unmappable(f"{name}: {error}") from None

        return named


class Header:
    """The columns of one file, found by name without regard to case and blanks around it.

    Args:
        names: The header row.
        entry: The kind of file.
    """

    def __init__(self, names: Row, entry: FileMapping) -> None:
        self._places: dict[str, int] = {}
        self._twice: set[str] = set()
        for place, name in enumerate(names):
            key = _key(name)
            if key in self._places:
                self._twice.add(key)
            else:
                self._places[key] = place
        self._drops_apostrophe = entry.leading_apostrophe == "drop"

    def place(self, column: str, field: str) -> int:
        """Find a column.

        Raises:
            UnreadableFile: If there is none of that name, or two.
        """
        key = _key(column)
        if key in self._twice:
            raise UnreadableFile(
                f"it has the column '{column}' ({field}) twice: rename one of them, or export again"
            )
        if key not in self._places:
            raise UnreadableFile(
                f"it has no column '{column}' ({field}): write the name that the file has into "
                "the mapping, or {column: '" + column + "', optional: true} if it may be missing"
            )
        return self._places[key]

    def has(self, column: str) -> bool:
        """Tell whether there is such a column."""
        return _key(column) in self._places

    def cell(self, column: str, field: str) -> Getter:
        """Make what takes a column's trimmed text from a row."""
        place, drops = self.place(column, field), self._drops_apostrophe

        def get(row: Row) -> str:
            text = row[place].strip() if place < len(row) else ""
            return text[1:] if drops and text[:1] == "'" else text

        return get

    def column(self, field: Field, name: str) -> str | None:
        """Choose the column that gives a field; None if the file may lack it and does.

        Raises:
            UnreadableFile: If there is none.
        """
        if isinstance(field, str):
            return field
        wanted = [field.column] if field.column is not None else field.any
        found = next((column for column in wanted if self.has(column)), None)
        if found is None and wanted and not field.optional:
            self.place(wanted[0], name)
        return found

    def fields(self, fields: Iterable[Field], name: str) -> list[Getter]:
        """Make what takes several fields' texts, leaving out those that the file may lack."""
        return [get for field in fields if (get := self.field(field, name)) is not None]

    def field(self, field: Field | None, name: str) -> Getter | None:
        """Make what takes a field's text from a row; None if no column gives it."""
        if field is None:
            return None
        if isinstance(field, str):
            return self.cell(field, name)
        if field.value is not None:
            constant = field.value
            return lambda _row: constant
        get = self._source(field, name)
        if get is None:
            return None
        if field.words or field.otherwise is not None:
            get = _translating(get, field)
        return _deriving(get) if field.derive else get

    def _source(self, field: Column, name: str) -> Getter | None:
        if not field.join:
            column = self.column(field, name)
            return None if column is None else self.cell(column, name)
        if field.optional and not all(map(self.has, field.join)):
            return None
        cells = [self.cell(column, name) for column in field.join]
        return lambda row: " ".join(text for cell in cells if (text := cell(row)))


def _translating(source: Getter, field: Column) -> Getter:
    words = {said.strip().casefold(): meaning for said, meaning in field.words.items()}
    otherwise = field.otherwise

    def translate(row: Row) -> str:
        said = source(row)
        return words.get(said.casefold(), said if otherwise is None else otherwise)

    return translate


def _deriving(source: Getter) -> Getter:
    def derive(row: Row) -> str:
        said = source(row)
        return derived_id([said.casefold()]) if said else ""

    return derive


class Section:
    """One section of the mapping, bound to the columns of one file.

    Args:
        fields: The section.
        header: The file's columns.
        name: How errors call the section.
        only: The fields that are wanted, if not all.
    """

    def __init__(
        self, fields: Struct, header: Header, name: str, only: Collection[str] | None = None
    ) -> None:
        self._getters: list[tuple[str, Getter]] = []
        for field in fields.__struct_fields__:
            value = getattr(fields, field)
            if field in _NO_FIELDS or not isinstance(value, str | Column):
                continue
            if only is not None and field not in only:
                continue
            get = header.field(value, f"{name}.{field}")
            if get is not None:
                self._getters.append((field, get))

    def __call__(self, row: Row) -> Texts:
        """Take the texts that say anything."""
        return {name: text for name, get in self._getters if (text := get(row))}


_NO_FIELDS = frozenset({"zero", "groups_separator", "category_separator"})


class Identity:
    """Finds the id of a row: in a column, or else made from its content.

    Args:
        fields: The section of the mapping, with `id` or `id_from`.
        header: The file's columns.
        name: How errors call the section.
    """

    def __init__(self, fields: Any, header: Header, name: str) -> None:
        self._id = header.field(fields.id, f"{name}.id")
        self._id_from = header.fields(fields.id_from, f"{name}.id_from")

    def __call__(self, row: Row) -> str:
        """Give the id of a row.

        Raises:
            Unmappable: If it has none.
        """
        if self._id is not None and (identity := self._id(row)):
            return identity
        if not self._id_from:
            raise Unmappable("the row has no id")
        return derived_id(get(row) for get in self._id_from)


class Filter:
    """Which rows count at all.

    Args:
        entry: The kind of file.
        header: The file's columns.
    """

    def __init__(self, entry: FileMapping, header: Header) -> None:
        self._only = _conditions(entry.only, header, "only")
        self._skip = _conditions(entry.skip, header, "skip")

    def __call__(self, row: Row) -> bool:
        """Tell whether a row counts."""
        return all(get(row).casefold() in words for get, words in self._only) and not any(
            get(row).casefold() in words for get, words in self._skip
        )


def _conditions(
    conditions: Iterable[Condition], header: Header, name: str
) -> list[tuple[Getter, frozenset[str]]]:
    bound = [(header.field(said.column, name), folded(said.words)) for said in conditions]
    return [(get, words) for get, words in bound if get is not None]


class Carrier:
    """Fills cells that are written in the first row of a group only.

    Args:
        entry: The kind of file.
        header: The file's columns.
    """

    def __init__(self, entry: FileMapping, header: Header) -> None:
        carry = entry.carry
        columns = [header.column(field, "carry") for field in carry.columns] if carry else []
        self._places = [header.place(name, "carry") for name in columns if name is not None]
        self._by = header.field(carry.by, "carry") if carry else None
        self._group: str | None = None
        self._above: dict[int, str] = {}

    def __call__(self, row: Row) -> Row:
        """Give the row with its gaps filled."""
        if not self._places:
            return row
        group = self._by(row) if self._by else None
        if group != self._group:
            self._group, self._above = group, {}
        filled = list(row)
        for place in self._places:
            if filled[place].strip():
                self._above[place] = filled[place]
            else:
                filled[place] = self._above.get(place, "")
        return filled


def derived_id(texts: Iterable[str]) -> str:
    """Make an id from content: the same content gives the same id in every file and run.

    Raises:
        Unmappable: If there is no content.
    """
    found = list(texts)
    if not any(found):
        raise Unmappable("the columns of id_from are all empty")
    return "x" + hashlib.sha256("\x1f".join(found).encode()).hexdigest()[:20]


def folded(words: Iterable[str]) -> frozenset[str]:
    """Make texts comparable without regard to case and blanks around them."""
    return frozenset(word.strip().casefold() for word in words)


def _key(name: str) -> str:
    return " ".join(name.replace("\ufeff", "").split()).casefold()
