"""Root, ordinary users, users without a name, and containers without user namespaces."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from shopcrm_database import placement, privileges, running_server, server
from shopcrm_database.binaries import carried_binaries
from shopcrm_database.errors import NotPossibleHereError
from shopcrm_database.folder import DataFolder
from shopcrm_database.privileges import RunAs
from shopcrm_database.testing import Project

if TYPE_CHECKING:
    from collections.abc import Callable

NOBODY, NAMELESS = 65534, 54321

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can try other users")


def _python_for(user: int) -> tuple[str, dict[str, str]]:
    """An interpreter and environment with which `user` can run the command."""
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "HOME": "/"}
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        if not Path(python).exists():
            continue
        try:
            subprocess.run(
                [python, "-c", "import shopcrm_database.cli"],
                user=user,
                group=user,
                extra_groups=[],
                env={**os.environ, **environment},
                cwd="/",
                capture_output=True,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return python, environment
    pytest.skip("no interpreter and packages that an ordinary user can reach")


@pytest.fixture
def project_of(open_folder: Path) -> Callable[[int], Project]:
    """Makes a project that belongs to another user, in a home only that user can enter."""

    def make(user: int) -> Project:
        python, environment = _python_for(user)
        home = open_folder / "home"
        home.mkdir(mode=0o700)
        os.chown(home, user, user)
        return Project(home, [python, "-m", "shopcrm_database"], environment, user)

    return make


@as_root
@pytest.mark.parametrize("user", [NOBODY, NAMELESS], ids=["named", "nameless"])
def test_an_ordinary_user_runs_everything(project_of: Callable[[int], Project], user: int) -> None:
    project = project_of(user)
    assert "runs on" in project.run("start")
    project.sql("create table customers as select 'Ada' as name")
    project.run("backup", str(project.path / "shop.dump"))
    project.run("restore", str(project.path / "shop.dump"))
    assert project.sql("select name from customers") == "Ada"
    assert psutil.Process(server.running(project.folder).pid).uids().effective == user
    assert project.run("stop") == "PostgreSQL has stopped.\n"


@as_root
def test_root_takes_over_a_users_database_as_that_user(
    project_of: Callable[[int], Project],
) -> None:
    theirs = project_of(NOBODY)
    theirs.run("start")
    theirs.run("stop")

    Project(theirs.path).run("start")

    assert psutil.Process(server.running(theirs.folder).pid).uids().effective == NOBODY
    assert (theirs.path / ".env").stat().st_uid == NOBODY
    Project(theirs.path).run("stop")
    assert "runs on" in theirs.run("start")


@as_root
def test_a_user_is_told_that_the_database_is_roots(
    project_of: Callable[[int], Project],
) -> None:
    theirs = project_of(NOBODY)
    theirs.path.chmod(0o755)
    Project(theirs.path).run("start")
    (theirs.path / ".env").unlink()
    assert "belongs to another user" in theirs.refuse("status")
    assert "cannot be used" in theirs.refuse("start")


@as_root
def test_root_without_namespaces_uses_an_account_in_the_project(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = RunAs("account", NOBODY, NOBODY)
    monkeypatch.setattr(privileges, "namespace", lambda: None)
    monkeypatch.setattr(privileges, "dedicated_account", lambda: account)
    monkeypatch.setattr(placement, "ACCOUNT_PLACES", open_folder / "places")
    folder = DataFolder(open_folder / "project" / "database")

    with running_server(folder.path):
        assert psutil.Process(server.running(folder).pid).uids().effective == NOBODY
        assert folder.cluster == folder.path / "pgdata"
        assert folder.passwords.stat().st_uid == 0
        assert stat.S_IMODE(folder.passwords.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.cluster.stat().st_mode) == 0o700


@as_root
def test_root_without_namespaces_uses_a_place_of_its_own_where_the_project_is_closed(
    open_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = RunAs("account", NOBODY, NOBODY)
    monkeypatch.setattr(privileges, "namespace", lambda: None)
    monkeypatch.setattr(privileges, "dedicated_account", lambda: account)
    monkeypatch.setattr(placement, "ACCOUNT_PLACES", open_folder / "places")
    tmp_path.chmod(0o700)
    folder = DataFolder(tmp_path / "database")

    for was_running in (False, False):
        started = server.start(folder)
        assert started.was_running is was_running
        assert folder.cluster.is_relative_to(open_folder / "places")
        assert stat.S_IMODE(folder.cluster.stat().st_mode) == 0o700
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
        assert server.stop(folder)


@as_root
def test_programs_that_an_account_cannot_reach_are_copied_to_where_it_can(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = RunAs("account", NOBODY, NOBODY)
    monkeypatch.setattr(placement, "ACCOUNT_PLACES", open_folder / "places")

    copy = placement._reachable_copy(carried_binaries(), account)  # noqa: SLF001 - rarely needed

    assert copy.home.is_relative_to(open_folder / "places")
    answer = subprocess.run(
        account.command([copy.program("initdb"), "--version"]),
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.startswith("initdb (PostgreSQL) 18.")


@as_root
def test_root_without_any_safe_way_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privileges, "namespace", lambda: None)
    monkeypatch.setattr(privileges, "ACCOUNT_NAME", "no-such-account")
    with pytest.raises(NotPossibleHereError, match=r"set DATABASE_URL"):
        server.start(DataFolder(tmp_path / "database"))
