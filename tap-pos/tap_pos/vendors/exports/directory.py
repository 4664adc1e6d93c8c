"""Places and people that only the orders of an export name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tap_pos import records
from tap_pos.asked_once import asked_once
from tap_pos.vendors.base import BadRecord, Batch
from tap_pos.vendors.exports.baskets import OrderRows
from tap_pos.vendors.exports.folder import UnreadableFile, examine, rested
from tap_pos.vendors.exports.patterns import compiled
from tap_pos.vendors.exports.rows import Header, Section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pos.vendors.exports.files import ExportReader
    from tap_pos.vendors.exports.folder import ExportFile
    from tap_pos.vendors.exports.mapping_file import FileMapping
    from tap_pos.vendors.exports.rows import Texts

_WANTED = ("location", "location_name", "employee", "employee_name")


class _Found(NamedTuple):
    """What all orders name.

    Attributes:
        locations: Names by id.
        employees: Names by id.
        bad: Files that can't be read.
    """

    locations: dict[str, str]
    employees: dict[str, str]
    bad: list[BadRecord]


class Directory:
    """Reads the locations and employees that orders name, in one pass over the files.

    Args:
        shop_id: The shop.
        reader: Reads its files.
        timezone: Of the shop.
        currency: Of the shop.
    """

    def __init__(
        self, shop_id: str, reader: ExportReader, timezone: str | None, currency: str | None
    ) -> None:
        self._shop_id, self._reader = shop_id, reader
        self._timezone, self._currency = timezone, currency

    def gives(self, name: str) -> bool:
        """Tell whether any orders name a location, or an employee."""
        return any(
            name in _receipt_groups(entry) if entry.receipts else getattr(entry.orders, name)
            for _, entry in self._reader.mapping.giving("orders")
        )

    def read_locations(self) -> Iterator[Batch]:
        """Read the locations."""
        found = self._found
        yield Batch(
            [
                records.Location(
                    shop_id=self._shop_id,
                    id=identity,
                    name=name,
                    timezone=self._timezone,
                    currency=self._currency,
                )
                for identity, name in sorted(found.locations.items())
            ],
            list(found.bad),
        )

    def read_employees(self) -> Iterator[Batch]:
        """Read the employees."""
        found = self._found
        yield Batch(
            [
                records.Employee(shop_id=self._shop_id, id=identity, display_name=name)
                for identity, name in sorted(found.employees.items())
            ],
            list(found.bad),
        )

    @asked_once
    def _found(self) -> _Found:
        found = _Found({}, {}, [])
        for file in rested(self._reader.files("orders"))[0]:
            try:
                for texts in self._texts(file):
                    _note(found.locations, texts, "location")
                    _note(found.employees, texts, "employee")
            except UnreadableFile as error:  # noqa: PERF203 - one bad file must not stop the others
                found.bad.append(BadRecord(file.name, str(error)))
        return found

    def _texts(self, file: ExportFile) -> Iterator[Texts]:
        entry = self._reader.entry(file)
        _, encoding = examine(file, entry.encoding, binary=entry.format == "xlsx")
        if entry.receipts is not None:
            for basket in self._reader.baskets(file, encoding):
                if not isinstance(basket, BadRecord):
                    yield basket.order
            return
        fields, writing = entry.orders, self._reader.writing(entry)
        if fields is None:
            return

        def bind(header: Header) -> Section:
            OrderRows(entry, header, writing, file.name)
            return Section(fields, header, "orders", only=_WANTED)

        for found in self._reader.rows(file, encoding, bind):
            if not isinstance(found, BadRecord):
                _, cells, section = found
                yield section(cells)


def _note(names: dict[str, str], texts: Texts, field: str) -> None:
    identity = texts.get(field)
    if identity is not None:
        names[identity] = texts.get(f"{field}_name") or names.get(identity) or identity


def _receipt_groups(entry: FileMapping) -> set[str]:
    """Name the fields of orders that the patterns of receipts give."""
    receipts = entry.receipts
    patterns = [pattern.orders for pattern in receipts.patterns] if receipts else []
    return {name for pattern in patterns if pattern for name in compiled(pattern).groupindex}
