"""The route into the embedded CRM: rows of schema pos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_shopcrm.database.isolation import Refusal, write_isolated
from target_shopcrm.database.tables import TABLES, Row
from target_shopcrm.decoding import BadRecord
from target_shopcrm.errors import ConfigurationError
from target_shopcrm.routes import customers, implied, screening

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from target_shopcrm.batch import Batch
    from target_shopcrm.destinations.base import TableDestination
    from target_shopcrm.records import Customer
    from target_shopcrm.routes.work import Work


class TableRoute:
    """Customers first (their withdrawals clear what is stored), then everything else.

    Args:
        destination: Takes the permitted rows.
    """

    def __init__(self, destination: TableDestination) -> None:
        self._destination = destination

    @property
    def is_holding(self) -> bool:
        """Never: the embedded CRM takes everything at once."""
        return False

    def finish(self, work: Work) -> None:
        """Do nothing: nothing waits for the embedded CRM.

        Args:
            work: Not used.
        """

    def restore(self, work: Work, run_id: UUID) -> None:  # noqa: ARG002 - the protocol's signature
        """Refuse: the tables are a copy of the registers.

        Args:
            work: Not used.
            run_id: Not used.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(
            "The ShopCRM database is a copy of the registers: run the tap with --full-refresh."
        )

    def begin(self, work: Work) -> None:
        """Clear what ran out, or what a changed policy no longer permits, before reading.

        Args:
            work: A transaction of its own.
        """
        self._upsert(work, customers.STREAM, customers.review(work))

    def deliver(self, work: Work, batch: Batch) -> None:
        """Write a batch.

        Args:
            work: The batch's transaction.
            batch: What was read.
        """
        is_screening = screening.is_needed(work)
        if is_screening:
            screening.discreet_letters(work)
        if batch.customers:
            read_in = batch.customers
            admitted = screening.admitted(work, read_in) if is_screening else read_in
            self._deliver_customers(work, admitted)
        for stream, read in batch.rows.items():
            rows = list(read.values())
            if is_screening and stream in screening.NAMING_A_CUSTOMER:
                rows = screening.without_erased(work, stream, rows)
            handled = self._upsert(work, stream, rows) + len(read) - len(rows)
            work.counts.add(stream, unchanged=batch.passed[stream] - handled)
            if stream == implied.STREAM:
                implied.learn_from_orders(work, rows)

    def _deliver_customers(self, work: Work, read: Sequence[Customer]) -> None:
        """Write customers; one that the database refuses takes no other along."""

        def write(part: Sequence[Customer]) -> int:
            attempt = work.attempt()
            rows = customers.customer_rows(attempt, part)
            handled = self._upsert(attempt, customers.STREAM, rows)
            work.absorb(attempt)
            return handled

        handled, refused = write_isolated(work.connection, read, write)
        stream = customers.STREAM
        work.counts.add(stream, dead_lettered=len(refused))
        work.counts.add(stream, unchanged=max(0, len(read) - handled - len(refused)))
        for customer, refusal in refused:
            key = {"shop_id": customer.shop_id, "id": customer.id}
            raw = msgspec.json.encode(customer)
            work.bad_records.append(
                BadRecord(stream, dict(key), refusal.field, refusal.reason, raw)
            )

    def _upsert(self, work: Work, stream: str, rows: Sequence[Row]) -> int:
        """Write rows, turn refused ones into dead letters; returns how many of both."""
        if not rows:
            return 0
        written, refused = self._destination.upsert(work.connection, stream, rows)
        work.counts.add(stream, written=written, dead_lettered=len(refused))
        work.bad_records += [_dead(stream, row, refusal) for row, refusal in refused]
        return written + len(refused)


def _dead(stream: str, row: Row, refusal: Refusal) -> BadRecord:
    """A dead letter made of the row as it would have been stored."""
    table = TABLES[stream]
    plain = len(table.plain)
    cells = dict(zip(table.plain, row.cells[:plain], strict=True))
    cells |= {
        name: None if cell is None else msgspec.Raw(cell[1:])
        for name, cell in zip(table.json, row.cells[plain:], strict=True)
    }
    return BadRecord(
        stream,
        {"shop_id": row.key[0], "id": row.key[1]},
        refusal.field,
        refusal.reason,
        msgspec.json.encode(cells),
    )
