"""Dead letters: records that couldn't be delivered, until a sound version of them comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from target_shopcrm.consent.policy import Validity
    from target_shopcrm.database.connection import Connection
    from target_shopcrm.decoding import BadRecord


class DeadLetters:
    """The dead letters of one destination.

    Args:
        connection: The run's connection.
        destination: The run's destination.
    """

    def __init__(self, connection: Connection, destination: str) -> None:
        self._connection = connection
        self._destination = destination

    def blank_old_records(self, kept: Validity) -> None:
        """Forget what records held that nobody has looked into for long.

        Args:
            kept: How long the policy keeps it.
        """
        self._connection.execute(
            "UPDATE sync.dead_letters SET record = NULL, replay_requested_at = NULL WHERE record"
            " IS NOT NULL AND first_seen_at < now() - make_interval(months => %s, days => %s)",
            [kept.months, kept.days],
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

    def requested(self) -> list[tuple[int, str, bytes]]:
        """List the letters that somebody asked to be delivered again.

        They go through the run like records that just came in: through the gate, and to the
        dead letters again where they are still bad.

        Returns:
            Id, stream and record of each, as it came in; oldest first.
        """
        rows = self._connection.execute(
            "SELECT id, stream, record FROM sync.dead_letters WHERE destination = %s"
            " AND replay_requested_at IS NOT NULL AND record IS NOT NULL ORDER BY id",
            [self._destination],
        )
        return [(row[0], row[1], bytes(row[2])) for row in rows]

    def replayed(self, ids: Sequence[int]) -> None:
        """Note that requested letters were taken up, so that the next run doesn't take them too.

        Call it in the transaction that delivers them. Letters of records that were delivered go
        by `remove`; those of records that are still bad stay, and may be asked for again.

        Args:
            ids: From `requested`.
        """
        if ids:
            self._connection.execute(
                "UPDATE sync.dead_letters SET replay_requested_at = NULL"
                " WHERE destination = %s AND id = ANY (%s)",
                [self._destination, list(ids)],
            )
