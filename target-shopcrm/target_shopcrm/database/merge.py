"""Rows into a table of schema pos: find what is new or changed, COPY that.

New rows are copied straight into the table. Changed ones go through a staging table, because
COPY can't update; there, a version older than the stored one (`target_shopcrm.versions`) is left
out. Nobody else writes these tables: the run lock sees to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.database.tables import Row, Table


class Difference(NamedTuple):
    """What a table lacks of some rows.

    Attributes:
        new: Rows whose key it doesn't have.
        changed: Rows it holds differently.
    """

    new: list[Row]
    changed: list[Row]


def difference(connection: Connection, table: Table, rows: Sequence[Row]) -> Difference:
    """Compare rows with what the table holds, by key and hash.

    Args:
        connection: In a transaction.
        table: The table.
        rows: Rows with different keys.

    Returns:
        The new and the changed ones.
    """
    # One JSON text is read and written much faster than three arrays.
    query = sql.SQL(
        "SELECT shop_id, id, row_hash = decode(hash, 'hex') FROM json_to_recordset(%s::json)"
        " AS incoming (shop_id text, id text, hash text) JOIN {table} USING (shop_id, id)"
    ).format(table=sql.Identifier("pos", table.name))
    incoming = [
        {"shop_id": row.key[0], "id": row.key[1], "hash": row.row_hash.hex()} for row in rows
    ]
    found = connection.execute(query, [msgspec.json.encode(incoming).decode()])
    is_same = {(shop_id, key): same for shop_id, key, same in found}
    return Difference(
        new=[row for row in rows if row.key not in is_same],
        changed=[row for row in rows if is_same.get(row.key) is False],
    )


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """COPY rows whose keys the table doesn't have.

    Args:
        connection: In a transaction.
        table: The table.
        rows: Rows with different, new keys.

    Returns:
        How many rows that were.
    """
    _copy(connection, table, sql.Identifier("pos", table.name), rows)
    return len(rows)


def merge_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """COPY rows into a staging table and merge them.

    Args:
        connection: In a transaction.
        table: The table.
        rows: Rows with different keys.

    Returns:
        How many rows the table gained or changed; older versions change nothing.
    """
    staging = sql.Identifier(f"staging_{table.name}")
    connection.execute(
        sql.SQL(
            "CREATE TEMP TABLE IF NOT EXISTS {staging} ON COMMIT DELETE ROWS AS"
            " SELECT {columns} FROM {table} WITH NO DATA"
        ).format(staging=staging, columns=_columns(table), table=sql.Identifier("pos", table.name))
    )
    connection.execute(sql.SQL("TRUNCATE {}").format(staging))
    _copy(connection, table, staging, rows)
    return connection.execute(_merge_statement(table, staging)).rowcount


def _copy(connection: Connection, table: Table, into: sql.Composable, rows: Sequence[Row]) -> None:
    statement = sql.SQL("COPY {into} ({columns}) FROM STDIN (FORMAT binary)")
    with connection.cursor().copy(statement.format(into=into, columns=_columns(table))) as copy:
        copy.set_types(table.copy_types)
        for row in rows:
            copy.write_row((*row.cells, row.row_hash))


def _merge_statement(table: Table, staging: sql.Identifier) -> sql.Composed:
    updates = [
        sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(column))
        for column in (*table.columns[2:], "row_hash")
    ]
    return sql.SQL(
        "INSERT INTO {table} AS stored ({columns}) SELECT {columns} FROM {staging}"
        " ON CONFLICT (shop_id, id) DO UPDATE SET {updates}, written_at = now()"
        " WHERE stored.row_hash IS DISTINCT FROM EXCLUDED.row_hash"
        " AND (EXCLUDED.updated_at IS NULL OR ({change} < {stored_change}) IS NOT TRUE)"
    ).format(
        table=sql.Identifier("pos", table.name),
        columns=_columns(table),
        staging=staging,
        updates=sql.SQL(", ").join(updates),
        change=_last_change(table, "excluded"),
        stored_change=_last_change(table, "stored"),
    )


def _last_change(table: Table, version: str) -> sql.Composed:
    columns = [name for name in ("updated_at", "deleted_at") if name in table.plain]
    names = [sql.Identifier(version, name) for name in columns]
    return sql.SQL("greatest({})").format(sql.SQL(", ").join(names))


def _columns(table: Table) -> sql.Composed:
    return sql.SQL(", ").join([sql.Identifier(name) for name in (*table.columns, "row_hash")])
