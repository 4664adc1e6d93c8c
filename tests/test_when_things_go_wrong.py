"""What a shop owner sees on a bad Saturday: one clear sentence and nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil
import pytest

from street import BIN, SHOP, Street

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from practice_register.testing import RunningRegister

NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens there


def last_sentence(said: str) -> str:
    """The last line a person reads."""
    return said.strip().splitlines()[-1]


def assert_one_clear_sentence(said: str, *words: str) -> None:
    """No traceback, and the last line holds what a person needs."""
    assert "Traceback" not in said, said
    sentence = last_sentence(said)
    for word in words:
        assert word in sentence, said


def test_register_unreachable(street: Street) -> None:
    broken = replace(street, register_url=NOWHERE, tap_settings={"max_retry_seconds": 1})
    outcome = broken.run()
    assert outcome.tap_exit != 0
    assert_one_clear_sentence(outcome.tap_says, SHOP, "127.0.0.1:9")
    street.succeed()


def test_wrong_token(street: Street) -> None:
    outcome = replace(street, register_token="not-the-token").run()
    assert outcome.tap_exit != 0
    assert_one_clear_sentence(outcome.tap_says, SHOP, "access token")
    assert "not-the-token" not in outcome.tap_says
    street.succeed()


def test_database_down(street: Street) -> None:
    outcome = replace(street, database_url="postgresql://shopcrm:secret@127.0.0.1:9/shopcrm").run()
    assert outcome.target_exit != 0
    assert_one_clear_sentence(outcome.target_says, "127.0.0.1", "9")
    assert "secret" not in outcome.target_says
    street.succeed()


def test_broken_policy_file_names_the_line(street: Street, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yml"
    policy.write_text(
        "version: 1\nname: broken\nextends: strict\nshops:\n  corner-shop: {country: Atlantis}\n"
    )
    outcome = replace(street, target_settings={"policy_path": str(policy)}).run()
    assert outcome.target_exit != 0
    assert_one_clear_sentence(outcome.target_says, str(policy), "Atlantis", "line 5")
    street.succeed()


@pytest.mark.parametrize("side", ["tap", "target"])
def test_unknown_setting_is_named(side: str, street: Street) -> None:
    if side == "tap":
        outcome = replace(street, tap_settings={"acess_token": "x"}).run()
        code, said = outcome.tap_exit, outcome.tap_says
    else:
        outcome = replace(street, target_settings={"destinaton": "jsonl"}).run()
        code, said = outcome.target_exit, outcome.target_says
    assert code != 0
    assert_one_clear_sentence(said, "acess_token" if side == "tap" else "destinaton")


def test_two_runs_at_once(street: Street, tmp_path: Path) -> None:
    street.succeed()
    _, command = street.commands()
    first = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert first.stdin is not None
    try:
        for _ in range(100):
            if street.rows("select 1 from sync.runs where state = 'running'"):
                break
            time.sleep(0.1)
        (tmp_path / "second").mkdir()
        outcome = replace(street, folder=tmp_path / "second").run()
        assert outcome.target_exit != 0
        assert_one_clear_sentence(outcome.target_says, "run")
    finally:
        first.stdin.close()
        assert first.wait(30) == 0
        assert first.stderr is not None
        first.stderr.close()
    street.succeed()


@pytest.mark.parametrize("moment", [0.2, 1.0, 2.0])
def test_ctrl_c_leaves_no_process_and_the_next_run_carries_on(
    moment: float, street: Street, new_database: Callable[[], str]
) -> None:
    tap, target = street.commands()
    shell = subprocess.Popen(
        ["/bin/bash", "-c", f"{' '.join(tap)} | {' '.join(target)}"],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **street.environment},
    )
    time.sleep(moment)
    os.killpg(shell.pid, signal.SIGINT)
    _, said = shell.communicate(timeout=30)
    assert "Traceback" not in said, said
    group = [p for p in psutil.process_iter(["pid"]) if _group(p.pid) == shell.pid]
    assert group == []
    street.succeed()
    calm = replace(street, database_url=new_database())
    calm.state_file.unlink()
    calm.succeed()
    assert street.tables() == calm.tables()


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def test_one_bad_record_is_a_dead_letter_and_the_rest_arrives(street: Street) -> None:
    tap, target = street.commands()
    lines = subprocess.run(tap, stdout=subprocess.PIPE, check=True, timeout=120).stdout.splitlines()
    broken = 0
    for number, line in enumerate(lines):
        message = json.loads(line)
        if message["type"] == "RECORD" and message["stream"] == "orders":
            message["record"]["total"] = "twelve dollars"
            lines[number] = json.dumps(message).encode()
            broken += 1
            break
    assert broken == 1
    done = subprocess.run(
        target, input=b"\n".join(lines) + b"\n", capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert b"twelve dollars" not in done.stderr
    ((stream, key, field, reason),) = street.rows(
        "select stream, key, field, reason from sync.dead_letters"
    )
    assert stream == "orders"
    assert key["shop_id"] == SHOP
    assert "total" in field
    assert "twelve" not in reason


def test_logs_hold_no_token_and_nobody(street: Street, register: RunningRegister) -> None:
    register.set_faults("rate=0.1,kinds=429|500|cut,seed=5")
    outcome = street.succeed()
    said = outcome.tap_says + outcome.target_says
    assert register.token not in said
    people = street.rows("select email, phone, given_name || ' ' || family_name from pos.customers")
    assert len(people) > 10
    for row in people:
        for personal in filter(None, row):
            assert personal not in said


def test_help_without_a_database_says_what_to_set() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    done = subprocess.run(
        [str(BIN / "shopcrm"), "status"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert_one_clear_sentence(done.stderr, "DATABASE_URL")
