"""`make bench-tap`: tap-pos beside tap-square, its floor and itself, one JSON line.

Everything runs in one go on this machine, on practice registers. Each figure is the median of
`--runs` whole processes; what takes minutes (tap-square, the shops in a row) runs once, or
`--peer-runs` times. The register has sorted its lists before anything is timed, and nothing
is kept from one run for the next. Compare ratios, not absolute times; those of CPU seconds are
the steadier ones on a busy machine, but leave out what a tap waits for.

* orders_…: every order of the history. tap-pos reads its stream `orders`, for which it also
  lists all payments and refunds and puts them into the orders they belong to; tap-square reads
  its stream `orders` alone, which is all it needs for it. So tap-pos does more here.
* shared_…: all that both have. tap-pos: locations, employees, products, customers, orders;
  tap-square: locations, team_members, items, categories, customers, orders, payments, refunds.
  tap-pos leaves out loyalty_accounts, which tap-square lacks. tap-square leaves out discounts,
  taxes, modifier_lists, inventories, shifts, cash_drawer_shifts, bank_accounts and payouts,
  which tap-pos lacks; most of them the register has not either. The same facts are fewer records in
  tap-pos, where payments are inside orders, and more where every variation of an item is a
  product, so the seconds that a history takes are the fairer figure; both are given. A record
  that is sent twice counts once.
* tap_vs_floor: everything, custom attributes included, beside `floor.py` (the same pages,
  requests + msgspec, no mapping); tap_orders_vs_floor: orders, payments and refunds only.
* shops_…: see `many_shops.py`.
* peak_mb_…: peak memory of tap-pos reading everything, at two lengths of history.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from practice_register.testing import running_register

from many_shops import bench_many_shops
from messages import count_different
from processes import HERE, Timing, median, say, timed
from street import Street
from taps import tap_pos, tap_square

if TYPE_CHECKING:
    from practice_register.testing import RunningRegister

    from taps import Command

TAP_POS_SHARED = ("locations", "employees", "products", "customers", "orders")
TAP_SQUARE_SHARED = (
    "locations", "team_members", "items", "categories", "customers", "orders", "payments",
    "refunds",
)  # fmt: skip
SHORT_HISTORY = 360
"""Households whose year makes some 20,000 orders."""


@dataclass(frozen=True)
class Reading:
    """A tap's reading of a whole history."""

    timing: Timing
    orders: int
    records: int

    @property
    def seconds_per_100000(self) -> float:
        """Seconds that a history of 100,000 orders takes."""
        return self.timing.seconds / self.orders * 100_000

    @property
    def per_second(self) -> float:
        """Different records per second."""
        return self.records / self.timing.seconds


