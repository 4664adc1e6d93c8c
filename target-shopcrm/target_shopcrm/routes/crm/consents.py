"""Grants and lists: told once a contact is in the CRM, and only what differs from before."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from target_shopcrm.database.ledger import Ledger
from target_shopcrm.database.told import Withdrawn
from target_shopcrm.destinations.crm import Operation
from target_shopcrm.destinations.items import Grant, Membership, OptOut
from target_shopcrm.routes.crm.opening import MARKETING, learn_opt_outs
from target_shopcrm.routes.crm.plans import person
from target_shopcrm.routes.crm.run import check_answers
from target_shopcrm.routes.verdicts import gate_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from target_shopcrm.consent.gate import Gate
    from target_shopcrm.database.deliveries import Delivered
    from target_shopcrm.destinations.crm import Outcome
    from target_shopcrm.routes.crm.plans import ContactPlan
    from target_shopcrm.routes.crm.run import CrmRun, RecordKey
    from target_shopcrm.routes.work import Steps, Work

GRANTS, MEMBERSHIPS = "grants", "memberships"
"""Under which names these are counted."""


class Consents:
    """What a CRM keeps apart from its contacts.

    Args:
        run: The run.
        work: Its transactions.
        rows: What the CRM holds of each contact; brought up to date here.
    """

    def __init__(self, run: CrmRun, work: Work, rows: dict[RecordKey, Delivered]) -> None:
        self._run = run
        self._work = work
        self._rows = rows

    def tell(self, plans: Sequence[ContactPlan]) -> Steps:
        """Tell who agreed, then who belongs on which list.

        Args:
            plans: Contacts that are in the CRM.
        """
        lifted = [
            Withdrawn(plan.key[0], channel, address)
            for plan in plans
            for channel, address in plan.permitted.items()
        ]
        yield from self._grant(plans)
        self._run.told(self._work).forget(lifted)
        yield from self._list(plans)

    def _grant(self, plans: Sequence[ContactPlan]) -> Steps:
        run = self._run
        if not run.destination.capabilities.can(Operation.GRANT):
            # Such a CRM keeps consent in the contact, which it has just been told.
            for plan in plans:
                self._note(plan, dict(plan.permitted))
            return
        gate, at = gate_at(self._work, Ledger(self._work.connection))
        due = [(plan, grant) for plan in plans for grant in self._grants(plan, gate, at)]
        if not due:
            return
        grants = [grant for _, grant in due]
        outcomes: Sequence[Outcome] = yield partial(run.destination.grant, grants)
        opted_out: list[OptOut] = []
        for (plan, grant), outcome in zip(due, check_answers(due, outcomes), strict=True):
            if outcome.state in {"done", "skipped"}:
                granted = {**self._rows[plan.key].granted, grant.channel: grant.address}
                self._note(plan, granted)
            elif outcome.state == "opted_out":
                opted_out.append(
                    OptOut(
                        channel=grant.channel,
                        address=grant.address,
                        at=None,
                        cause=outcome.reason or "refused",
                    )
                )
        if opted_out:
            learn_opt_outs(run, self._work, opted_out)
        self._work.counts.add(GRANTS, written=len(due) - len(opted_out))

    def _grants(self, plan: ContactPlan, gate: Gate, at: datetime) -> list[Grant]:
        """The channels of a contact of which the CRM doesn't know yet that they may be used."""
        row = self._rows[plan.key]
        grants: list[Grant] = []
        for channel, address in plan.permitted.items():
            verdict = gate.decide(plan.key[0], address, channel, MARKETING)
            if row.granted.get(channel) == address or not verdict.allowed:
                continue
            grants.append(
                Grant(
                    who=person(plan.key, plan.permitted, row),
                    channel=channel,
                    address=address,
                    given_at=verdict.given_at or at,
                    source=f"shopcrm:{plan.key[0]}",
                )
            )
        return grants

    def _list(self, plans: Sequence[ContactPlan]) -> Steps:
        run = self._run
        due = [(plan, membership) for plan in plans for membership in _memberships(plan)]
        lists = {plan.key: set(plan.before.lists if plan.before else ()) for plan in plans}
        done = 0
        if due and run.destination.capabilities.can(Operation.LIST):
            asked = [membership for _, membership in due]
            outcomes: Sequence[Outcome] = yield partial(run.destination.set_memberships, asked)
            for (plan, membership), outcome in zip(due, check_answers(due, outcomes), strict=True):
                if outcome.state in {"done", "skipped"}:
                    done += 1
                    on_lists = lists[plan.key]
                    (on_lists.add if membership.is_member else on_lists.discard)(membership.list_id)
        else:
            lists = {plan.key: set(plan.lists) for plan in plans}
        for plan in plans:
            self._rows[plan.key] = self._rows[plan.key]._replace(lists=sorted(lists[plan.key]))
        self._work.counts.add(MEMBERSHIPS, written=done)

    def _note(self, plan: ContactPlan, granted: dict[str, str]) -> None:
        self._rows[plan.key] = self._rows[plan.key]._replace(granted=granted)


def _memberships(plan: ContactPlan) -> list[Membership]:
    """What differs from before; after a delivery that was cut off, everything is told again."""
    before = set(plan.before.lists) if plan.before else set[str]()
    known = before if plan.before is not None and plan.before.is_settled else set[str]()
    who = person(plan.key, plan.permitted, plan.before)
    return [
        *(
            Membership(who=who, list_id=each, is_member=False)
            for each in sorted(before - set(plan.lists))
        ),
        *(
            Membership(who=who, list_id=each, is_member=True)
            for each in sorted(set(plan.lists) - known)
        ),
    ]
