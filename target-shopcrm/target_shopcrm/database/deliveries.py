"""What destinations outside were told, so that they are told only what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from target_shopcrm.database.connection import Connection

RecordKey = tuple[str, str]

_DELIVERED = (
    "SELECT shop_id, key, row_hash, permitted, fields, granted, lists, remote_id"
    " FROM sync.deliveries WHERE destination = %(destination)s AND stream = %(stream)s"
)
_PERMITTED = _DELIVERED + " AND permitted <> '{}'"
_OF_KEYS = (
    _DELIVERED  # noqa: S608 - ours
    + " AND (shop_id, key) IN (SELECT * FROM unnest(%(shops)s::text[], %(keys)s::text[]))"
)

UNSETTLED = b""
"""The row hash of a record that was on its way when nobody noted how it ended."""


class Delivered(NamedTuple):
    """What a destination holds of one record.

    Attributes:
        row_hash: Of what it was last told; `UNSETTLED` where that isn't known for sure.
        permitted: For each channel it may use, the normalised address. While a delivery is on
            its way this also names what the destination may be about to learn.
        fields: The fields it was told.
        granted: For each channel whose consent it was told, the address.
        lists: The lists the contact was put on.
        remote_id: The destination's own id.
    """

    row_hash: bytes
    permitted: dict[str, str]
    fields: dict[str, object] = {}  # noqa: RUF012 - read only
    granted: dict[str, str] = {}  # noqa: RUF012 - read only
    lists: list[str] = []  # noqa: RUF012 - read only
    remote_id: str | None = None

    @property
    def is_settled(self) -> bool:
        """Whether it is known what the destination holds."""
        return self.row_hash != UNSETTLED


class Deliveries:
    """The deliveries of one stream to one destination.

    Args:
        connection: In a transaction.
        destination: Its name.
        stream: What was delivered.
        is_shadow: Whether nothing is delivered, so that nothing may be remembered.
    """

    def __init__(
        self, connection: Connection, destination: str, stream: str, *, is_shadow: bool = False
    ) -> None:
        self._connection = connection
        self._which = {"destination": destination, "stream": stream}
        self._is_shadow = is_shadow

    def with_permissions(self) -> dict[RecordKey, Delivered]:
        """Find what was delivered with a permission to use an address.

        Returns:
            By shop_id and key.
        """
        return _by_key(self._connection.execute(_PERMITTED, self._which))

    def of(self, keys: Collection[RecordKey]) -> dict[RecordKey, Delivered]:
        """Find what was delivered of some records.

        Args:
            keys: shop_id and key of each.

        Returns:
            By shop_id and key; records never delivered are missing.
        """
        values = {**self._which, **_columns(keys)}
        return _by_key(self._connection.execute(_OF_KEYS, values))

    def compared(self, keys: Collection[RecordKey]) -> dict[RecordKey, Delivered]:
        """Find the contacts that a shadow run compared: live would have told them by now.

        Args:
            keys: shop_id and key of each.

        Returns:
            By shop_id and key, with the addresses that live would use.
        """
        rows = self._connection.execute(
            "SELECT shop_id, key, jsonb_object_agg("
            "CASE field WHEN 'phone' THEN 'sms' ELSE field END, ours) FROM sync.shadow"
            " WHERE destination = %(destination)s AND stream = %(stream)s"
            " AND field IN ('email', 'phone') AND verdict IN ('match', 'differs', 'new')"
            " AND (shop_id, key) IN (SELECT * FROM unnest(%(shops)s::text[], %(keys)s::text[]))"
            " GROUP BY shop_id, key",
            {**self._which, **_columns(keys)},
        )
        return {(row[0], row[1]): Delivered(b"compared", row[2]) for row in rows}

    def times_to(
        self, addresses: Collection[str], since: datetime
    ) -> dict[str, dict[RecordKey, datetime]]:
        """Ask when records were delivered that may have made the destination write to somebody.

        Args:
            addresses: Normalised addresses.
            since: How far back.

        Returns:
            For each address with any, the instant of each record.
        """
        rows = self._connection.execute(
            "SELECT told.address, shop_id, key, delivered_at FROM sync.deliveries,"
            " LATERAL jsonb_each_text(permitted) AS told (channel, address)"
            " WHERE destination = %(destination)s AND stream = %(stream)s"
            " AND delivered_at >= %(since)s AND told.address = ANY (%(addresses)s)",
            {**self._which, "since": since, "addresses": list(addresses)},
        )
        found: dict[str, dict[RecordKey, datetime]] = {}
        for address, shop_id, key, at in rows:
            found.setdefault(address, {})[shop_id, key] = at
        return found

    def save(self, delivered: Mapping[RecordKey, Delivered], run_id: UUID) -> None:
        """Remember what was delivered.

        Args:
            delivered: By shop_id and key.
            run_id: The run that delivered it.
        """
        if not delivered or self._is_shadow:
            return
        # One JSON text is read and written much faster than row after row.
        rows = [
            {
                "shop_id": shop_id,
                "key": key,
                "row_hash": now.row_hash.hex(),
                "permitted": now.permitted,
                "fields": now.fields,
                "granted": now.granted,
                "lists": now.lists,
                "remote_id": now.remote_id,
            }
            for (shop_id, key), now in delivered.items()
        ]
        self._connection.execute(
            "INSERT INTO sync.deliveries (destination, stream, shop_id, key, row_hash, permitted,"
            " fields, granted, lists, remote_id, run_id, delivered_at)"
            " SELECT %(destination)s, %(stream)s, shop_id, key, decode(row_hash, 'hex'), permitted,"
            " fields, granted, lists, remote_id, %(run)s, now() FROM json_to_recordset(%(rows)s)"
            " AS told (shop_id text, key text, row_hash text, permitted jsonb, fields jsonb,"
            " granted jsonb, lists jsonb, remote_id text)"
            " ON CONFLICT (destination, stream, shop_id, key) DO UPDATE SET"
            " row_hash = EXCLUDED.row_hash, permitted = EXCLUDED.permitted,"
            " fields = EXCLUDED.fields, granted = EXCLUDED.granted, lists = EXCLUDED.lists,"
            " remote_id = EXCLUDED.remote_id, run_id = EXCLUDED.run_id,"
            " delivered_at = EXCLUDED.delivered_at",
            {**self._which, "run": run_id, "rows": msgspec.json.encode(rows).decode()},
        )

    def remember_before(self, before: Mapping[RecordKey, Delivered | None], run_id: UUID) -> None:
        """Keep what a destination held before this run first changes it, to be able to go back.

        Args:
            before: By shop_id and key; None for what it didn't hold.
            run_id: The run that is about to change it.
        """
        if not before or self._is_shadow:
            return
        rows = [
            {
                "shop_id": shop_id,
                "key": key,
                "before": None if was is None else {"fields": was.fields, "lists": was.lists},
            }
            for (shop_id, key), was in before.items()
        ]
        self._connection.execute(
            "INSERT INTO sync.changes (run_id, destination, stream, shop_id, key, before)"
            " SELECT %(run)s, %(destination)s, %(stream)s, shop_id, key, before"
            " FROM json_to_recordset(%(rows)s) AS held (shop_id text, key text, before jsonb)"
            " ON CONFLICT DO NOTHING",
            {**self._which, "run": run_id, "rows": msgspec.json.encode(rows).decode()},
        )

    def changed_by(self, run_id: UUID) -> Iterable[tuple[RecordKey, dict[str, object] | None]]:
        """List what a run has changed.

        Args:
            run_id: The run.

        Returns:
            For each record its shop_id and key, and `fields` and `lists` from before; None where
            the destination held nothing.
        """
        rows = self._connection.execute(
            "SELECT shop_id, key, before FROM sync.changes WHERE run_id = %(run)s"
            " AND destination = %(destination)s AND stream = %(stream)s ORDER BY shop_id, key",
            {**self._which, "run": run_id},
        )
        return [((row[0], row[1]), row[2]) for row in rows]


def _columns(keys: Collection[RecordKey]) -> dict[str, list[str]]:
    return {"shops": [key[0] for key in keys], "keys": [key[1] for key in keys]}


def _by_key(rows: Iterable[tuple[Any, ...]]) -> dict[RecordKey, Delivered]:
    return {(row[0], row[1]): Delivered(bytes(row[2]), *row[3:]) for row in rows}
