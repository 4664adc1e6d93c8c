"""Fifty shops far away: the usual incremental run, all at once and one after another.

The shops are fifty ids on one account of a register with twenty households, so that neither
its data nor its processor is what is measured: every answer comes 100 ms late, and only the
connection that asked waits. All runs start from the bookmarks of the same earlier full run,
three days later, when each shop has a handful of new sales.

* together: one process with the tap's default `max_workers`;
* in a row: one process with `max_workers: 1`;
* processes: one process per shop, one after another, as a scheduler without shop lists would.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
from practice_register.hosting import find_running
from practice_register.testing import running_register

from messages import count_records, last_state
from processes import median_of, say, timed
from taps import TAP_POS, written

if TYPE_CHECKING:
    from pathlib import Path

    from practice_register.testing import RunningRegister

SHOPS = 50
LATENCY = 0.1
HOUSEHOLDS = 20


@dataclass(frozen=True)
class Fleet:
    """The shops of one register and where their runs leave their files."""

    folder: Path
    register: RunningRegister

    def command(self, name: str, **settings: Any) -> list[str]:
        """tap-pos on all shops, or on those that the settings leave."""
        shops = [
            {
                "id": f"shop-{number:02}",
                "vendor": "square",
                "base_url": self.register.url,
                "access_token": self.register.token,
            }
            for number in range(SHOPS)
        ]
        config = written(self.folder / f"{name}.json", {"shops": shops, **settings})
        return [TAP_POS, "--config", config]

    def incremental(self, name: str, **settings: Any) -> list[str]:
        """The same from the bookmarks of the full run."""
        return [*self.command(name, **settings), "--state", str(self.folder / "state.json")]

    def read_everything(self) -> int:
        """Make the full run whose bookmarks all others start from; count its orders."""
        out = self.folder / "full.singer"
        timed(self.command("full"), stdout=out)
        written(self.folder / "state.json", last_state(out))
        return count_records(out)["orders"]


def bench_many_shops(folder: Path, runs: int, *, processes: bool) -> dict[str, Any]:
    """Time the incremental run of all shops in each way.

    Args:
        folder: Where to work.
        runs: Of how many runs the median is taken; slow ones are made once.
        processes: Whether to time one process per shop too.
    """
    with running_register(folder / "far-register", households=HOUSEHOLDS, seed=1) as register:
        fleet = Fleet(folder, register)
        say(f"Reading {SHOPS} shops for the first time …")
        before = fleet.read_everything()
        register.advance(days=3)
        # The first run also makes the register sort its lists for the new day.
        timed(fleet.incremental("warm"))
        register.set_faults(f"latency={LATENCY}")
        figures = time_together_and_in_a_row(fleet, runs)
        if processes:
            say("Timing one process per shop, one after another …")
            each = [
                timed(fleet.incremental("single", only_shops=[f"shop-{number:02}"])).seconds
                for number in range(SHOPS)
            ]
            figures["shops_processes_seconds"] = round(sum(each), 1)
            figures["shops_processes_vs_together"] = round(
                sum(each) / figures["shops_together_seconds"], 1
            )
    return {"shops": SHOPS, "shops_latency_ms": LATENCY * 1000, "shops_orders": before} | figures


def time_together_and_in_a_row(fleet: Fleet, runs: int) -> dict[str, Any]:
    """Time the run with the default `max_workers` and with one."""
    out = fleet.folder / "incremental.singer"
    process = psutil.Process(server_pid(fleet.register))
    say(f"Timing the incremental run of {SHOPS} shops with the default max_workers …")
    busy, began = cpu_seconds(process), time.perf_counter()
    together = median_of(runs, lambda: timed(fleet.incremental("together"), stdout=out))
    share = (cpu_seconds(process) - busy) / (time.perf_counter() - began)
    new = count_records(out)["orders"]
    say("Timing it with max_workers: 1 …")
    in_a_row = timed(fleet.incremental("in-a-row", max_workers=1), stdout=out)
    if count_records(out)["orders"] != new:
        raise SystemExit("The two runs did not read the same orders.")
    return {
        "shops_new_orders": new,
        "shops_together_seconds": round(together.seconds, 2),
        "shops_together_cpu_seconds": round(together.cpu_seconds, 2),
        "shops_together_peak_mb": round(together.peak_megabytes),
        "shops_server_cpu_share": round(share, 2),
        "shops_in_a_row_seconds": round(in_a_row.seconds, 1),
        "shops_in_a_row_vs_together": round(in_a_row.seconds / together.seconds, 1),
    }


def server_pid(register: RunningRegister) -> int:
    """The process that serves a register."""
    running = find_running(register.folder)
    assert running is not None
    return running.pid


def cpu_seconds(process: psutil.Process) -> float:
    """What a process has used of the processor so far."""
    times = process.cpu_times()
    return times.user + times.system
