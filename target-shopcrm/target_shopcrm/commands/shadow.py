"""``shopcrm shadow``: what live would change at a CRM that has been running in shadow mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from psycopg.rows import dict_row

from target_shopcrm.commands.shared import (
    json_option,
    number,
    prepared_database,
    rim,
    show,
    show_json,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_shopcrm.database.connection import Connection

_VERDICTS = {
    "match": "as it is there",
    "differs": "would change",
    "new": "would be added",
    "forget": "would be cleared",
    "withheld": "held back by the gate",
    "withdraw": "would be unsubscribed",
    "send": "would be sent",
}
"""Every verdict of ``sync.shadow`` in a row about one person."""
_HEADINGS = {
    "match": "Same",
    "differs": "Changed",
    "new": "Added",
    "forget": "Cleared",
    "withheld": "Held back",
    "withdraw": "Withdrawn",
    "send": "Sent",
}
"""The same as headings over numbers of people."""

_FIELDS = """
SELECT destination, stream, field, verdict, reason, count(*) AS people
FROM sync.shadow WHERE %(destination)s::text IS NULL OR destination = %(destination)s
GROUP BY destination, stream, field, verdict, reason
ORDER BY destination, stream, field, verdict, reason
"""
_PEOPLE = """
SELECT destination, stream, shop_id, key, field, verdict, reason, ours, theirs, seen_at
FROM sync.shadow WHERE %(destination)s::text IS NULL OR destination = %(destination)s
ORDER BY destination, stream, shop_id, key, field
"""


@click.group()
def shadow() -> None:
    """See what live would change at a CRM."""


@shadow.command()
@click.option("--destination", help="Only this CRM.")
@click.option("--people", is_flag=True, help="A row for each person and field that would change.")
@click.option("--values", is_flag=True, help="Show the values too; they are personal.")
@json_option
@rim
def report(*, destination: str | None, people: bool, values: bool, as_json: bool) -> None:
    """Show, field by field, what live would change, and what the gate held back."""
    with prepared_database() as connection:
        fields = _rows(connection, _FIELDS, destination)
        persons = _rows(connection, _PEOPLE, destination) if people or as_json else []
    if not values:
        persons = [{n: v for n, v in row.items() if n not in {"ours", "theirs"}} for row in persons]
    if as_json:
        show_json({"fields": fields, "people": persons})
    elif not fields:
        click.echo("Nothing ran in shadow mode yet: set mode to shadow for a target and run it.")
    else:
        show(*_tables(fields), *([_people(persons, values=values)] if people else []))


@shadow.command()
@click.option("--destination", help="Only this CRM.")
@rim
def clear(*, destination: str | None) -> None:
    """Forget what was compared, to begin a new pilot."""
    with prepared_database() as connection:
        gone = connection.execute(
            "DELETE FROM sync.shadow WHERE %(destination)s::text IS NULL"
            " OR destination = %(destination)s",
            {"destination": destination},
        ).rowcount
        connection.commit()
    click.echo(f"{gone:,} comparisons were forgotten.")


def _rows(connection: Connection, query: str, destination: str | None) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, {"destination": destination}).fetchall()


def _tables(fields: list[dict[str, Any]]) -> Iterator[Any]:
    for crm in sorted({row["destination"] for row in fields}):
        of_crm = [row for row in fields if row["destination"] == crm]
        names = sorted({(row["stream"], row["field"]) for row in of_crm})
        used = [verdict for verdict in _HEADINGS if any(r["verdict"] == verdict for r in of_crm)]
        rows = [[_spoken(*name), *_counts(of_crm, name, used)] for name in names]
        headings = ["Field", *(_HEADINGS[verdict] for verdict in used)]
        yield table(f"What live would do at {crm}, in people", headings, rows)
        held = [row for row in of_crm if row["verdict"] == "withheld"]
        if held:
            reasons = [[row["field"], row["reason"], number(row["people"])] for row in held]
            headings = ["Held back", "Reason", "People"]
            yield table(f"What the gate held back from {crm}", headings, reasons, text_columns=2)


def _spoken(stream: str, field: str) -> str:
    """A field of a contact by its name; what belongs to a contact by its stream's."""
    if stream == "contacts":
        return field
    return stream if field == "*" else f"{stream}: {field}"


def _counts(rows: list[dict[str, Any]], name: tuple[str, str], verdicts: list[str]) -> list[str]:
    counts = dict.fromkeys(verdicts, 0)
    for row in rows:
        if (row["stream"], row["field"]) == name:
            counts[row["verdict"]] += row["people"]
    return [number(count) if count else "" for count in counts.values()]


def _people(persons: list[dict[str, Any]], *, values: bool) -> Any:
    headings = ["CRM", "Shop", "Record", "Field", "What live would do"]
    rows = [
        [
            row["destination"],
            row["shop_id"],
            f"{row['stream']} {row['key']}",
            row["field"],
            " ".join([_VERDICTS[row["verdict"]], f"({row['reason']})" if row["reason"] else ""]),
            *([_text(row["ours"]), _text(row["theirs"])] if values else []),
        ]
        for row in persons
        if row["verdict"] != "match"
    ]
    if values:
        headings += ["We would say", "It says"]
    return table("Person by person", headings, rows, text_columns=len(headings))


def _text(value: object) -> str:
    return "" if value is None else str(value)
