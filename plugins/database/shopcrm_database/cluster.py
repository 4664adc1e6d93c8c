"""Making a new database: whole, or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from typing import TYPE_CHECKING

from shopcrm_database import log
from shopcrm_database.binaries import clean_environment
from shopcrm_database.errors import OtherVersionError, ServerError
from shopcrm_database.folder import ADMIN, DATABASE, HOST, ROLE, DataFolder, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from shopcrm_database.placement import Placement

# Written into postgresql.conf, where the owner may change them.
_SETTINGS = {
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "128MB",
    "work_mem": "16MB",
    "max_wal_size": "2GB",
    "max_connections": "100",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # One file per weekday, begun anew a week later, so the log has an end.
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "server-%a.log",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    "log_checkpoints": "off",
    # Errors of single statements quote customers' data, so they go to the client alone.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


def check_version(folder: DataFolder, placement: Placement) -> None:
    """Refuse data of another major version, which PostgreSQL cannot open.

    Raises:
        OtherVersionError: Names both versions and the way out.
    """
    found = (folder.cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    if found != str(placement.binaries.major):
        raise OtherVersionError(
            f"The data in {folder.cluster} was written by PostgreSQL {found} and this installation "
            f"carries {placement.binaries.version}: run `shopcrm-database backup` with the "
            "installation that wrote it, move the data folder away, start, and `restore` the "
            f"backup; or convert it with {placement.binaries.program('pg_upgrade')}."
        )


def initialise(folder: DataFolder, placement: Placement, *, durable: bool) -> None:
    """Make the database in a folder beside its place and rename it when it is complete.

    Args:
        folder: The data folder, prepared and locked.
        placement: Who runs the programs.
        durable: Wait until the files are on disk.

    Raises:
        ServerError: PostgreSQL's own reason.
    """
    goal = folder.cluster
    for leftover in goal.parent.glob("pgdata.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    part = goal.with_name(f"pgdata.new-{secrets.token_hex(4)}")
    part.mkdir(mode=0o700)
    try:
        if placement.run_as.way == "account":
            os.chown(part, placement.run_as.uid, placement.run_as.gid)
        _run_initdb(folder, placement, part, durable=durable)
        _make_role_and_database(folder, placement, part)
        _admit_passwords_only(part, durable=durable)
        part.rename(goal)
        if durable:
            _flush(goal.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _run_initdb(folder: DataFolder, placement: Placement, part: Path, *, durable: bool) -> None:
    settings = [item for pair in _SETTINGS.items() for item in ("--set", "=".join(pair))]
    command = [
        placement.binaries.program("initdb"),
        f"--pgdata={part}",
        f"--username={ADMIN}",
        "--auth=reject",  # until the passwords are set
        "--encoding=UTF8",
        # Built in, so it sorts the same on every machine and needs no installed locale.
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--data-checksums",
        "--no-instructions",
        *settings,
        *([] if durable else ["--no-sync"]),
    ]
    _run(folder, placement, command, "")


def _make_role_and_database(folder: DataFolder, placement: Placement, part: Path) -> None:
    """Without a server, so that nobody can connect before it is done.

    The role is not a superuser: what customers' data may do to the machine stays bounded, and
    row-level security binds it as it would in production.
    """
    command = [placement.binaries.program("postgres"), "--single", "-D", str(part)]
    command += ["-c", "exit_on_error=on", "-c", "logging_collector=off", "postgres"]
    statements = [
        f"ALTER ROLE {ADMIN} PASSWORD '{folder.password(ADMIN)}'",
        f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{folder.password()}'",
        f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
    ]
    _run(folder, placement, command, ";\n".join(statements) + ";\n")


def _admit_passwords_only(part: Path, *, durable: bool) -> None:
    """Written into the file that initdb made, so that it keeps its owner."""
    with (part / "pg_hba.conf").open("w", encoding="ascii") as file:
        file.write(f"host  all  all  {HOST}/32  scram-sha-256\n")
        file.flush()
        if durable:
            os.fsync(file.fileno())


def _run(folder: DataFolder, placement: Placement, command: list[str], given: str) -> None:
    """Run one of PostgreSQL's programs on a cluster that is being made."""
    done = subprocess.run(
        placement.run_as.command(command),
        input=given,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=clean_environment(LC_ALL="C", TZ="UTC"),
    )
    if done.returncode != 0:
        write_private(folder.start_log, done.stdout + done.stderr)
        raise ServerError(
            f"PostgreSQL could not make a database in {folder.cluster.parent}: "
            f"{log.reason(done.stderr)}; all it said is in {folder.start_log}."
        )


def _flush(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
