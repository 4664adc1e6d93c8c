"""Everything that is stored about one person, to hand it to them (GDPR articles 15 and 20)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from target_shopcrm.database import traces
from target_shopcrm.database.consent_records import record_of
from target_shopcrm.database.ledger import Ledger
from target_shopcrm.database.people import derived_tables

if TYPE_CHECKING:
    from target_shopcrm.consent.policy import Policy
    from target_shopcrm.database.connection import Connection
    from target_shopcrm.database.people import Person

_HOW = ["row_hash", "run_id"]
"""Columns that only say how we remember."""


def everything_about(connection: Connection, person: Person, policy: Policy) -> dict[str, Any]:
    """Collect what is stored about a person.

    Args:
        connection: In a transaction.
        person: Everything that names them (`find_person`).
        policy: Says under which law the shop sells.

    Returns:
        What JSON knows, and instants.
    """
    return {
        "shop_id": person.shop_id,
        "identifiers": {
            "emails": sorted(person.emails),
            "phones": sorted(person.phones),
            "customer_ids": sorted(person.customer_ids),
            "loyalty_ids": sorted(person.loyalty_ids),
            "contact_ids": sorted(person.contact_ids),
        },
        "register": {
            "customers": _of_register(connection, "customers", "id", person),
            "orders": _of_register(connection, "orders", "customer_id", person),
            "loyalty_accounts": _of_register(connection, "loyalty_accounts", "customer_id", person),
        },
        "consent": {
            "records": [
                {**record_of(event, policy), "address": event["address"]}
                for event in Ledger(connection).history(person.shop_id, person.addresses)
            ],
            "decisions": _decisions(connection, person),
        },
        "told_to_others": _told_to_others(connection, person),
        "undelivered": _undelivered(connection, person, policy.country_of(person.shop_id)),
        "derived": {
            table.label: _rows(connection, table.schema, table.name, condition)
            for table in derived_tables(connection)
            if (condition := table.about(person)) is not None
        },
    }


def _of_register(
    connection: Connection, table: str, column: str, person: Person
) -> list[dict[str, Any]]:
    condition = sql.SQL("shop_id = {} AND {} = ANY ({})").format(
        person.shop_id, sql.Identifier(column), sorted(person.customer_ids)
    )
    return _rows(connection, "pos", table, condition, without=["row_hash", "written_at"])


def _decisions(connection: Connection, person: Person) -> list[dict[str, Any]]:
    """What the gate answers for each address, and why: also the reasons for withholding."""
    condition = sql.SQL("shop_id = {} AND address = ANY ({})").format(
        person.shop_id, sorted(person.emails | person.phones)
    )
    return _rows(connection, "consent", "verdicts", condition)


def _told_to_others(connection: Connection, person: Person) -> dict[str, Any]:
    withdrawals = sql.SQL("shop_id = {} AND address = ANY ({})").format(
        person.shop_id, sorted(person.emails | person.phones)
    )
    return {
        "deliveries": _rows(
            connection, "sync", "deliveries", traces.about(person, "deliveries"), without=_HOW
        ),
        "withdrawals": _rows(connection, "sync", "withdrawals", withdrawals, without=_HOW),
        "waiting": _rows(
            connection,
            "sync",
            "waiting",
            traces.about(person, "waiting"),
            instead={"record": "convert_from(record, 'UTF8')::jsonb"},
        ),
    }


def _undelivered(
    connection: Connection, person: Person, country: str | None
) -> list[dict[str, Any]]:
    """What is kept of records about the person that couldn't be delivered, as it came in."""
    condition = sql.SQL("id = ANY ({})").format(
        traces.dead_letters_about(connection, person, country)
    )
    return _rows(
        connection,
        "sync",
        "dead_letters",
        condition,
        without=["id", "record_hash", "first_run_id"],
        instead={"record": "encode(record, 'escape')"},
    )


def _rows(  # noqa: PLR0913, PLR0917 - what to read, and how to show it
    connection: Connection,
    schema: str,
    table: str,
    condition: sql.Composed,
    without: list[str] | None = None,
    instead: dict[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Rows as JSON has them, in a stable order."""
    replaced = [
        sql.SQL("{}, {}").format(name, sql.SQL(expression))
        for name, expression in (instead or {}).items()
    ]
    query = sql.SQL(
        "SELECT (to_jsonb(told) - {without}::text[]) || jsonb_build_object({replaced}) AS row"
        " FROM {table} AS told WHERE {condition} ORDER BY 1"
    ).format(
        without=without or [],
        replaced=sql.SQL(", ").join(replaced),
        table=sql.Identifier(schema, table),
        condition=condition,
    )
    return [row[0] for row in connection.execute(query)]
