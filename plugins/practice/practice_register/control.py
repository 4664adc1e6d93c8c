"""Starting and stopping a register in the background."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from dotenv import dotenv_values, set_key
from filelock import FileLock
from msgspec import structs

from practice_register.errors import RegisterError
from practice_register.faults import parse_faults
from practice_register.hosting import find_running, is_alive
from practice_register.register import advanced
from practice_register.state import (
    STATE_FILE,
    Settings,
    State,
    forget,
    new_state,
    read_state,
    write_state,
)
from practice_register.testing import call_register
from practice_register.timeline import timeline

if TYPE_CHECKING:
    from pathlib import Path

    from practice_register.hosting import Running

_START_TIMEOUT_S, _STOP_TIMEOUT_S = 180, 10
_POLL_S = 0.03


def control_lock(folder: Path) -> FileLock:
    """Only one command at a time starts, stops or resets a register."""
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / "control.lock", timeout=_START_TIMEOUT_S)


def start(
    folder: Path, wanted: Settings | None, port: int | None, faults: str | None
) -> tuple[Running, str]:
    """Start the register in the background and wait until it answers.

    Args:
        folder: the register's folder.
        wanted: the settings; None keeps those of the register that is there.
        port: the port; None keeps the last one, or chooses a free one.
        faults: the plan of faults; None keeps the last one.

    Returns:
        The running server and a sentence about what was done.

    Raises:
        RegisterError: if it does not start.
    """
    with control_lock(folder):
        before = read_state(folder)
        state = _next_state(before, wanted, port, faults)
        running = find_running(folder)
        if running is not None:
            if state == before:
                return running, "was already running"
            _stop(folder)
        if before is not None and before.data_folder(folder) != state.data_folder(folder):
            forget(folder)
        write_state(folder, state)
        running = _spawn(folder, free_port_if_taken=port is None)
        new = before is None or before.settings != state.settings
        return running, "opened" if new else "carries on"


def stop(folder: Path) -> bool:
    """Stop the register; return whether one was running.

    Raises:
        RegisterError: if it does not stop.
    """
    if not folder.exists():
        return False
    with control_lock(folder):
        return _stop(folder)


def reset(folder: Path) -> None:
    """Stop the register and forget everything about it."""
    if folder.exists():
        with control_lock(folder):
            _stop(folder)
            forget(folder)


def advance(folder: Path, span: int) -> State:
    """Let `span` milliseconds pass, whether the register is running or not.

    Raises:
        RegisterError: if there is no register or its data does not reach that far.
    """
    with control_lock(folder):
        state = existing_state(folder)
        running = find_running(folder)
        if running is not None:
            call_register(running.url, state.token, "POST", "advance", {"milliseconds": span})
            return existing_state(folder)
        state = structs.replace(state, clock=advanced(state, timeline(state.first_day).ends, span))
        write_state(folder, state)
        return state


def existing_state(folder: Path) -> State:
    """The state of the register in `folder`.

    Raises:
        RegisterError: if none was ever started there.
    """
    state = read_state(folder)
    if state is None:
        raise RegisterError(
            f"There is no practice register in {folder}: open one with `practice-register start`."
        )
    return state


def write_environment(project: Path, url: str, token: str) -> None:
    """Tell the project where its register is: PRACTICE_URL and PRACTICE_TOKEN in `.env`.

    Raises:
        RegisterError: if the file cannot be written.
    """
    path = project / ".env"
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        known = dotenv_values(path, interpolate=False)
        for name, value in (("PRACTICE_URL", url), ("PRACTICE_TOKEN", token)):
            if known.get(name) != value:
                set_key(path, name, value, quote_mode="never")
    except OSError as error:
        raise RegisterError(
            f"{path} cannot be written ({error.strerror}): allow it, or set PRACTICE_URL and "
            f"PRACTICE_TOKEN yourself (the token is in {STATE_FILE} of the register's folder)."
        ) from error


def _next_state(
    before: State | None, wanted: Settings | None, port: int | None, faults: str | None
) -> State:
    state = before
    if state is None or (wanted is not None and wanted != state.settings):
        fresh = new_state(wanted or Settings())
        state = (
            fresh
            if state is None
            else structs.replace(fresh, token=state.token, port=state.port, faults=state.faults)
        )
    if faults is not None:
        parse_faults(faults)
        state = structs.replace(state, faults=faults)
    return state if port is None else structs.replace(state, port=port)


def _spawn(folder: Path, *, free_port_if_taken: bool) -> Running:
    command = [sys.executable, "-m", "practice_register", "--folder", str(folder), "serve"]
    if free_port_if_taken:
        command.append("--free-port-if-taken")
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        return _wait_until_ready(process, folder, log)
    except BaseException:
        # Also on Ctrl-C: what did not become ready must not stay behind.
        if process.poll() is None:
            process.terminate()
            process.wait()
        raise


def _wait_until_ready(process: subprocess.Popen[bytes], folder: Path, log: Path) -> Running:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = log.read_text(errors="replace").strip().splitlines()
            raise RegisterError(said[-1] if said else f"The register did not start: see {log}.")
        running = find_running(folder)
        if running is not None and running.pid == process.pid:
            return running
        time.sleep(_POLL_S)
    raise RegisterError(
        f"The register was not ready after {_START_TIMEOUT_S} s: see {log} and try again."
    )


def _stop(folder: Path) -> bool:
    running = find_running(folder)
    if running is None:
        return False
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while is_alive(folder):
        if time.monotonic() > deadline:
            os.kill(running.pid, signal.SIGKILL)
            deadline = time.monotonic() + _STOP_TIMEOUT_S
        time.sleep(_POLL_S)
    return True
