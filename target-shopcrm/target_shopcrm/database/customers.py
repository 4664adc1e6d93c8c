"""Stored customers, as the gate sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from psycopg import sql

from target_shopcrm.database.tables import CustomerRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from target_shopcrm.database.connection import Connection


def stored_customers(connection: Connection, keys: Sequence[tuple[str, str]]) -> list[CustomerRow]:
    """Read customers back.

    Args:
        connection: In a transaction.
        keys: shop_id and id of each; unknown ones are left out.

    Returns:
        The customers as they were written.
    """
    names = CustomerRow.__struct_fields__
    query = sql.SQL(
        "SELECT {columns} FROM unnest(%s::text[], %s::text[]) AS wanted (shop_id, id)"
        " JOIN pos.customers USING (shop_id, id)"
    ).format(columns=sql.SQL(", ").join([sql.Identifier(name) for name in names]))
    rows = connection.execute(query, [[key[0] for key in keys], [key[1] for key in keys]])
    return [msgspec.convert(dict(zip(names, row, strict=True)), CustomerRow) for row in rows]


def last_changes(
    connection: Connection, keys: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], datetime]:
    """Ask how new the stored versions of customers are.

    Args:
        connection: In a transaction.
        keys: shop_id and id of each.

    Returns:
        By shop_id and id when the stored version had last changed, by the vendor's clock;
        customers of whom that isn't known are missing.
    """
    wanted = list(keys)
    rows = connection.execute(
        "SELECT shop_id, id, greatest(updated_at, deleted_at)"
        " FROM unnest(%s::text[], %s::text[]) AS wanted (shop_id, id)"
        " JOIN pos.customers USING (shop_id, id)"
        " WHERE coalesce(updated_at, deleted_at) IS NOT NULL",
        [[key[0] for key in wanted], [key[1] for key in wanted]],
    )
    return {(row[0], row[1]): row[2] for row in rows}


def stored_keys(connection: Connection, keys: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Find out which customers are stored.

    Args:
        connection: In a transaction.
        keys: shop_id and id of each.

    Returns:
        The keys of those that are.
    """
    wanted = list(keys)
    rows = connection.execute(
        "SELECT shop_id, id FROM unnest(%s::text[], %s::text[]) AS wanted (shop_id, id)"
        " JOIN pos.customers USING (shop_id, id)",
        [[key[0] for key in wanted], [key[1] for key in wanted]],
    )
    return {(str(row[0]), str(row[1])) for row in rows}


def all_customer_keys(connection: Connection) -> set[tuple[str, str]]:
    """List all stored customers.

    Args:
        connection: In a transaction.

    Returns:
        shop_id and id of each.
    """
    return {
        (str(row[0]), str(row[1]))
        for row in connection.execute("SELECT shop_id, id FROM pos.customers")
    }


def shops_with_customers(connection: Connection) -> list[str]:
    """List the shops of which anything about customers is stored.

    Args:
        connection: In a transaction.

    Returns:
        Their shop_ids, in order.
    """
    rows = connection.execute(
        "SELECT shop_id FROM pos.customers UNION SELECT shop_id FROM consent.contact_points"
        " ORDER BY shop_id"
    )
    return [str(row[0]) for row in rows]
