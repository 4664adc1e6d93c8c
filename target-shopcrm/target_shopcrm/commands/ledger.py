"""``shopcrm ledger``: prove that the consent ledger is what was written, and hand it out."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from target_shopcrm.commands.shared import (
    json_option,
    load_the_policy,
    policy_option,
    prepared_database,
    rim,
    shop_option,
    show,
    show_json,
    table,
)
from target_shopcrm.database.consent_records import all_records
from target_shopcrm.database.fingerprints import Peppers
from target_shopcrm.database.ledger_chain import Chain

if TYPE_CHECKING:
    from target_shopcrm.database.ledger_chain import Finding

_ONE_STATE = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"


@click.group()
def ledger() -> None:
    """The record of who agreed to what, when, and how we know."""


@ledger.command()
@json_option
@rim
def verify(*, as_json: bool) -> None:
    """Recompute the chain of hashes over all events; exit 1 if anything was changed.

    Write the last hash down somewhere else: whoever holds it can prove that the ledger is still
    the one of that day.
    """
    with prepared_database() as connection:
        connection.execute(_ONE_STATE)
        finding = Chain(connection, Peppers(connection)).verify()
    if as_json:
        show_json(
            {**finding._asdict(), "last_hash": finding.last_hash.hex(), "ok": finding.is_sound}
        )
    else:
        show(table("Consent ledger", ("", ""), _rows(finding), text_columns=2))
    if not finding.is_sound:
        sys.exit(1)


@ledger.command("rotate-pepper")
@rim
def rotate_pepper() -> None:
    """Use another pepper for new fingerprints; what is stored stays readable.

    With SHOPCRM_PEPPER set, the new one is the one in it that the database doesn't know yet.
    """
    with prepared_database() as connection:
        peppers = Peppers(connection, new_ones_are_welcome=True)
        chain = Chain(connection, peppers)
        chain.begin()  # in the order in which appending takes its locks
        pepper = peppers.rotate()
        chain.seal_again()
        connection.commit()
    click.echo(f"New fingerprints are made with the pepper '{pepper.id}' from now on.")


@ledger.command()
@shop_option
@policy_option
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of a record a line.")
@rim
def export(*, shop_id: str | None, policy_path: str | None, as_json: bool) -> None:
    """Print every event as a consent record after ISO/IEC TS 27560:2023."""
    policy = load_the_policy(policy_path)
    with prepared_database() as connection:
        connection.execute(_ONE_STATE)
        records = (json.dumps(record) for record in all_records(connection, policy, shop_id))
        if as_json:
            click.echo("[" + ",\n".join(records) + "]")
            return
        for record in records:
            click.echo(record)


def _rows(finding: Finding) -> list[tuple[str, str]]:
    rows = [
        ("events in order", str(finding.events)),
        ("first recorded", f"{finding.first:%Y-%m-%d %H:%M:%S} UTC" if finding.first else "-"),
        ("last recorded", f"{finding.last:%Y-%m-%d %H:%M:%S} UTC" if finding.last else "-"),
        ("last hash", finding.last_hash.hex()),
        ("result", "intact" if finding.is_sound else f"BROKEN: {finding.wrong}"),
    ]
    if finding.broken_at is not None:
        rows.append(("at record", str(finding.broken_at)))
    return rows
