"""Taking records in: decode, apply the policy's rules, keep in the batch.

What can be decided while reading is decided here, so that a batch holds rows ready to be copied
and nothing that the policy forbids. What needs the ledger waits for the batch's transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.consent.verdicts import Reason
from target_shopcrm.database.runs import WithheldField
from target_shopcrm.database.tables import TABLES
from target_shopcrm.decoding import BadRecord, decode
from target_shopcrm.records import STREAMS, Activation, Customer, key_fields
from target_shopcrm.routes.work import WHOLE_RECORD, withheld_field
from target_shopcrm.rules import Rules, apply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from msgspec import Raw

    from target_shopcrm.batch import Batch
    from target_shopcrm.consent.gate import Withheld
    from target_shopcrm.consent.policy import Policy
    from target_shopcrm.records import KeyedByShop


class Intake:
    """What is read, for one policy and one destination.

    Args:
        policy: The shop's policy.
        streams: The streams the destination takes.
    """

    def __init__(self, policy: Policy, streams: frozenset[str]) -> None:
        self._rules = Rules(policy)
        self._accepted = frozenset(
            stream for stream in streams & STREAMS.keys() if policy.record_class_of(stream)
        )

    def accepts(self, stream: str) -> bool:
        """Tell whether records of a stream can pass at all.

        Args:
            stream: A Singer stream.

        Returns:
            True if the stream is canonical, in the policy, and one of the destination's.
        """
        return stream in self._accepted

    def take(self, batch: Batch, stream: str, raw: Raw) -> None:
        """Take one record into a batch.

        Args:
            batch: The batch.
            stream: An accepted stream.
            raw: The record's JSON.
        """
        data = bytes(raw)
        batch.records += 1
        batch.size += len(data)
        batch.counts.add(stream, read=1)
        record = decode(stream, data)
        if isinstance(record, BadRecord):
            self._bury(batch, record)
        elif isinstance(record, Customer):
            batch.customers.append(record)
        elif isinstance(record, Activation):
            batch.passed[stream] += 1
            key = (record.shop_id, str(getattr(record, key_fields(stream)[1])))
            batch.activation.setdefault(stream, {})[key] = record
        else:
            self._take_fact(batch, stream, record)

    def reject(self, batch: Batch, bad: BadRecord) -> None:
        """Take a record whose line couldn't be read the usual way.

        Args:
            batch: The batch.
            bad: What is known of it.
        """
        batch.records += 1
        batch.size += len(bad.raw)
        batch.counts.add(bad.stream, read=1)
        self._bury(batch, bad)

    def withhold(self, batch: Batch, stream: str) -> None:
        """Count a record of a stream that isn't accepted.

        Args:
            batch: The batch.
            stream: The stream.
        """
        batch.records += 1
        batch.counts.add(stream, read=1, withheld=1)
        reason = WithheldField(stream, WHOLE_RECORD, "", "", str(Reason.NOT_IN_POLICY))
        batch.counts.withheld[reason] += 1

    def _take_fact(self, batch: Batch, stream: str, record: KeyedByShop) -> None:
        """A record that isn't about one person's consent becomes a row right away."""
        rule = self._rules.rule(stream, record.shop_id)
        if rule.refused:
            self._count_withheld(batch, stream, rule.refused)
            return
        record, withheld = apply(rule, record)
        if withheld:
            self._count_withheld(batch, stream, withheld)
        table = TABLES[stream]
        row = table.row(record)
        batch.passed[stream] += 1
        rows = batch.rows.setdefault(stream, {})
        other = rows.get(row.key)
        if other is None or not table.version(row).is_outdated_by(table.version(other).last_change):
            rows[row.key] = row

    @staticmethod
    def _count_withheld(batch: Batch, stream: str, withheld: Iterable[Withheld]) -> None:
        batch.counts.add(stream, withheld=1)
        for entry in withheld:
            batch.counts.withheld[withheld_field(stream, entry)] += 1

    @staticmethod
    def _bury(batch: Batch, bad: BadRecord) -> None:
        batch.counts.add(bad.stream, dead_lettered=1)
        batch.bad_records.append(bad)
