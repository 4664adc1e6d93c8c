"""The tables of schema pos, and how a record becomes a row of one.

A row is a tuple of cells in the order of `Table.columns`: plain columns first, then the jsonb
columns as the bytes of PostgreSQL's binary format. Its hash covers all of them, so equal hashes
mean that there is nothing to write; a field that the gate held back is null in the row, and
therefore part of what the hash says.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from target_shopcrm.records import Address, Instant, Key, KeyedByShop, Record
from target_shopcrm.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_JSONB_VERSION = b"\x01"
_HASH_BYTES = 16
_encode = msgspec.json.Encoder().encode


class CustomerRow(KeyedByShop, frozen=True, kw_only=True, gc=False):
    """A customer as stored: without the consents (they are the ledger's), with clean addresses."""

    id: Key
    given_name: str | None = None
    family_name: str | None = None
    email: str | None = None
    phone: str | None = None
    email_normalised: str | None = None
    phone_e164: str | None = None
    birthday: str | None = None
    address: Address | None = None
    reference_id: str | None = None
    loyalty_id: str | None = None
    groups: list[str] = []  # noqa: RUF012 - msgspec gives every struct its own
    merged_into: str | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None
    deleted_at: Instant | None = None


class Row(NamedTuple):
    """One row to write.

    Attributes:
        key: shop_id and id.
        row_hash: 16 bytes over all cells.
        cells: In the order of `Table.columns`.
    """

    key: tuple[str, str]
    row_hash: bytes
    cells: tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """One table of schema pos.

    Attributes:
        name: Its name, which is also the stream's.
        plain: Columns with a type of their own, and that type.
        json: Columns of type jsonb.
    """

    name: str
    plain: dict[str, str]
    json: tuple[str, ...] = ()
    _plain_cells: Callable[[Any], tuple[Any, ...]] = field(init=False, repr=False)
    _json_cells: Callable[[Any], Sequence[Any]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Prepare the getters: they run for every record."""
        object.__setattr__(self, "_plain_cells", attrgetter(*self.plain))
        object.__setattr__(self, "_json_cells", _getter(self.json))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a row, without row_hash and written_at."""
        return (*self.plain, *self.json)

    @property
    def copy_types(self) -> list[str]:
        """The types of `columns` and row_hash for a binary COPY (jsonb travels as bytes)."""
        return [*self.plain.values(), *("bytea" for _ in self.json), "bytea"]

    def row(self, record: Record) -> Row:
        """Turn a record that has passed the gate into a row.

        Args:
            record: A struct with this table's columns as fields.

        Returns:
            The row.
        """
        plain = self._plain_cells(record)
        json = [None if value is None else _encode(value) for value in self._json_cells(record)]
        return _row(plain, json)

    def replaced(self, row: Row, **cells: Any) -> Row:
        """Make another row of a row.

        Args:
            row: A row of this table.
            cells: The new values by column; of a jsonb column what is to become JSON.

        Returns:
            The row that `row` would have made of such a record.
        """
        plain = dict(zip(self.plain, row.cells, strict=False))
        stored = row.cells[len(self.plain) :]
        json = {
            name: None if cell is None else cell[len(_JSONB_VERSION) :]
            for name, cell in zip(self.json, stored, strict=True)
        }
        for name, value in cells.items():
            if name in plain:
                plain[name] = value
            else:
                json[name] = None if value is None else _encode(value)
        return _row(tuple(plain.values()), list(json.values()))

    def cell(self, row: Row, name: str) -> Any:
        """Read one cell.

        Args:
            row: A row of this table.
            name: A column; a jsonb one is decoded.

        Returns:
            Its value.
        """
        if name in self.plain:
            return row.cells[list(self.plain).index(name)]
        cell = row.cells[len(self.plain) + self.json.index(name)]
        return None if cell is None else msgspec.json.decode(cell[len(_JSONB_VERSION) :])

    def version(self, row: Row) -> Version:
        """Tell which version of its record a row holds.

        Args:
            row: A row of this table.

        Returns:
            The version.
        """
        cells = dict(zip(self.columns, row.cells, strict=True))
        return Version(cells.get("updated_at"), cells.get("deleted_at"))


def _row(plain: tuple[Any, ...], json: Sequence[bytes | None]) -> Row:
    digest = hashlib.blake2b(_encode(plain), digest_size=_HASH_BYTES)
    for value in json:
        digest.update(b"\0" if value is None else value)
    cells = (*plain, *(None if value is None else _JSONB_VERSION + value for value in json))
    return Row(plain[:2], digest.digest(), cells)


def _getter(names: tuple[str, ...]) -> Callable[[Any], Sequence[Any]]:
    if not names:
        return lambda _: ()
    if len(names) == 1:
        name = names[0]
        return lambda record: (getattr(record, name),)
    return attrgetter(*names)


_KEY = {"shop_id": "text", "id": "text"}
_TEXT = "text"
_TIME = "timestamptz"
_MONEY = "int8"

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "locations",
            {
                **_KEY,
                **dict.fromkeys(("name", "timezone", "currency", "channel"), _TEXT),
                "active": "bool",
                "updated_at": _TIME,
            },
            ("address",),
        ),
        Table(
            "employees",
            {**_KEY, "display_name": _TEXT, "active": "bool", "updated_at": _TIME},
            ("location_ids",),
        ),
        Table(
            "products",
            {
                **_KEY,
                **dict.fromkeys(("item_id", "sku", "barcode", "name", "brand"), _TEXT),
                **dict.fromkeys(("price", "unit_cost"), _MONEY),
                "currency": _TEXT,
                **dict.fromkeys(("updated_at", "deleted_at"), _TIME),
            },
            ("category_path",),
        ),
        Table(
            "customers",
            {
                name: _TIME if name.endswith("_at") else _TEXT
                for name in CustomerRow.__struct_fields__
                if name not in {"address", "groups"}
            },
            ("address", "groups"),
        ),
        Table(
            "orders",
            {
                **_KEY,
                **dict.fromkeys(("location_id", "customer_id", "employee_id", "channel"), _TEXT),
                **dict.fromkeys(("state", "receipt_number", "currency"), _TEXT),
                **dict.fromkeys(("created_at", "updated_at", "closed_at"), _TIME),
                "business_date": "date",
                **dict.fromkeys(("gross", "discount", "tax", "tip", "service_charge"), _MONEY),
                **dict.fromkeys(("net", "total"), _MONEY),
            },
            ("lines", "payments", "returns"),
        ),
        Table(
            "loyalty_accounts",
            {
                **_KEY,
                **dict.fromkeys(("customer_id", "program_id"), _TEXT),
                "balance": _MONEY,
                **dict.fromkeys(("enrolled_at", "updated_at"), _TIME),
            },
        ),
    )
}
"""Every table of schema pos by its stream's name."""
