"""The whole street as a scheduler runs it: `meltano run daily`, both gates, dbt between them.

Uses the plugins that `make install` put in place, and nothing of the user's own state: the
system database, the output, dbt's target folder and every address come from the environment.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from practice_register.testing import running_register

from street import BIN, PROJECT, SHOP, Street

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from practice_register.testing import RunningRegister
    from shopcrm_database import RunningServer


class MeltanoStreet:
    """`meltano` in this project, pointed at a register and a database of the test's own."""

    def __init__(self, folder: Path, register: RunningRegister, database_url: str) -> None:
        self.folder = folder
        self.register = register
        self.sent = folder / "contacts.jsonl"
        self.street = Street(folder, register.url, register.token, database_url)
        self.environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "PRACTICE_URL": register.url,
            "PRACTICE_TOKEN": register.token,
            "MELTANO_DATABASE_URI": f"sqlite:///{folder}/meltano.db",
            "TARGET_SHOPCRM_JSONL_OUTPUT_PATH": str(self.sent),
            "DBT_TARGET_PATH": str(folder / "dbt"),
            "DBT_LOG_PATH": str(folder / "dbt-logs"),
        }

    def meltano(self, *arguments: str) -> str:
        """Run one meltano command that must succeed; return what it said."""
        done = subprocess.run(
            [str(BIN / "meltano"), *arguments],
            cwd=PROJECT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout

    def lines_sent(self) -> list[dict[str, Any]]:
        """What the CRM would have been sent so far."""
        if not self.sent.exists():
            return []
        return [json.loads(line) for line in self.sent.read_text().splitlines()]


@pytest.fixture(scope="module")
def day_one(
    tmp_path_factory: pytest.TempPathFactory, server: RunningServer
) -> Iterator[MeltanoStreet]:
    """A street after its first `meltano run daily`."""
    if not (PROJECT / ".meltano" / "utilities" / "dbt-postgres").exists():
        pytest.skip("the Meltano plugins are not installed: run `make install`")
    folder = tmp_path_factory.mktemp("meltano")
    with running_register(folder / "register", households=40, seed=2) as register:
        street = MeltanoStreet(folder, register, server.create_database("meltano_street"))
        street.meltano("run", "daily")
        yield street


def test_the_street_end_to_end(day_one: MeltanoStreet) -> None:
    status = day_one.street.status()
    assert status["last_run"]["written"] > 0
    assert {row["shop_id"] for row in status["shops"]} == {SHOP}
    assert {"profiles", "segments"} <= {row["topic"].lower() for row in status["summary"]}
    assert_only_the_permitted_were_sent(day_one)

    # The same day again: nothing is written anywhere.
    sent = day_one.lines_sent()
    day_one.meltano("run", "daily")
    assert day_one.street.status()["last_run"]["written"] == 0
    assert day_one.lines_sent() == sent

    # A day later: that day and no more.
    day_one.register.advance(days=1)
    day_one.meltano("run", "daily")
    written = day_one.street.status()["last_run"]["written"]
    assert 0 < written < status["last_run"]["written"] / 10
    assert_only_the_permitted_were_sent(day_one)


def assert_only_the_permitted_were_sent(meltano: MeltanoStreet) -> None:
    """Each address in the file has the gate's standing permission, or was told to withdraw."""
    standing: dict[tuple[str, str], bool] = {}
    for line in meltano.lines_sent():
        if line["action"] == "upsert":
            standing.update(
                {
                    (channel, line[field]): True
                    for channel, field in (("email", "email"), ("sms", "phone"))
                    if line.get(field)
                }
            )
        elif line["action"] == "withdraw":
            standing[line["channel"], line["address"]] = False
    assert any(standing.values())
    permitted = set(
        meltano.street.rows(
            "select channel, address from consent.verdicts where purpose = 'marketing' and allowed"
        )
    )
    assert {key for key, still in standing.items() if still} <= permitted


def test_schedules_are_listed(day_one: MeltanoStreet) -> None:
    said = day_one.meltano("schedule", "list")
    assert "every-morning" in said
    assert "every-five-minutes" in said


def test_profiles_are_people_not_records(day_one: MeltanoStreet) -> None:
    ((profiles,),) = day_one.street.rows("select count(*) from profiles.profiles")
    ((customers,),) = day_one.street.rows(
        "select count(*) from pos.customers where deleted_at is null"
    )
    assert 0 < profiles < customers, "some people have two records at the register"
