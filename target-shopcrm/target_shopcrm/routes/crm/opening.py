"""What comes before the input is read: opt-outs in, then erasures and withdrawals out.

What a CRM must be told is computed from the ledger and from what was delivered, never from the
input, and it is told first. A person whose withdrawal fails gets nothing else in this run; if
no withdrawal succeeds at all, the run stops.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from target_shopcrm.consent.opt_outs import Echo, opt_out_events
from target_shopcrm.database.customers import shops_with_customers
from target_shopcrm.database.deliveries import UNSETTLED, Delivered
from target_shopcrm.database.erasures import Erasures
from target_shopcrm.database.ledger import Ledger, clock
from target_shopcrm.database.told import Withdrawn
from target_shopcrm.destinations.crm import Operation
from target_shopcrm.destinations.items import Contact, Membership, Person, Withdrawal
from target_shopcrm.errors import CrmUnavailableError
from target_shopcrm.routes.crm.run import CONTACTS, CrmRun, RecordKey, check_answers
from target_shopcrm.routes.crm.screening import events_of_others
from target_shopcrm.routes.verdicts import check_policy_knows_shops, gate_at, refresh_verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_shopcrm.consent.events import Key
    from target_shopcrm.consent.gate import Gate
    from target_shopcrm.destinations.crm import OptOuts, Outcome
    from target_shopcrm.destinations.items import OptOut
    from target_shopcrm.routes.work import Steps, Work

MARKETING = "marketing"
_KNOWN = frozenset({"done", "skipped", "opted_out"})
"""The outcomes of a withdrawal after which the CRM won't write to the address."""


def read_back(run: CrmRun, work: Work) -> Steps:
    """Let the ledger learn who told the CRM no; that outranks whatever the shop knows.

    Args:
        run: The run.
        work: Its transactions.
    """
    if not run.destination.capabilities.can(Operation.READ_OPT_OUTS):
        return
    cursor = run.told(work).cursor()
    opt_outs: OptOuts = yield partial(run.destination.read_opt_outs, cursor)
    learn_opt_outs(run, work, opt_outs.found)
    run.told(work).save_cursor(opt_outs.cursor)


def learn_opt_outs(run: CrmRun, work: Work, found: Sequence[OptOut]) -> None:
    """Tell the ledger who said no to the CRM; what we told it ourselves isn't among them.

    Args:
        run: The run.
        work: The transaction.
        found: What the CRM says, asked for or as the reason of a refusal.
    """
    ledger = Ledger(work.connection)
    read = opt_out_events(
        found,
        crm=run.name,
        shops=shops_with_customers(work.connection),
        policy=work.policy,
        echoes=[Echo(*key, at) for key, at in run.told(work).times().items()],
        observed_at=clock(ledger.newest_observation()),
        known=ledger.events_for,
    )
    events = events_of_others(work, read)
    ledger.append(events, work.run_id)
    gate, at = gate_at(work, ledger)
    refresh_verdicts(gate, ledger, {event.key for event in events}, at)
    work.counts.add("consent.events", written=len(events))


def erase(run: CrmRun, work: Work) -> Steps:
    """Erase whom the shop has erased. What fails stays to be done, and is tried by every run.

    Args:
        run: The run.
        work: Its transactions.
    """
    erasures = Erasures(work.connection)
    pending = erasures.pending(run.name)
    if not pending or not run.destination.capabilities.can(Operation.ERASE):
        return
    people = [
        Person(
            shop_id=each.shop_id,
            contact_id=each.contact_id or "",
            addresses=each.addresses,
            remote_id=each.remote_id,
        )
        for each in pending
    ]
    outcomes: Sequence[Outcome] = yield partial(run.destination.erase, people)
    check_answers(people, outcomes)
    gone = [
        each.id for each, outcome in zip(pending, outcomes, strict=True) if outcome.state == "done"
    ]
    if run.shadow is None:
        erasures.done(gone)
    for person, outcome in zip(people, outcomes, strict=True):
        if outcome.state != "done":
            run.blocked.update(person.addresses.values())
    work.counts.add("erasures", written=len(gone), dead_lettered=len(pending) - len(gone))


def withdraw(run: CrmRun, work: Work) -> Steps:
    """Withdraw what may not be used any more: what the ledger says, and what was delivered.

    Args:
        run: The run.
        work: Its transactions.

    Raises:
        CrmUnavailableError: If every single one failed: then something is wrong with the CRM.
    """
    ledger = Ledger(work.connection)
    check_policy_knows_shops(work, ledger)
    gate, _ = gate_at(work, ledger)
    standing = run.deliveries(work).with_permissions()
    gate.prefetch(_permitted_keys(gate, standing))
    kept = {
        key: {
            channel: address
            for channel, address in delivered.permitted.items()
            if gate.decide(key[0], address, channel, MARKETING).allowed
        }
        for key, delivered in standing.items()
    }
    due = _withdrawals(standing, kept)
    at_hand = {(each.who.shop_id, each.channel, each.address) for each in due}
    due += [_of_nobody(owed) for owed in run.told(work).owed() if tuple(owed) not in at_hand]
    failed: set[RecordKey] = set()
    if due:
        outcomes: Sequence[Outcome] = yield partial(run.destination.withdraw, due)
        failed = settle_withdrawals(run, work, due, check_answers(due, outcomes))
        # One that fails alone is about that person; none of several is about the CRM.
        if len(due) > 1 and not any(outcome.state in _KNOWN for outcome in outcomes):
            raise CrmUnavailableError(
                f"None of {len(due)} withdrawals could be brought to {run.name}, so nothing else"
                " was sent: look at the CRM's status page and the permissions of api_key, then run"
                " again."
            )
    changed = {
        key: standing[key]._replace(
            row_hash=UNSETTLED,
            permitted=left,
            granted={name: at for name, at in standing[key].granted.items() if name in left},
        )
        for key, left in kept.items()
        if left and left != standing[key].permitted and key not in failed
    }
    run.deliveries(work).save(changed, work.run_id)
    nobody = {key: standing[key] for key, left in kept.items() if not left and key not in failed}
    yield from blank(run, work, nobody)


