"""The command: start, stop, advance, books; one clear sentence when something is wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from dotenv import dotenv_values
from filelock import Timeout
from practice_register.hosting import is_alive, life_lock
from practice_register.state import Settings, new_state, write_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Command = Callable[..., subprocess.CompletedProcess[str]]


_PS_ALL = ["ps", "-ww", "-eo", "args"]


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """Run `practice-register` in a project folder of its own, and stop what it started."""
    environment = {**os.environ, "MELTANO_PROJECT_ROOT": str(tmp_path)}
    environment.pop("SHOPCRM_PRACTICE_FOLDER", None)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "practice_register", *arguments],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
            timeout=60,
        )

    yield run
    run("stop")
    assert not is_alive(tmp_path / ".shopcrm" / "practice")


def _status(command: Command) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(command("status", "--json").stdout)
    return report


def _gone(pid: int) -> bool:
    """Whether a process has ended; in a container nobody may have collected it yet (``Z``)."""
    for _ in range(100):
        ps = ["ps", "-o", "stat=", "-p", str(pid)]
        state = subprocess.run(ps, capture_output=True, text=True, check=False).stdout.strip()
        if not state or state.startswith("Z"):
            return True
        time.sleep(0.05)
    return False


def _refusal(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    sentence = done.stderr.strip().splitlines()
    assert len(sentence) == 1, done.stderr
    return sentence[0]


def test_a_register_starts_goes_on_and_stops(command: Command, tmp_path: Path) -> None:
    first = command("start", "--households", "3")
    assert first.returncode == 0, first.stderr
    known = dotenv_values(tmp_path / ".env")
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    report = _status(command)
    assert (report["running"], report["url"]) == (True, known["PRACTICE_URL"])
    assert str(known["PRACTICE_TOKEN"]) not in json.dumps(report)
    assert "already running" in command("start", "--households", "3").stdout
    assert _status(command)["pid"] == report["pid"]

    assert command("advance", "1d").returncode == 0
    running_books = json.loads(command("books", "--json").stdout)
    assert command("stop").stdout == "The practice register stopped.\n"
    assert command("stop").stdout == "The practice register was not running.\n"
    assert _gone(report["pid"])

    command("advance", "12h")
    again = command("start")
    assert "carries on" in again.stdout
    later = _status(command)
    assert later["url"] == report["url"]
    assert later["clock"][11:] == "17:00:00.000Z"
    books = json.loads(command("books", "--json").stdout)
    assert books["total"]["orders"]["count"] >= running_books["total"]["orders"]["count"]
    assert "all locations" in command("books").stdout


def test_two_starts_at_once_make_one_register(command: Command) -> None:
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda _: command("start", "--households", "2"), range(2)))
    assert [done.returncode for done in both] == [0, 0], [done.stderr for done in both]
    urls = {done.stdout.split(": ")[1].split(",")[0] for done in both}
    assert urls == {_status(command)["url"]}


def test_somebody_who_looks_whether_one_runs_stops_none_from_starting(
    command: Command, tmp_path: Path
) -> None:
    """Whoever waits for the start looks fifty times a second, and may hold the lock just then."""
    folder = tmp_path / ".shopcrm" / "practice"
    folder.mkdir(parents=True)
    stop = threading.Event()

    def look_all_the_time() -> None:
        while not stop.is_set():
            with suppress(Timeout), life_lock(folder).acquire(timeout=0):
                time.sleep(0.02)
            time.sleep(0.02)

    looking = threading.Thread(target=look_all_the_time)
    looking.start()
    try:
        starting = command("start", "--households", "2")
    finally:
        stop.set()
        looking.join()
    assert starting.returncode == 0, starting.stderr


def test_an_interrupted_start_leaves_nothing_behind(command: Command, tmp_path: Path) -> None:
    starting = subprocess.Popen(
        [sys.executable, "-m", "practice_register", "start", "--households", "500"],
        env={**os.environ, "MELTANO_PROJECT_ROOT": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    folder = tmp_path / ".shopcrm" / "practice"
    deadline = time.monotonic() + 20
    while not list(folder.glob(".building-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    starting.send_signal(signal.SIGINT)
    starting.communicate(timeout=20)
    assert starting.returncode != 0
    assert not is_alive(folder)
    ps = subprocess.run(_PS_ALL, capture_output=True, text=True, check=True)
    assert str(folder) not in ps.stdout
    assert not _status(command)["running"]


def test_other_settings_open_another_register(command: Command, tmp_path: Path) -> None:
    command("start", "--households", "2")
    command("advance", "7d")
    clock, token = _status(command)["clock"], dotenv_values(tmp_path / ".env")["PRACTICE_TOKEN"]
    assert "opened" in command("start", "--households", "3").stdout
    report = _status(command)
    assert report["settings"]["households"] == 3
    assert report["clock"] < clock
    assert dotenv_values(tmp_path / ".env")["PRACTICE_TOKEN"] == token
    assert len(list((tmp_path / ".shopcrm" / "practice").glob("data-*"))) == 1
    assert command("reset").returncode == 0
    assert _status(command) == {
        "running": False,
        "folder": str(tmp_path / ".shopcrm" / "practice"),
    }


def test_the_environment_file_keeps_what_else_it_holds(command: Command, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# mine\nDATABASE_URL='postgresql://x'\n")
    command("start", "--households", "2")
    text = (tmp_path / ".env").read_text()
    assert text.startswith("# mine\nDATABASE_URL='postgresql://x'\n")
    assert "PRACTICE_URL=http://127.0.0.1:" in text


def test_a_taken_port_is_one_clear_sentence(command: Command, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = command("start", "--households", "2", "--port", str(port))
        assert done.returncode == 1
        assert _refusal(done).startswith(f"Port {port} on 127.0.0.1 is taken: ")
        assert not is_alive(tmp_path / ".shopcrm" / "practice")
        # A port that nobody asked for by name is no reason to fail: another one will do.
        assert command("start", "--households", "2").returncode == 0
        assert not _status(command)["url"].endswith(f":{port}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("start", "--faults", "rate=often"), "--faults cannot use"),
        (("advance", "1d"), "There is no practice register in"),
        (("books",), "There is no practice register in"),
    ],
)
def test_wrong_use_is_one_clear_sentence(
    command: Command, arguments: tuple[str, ...], said: str
) -> None:
    assert _refusal(command(*arguments)).startswith(said)


def test_wrong_options_are_told_by_name(command: Command) -> None:
    for arguments in (("start", "--households", "0"), ("advance", "soon"), ("start", "--nothing")):
        done = command(*arguments)
        assert done.returncode == 2
        assert "Error: " in done.stderr


def test_a_broken_state_file_says_how_to_go_on(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / ".shopcrm" / "practice"
    folder.mkdir(parents=True)
    (folder / "register.json").write_text("{")
    sentence = _refusal(command("start"))
    assert "practice-register reset" in sentence
    assert command("reset").returncode == 0
    assert not (folder / "register.json").exists()


def test_a_folder_that_cannot_be_made_is_one_clear_sentence(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / ".shopcrm").write_text("a file where a folder should be")
    for arguments in (("start",), ("advance", "1d"), ("books",)):
        assert "choose another --folder" in _refusal(command(*arguments))


def test_advancing_beyond_the_data_is_one_clear_sentence(command: Command, tmp_path: Path) -> None:
    write_state(tmp_path / ".shopcrm" / "practice", new_state(Settings(households=2)))
    assert "ends on" in _refusal(command("advance", "10w"))
    assert command("advance", "7w").returncode == 0
