"""The two taps that `make bench-tap` compares, set up to read one register.

tap-square 2.3.1 runs as published, its address aside (see `tap_square_launcher.py`), with its
own defaults: pages of 500 orders, every field it has a schema for. Its `start_date`, which it
cannot do without, is the day on which the register's history begins, so that it asks for no
week in which nothing happened. Whatever it asks the register answers as Square documents it,
`POST /oauth2/token/status` included. Of the team members it reads all and sends only some,
which is a defect of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from practice_register.state import read_state
from practice_register.timeline import rfc3339_seconds, timeline

from processes import HERE, Timing, install_peer, median_of, timed
from street import BIN, SHOP

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from practice_register.testing import RunningRegister

TAP_POS = str(BIN / "tap-pos")


@dataclass(frozen=True)
class Command:
    """A tap ready to run: its arguments and what its environment holds besides ours."""

    arguments: list[str]
    environment: dict[str, str]

    def timed(self, runs: int, out: Path) -> Timing:
        """Run it from the beginning so many times; `out` holds what the last run sent."""
        environment = {**os.environ, **self.environment}
        return median_of(runs, lambda: timed(self.arguments, stdout=out, env=environment))


def tap_pos(
    folder: Path, register: RunningRegister, streams: Collection[str] | None = None
) -> Command:
    """tap-pos on one shop, without `consent_sources`; all streams unless told which."""
    shop = {
        "id": SHOP,
        "vendor": "square",
        "base_url": register.url,
        "access_token": register.token,
    }
    config = written(folder / "tap-pos.json", {"shops": [shop]})
    arguments = [TAP_POS, "--config", config]
    if streams is None:
        return Command(arguments, {})
    catalog = selection(Command([*arguments, "--discover"], {}), streams)
    name = f"tap-pos-{len(streams)}.json"
    return Command([*arguments, "--catalog", written(folder / name, catalog)], {})


def tap_square(folder: Path, register: RunningRegister, streams: Collection[str]) -> Command:
    """tap-square on the same register, in an environment of its own."""
    python = install_peer("tap-square", "requirements-tap-square.txt") / "python"
    settings = {
        "client_id": "none",
        "client_secret": "none",
        "refresh_token": "none",
        "access_token": register.token,
        "sandbox": "true",
        "start_date": history_begins(register),
    }
    config = written(folder / "tap-square.json", settings)
    environment = {"SQUARE_URL": register.url}
    arguments = [str(python), str(HERE / "tap_square_launcher.py"), "--config", config]
    catalog = selection(Command([*arguments, "--discover"], environment), streams)
    name = f"tap-square-{len(streams)}.json"
    return Command([*arguments, "--catalog", written(folder / name, catalog)], environment)


def selection(discover: Command, streams: Collection[str]) -> dict[str, Any]:
    """The catalog that a tap discovers, with these streams selected and no other."""
    told = subprocess.run(
        discover.arguments,
        env={**os.environ, **discover.environment},
        check=True,
        capture_output=True,
    )
    catalog: dict[str, Any] = json.loads(told.stdout)
    unknown = set(streams)
    for stream in catalog["streams"]:
        unknown.discard(stream["tap_stream_id"])
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in streams
    if unknown:
        sys.exit(f"{discover.arguments[0]} has no streams {sorted(unknown)}.")
    return catalog


def history_begins(register: RunningRegister) -> str:
    """The instant before which nothing happened at a register."""
    state = read_state(register.folder)
    assert state is not None
    return rfc3339_seconds(timeline(state.first_day).begins)


def written(path: Path, content: object) -> str:
    """Write JSON and give the path as a command line takes it."""
    path.write_text(json.dumps(content))
    return str(path)
