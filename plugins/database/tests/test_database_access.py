"""Nobody else gets in, and no folder but its own is touched."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import psycopg
import pytest
from shopcrm_database import server
from shopcrm_database.folder import ADMIN, DATABASE, HOST, ROLE

if TYPE_CHECKING:
    from pathlib import Path

    from shopcrm_database import RunningServer
    from shopcrm_database.testing import Project


def _rights(path: Path) -> dict[str, tuple[int, int, int]]:
    """Mode and owner of every folder above `path`."""
    facts = {str(parent): parent.stat() for parent in path.parents}
    return {name: (fact.st_mode, fact.st_uid, fact.st_gid) for name, fact in facts.items()}


@pytest.mark.parametrize("user", [ROLE, ADMIN])
@pytest.mark.parametrize("password", ["wrong", ""])
def test_a_wrong_password_is_refused(
    shared_server: RunningServer, user: str, password: str
) -> None:
    with pytest.raises(psycopg.OperationalError, match=r"password"):
        psycopg.connect(
            host=HOST, port=shared_server.port, user=user, password=password, dbname=DATABASE
        )


def test_only_passwords_over_loopback_are_admitted(shared_server: RunningServer) -> None:
    rules = (shared_server.folder.cluster / "pg_hba.conf").read_text().split("\n")
    assert [rule.split() for rule in rules if rule] == [
        ["host", "all", "all", "127.0.0.1/32", "scram-sha-256"]
    ]
    with psycopg.connect(shared_server.admin_url) as connection:
        settings = "listen_addresses", "unix_socket_directories", "password_encryption"
        found = [connection.execute(f"show {name}").fetchone() for name in settings]
    assert found == [("127.0.0.1",), ("",), ("scram-sha-256",)]


def test_the_role_of_the_programs_is_no_superuser(shared_server: RunningServer) -> None:
    with (
        psycopg.connect(shared_server.url) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("copy (select 1) to program 'true'")
    with psycopg.connect(shared_server.admin_url) as connection:
        assert connection.execute("show is_superuser").fetchone() == ("on",)


def test_a_home_that_others_cannot_enter_stays_closed(new_project: Project) -> None:
    new_project.path.chmod(0o700)
    before = _rights(new_project.path / "file")

    new_project.run("start")
    new_project.run("stop")
    new_project.run("start")

    assert _rights(new_project.path / "file") == before
    assert stat.S_IMODE(new_project.folder.path.stat().st_mode) == 0o700
    for path in new_project.folder.path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_passwords_show_only_where_asked_for(project: Project) -> None:
    told = project.run("start") + project.run("status") + project.run("status", "--json")
    told += project.run("start") + project.run("backup") + project.run("stop")
    told += project.refuse("psql", "-c", "select 1")
    password = project.folder.password()
    assert password not in told
    assert password in project.run("url")
    for log in (*project.folder.cluster.glob("log/*"), project.folder.start_log):
        assert password not in log.read_text()


def test_the_log_keeps_what_statements_say_to_itself(project: Project) -> None:
    project.run("start")
    project.try_to("psql", "-c", "select 'ada@example.org'::int")
    project.try_to("psql", "-c", "selectt 'ada@example.org'")
    project.run("stop")
    logs = [path.read_text() for path in project.folder.cluster.glob("log/*")]
    assert logs
    assert not any("ada@" in text for text in logs)


def test_a_folder_that_others_may_write_into_is_refused(new_project: Project) -> None:
    new_project.folder.path.mkdir(parents=True)
    new_project.folder.path.chmod(0o777)
    assert "chmod go-w" in new_project.refuse("start")


def test_a_folder_with_other_files_is_left_alone(new_project: Project) -> None:
    precious = new_project.path / "papers"
    precious.mkdir()
    (precious / "letter.txt").write_text("dear")

    told = new_project.refuse("--data-folder", str(precious), "start")

    assert "holds other files" in told
    assert [path.name for path in precious.iterdir()] == ["letter.txt"]


def test_the_server_runs_without_any_privilege(project: Project) -> None:
    project.run("start")
    pid = server.running(project.folder).pid
    status = f"/proc/{pid}/status"
    if not os.path.exists(status):  # noqa: PTH110 - a kernel's file
        pytest.skip("this system has no /proc to look into")
    with open(status, encoding="ascii") as file:  # noqa: PTH123 - same
        facts = dict(line.split() for line in file if line.startswith("Cap"))
    assert {facts[name] for name in ("CapEff:", "CapPrm:", "CapAmb:")} == {"0" * 16}
