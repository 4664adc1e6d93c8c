"""What a destination has to be able to do. It gets permitted data only and knows no consent.

There are two kinds. The embedded CRM is a set of tables beside the ledger: it takes rows. A CRM
outside is told what changed, item by item, withdrawals before everything else
(`target_shopcrm.destinations.crm`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.database.isolation import Refusal
    from target_shopcrm.database.tables import Row


class Destination(Protocol):
    """What all destinations share.

    Attributes:
        name: Its name in settings and bookkeeping.
        calls: How many requests were sent to it over the network; none to a table or a file.
    """

    name: str

    @property
    def calls(self) -> int:
        """How many requests were sent so far, retries included."""
        ...

    def open(self, connection: Connection) -> None:
        """Get ready, and put right what a crash left behind; in a transaction of its own."""
        ...

    def settle(self, connection: Connection) -> None:
        """Keep books in the transaction that stores what became of the last step."""
        ...

    def committed(self) -> None:
        """Note that everything since the last commit is durable now."""
        ...

    def rolled_back(self) -> None:
        """Undo what the database couldn't: its transaction has been rolled back."""
        ...

    def close(self) -> None:
        """Let go of everything. Safe to call twice."""
        ...


class TableDestination(Destination, Protocol):
    """A destination that is a set of tables in the ShopCRM database."""

    kind: Literal["tables"]

    def upsert(
        self, connection: Connection, stream: str, rows: Sequence[Row]
    ) -> tuple[int, list[tuple[Row, Refusal]]]:
        """Write the new and changed ones of `rows` (different keys) in the open transaction.

        Returns:
            How many changed something, and the refused ones.
        """
        ...
