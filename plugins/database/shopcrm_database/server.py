"""Starting and stopping the server of one data folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psutil

from shopcrm_database import cluster, ports
from shopcrm_database.binaries import clean_environment
from shopcrm_database.errors import (
    DatabaseError,
    NotPossibleHereError,
    NotRunningError,
    ServerError,
)
from shopcrm_database.folder import HOST, DataFolder
from shopcrm_database.log import LogMark, reason
from shopcrm_database.placement import Placement, placement_of
from shopcrm_database.process import (
    ServerProcess,
    find_server,
    forget_dead_server,
    take_lock,
)

if TYPE_CHECKING:
    from pathlib import Path

_DYING_SECONDS = 10  # how long the rest of a killed server may take to go
_READY_SECONDS = 90  # replaying the log after a crash is part of starting
_STOP_SECONDS = 90
_PORT_ATTEMPTS = 3
_SHARED_MEMORY_NEEDED = 1 << 30  # bytes; Docker gives 64 MiB, too little for parallel queries
_UNSAFE_BUT_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class Started:
    """What a start came to.

    Attributes:
        server: The living server.
        was_running: It ran before this start.
        taken_port: The port it used to have, if another program has taken it.
    """

    server: ServerProcess
    was_running: bool
    taken_port: int | None = None


def start(folder: DataFolder, *, durable: bool = True) -> Started:
    """Start the server, making the database first if there is none.

    Args:
        folder: The data folder.
        durable: False gives up safety against power cuts for speed; for tests only.

    Raises:
        DatabaseError: One sentence on what stands in the way.
    """
    try:
        folder.prepare()
        with folder.lock():
            return _start_locked(folder, durable=durable)
    except OSError as error:
        raise NotPossibleHereError(
            f"The data folder {folder.path} cannot be used "
            f"({error.strerror or error}{f': {error.filename}' if error.filename else ''}): "
            "make room or rights there, or choose another folder with --data-folder."
        ) from error


def stop(folder: DataFolder) -> bool:
    """Stop the server and wait until no process of it is left.

    Returns:
        Whether one was running.

    Raises:
        DatabaseError: It belongs to another user or does not end.
    """
    if not folder.initialised():
        return False
    with folder.lock():
        server = find_server(folder.cluster)
        if server is None:
            return False
        end_process(server.pid, folder.server_lock)
        return True


def running(folder: DataFolder) -> ServerProcess:
    """The living, ready server of `folder`.

    Raises:
        NotRunningError: There is none.
    """
    server = find_server(folder.cluster) if folder.initialised() else None
    if server is None or not server.ready:
        raise NotRunningError(
            f"The database in {folder.path} is not running: type `shopcrm-database start`."
        )
    return server


def end_process(pid: int, server_lock: Path) -> None:
    """Ask a server to end, sessions included, and wait for its last process.

    Raises:
        DatabaseError: It belongs to another user or does not end.
    """
    try:
        os.kill(pid, signal.SIGINT)
    except ProcessLookupError:
        pass
    except PermissionError as error:
        raise NotPossibleHereError(
            f"The server (process {pid}) belongs to another user: stop it as that user."
        ) from error
    deadline = time.monotonic() + _STOP_SECONDS
    # A dead one counts as gone even before the machine's first process has noted its death.
    while _lives(pid):
        if time.monotonic() > deadline:
            raise DatabaseError(
                f"The server (process {pid}) still writes its data after {_STOP_SECONDS} s: "
                "it ends when that is done; look again with `shopcrm-database status`."
            )
        time.sleep(0.01)
    held = take_lock(server_lock, _DYING_SECONDS)
    if held is not None:
        os.close(held)


def _start_locked(folder: DataFolder, *, durable: bool) -> Started:
    placement = placement_of(folder)
    if folder.cluster.exists():
        cluster.check_version(folder, placement)
        folder.password()  # without it nobody could connect
        server = find_server(folder.cluster)
        if server is not None:
            ready = _wait_until_ready(folder, server.pid, LogMark(folder, {}))
            return Started(ready, was_running=True)
    else:
        folder.make_passwords()
        cluster.initialise(folder, placement, durable=durable)
    lock = take_lock(folder.server_lock, _DYING_SECONDS)
    if lock is None:
        raise NotPossibleHereError(
            f"The data folder {folder.path} is in use by a server that this machine or container "
            "does not see: stop it where it was started."
        )
    try:
        forget_dead_server(folder.cluster)
        return _start_on_some_port(folder, placement, lock, durable=durable)
    finally:
        os.close(lock)


def _start_on_some_port(
    folder: DataFolder, placement: Placement, lock: int, *, durable: bool
) -> Started:
    """On the port it always had, or on a new one if that got taken."""
    kept = folder.state().port
    port = kept if kept and ports.is_free(kept) else ports.free_port()
    for attempt in range(1, _PORT_ATTEMPTS + 1):
        mark = LogMark.now(folder)
        pid = _launch(folder, placement, port, lock, durable=durable)
        try:
            server = _wait_until_ready(folder, pid, mark)
        except ServerError:
            # Another program can take the port between our look and the server's.
            if ports.is_free(port) or attempt == _PORT_ATTEMPTS:
                raise
            port = ports.free_port()
            continue
        folder.record(replace(folder.state(), port=port))
        return Started(server, was_running=False, taken_port=kept if kept != port else None)
    raise AssertionError  # the last attempt returns or raises


def _launch(
    folder: DataFolder, placement: Placement, port: int, lock: int, *, durable: bool
) -> int:
    """Start the server in the background; returns its process id."""
    settings = [f"listen_addresses={HOST}", "unix_socket_directories="]
    if not durable:
        settings += _UNSAFE_BUT_FAST
    if _little_shared_memory():
        settings.append("dynamic_shared_memory_type=mmap")
    program = placement.binaries.program("postgres")
    command = [program, "-D", str(folder.cluster), "-p", str(port)]
    command += [item for setting in settings for item in ("-c", setting)]
    with folder.start_log.open("ab") as log:
        done = subprocess.run(
            placement.run_as.command(command, detach=True),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=[lock],
            cwd="/",
            env=clean_environment(LC_ALL="C", TZ="UTC"),
            check=False,
        )
    return int(done.stdout or 0)


def _wait_until_ready(folder: DataFolder, pid: int, mark: LogMark) -> ServerProcess:
    """Wait for a server that was launched; end it if the wait is interrupted."""
    deadline = time.monotonic() + _READY_SECONDS
    try:
        while time.monotonic() < deadline:
            server = find_server(folder.cluster)
            if server is not None and server.ready and server.pid == pid:
                return server
            if not (pid and _lives(pid)):
                text, path = mark.written_since()
                raise ServerError(f"PostgreSQL did not start: {reason(text)}; its log is {path}.")
            time.sleep(0.02)
    except KeyboardInterrupt:
        with suppress(DatabaseError):
            end_process(pid, folder.server_lock)
        raise
    raise ServerError(
        f"PostgreSQL is still starting after {_READY_SECONDS} s, probably replaying what a crash "
        f"left behind: look again with `shopcrm-database status`; its log is {mark.folder.path}."
    )


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _little_shared_memory() -> bool:
    """Whether /dev/shm is too small for queries that run in parallel."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        facts = os.statvfs("/dev/shm")  # noqa: S108 - only its size is read
    except OSError:
        return True
    return facts.f_frsize * facts.f_blocks < _SHARED_MEMORY_NEEDED
