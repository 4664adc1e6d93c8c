"""A register for other packages' tests: a context manager that starts one and cleans up."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from practice_register.app import App
from practice_register.errors import RegisterError
from practice_register.faults import parse_faults
from practice_register.hosting import find_running
from practice_register.register import Register
from practice_register.server import RegisterServer
from practice_register.state import Settings, new_state, read_state, write_state
from practice_register.timeline import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

_START_TIMEOUT_S = 600


@dataclass(frozen=True)
class RunningRegister:
    """A register that answers at `url` to those who send `token`."""

    url: str
    token: str
    folder: Path

    @property
    def clock(self) -> str:
        """The register's clock, RFC 3339 with milliseconds."""
        return str(self._call("GET", "status")["clock"])

    def advance(self, days: int = 0, hours: int = 0) -> str:
        """Let time pass and return the new clock."""
        span = days * DAY + hours * HOUR
        return str(self._call("POST", "advance", {"milliseconds": span})["clock"])

    def books(self) -> dict[str, Any]:
        """The register's own accounts (see `practice_register.books`)."""
        return self._call("GET", "books")

    def set_faults(self, spec: str) -> None:
        """Fail requests by another plan from now on; an empty text ends all faults."""
        self._call("POST", "faults", {"spec": spec})

    def _call(self, method: str, action: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return call_register(self.url, self.token, method, action, body)


def call_register(
    url: str, token: str, method: str, action: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Make one of the register's own calls.

    Raises:
        RegisterError: with the register's sentence if it refuses, or if it cannot be reached.
    """
    request = urllib.request.Request(  # noqa: S310 - the address is our own, on the loopback
        f"{url}/practice/{action}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - see above
            content: dict[str, Any] = json.load(answer)
            return content
    except urllib.error.HTTPError as error:
        with error:
            detail = json.load(error)["errors"][0]["detail"]
        raise RegisterError(detail) from error
    except OSError as error:
        raise RegisterError(
            f"The practice register at {url} does not answer ({error.__class__.__name__}): "
            "start it with `practice-register start`."
        ) from error


@contextmanager
def running_register(  # noqa: PLR0913, PLR0917 - every one is a setting of a register
    folder: Path | str,
    households: int = 20,
    seed: int = 1,
    faults: str | None = None,
    locations: int = 2,
    today: date | None = None,
    *,
    in_process: bool = False,
) -> Iterator[RunningRegister]:
    """Run a register in `folder` for the length of a ``with`` block, on a free port.

    Args:
        folder: where its state and data go; a register that is already there goes on.
        households: how many households shop there.
        seed: another seed draws other households and people.
        faults: a plan such as ``rate=0.1,kinds=429|cut,seed=7``.
        locations: how many locations the shop has, 1 to 25.
        today: the day on which the register is first started; today by default.
        in_process: serve from a thread of this process instead of a process of its own, whose
            work does not slow down this one.

    Yields:
        The running register.

    Raises:
        RegisterError: if it does not start.
    """
    folder = Path(folder)
    settings = Settings(households, seed, locations)
    state = read_state(folder)
    if state is None or state.settings != settings or (today or state.first_day) != state.first_day:
        state = new_state(settings, today)
    parse_faults(faults or "")
    state = type(state)(state.settings, state.first_day, state.clock, state.token, 0, faults or "")
    write_state(folder, state)
    if in_process:
        with _in_thread(folder) as url:
            yield RunningRegister(url, state.token, folder)
        return
    with _in_subprocess(folder) as url:
        yield RunningRegister(url, state.token, folder)


@contextmanager
def _in_thread(folder: Path) -> Iterator[str]:
    state = read_state(folder)
    if state is None:
        raise RegisterError(f"There is no register in {folder}.")
    app = App(Register(folder, state))
    with RegisterServer(app, 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.url
        finally:
            app.stopping.set()
            server.shutdown()
            thread.join()


@contextmanager
def _in_subprocess(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "practice_register", "--folder", str(folder), "serve"]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield _wait_until_ready(process, folder)
        finally:
            process.terminate()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[str], folder: Path) -> str:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = (process.stderr.read() if process.stderr else "").strip().splitlines()
            raise RegisterError(said[-1] if said else "The practice register did not start.")
        running = find_running(folder)
        if running is not None and running.pid == process.pid:
            return running.url
        time.sleep(0.02)
    raise RegisterError(f"The practice register in {folder} was not ready in {_START_TIMEOUT_S} s.")
