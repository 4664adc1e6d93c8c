"""What every command of ``shopcrm`` needs: a database, a policy, a shop, and a way to print."""

from __future__ import annotations

import functools
import json
import sys
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

import click
from rich import box
from rich.console import Console
from rich.table import Table

from target_shopcrm.database.connection import connect, database_url, explained, place
from target_shopcrm.database.migrate import current_revision, known_revisions
from target_shopcrm.errors import ConfigurationError, DatabaseError, ShopCRMError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from target_shopcrm.consent.policy import Policy
    from target_shopcrm.consent.verdicts import Verdict
    from target_shopcrm.database.connection import Connection

Command = TypeVar("Command", bound="Callable[..., Any]")

POLICY_VARIABLE = "TARGET_SHOPCRM_POLICY_PATH"
INSTANT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])
"""How an instant is written: a day, or a time of a day; `in_utc` reads what says no offset."""

_NARROW = 100
_KEPT_BY_SHELLS = 130
_IS_THERE = "SELECT to_regclass(%s) IS NOT NULL"


def rim(command: Callable[..., None]) -> Callable[..., None]:
    """Turn what fails into one sentence on standard error and an exit code.

    Args:
        command: What a command does.

    Returns:
        The same, for click to call.
    """

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


def policy_option(command: Command) -> Command:
    """Add ``--policy``, passed on as ``policy_path``; see `load_the_policy`."""
    option = click.option(
        "--policy", "policy_path", envvar=POLICY_VARIABLE, help="The shop's policy file."
    )
    return option(command)


def shop_option(command: Command) -> Command:
    """Add ``--shop``, passed on as ``shop_id``; see `only_shop`."""
    option = click.option(
        "--shop", "shop_id", help="Needed where the database holds several shops."
    )
    return option(command)


def json_option(command: Command) -> Command:
    """Add ``--json``, passed on as ``as_json``; see `show_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


class Opened(NamedTuple):
    """A database as a command gets it: the connection, and the URL for messages."""

    connection: Connection
    url: str


@contextmanager
def database() -> Iterator[Opened]:
    """Open the database that DATABASE_URL names; it is closed, uncommitted, at the end.

    Yields:
        The connection and its URL. Use `place` and never the URL itself in a message.

    Raises:
        ShopCRMError: In one sentence, whatever PostgreSQL says.
    """
    url = database_url(None)
    connection = connect(url, program="shopcrm")
    try:
        with explained(url):
            yield Opened(connection, url)
    finally:
        connection.close()


def check_schema(connection: Connection, url: str) -> None:
    """Refuse a database whose schema isn't this program's.

    Args:
        connection: An open connection; its transaction is ended.
        url: The same database, for the sentence.

    Raises:
        DatabaseError: If it has to be prepared first.
    """
    revision = current_revision(connection)
    connection.rollback()
    if revision != known_revisions()[-1]:
        raise DatabaseError(
            f"The database {place(url)} isn't prepared for this version; run 'shopcrm init' first."
        )


@contextmanager
def prepared_database() -> Iterator[Connection]:
    """Open the database, and refuse one that has to be prepared first.

    Yields:
        The connection; what isn't committed is lost at the end.

    Raises:
        ShopCRMError: See `database` and `check_schema`.
    """
    with database() as (connection, url):
        check_schema(connection, url)
        yield connection


def exists(connection: Connection, relation: str) -> bool:
    """Tell whether a table or view is there.

    Args:
        connection: An open connection.
        relation: Its name with its schema.

    Returns:
        True if it is.
    """
    row = connection.execute(_IS_THERE, [relation]).fetchone()
    return bool(row and row[0])


def only_shop(connection: Connection) -> str:
    """Find out which shop is meant where nobody said so.

    Args:
        connection: A prepared database.

    Returns:
        The only shop that it holds.

    Raises:
        ConfigurationError: If it holds none or several.
    """
    rows = connection.execute(
        "SELECT shop_id FROM pos.locations UNION SELECT shop_id FROM consent.events ORDER BY 1"
    ).fetchall()
    shops = [str(row[0]) for row in rows]
    if len(shops) == 1:
        return shops[0]
    known = ", ".join(shops) if shops else "none yet"
    raise ConfigurationError(f"Say which shop is meant with --shop (known: {known}).")


def load_the_policy(path: str | None) -> Policy:
    """Read the policy that a command was given.

    Args:
        path: From `policy_option`; None for the packaged strict policy.

    Returns:
        The policy.

    Raises:
        ConfigurationError: If it can't be used; the sentence names file and line.
    """
    from target_shopcrm.consent.policy import PolicyError, load_policy  # noqa: PLC0415 - few need it

    try:
        return load_policy(Path(path).expanduser() if path else None)
    except PolicyError as error:
        raise ConfigurationError(str(error)) from error


def in_utc(instant: datetime) -> datetime:
    """Give an instant an offset.

    Args:
        instant: As the user wrote it.

    Returns:
        The instant, in UTC where it didn't say otherwise.
    """
    return instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)


def refuse(sentence: str) -> NoReturn:
    """Refuse what the user asked for, because of how it was asked.

    Args:
        sentence: What is wrong and what to do.

    Raises:
        ConfigurationError: Always.
    """
    raise ConfigurationError(sentence)


def show_json(value: Any) -> None:
    """Print something for programs.

    Args:
        value: What JSON knows; instants are written as RFC 3339, anything else as its text.
    """
    click.echo(json.dumps(value, indent=2, default=_told))


def show(*parts: RenderableType) -> None:
    """Print something for people: as wide as their terminal, 100 letters wide elsewhere.

    Args:
        parts: Texts and tables, one below the other.
    """
    console = Console(width=None if sys.stdout.isatty() else _NARROW, highlight=False)
    for part in parts:
        console.print(part, markup=False)


def table(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], *, text_columns: int = 1
) -> Table:
    """Lay out a table the way all commands do.

    Args:
        title: What it shows.
        headings: One per column.
        rows: The cells, already as text.
        text_columns: How many columns from the left hold text; the others hold numbers.

    Returns:
        Something for `show`.
    """
    laid_out = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for index, heading in enumerate(headings):
        laid_out.add_column(
            heading, justify="left" if index < text_columns else "right", overflow="fold"
        )
    for row in rows:
        laid_out.add_row(*row)
    return laid_out


def number(value: float) -> str:
    """Write a number as people read it.

    Args:
        value: Any number.

    Returns:
        Such as ``1,204`` or ``0.25``.
    """
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def moment(instant: datetime | None) -> str:
    """Write an instant as people read it.

    Args:
        instant: With offset, or None.

    Returns:
        Such as ``2026-11-20 09:00 UTC``; empty for None.
    """
    return f"{instant.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC" if instant else ""


def spoken(verdict: Verdict) -> str:
    """Say a verdict in a few words.

    Args:
        verdict: From the gate.

    Returns:
        Such as ``allowed (granted, until 2028-11-20)``.
    """
    until = f", until {verdict.valid_until:%Y-%m-%d}" if verdict.valid_until else ""
    return f"{'allowed' if verdict.allowed else 'denied'} ({verdict.reason}{until})"


def _told(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
