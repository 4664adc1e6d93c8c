"""Customers: what they say about consent goes to the ledger, what the gate permits to the CRM.

The order within the transaction is the point: first the ledger learns what the batch says, then
the gate decides, then rows are written. A withdrawal therefore also clears what earlier runs
stored, in the transaction that learns of it, and for everybody who shares the address.

A version older than the one already known changes no row, and of what it says only withdrawals
count: what it granted may have ended since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from target_shopcrm.consent.addresses import EMAIL_CHANNELS, PHONE_CHANNELS, normalise
from target_shopcrm.consent.assertions import Assertions, assertions
from target_shopcrm.consent.batch import events_of_batch
from target_shopcrm.database.customers import (
    all_customer_keys,
    last_changes,
    stored_customers,
)
from target_shopcrm.database.ledger import Ledger, clock
from target_shopcrm.database.tables import TABLES, CustomerRow, Row
from target_shopcrm.routes.verdicts import check_policy_knows_shops, gate_at, refresh_verdicts
from target_shopcrm.versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from target_shopcrm.consent.events import Key
    from target_shopcrm.consent.gate import Gate, Permission
    from target_shopcrm.consent.policy import Policy
    from target_shopcrm.records import Customer
    from target_shopcrm.routes.work import Work

STREAM = "customers"
_CHUNK = 2_000
_COLUMNS = CustomerRow.__struct_fields__


class _Reading(NamedTuple):
    """One version of one customer; stale where a newer one is known."""

    key: tuple[str, str]
    customer: Customer
    is_stale: bool


def customer_rows(work: Work, customers: Sequence[Customer]) -> list[Row]:
    """Let the ledger learn from customers, and make rows of what may be stored.

    Args:
        work: The transaction.
        customers: Every version read, in the order in which they came.

    Returns:
        Rows for the customers, and for stored ones whose permission has changed.
    """
    ledger = Ledger(work.connection)
    readings = _readings(work, customers)
    known = [each for each in readings if work.policy.jurisdiction_of(each.customer.shop_id)]
    events, keys = _learn(work, ledger, known)
    gate, at = gate_at(work, ledger, *_observations(known))
    latest = {each.key: each.customer for each in readings if not each.is_stale}
    for customer in latest.values():
        keys.update(gate.keys(customer.shop_id, addresses_of(customer, work.policy)))
    changed = refresh_verdicts(gate, ledger, keys, at)
    work.counts.add("consent.events", written=events)
    rows = [_permitted(work, gate, _as_row(each, work.policy)) for each in latest.values()]
    denied = [key for key, verdict in changed.items() if not verdict.allowed]
    others = ledger.customers_at(denied) - latest.keys() if denied else set()
    return [*(row for row in rows if row is not None), *_again(work, gate, others)]


def review(work: Work) -> list[Row]:
    """Look again at what is stored: grants run out, and policies change.

    Args:
        work: The transaction.

    Returns:
        Rows of the stored customers whose permission may have changed.
    """
    ledger = Ledger(work.connection)
    same_policy = check_policy_knows_shops(work, ledger)
    gate, at = gate_at(work, ledger)
    due = ledger.decided_keys(at if same_policy else None)
    changed = refresh_verdicts(gate, ledger, due, at)
    if same_policy:
        customers = ledger.customers_at(changed) if changed else set()
    else:
        ledger.save_policy(work.policy.name, work.policy.digest)
        customers = all_customer_keys(work.connection)
    return list(_again(work, gate, customers))


def addresses_of(person: Customer | CustomerRow, policy: Policy) -> dict[str, str | None]:
    """The addresses of a person by channel, as the vendor has them.

    Args:
        person: Anything with an e-mail address and a phone number.
        policy: Names the channels.

    Returns:
        For each channel of the policy that has addresses, the person's or None.
    """
    return {
        channel: person.email if channel in EMAIL_CHANNELS else person.phone
        for channel in sorted(policy.channels & (EMAIL_CHANNELS | PHONE_CHANNELS))
    }


def _readings(work: Work, customers: Sequence[Customer]) -> list[_Reading]:
    """Tell late versions from new ones, by what is stored and by what came before in the batch."""
    newest = last_changes(work.connection, {(each.shop_id, each.id) for each in customers})
    readings: list[_Reading] = []
    for customer in customers:
        key = (customer.shop_id, customer.id)
        version = Version(customer.updated_at, customer.deleted_at)
        is_stale = version.is_outdated_by(newest.get(key))
        readings.append(_Reading(key, customer, is_stale))
        if not is_stale and version.last_change is not None:
            newest[key] = version.last_change
    return readings


def _learn(work: Work, ledger: Ledger, readings: Sequence[_Reading]) -> tuple[int, set[Key]]:
    """Append what is new; returns how many events, and the keys they are about."""
    points = ledger.contact_points({each.key for each in readings})
    asserted: list[Assertions] = []
    for key, customer, is_stale in readings:
        previous = points.setdefault(key, {})
        said = assertions(
            customer.shop_id,
            customer.id,
            customer.email,
            customer.phone,
            customer.consents,
            previous,
            work.policy,
            observed_at=_observed_at(customer),
            ended=customer.merged_into is not None or customer.deleted_at is not None,
            stale=is_stale,
        )
        previous.update({point.channel: point for point in said.contact_points})
        asserted.append(said)
    news = events_of_batch(asserted, ledger.events_for, work.policy)
    ledger.append(news, work.run_id)
    ledger.save_contact_points([point for said in asserted for point in said.contact_points])
    return len(news), {event.key for event in news}


def _observed_at(customer: Customer) -> datetime:
    """When the record had last changed, or was read, by the vendor's clock if we know it."""
    read_at = [consent.observed_at for consent in customer.consents]
    return customer.updated_at or customer.deleted_at or max(read_at, default=None) or clock()


