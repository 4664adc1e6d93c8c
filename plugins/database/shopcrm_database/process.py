"""Which server process belongs to a data folder, and whether it lives.

`postmaster.pid` alone does not tell: after a kill or a reboot it stays behind, and its number
may belong to any other program by then. A process is the server only if it is called
postgres and works in this very folder, which every PostgreSQL server does.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path

_NEVER_A_PROCESS = 4_194_305  # one above the highest process id that Linux and macOS give
_PORT_LINE, _STATUS_LINE = 3, 7


@dataclass(frozen=True)
class ServerProcess:
    """A living server.

    Attributes:
        pid: Process id of the postmaster.
        port: Its TCP port.
        ready: Whether it accepts connections yet.
    """

    pid: int
    port: int
    ready: bool


def find_server(cluster: Path) -> ServerProcess | None:
    """The living server of a data directory, if there is one."""
    try:
        lines = (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    if not lines or not _is_server(int(lines[0]), cluster):
        return None
    port = int(lines[_PORT_LINE]) if len(lines) > _PORT_LINE else 0
    ready = len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"
    return ServerProcess(int(lines[0]), port, ready)


def forget_dead_server(cluster: Path) -> None:
    """Make PostgreSQL see that the process in `postmaster.pid` is gone, though its id was reused.

    The rest of the file stays, so that PostgreSQL still checks by its shared memory whether a
    part of that server has survived. Call it only when `find_server` finds nothing.
    """
    path = cluster / "postmaster.pid"
    with suppress(FileNotFoundError), path.open("r+", encoding="utf-8") as file:
        _, _, rest = file.read().partition("\n")
        file.seek(0)
        file.write(f"{_NEVER_A_PROCESS}\n{rest}")
        file.truncate()


def take_lock(path: Path, seconds: float) -> int | None:
    """Take the lock that a server holds, waiting for the last process of a dying one.

    Unlike a process id, a lock is also seen by another container that shares the folder.

    Args:
        path: The lock file.
        seconds: How long to wait.

    Returns:
        A file descriptor to hand to the server and to close, or None if still held.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + seconds
    while not _try_lock(descriptor):
        if time.monotonic() >= deadline:
            os.close(descriptor)
            return None
        time.sleep(0.02)
    return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_server(pid: int, cluster: Path) -> bool:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith("postgres"):
            return False
        return cluster.samefile(process.cwd())
    except (psutil.Error, OSError):
        return False
