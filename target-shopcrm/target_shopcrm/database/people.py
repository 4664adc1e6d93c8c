"""Who somebody is: every stored record of one person at one shop, found from one thing they told.

Records belong together where they share an exact address, or where the register merged one into
another. That is a certainty, not a guess; what dbt concludes beyond it plays no part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from psycopg import sql

from target_shopcrm.consent.addresses import EMAIL_CHANNELS, PHONE_CHANNELS
from target_shopcrm.database.suppressions import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_shopcrm.database.connection import Connection

_OURS = ("pos", "consent", "sync", "information_schema")


@dataclass
class Person:
    """Everything that names one person at one shop; grows while it is looked for.

    Attributes:
        shop_id: The shop.
        emails: Normalised.
        phones: E.164.
        customer_ids: The register's ids.
        loyalty_ids: The register's ids of loyalty accounts.
        contact_ids: Our ids of profiles and contacts.
        order_ids: What they bought.
        event_ids: The occasions on which a CRM was to write to them.
        cue_ids: The hints that staff got about them.
    """

    shop_id: str
    emails: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    customer_ids: set[str] = field(default_factory=set)
    loyalty_ids: set[str] = field(default_factory=set)
    contact_ids: set[str] = field(default_factory=set)
    order_ids: set[str] = field(default_factory=set)
    event_ids: set[str] = field(default_factory=set)
    cue_ids: set[str] = field(default_factory=set)

    @property
    def keys(self) -> dict[str, set[str]]:
        """The keys of everything told about the person, by what it is."""
        return {
            "customers": self.customer_ids,
            "loyalty_accounts": self.loyalty_ids,
            "contacts": self.contact_ids,
            "orders": self.order_ids,
            "events": self.event_ids,
            "cues": self.cue_ids,
        }

    @property
    def addresses(self) -> dict[str, list[str]]:
        """The addresses by channel, as they can be written to."""
        emails, phones = sorted(self.emails), sorted(self.phones)
        return {
            **{channel: emails for channel in sorted(EMAIL_CHANNELS) if emails},
            **{channel: phones for channel in sorted(PHONE_CHANNELS) if phones},
        }

    @property
    def identities(self) -> Iterator[Identity]:
        """One identity for each thing that names the person."""
        for name, values in (
            ("email", self.emails),
            ("phone", self.phones),
            ("customer_id", self.customer_ids),
            ("loyalty_id", self.loyalty_ids),
            ("contact_id", self.contact_ids),
        ):
            for value in sorted(values):
                yield Identity(self.shop_id, **{name: value})

    @property
    def size(self) -> int:
        """How much is known; stops growing when everything was found."""
        return len(self.emails) + len(self.phones) + len(self.customer_ids)


class DerivedTable(NamedTuple):
    """A table that somebody else made from ours: dbt, as a rule.

    Attributes:
        schema: Its schema.
        name: Its name.
        columns: All its columns.
    """

    schema: str
    name: str
    columns: frozenset[str]

    @property
    def label(self) -> str:
        """Schema and name, for people."""
        return f"{self.schema}.{self.name}"

    def about(self, person: Person) -> sql.Composed | None:
        """Say which rows are about a person.

        Args:
            person: Whom.

        Returns:
            A condition, or None where the table has no column that names people.
        """
        values = {
            "customer_id": person.customer_ids,
            "profile_id": person.contact_ids,
            "contact_id": person.contact_ids,
            "email": person.emails,
            "phone": person.phones,
        }
        named = [
            sql.SQL("{}::text = ANY ({})").format(sql.Identifier(column), sorted(known))
            for column, known in values.items()
            if column in self.columns
        ]
        if "shop_id" not in self.columns or not named:
            return None
        return sql.SQL("shop_id = {} AND ({})").format(person.shop_id, sql.SQL(" OR ").join(named))


def find_person(connection: Connection, person: Person) -> Person:
    """Find everything that belongs to a person.

    Args:
        connection: In a transaction.
        person: What is known: at least one address or id.

    Returns:
        The same person, with everything that was found.
    """
    size = -1
    while size != person.size:
        size = person.size
        _add_customers(connection, person)
        _add_contact_points(connection, person)
    for table, into in (
        ("loyalty_accounts", person.loyalty_ids),
        ("orders", person.order_ids),
    ):
        query = sql.SQL("SELECT id FROM {} WHERE shop_id = %s AND customer_id = ANY (%s)")
        rows = connection.execute(
            query.format(sql.Identifier("pos", table)),
            [person.shop_id, sorted(person.customer_ids)],
        )
        into.update(row[0] for row in rows)
    _add_contacts(connection, person)
    return person


def derived_tables(connection: Connection) -> list[DerivedTable]:
    """List the tables that others made in this database; views hold nothing of their own.

    Args:
        connection: In a transaction.

    Returns:
        The tables, in order.
    """
    rows = connection.execute(
        "SELECT table_schema::text, table_name::text, array_agg(column_name::text)"
        " FROM information_schema.columns JOIN information_schema.tables"
        " USING (table_catalog, table_schema, table_name)"
        " WHERE table_type = 'BASE TABLE' AND table_schema <> ALL (%s)"
        " AND table_schema NOT LIKE 'pg\\_%%' GROUP BY 1, 2 ORDER BY 1, 2",
        [list(_OURS)],
    )
    return [DerivedTable(schema, name, frozenset(columns)) for schema, name, columns in rows]


def _add_customers(connection: Connection, person: Person) -> None:
    rows = connection.execute(
        "SELECT id, email_normalised, phone_e164, loyalty_id, merged_into FROM pos.customers"
        " WHERE shop_id = %s AND (id = ANY (%s) OR merged_into = ANY (%s)"
        " OR email_normalised = ANY (%s) OR phone_e164 = ANY (%s))",
        [
            person.shop_id,
            sorted(person.customer_ids),
            sorted(person.customer_ids),
            sorted(person.emails),
            sorted(person.phones),
        ],
    )
    for customer_id, email, phone, loyalty_id, merged_into in rows:
        person.customer_ids.update(each for each in (customer_id, merged_into) if each)
        person.emails.update(each for each in (email,) if each)
        person.phones.update(each for each in (phone,) if each)
        person.loyalty_ids.update(each for each in (loyalty_id,) if each)


def _add_contact_points(connection: Connection, person: Person) -> None:
    """Addresses that the policy keeps out of the customers are known to the gate."""
    rows = connection.execute(
        "SELECT customer_id, channel, address FROM consent.contact_points WHERE shop_id = %s"
        " AND (customer_id = ANY (%s) OR address = ANY (%s))",
        [person.shop_id, sorted(person.customer_ids), sorted(person.emails | person.phones)],
    )
    for customer_id, channel, address in rows:
        person.customer_ids.add(customer_id)
        (person.emails if channel in EMAIL_CHANNELS else person.phones).add(address)


def _add_contacts(connection: Connection, person: Person) -> None:
    """The profiles that dbt made of the customers, and what CRMs were told under which id."""
    tables = derived_tables(connection)
    for table in tables:
        _add_ids(connection, table, person, ("profile_id", "contact_id"))
    delivered = connection.execute(
        "SELECT DISTINCT key FROM sync.deliveries, jsonb_each_text(permitted) AS told (channel, at)"
        " WHERE shop_id = %s AND stream = 'contacts' AND told.at = ANY (%s)",
        [person.shop_id, sorted(person.emails | person.phones)],
    )
    person.contact_ids.update(row[0] for row in delivered)
    for table in tables:
        _add_ids(connection, table, person, ("order_id", "event_id", "cue_id"))


def _add_ids(
    connection: Connection, table: DerivedTable, person: Person, columns: tuple[str, ...]
) -> None:
    condition = table.about(person)
    if condition is None:
        return
    known = {
        "profile_id": person.contact_ids,
        "contact_id": person.contact_ids,
        "order_id": person.order_ids,
        "event_id": person.event_ids,
        "cue_id": person.cue_ids,
    }
    for column in columns:
        if column in table.columns:
            query = sql.SQL("SELECT DISTINCT {0}::text FROM {1} WHERE {2} AND {0} IS NOT NULL")
            rows = connection.execute(
                query.format(
                    sql.Identifier(column), sql.Identifier(table.schema, table.name), condition
                )
            )
            known[column].update(row[0] for row in rows)
