"""``shopcrm init`` and ``shopcrm status``: prepare the database, show what it holds."""

from __future__ import annotations

import click

from target_shopcrm.commands.shared import (
    check_schema,
    database,
    json_option,
    rim,
    show,
    show_json,
)
from target_shopcrm.commands.status_tables import rendered
from target_shopcrm.database.connection import place
from target_shopcrm.database.migrate import current_revision, migrate
from target_shopcrm.database.status import collect


@click.command()
@rim
def init() -> None:
    """Create the tables, or bring them up to date. Does nothing if they are."""
    with database() as (connection, url):
        changed = migrate(connection, url)
        revision = current_revision(connection)
    state = "is ready now" if changed else "was ready already"
    click.echo(f"The database {place(url)} {state} (revision {revision}).")


@click.command()
@json_option
@rim
def status(*, as_json: bool) -> None:
    """Show what came in, what was withheld, how each CRM stands."""
    with database() as (connection, url):
        check_schema(connection, url)
        found = collect(connection, url)
    if as_json:
        show_json(found)
    else:
        show(rendered(found))
