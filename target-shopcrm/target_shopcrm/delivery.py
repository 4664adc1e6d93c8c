"""A run: batches in, transactions out, and STATE only for what is durable.

While one batch is being committed by the writing thread, the next one is read and decoded. There
is never more than one batch in flight, so the order of commits is the order of reading.

Into the embedded CRM a batch is one transaction: the route delivers, bookkeeping is saved, COMMIT.
A CRM outside can't take part in one, so its route goes in steps (`routes.work.Steps`): what is
about to happen is committed, then it happens, then its outcome is committed. The latest STATE
before those records goes to standard output when the last step is durable.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
from msgspec import Raw

from target_shopcrm.batch import Batch
from target_shopcrm.consent.policy import PolicyError, load_policy
from target_shopcrm.database.connection import connect, database_url, explained
from target_shopcrm.database.migrate import migrate
from target_shopcrm.database.runs import RunLog
from target_shopcrm.destinations import destination_for, streams_of
from target_shopcrm.errors import ConfigurationError, Interrupted, OutputError, ShopCRMError
from target_shopcrm.intake import Intake
from target_shopcrm.routes import route_to
from target_shopcrm.routes.work import Effect, Steps, Work
from target_shopcrm.telling import tell_outcome

if TYPE_CHECKING:
    import logging
    from uuid import UUID

    from target_shopcrm.decoding import BadRecord
    from target_shopcrm.settings import Settings

Way = Callable[[Work], "Steps | None"]
"""One of a route's ways: begin, deliver a batch, finish."""

_MAX_AGE_SECONDS = 30.0
"""A slow tap's records are committed at least this often, at the next STATE line."""


