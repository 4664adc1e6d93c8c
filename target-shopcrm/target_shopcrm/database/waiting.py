"""Records that may leave, but not yet: it is night there, or their contact isn't in the CRM."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from target_shopcrm.database.connection import Connection


class Waits(NamedTuple):
    """One record that waits.

    Attributes:
        stream: Its stream.
        shop_id: Its shop.
        key: Its key within the shop.
        record: Its JSON.
        reason: A reason of the gate, or ``uncertain``.
        not_before: When to try again, or None for the next run.
    """

    stream: str
    shop_id: str
    key: str
    record: bytes
    reason: str
    not_before: datetime | None = None


class Waiting:
    """What waits for one destination.

    Args:
        connection: In a transaction.
        destination: Its name.
    """

    def __init__(self, connection: Connection, destination: str) -> None:
        self._connection = connection
        self._destination = destination

    def put(self, records: Sequence[Waits]) -> None:
        """Keep records; a newer version takes the place of an older one.

        Args:
            records: What has to wait.
        """
        if not records:
            return
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO sync.waiting (destination, stream, shop_id, key, record, reason,"
                " not_before) VALUES (%s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (destination, stream, shop_id, key) DO UPDATE SET"
                " record = EXCLUDED.record, reason = EXCLUDED.reason,"
                " not_before = EXCLUDED.not_before",
                [[self._destination, *each] for each in records],
            )

    def due(self, at: datetime) -> list[Waits]:
        """List what may be tried again.

        Args:
            at: Now.

        Returns:
            The records, oldest first.
        """
        rows = self._connection.execute(
            "SELECT stream, shop_id, key, record, reason, not_before FROM sync.waiting"
            " WHERE destination = %s AND (not_before IS NULL OR not_before <= %s)"
            " ORDER BY first_seen_at, stream, shop_id, key",
            [self._destination, at],
        )
        return [Waits(row[0], row[1], row[2], bytes(row[3]), row[4], row[5]) for row in rows]

    def remove(self, keys: Iterable[tuple[str, str, str]]) -> None:
        """Forget records that were dealt with.

        Args:
            keys: Stream, shop_id and key of each.
        """
        wanted = list(keys)
        if wanted:
            self._connection.execute(
                "DELETE FROM sync.waiting USING unnest(%s::text[], %s::text[], %s::text[])"
                " AS done (stream, shop_id, key) WHERE destination = %s"
                " AND waiting.stream = done.stream AND waiting.shop_id = done.shop_id"
                " AND waiting.key = done.key",
                [*([each[index] for each in wanted] for index in range(3)), self._destination],
            )
