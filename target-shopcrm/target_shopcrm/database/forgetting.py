"""Erasing a person: everything that names them goes, the books stay, and nothing brings them back.

All of it is one transaction, and no run is active meanwhile: a batch that was read before could
otherwise write the person again afterwards.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from psycopg import sql

from target_shopcrm.consent.events import ConsentEvent
from target_shopcrm.database import traces
from target_shopcrm.database.erasures import Erasures
from target_shopcrm.database.ledger import Ledger, clock
from target_shopcrm.database.people import derived_tables
from target_shopcrm.database.runs import run_lock
from target_shopcrm.database.suppressions import ERASED, Suppressions
from target_shopcrm.errors import AnotherRunIsActiveError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from target_shopcrm.consent.policy import Policy
    from target_shopcrm.database.connection import Connection
    from target_shopcrm.database.people import Person

SOURCE = "shopcrm:erasure"
"""Who tells the ledger."""
_OWN_DATABASE = "shopcrm"
_BLANK_ORDERS = """
UPDATE pos.orders SET customer_id = NULL, row_hash = '', written_at = now(),
    payments = coalesce((SELECT jsonb_agg(payment - 'card_fingerprint' ORDER BY place)
        FROM jsonb_array_elements(payments) WITH ORDINALITY AS paid (payment, place)), payments)
WHERE shop_id = %s AND customer_id = ANY (%s)
"""
"""Without a hash the next reading writes the order once more: it can't be computed in SQL."""


class Erased(NamedTuple):
    """What an erasure did.

    Attributes:
        at: From when on a consent is a new one.
        deleted: How many rows went, by table.
        blanked: How many rows stayed without the person, by table.
        withdrawn: How many withdrawals the ledger was told.
        suppressed: How many things that named the person are remembered as fingerprints.
        queued: How many contacts each CRM outside has to forget.
    """

    at: datetime
    deleted: dict[str, int]
    blanked: dict[str, int]
    withdrawn: int
    suppressed: int
    queued: dict[str, int]


def lock_out_runs(connection: Connection, destinations: Iterable[str]) -> None:
    """Keep every run out until the end of the transaction.

    Args:
        connection: In a transaction.
        destinations: Every destination there is.

    Raises:
        AnotherRunIsActiveError: If a run is active, or dbt is building.
    """
    used = connection.execute("SELECT DISTINCT destination FROM sync.runs").fetchall()
    for name in sorted({*destinations, *(row[0] for row in used)}):
        row = connection.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [run_lock(name)]
        ).fetchone()
        if not row or not row[0]:
            raise AnotherRunIsActiveError(
                f"A run into {name} is active and could write the person again; wait until it"
                " ends, or stop it, then run this again."
            )
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'dbt')"
    ).fetchone()
    if row and row[0]:
        raise AnotherRunIsActiveError(
            "dbt is building from this database and could write the person again; wait until it"
            " ends, then run this again."
        )


def erase_person(
    connection: Connection, person: Person, policy: Policy, reason: str = ERASED
) -> Erased:
    """Erase a person. Call `lock_out_runs` first, in the same transaction.

    Args:
        connection: In a transaction that the caller commits.
        person: Everything that names them (`find_person`).
        policy: Names the purposes, and where the shop dials from.
        reason: Why, in a word.

    Returns:
        What was done.
    """
    ledger = Ledger(connection)
    at = clock(ledger.newest_observation())
    events = _withdrawals(person, policy, at)
    ledger.append(events, None)
    suppressed = Suppressions(connection).add(person.identities, at, reason)
    queued = _queue(connection, person, at)
    deleted = {
        **_delete_derived(connection, person),
        **_delete_in_sync(connection, person, policy.country_of(person.shop_id)),
        **_delete_in_consent(connection, person),
        **_delete_in_pos(connection, person),
    }
    customers = [person.shop_id, sorted(person.customer_ids)]
    blanked = {"pos.orders": connection.execute(_BLANK_ORDERS, customers).rowcount}
    return Erased(at, deleted, blanked, len(events), suppressed, queued)


def _withdrawals(person: Person, policy: Policy, at: datetime) -> list[ConsentEvent]:
    purposes = [name for name, terms in policy.purposes.items() if terms.basis == "consent"]
    return [
        ConsentEvent(
            shop_id=person.shop_id,
            channel=channel,
            address=address,
            purpose=purpose,
            state="withdrawn",
            event_time=at,
            observed_at=at,
            source=SOURCE,
            reason=ERASED,
            method="staff_request",
        )
        for channel, addresses in person.addresses.items()
        for address in addresses
        for purpose in purposes
    ]


