"""target-shopcrm as others install it: by itself, from its folder, behind any tap."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from alone import copy_of, environment_with, files_of, look_around, output
from street import POLICY, PROJECT, SHOP

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the target's folder, far from the workspace that it belongs to."""
    return copy_of("target-shopcrm", tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def alone(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment that holds the target and what it requires."""
    return environment_with(tmp_path_factory.mktemp("alone") / "venv", str(source))


@pytest.fixture(scope="module")
def look(alone: Path) -> dict[str, Any]:
    """What is in that environment."""
    # Migrations run where Alembic runs them, and import what the rest does.
    return look_around(alone, "target-shopcrm", "target_shopcrm.database.migrations")


def test_the_installed_package_holds_every_file_of_the_source(
    source: Path, look: dict[str, Any]
) -> None:
    installed = files_of(Path(look["folder"]))
    assert installed == files_of(source / "target_shopcrm")
    assert {"py.typed", "consent/policy/uk.yml"} <= installed
    assert str(PROJECT) not in look["folder"]


def test_it_brings_what_it_declares_and_imports_nothing_else(look: dict[str, Any]) -> None:
    assert look["installed"] == look["reached"]
    assert set(look["direct"]) <= set(look["declared"])


def test_it_tells_about_itself_without_any_settings(alone: Path) -> None:
    assert output(alone / "target-shopcrm", "--version").startswith("target-shopcrm v")
    about = output(alone / "target-shopcrm", "--about", "--format=markdown")
    assert "| api_key |" in about
    assert "erase" in output(alone / "shopcrm", "--help")


def test_it_takes_the_canonical_streams_of_any_tap(
    tmp_path: Path, alone: Path, new_database: Callable[[], str]
) -> None:
    record = {"shop_id": SHOP, "id": "l1", "name": "High Street", "timezone": "America/New_York"}
    fields = ["shop_id", "id", "name", "timezone", "currency", "address", "channel", "active"]
    schema = {"type": "object", "properties": {name: {} for name in [*fields, "updated_at"]}}
    lines = [
        {
            "type": "SCHEMA",
            "stream": "locations",
            "schema": schema,
            "key_properties": ["shop_id", "id"],
        },
        {"type": "RECORD", "stream": "locations", "record": record},
        {"type": "STATE", "value": {"locations": 1}},
    ]
    url = new_database()
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"database_url": url, "policy_path": str(POLICY)}))
    done = subprocess.run(
        [str(alone / "target-shopcrm"), "--config", str(config)],
        input="\n".join(map(json.dumps, lines)),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"locations": 1}
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT name FROM pos.locations").fetchall() == [("High Street",)]
