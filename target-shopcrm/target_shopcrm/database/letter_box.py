"""Dead letters as a person goes through them: of all destinations, to read, drop or put back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from target_shopcrm.database.connection import Connection


class Letter(NamedTuple):
    """One dead letter, without what the record held.

    Attributes:
        id: What it is called in commands.
        destination: Where the record couldn't be delivered.
        stream: The record's stream.
        key: The record's key, as far as it could be read.
        field: The field at fault, empty where the whole record is.
        reason: What is wrong, without the value.
        first_seen_at: Since when.
        first_run_id: The run that met it first.
        replay_requested_at: When somebody put it back for the next run, else None.
        is_kept: Whether the record's contents are still kept.
    """

    id: int
    destination: str
    stream: str
    key: dict[str, str | None]
    field: str
    reason: str
    first_seen_at: datetime
    first_run_id: UUID
    replay_requested_at: datetime | None
    is_kept: bool


class Which(NamedTuple):
    """Which letters are meant; None stands for all.

    Attributes:
        ids: These only.
        destination: Those of one destination.
        stream: Those of one stream.
    """

    ids: tuple[int, ...] | None = None
    destination: str | None = None
    stream: str | None = None


class LetterBox:
    """All dead letters.

    Args:
        connection: An open connection; the caller commits.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def letters(self, which: Which) -> list[Letter]:
        """List letters.

        Args:
            which: The ones that are meant.

        Returns:
            The letters, oldest first.
        """
        columns = sql.SQL(", ").join([sql.Identifier(name) for name in Letter._fields[:-1]])
        query = sql.SQL(
            "SELECT {columns}, record IS NOT NULL FROM sync.dead_letters WHERE"
            " (%(ids)s::bigint[] IS NULL OR id = ANY (%(ids)s::bigint[]))"
            " AND (%(destination)s::text IS NULL OR destination = %(destination)s::text)"
            " AND (%(stream)s::text IS NULL OR stream = %(stream)s::text) ORDER BY id"
        ).format(columns=columns)
        values = {**which._asdict(), "ids": None if which.ids is None else list(which.ids)}
        return [Letter(*row) for row in self._connection.execute(query, values)]

    def records(self, ids: Sequence[int]) -> dict[int, bytes]:
        """Read what records held.

        Args:
            ids: Of letters.

        Returns:
            By id the record as it came in; those that aren't kept any more are missing.
        """
        rows = self._connection.execute(
            "SELECT id, record FROM sync.dead_letters WHERE id = ANY (%s) AND record IS NOT NULL",
            [list(ids)],
        )
        return {row[0]: bytes(row[1]) for row in rows}

    def drop(self, ids: Sequence[int]) -> int:
        """Throw letters away for good.

        Args:
            ids: Of letters.

        Returns:
            How many there were.
        """
        return self._connection.execute(
            "DELETE FROM sync.dead_letters WHERE id = ANY (%s)", [list(ids)]
        ).rowcount

    def put_back(self, ids: Sequence[int]) -> None:
        """Ask the next run into each letter's destination to deliver the record again.

        Args:
            ids: Of letters whose contents are kept.
        """
        self._connection.execute(
            "UPDATE sync.dead_letters SET replay_requested_at = now()"
            " WHERE id = ANY (%s) AND record IS NOT NULL",
            [list(ids)],
        )
