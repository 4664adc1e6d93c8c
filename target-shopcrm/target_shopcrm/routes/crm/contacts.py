"""Contacts into a CRM: withdraw what left, note what is about to be told, tell it, grant, list.

Before anything is sent, the database knows that the CRM may be about to learn of a contact
(`UNSETTLED`). Whatever dies in between, the next run withdraws what may not be there, and tells
the rest once more: telling a contact twice is telling it once.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from target_shopcrm.database.deliveries import UNSETTLED, Delivered
from target_shopcrm.database.ledger import Ledger
from target_shopcrm.destinations.items import OptOut
from target_shopcrm.routes.crm.consents import Consents
from target_shopcrm.routes.crm.opening import blank, learn_opt_outs, settle_withdrawals
from target_shopcrm.routes.crm.plans import ContactPlan, plan_contact
from target_shopcrm.routes.crm.run import (
    CONTACTS,
    CrmRun,
    RecordKey,
    addresses_of,
    check_answers,
    dead,
    skip,
    waits,
)
from target_shopcrm.routes.verdicts import gate_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_shopcrm.destinations.crm import Outcome
    from target_shopcrm.records import Contact as ContactRecord
    from target_shopcrm.routes.work import Steps, StepsTo, Work


class ContactDelivery:
    """One batch of contacts on its way into a CRM.

    Args:
        run: The run.
        work: Its transactions.
    """

    def __init__(self, run: CrmRun, work: Work) -> None:
        self._run = run
        self._work = work
        self._rows: dict[RecordKey, Delivered] = {}

    def deliver(self, contacts: Mapping[RecordKey, ContactRecord]) -> Steps:
        """Bring contacts to the CRM.

        Args:
            contacts: The latest record of each contact, by key.
        """
        plans = self._decide(contacts)
        plans = yield from self._withdraw(plans)
        plans = yield from self._upsert(plans)
        yield from Consents(self._run, self._work, self._rows).tell(plans)
        self._settle(plans)

    def _decide(self, contacts: Mapping[RecordKey, ContactRecord]) -> list[ContactPlan]:
        """Plan what has to become of contacts; what is unchanged is counted and left out."""
        run, work = self._run, self._work
        self._gate, _ = gate_at(work, Ledger(work.connection))
        before = run.deliveries(work).of(contacts)
        self._gate.prefetch(
            key
            for record in contacts.values()
            for key in self._gate.keys(record.shop_id, addresses_of(work, record))
        )
        plans: list[ContactPlan] = []
        for key, record in contacts.items():
            plan = plan_contact(run, work, self._gate, record, before.get(key))
            if run.shadow is not None:
                run.shadow.note_withheld(key, plan.withheld)
            if plan.is_unchanged:
                work.counts.add(CONTACTS, unchanged=1)
            elif plan.permitted or plan.before is not None:
                plans.append(plan)
        return plans

    def _withdraw(self, plans: Sequence[ContactPlan]) -> StepsTo[list[ContactPlan]]:
        """Addresses that left, first; whoever's withdrawal fails has to wait."""
        run, work = self._run, self._work
        due = [
            withdrawal
            for plan in plans
            for withdrawal in plan.withdrawals
            if withdrawal.address not in run.blocked  # it has just failed
        ]
        if due:
            outcomes: Sequence[Outcome] = yield partial(run.destination.withdraw, due)
            settle_withdrawals(run, work, due, check_answers(due, outcomes))
        going: list[ContactPlan] = []
        gone: dict[RecordKey, Delivered] = {}
        held: list[ContactPlan] = []
        for plan in plans:
            if run.is_blocked(plan.key, plan.permitted):
                held.append(plan)
            elif plan.permitted:
                going.append(plan)
            elif plan.before is not None:
                gone[plan.key] = plan.before
        run.wait(work, [waits(CONTACTS, plan.record, "withdrawal_failed") for plan in held])
        yield from blank(run, work, gone)
        return going

    def _upsert(self, plans: Sequence[ContactPlan]) -> StepsTo[list[ContactPlan]]:
        """Note what is about to be told, tell it, and sort the answers."""
        run, work = self._run, self._work
        if not plans:
            return []
        deliveries = run.deliveries(work)
        deliveries.remember_before({plan.key: plan.before for plan in plans}, work.run_id)
        self._rows = {plan.key: _on_its_way(plan) for plan in plans}
        deliveries.save(self._rows, work.run_id)
        contacts = [plan.contact(self._gate) for plan in plans]
        outcomes: Sequence[Outcome] = yield partial(run.destination.upsert, contacts)
        check_answers(contacts, outcomes)
        done: list[ContactPlan] = []
        opted_out: list[OptOut] = []
        for plan, outcome in zip(plans, outcomes, strict=True):
            if outcome.state == "done":
                remote_id = outcome.remote_id or plan.after.remote_id
                self._rows[plan.key] = self._rows[plan.key]._replace(remote_id=remote_id)
                done.append(plan)
                continue
            opted_out += self._failed(plan, outcome)
        if opted_out:
            learn_opt_outs(run, work, opted_out)
        work.counts.add(CONTACTS, written=len(done))
        return done

    def _failed(self, plan: ContactPlan, outcome: Outcome) -> list[OptOut]:
        """A contact that didn't arrive; returns what the ledger has to learn of it."""
        run, work = self._run, self._work
        was = plan.before._replace(row_hash=UNSETTLED) if plan.before else Delivered(UNSETTLED, {})
        if outcome.state == "uncertain":
            run.wait(work, [waits(CONTACTS, plan.record, "uncertain")])
            return []
        self._rows[plan.key] = was
        if outcome.state == "skipped":
            skip(work, CONTACTS)
        elif outcome.state == "refused":
            work.counts.add(CONTACTS, dead_lettered=1)
            work.bad_records.append(dead(CONTACTS, plan.record, outcome))
        else:
            return self._opted_out(plan, was, outcome)
        return []

    def _opted_out(self, plan: ContactPlan, was: Delivered, outcome: Outcome) -> list[OptOut]:
        """The person told the CRM no; on the channels that are left the next run tries again."""
        run, work = self._run, self._work
        meant = {
            channel: address
            for channel, address in plan.permitted.items()
            if outcome.field in {channel, "email" if channel == "email" else "phone"}
        }
        lost = meant or plan.permitted
        left = dict(plan.permitted.items() - lost.items())
        self._rows[plan.key] = was._replace(
            permitted=dict(was.permitted.items() & left.items()),
            granted=dict(was.granted.items() & left.items()),
        )
        work.counts.add(CONTACTS, withheld=1)
        if left:
            run.wait(work, [waits(CONTACTS, plan.record, "uncertain")])
        return [
            OptOut(channel=channel, address=address, at=None, cause=outcome.reason or "refused")
            for channel, address in lost.items()
        ]

    def _settle(self, plans: Sequence[ContactPlan]) -> None:
        """Remember what the CRM holds now; what isn't whole is tried again by the next run."""
        run, work = self._run, self._work
        unfinished: list[ContactPlan] = []
        for plan in plans:
            row = self._rows[plan.key]
            is_whole = row.granted == plan.permitted and row.lists == plan.lists
            if not is_whole:
                unfinished.append(plan)
            self._rows[plan.key] = row._replace(
                row_hash=plan.row_hash if is_whole else UNSETTLED, fields=plan.fields
            )
        run.wait(work, [waits(CONTACTS, plan.record, "uncertain") for plan in unfinished])
        run.deliveries(work).save(self._rows, work.run_id)


def _on_its_way(plan: ContactPlan) -> Delivered:
    """What the CRM may hold while nobody knows how far the delivery got."""
    before = plan.before or Delivered(UNSETTLED, {})
    return Delivered(
        row_hash=UNSETTLED,
        permitted=plan.permitted,
        fields={**before.fields, **plan.fields},
        granted={k: v for k, v in before.granted.items() if plan.permitted.get(k) == v},
        lists=sorted({*before.lists, *plan.lists}),
        remote_id=before.remote_id,
    )
