"""Running a register: in the foreground, and knowing whether one is running.

The server holds a lock file for as long as it lives; the operating system gives it up when
the server ends, however it ends. So a lock that is held proves a living server, and the
process id beside it can be trusted.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, NoReturn

import msgspec
from filelock import FileLock, Timeout
from msgspec import structs

from practice_register.app import App
from practice_register.errors import RegisterError
from practice_register.register import Register
from practice_register.server import RegisterServer, port_is_free, port_taken
from practice_register.state import write_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

    from practice_register.state import State

SERVER_FILE = "server.json"
_LIFE_LOCK = "server.lock"
_PROBE_PATIENCE_S = 2.0
"""`is_alive` holds the lock for an instant; a server that lives doesn't let go of it."""


class Running(msgspec.Struct, frozen=True):
    """A server that is running."""

    pid: int
    url: str


def life_lock(folder: Path) -> FileLock:
    """The lock that a server holds while it lives."""
    return FileLock(folder / _LIFE_LOCK)


def find_running(folder: Path) -> Running | None:
    """The server that runs in `folder`; None if none does, or if it is not ready yet."""
    if not folder.exists() or not is_alive(folder):
        return None
    try:
        return msgspec.json.decode((folder / SERVER_FILE).read_bytes(), type=Running)
    except (OSError, msgspec.MsgspecError):
        return None


def is_alive(folder: Path) -> bool:
    """Whether a server holds the life lock of `folder`."""
    if not folder.exists():
        return False
    try:
        with life_lock(folder).acquire(timeout=0):
            return False
    except Timeout:
        return True


def host(
    folder: Path,
    state: State,
    *,
    free_port_if_taken: bool = False,
    access_log: bool = False,
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve the register in `folder` until it is told to stop (SIGTERM, SIGINT or by a call).

    Args:
        folder: the register's folder.
        state: the state to serve; its port is replaced by the one that was taken.
        free_port_if_taken: whether another port will do.
        access_log: whether each request is logged.
        ready: called with the base address when requests are answered.

    Raises:
        RegisterError: if another server runs there, the port is taken or the data unreadable.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = life_lock(folder)
    try:
        lock.acquire(timeout=_PROBE_PATIENCE_S, poll_interval=0.01)
    except Timeout as error:
        raise RegisterError(
            f"A practice register is already running in {folder}: "
            "stop it with `practice-register stop` first."
        ) from error
    try:
        # Until requests are answered, a signal ends whatever is going on, the making of the
        # data in its own process included.
        signal.signal(signal.SIGTERM, _leave)
        # Looked at before the data is made, which can take a while.
        if not port_is_free(state.port):
            if not free_port_if_taken:
                raise port_taken(state.port)
            state = structs.replace(state, port=0)
        _serve(folder, state, access_log=access_log, ready=ready)
    finally:
        (folder / SERVER_FILE).unlink(missing_ok=True)
        lock.release()


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _serve(folder: Path, state: State, *, access_log: bool, ready: Callable[[str], None]) -> None:
    (folder / SERVER_FILE).unlink(missing_ok=True)
    register = Register(folder, state)
    app = App(register)
    with RegisterServer(app, state.port, access_log=access_log) as server:
        register.state = structs.replace(state, port=server.server_address[1])
        write_state(folder, register.state)
        running = Running(os.getpid(), server.url)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: app.stopping.set())
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            _write(folder / SERVER_FILE, msgspec.json.encode(running))
            ready(server.url)
            while not app.stopping.wait(1.0):
                pass
        finally:
            app.stopping.set()
            server.shutdown()
            thread.join()


def _write(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".new")
    draft.write_bytes(content)
    draft.replace(path)
