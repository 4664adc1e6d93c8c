"""The floor for the target: COPY ready-made rows into an empty table shaped like pos.orders.

Usage: copy_rows.py DATABASE_URL FILE
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

BLOCK = 1 << 20


def copy_rows(database_url: str, rows: Path) -> None:
    """Copy the file into a new table and commit."""
    with psycopg.connect(database_url) as connection:
        connection.execute("drop table if exists bench.orders")
        connection.execute("create table bench.orders (like pos.orders including all)")
        with (
            rows.open("rb") as source,
            connection.cursor().copy("copy bench.orders from stdin") as copy,
        ):
            while block := source.read(BLOCK):
                copy.write(block)


if __name__ == "__main__":
    copy_rows(sys.argv[1], Path(sys.argv[2]))
