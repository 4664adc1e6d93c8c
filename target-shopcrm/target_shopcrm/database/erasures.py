"""Erasures that CRMs outside still have to be told: the one list that may name an erased person.

A CRM can't be called in the transaction that erases somebody here. So what it has to forget waits
in `sync.erasures`, goes out first in the next run into that CRM, and is blanked once it is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from target_shopcrm.database.connection import Connection


class Erasure(NamedTuple):
    """One contact that one CRM has to forget.

    Attributes:
        id: To tell that it is done.
        shop_id: The shop.
        contact_id: Our id of the contact; the register's id of a customer we never delivered.
        addresses: Every normalised address by channel.
        remote_id: The CRM's own id, where it told one.
    """

    id: int
    shop_id: str
    contact_id: str
    addresses: dict[str, str]
    remote_id: str | None


class Pending(NamedTuple):
    """How much a CRM still has to forget; nobody is named."""

    destination: str
    erasures: int
    oldest: datetime


class Erasures:
    """The list, inside the caller's transaction.

    Args:
        connection: In a transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def queue(  # noqa: PLR0913, PLR0917 - the columns of the list
        self,
        destination: str,
        shop_id: str,
        contact_id: str,
        addresses: Mapping[str, str],
        remote_id: str | None,
        at: datetime,
    ) -> None:
        """Remember that a CRM has to forget a contact.

        Args:
            destination: The CRM.
            shop_id: The shop.
            contact_id: Our id of the contact.
            addresses: Every normalised address by channel.
            remote_id: The CRM's own id, or None.
            at: When the erasure was asked for.
        """
        self._connection.execute(
            "INSERT INTO sync.erasures (destination, shop_id, contact_id, addresses, remote_id,"
            " requested_at) VALUES (%s, %s, %s, %s, %s, %s)",
            [destination, shop_id, contact_id, Jsonb(dict(addresses)), remote_id, at],
        )

    def pending(self, destination: str) -> list[Erasure]:
        """List what a CRM still has to forget.

        Args:
            destination: The CRM.

        Returns:
            The erasures, oldest first.
        """
        rows = self._connection.execute(
            "SELECT id, shop_id, contact_id, addresses, remote_id FROM sync.erasures"
            " WHERE destination = %s AND done_at IS NULL ORDER BY id",
            [destination],
        )
        return [Erasure(*row) for row in rows]

    def done(self, ids: Sequence[int]) -> None:
        """Note that a CRM has forgotten contacts; now nothing here names them any more.

        Args:
            ids: From `pending`.
        """
        if ids:
            self._connection.execute(
                "UPDATE sync.erasures SET done_at = now(), addresses = '{}', remote_id = NULL,"
                " contact_id = '' WHERE id = ANY (%s)",
                [list(ids)],
            )

    def summary(self) -> list[Pending]:
        """Say how much is pending where.

        Returns:
            One entry per CRM that still has to forget somebody.
        """
        rows = self._connection.execute(
            "SELECT destination, count(*), min(requested_at) FROM sync.erasures"
            " WHERE done_at IS NULL GROUP BY destination ORDER BY destination"
        )
        return [Pending(*row) for row in rows]
