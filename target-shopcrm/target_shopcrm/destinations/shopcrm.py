"""Destination shopcrm: the tables of schema pos in the ShopCRM database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from target_shopcrm.database.isolation import Refusal, write_isolated
from target_shopcrm.database.merge import difference, insert_rows, merge_rows
from target_shopcrm.database.tables import TABLES, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.database.connection import Connection


class ShopCRM:
    """The embedded CRM."""

    name = "shopcrm"
    kind: Literal["tables"] = "tables"
    calls = 0

    def open(self, connection: Connection) -> None:
        """Do nothing: a transaction that was cut off left nothing behind."""

    def upsert(
        self, connection: Connection, stream: str, rows: Sequence[Row]
    ) -> tuple[int, list[tuple[Row, Refusal]]]:
        """Write the new and changed rows of one table.

        Args:
            connection: In a transaction.
            stream: The table's stream.
            rows: Rows with different keys.

        Returns:
            How many changed something, and the rows the database refused.
        """
        table = TABLES[stream]
        new, changed = difference(connection, table, rows)
        inserted, refused = write_isolated(
            connection, new, lambda part: insert_rows(connection, table, part)
        )
        merged, also_refused = write_isolated(
            connection, changed, lambda part: merge_rows(connection, table, part)
        )
        return inserted + merged, [*refused, *also_refused]

    def settle(self, connection: Connection) -> None:
        """Do nothing: the rows are part of the transaction."""

    def committed(self) -> None:
        """Do nothing: the database keeps its own books."""

    def rolled_back(self) -> None:
        """Do nothing: the database undid everything."""

    def close(self) -> None:
        """Do nothing: the connection belongs to the run."""
