"""Dead letters: records that couldn't be delivered, until a sound version of them comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.decoding import BadRecord

_KEEP_RECORDS = "30 days"


class DeadLetters:
    """The dead letters of one destination.

    Args:
        connection: The run's connection.
        destination: The run's destination.
    """

    def __init__(self, connection: Connection, destination: str) -> None:
        self._connection = connection
        self._destination = destination

    def blank_old_records(self) -> None:
        """Forget what records held that nobody has looked into for long."""
        self._connection.execute(
            "UPDATE sync.dead_letters SET record = NULL"
            " WHERE record IS NOT NULL AND first_seen_at < now() - %s::interval",
            [_KEEP_RECORDS],
        )

    def add(self, bad_records: Sequence[BadRecord], run_id: UUID) -> None:
        """Keep records that can't be delivered; ones that are known already stay as they are.

        Args:
            bad_records: What is known of them.
            run_id: The run that read them.
        """
        if not bad_records:
            return
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO sync.dead_letters (destination, stream, key, field, reason,"
                " record_hash, record, first_run_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (destination, stream, key, field, record_hash) DO NOTHING",
                [
                    [
                        self._destination,
                        bad.stream,
                        Jsonb(bad.key),
                        bad.field,
                        bad.reason,
                        bad.record_hash,
                        bad.raw,
                        run_id,
                    ]
                    for bad in bad_records
                ],
            )

    def remove(
        self,
        delivered: Callable[[str], Sequence[Mapping[str, str]]],
        bad_records: Sequence[BadRecord],
    ) -> None:
        """Remove the letters of records of which a sound version has been delivered.

        Args:
            delivered: Lists the keys of the records of a stream that were delivered; asked
                only for streams with letters.
            bad_records: What turned out to be bad at the same time; their letters stay.
        """
        rows = self._connection.execute(
            "SELECT DISTINCT stream FROM sync.dead_letters WHERE destination = %s",
            [self._destination],
        )
        for (stream,) in rows.fetchall():
            bad = {tuple(bad.key.values()) for bad in bad_records if bad.stream == stream}
            sound = [key for key in delivered(stream) if tuple(key.values()) not in bad]
            if sound:
                self._connection.execute(
                    "DELETE FROM sync.dead_letters WHERE destination = %s AND stream = %s"
                    " AND key IN (SELECT json_array_elements(%s::json)::jsonb)",
                    [self._destination, stream, msgspec.json.encode(sound).decode()],
                )
