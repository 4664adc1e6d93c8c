"""``shopcrm rollback``: take back what one run changed at a CRM."""

from __future__ import annotations

import json
import logging
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from target_shopcrm.commands.shared import POLICY_VARIABLE, check_schema, refuse, rim
from target_shopcrm.database.connection import connect, database_url, explained
from target_shopcrm.delivery import Delivery
from target_shopcrm.settings import CONFIG_JSONSCHEMA, Settings

if TYPE_CHECKING:
    from uuid import UUID

    from target_shopcrm.database.connection import Connection


@click.command()
@click.option("--run", "run_id", type=click.UUID, required=True, help="The run: see status --json.")
@click.option(
    "--config",
    type=click.File("rb"),
    required=True,
    help="The settings of the target that ran, as JSON; - reads them from standard input.",
)
@click.option("--policy", "policy_path", envvar=POLICY_VARIABLE, help="The shop's policy file.")
@rim
def rollback(*, run_id: UUID, config: Any, policy_path: str | None) -> None:
    """Bring contacts back to what a CRM was told before a run. Consent is never rolled back.

    The gate is asked again: what may not be known any more isn't restored, and withdrawals go out
    first, as in every run.
    """
    settings = _settings(config.read(), policy_path)
    url = database_url(settings.database_url)
    with closing(connect(url, program="shopcrm")) as connection, explained(url):
        check_schema(connection, url)
        destination, mode, changes = _run(connection, run_id)
    if destination != settings.destination:
        refuse(
            f"Run {run_id} went into {destination}, but these settings are for"
            f" {settings.destination}: give the settings of the target that ran."
        )
    if settings.is_shadow:
        refuse(
            "These settings are for shadow mode, in which nothing is written: set mode to live to"
            " take something back."
        )
    if mode == "shadow" or not changes:
        click.echo(f"Run {run_id} changed nothing at {destination}: there is nothing to take back.")
        return
    delivery = Delivery(settings, logging.getLogger("shopcrm"), mode="rollback")
    delivery.restore(run_id)
    click.echo(
        f"What run {run_id} changed of {changes:,} contacts at {destination} was taken back, as far"
        f" as consent permits. Withdrawals stay, and so do orders and messages."
    )


def _settings(text: bytes, policy_path: str | None) -> Settings:
    try:
        config = json.loads(text)
    except ValueError:
        config = None
    if not isinstance(config, dict):
        refuse("The settings aren't JSON: try 'meltano invoke --dump=config target-…'.")
    known = {
        name: value for name, value in config.items() if name in CONFIG_JSONSCHEMA["properties"]
    }
    if policy_path and not known.get("policy_path"):
        known["policy_path"] = policy_path
    try:
        return Settings.from_config(known)
    except (AttributeError, TypeError, ValueError):
        refuse("The settings hold a value of the wrong kind: check them with the target's --about.")


def _run(connection: Connection, run_id: UUID) -> tuple[str, str, int]:
    row = connection.execute(
        "SELECT destination, mode, (SELECT count(*) FROM sync.changes WHERE run_id = runs.id)"
        " FROM sync.runs WHERE id = %s",
        [run_id],
    ).fetchone()
    if row is None:
        refuse(f"There is no run {run_id}: 'shopcrm status --json' names the last ones.")
    if row[0] == "shopcrm":
        refuse(
            "The ShopCRM database is a copy of the registers, not of what somebody decided: run"
            " the tap with --full-refresh to have it say again what they say."
        )
    return str(row[0]), str(row[1]), int(row[2])
