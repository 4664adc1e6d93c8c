"""`make bench`: records per second of tap and target beside their peers, one JSON line.

Everything runs in one go on this machine, each figure is the median of some whole processes,
and ratios are of wall time over the same work: compare ratios, not absolute times.

* tap_vs_floor: tap-pos beside `floor.py` (the same pages, requests + msgspec, no mapping);
* target_vs_copy: target-shopcrm beside COPY of the rows it wrote into a table of the same shape;
* target_vs_target_postgres…: beside meltanolabs-target-postgres on the same file and server.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
from practice_register.testing import running_register
from shopcrm_database import running_server

from processes import HERE, Timing, install_peer, median_of, say, timed
from street import Street

if TYPE_CHECKING:
    from shopcrm_database import RunningServer


def records_in(path: Path) -> int:
    """How many RECORD messages a Singer file holds."""
    with path.open("rb") as lines:
        return sum(line.startswith(b'{"type":"RECORD"') for line in lines)


def only(stream: str, everything: Path, kept: Path) -> None:
    """Keep one stream's messages of a Singer file."""
    marker = f'"stream":"{stream}"'.encode()
    with everything.open("rb") as lines, kept.open("wb") as out:
        out.writelines(line for line in lines if marker in line[:80])


def bench_tap(folder: Path, households: int, runs: int) -> tuple[dict[str, Any], Path]:
    """Time tap-pos and the floor on one register; return the figures and the tap's output."""
    out = folder / "everything.singer"
    with running_register(folder / "register", households=households, seed=1) as register:
        street = Street(folder, register.url, register.token, "postgresql://unused@localhost/none")
        tap, _ = street.commands()
        floor = [sys.executable, str(HERE / "floor.py"), register.url, register.token]
        say("Timing the floor: the same pages, requests + msgspec …")
        least = median_of(runs, lambda: timed(floor, stdout=folder / "floor.jsonl"))
        say("Timing tap-pos …")
        taken = median_of(runs, lambda: timed(tap, stdout=out))
    records = records_in(out)
    return {
        "tap_records": records,
        "tap_records_per_second": round(records / taken.seconds),
        "tap_peak_mb": round(taken.peak_megabytes),
        "tap_vs_floor": round(least.seconds / taken.seconds, 2),
    }, out


def new_database(server: RunningServer) -> str:
    """An empty database and its URL."""
    return server.create_database(f"bench_{uuid4().hex[:12]}")


def time_target_shopcrm(
    server: RunningServer, folder: Path, orders: Path, runs: int
) -> tuple[Timing, str]:
    """First load of the orders into an empty database each time; return the last database."""
    databases: list[str] = []

    def load() -> Timing:
        databases.append(new_database(server))
        street = Street(folder, "", "", databases[-1])
        street.shopcrm("init").check_returncode()
        _, command = street.commands()
        return timed(command, stdin=orders)

    return median_of(runs, load), databases[-1]


def time_target_postgres(
    server: RunningServer, folder: Path, orders: Path, runs: int, settings: dict[str, Any]
) -> Timing:
    """First load of the same file by the peer into an empty database each time."""
    command = str(install_peer("target-postgres", "requirements.txt") / "target-postgres")
    config = folder / "target-postgres.json"

    def load() -> Timing:
        url = new_database(server).replace("://", "+psycopg://", 1)
        config.write_text(json.dumps({"sqlalchemy_url": url, **settings}))
        return timed([command, "--config", str(config)], stdin=orders)

    return median_of(runs, load)


def time_copy(database: str, folder: Path, runs: int) -> Timing:
    """COPY of the rows that target-shopcrm wrote, into a table of the same shape and keys."""
    rows = folder / "orders.copy"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create schema bench")
        with rows.open("wb") as out, connection.cursor().copy("copy pos.orders to stdout") as copy:
            for block in copy:
                out.write(bytes(block))
    command = [sys.executable, str(HERE / "copy_rows.py"), database, str(rows)]
    return median_of(runs, lambda: timed(command))


def bench_target(folder: Path, orders: Path, runs: int) -> dict[str, Any]:
    """Time target-shopcrm, the peer at its defaults and at its best, and COPY."""
    records = records_in(orders)
    with running_server(folder / "database") as server:
        say("Timing target-shopcrm …")
        ours, database = time_target_shopcrm(server, folder, orders, runs)
        say("Timing COPY of the same rows …")
        copy = time_copy(database, folder, runs)
        say("Timing target-postgres at its best setting …")
        best = time_target_postgres(
            server, folder, orders, runs, {"use_copy": True, "validate_records": False}
        )
        say("Timing target-postgres at its defaults …")
        defaults = time_target_postgres(server, folder, orders, 1, {})
    return {
        "target_records": records,
        "target_records_per_second": round(records / ours.seconds),
        "target_peak_mb": round(ours.peak_megabytes),
        "target_vs_target_postgres_defaults": round(defaults.seconds / ours.seconds, 1),
        "target_vs_target_postgres_best": round(best.seconds / ours.seconds, 1),
        "target_vs_copy": round(copy.seconds / ours.seconds, 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=600)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        figures, everything = bench_tap(folder, asked.households, asked.runs)
        orders = folder / "orders.singer"
        only("orders", everything, orders)
        figures |= bench_target(folder, orders, asked.runs)
    sys.stdout.write(json.dumps({"households": asked.households, **figures}) + "\n")


if __name__ == "__main__":
    main()
