"""Telling the ledger what somebody said, outside of any run, with everything that follows from it.

In one transaction: the event is appended, the stored verdict is decided again, and what the gate
no longer permits of the customers at that address is cleared. A run that is going on has read
the ledger before or reads it afterwards, never in between.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from psycopg import errors

from target_shopcrm.consent.addresses import normalise
from target_shopcrm.consent.events import ConsentEvent
from target_shopcrm.consent.fold import events_to_append
from target_shopcrm.consent.gate import Gate
from target_shopcrm.database.customers import stored_customers
from target_shopcrm.database.ledger import Ledger, clock
from target_shopcrm.database.tables import TABLES, CustomerRow, Row
from target_shopcrm.destinations.shopcrm import ShopCRM
from target_shopcrm.errors import ConfigurationError, DatabaseError
from target_shopcrm.routes.customers import STREAM, addresses_of
from target_shopcrm.routes.verdicts import check_policy_knows_shops, refresh_verdicts
from target_shopcrm.routes.work import Work

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from target_shopcrm.consent.events import LegalBasis, State
    from target_shopcrm.consent.policy import Policy
    from target_shopcrm.consent.verdicts import Verdict
    from target_shopcrm.database.connection import Connection

_PATIENCE = "20s"
_OTHER_POLICY = "another policy"
"""A digest that no policy has: the next run decides on everything again."""


class Statement(NamedTuple):
    """What somebody said; see `ConsentEvent` for the meaning of each part.

    `address` is written as the user typed it, `said_at` is None where nobody knows.
    """

    shop_id: str
    channel: str
    address: str
    purpose: str
    state: State
    said_at: datetime | None
    source: str
    legal_basis: LegalBasis = "consent_express"
    method: str | None = None
    notice: str | None = None
    evidence: Mapping[str, str] = {}


class Recorded(NamedTuple):
    """What became of a statement.

    Attributes:
        is_news: Whether the ledger didn't know it yet.
        verdict: What the gate says about the address, channel and purpose now.
        observed_at: When the ledger learnt it, by the gate's clock.
    """

    is_news: bool
    verdict: Verdict
    observed_at: datetime


def record(connection: Connection, policy: Policy, statement: Statement) -> Recorded:
    """Tell the ledger what somebody said. The caller commits.

    Args:
        connection: At the beginning of a transaction.
        policy: The shop's policy.
        statement: What was said.

    Returns:
        What became of it.

    Raises:
        ConfigurationError: If the statement can't be true, or the policy doesn't fit.
        DatabaseError: If another program keeps the ledger to itself.
    """
    _have_ledger_alone(connection)
    work = Work(connection, uuid.uuid4(), policy)
    ledger = Ledger(connection)
    if not check_policy_knows_shops(work, ledger) and ledger.policy_digest() is not None:
        ledger.save_policy(policy.name, _OTHER_POLICY)
    at = clock(ledger.newest_observation())
    event = _event(policy, statement, at)
    news = events_to_append(ledger.events_for([event.key]).get(event.key, []), [event])
    ledger.append(news, None)
    gate = Gate(policy, ledger.events_for, at)
    refresh_verdicts(gate, ledger, [event.key], at)
    _clear_customers(work, gate, ledger.customers_at([event.key]))
    verdict = gate.decide(event.shop_id, event.address, event.channel, event.purpose)
    return Recorded(bool(news), verdict, at)


def _have_ledger_alone(connection: Connection) -> None:
    """Wait until every transaction that has read the ledger is over, and hold up the next one.

    Otherwise a batch that decided before this statement could store its verdict after it.
    """
    try:
        connection.execute("SELECT set_config('lock_timeout', %s, true)", [_PATIENCE])
        connection.execute("LOCK TABLE consent.events IN ACCESS EXCLUSIVE MODE")
    except errors.LockNotAvailable as error:
        raise DatabaseError(
            "Another program has been reading the ledger for 20 seconds; nothing was recorded:"
            " wait until it is done, then run this again."
        ) from error


def _event(policy: Policy, statement: Statement, at: datetime) -> ConsentEvent:
    shop_id = statement.shop_id
    if policy.jurisdiction_of(shop_id) is None:
        raise ConfigurationError(
            f"The policy '{policy.name}' doesn't say where the shop '{shop_id}' is: add it under"
            " 'shops' in it, or name the shop's own policy with --policy."
        )
    address = normalise(statement.channel, statement.address, policy.country_of(shop_id))
    if address is None:
        raise ConfigurationError(
            f"That can't be an address for the channel {statement.channel}: nothing was recorded."
        )
    if statement.said_at is not None and statement.said_at > at:
        raise ConfigurationError(
            "Nobody can have said that yet: --at is in the future; nothing was recorded."
        )
    return ConsentEvent(
        shop_id=shop_id,
        channel=statement.channel,
        address=address,
        purpose=statement.purpose,
        state=statement.state,
        event_time=statement.said_at,
        observed_at=at,
        source=statement.source,
        legal_basis=statement.legal_basis,
        notice=statement.notice,
        method=statement.method,
        evidence=dict(statement.evidence),
    )


def _clear_customers(work: Work, gate: Gate, keys: set[tuple[str, str]]) -> None:
    """Write the customers again as the gate permits them now; it never adds anything."""
    rows = [_permitted(work, gate, row) for row in stored_customers(work.connection, sorted(keys))]
    if rows:
        ShopCRM().upsert(work.connection, STREAM, rows)


def _permitted(work: Work, gate: Gate, row: CustomerRow) -> Row:
    permission = gate.permit(
        work.policy.record_class_of(STREAM) or STREAM,
        row.shop_id,
        msgspec.structs.asdict(row),
        addresses_of(row, work.policy),
    )
    kept = {**permission.fields, "shop_id": row.shop_id, "id": row.id}
    return TABLES[STREAM].row(msgspec.convert(kept, CustomerRow))
