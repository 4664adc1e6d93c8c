"""A batch: what was read since the last commit, of all streams together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from target_shopcrm.database.runs import Counts
from target_shopcrm.records import key_fields

if TYPE_CHECKING:
    from target_shopcrm.database.tables import Row
    from target_shopcrm.decoding import BadRecord
    from target_shopcrm.records import Activation, Customer

MAX_BYTES = 8_000_000
"""Input bytes after which a batch is full, whatever its number of records."""


@dataclass
class Batch:
    """What was read since the last commit.

    Of several versions of one key the newest wins, of equally new ones the last; only customers
    keep every version, in the order in which they came, because each may say something about
    consent.

    Attributes:
        rows: For each table of schema pos the rows, by key; the gate's rules are applied.
        customers: Customers as read.
        activation: For each ``activation-`` stream the latest record of each key.
        counts: What was read, and what was held back while reading.
        bad_records: What can't be delivered.
        passed: For each table the number of records that became rows, superseded ones included.
        state: The latest STATE value after these records, if there was one.
        records: How many records were read.
        size: How many bytes of input.
        is_durable: Whether the batch has been committed.
    """

    rows: dict[str, dict[tuple[str, str], Row]] = field(default_factory=dict)
    customers: list[Customer] = field(default_factory=list)
    activation: dict[str, dict[tuple[str, str], Activation]] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    bad_records: list[BadRecord] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)
    state: bytes | None = None
    records: int = 0
    size: int = 0
    is_durable: bool = False

    def keys_of(self, stream: str) -> list[dict[str, str]]:
        """List the records of a stream that could be decoded and that the policy lets in.

        Args:
            stream: A Singer stream.

        Returns:
            Their keys, as dead letters name them.
        """
        found: list[tuple[str, str]] = [*self.rows.get(stream, ())]
        if stream == "customers":
            found += [(each.shop_id, each.id) for each in self.customers]
        found += self.activation.get(stream, ())
        return [dict(zip(key_fields(stream), key, strict=True)) for key in found]

    def is_full(self, batch_size: int) -> bool:
        """Tell whether the batch should be committed.

        Args:
            batch_size: Records per transaction.

        Returns:
            True from that many records, or `MAX_BYTES`, on.
        """
        return self.records >= batch_size or self.size >= MAX_BYTES
