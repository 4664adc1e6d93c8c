"""Backup to one file, and restore that replaces a database whole or leaves it as it was."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from shopcrm_database.address import Address, ask
from shopcrm_database.errors import (
    NotPossibleHereError,
    ServerError,
    SessionsConnectedError,
    WrongUsageError,
)
from shopcrm_database.log import reason

if TYPE_CHECKING:
    from pathlib import Path

    from shopcrm_database.binaries import Binaries

_MAINTENANCE = "postgres"
_MARK = "left by shopcrm-database restore, may be dropped"
_MAGIC = b"PGDMP"

_LOOK = """
select (select rolcreatedb or rolsuper from pg_roles where rolname = current_user),
       pg_has_role(current_user, d.datdba, 'member'),
       (select count(*) from pg_stat_activity
         where datname = :'db' and backend_type = 'client backend')
  from pg_database d where datname = :'db'
"""
_LEFTOVERS = """
select datname, coalesce(shobj_description(oid, 'pg_database'), '') from pg_database
 where datname in (:'fresh', :'former')
"""
_CREATE = """
create database :"fresh" template template0;
comment on database :"fresh" is :'mark';
"""
# Renaming needs a database without sessions, and both names change in one transaction.
_SWAP = """
begin;
alter database :"db" rename to :"former";
alter database :"fresh" rename to :"db";
comment on database :"former" is :'mark';
comment on database :"db" is null;
commit;
"""


def backup(address: Address, binaries: Binaries, file: Path) -> int:
    """Write the database into `file` in pg_dump's custom format, readable by the owner alone.

    Returns:
        The file's size in bytes.

    Raises:
        WrongUsageError: The file is there already.
        ServerError: pg_dump's own reason.
    """
    if file.exists():
        raise WrongUsageError(f"The file {file} exists already: choose another name.")
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    part.unlink(missing_ok=True)
    command = [binaries.program("pg_dump"), "-w", "--format=custom", "-d", address.public_url()]
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            done = subprocess.run(
                command, stdout=out, stderr=subprocess.PIPE, env=address.environment(), check=False
            )
            os.fsync(out.fileno())
        if done.returncode != 0:
            raise ServerError(
                f"No backup of {address.place} was made: {reason(done.stderr.decode())}."
            )
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return file.stat().st_size


def restore(address: Address, binaries: Binaries, file: Path) -> None:
    """Replace the database by a backup: into a fresh one, then both names change at once.

    Until that moment the present database stays as it is.

    Raises:
        WrongUsageError: The file is no backup.
        SessionsConnectedError: Other programs use the database.
        NotPossibleHereError: The role may not replace the database.
        ServerError: The backup cannot be restored; nothing was changed.
    """
    _check_file(file)
    names = {
        "db": address.database,
        "fresh": f"{address.database}_restore",
        "former": f"{address.database}_before_restore",
        "mark": _MARK,
    }
    _check_rights_and_sessions(address, binaries, names)
    _drop_leftovers(address, binaries, names)
    ask(address, binaries, _CREATE, database=_MAINTENANCE, variables=names)
    try:
        _fill(address, binaries, names["fresh"], file)
        try:
            ask(address, binaries, _SWAP, database=_MAINTENANCE, variables=names)
        except ServerError as error:
            if "being accessed by other users" in str(error):
                raise _sessions(address) from error
            raise
    finally:
        # The former database after the swap, the fresh one if it did not come to that.
        with suppress(ServerError):
            _drop_leftovers(address, binaries, names)


def _check_file(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            magic = opened.read(len(_MAGIC))
    except OSError as error:
        raise WrongUsageError(f"The file {file} cannot be read: {error.strerror}.") from error
    if magic != _MAGIC:
        raise WrongUsageError(
            f"The file {file} is no backup: give one that `shopcrm-database backup` "
            "or `pg_dump --format=custom` wrote."
        )


def _check_rights_and_sessions(address: Address, binaries: Binaries, names: dict[str, str]) -> None:
    rows = ask(address, binaries, _LOOK, database=_MAINTENANCE, variables=names)
    if not rows:
        raise NotPossibleHereError(f"There is no database {address.place}: create it first.")
    may_create, owns, sessions = rows[0]
    if (may_create, owns) != ("t", "t"):
        raise NotPossibleHereError(
            f"The role in DATABASE_URL must own {address.place} and may create databases for a "
            "restore: use such a role, or pg_restore by hand."
        )
    if sessions != "0":
        raise _sessions(address)


def _sessions(address: Address) -> SessionsConnectedError:
    return SessionsConnectedError(
        f"Other programs are connected to {address.place}, so it was left as it is: "
        "end them (a running sync, dbt, an open psql) and restore again."
    )


def _drop_leftovers(address: Address, binaries: Binaries, names: dict[str, str]) -> None:
    """Drop what a restore left behind, and nothing that somebody else made."""
    for name, comment in ask(address, binaries, _LEFTOVERS, database=_MAINTENANCE, variables=names):
        if comment != _MARK:
            raise NotPossibleHereError(
                f"The server of {address.place} already has a database {name}, which this utility "
                "did not make: rename or drop it and restore again."
            )
        ask(
            address,
            binaries,
            'drop database :"name"',
            database=_MAINTENANCE,
            variables={"name": name},
        )


def _fill(address: Address, binaries: Binaries, fresh: str, file: Path) -> None:
    command = [binaries.program("pg_restore"), "-w", "--exit-on-error", "--no-owner", "--jobs=2"]
    done = subprocess.run(
        [*command, "-d", address.public_url(fresh), str(file)],
        capture_output=True,
        text=True,
        check=False,
        env=address.environment(),
    )
    if done.returncode != 0:
        raise ServerError(
            f"The backup {file} cannot be restored, and {address.place} is as it was: "
            f"{reason(done.stderr)}."
        )
    ask(address, binaries, "analyze", database=fresh)
