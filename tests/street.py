"""Run the street the way Meltano does: tap into target, bookmarks kept between runs.

Meltano keeps every STATE line a target prints, also when the run ends badly. So does
`Street`: what it resumes from is exactly what a scheduler would resume from.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

BIN: Final = Path(sys.executable).parent
PROJECT: Final = Path(__file__).resolve().parents[1]
POLICY: Final = PROJECT / "policy.yml"
SHOP: Final = "corner-shop"
SAME_PEPPER: Final = {"SHOPCRM_PEPPER": "one for all databases: then fingerprints can be compared"}
CONSENT_SOURCES: Final[list[dict[str, Any]]] = [
    {"group": "Newsletter", "channels": ["email"], "purpose": "marketing"},
    {
        "custom_attribute": "sms-marketing",
        "channels": ["sms"],
        "purpose": "marketing",
        "given": ["yes"],
        "withdrawn": ["no"],
    },
    {
        "custom_attribute": "club-terms",
        "channels": ["email", "sms"],
        "purpose": "profiling",
        "given": ["true"],
        "withdrawn": ["false"],
    },
]

TABLES: Final = {
    # table -> columns that say when and by which run, and may differ between two histories
    "pos.locations": {"written_at"},
    "pos.employees": {"written_at"},
    "pos.products": {"written_at"},
    "pos.customers": {"written_at"},
    "pos.orders": {"written_at"},
    "pos.loyalty_accounts": {"written_at"},
    # A record's own name is random, and the chain goes over it and over the times.
    "consent.events": {"id", "record_id", "run_id", "recorded_at", "prev_hash", "hash"},
    "consent.contact_points": set[str](),
    "consent.verdicts": {"decided_at"},
    "sync.dead_letters": {"id", "first_run_id", "first_seen_at"},
}


@dataclass(frozen=True)
class Outcome:
    """How one run of the street ended."""

    tap_exit: int
    target_exit: int
    tap_says: str
    target_says: str
    seconds: float


@dataclass
class Street:
    """One shop's tap and target with a folder of their own for config and bookmarks."""

    folder: Path
    register_url: str
    register_token: str
    database_url: str
    tap_settings: dict[str, Any] = field(default_factory=dict)
    target_settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def state_file(self) -> Path:
        """The bookmarks that the next run starts from."""
        return self.folder / "state.json"

    def write_config(self) -> tuple[Path, Path]:
        """Write both config files and return their paths."""
        tap = {
            "shops": [
                {
                    "id": SHOP,
                    "vendor": "square",
                    "base_url": self.register_url,
                    "access_token": self.register_token,
                    "consent_sources": CONSENT_SOURCES,
                }
            ],
            **self.tap_settings,
        }
        target = {
            "database_url": self.database_url,
            "policy_path": str(POLICY),
            **self.target_settings,
        }
        paths = self.folder / "tap.json", self.folder / "target.json"
        for path, content in zip(paths, (tap, target), strict=True):
            path.write_text(json.dumps(content))
        return paths

    def commands(self) -> tuple[list[str], list[str]]:
        """The two command lines, with the bookmarks of the last run."""
        tap_config, target_config = self.write_config()
        tap = [str(BIN / "tap-pos"), "--config", str(tap_config)]
        if self.state_file.exists():
            tap += ["--state", str(self.state_file)]
        return tap, [str(BIN / "target-shopcrm"), "--config", str(target_config)]

    def run(self, *, kill: str | None = None, after: float = 0.0) -> Outcome:
        """Run tap into target; optionally `kill -9` the named one after some seconds."""
        tap_command, target_command = self.commands()
        environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
        environment.update(self.environment)
        said = self.folder / "tap.log", self.folder / "target.log", self.folder / "state.jsonl"
        started = time.monotonic()
        with (
            said[0].open("wb") as tap_log,
            said[1].open("wb") as target_log,
            said[2].open("wb") as out,
        ):
            tap = subprocess.Popen(
                tap_command, stdout=subprocess.PIPE, stderr=tap_log, env=environment
            )
            target = subprocess.Popen(
                target_command, stdin=tap.stdout, stdout=out, stderr=target_log, env=environment
            )
            assert tap.stdout is not None
            tap.stdout.close()
            if kill is not None:
                victim = {"tap": tap, "target": target}[kill]
                try:
                    victim.wait(after)
                except subprocess.TimeoutExpired:
                    victim.send_signal(signal.SIGKILL)
            exits = tap.wait(300), target.wait(300)
        self.keep_state(said[2])
        return Outcome(*exits, said[0].read_text(), said[1].read_text(), time.monotonic() - started)

    def keep_state(self, lines: Path) -> None:
        """Keep the last whole STATE line, as Meltano does."""
        whole = [
            line for line in lines.read_text().splitlines(keepends=True) if line.endswith("\n")
        ]
        if whole:
            self.state_file.write_text(whole[-1])

    def succeed(self) -> Outcome:
        """Run once and insist that both ends are content."""
        outcome = self.run()
        assert outcome.tap_exit == 0, outcome.tap_says
        assert outcome.target_exit == 0, outcome.target_says
        return outcome

    def status(self) -> dict[str, Any]:
        """What `shopcrm status --json` says."""
        return json.loads(self.shopcrm("status", "--json").stdout)  # type: ignore[no-any-return]

    def shopcrm(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the `shopcrm` command against this street's database."""
        return subprocess.run(
            [str(BIN / "shopcrm"), *arguments],
            env={
                **os.environ,
                **self.environment,
                "DATABASE_URL": self.database_url,
                "TARGET_SHOPCRM_POLICY_PATH": str(POLICY),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of one query."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query, values).fetchall()

    def tables(self) -> dict[str, list[str]]:
        """Every table as sorted rows of text, without what tells only when and by which run."""
        return {
            table: table_rows(self.database_url, table, ignored)
            for table, ignored in TABLES.items()
        }


def table_rows(database_url: str, table: str, ignored: Sequence[str] | set[str]) -> list[str]:
    """One table's rows as sorted JSON texts, without the ignored columns."""
    schema, name = table.split(".")
    with psycopg.connect(database_url) as connection:
        query = sql.SQL("select (to_jsonb(t) - %s::text[])::text from {} t").format(
            sql.Identifier(schema, name)
        )
        return sorted(row[0] for row in connection.execute(query, [list(ignored)]))
