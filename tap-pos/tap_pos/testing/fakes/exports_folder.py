"""A folder of exports that a test writes down itself, file by file."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, cast

from tap_pos.http import Limits
from tap_pos.settings import ShopSettings
from tap_pos.testing.run import sync
from tap_pos.vendors.exports import EXPORTS

if TYPE_CHECKING:
    from pathlib import Path

    from tap_pos.testing.run import Synced
    from tap_pos.vendors.base import Feed

MAPPING = """
version: 1
timezone: UTC
currency: EUR
files:
  - names: ["sales*.csv"]
    rows_of_one_order: ROWS
    orders: {id: No, created_at: Day, total: {column: Total, optional: true}}
    lines: {name: Item, unit_price: Price}
  - names: ["people*.csv"]
    customers: {id: No, given_name: Name}
"""
HEADER = "No,Day,Item,Price\n"


class Folder:
    """A folder of exports whose files are as old as their number of writes says."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writes = 0
        self.map(MAPPING.replace("ROWS", "anywhere"))

    def map(self, mapping: str) -> None:
        """Put the mapping beside the exports."""
        (self.path / "mapping.yml").write_text(mapping, encoding="utf-8")

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file, a second later than the one before."""
        path = self.path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self._writes += 1
        os.utime(path, (1_700_000_000 + self._writes,) * 2)
        return path

    def sales(self, name: str, *numbers: str, price: str = "1.00") -> Path:
        """Write an export with one row per order."""
        rows = "".join(f"{number},2026-05-01 10:00,Tea,{price}\n" for number in numbers)
        return self.write(name, HEADER + rows)

    def read(self, state: dict[str, Any] | None = None, **more: Any) -> Synced:
        """Run the tap."""
        config = {
            "vendor": "exports",
            "shop_id": "corner",
            "exports_folder": str(self.path),
            "exports_mapping": "mapping.yml",
        }
        return sync({**config, **more}, json.loads(json.dumps(state)))

    def feed(self) -> Feed:
        """Open the orders without the tap around the vendor."""
        shop = ShopSettings(
            id="corner",
            vendor="exports",
            exports_folder=str(self.path),
            exports_mapping=str(self.path / "mapping.yml"),
        )
        source = EXPORTS.open(shop, Limits(1, 1)).streams["orders"]
        return cast("Feed", source)
