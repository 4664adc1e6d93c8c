"""The chain of the ledger: each event vouches for all before it, so that nothing goes unnoticed.

The hash of an event is the SHA-256 of its stored columns and of the hash before it, as JSON with
sorted keys and without spaces, UTF-8, bytes in hex, instants in UTC with six decimals. Whoever
distrusts this program can recompute it with any other.

A chain can't notice that its last links are gone. So `consent.ledger_head` keeps how many events
there are and the last hash, under a seal made with the pepper.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.database.fingerprints import Pepper, Peppers

NO_HASH = bytes(32)
"""What stands before the first event."""
COLUMNS = (
    "record_id",
    "shop_id",
    "channel",
    "fingerprint",
    "pepper_id",
    "purpose",
    "state",
    "legal_basis",
    "event_time",
    "observed_at",
    "valid_until",
    "notice",
    "method",
    "source",
    "reason",
    "evidence",
    "run_id",
    "recorded_at",
)
"""What an event says, and what its hash covers."""

LINK = ("prev_hash", "hash")
"""What ties an event to the one before it."""

_EVIDENCE = COLUMNS.index("evidence")
_LOCK = "shopcrm: ledger"
_PAGE = 5_000
_encode = msgspec.json.Encoder(order="sorted").encode


class Head(NamedTuple):
    """Where the chain ends: how many events it has, and the hash of the last."""

    events: int
    last_hash: bytes

    def seal(self, pepper: Pepper) -> bytes:
        """What only somebody with the pepper can write under this head."""
        text = f"ledger head: {self.events} {self.last_hash.hex()}"
        return hmac.digest(pepper.secret, text.encode(), hashlib.sha256)


class Finding(NamedTuple):
    """What a verification found.

    Attributes:
        events: How many events were looked at.
        first: When the first was recorded, or None for an empty ledger.
        last: When the last was recorded.
        last_hash: The hash of the last; the one to write down elsewhere.
        broken_at: The record_id of the first event that isn't as it was written, or None where
            only the end is wrong.
        wrong: What is wrong, in a few words; empty where nothing is.
    """

    events: int
    first: datetime | None
    last: datetime | None
    last_hash: bytes
    broken_at: UUID | None = None
    wrong: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether everything is as it was written."""
        return not self.wrong


def event_hash(event: Mapping[str, Any], previous: bytes) -> bytes:
    """Compute the hash of one event.

    Args:
        event: Its `COLUMNS`.
        previous: The hash of the event before it, or `NO_HASH`.

    Returns:
        32 bytes.
    """
    content = {name: _plain(event[name]) for name in COLUMNS}
    content["prev_hash"] = previous.hex()
    return hashlib.sha256(_encode(content)).digest()


class Chain:
    """The chain of one database, inside the caller's transaction.

    Args:
        connection: In a transaction.
        peppers: Of the same transaction.
    """

    def __init__(self, connection: Connection, peppers: Peppers) -> None:
        self._connection = connection
        self._peppers = peppers

    def begin(self) -> datetime:
        """Wait for whoever else appends, until the end of the transaction.

        Returns:
            The instant to record the new events under.
        """
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [_LOCK])
        row = self._connection.execute("SELECT clock_timestamp()").fetchone()
        recorded_at: datetime = row[0] if row else datetime.now(timezone.utc)
        return recorded_at

    def append(self, events: Iterable[dict[str, Any]]) -> None:
        """Append events after `begin`.

        Args:
            events: The `COLUMNS` of each, in order.
        """
        head = self._head()
        count, previous = head.events, head.last_hash
        with self._connection.cursor().copy(
            f"COPY consent.events ({', '.join((*COLUMNS, *LINK))}) FROM STDIN"
        ) as copy:
            for event in events:
                own = event_hash(event, previous)
                cells = [event[name] for name in COLUMNS]
                cells[_EVIDENCE] = Jsonb(cells[_EVIDENCE])
                copy.write_row((*cells, previous, own))
                count, previous = count + 1, own
        self._save(Head(count, previous))

    def seal_again(self) -> None:
        """Put the seal of the current pepper under the head, where there is one."""
        self.begin()
        head = self._head()
        if head.events:
            self._save(head)

    def verify(self) -> Finding:
        """Recompute every hash. The transaction must see one state: REPEATABLE READ.

        Returns:
            What was found; the first fault ends the search.
        """
        finding = Finding(0, None, None, NO_HASH)
        for event in self.events():
            wrong = ""
            if event["prev_hash"] != finding.last_hash:
                wrong = "what stood before it is gone or moved"
            elif event_hash(event, finding.last_hash) != event["hash"]:
                wrong = "it isn't what was written"
            if wrong:
                return finding._replace(broken_at=event["record_id"], wrong=wrong)
            finding = Finding(
                finding.events + 1,
                finding.first or event["recorded_at"],
                event["recorded_at"],
                event["hash"],
            )
        return finding._replace(wrong=self._wrong_at_the_end(finding))

    def events(self) -> Iterator[dict[str, Any]]:
        """Go through every stored event; only a page of them is ever held.

        Yields:
            The columns of each by name, with `prev_hash` and `hash`, in the order of the chain.
        """
        names = ("id", *COLUMNS, *LINK)
        query = f"SELECT {', '.join(names)} FROM consent.events WHERE id > %s ORDER BY id LIMIT %s"  # noqa: S608 - constants
        position = 0
        while rows := self._connection.execute(query, [position, _PAGE]).fetchall():
            for row in rows:
                yield dict(zip(names, row, strict=True))
            position = rows[-1][0]

    def _wrong_at_the_end(self, finding: Finding) -> str:
        row = self._connection.execute(
            "SELECT events, last_hash, pepper_id, seal FROM consent.ledger_head"
        ).fetchone()
        if row is None:
            return "the head of the chain is gone" if finding.events else ""
        head = Head(row[0], row[1])
        pepper = next((pepper for pepper in self._peppers.all if pepper.id == row[2]), None)
        if pepper is None or not hmac.compare_digest(head.seal(pepper), row[3]):
            return "the seal under the head of the chain is broken"
        if head.events > finding.events:
            return f"the last {head.events - finding.events} events are gone"
        return "" if head == (finding.events, finding.last_hash) else "the end was changed"

    def _head(self) -> Head:
        row = self._connection.execute(
            "SELECT events, last_hash FROM consent.ledger_head"
        ).fetchone()
        return Head(row[0], row[1]) if row else Head(0, NO_HASH)

    def _save(self, head: Head) -> None:
        pepper = self._peppers.current()
        self._connection.execute(
            "INSERT INTO consent.ledger_head (events, last_hash, pepper_id, seal)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT (only_one) DO UPDATE SET"
            " events = EXCLUDED.events, last_hash = EXCLUDED.last_hash,"
            " pepper_id = EXCLUDED.pepper_id, seal = EXCLUDED.seal",
            [head.events, head.last_hash, pepper.id, head.seal(pepper)],
        )


def _plain(value: object) -> object:
    """A value as the hash sees it."""
    if isinstance(value, datetime):
        in_utc = value.astimezone(timezone.utc).replace(tzinfo=None)
        return in_utc.isoformat(timespec="microseconds") + "Z"
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, UUID) else value
