"""Programs of a real CRM: installed into a folder, started, waited for, and stopped."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_INSTALL_SECONDS = 600
_COMMAND_SECONDS = 600
_START_SECONDS = 120
_STOP_SECONDS = 10


def installed(python: str, folder: Path, packages: Sequence[str]) -> Path:
    """Install packages into a virtual environment of their own; skips where PyPI is away.

    With uv where the project has it, which takes seconds; else, or where that fails, with pip.

    Args:
        python: The Python to use.
        folder: Where the environment goes.
        packages: Pinned requirements.

    Returns:
        The folder of its programs.
    """
    programs = folder / "bin"
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is not None:
        made = _tried([uv, "venv", "--quiet", "--python", python, str(folder)])
        target = ["--python", str(programs / "python"), *packages]
        if made is None and _tried([uv, "pip", "install", "--quiet", *target]) is None:
            return programs
    problem = _tried([python, "-m", "venv", "--clear", str(folder)])
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet"]
    problem = problem or _tried([*pip, "--disable-pip-version-check", *packages])
    if problem is not None:
        pytest.skip(f"{packages[0]} can't be installed here: {problem}")
    return programs


def _tried(command: Sequence[str]) -> str | None:
    """Run a program; the last line of what it complains about, None if all went well."""
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=_INSTALL_SECONDS
    )
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return lines[-1] if done.returncode else None


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """Run a program to its end and return what it printed.

    Raises:
        AssertionError: It failed; with what it said.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        check=False,
        capture_output=True,
        text=True,
        timeout=_COMMAND_SECONDS,
    )
    if done.returncode:
        raise AssertionError(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


@contextlib.contextmanager
def running(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    is_ready: Callable[[], bool],
) -> Iterator[None]:
    """Keep a program running until the block ends.

    Args:
        command: The program.
        folder: Where it runs, and leaves its log.
        environment: Its environment.
        is_ready: Whether it answers.

    Raises:
        AssertionError: It ended, or didn't answer in time; with the end of its log.
    """
    log = folder / f"{command[0].rpartition('/')[2]}.log"
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdout=sink, stderr=sink
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{command[0]} does not answer: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether somebody listens on a port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def needed_program(name: str) -> str:
    """Where a program is; skips where it isn't installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed on this machine")
    return found
