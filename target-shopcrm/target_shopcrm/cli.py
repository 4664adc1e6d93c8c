"""The command ``shopcrm``: prepare the database, show what it holds, ask the gate."""

from __future__ import annotations

import functools
import json
import os
import sys
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from target_shopcrm.consent.gate import Gate
from target_shopcrm.consent.policy import PolicyError, load_policy
from target_shopcrm.database.connection import connect, database_url, explained, place
from target_shopcrm.database.ledger import Ledger, clock
from target_shopcrm.database.migrate import current_revision, known_revisions, migrate
from target_shopcrm.errors import ConfigurationError, DatabaseError, ShopCRMError
from target_shopcrm.status import collect
from target_shopcrm.status_tables import rendered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_shopcrm.database.connection import Connection

_POLICY_VARIABLE = "TARGET_SHOPCRM_POLICY_PATH"
_NARROW = 100
_KEPT_BY_SHELLS = 130


def _rim(command: Callable[..., None]) -> Callable[..., None]:
    """Turn what fails into one sentence and an exit code."""

    @functools.wraps(command)
    def guarded(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except ShopCRMError as error:
            click.echo(str(error), err=True)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            sys.exit(_KEPT_BY_SHELLS)

    return guarded


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="target-shopcrm", prog_name="shopcrm")
def main() -> None:
    """ShopCRM: what the registers told, and what consent permits.

    The database is the one that DATABASE_URL names.
    """


@main.command()
@_rim
def init() -> None:
    """Create the tables, or bring them up to date. Does nothing if they are."""
    with _database() as (connection, url):
        changed = migrate(connection, url)
        revision = current_revision(connection)
    state = "is ready now" if changed else "was ready already"
    click.echo(f"The database {place(url)} {state} (revision {revision}).")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@_rim
def status(*, as_json: bool) -> None:
    """Show shops, consent, what was withheld, and the last runs."""
    with _database() as (connection, url):
        _check_schema(connection, url)
        found = collect(connection, url)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    width = None if sys.stdout.isatty() else _NARROW
    Console(width=width, highlight=False).print(rendered(found))


@main.command()
@click.option("--address", required=True, help="E-mail address or phone number, as written.")
@click.option("--channel", required=True, help="email, sms, …")
@click.option("--purpose", required=True, help="service, profiling or marketing.")
@click.option("--shop", "shop_id", help="Needed where the database holds several shops.")
@click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]),
    help="The instant to decide for (UTC unless it says otherwise); now by default.",
)
@click.option("--policy", "policy_path", envvar=_POLICY_VARIABLE, help="The shop's policy file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@_rim
def decide(  # noqa: PLR0913 - one parameter per option
    *,
    address: str,
    channel: str,
    purpose: str,
    shop_id: str | None,
    at: datetime | None,
    policy_path: str | None,
    as_json: bool,
) -> None:
    """Ask the gate whether an address may be used, and why (not)."""
    try:
        policy = load_policy(Path(policy_path).expanduser() if policy_path else None)
    except PolicyError as error:
        raise ConfigurationError(str(error)) from error
    with _database() as (connection, url):
        _check_schema(connection, url)
        shop = shop_id or _only_shop(connection)
        ledger = Ledger(connection)
        instant = _in_utc(at) if at else clock(ledger.newest_observation())
        verdict = Gate(policy, ledger.events_for, instant).decide(shop, address, channel, purpose)
    if as_json:
        answer = {
            "allowed": verdict.allowed,
            "reason": str(verdict.reason),
            "valid_until": verdict.valid_until.isoformat() if verdict.valid_until else None,
            "shop_id": shop,
            "channel": channel,
            "purpose": purpose,
            "at": instant.isoformat(),
            "policy": policy.name,
        }
        click.echo(json.dumps(answer, indent=2))
        return
    until = f", until {verdict.valid_until:%Y-%m-%d}" if verdict.valid_until else ""
    click.echo(f"{'allowed' if verdict.allowed else 'denied'} ({verdict.reason}{until})")


@contextmanager
def _database() -> Iterator[tuple[Connection, str]]:
    url = database_url(None)
    connection = connect(url, program="shopcrm")
    try:
        with explained(url):
            yield connection, url
    finally:
        connection.close()


def _check_schema(connection: Connection, url: str) -> None:
    revision = current_revision(connection)
    connection.rollback()
    if revision != known_revisions()[-1]:
        raise DatabaseError(
            f"The database {place(url)} isn't prepared for this version; run 'shopcrm init' first."
        )


def _only_shop(connection: Connection) -> str:
    rows = connection.execute(
        "SELECT shop_id FROM pos.locations UNION SELECT shop_id FROM consent.events ORDER BY 1"
    ).fetchall()
    shops = [str(row[0]) for row in rows]
    if len(shops) == 1:
        return shops[0]
    known = ", ".join(shops) if shops else "none yet"
    raise ConfigurationError(f"Say which shop is meant with --shop (known: {known}).")


def _in_utc(instant: datetime) -> datetime:
    return instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)


if __name__ == "__main__":
    main(prog_name=os.path.basename(sys.argv[0]))  # noqa: PTH119 - only the name of the program
