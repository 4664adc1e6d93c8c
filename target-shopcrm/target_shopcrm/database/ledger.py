"""The consent ledger in PostgreSQL: events, contact points and verdicts. It decides nothing.

Events are for good and hold no address, only its fingerprint: who asks knows the address, and the
ledger hashes it. Contact points and verdicts hold addresses, and can be deleted.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from target_shopcrm.consent.assertions import ContactPoint
from target_shopcrm.consent.events import ConsentEvent, Key
from target_shopcrm.database.fingerprints import Peppers, kind_of
from target_shopcrm.database.ledger_chain import COLUMNS, LINK, Chain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.database.fingerprints import Pepper

_SAID = tuple(name for name in ConsentEvent.__struct_fields__ if name not in Key._fields)
"""What an event says about its key."""


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
        self._read_peppers: Peppers | None = None

    @property
    def _peppers(self) -> Peppers:
        """Read when first needed: most of what a ledger is asked takes none."""
        if self._read_peppers is None:
            self._read_peppers = Peppers(self._connection)
        return self._read_peppers

    def events_for(self, keys: Iterable[Key]) -> dict[Key, list[ConsentEvent]]:
        """Read everything that was said about some keys.

        Args:
            keys: The keys; ones without events are missing in the answer.

        Returns:
            The events of each key, oldest entry first.
        """
        wanted = list(keys)
        found: dict[Key, list[ConsentEvent]] = {}
        peppers = self._peppers.all if wanted else ()
        if not peppers:
            return found
        fingerprints = [
            (number, key.shop_id, key.channel, _fingerprint(pepper, key), key.purpose)
            for pepper in peppers
            for number, key in enumerate(wanted)
        ]
        rows = self._connection.execute(
            f"SELECT number, {', '.join(_SAID)}"  # noqa: S608 - constants
            " FROM unnest(%s::int[], %s::text[], %s::text[], %s::bytea[], %s::text[])"
            " AS wanted (number, shop_id, channel, fingerprint, purpose)"
            " JOIN consent.events USING (shop_id, channel, fingerprint, purpose) ORDER BY id",
            _columns(fingerprints, 5),
        )
        for number, *said in rows:
            key = wanted[number]
            event = ConsentEvent(**key._asdict(), **dict(zip(_SAID, said, strict=True)))
            found.setdefault(key, []).append(event)
        return found

    def history(self, shop_id: str, addresses: Mapping[str, Iterable[str]]) -> list[dict[str, Any]]:
        """Read everything that was said about some addresses, as it is kept.

        Args:
            shop_id: The shop.
            addresses: By channel.

        Returns:
            For each event its stored columns by name, and its address; oldest entry first.
        """
        by_fingerprint = {
            pepper.fingerprint(shop_id, kind_of(channel), address): address
            for channel, of_channel in addresses.items()
            for address in of_channel
            for pepper in self._peppers.all
        }
        names = (*COLUMNS, *LINK)
        rows = self._connection.execute(
            f"SELECT {', '.join(names)} FROM consent.events"  # noqa: S608 - constants
            " WHERE shop_id = %s AND channel = ANY (%s) AND fingerprint = ANY (%s) ORDER BY id",
            [shop_id, list(addresses), list(by_fingerprint)],
        )
        events = [dict(zip(names, row, strict=True)) for row in rows]
        return [{**event, "address": by_fingerprint[event["fingerprint"]]} for event in events]

    def append(self, events: Sequence[ConsentEvent], run_id: UUID | None) -> None:
        """Append events; nothing ever changes or removes them again.

        Whoever appends waits for whoever else does, until the end of their transactions: the
        chain has one end.

        Args:
            events: What is new.
            run_id: The run that learnt it, or None where it was no run.
        """
        if not events:
            return
        chain = Chain(self._connection, self._peppers)
        recorded_at = chain.begin()
        pepper = self._peppers.current()
        chain.append(
            {
                **{name: getattr(event, name) for name in _SAID},
                "record_id": uuid4(),
                "shop_id": event.shop_id,
                "channel": event.channel,
                "fingerprint": _fingerprint(pepper, event.key),
                "pepper_id": pepper.id,
                "purpose": event.purpose,
                "run_id": run_id,
                "recorded_at": recorded_at,
            }
            for event in events
        )

    def last_agreements(
        self, addresses: Iterable[tuple[str, str, str]], *, undated_too: bool = False
    ) -> dict[tuple[str, str, str], datetime]:
        """Ask when people last agreed to anything, of their own accord and with a date.

        Args:
            addresses: shop_id, channel and normalised address of each.
            undated_too: Whether an agreement without a date counts from its observation.

        Returns:
            The instant, for each address where there is one. Nobody agrees in the future: what
            was observed earlier counts from then.
        """
        by_fingerprint = {
            (shop_id, channel, pepper.fingerprint(shop_id, kind_of(channel), address)): (
                shop_id,
                channel,
                address,
            )
            for shop_id, channel, address in addresses
            for pepper in self._peppers.all
        }
        found: dict[tuple[str, str, str], datetime] = {}
        rows = self._connection.execute(
            "SELECT shop_id, channel, fingerprint, max(least(event_time, observed_at))"
            " FROM unnest(%s::text[], %s::text[], %s::bytea[])"
            " AS wanted (shop_id, channel, fingerprint)"
            " JOIN consent.events USING (shop_id, channel, fingerprint)"
            " WHERE state = 'given' AND (event_time IS NOT NULL OR %s)"
            " AND legal_basis = 'consent_express' GROUP BY 1, 2, 3",
            [*_columns(list(by_fingerprint), 3), undated_too],
        )
        for shop_id, channel, fingerprint, at in rows:
            address = by_fingerprint[shop_id, channel, fingerprint]
            found[address] = max(at, found.get(address, at))
        return found

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


def _fingerprint(pepper: Pepper, key: Key) -> bytes:
    return pepper.fingerprint(key.shop_id, kind_of(key.channel), key.address)


def _columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    return [[row[index] for row in rows] for index in range(width)]