def settle_withdrawals(
    run: CrmRun, work: Work, due: Sequence[Withdrawal], outcomes: Sequence[Outcome]
) -> set[RecordKey]:
    """Note which withdrawals the CRM has, and block whoever's failed.

    Args:
        run: The run.
        work: The transaction.
        due: What had to be withdrawn.
        outcomes: What became of it.

    Returns:
        The contacts of whom something failed.
    """
    known: list[Withdrawn] = []
    failed: set[RecordKey] = set()
    for each, outcome in zip(due, outcomes, strict=True):
        if outcome.state in _KNOWN:
            known.append(Withdrawn(each.who.shop_id, each.channel, each.address))
            continue
        key = (each.who.shop_id, each.who.contact_id)
        failed.add(key)
        run.blocked.update({key, each.address})
    at = clock(Ledger(work.connection).newest_observation())
    run.told(work).remember(known, work.run_id, at)
    work.counts.add("withdrawals", read=len(due), written=len(known))
    return failed


def blank(run: CrmRun, work: Work, nobody: Mapping[RecordKey, Delivered]) -> Steps:
    """Let the CRM forget what it was told of contacts who may not be written to any more.

    Until it has, their addresses stay in the books: should the run die here, or the CRM not
    answer, the next run withdraws them once more and gets here again.

    Args:
        run: The run.
        work: Its transactions.
        nobody: What was delivered of contacts without any permitted channel; they are withdrawn.
    """
    deliveries = run.deliveries(work)
    told = {key: each for key, each in nobody.items() if each.fields or each.lists}
    gone = {key: each for key, each in nobody.items() if key not in told}
    deliveries.save({**_unsettled(told), **_forgotten(gone)}, work.run_id)
    deliveries.remember_before(dict(told), work.run_id)
    people = {key: _person(key, each) for key, each in told.items()}
    leaving = [
        (key, Membership(who=people[key], list_id=list_id, is_member=False))
        for key, each in told.items()
        for list_id in each.lists
    ]
    blanked = [
        (key, Contact(who=people[key], fields={}, forget=frozenset(each.fields)))
        for key, each in told.items()
    ]
    in_doubt: set[RecordKey] = set()
    steps: tuple[tuple[Operation, Sequence[tuple[RecordKey, Any]], Callable[..., Any]], ...] = (
        (Operation.LIST, leaving, run.destination.set_memberships),
        (Operation.UPSERT, blanked, run.destination.upsert),
    )
    for operation, due, tell in steps:
        if due and run.destination.capabilities.can(operation):
            outcomes: Sequence[Outcome] = yield partial(tell, [item for _, item in due])
            answers = zip(due, check_answers(due, outcomes), strict=True)
            in_doubt |= {key for (key, _), outcome in answers if outcome.state == "uncertain"}
    done = {key: each for key, each in told.items() if key not in in_doubt}
    run.deliveries(work).save(_forgotten(done), work.run_id)
    work.counts.add(CONTACTS, written=len(done))


def _unsettled(delivered: Mapping[RecordKey, Delivered]) -> dict[RecordKey, Delivered]:
    """Contacts of whom nobody knows what the CRM holds, for as long as it is being told."""
    return {key: each._replace(row_hash=UNSETTLED, granted={}) for key, each in delivered.items()}


def _forgotten(delivered: Mapping[RecordKey, Delivered]) -> dict[RecordKey, Delivered]:
    """The same once the CRM holds nothing of them that could be used."""
    return {
        key: Delivered(UNSETTLED, {}, remote_id=each.remote_id) for key, each in delivered.items()
    }


def _withdrawals(
    before: Mapping[RecordKey, Delivered], now: Mapping[RecordKey, Mapping[str, str]]
) -> list[Withdrawal]:
    return [
        withdrawal
        for key, delivered in before.items()
        for withdrawal in withdrawals_of(key, delivered, now[key])
    ]


def withdrawals_of(
    key: RecordKey, before: Delivered, permitted: Mapping[str, str]
) -> list[Withdrawal]:
    """One withdrawal for each address that may no longer be used for a contact.

    Args:
        key: The contact.
        before: What was delivered of it.
        permitted: What may be used now.

    Returns:
        The withdrawals.
    """
    who = _person(key, before)
    return [
        Withdrawal(who=who, channel=channel, address=address)
        for channel, address in before.permitted.items()
        if permitted.get(channel) != address
    ]


def _person(key: RecordKey, before: Delivered) -> Person:
    """A contact by the addresses that it was delivered with."""
    return Person(
        shop_id=key[0],
        contact_id=key[1],
        addresses=before.permitted,
        remote_id=before.remote_id,
    )


def _of_nobody(owed: Withdrawn) -> Withdrawal:
    """The withdrawal of an address that was never delivered."""
    who = Person(shop_id=owed.shop_id, contact_id="", addresses={owed.channel: owed.address})
    return Withdrawal(who=who, channel=owed.channel, address=owed.address)


def _permitted_keys(gate: Gate, standing: Mapping[RecordKey, Delivered]) -> Iterable[Key]:
    for (shop_id, _), delivered in standing.items():
        yield from gate.keys(shop_id, delivered.permitted)