def _queue(connection: Connection, person: Person, at: datetime) -> dict[str, int]:
    """Tell every CRM ever used: somebody may have typed the person in there by hand."""
    delivered: dict[str, list[tuple[str, str | None]]] = {}
    rows = connection.execute(
        "SELECT DISTINCT destination, NULL, NULL FROM sync.runs WHERE destination <> %s"
        " UNION ALL SELECT destination, key, remote_id FROM sync.deliveries"
        " WHERE shop_id = %s AND stream = 'contacts' AND key = ANY (%s) ORDER BY 1, 2, 3",
        [_OWN_DATABASE, person.shop_id, sorted(person.contact_ids)],
    )
    for destination, contact_id, remote_id in rows:
        contacts = delivered.setdefault(destination, [])
        if contact_id is not None:
            contacts.append((contact_id, remote_id))
    addresses = [
        {channel: address for channel, address in (("email", email), ("sms", phone)) if address}
        for email, phone in zip_longest(sorted(person.emails), sorted(person.phones))
    ]
    never_told = [(name, None) for name in sorted(person.contact_ids or person.customer_ids)]
    erasures = Erasures(connection)
    for destination, contacts in delivered.items():
        known = contacts or never_told[:1] or [("", None)]
        for contact, reached in zip_longest(known, addresses):
            contact_id, remote_id = contact or known[0]
            erasures.queue(destination, person.shop_id, contact_id, reached or {}, remote_id, at)
    return {name: max(len(told), len(addresses), 1) for name, told in delivered.items()}


def _delete_derived(connection: Connection, person: Person) -> dict[str, int]:
    deleted = {}
    for table in derived_tables(connection):
        condition = table.about(person)
        if condition is not None:
            statement = sql.SQL("DELETE FROM {} WHERE {}").format(
                sql.Identifier(table.schema, table.name), condition
            )
            deleted[table.label] = connection.execute(statement).rowcount
    return deleted


def _delete_in_sync(connection: Connection, person: Person, country: str | None) -> dict[str, int]:
    letters = traces.dead_letters_about(connection, person, country)
    deleted = {
        "sync.dead_letters": connection.execute(
            "DELETE FROM sync.dead_letters WHERE id = ANY (%s)", [letters]
        ).rowcount,
        "sync.withdrawals": connection.execute(
            "DELETE FROM sync.withdrawals WHERE shop_id = %s AND address = ANY (%s)",
            [person.shop_id, sorted(person.emails | person.phones)],
        ).rowcount,
    }
    for table in traces.TABLES:
        statement = sql.SQL("DELETE FROM {} WHERE {}").format(
            sql.Identifier("sync", table), traces.about(person, table)
        )
        deleted[f"sync.{table}"] = connection.execute(statement).rowcount
    return deleted


def _delete_in_consent(connection: Connection, person: Person) -> dict[str, int]:
    addresses = sorted(person.emails | person.phones)
    points = connection.execute(
        "DELETE FROM consent.contact_points WHERE shop_id = %s"
        " AND (customer_id = ANY (%s) OR address = ANY (%s))",
        [person.shop_id, sorted(person.customer_ids), addresses],
    )
    verdicts = connection.execute(
        "DELETE FROM consent.verdicts WHERE shop_id = %s AND address = ANY (%s)",
        [person.shop_id, addresses],
    )
    return {"consent.contact_points": points.rowcount, "consent.verdicts": verdicts.rowcount}


def _delete_in_pos(connection: Connection, person: Person) -> dict[str, int]:
    accounts = connection.execute(
        "DELETE FROM pos.loyalty_accounts WHERE shop_id = %s"
        " AND (customer_id = ANY (%s) OR id = ANY (%s))",
        [person.shop_id, sorted(person.customer_ids), sorted(person.loyalty_ids)],
    )
    customers = connection.execute(
        "DELETE FROM pos.customers WHERE shop_id = %s AND id = ANY (%s)",
        [person.shop_id, sorted(person.customer_ids)],
    )
    return {"pos.loyalty_accounts": accounts.rowcount, "pos.customers": customers.rowcount}
