"""Time whole processes: wall seconds and peak memory, several runs, the median kept."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

# ru_maxrss counts kilobytes on Linux and bytes on macOS.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Timing:
    """One process, start to end."""

    seconds: float
    peak_megabytes: float


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
    return Timing(seconds, usage.ru_maxrss * RSS_UNIT / 1e6)


def median_of(runs: int, one: Callable[[], Timing]) -> Timing:
    """The median wall time and the highest peak of several runs."""
    timings = [one() for _ in range(runs)]
    return Timing(
        statistics.median(timing.seconds for timing in timings),
        max(timing.peak_megabytes for timing in timings),
    )
