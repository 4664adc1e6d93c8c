"""The command `shopcrm-database`."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from shopcrm_database import dump, env_file, server
from shopcrm_database.address import Address
from shopcrm_database.binaries import carried_binaries, clean_environment
from shopcrm_database.errors import DatabaseError, NotRunningError, WrongUsageError
from shopcrm_database.folder import DATABASE, HOST, ROLE, DataFolder
from shopcrm_database.status import embedded_status, external_status


class _Sentences(click.Group):
    """A command group that tells what went wrong in one sentence, never in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except DatabaseError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)
        except OSError as error:
            where = f" {error.filename}" if error.filename else ""
            raise click.ClickException(
                f"The file system refuses{where}: {error.strerror or error}; "
                "make room or rights there and try again."
            ) from error


@dataclass(frozen=True)
class _Project:
    """The Meltano project that a command works for, and its data folder."""

    path: Path
    folder: DataFolder

    def other(self) -> env_file.OtherDatabase | None:
        return env_file.other_database(self.path, self.folder)

    def url(self) -> str:
        """The address of the database in use, wherever it is."""
        other = self.other()
        if other is not None:
            return other.url
        port = self.folder.state().port if self.folder.initialised() else None
        if port is None:
            raise NotRunningError(
                f"There is no database in {self.folder.path} yet: type `shopcrm-database start`."
            )
        return self.folder.url(port)

    def address(self) -> Address:
        """The same taken apart; an embedded database must be running."""
        other = self.other()
        if other is not None:
            return Address.parse(other.url)
        return Address.parse(self.folder.url(server.running(self.folder).port))


@click.group(cls=_Sentences, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data-folder",
    envvar="SHOPCRM_DATABASE_FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the database lives. [default: .shopcrm/database in the project]",
)
@click.version_option(package_name="shopcrm-database")
@click.pass_context
def main(context: click.Context, data_folder: Path | None) -> None:
    """The PostgreSQL of a ShopCRM project, with nothing to install or to set up.

    Where DATABASE_URL names another database, that one is used and nothing is started.
    """
    project = Path(os.environ.get("MELTANO_PROJECT_ROOT") or Path.cwd()).absolute()
    folder = (data_folder or project / ".shopcrm" / "database").absolute()
    context.obj = _Project(project, DataFolder(folder))


@main.command()
@click.pass_obj
def start(project: _Project) -> None:
    """Start the database and write its address into `.env`."""
    other = project.other()
    if other is not None:
        click.echo(
            f"{env_file.KEY} in {other.named_in} names {_place(other.url)}: "
            "that one is used, so nothing was started."
        )
        return
    came_to = server.start(project.folder)
    port = came_to.server.port
    if came_to.taken_port is not None:
        click.echo(f"Port {came_to.taken_port} is taken by another program; {port} is the new one.")
    verb = "already runs" if came_to.was_running else "runs"
    click.echo(
        f"PostgreSQL {carried_binaries().version} {verb} on {HOST}:{port}, "
        f"data in {project.folder.cluster}."
    )
    for sentence in env_file.write_url(project.path, project.folder, port):
        click.echo(sentence)


@main.command()
@click.pass_obj
def stop(project: _Project) -> None:
    """Stop the database; its data stays."""
    stopped = server.stop(project.folder)
    click.echo("PostgreSQL has stopped." if stopped else "PostgreSQL was not running.")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@click.pass_obj
def status(project: _Project, *, as_json: bool) -> None:
    """Tell whether it runs, where, and how large it is."""
    other = project.other()
    binaries = carried_binaries()
    found = (
        external_status(other.url, binaries)
        if other is not None
        else embedded_status(project.folder, binaries)
    )
    click.echo(json.dumps(found.as_dict()) if as_json else found.sentence())


@main.command()
@click.pass_obj
def url(project: _Project) -> None:
    """Print the address of the database in use, password included."""
    click.echo(project.url())


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def psql(project: _Project, arguments: tuple[str, ...]) -> None:
    """Open psql on the database; ARGUMENTS are its own."""
    address = project.address()
    program = carried_binaries().program("psql")
    command = [program]
    if project.other() is None:
        # The password file knows the superuser, too: `psql -U shopcrm_admin`.
        environment = clean_environment(
            PGHOST=HOST,
            PGPORT=str(address.port),
            PGUSER=ROLE,
            PGDATABASE=DATABASE,
            PGPASSFILE=str(project.folder.passwords),
        )
    else:
        command += ["-d", address.public_url()]
        environment = address.environment()
    os.execve(program, [*command, *arguments], environment)  # noqa: S606 - no shell is wanted


@main.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def backup(project: _Project, file: Path | None) -> None:
    """Write a backup to FILE, by default to .shopcrm/backups/<time>.dump."""
    address = project.address()
    moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    target = file or project.path / ".shopcrm" / "backups" / f"{moment}.dump"
    size = dump.backup(address, carried_binaries(), target.absolute())
    click.echo(f"{address.place} is saved in {target} ({size / 1e6:,.1f} MB).")


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def restore(project: _Project, file: Path) -> None:
    """Replace the database by the backup in FILE, as a whole or not at all."""
    address = project.address()
    dump.restore(address, carried_binaries(), file.absolute())
    click.echo(f"{address.place} now holds what {file} had saved.")


def _place(url: str) -> str:
    try:
        return f"the database {Address.parse(url).place}"
    except WrongUsageError:
        return "a database of another kind"
