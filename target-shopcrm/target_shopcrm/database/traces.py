"""What schema sync holds about one person: what CRMs were told, what waits, what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from psycopg import sql

from target_shopcrm.consent.addresses import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.database.people import Person

TABLES = {
    "deliveries": "permitted::text || granted::text || fields::text",
    "waiting": "convert_from(record, 'UTF8')",
    "changes": "coalesce(before::text, '')",
    "shadow": "concat(ours::text, theirs::text)",
}
"""The tables with one row per record that was, or would be, told; and where addresses may stand."""

_IDS = {
    "customer_id": "customers",
    "merged_into": "customers",
    "contact_id": "contacts",
    "order_id": "orders",
    "event_id": "events",
    "cue_id": "cues",
}
"""Fields of records that name somebody, and what they name."""


def about(person: Person, table: str) -> sql.Composed:
    """Say which rows of a table are about a person.

    Args:
        person: Whom.
        table: One of `TABLES`.

    Returns:
        A condition.
    """
    by_key = [
        sql.SQL("(stream = ANY ({}) AND key = ANY ({}))").format(
            [kind, f"activation-{kind}"], sorted(keys)
        )
        for kind, keys in person.keys.items()
        if keys
    ]
    text = sql.SQL(TABLES[table])
    by_address = [
        sql.SQL("strpos(lower({}), {}) > 0").format(text, _quoted(address))
        for address in sorted(person.emails | person.phones)
    ]
    conditions = sql.SQL(" OR ").join([*by_key, *by_address, sql.SQL("false")])
    return sql.SQL("shop_id = {} AND ({})").format(person.shop_id, conditions)


def dead_letters_about(connection: Connection, person: Person, country: str | None) -> list[int]:
    """Find the dead letters that are about a person, or hold anything of theirs.

    Args:
        connection: In a transaction.
        person: Whom.
        country: Where the shop dials its phone numbers from.

    Returns:
        Their ids.
    """
    rows = connection.execute(
        "SELECT id, stream, key, record FROM sync.dead_letters WHERE key ->> 'shop_id' IS NULL"
        " OR key ->> 'shop_id' = %s ORDER BY id",
        [person.shop_id],
    )
    return [
        letter_id
        for letter_id, stream, key, record in rows
        if _is_key_of(stream, key, person) or (record and _mentions(record, person, country))
    ]


def _is_key_of(stream: str, key: dict[str, str | None], person: Person) -> bool:
    known = person.keys.get(stream.removeprefix("activation-"), set())
    return any(value in known for name, value in key.items() if name != "shop_id")


def _mentions(record: bytes, person: Person, country: str | None) -> bool:
    try:
        fields = list(_fields(msgspec.json.decode(record)))
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = bytes(record).decode(errors="replace").lower()
        return any(address in text for address in person.emails | person.phones)
    return any(
        value in person.keys.get(_IDS.get(name, ""), ())
        or normalise("email", value, country) in person.emails
        or ("phone" in name and normalise("sms", value, country) in person.phones)
        for name, value in fields
    )


def _fields(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a document with the name it stands under."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _fields(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner, name)


def _quoted(address: str) -> str:
    """An address as it stands in JSON."""
    return msgspec.json.encode(address).decode()
