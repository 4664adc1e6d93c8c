"""Files that a shop already has: exports of a register without an API, and of history.

A mapping file says which files of the folder give which records, and which column is which
field. Ready mappings exist for the exports of Square, Shopify and Lightspeed X; a shop can
write its own after `mappings/example.yml`.

The files are only ever read. Whether a file is new or changed is told from its size, its
time and its content (`folder.Cursor`), so nothing depends on the shop's clock being right.
"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from tap_pos.errors import SettingsError, UnexpectedAnswerError, Unmappable
from tap_pos.vendors.base import BadRecord, Feed, ShopReader, Source, Vendor, WholeTable
from tap_pos.vendors.exports.customers import CustomerRows
from tap_pos.vendors.exports.directory import Directory
from tap_pos.vendors.exports.feeds import AllTogether, FileByFile, Item
from tap_pos.vendors.exports.files import ExportReader
from tap_pos.vendors.exports.mapping_reader import read_mapping
from tap_pos.vendors.exports.orders import OrderFacts, order_of
from tap_pos.vendors.exports.products import ProductRows
from tap_pos.vendors.exports.values import required_zone
from tap_pos.windows import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tap_pos.http import Limits
    from tap_pos.records import Record
    from tap_pos.settings import ShopSettings
    from tap_pos.vendors.exports import mapping_file
    from tap_pos.vendors.exports.baskets import Basket
    from tap_pos.vendors.exports.folder import ExportFile
    from tap_pos.vendors.exports.rows import Header
    from tap_pos.vendors.exports.tables import Row

_BEFORE_REGISTERS = datetime(2000, 1, 1, tzinfo=timezone.utc)


class ExportsShop:
    """The folder of one shop, opened for one run.

    Args:
        shop: The shop's settings.
    """

    def __init__(self, shop: ShopSettings) -> None:
        self._shop = shop
        mapping = read_mapping(shop)
        self._currency = shop.currency or mapping.currency
        timezone_name = shop.timezone or mapping.timezone
        zone = required_zone(timezone_name or "UTC")
        folder = Path(shop.exports_folder).expanduser()
        self._reader = ExportReader(shop, mapping, folder, zone)
        self._facts = OrderFacts(
            shop.id, zone, self._currency, shop.day_starts_at(), mapping.totals, mapping.tax
        )
        # A folder has no clock of its own: this machine's stands in, as with files' times.
        self.now = datetime.now(timezone.utc).replace(microsecond=0)
        self.history_starts_at = _BEFORE_REGISTERS
        self._refuse_emptiness()
        self._directory = Directory(shop.id, self._reader, timezone_name, self._currency)
        self.streams: Mapping[str, Source] = self._streams()

    def _refuse_emptiness(self) -> None:
        """Notice a wrong folder or wrong names before silence looks like success."""
        parts = ("orders", "customers", "products")
        if not any(self._reader.files(part) for part in parts):
            names = [name for entry in self._reader.mapping.files for name in entry.names]
            raise UnexpectedAnswerError(
                f"{self._reader.who}: the folder of exports has no file that the mapping names "
                f"({', '.join(names)}): check exports_folder, or correct names in the mapping."
            )

    def _streams(self) -> dict[str, Source]:
        mapping, directory = self._reader.mapping, self._directory
        streams: dict[str, Source] = {}
        if directory.gives("location"):
            streams["locations"] = WholeTable(directory.read_locations)
        if directory.gives("employee"):
            streams["employees"] = WholeTable(directory.read_employees)
        for part, items in (("products", self._products), ("customers", self._customers)):
            if any(mapping.giving(part)):
                streams[part] = Feed(FileByFile(self._reader, part, items).read)
        orders = [entry for _, entry in mapping.giving("orders")]
        if len(orders) == 1 and orders[0].newest_by is None:
            streams["orders"] = Feed(FileByFile(self._reader, "orders", self._orders).read)
        elif orders:
            streams["orders"] = Feed(AllTogether(self._reader, self._order).read)
        return streams

    def _orders(self, file: ExportFile, encoding: str) -> Iterator[Item]:
        for basket in self._reader.baskets(file, encoding):
            yield basket if isinstance(basket, BadRecord) else self._order(basket)

    def _order(self, basket: Basket) -> Item:
        try:
            return order_of(basket, self._facts)
        except Unmappable as error:
            return BadRecord(basket.key, f"{basket.where}: {error}")

    def _customers(self, file: ExportFile, encoding: str) -> Iterator[Item]:
        # What the file says held when it was written; a later file's word is the newer one.
        written = datetime.fromtimestamp(file.mtime_ns // 10**9, timezone.utc)
        observed_at = format_instant(min(written, self.now))
        entry = self._reader.entry(file)
        shop, writing = self._shop, self._reader.writing(entry)

        def bind(header: Header) -> Callable[[Row], Record]:
            sources = shop.consent_sources
            return CustomerRows(shop.id, sources, entry, header, writing, observed_at).record

        yield from self._records(file, encoding, bind)

    def _products(self, file: ExportFile, encoding: str) -> Iterator[Item]:
        entry = self._reader.entry(file)
        writing = self._reader.writing(entry)

        def bind(header: Header) -> Callable[[Row], Record]:
            return ProductRows(self._shop.id, self._currency, entry, header, writing).record

        yield from self._records(file, encoding, bind)

    def _records(
        self, file: ExportFile, encoding: str, bind: Callable[[Header], Callable[[Row], Record]]
    ) -> Iterator[Item]:
        for found in self._reader.rows(file, encoding, bind):
            if isinstance(found, BadRecord):
                yield found
                continue
            line, cells, to_record = found
            try:
                yield to_record(cells)
            except Unmappable as error:
                yield BadRecord(f"{file.name}:{line}", str(error))


class Exports(Vendor):
    """The vendor."""

    name = "exports"
    streams = frozenset({"locations", "employees", "products", "customers", "orders"})
    required_settings = frozenset({"exports_folder", "exports_mapping"})
    optional_settings = frozenset({"timezone", "currency", "consent_sources"})

    def check(self, shop: ShopSettings) -> None:
        """Read the mapping, and refuse settings that it leaves incomplete.

        Raises:
            SettingsError: If the mapping can't be read or can't work with the settings.
        """
        mapping = read_mapping(shop)
        who = f"Shop '{shop.id}' (exports)"
        if not (shop.timezone or mapping.timezone):
            raise SettingsError(
                f"{who} needs the setting timezone, such as Europe/Berlin: set it, or write "
                "timezone into the mapping."
            )
        if not (shop.currency or mapping.currency or _names_currencies(mapping)):
            raise SettingsError(
                f"{who} needs the setting currency, such as EUR: set it, or write currency into "
                "the mapping."
            )
        groups = any(
            entry.customers and entry.customers.groups for _, entry in mapping.giving("customers")
        )
        if any(source.group is not None for source in shop.consent_sources) and not groups:
            raise SettingsError(
                f"{who}: consent_sources names a group, but the mapping has no customers.groups: "
                "write its column into the mapping."
            )

    def open(self, shop: ShopSettings, limits: Limits) -> ShopReader:  # noqa: ARG002 - nothing is asked over the network
        """Look into the folder of a shop.

        Raises:
            ShopError: If it can't be listed, or has none of the files.
        """
        return ExportsShop(shop)


def _names_currencies(mapping: mapping_file.Mapping) -> bool:
    """Tell whether every order and price names its own currency."""
    return all(
        part is None or part.currency is not None
        for entry in mapping.files
        for part in (entry.orders, entry.products)
    ) and not any(entry.receipts for entry in mapping.files)


EXPORTS = Exports()