def _observations(readings: Iterable[_Reading]) -> Iterator[datetime]:
    return (said.observed_at for reading in readings for said in reading.customer.consents)


def _as_row(customer: Customer, policy: Policy) -> CustomerRow:
    """The row of a customer before the gate, its addresses normalised."""
    country = policy.country_of(customer.shop_id)
    fields = {name: getattr(customer, name) for name in _COLUMNS if hasattr(customer, name)}
    return CustomerRow(
        **fields,
        email_normalised=normalise("email", customer.email, country),
        phone_e164=normalise("sms", customer.phone, country),
    )


def _permitted(work: Work, gate: Gate, row: CustomerRow) -> Row | None:
    """The row of one customer of the batch, or None where nothing of it may be stored."""
    permission = _ask(work, gate, row)
    if permission.withheld:
        work.counts.add(STREAM, withheld=1)
    if permission.refused:
        work.withhold_whole(STREAM, permission.withheld)
        return None
    work.withhold(STREAM, permission.withheld)
    return _row(row, permission.fields)


def _again(work: Work, gate: Gate, keys: set[tuple[str, str]]) -> Iterator[Row]:
    """Put stored customers through the gate again; what is denied now is blanked."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), _CHUNK):
        stored = stored_customers(work.connection, ordered[start : start + _CHUNK])
        gate.prefetch(
            key for row in stored for key in gate.keys(row.shop_id, addresses_of(row, work.policy))
        )
        for row in stored:
            yield _row(row, _ask(work, gate, row).fields)


def _ask(work: Work, gate: Gate, row: CustomerRow) -> Permission:
    record_class = work.policy.record_class_of(STREAM) or STREAM
    fields = msgspec.structs.asdict(row)
    return gate.permit(record_class, row.shop_id, fields, addresses_of(row, work.policy))


def _row(row: CustomerRow, permitted: Any) -> Row:
    key = {"shop_id": row.shop_id, "id": row.id}
    return TABLES[STREAM].row(CustomerRow(**{**permitted, **key}))
