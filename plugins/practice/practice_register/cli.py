"""The command `practice-register`."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from filelock import Timeout

from practice_register import control
from practice_register.books import books as count_books
from practice_register.errors import RegisterError, UsageError
from practice_register.hosting import find_running, host
from practice_register.register import open_memory
from practice_register.state import (
    HOUSEHOLDS_IN_DATA,
    MOST_LOCATIONS,
    Settings,
    new_state,
    read_state,
)
from practice_register.timeline import parse_span, rfc3339, timeline
from practice_register.view import View


def _span(_context: click.Context, _parameter: click.Parameter, value: str) -> int:
    try:
        return parse_span(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _project() -> Path:
    return Path(os.environ.get("MELTANO_PROJECT_ROOT") or Path.cwd())


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SHOPCRM_PRACTICE_FOLDER",
    help="Where the register keeps its data.  [default: <project>/.shopcrm/practice]",
)
@click.pass_context
def cli(context: click.Context, folder: Path | None) -> None:
    """A practice register: Square's API over real baskets and made-up people."""
    context.obj = (folder or _project() / ".shopcrm" / "practice").absolute()


@cli.command()
@click.option("--households", type=click.IntRange(1, HOUSEHOLDS_IN_DATA), help="[default: 300]")
@click.option("--seed", type=int, help="Another seed draws other people.  [default: 1]")
@click.option("--locations", type=click.IntRange(1, MOST_LOCATIONS), help="[default: 2]")
@click.option("--port", type=click.IntRange(1, 65535), help="[default: a free one, then the same]")
@click.option("--faults", help="Such as rate=0.1,kinds=429|500|timeout|cut|expired_cursor,seed=7.")
@click.pass_obj
def start(  # noqa: PLR0913, PLR0917 - every one is an option of the command
    folder: Path,
    households: int | None,
    seed: int | None,
    locations: int | None,
    port: int | None,
    faults: str | None,
) -> None:
    """Open the register and wait until it answers; what is not given stays as it was."""
    before = read_state(folder)
    known = before.settings if before else Settings()
    given = {"households": households, "seed": seed, "locations": locations}
    chosen = {name: value for name, value in given.items() if value is not None}
    wanted = msgspec.structs.replace(known, **chosen)
    running, done = control.start(folder, wanted, port, faults)
    state = control.existing_state(folder)
    control.write_environment(_project(), running.url, state.token)
    households_open = state.settings.households
    click.echo(
        f"The practice register {done}: {running.url}, {households_open} households, "
        f"clock {rfc3339(state.clock)[:16]}Z."
    )


@cli.command()
@click.option("--free-port-if-taken", is_flag=True, hidden=True)
@click.option("--access-log", is_flag=True, help="Write one line per request to standard error.")
@click.pass_obj
def serve(folder: Path, *, free_port_if_taken: bool, access_log: bool) -> None:
    """Serve the register in the foreground until Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    state = read_state(folder) or new_state(Settings())

    def ready(url: str) -> None:
        click.echo(f"The practice register answers at {url}.", err=True)

    host(folder, state, free_port_if_taken=free_port_if_taken, access_log=access_log, ready=ready)


@cli.command()
@click.pass_obj
def stop(folder: Path) -> None:
    """Stop the register; its clock and data stay."""
    stopped = control.stop(folder)
    click.echo(f"The practice register {'stopped' if stopped else 'was not running'}.")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def status(folder: Path, *, as_json: bool) -> None:
    """Show whether the register runs, where, and what its clock says."""
    state = read_state(folder)
    running = find_running(folder)
    report: dict[str, Any] = {"running": running is not None, "folder": str(folder)}
    if running is not None:
        report |= {"url": running.url, "pid": running.pid}
    if state is not None:
        report |= {
            "clock": rfc3339(state.clock),
            "ends": rfc3339(timeline(state.first_day).ends),
            "settings": msgspec.to_builtins(state.settings),
            "faults": state.faults,
        }
    if as_json:
        click.echo(json.dumps(report))
        return
    for name, value in report.items():
        click.echo(f"{name:9} {value}")


@cli.command()
@click.argument("span", callback=_span)
@click.pass_obj
def advance(folder: Path, span: int) -> None:
    """Let time pass at the register: 12h, 1d, 7d."""
    state = control.advance(folder, span)
    click.echo(f"The register's clock now stands at {rfc3339(state.clock)[:16]}Z.")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def books(folder: Path, *, as_json: bool) -> None:
    """Show the register's own accounts, counted without its API."""
    state = control.existing_state(folder)
    memory = open_memory(folder, state)
    report = count_books(View(memory, state.clock))
    if as_json:
        click.echo(json.dumps(report))
        return
    click.echo(f"The register's books at {report['clock'][:16]}Z")
    for location, book in [*report["locations"].items(), ("all locations", report["total"])]:
        click.echo(f"{location}")
        for name in ("orders", "lines", "return_lines", "payments", "refunds"):
            entry = book[name]
            amount = entry.get("total_money", entry.get("amount_money"))
            click.echo(f"  {name:13} {entry['count']:>9} {amount / 100:>15,.2f} USD")
    click.echo(f"customers     {report['customers']['profiles']:>11}")


@cli.command()
@click.pass_obj
def reset(folder: Path) -> None:
    """Stop the register and forget its data and its clock."""
    control.reset(folder)
    click.echo("The practice register is reset.")


def main() -> None:
    """Run the command: a failure is one sentence on standard error and a non-zero exit code."""
    try:
        cli(prog_name="practice-register")
    except UsageError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except RegisterError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    except Timeout:
        click.echo("Another practice-register command is still busy: try again later.", err=True)
        sys.exit(1)
    except OSError as error:
        place = error.filename or "the register's folder"
        click.echo(
            f"{place} cannot be used ({error.strerror}): allow it or choose another --folder.",
            err=True,
        )
        sys.exit(1)
