"""A real PostgreSQL for every test, and short ways to speak Singer to the target."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from crm_fakes import NAMES
from crm_fakes.pilot import pilot_with
from shopcrm_database import RunningServer, running_server
from target_shopcrm.database.connection import connect
from target_shopcrm.database.migrate import migrate
from target_shopcrm.records import STREAMS, key_fields
from target_shopcrm.target import TargetShopCRM

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from crm_fakes.pilot import Pilot

for folder in ("consent", "destinations"):
    sys.path.insert(0, str(Path(__file__).parent / folder))
"""Makes the machines and the situations importable for the tests beside and above them."""

TEMPLATE = "template_shopcrm"
POLICY = """
version: 1
name: test
extends: strict
shops:
  corner: {country: US}
  harbour: {country: DE}
"""
MORNING = "2026-11-20T09:00:00Z"
NOON = "2026-11-20T12:00:00Z"

_DEFAULTS: dict[str, dict[str, Any]] = {
    "customers": {"given_name": "Ada", "updated_at": MORNING},
    "orders": {
        "state": "completed",
        "currency": "USD",
        "created_at": MORNING,
        "updated_at": MORNING,
        "business_date": "2026-11-20",
        "gross": 1000,
        "net": 1000,
        "total": 1080,
        "lines": [{"id": "l1", "quantity": "1", "gross": 1000, "net": 1000}],
    },
}


@dataclass
class Outcome:
    """What a run left behind, beside the database."""

    states: list[Any]
    log: str = ""
    exit_code: int = 0


@dataclass
class Shop:
    """One migrated database, and a target that writes into it."""

    url: str
    folder: Path
    config: dict[str, Any] = field(default_factory=dict)

    def run(self, lines: Iterable[str | bytes], **config: Any) -> Outcome:
        """Run the target in this process; failures are raised."""
        target = TargetShopCRM(config={**self.config, "database_url": self.url, **config})
        data = io.BytesIO(b"".join(as_bytes(line) + b"\n" for line in lines))
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            target.listen(data)  # type: ignore[arg-type]  # the reader takes bytes
        return Outcome([json.loads(line) for line in output.getvalue().splitlines()])

    def command(self, **config: Any) -> tuple[list[str], dict[str, str]]:
        """The command line and environment of a target of its own."""
        path = self.folder / f"config-{uuid.uuid4().hex}.json"
        path.write_text(json.dumps({**self.config, **config}))
        environment = {**os.environ, "DATABASE_URL": self.url}
        command = [
            sys.executable,
            "-c",
            "from target_shopcrm.target import TargetShopCRM as t; t.cli()",
        ]
        return [*command, "--config", str(path)], environment

    def run_apart(
        self, lines: Iterable[str | bytes], environment: dict[str, str] | None = None, **config: Any
    ) -> Outcome:
        """Run the target as a process of its own, as Meltano does."""
        command, variables = self.command(**config)
        done = subprocess.run(
            command,
            input=b"".join(as_bytes(line) + b"\n" for line in lines),
            capture_output=True,
            check=False,
            timeout=60,
            env={**variables, **(environment or {})},
        )
        states = [json.loads(line) for line in done.stdout.splitlines()]
        return Outcome(states, done.stderr.decode(), done.returncode)

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement in a connection of its own."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def one(self, query: str, *values: Any) -> Any:
        """The only value of the only row."""
        ((value,),) = self.ask(query, *values)
        return value

    def last_run(self) -> dict[str, Any]:
        """The bookkeeping of the latest run."""
        names = ("state", "read", "written", "unchanged", "withheld", "dead_lettered", "error")
        query = f"SELECT {', '.join(names)} FROM sync.runs ORDER BY started_at DESC LIMIT 1"  # noqa: S608 - constants
        return dict(zip(names, self.ask(query)[0], strict=True))


def as_bytes(line: str | bytes) -> bytes:
    return line if isinstance(line, bytes) else line.encode()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("database")
    with running_server(folder, durable=False) as running:
        url = running.create_database(TEMPLATE)
        connection = connect(url, program="tests")
        migrate(connection, url)
        connection.close()
        yield running


@pytest.fixture
def empty_database(server: RunningServer) -> Iterator[str]:
    """A database without any of our schemas."""
    name = f"empty_{uuid.uuid4().hex}"
    yield server.create_database(name)
    server.drop_database(name)


@pytest.fixture
def shop(server: RunningServer, tmp_path: Path) -> Iterator[Shop]:
    name = f"shop_{uuid.uuid4().hex}"
    url = server.create_database(name, template=TEMPLATE)
    policy = tmp_path / "policy.yml"
    policy.write_text(POLICY)
    yield Shop(url, tmp_path, {"policy_path": str(policy)})
    server.drop_database(name)


@pytest.fixture(params=sorted(NAMES))
def pilot(request: pytest.FixtureRequest, shop: Shop) -> Iterator[Pilot]:
    """A shop that tells a CRM, for every CRM there is."""
    with pilot_with(request.param, shop, Singer()) as made:
        yield made


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The SDK takes over signals, and the environment must not name a database."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def data() -> Path:
    """The golden files."""
    return Path(__file__).parent / "data"


class Singer:
    """Short ways to say something in Singer."""

    @staticmethod
    def schema(stream: str) -> str:
        """The SCHEMA line of a canonical stream."""
        properties: dict[str, Any] = {name: {} for name in STREAMS[stream].__struct_fields__}
        return json.dumps(
            {
                "type": "SCHEMA",
                "stream": stream,
                "schema": {"type": "object", "properties": properties},
                "key_properties": list(key_fields(stream)),
            }
        )

    @staticmethod
    def record(stream: str, identifier: str = "1", shop_id: str = "corner", **fields: Any) -> str:
        """The RECORD line of a canonical record with sensible contents."""
        key = dict(zip(key_fields(stream), (shop_id, identifier), strict=True))
        contents = {**key, **_DEFAULTS.get(stream, {}), **fields}
        return json.dumps({"type": "RECORD", "stream": stream, "record": contents})

    @staticmethod
    def state(value: Any) -> str:
        """A STATE line."""
        return json.dumps({"type": "STATE", "value": value})

    @staticmethod
    def consent(state: str, purpose: str = "marketing", **fields: Any) -> dict[str, Any]:
        """One entry of a customer's consents."""
        return {
            "channel": "email",
            "purpose": purpose,
            "state": state,
            "event_time": None,
            "observed_at": NOON,
            "source": f"square:custom_attribute:{purpose}",
            **fields,
        }


@pytest.fixture
def singer() -> Singer:
    """Short ways to say something in Singer."""
    return Singer()
