"""Bookkeeping: one row per run, what it withheld, what it couldn't deliver, and the run lock."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg.types.json import Jsonb

from target_shopcrm.database.dead_letters import DeadLetters
from target_shopcrm.errors import AnotherRunIsActiveError

if TYPE_CHECKING:
    from target_shopcrm.consent.policy import Validity
    from target_shopcrm.database.connection import Connection

_PATIENCE_SECONDS = 3.0
_POLL_SECONDS = 0.1


class WithheldField(NamedTuple):
    """One reason to hold something back; empty text where a part doesn't apply."""

    stream: str
    field: str
    channel: str
    purpose: str
    reason: str


@dataclass
class Counts:
    """What a run, or a batch of it, has done. Only ever grows.

    Attributes:
        streams: For each stream the numbers of records read, written, unchanged, withheld
            and dead_lettered.
        withheld: For each reason the number of records.
    """

    streams: dict[str, Counter[str]] = field(default_factory=dict)
    withheld: Counter[WithheldField] = field(default_factory=Counter)

    def add(self, stream: str, **numbers: int) -> None:
        """Count.

        Args:
            stream: What the records are.
            numbers: How many were read, written, unchanged, withheld or dead_lettered.
        """
        counter = self.streams.setdefault(stream, Counter())
        for name, number in numbers.items():
            counter[name] += number

    def merge(self, other: Counts) -> None:
        """Take over what a batch has counted.

        Args:
            other: The batch's counts.
        """
        for stream, counter in other.streams.items():
            self.streams.setdefault(stream, Counter()).update(counter)
        self.withheld.update(other.withheld)

    def total(self, name: str) -> int:
        """Add up one number over all streams.

        Args:
            name: Such as ``written``.

        Returns:
            The sum.
        """
        return sum(counter[name] for counter in self.streams.values())


TOTALS = ("read", "written", "unchanged", "withheld", "dead_lettered")


class RunLog:
    """The bookkeeping of one run.

    Args:
        connection: The run's connection.
        destination: The run's destination.
        mode: live, shadow or rollback.

    Attributes:
        dead_letters: What the destination couldn't be given.
    """

    def __init__(self, connection: Connection, destination: str, mode: str = "live") -> None:
        self._connection = connection
        self._destination = destination
        self._mode = mode
        self.dead_letters = DeadLetters(connection, destination)
        self.run_id = uuid.uuid4()
        self.counts = Counts()

    def begin(self, letters_kept: Validity) -> None:
        """Take the run lock and note that a run has begun. Commits.

        Args:
            letters_kept: How long the policy keeps the contents of dead letters.

        Raises:
            AnotherRunIsActiveError: If a run into the same destination goes on elsewhere.
        """
        self._lock()
        self._connection.execute(
            "UPDATE sync.runs SET state = 'interrupted', finished_at = now(),"
            " error = 'the program ended without a word' WHERE destination = %s"
            " AND state = 'running'",
            [self._destination],
        )
        self._connection.execute(
            "INSERT INTO sync.runs (id, destination, mode, state, started_at)"
            " VALUES (%s, %s, %s, 'running', now())",
            [self.run_id, self._destination, self._mode],
        )
        self.dead_letters.blank_old_records(letters_kept)
        self._connection.commit()

    def save(self, counts: Counts, calls: int = 0) -> None:
        """Write down what a batch did, in the batch's own transaction.

        Args:
            counts: What the batch counted.
            calls: How many requests this run has sent so far.
        """
        for reason, records in counts.withheld.items():
            self._connection.execute(
                "INSERT INTO sync.withheld (run_id, destination, stream, field, channel, purpose,"
                " reason, records) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (run_id, stream, field, channel, purpose, reason)"
                " DO UPDATE SET records = sync.withheld.records + EXCLUDED.records",
                [self.run_id, self._destination, *reason, records],
            )
        total = Counts()
        total.merge(self.counts)
        total.merge(counts)
        self._connection.execute(
            "UPDATE sync.runs SET read = %s, written = %s, unchanged = %s, withheld = %s,"
            " dead_lettered = %s, calls = %s, streams = %s WHERE id = %s",
            [
                *(total.total(name) for name in TOTALS),
                calls,
                Jsonb({stream: dict(counter) for stream, counter in total.streams.items()}),
                self.run_id,
            ],
        )

    def end(self, state: str, error: str | None = None) -> None:
        """Note how the run ended. Commits.

        Args:
            state: completed, failed or interrupted.
            error: The sentence that was shown, if any.
        """
        self._connection.execute(
            "UPDATE sync.runs SET state = %s, finished_at = now(), error = %s WHERE id = %s",
            [state, error, self.run_id],
        )
        self._connection.commit()

    def _lock(self) -> None:
        """Take the lock for as long as the connection lives.

        The server needs a moment to notice that a killed run is gone, hence the patience.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._try_lock():
            if time.monotonic() > deadline:
                raise AnotherRunIsActiveError(self._other_run())
            time.sleep(_POLL_SECONDS)

    def _try_lock(self) -> bool:
        row = self._connection.execute(
            "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))",
            [run_lock(self._destination)],
        ).fetchone()
        self._connection.commit()
        return bool(row and row[0])

    def _other_run(self) -> str:
        row: tuple[Any, ...] | None = self._connection.execute(
            "SELECT to_char(max(started_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM"
            " sync.runs WHERE destination = %s AND state = 'running'",
            [self._destination],
        ).fetchone()
        since = f" since {row[0]} UTC" if row and row[0] else ""
        return (
            f"Another run into {self._destination} has been going on{since}; wait until it ends,"
            " or stop it, then run again."
        )


def run_lock(destination: str) -> str:
    """Name the advisory lock that a run into a destination holds.

    Args:
        destination: The run's destination.

    Returns:
        The text whose hash is the lock's number.
    """
    return f"shopcrm: run into {destination}"
