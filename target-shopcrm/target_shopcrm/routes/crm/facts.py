"""Orders, events and cues of contacts that are in the CRM; the gate is asked again for each.

They come after the contacts, since a CRM makes a contact out of any address an order or an
event brings along: that would be a way around the gate. What may leave but can't yet (its
contact isn't there, it is night where the person lives, they had their message today) waits in
`sync.waiting`, and is put through the gate anew when its time has come.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from target_shopcrm.consent.verdicts import Reason
from target_shopcrm.database.deliveries import UNSETTLED, Delivered
from target_shopcrm.database.ledger import Ledger
from target_shopcrm.destinations.crm import Operation, Outcome
from target_shopcrm.destinations.items import Cue, Event, Order, OrderLine
from target_shopcrm.records import ContactEvent
from target_shopcrm.routes.crm.holding import Holding
from target_shopcrm.routes.crm.plans import person
from target_shopcrm.routes.crm.run import (
    CUES,
    EVENTS,
    ORDERS,
    CrmRun,
    RecordKey,
    addresses_of,
    check_answers,
    dead,
    normalised,
    skip,
    waits,
)
from target_shopcrm.routes.verdicts import gate_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_shopcrm.consent.gate import Gate, Permission
    from target_shopcrm.destinations.items import Person
    from target_shopcrm.records import ContactOrder, StaffCue
    from target_shopcrm.routes.work import StepsTo, Work

    Fact = ContactOrder | ContactEvent | StaffCue

OPERATIONS = {ORDERS: Operation.ORDER, EVENTS: Operation.EVENT, CUES: Operation.CUE}
_BOOKKEEPING = frozenset({"changed_at"})


@dataclass(frozen=True)
class FactPlan:
    """One fact that may leave now.

    Attributes:
        key: shop_id and its own key.
        record: As it came in.
        item: As the CRM is told.
        row: What the CRM holds once it has it.
        is_again: Whether an earlier run died, or lost its connection, while sending it.
    """

    key: RecordKey
    record: Fact
    item: Order | Event | Cue
    row: Delivered
    is_again: bool


class FactDelivery:
    """One stream's facts of one batch on their way into a CRM.

    Args:
        run: The run.
        work: Its transactions.
        stream: One of `FACTS`.
    """

    def __init__(self, run: CrmRun, work: Work, stream: str) -> None:
        self._run = run
        self._work = work
        self._stream = stream

    def deliver(self, facts: Mapping[RecordKey, Fact]) -> StepsTo[None]:
        """Bring facts to the CRM.

        Args:
            facts: The latest record of each, by key.
        """
        run, work = self._run, self._work
        if not run.destination.capabilities.can(OPERATIONS[self._stream]):
            for _ in facts:
                skip(work, self._stream)
            return
        plans = self._decide(facts)
        unsettled = {plan.key: plan.row._replace(row_hash=UNSETTLED) for plan in plans}
        run.deliveries(work, self._stream).save(unsettled, work.run_id)
        for again in (True, False):
            part = [plan for plan in plans if plan.is_again is again]
            if part:
                outcomes: Sequence[Outcome] = yield partial(self._send, part, again=again)
                self._settle(part, check_answers(part, outcomes))

    def _send(self, plans: Sequence[FactPlan], *, again: bool) -> Sequence[Outcome]:
        items: list[Any] = [plan.item for plan in plans]
        if self._stream == ORDERS:
            return self._run.destination.send_orders(items)
        send = (
            self._run.destination.send_events
            if self._stream == EVENTS
            else self._run.destination.send_cues
        )
        return send(items, again=again)

    def _decide(self, facts: Mapping[RecordKey, Fact]) -> list[FactPlan]:
        run, work = self._run, self._work
        gate, _ = gate_at(work, Ledger(work.connection))
        before = run.deliveries(work, self._stream).of(facts)
        about = {(fact.shop_id, fact.contact_id) for fact in facts.values()}
        contacts = run.deliveries(work).of(about)
        if run.shadow is not None:
            contacts = {**run.deliveries(work).compared(about), **contacts}
        gate.prefetch(
            key
            for fact in facts.values()
            for key in gate.keys(fact.shop_id, addresses_of(work, fact))
        )
        known = [each.permitted.values() for each in contacts.values()]
        holding = Holding(run, work, {address for each in known for address in each})
        plans: list[FactPlan] = []
        for key, fact in facts.items():
            contact = contacts.get((fact.shop_id, fact.contact_id))
            plan = self._plan(gate, key, fact, before.get(key), contact, holding)
            if plan is not None:
                plans.append(plan)
        return plans

    def _plan(  # noqa: PLR0913, PLR0917 - everything that is known of one fact
        self,
        gate: Gate,
        key: RecordKey,
        fact: Fact,
        before: Delivered | None,
        contact: Delivered | None,
        holding: Holding,
    ) -> FactPlan | None:
        """What may leave of one fact now, or None: withheld, waiting, over, or told before."""
        run, work, stream = self._run, self._work, self._stream
        permission = self._ask(gate, fact)
        permitted = normalised(work, fact.shop_id, addresses_of(work, fact), permission.channels)
        if permission.refused or not permitted:
            work.counts.add(stream, withheld=1)
            work.withhold_whole(stream, permission.withheld)
            return None
        if before is not None and before.is_settled and stream != ORDERS:
            # Told once is told for good: the hour and the caps are for what is still to go out.
            work.counts.add(stream, unchanged=1)
            return None
        told = contact.permitted if contact is not None and contact.is_settled else {}
        reachable = {c: address for c, address in permitted.items() if told.get(c) == address}
        if not reachable or run.is_blocked((fact.shop_id, fact.contact_id), permitted):
            run.wait(work, [waits(stream, fact, Reason.CONTACT_NOT_DELIVERED)])
            return None
        if isinstance(fact, ContactEvent) and not (reachable := holding.channels(fact, reachable)):
            return None
        who = person((fact.shop_id, fact.contact_id), reachable, contact)
        item = _ITEMS[stream](fact, who, permission, self._is_history(fact))
        row = Delivered(_hash(item), reachable)
        if before is not None and before.row_hash == row.row_hash:
            work.counts.add(stream, unchanged=1)
            return None
        work.withhold(stream, permission.withheld)
        return FactPlan(key, fact, item, row, is_again=before is not None and not before.is_settled)

    def _ask(self, gate: Gate, fact: Fact) -> Permission:
        fields = msgspec.structs.asdict(fact)
        return gate.permit(
            self._work.policy.record_class_of(self._stream) or self._stream,
            fact.shop_id,
            {name: value for name, value in fields.items() if name not in _BOOKKEEPING},
            addresses_of(self._work, fact),
        )

    def _is_history(self, fact: Fact) -> bool:
        at = getattr(fact, "placed_at", None) or getattr(fact, "occurred_at", None)
        age = timedelta(hours=self._run.history_after_hours)
        return at is not None and at < self._run.clock() - age

    def _settle(self, plans: Sequence[FactPlan], outcomes: Sequence[Outcome]) -> None:
        run, work, stream = self._run, self._work, self._stream
        known: dict[RecordKey, Delivered] = {}
        for plan, outcome in zip(plans, outcomes, strict=True):
            if outcome.state == "uncertain":
                run.wait(work, [waits(stream, plan.record, "uncertain")])
                continue
            if outcome.state == "done":
                known[plan.key] = plan.row
                work.counts.add(stream, written=1)
                continue
            if outcome.state == "skipped":
                known[plan.key] = plan.row._replace(permitted={})
                skip(work, stream)
            else:
                known[plan.key] = Delivered(UNSETTLED, {})
                work.counts.add(stream, dead_lettered=1)
                work.bad_records.append(dead(stream, plan.record, outcome))
        run.deliveries(work, stream).save(known, work.run_id)


def _order(fact: ContactOrder, who: Person, allowed: Permission, is_history: bool) -> Order:  # noqa: FBT001 - one signature for all
    lines = fact.lines if "lines" in allowed.fields else []
    return Order(
        who=who,
        order_id=fact.order_id,
        placed_at=fact.placed_at,
        currency=fact.currency,
        net=fact.net,
        total=fact.total,
        lines=tuple(
            OrderLine(
                product_id=line.product_id, name=line.name, quantity=line.quantity, net=line.net
            )
            for line in lines
        ),
        is_history=is_history,
    )


def _event(fact: ContactEvent, who: Person, allowed: Permission, is_history: bool) -> Event:  # noqa: FBT001 - same
    return Event(
        who=who,
        event_id=fact.event_id,
        name=fact.name,
        occurred_at=fact.occurred_at,
        channels=tuple(who.addresses),
        properties=dict(fact.properties) if "properties" in allowed.fields else {},
        is_history=is_history,
    )


def _cue(fact: StaffCue, who: Person, allowed: Permission, is_history: bool) -> Cue:  # noqa: FBT001 - same
    del allowed, is_history
    return Cue(who=who, cue_id=fact.cue_id, text=fact.text, due_on=fact.due_on)


_ITEMS: dict[str, Callable[..., Any]] = {ORDERS: _order, EVENTS: _event, CUES: _cue}


def _hash(item: Order | Event | Cue) -> bytes:
    """16 bytes over what the CRM is told; that an order grows old is no news."""
    if isinstance(item, Order):
        item = msgspec.structs.replace(item, is_history=False)

    return hashlib.blake2b(
        msgspec.json.encode(item, order="deterministic"), digest_size=16
    ).digest()
