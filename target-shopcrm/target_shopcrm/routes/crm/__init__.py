"""The route into a CRM outside.

The order of a run is the point (`opening`, then `contacts`, `consents`, `facts`): opt-outs are
read back, erasures and withdrawals go out, and only then the input is read; of each batch
contacts go first, then grants, lists, orders, events, and cues for staff.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from target_shopcrm.consent.sending import freeze_at
from target_shopcrm.database.runs import WithheldField
from target_shopcrm.decoding import BadRecord, decode
from target_shopcrm.records import STREAMS
from target_shopcrm.routes.crm import opening
from target_shopcrm.routes.crm.contacts import ContactDelivery
from target_shopcrm.routes.crm.facts import FactDelivery
from target_shopcrm.routes.crm.plans import restored
from target_shopcrm.routes.crm.run import CONTACTS, EVENTS, FACTS, CrmRun, RecordKey, record_key
from target_shopcrm.routes.work import WHOLE_RECORD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any
    from uuid import UUID

    from target_shopcrm.batch import Batch
    from target_shopcrm.database.waiting import Waits
    from target_shopcrm.routes.work import Steps, Work

STREAMS_OUTSIDE = frozenset({CONTACTS, *FACTS})


class CrmRoute:
    """From a batch to a CRM.

    Args:
        run: What the run works with.
    """

    def __init__(self, run: CrmRun) -> None:
        self._run = run

    @property
    def is_holding(self) -> bool:
        """Whether records were left for a later run, so that no STATE may be written."""
        return self._run.is_holding

    def begin(self, work: Work) -> Steps:
        """Opt-outs in; erasures and withdrawals out.

        Args:
            work: The transactions of this step.
        """
        if self._run.shadow is not None:
            self._run.shadow.run_id = work.run_id
        yield from opening.read_back(self._run, work)
        yield from opening.erase(self._run, work)
        yield from opening.withdraw(self._run, work)

    def deliver(self, work: Work, batch: Batch) -> Steps:
        """Contacts, and what is known of them.

        Args:
            work: The transactions of this step.
            batch: What was read.
        """
        for stream, records in batch.activation.items():
            superseded = batch.passed[stream] - len(records)
            work.counts.add(stream, unchanged=superseded)
        yield from self._send(work, batch.activation)

    def finish(self, work: Work) -> Steps:
        """Try again what waited: now its contact may be there, or its hour has come.

        Args:
            work: The transactions of this step.
        """
        if self._run.shadow is not None:
            return
        due = self._run.waiting(work).due(self._run.clock())
        tried = [each for each in due if each[:3] not in self._run.waits_again]
        records: dict[str, dict[RecordKey, Any]] = {}
        for each in tried:
            record = _read(each)
            if record is not None:
                records.setdefault(each.stream, {})[record_key(each.stream, record)] = record
        yield from self._send(work, records)
        done = {each[:3] for each in tried} - self._run.waits_again
        self._run.waiting(work).remove(done)

    def restore(self, work: Work, run_id: UUID) -> Steps:
        """Tell the CRM once more what it was told of contacts before a run.

        The gate is asked as it is for any contact, with the record as it was then. A contact that
        the run was the first to tell keeps its place and its consent, and loses its fields and
        lists.

        Args:
            work: The transactions of this step.
            run_id: The run to take back.
        """
        changed = list(self._run.deliveries(work).changed_by(run_id))
        now = self._run.deliveries(work).of([key for key, _ in changed])
        known = {key: restored(key, now[key], was) for key, was in changed if key in now}
        fresh = {key for key, was in changed if was is None}
        earlier = {key: record for key, record in known.items() if key not in fresh}
        yield from ContactDelivery(self._run, work).deliver(earlier)
        first = {key: record for key, record in known.items() if key in fresh}
        yield from ContactDelivery(replace(self._run, lists={}), work).deliver(first)

    def _send(self, work: Work, read: Mapping[str, Mapping[RecordKey, Any]]) -> Steps:
        records = {stream: self._not_frozen(work, stream, of) for stream, of in read.items()}
        if contacts := records.get(CONTACTS):
            yield from ContactDelivery(self._run, work).deliver(contacts)
        for stream in FACTS:
            if facts := records.get(stream):
                yield from FactDelivery(self._run, work, stream).deliver(facts)
        keys = {(stream, *key) for stream, of in records.items() for key in of}
        if self._run.shadow is None:
            self._run.waiting(work).remove(keys - self._run.waits_again)

    def _not_frozen(
        self, work: Work, stream: str, records: Mapping[RecordKey, Any]
    ) -> dict[RecordKey, Any]:
        """Leave out the shops that have a freeze: their records stay with the tap."""
        at = self._run.clock()
        frozen = {
            shop_id: freeze_at(work.policy, shop_id, at)
            for shop_id in {record.shop_id for record in records.values()}
        }
        going = {key: each for key, each in records.items() if not frozen[each.shop_id]}
        left = len(records) - len(going)
        if left:
            self._run.is_holding = True
            work.counts.add(stream, withheld=left)
            reason = WithheldField(stream, WHOLE_RECORD, "", "", "freeze_window")
            work.counts.withheld[reason] += left
        return going


def _read(waits: Waits) -> Any:
    """A waiting record; None if this version can't read it any more."""
    if waits.stream not in STREAMS:
        return None
    record = decode(waits.stream, waits.record)
    return None if isinstance(record, BadRecord) else record


__all__ = ["EVENTS", "STREAMS_OUTSIDE", "CrmRoute", "CrmRun"]
