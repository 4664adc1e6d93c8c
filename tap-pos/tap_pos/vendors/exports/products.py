"""From rows to products. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_pos import records
from tap_pos.vendors.exports.rows import Identity, Section
from tap_pos.vendors.money import minor_digits, minor_units, rounded_minor_units
from tap_pos.vendors.texts import with_variant

if TYPE_CHECKING:
    from tap_pos.vendors.exports.mapping_file import FileMapping
    from tap_pos.vendors.exports.rows import Header, Writing
    from tap_pos.vendors.exports.tables import Row


class ProductRows:
    """Reads the rows of one file of products.

    Args:
        shop_id: The shop.
        currency: Of prices, unless a row says otherwise.
        entry: The kind of file.
        header: The file's columns.
        writing: How it writes numbers.

    Raises:
        UnreadableFile: If a column is missing.
    """

    def __init__(
        self,
        shop_id: str,
        currency: str | None,
        entry: FileMapping,
        header: Header,
        writing: Writing,
    ) -> None:
        fields = entry.products
        assert fields is not None  # noqa: S101 - the caller chose such an entry
        self._shop_id, self._currency, self._writing = shop_id, currency, writing
        self._identity = Identity(fields, header, "products")
        self._section = Section(fields, header, "products")
        self._separator = fields.category_separator

    def record(self, row: Row) -> records.Product:
        """Map a row.

        Raises:
            Unmappable: If it can't be read.
        """
        identity = self._identity(row)
        texts = self._writing.normalised(self._section(row))
        currency = texts.get("currency") or self._currency or ""
        if "price" in texts or "unit_cost" in texts:
            minor_digits(currency)
        path = texts.get("category", "").split(self._separator)
        return records.Product(
            shop_id=self._shop_id,
            id=identity,
            item_id=texts.get("item_id"),
            sku=texts.get("sku"),
            barcode=texts.get("barcode"),
            name=with_variant(texts.get("name"), texts.get("variant")),
            category_path=[part.strip() for part in path if part.strip()],
            brand=texts.get("brand"),
            price=minor_units(texts["price"], currency) if "price" in texts else None,
            unit_cost=(
                rounded_minor_units(texts["unit_cost"], currency) if "unit_cost" in texts else None
            ),
            currency=currency or None,
            updated_at=texts.get("updated_at"),
        )
