"""The route into a CRM outside.

The order of a run is the point (`opening`, then `contacts`, `consents`, `facts`): opt-outs are
read back, erasures and withdrawals go out, and only then the input is read; of each batch
contacts go first, then grants, lists, orders, events, and cues for staff.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from target_shopcrm.consent.sending import freeze_at
from target_shopcrm.consent.verdicts import Reason
from target_shopcrm.database.runs import WithheldField
from target_shopcrm.decoding import BadRecord, decode
from target_shopcrm.errors import ShopCRMError
from target_shopcrm.records import STREAMS
from target_shopcrm.routes.crm import opening
from target_shopcrm.routes.crm.contacts import ContactDelivery
from target_shopcrm.routes.crm.facts import FactDelivery
from target_shopcrm.routes.crm.plans import restored
from target_shopcrm.routes.crm.run import CONTACTS, EVENTS, FACTS, CrmRun, RecordKey, record_key
from target_shopcrm.routes.crm.screening import without_erased
from target_shopcrm.routes.work import WHOLE_RECORD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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
        # What stays with the tap isn't delivered, so its dead letters have to stay as well.
        batch.activation = {
            stream: self._not_frozen(work, stream, records)
            for stream, records in batch.activation.items()
        }
        yield from self._send(work, batch.activation)

    def finish(self, work: Work) -> Steps:
        """Try again what waited: now its contact may be there, or its hour has come.

        Args:
            work: The transactions of this step.
        """
        run = self._run
        if run.shadow is not None or run.is_restoring:
            return
        due = [(each, _read(each)) for each in run.waiting(work).due(run.clock())]
        run.waiting(work).remove(each[:3] for each, record in due if record is None)
        late = self._whose_contact_came(work, due)
        run.waits_again -= late
        records: dict[str, dict[RecordKey, Any]] = {}
        for each, record in due:
            if record is not None and each[:3] not in run.waits_again:
                records.setdefault(each.stream, {})[record_key(each.stream, record)] = record
        yield from self._send(
            work, {stream: self._not_frozen(work, stream, of) for stream, of in records.items()}
        )

    def restore(self, work: Work, run_id: UUID) -> Steps:
        """Tell the CRM once more what it was told of contacts before a run.

        The gate is asked as it is for any contact, with the record as it was then. A contact that
        the run was the first to tell keeps its place and its consent, and loses its fields and
        lists.

        Args:
            work: The transactions of this step.
            run_id: The run to take back.

        Raises:
            ShopCRMError: If a shop has a freeze.
        """
        self._run.is_restoring = True
        changed = list(self._run.deliveries(work).changed_by(run_id))
        self._refuse_in_a_freeze(work, {key[0] for key, _ in changed})
        now = self._run.deliveries(work).of([key for key, _ in changed])
        known = {key: restored(key, now[key], was) for key, was in changed if key in now}
        fresh = {key for key, was in changed if was is None}
        earlier = {key: record for key, record in known.items() if key not in fresh}
        yield from ContactDelivery(self._run, work).deliver(earlier)
        first = {key: record for key, record in known.items() if key in fresh}
        yield from ContactDelivery(replace(self._run, lists={}), work).deliver(first)

    def _send(self, work: Work, read: Mapping[str, Mapping[RecordKey, Any]]) -> Steps:
        records = {stream: without_erased(work, stream, of) for stream, of in read.items()}
        if contacts := records.get(CONTACTS):
            yield from ContactDelivery(self._run, work).deliver(contacts)
        for stream in FACTS:
            if facts := records.get(stream):
                yield from FactDelivery(self._run, work, stream).deliver(facts)
        keys = {(stream, *key) for stream, of in read.items() for key in of}
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

    def _whose_contact_came(
        self, work: Work, due: Sequence[tuple[Waits, Any]]
    ) -> set[tuple[str, str, str]]:
        """Find what was put aside in this run for its contact, which has come after it."""
        wanted = {
            each[:3]: (record.shop_id, record.contact_id)
            for each, record in due
            if record is not None
            and each.reason == Reason.CONTACT_NOT_DELIVERED
            and each[:3] in self._run.waits_again
        }
        there = self._run.deliveries(work).of(set(wanted.values()))
        return {
            waits
            for waits, contact in wanted.items()
            if contact in there and there[contact].is_settled
        }

    def _refuse_in_a_freeze(self, work: Work, shop_ids: set[str]) -> None:
        at = self._run.clock()
        for shop_id in sorted(shop_ids):
            if freeze_at(work.policy, shop_id, at):
                raise ShopCRMError(
                    f"The shop '{shop_id}' has a freeze, in which only erasures and withdrawals"
                    " are written: take the run back after it."
                )


def _read(waits: Waits) -> Any:
    """A waiting record; None if this version can't read it any more."""
    if waits.stream not in STREAMS:
        return None
    record = decode(waits.stream, waits.record)
    return None if isinstance(record, BadRecord) else record


__all__ = ["EVENTS", "STREAMS_OUTSIDE", "CrmRoute", "CrmRun"]
