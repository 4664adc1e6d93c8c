"""When things go wrong: one sentence, the right exit code, and nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

import psycopg
import pytest
from target_shopcrm.database.connection import explained
from target_shopcrm.errors import (
    AnotherRunIsActiveError,
    ConfigurationError,
    DatabaseError,
    SchemaTooNewError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Outcome, Shop, Singer


def sentence(outcome: Outcome) -> str:
    """The only error in the log, which must hold no traceback."""
    assert "Traceback" not in outcome.log
    (line,) = [line for line in outcome.log.splitlines() if "| ERROR" in line]
    return line.split("| ")[-1]


def test_no_database_is_named(shop: Shop) -> None:
    outcome = shop.run_apart([], environment={"DATABASE_URL": ""})
    assert outcome.exit_code == 2
    assert "set DATABASE_URL" in sentence(outcome)


def test_an_unknown_setting(shop: Shop) -> None:
    outcome = shop.run_apart([], bath_size=3)
    assert outcome.exit_code == 2
    assert "'bath_size' was unexpected" in sentence(outcome)


def test_the_output_file_is_not_named(shop: Shop) -> None:
    outcome = shop.run_apart([], destination="jsonl")
    assert outcome.exit_code == 2
    assert "set output_path" in sentence(outcome)


def test_a_broken_policy_file_stops_before_anything_is_written(shop: Shop) -> None:
    policy = shop.folder / "broken.yml"
    policy.write_text("version: 1\nname: [\n")
    outcome = shop.run_apart([], policy_path=str(policy))
    assert outcome.exit_code == 2
    assert "broken.yml" in sentence(outcome)
    assert shop.one("SELECT count(*) FROM sync.runs") == 0


def test_a_wrong_password(shop: Shop) -> None:
    secret = shop.url.split("@")[0].split(":")[-1]
    wrong = shop.url.replace(secret, "guess")
    outcome = shop.run_apart([], environment={"DATABASE_URL": wrong})
    assert outcome.exit_code == 1
    assert "refused the user name or password" in sentence(outcome)
    assert "guess" not in outcome.log


def test_a_database_that_is_down(shop: Shop) -> None:
    with pytest.raises(DatabaseError, match="can't be reached"):
        shop.__class__("postgresql://u:secret@127.0.0.1:1/nothing", shop.folder).run([])


def test_a_database_that_does_not_exist(shop: Shop) -> None:
    elsewhere = shop.url.rsplit("/", 1)[0] + "/no_such_database"
    with pytest.raises(DatabaseError, match='no database "no_such_database"'):
        shop.__class__(elsewhere, shop.folder).run([])


def test_a_url_that_is_none(shop: Shop) -> None:
    with pytest.raises(ConfigurationError, match="can't be read"):
        shop.__class__("mysql://x", shop.folder).run([])


def test_a_full_disk() -> None:
    url = "postgresql://u:secret@127.0.0.1:5432/shop"
    with pytest.raises(DatabaseError, match="no space left") as caught, explained(url):
        raise psycopg.errors.DiskFull("could not extend file")
    assert "secret" not in str(caught.value)


def test_a_schema_newer_than_the_program(shop: Shop) -> None:
    shop.ask("UPDATE sync.alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNewError, match="install a newer target-shopcrm"):
        shop.run([])


def test_an_empty_database_is_prepared_by_the_first_run(
    empty_database: str,
    tmp_path: Path,
    singer: Singer,
    shop: Shop,
) -> None:
    fresh = shop.__class__(empty_database, tmp_path, shop.config)
    fresh.run([singer.schema("orders"), singer.record("orders")])
    assert fresh.one("SELECT count(*) FROM pos.orders") == 1


@pytest.fixture
def running(shop: Shop) -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], IO[bytes]]]]:
    """Start targets that wait for more input."""
    started: list[subprocess.Popen[bytes]] = []

    def start(lines: list[str], **config: Any) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
        command, environment = shop.command(**config)
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        started.append(process)
        assert process.stdin is not None
        process.stdin.write("".join(line + "\n" for line in lines).encode())
        process.stdin.flush()
        return process, process.stdin

    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError, ValueError):
                pipe.close()  # type: ignore[union-attr]  # all three are pipes


def wait_for_state(process: subprocess.Popen[bytes], value: Any) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line) == value:
            return
    pytest.fail("the target ended before it wrote the STATE")


def begun(singer: Singer) -> list[str]:
    """Two committed orders with STATE, then a third one that is pending."""
    orders = [singer.record("orders", str(n)) for n in range(3)]
    return [singer.schema("orders"), *orders[:2], singer.state(1), orders[2]]


def test_two_runs_at_once(
    shop: Shop,
    running: Callable[..., Any],
    singer: Singer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, _ = running([singer.schema("orders"), singer.state(0)])
    wait_for_state(first, 0)
    monkeypatch.setattr("target_shopcrm.database.runs._PATIENCE_SECONDS", 0.1)
    with pytest.raises(
        AnotherRunIsActiveError, match=r"has been going on since 20\d\d-.* UTC; wait"
    ):
        shop.run([])
    shop.run([], destination="jsonl", output_path=str(shop.folder / "out.jsonl"))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "terminate"]
)
def test_a_run_that_is_stopped_rolls_back_and_says_so(
    shop: Shop,
    running: Callable[..., Any],
    singer: Singer,
    number: signal.Signals,
    code: int,
) -> None:
    process, _ = running([*begun(singer), singer.state("pending")], batch_size=2)
    wait_for_state(process, 1)
    time.sleep(0.2)
    process.send_signal(number)
    _, log = process.communicate(timeout=20)
    assert process.returncode == code
    assert b"Traceback" not in log
    assert b"what was committed stays" in log
    assert shop.ask("SELECT id FROM pos.orders ORDER BY id") == [("0",), ("1",)]
    assert shop.last_run()["state"] == "interrupted"


def test_after_a_kill_the_next_run_carries_on(
    shop: Shop,
    running: Callable[..., Any],
    singer: Singer,
) -> None:
    lines = begun(singer)
    process, _ = running(lines, batch_size=2)
    wait_for_state(process, 1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert shop.last_run()["state"] == "running"
    shop.run(lines, batch_size=2)
    assert shop.ask("SELECT state FROM sync.runs ORDER BY started_at") == [
        ("interrupted",),
        ("completed",),
    ]
    assert shop.last_run()["written"] == 1
    assert shop.one("SELECT count(*) FROM pos.orders") == 3


def test_a_kill_never_repeats_or_loses_a_line_of_the_file(
    shop: Shop,
    running: Callable[..., Any],
    data: Path,
    singer: Singer,
) -> None:
    shop.run((data / "a_day_at_the_shop.singer").read_bytes().splitlines())
    output = shop.folder / "contacts.jsonl"
    contacts = [
        singer.record("activation-contacts", f"k{n}", email="ada.baker@example.com")
        for n in range(5)
    ]
    lines = [singer.schema("activation-contacts"), *contacts[:2], singer.state(1), *contacts[2:]]
    config = {"destination": "jsonl", "output_path": str(output), "batch_size": 2}
    process, _ = running([*lines, singer.state(2)], **config)
    wait_for_state(process, 1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with output.open("ab") as file:
        file.write(b"written but never committed")
    shop.run([*lines, singer.state(2)], **config)
    sent = [json.loads(line)["contact_id"] for line in output.read_text().splitlines()]
    assert sorted(sent) == ["k0", "k1", "k2", "k3", "k4"]


def test_nobody_reads_the_state_any_more(
    running: Callable[..., Any],
    singer: Singer,
) -> None:
    process, more = running([singer.schema("orders"), singer.state(0)])
    wait_for_state(process, 0)
    process.stdout.close()
    more.write((singer.record("orders") + "\n" + singer.state(1) + "\n").encode())
    more.close()
    process.wait(timeout=20)
    log = process.stderr.read().decode()
    assert process.returncode == 1
    assert "Nobody reads this program's standard output" in log
    assert "Traceback" not in log