class Delivery:
    """One run into one destination.

    Opening it connects, migrates, takes the run lock and does what comes before the input.

    Args:
        settings: The settings of the run.
        logger: Where the few lines for people go.
        mode: Another mode than that of the settings: ``rollback``.

    Raises:
        ShopCRMError: If the run can't begin.
    """

    def __init__(
        self, settings: Settings, logger: logging.Logger, *, mode: str | None = None
    ) -> None:
        self._settings = settings
        self._logger = logger
        self._url = database_url(settings.database_url)
        try:
            self._policy = load_policy(settings.policy_path)
        except PolicyError as error:
            raise ConfigurationError(str(error)) from error
        self._destination = destination_for(settings)
        self._route = route_to(self._destination, settings)
        self.intake = Intake(self._policy, streams_of(self._destination))
        self._batch = Batch()
        self._began_at = time.monotonic()
        self._in_flight: Future[None] | None = None
        self._last_batch: Batch | None = None
        self._state_lock = threading.Lock()
        self._state_written: bytes | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="shopcrm-writer")
        self._connection = connect(self._url, program=f"target-shopcrm {settings.destination}")
        mode = mode or ("shadow" if settings.is_shadow else "live")
        self._log = RunLog(self._connection, settings.destination, mode)
        self._is_aborted = False
        try:
            self._begin()
        except BaseException as error:
            self.abort(error)
            raise

    def record(self, stream: str, raw: Raw) -> None:
        """Take one record of a canonical stream.

        Args:
            stream: Its stream.
            raw: The record's JSON.
        """
        if self._batch.records == 0:
            self._began_at = time.monotonic()
        self.intake.take(self._batch, stream, raw)
        if self._batch.is_full(self._settings.batch_size):
            self._submit()

    def bad_record(self, bad: BadRecord) -> None:
        """Take a record that can't even be read.

        Args:
            bad: What is known of it.
        """
        self.intake.reject(self._batch, bad)

    def withhold(self, stream: str) -> None:
        """Count a record of a stream that the policy doesn't know; it goes nowhere.

        Args:
            stream: Its stream.
        """
        self.intake.withhold(self._batch, stream)

    def state(self, value: bytes) -> None:
        """Take a STATE value: it goes out once everything before it is durable.

        Args:
            value: The JSON as it came in.
        """
        if self._in_flight is not None and self._in_flight.done():
            self._wait()
        if self._batch.records == 0:
            self._state_after_last_batch(value)
            return
        self._batch.state = value
        if time.monotonic() - self._began_at > _MAX_AGE_SECONDS:
            self._submit()

    def restore(self, run_id: UUID) -> None:
        """Bring contacts back to what the destination was told before a run, and end this one.

        Args:
            run_id: The run to take back.

        Raises:
            ShopCRMError: If it can't be done.
        """
        try:
            self._transact(Batch(), partial(self._route.restore, run_id=run_id))
        except BaseException as error:
            self.abort(error)
            raise
        self.finish()

    def finish(self) -> None:
        """Commit what is left and end the run.

        Raises:
            ShopCRMError: If it can't be committed.
        """
        try:
            self._submit()
            self._wait()
            self._transact(Batch(), self._route.finish)
            with explained(self._url):
                self._log.end("completed")
        except BaseException as error:
            self.abort(error)
            raise
        self._close()
        tell_outcome(
            self._logger,
            self._settings.destination,
            self._log.counts,
            is_holding=self._route.is_holding,
        )

    def abort(self, error: BaseException) -> None:
        """Roll back what isn't committed and note why the run ended. Never raises.

        Args:
            error: What ended it.
        """
        self._is_aborted = True
        if self._connection.closed and self._in_flight is None:
            self._close()
            return
        if self._in_flight is not None:
            with suppress(psycopg.Error):
                self._connection.cancel_safe(timeout=5)
            with suppress(BaseException):
                self._in_flight.result()
            self._in_flight = None
        with suppress(psycopg.Error, ShopCRMError):
            self._connection.rollback()
            self._destination.rolled_back()
            state = "interrupted" if isinstance(error, Interrupted) else "failed"
            self._log.end(state, _told(error))
        self._close()

    def _begin(self) -> None:
        with explained(self._url):
            migrate(self._connection, self._url)
            self._log.begin(self._policy.retention.dead_letters)
            with self._connection.transaction():
                self._destination.open(self._connection)
            self._destination.committed()
        self._transact(Batch(), self._route.begin)
        self._replay()

    def _replay(self) -> None:
        """Take dead letters up again that somebody asked to replay: they are read like input."""
        with explained(self._url), self._connection.transaction():
            letters = [
                letter
                for letter in self._log.dead_letters.requested()
                if self.intake.accepts(letter[1])
            ]
        for start in range(0, len(letters), self._settings.batch_size):
            part = letters[start : start + self._settings.batch_size]
            batch = Batch()
            for _, stream, raw in part:
                self.intake.take(batch, stream, Raw(raw))
            ids = [number for number, _, _ in part]
            self._transact(batch, partial(self._deliver_again, batch=batch, ids=ids))

    def _deliver_again(self, work: Work, batch: Batch, ids: Sequence[int]) -> Steps | None:
        self._log.dead_letters.replayed(ids)
        return self._route.deliver(work, batch)

    def _submit(self) -> None:
        """Hand the batch to the writing thread, once that has finished the one before."""
        self._wait()
        batch, self._batch = self._batch, Batch()
        if batch.records:
            self._last_batch = batch
            way = partial(self._route.deliver, batch=batch)
            self._in_flight = self._writer.submit(self._transact, batch, way)

    def _wait(self) -> None:
        if self._in_flight is not None:
            in_flight = self._in_flight
            in_flight.result()
            self._in_flight = None

    def _transact(self, batch: Batch, way: Way) -> None:
        """Go one of the route's ways to its end, then write the batch's STATE."""
        work = Work(self._connection, self._log.run_id, self._policy)
        work.counts.merge(batch.counts)
        work.bad_records += batch.bad_records
        steps: Steps | None = None
        effect: Effect | None = None
        answer: Any = None
        is_first = True
        while is_first or effect is not None:
            with explained(self._url), self._connection.transaction():
                if is_first:
                    steps = way(work)
                effect = _next(steps, answer)
                self._destination.settle(self._connection)
                if effect is None:
                    self._keep_books(work, batch)
            self._destination.committed()
            is_first = False
            if effect is not None:
                answer = self._carry_out(effect)
        self._log.counts.merge(work.counts)
        with self._state_lock:
            batch.is_durable = True
            if batch.state is not None:
                self._write_state(batch.state)

    def _carry_out(self, effect: Effect) -> Any:
        """Do what can't be rolled back, unless somebody has asked the run to stop."""
        if self._is_aborted:
            raise ShopCRMError("The run was stopped; the next one carries on.")
        return effect()

    def _keep_books(self, work: Work, batch: Batch) -> None:
        self._log.dead_letters.remove(batch.keys_of, work.bad_records)
        self._log.dead_letters.add(work.bad_records, self._log.run_id)
        self._log.save(work.counts, calls=self._destination.calls)

    def _state_after_last_batch(self, value: bytes) -> None:
        """Nothing was read since the last batch: this STATE is as good as that batch is."""
        with self._state_lock:
            if self._last_batch is None or self._last_batch.is_durable:
                self._write_state(value)
            else:
                self._last_batch.state = value

    def _write_state(self, value: bytes) -> None:
        if value == self._state_written or self._route.is_holding or self._settings.is_shadow:
            return
        try:
            sys.stdout.write(value.decode("utf-8", "surrogateescape") + "\n")
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise OutputError(
                "Nobody reads this program's standard output any more, so STATE can't be kept;"
                " all that was committed stays: run again."
            ) from error
        self._state_written = value

    def _close(self) -> None:
        self._writer.shutdown(wait=True)
        self._destination.close()
        self._connection.close()


def _next(steps: Steps | None, answer: Any) -> Effect | None:
    """Go on to the next effect, or to the end of the steps."""
    if steps is None:
        return None
    try:
        return steps.send(answer)
    except StopIteration:
        return None


def _told(error: BaseException) -> str:
    """The sentence to keep: ours, or only the kind of anything else, which might quote data."""
    return str(error) if isinstance(error, (ShopCRMError, Interrupted)) else type(error).__name__
