"""Time whole processes: wall and CPU seconds and peak memory, several runs, the median kept."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from street import BIN, PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).resolve().parent
# ru_maxrss counts kilobytes on Linux and bytes on macOS.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Timing:
    """One process, start to end."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: float


def say(sentence: str) -> None:
    """Show progress on standard error; standard output is for the one line."""
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()


def install_peer(name: str, requirements: str) -> Path:
    """Install a peer once, in an environment of its own under `.bench`.

    Args:
        name: The folder of the environment.
        requirements: The file beside this one that pins the peer.

    Returns:
        The folder of the environment's commands.
    """
    pins = HERE / requirements
    environment = PROJECT / ".bench" / name
    # What was installed from other pins, or not to its end, is installed anew.
    receipt = environment / "installed.txt"
    if not receipt.exists() or receipt.read_text() != pins.read_text():
        say(f"Installing {name} into .bench …")
        uv = str(BIN / "uv")
        subprocess.run(
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)],
            check=True,
        )
        python = str(environment / "bin" / "python")
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", python, "-r", str(pins)], check=True
        )
        receipt.write_text(pins.read_text())
    return environment / "bin"


def timed(
    command: Sequence[str],
    *,
    stdin: Path | None = None,
    stdout: Path | None = None,
    env: dict[str, str] | None = None,
) -> Timing:
    """Run a command to its end and time it.

    Raises:
        SystemExit: with what the command said last, when it fails.
    """
    source = stdin.open("rb") if stdin else subprocess.DEVNULL
    sink = stdout.open("wb") if stdout else subprocess.DEVNULL
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=source, stdout=sink, stderr=subprocess.PIPE, env=env)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command[0]} failed: {said.decode()[-2000:]}")
    for opened in (source, sink, process.stderr):
        if not isinstance(opened, int):
            opened.close()
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Timing(seconds, cpu_seconds, usage.ru_maxrss * RSS_UNIT / 1e6)


def median_of(runs: int, one: Callable[[], Timing]) -> Timing:
    """Run something so many times and take the median."""
    return median([one() for _ in range(runs)])


def median(timings: Sequence[Timing]) -> Timing:
    """The median seconds and the highest peak of several runs."""
    return Timing(
        statistics.median(timing.seconds for timing in timings),
        statistics.median(timing.cpu_seconds for timing in timings),
        max(timing.peak_megabytes for timing in timings),
    )