@dataclass(frozen=True)
class Bench:
    """One register with a long history, and how often each process runs."""

    folder: Path
    register: RunningRegister
    orders: int
    runs: int
    peer_runs: int

    def read(self, command: Command, runs: int) -> Reading:
        """Time a tap and make sure that it read every order."""
        out = self.folder / "out.singer"
        timing = command.timed(runs, out)
        found = count_different(out)
        if found["orders"] != self.orders:
            raise SystemExit(
                f"{command.arguments[0]} read {found['orders']} of {self.orders} orders, which "
                "can't be compared."
            )
        return Reading(timing, self.orders, sum(found.values()))

    def against_tap_square(
        self, name: str, ours: tuple[str, ...], theirs: tuple[str, ...]
    ) -> dict[str, Any]:
        """Time both taps on what both have."""
        say(f"Timing tap-pos: {', '.join(ours)} …")
        mine = self.read(tap_pos(self.folder, self.register, ours), self.runs)
        say(f"Timing tap-square: {', '.join(theirs)} (takes minutes) …")
        other = self.read(tap_square(self.folder, self.register, theirs), self.peer_runs)
        return {
            f"{name}_tap_pos_records_per_second": round(mine.per_second),
            f"{name}_tap_square_records_per_second": round(other.per_second),
            f"{name}_tap_pos_seconds_per_100000_orders": round(mine.seconds_per_100000, 1),
            f"{name}_tap_square_seconds_per_100000_orders": round(other.seconds_per_100000, 1),
            f"{name}_tap_pos_peak_mb": round(mine.timing.peak_megabytes),
            f"{name}_tap_square_peak_mb": round(other.timing.peak_megabytes),
            f"{name}_vs_tap_square_records_per_second": round(
                mine.per_second / other.per_second, 1
            ),
            f"{name}_vs_tap_square_seconds": round(
                other.seconds_per_100000 / mine.seconds_per_100000, 1
            ),
            f"{name}_vs_tap_square_cpu_seconds": round(
                other.timing.cpu_seconds / mine.timing.cpu_seconds, 1
            ),
        }

    def against_floor(self) -> dict[str, Any]:
        """Time tap-pos and the floor, on orders alone and on everything."""
        floor = [sys.executable, str(HERE / "floor.py"), self.register.url, self.register.token]
        street = Street(
            self.folder,
            self.register.url,
            self.register.token,
            "postgresql://unused@localhost/none",
        )
        everything, _ = street.commands()
        only_orders = tap_pos(self.folder, self.register, ("orders",)).arguments
        least, taken = self.in_turn(floor, everything)
        least_orders, taken_orders = self.in_turn([*floor, "orders"], only_orders)
        return {
            "floor_seconds": round(least.seconds, 1),
            "tap_seconds": round(taken.seconds, 1),
            "tap_vs_floor": round(least.seconds / taken.seconds, 2),
            "tap_vs_floor_cpu_seconds": round(least.cpu_seconds / taken.cpu_seconds, 2),
            "tap_orders_vs_floor": round(least_orders.seconds / taken_orders.seconds, 2),
            "tap_orders_vs_floor_cpu_seconds": round(
                least_orders.cpu_seconds / taken_orders.cpu_seconds, 2
            ),
            "peak_mb_long_history": round(taken.peak_megabytes),
        }

    def in_turn(self, floor: list[str], tap: list[str]) -> tuple[Timing, Timing]:
        """Time both in turn, so that a machine that slows down slows both."""
        say(f"Timing the floor and tap-pos: {' '.join(floor[4:]) or 'everything'} …")
        pairs = [(self.once(floor), self.once(tap)) for _ in range(self.runs)]
        return median([least for least, _ in pairs]), median([taken for _, taken in pairs])

    def once(self, command: list[str]) -> Timing:
        """Run a command once; what it sends is thrown away by the same disk for all."""
        return timed(command, stdout=self.folder / "out.singer")


def bench_long_history(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Compare tap-pos with tap-square and with the floor."""
    say(f"Opening a register with {asked.households} households …")
    with running_register(folder / "register", households=asked.households, seed=1) as register:
        orders = register.books()["total"]["orders"]["count"]
        bench = Bench(folder, register, orders, asked.runs, asked.peer_runs)
        # The register sorts its lists when they are first asked for.
        bench.once([sys.executable, str(HERE / "floor.py"), register.url, register.token])
        return {
            "households": asked.households,
            "orders": orders,
            **bench.against_tap_square("orders", ("orders",), ("orders",)),
            **bench.against_tap_square("shared", TAP_POS_SHARED, TAP_SQUARE_SHARED),
            **bench.against_floor(),
        }


def bench_short_history(folder: Path) -> dict[str, Any]:
    """Peak memory of tap-pos on a shorter history."""
    say("Measuring memory on a shorter history …")
    with running_register(folder / "short-register", households=SHORT_HISTORY, seed=1) as register:
        street = Street(folder, register.url, register.token, "postgresql://unused@localhost/none")
        command, _ = street.commands()
        timing = timed(command, stdout=folder / "out.singer")
        return {
            "short_history_orders": register.books()["total"]["orders"]["count"],
            "peak_mb_short_history": round(timing.peak_megabytes),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer-runs", type=int, default=1)
    parser.add_argument("--without-processes", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        figures = bench_many_shops(folder, asked.runs, processes=not asked.without_processes)
        figures |= bench_short_history(folder)
        figures |= bench_long_history(folder, asked)
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
