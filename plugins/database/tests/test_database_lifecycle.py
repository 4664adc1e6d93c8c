"""Starting, stopping and everything that may have happened in between."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from shopcrm_database import server
from shopcrm_database.errors import NotPossibleHereError
from shopcrm_database.folder import HOST, DataFolder
from shopcrm_database.process import find_server, take_lock
from shopcrm_database.testing import COMMAND

if TYPE_CHECKING:
    from pathlib import Path

    from shopcrm_database.testing import Project


def _port(project: Project) -> int:
    return server.running(project.folder).port


def _processes_in(folder: Path) -> list[int]:
    """Processes that work anywhere below `folder`, as every PostgreSQL process does."""
    everyone = psutil.process_iter(["cwd"])
    return [p.pid for p in everyone if (p.info["cwd"] or "").startswith(str(folder))]


def test_the_server_survives_between_commands_and_tells_its_state(new_project: Project) -> None:
    new_project.command = COMMAND
    assert json.loads(new_project.run("status", "--json"))["state"] == "stopped"
    assert "runs on 127.0.0.1:" in new_project.run("start")
    assert "already runs on" in new_project.run("start")

    status = json.loads(new_project.run("status", "--json"))
    assert status["kind"] == "embedded"
    assert status["state"] == "running"
    assert status["port"] == _port(new_project)
    assert status["version"].startswith("18.")
    assert status["data_folder"] == str(new_project.folder.path)
    assert status["size_bytes"] > 1_000_000
    assert new_project.sql("select current_user, current_database()") == "shopcrm|shopcrm"

    assert new_project.run("stop") == "PostgreSQL has stopped.\n"
    assert new_project.run("stop") == "PostgreSQL was not running.\n"
    assert "stopped" in new_project.run("status")


def test_starting_again_is_quick_and_keeps_port_and_data(project: Project) -> None:
    project.run("start")
    port = _port(project)
    project.sql("create table kept as select 1 as one")
    project.run("stop")

    before = time.monotonic()
    project.run("start")

    assert time.monotonic() - before < 2
    assert _port(project) == port
    assert project.sql("select one from kept") == "1"


def test_stopping_ends_sessions_and_leaves_no_process(project: Project) -> None:
    project.run("start")
    session = project.launch("psql", "-c", "select pg_sleep(60)")
    while project.sql("select count(*) from pg_stat_activity where query ~ '^select pg_sl'") == "0":
        time.sleep(0.02)

    project.run("stop")

    _, told = session.communicate(timeout=10)
    assert "terminating connection" in told
    assert _processes_in(project.folder.path) == []


def test_the_database_is_utf8_in_utc_and_sorts_the_same_everywhere(project: Project) -> None:
    project.run("start", TZ="America/New_York", LC_ALL="de_DE.UTF-8")
    settings = project.sql(
        "select current_setting('server_encoding'), datlocprovider, datlocale, "
        "current_setting('timezone'), current_setting('log_timezone'), current_setting('fsync'), "
        "current_setting('data_checksums'), upper('ä') "
        "from pg_database where datname = current_database()"
    )
    assert settings == "UTF8|b|C.UTF-8|UTC|UTC|on|on|Ä"


def test_variables_meant_for_other_servers_do_not_steer_the_commands(project: Project) -> None:
    elsewhere = {"PGHOST": "192.0.2.1", "PGPORT": "1", "PGUSER": "x", "PGDATA": "/nonexistent"}
    project.run("start", **elsewhere)
    answer = project.run("psql", "-A", "-t", "-c", "select current_user", **elsewhere)
    assert answer == "shopcrm\n"


def test_two_starts_at_once_make_one_server(new_project: Project) -> None:
    both = [new_project.launch("start"), new_project.launch("start")]
    told = [process.communicate(timeout=60) for process in both]

    assert [process.returncode for process in both] == [0, 0], told
    assert sorted("already runs" in out for out, _ in told) == [False, True]
    assert new_project.sql("select 1") == "1"


def test_a_killed_server_starts_again_with_what_was_committed(project: Project) -> None:
    project.run("start")
    project.sql("create table kept as select 1 as one")
    os.kill(server.running(project.folder).pid, signal.SIGKILL)

    assert "runs on" in project.run("start")

    assert project.sql("select one from kept") == "1"


def test_a_process_id_that_was_given_to_another_program_is_no_server(project: Project) -> None:
    project.run("start")
    running = server.running(project.folder)
    pid_file = project.folder.cluster / "postmaster.pid"
    left_behind = pid_file.read_text()
    os.kill(running.pid, signal.SIGKILL)
    lock = take_lock(project.folder.server_lock, 10)
    assert lock is not None
    os.close(lock)
    pid_file.write_text(left_behind.replace(str(running.pid), str(os.getpid()), 1))

    assert project.run("stop") == "PostgreSQL was not running.\n"
    assert "runs on" in project.run("start")


def test_a_port_that_got_taken_is_replaced_and_told(project: Project) -> None:
    project.run("start")
    port = _port(project)
    project.run("stop")
    with socket.socket() as other:
        other.bind((HOST, port))
        other.listen()

        told = project.run("start")

    assert f"Port {port} is taken by another program" in told
    assert _port(project) != port
    assert f":{_port(project)}/" in (project.path / ".env").read_text()


def test_a_start_that_crashed_half_way_is_redone(new_project: Project) -> None:
    new_project.folder.prepare()
    half = new_project.folder.path / "pgdata.new-1234"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")

    new_project.run("start")

    assert new_project.sql("select 1") == "1"
    assert not half.exists()


def test_a_server_that_another_container_runs_is_not_started_twice(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_DYING_SECONDS", 0.1)
    server.start(project.folder)
    server.stop(project.folder)
    lock = take_lock(project.folder.server_lock, 0)
    assert lock is not None
    try:
        with pytest.raises(NotPossibleHereError, match=r"does not see"):
            server.start(project.folder)
    finally:
        os.close(lock)


def test_a_very_long_path_is_no_obstacle(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path.joinpath(*["a folder with 'quotes\" & $signs " * 3] * 3))
    assert len(str(folder.path)) > 250
    try:
        server.start(folder)
        assert find_server(folder.cluster) is not None
        assert server.start(folder).was_running
    finally:
        assert server.stop(folder)
