"""The consent ledger in PostgreSQL: events, contact points and verdicts. It decides nothing."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from target_shopcrm.consent.assertions import ContactPoint
from target_shopcrm.consent.events import ConsentEvent, Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from target_shopcrm.database.connection import Connection


class StoredVerdict(NamedTuple):
    """What schema consent says about one key; `valid_until` is None for a verdict for good."""

    allowed: bool
    reason: str
    valid_until: datetime | None


class Ledger:
    """Reads and writes schema consent inside the caller's transaction.

    Args:
        connection: The connection of the run.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def events_for(self, keys: Iterable[Key]) -> dict[Key, list[ConsentEvent]]:
        """Read everything that was said about some keys.

        Args:
            keys: The keys; ones without events are missing in the answer.

        Returns:
            The events of each key, oldest entry first.
        """
        wanted = list(keys)
        found: dict[Key, list[ConsentEvent]] = {}
        if not wanted:
            return found
        rows = self._connection.execute(
            "SELECT shop_id, channel, address, purpose, state, event_time, observed_at, source,"
            " reason FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])"
            " AS wanted (shop_id, channel, address, purpose)"
            " JOIN consent.events USING (shop_id, channel, address, purpose) ORDER BY id",
            _columns(wanted, 4),
        )
        names = ConsentEvent.__struct_fields__
        for row in rows:
            event = ConsentEvent(**dict(zip(names, row, strict=True)))
            found.setdefault(event.key, []).append(event)
        return found

    def append(self, events: Sequence[ConsentEvent], run_id: UUID) -> None:
        """Append events; nothing ever changes or removes them again.

        Args:
            events: What is new.
            run_id: The run that learnt it.
        """
        if not events:
            return
        columns = ConsentEvent.__struct_fields__
        with self._connection.cursor().copy(
            f"COPY consent.events ({', '.join(columns)}, run_id) FROM STDIN"
        ) as copy:
            for event in events:
                copy.write_row((*(getattr(event, name) for name in columns), run_id))

    def newest_observation(self) -> datetime | None:
        """Ask for the latest instant at which anything was observed, by the vendors' clocks.

        Returns:
            That instant, or None for an empty ledger.
        """
        row = self._connection.execute("SELECT max(observed_at) FROM consent.events").fetchone()
        return None if row is None else row[0]

    def contact_points(
        self, customers: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], dict[str, ContactPoint]]:
        """Read the stored addresses of customers.

        Args:
            customers: shop_id and customer id of each.

        Returns:
            For each customer with any, the contact point of each channel.
        """
        found: dict[tuple[str, str], dict[str, ContactPoint]] = {}
        rows = self._connection.execute(
            "SELECT shop_id, customer_id, channel, address, since"
            " FROM unnest(%s::text[], %s::text[]) AS wanted (shop_id, customer_id)"
            " JOIN consent.contact_points USING (shop_id, customer_id)",
            _columns(list(customers), 2),
        )
        for row in rows:
            point = ContactPoint(*row)
            found.setdefault((point.shop_id, point.customer_id), {})[point.channel] = point
        return found

    def save_contact_points(self, points: Sequence[ContactPoint]) -> None:
        """Remember the current addresses of customers.

        Args:
            points: New and changed ones; of several for one customer and channel the last wins.
        """
        latest = {point[:3]: point for point in points}
        if latest:
            self._connection.execute(
                "INSERT INTO consent.contact_points (shop_id, customer_id, channel, address, since)"
                " SELECT * FROM"
                " unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])"
                " ON CONFLICT (shop_id, customer_id, channel)"
                " DO UPDATE SET address = EXCLUDED.address, since = EXCLUDED.since",
                _columns(list(latest.values()), 5),
            )

    def customers_at(self, keys: Iterable[Key]) -> set[tuple[str, str]]:
        """Find the customers whose current address is one of some.

        Args:
            keys: Their purpose plays no part.

        Returns:
            shop_id and id of each customer.
        """
        addresses = list({key[:3] for key in keys})
        rows = self._connection.execute(
            "SELECT DISTINCT shop_id, customer_id FROM unnest(%s::text[], %s::text[], %s::text[])"
            " AS wanted (shop_id, channel, address)"
            " JOIN consent.contact_points USING (shop_id, channel, address)",
            _columns(addresses, 3),
        )
        return {(str(row[0]), str(row[1])) for row in rows}

    def verdicts_for(self, keys: Sequence[Key]) -> dict[Key, StoredVerdict]:
        """Read the stored verdicts on some keys.

        Args:
            keys: The keys; ones nobody decided on yet are missing in the answer.

        Returns:
            The verdicts.
        """
        rows = self._connection.execute(
            "SELECT shop_id, channel, address, purpose, allowed, reason, valid_until"
            " FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])"
            " AS wanted (shop_id, channel, address, purpose)"
            " JOIN consent.verdicts USING (shop_id, channel, address, purpose)",
            _columns(keys, 4),
        )
        return {Key(*row[:4]): StoredVerdict(*row[4:]) for row in rows}

    def save_verdicts(self, verdicts: Mapping[Key, StoredVerdict], decided_at: datetime) -> None:
        """Store new and changed verdicts.

        Args:
            verdicts: Only those that differ from what is stored.
            decided_at: The gate's clock.
        """
        if verdicts:
            rows = [(*key, *verdict, decided_at) for key, verdict in verdicts.items()]
            self._connection.execute(
                "INSERT INTO consent.verdicts (shop_id, channel, address, purpose, allowed, reason,"
                " valid_until, decided_at) SELECT * FROM unnest(%s::text[], %s::text[],"
                " %s::text[], %s::text[], %s::boolean[], %s::text[], %s::timestamptz[],"
                " %s::timestamptz[]) ON CONFLICT (shop_id, channel, address, purpose) DO UPDATE"
                " SET allowed = EXCLUDED.allowed, reason = EXCLUDED.reason,"
                " valid_until = EXCLUDED.valid_until, decided_at = EXCLUDED.decided_at",
                _columns(rows, 8),
            )

    def decided_keys(self, due_at: datetime | None) -> list[Key]:
        """List keys with a stored verdict.

        Args:
            due_at: Only verdicts that stopped being valid by then; None lists all.

        Returns:
            The keys.
        """
        rows = self._connection.execute(
            "SELECT shop_id, channel, address, purpose FROM consent.verdicts"
            " WHERE %(due)s::timestamptz IS NULL OR valid_until <= %(due)s::timestamptz",
            {"due": due_at},
        )
        return [Key(*row) for row in rows]

    def policy_digest(self) -> str | None:
        """Ask under which policy the stored verdicts were decided.

        Returns:
            Its digest, or None before the first run.
        """
        row = self._connection.execute("SELECT digest FROM consent.policy").fetchone()
        return None if row is None else str(row[0])

    def save_policy(self, name: str, digest: str) -> None:
        """Remember under which policy the stored verdicts were decided.

        Args:
            name: The policy's name.
            digest: The policy's fingerprint.
        """
        self._connection.execute(
            "INSERT INTO consent.policy (name, digest, applied_at) VALUES (%s, %s, now())"
            " ON CONFLICT (only_one) DO UPDATE SET name = EXCLUDED.name,"
            " digest = EXCLUDED.digest, applied_at = EXCLUDED.applied_at",
            [name, digest],
        )


def clock(*observations: datetime | None) -> datetime:
    """Tell the gate's time: ours, or a register's where that is ahead.

    Args:
        observations: Instants seen in the ledger or a batch.

    Returns:
        The latest of them and now, in UTC.
    """
    now = datetime.now(timezone.utc)
    return max([now, *(seen for seen in observations if seen is not None)])


def _columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    return [[row[index] for row in rows] for index in range(width)]
