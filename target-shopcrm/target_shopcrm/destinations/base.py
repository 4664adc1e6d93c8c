"""What a destination has to be able to do. It gets permitted data only and knows no consent.

There are two kinds. The embedded CRM is a set of tables beside the ledger: it takes rows. An
external CRM is told what changed, in messages, withdrawals before everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.database.isolation import Refusal
    from target_shopcrm.database.tables import Row


class Destination(Protocol):
    """What all destinations share.

    Attributes:
        name: Its name in settings and bookkeeping.
        streams: The streams it takes.
    """

    name: str
    streams: frozenset[str]

    def open(self, connection: Connection) -> None:
        """Get ready, and put right what a crash left behind; in a transaction of its own."""
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


class Withdraw(Struct, frozen=True, kw_only=True):
    """Stop writing to this address."""

    action: Literal["withdraw"] = "withdraw"
    stream: str
    shop_id: str
    contact_id: str
    channel: str
    address: str


class Upsert(Struct, frozen=True, kw_only=True):
    """This is what you may know about a contact, and the channels you may use.

    Attributes:
        fields: Only permitted ones; what is left out must be forgotten.
    """

    action: Literal["upsert"] = "upsert"
    stream: str
    shop_id: str
    contact_id: str
    channels: tuple[str, ...]
    fields: Mapping[str, object]


CrmMessage = Withdraw | Upsert


class MessageDestination(Destination, Protocol):
    """A destination outside, which is told what changed."""

    kind: Literal["messages"]

    def send(self, connection: Connection, messages: Sequence[CrmMessage]) -> None:
        """Deliver in this order; it must be undone if the open transaction is rolled back."""
        ...
