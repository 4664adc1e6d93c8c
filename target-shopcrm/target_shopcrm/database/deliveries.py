"""What external destinations were told, so that they are told only what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from uuid import UUID

    from target_shopcrm.database.connection import Connection

ContactKey = tuple[str, str]


class Delivered(NamedTuple):
    """What a destination holds of one record.

    Attributes:
        row_hash: Of what it was last told; empty where nothing of that stands any more.
        permitted: For each channel it may use, the normalised address.
    """

    row_hash: bytes
    permitted: dict[str, str]


class Deliveries:
    """The deliveries of one stream to one destination.

    Args:
        connection: In a transaction.
        destination: Its name.
        stream: What was delivered.
    """

    def __init__(self, connection: Connection, destination: str, stream: str) -> None:
        self._connection = connection
        self._which = {"destination": destination, "stream": stream}

    def with_permissions(self) -> dict[ContactKey, Delivered]:
        """Find what was delivered with a permission to use an address.

        Returns:
            By shop_id and key.
        """
        return self._read("permitted <> '{}'", {})

    def of(self, keys: Collection[ContactKey]) -> dict[ContactKey, Delivered]:
        """Find what was delivered of some records.

        Args:
            keys: shop_id and key of each.

        Returns:
            By shop_id and key; records never delivered are missing.
        """
        wanted = "(shop_id, key) IN (SELECT * FROM unnest(%(shops)s::text[], %(keys)s::text[]))"
        return self._read(
            wanted, {"shops": [key[0] for key in keys], "keys": [key[1] for key in keys]}
        )

    def save(self, delivered: Mapping[ContactKey, Delivered], run_id: UUID) -> None:
        """Remember what was delivered.

        Args:
            delivered: By shop_id and key.
            run_id: The run that delivered it.
        """
        if not delivered:
            return
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO sync.deliveries (destination, stream, shop_id, key, row_hash,"
                " permitted, run_id, delivered_at) VALUES (%(destination)s, %(stream)s, %(shop)s,"
                " %(key)s, %(row_hash)s, %(permitted)s, %(run)s, now())"
                " ON CONFLICT (destination, stream, shop_id, key) DO UPDATE SET"
                " row_hash = EXCLUDED.row_hash, permitted = EXCLUDED.permitted,"
                " run_id = EXCLUDED.run_id, delivered_at = EXCLUDED.delivered_at",
                self._rows(delivered, run_id),
            )

    def _rows(
        self, delivered: Mapping[ContactKey, Delivered], run_id: UUID
    ) -> Iterable[dict[str, object]]:
        for (shop_id, key), now in delivered.items():
            yield {
                **self._which,
                "shop": shop_id,
                "key": key,
                "row_hash": now.row_hash,
                "permitted": Jsonb(now.permitted),
                "run": run_id,
            }

    def _read(self, condition: str, values: dict[str, object]) -> dict[ContactKey, Delivered]:
        rows = self._connection.execute(
            "SELECT shop_id, key, row_hash, permitted FROM sync.deliveries"  # noqa: S608 - ours
            f" WHERE destination = %(destination)s AND stream = %(stream)s AND {condition}",
            {**self._which, **values},
        )
        return {(row[0], row[1]): Delivered(bytes(row[2]), row[3]) for row in rows}
