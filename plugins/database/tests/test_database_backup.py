"""A backup is one private file; a restore replaces everything or nothing."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import psycopg
import pytest
from shopcrm_database.address import Address
from shopcrm_database.binaries import carried_binaries
from shopcrm_database.dump import backup, restore
from shopcrm_database.errors import (
    NotPossibleHereError,
    ServerError,
    SessionsConnectedError,
    WrongUsageError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from shopcrm_database import RunningServer
    from shopcrm_database.testing import Project


@pytest.fixture
def shop(shared_server: RunningServer, request: pytest.FixtureRequest) -> Address:
    """A database of its own for one test, holding one customer."""
    name = f"shop_{abs(hash(request.node.name))}"
    url = shared_server.create_database(name)
    with psycopg.connect(url) as connection:
        connection.execute("create table customers as select 'Ada' as name")
    return Address.parse(url)


def _rows(server: RunningServer, shop: Address) -> list[tuple[str, ...]]:
    with psycopg.connect(server.folder.url(server.port, shop.database)) as connection:
        return connection.execute("select name from customers").fetchall()


def _databases(server: RunningServer, shop: Address) -> list[str]:
    with psycopg.connect(server.url) as connection:
        rows = connection.execute(
            "select datname from pg_database where datname like %s order by 1",
            [f"{shop.database}%"],
        ).fetchall()
    return [name for (name,) in rows]


def test_a_backup_made_by_the_command_comes_back(project: Project) -> None:
    project.run("start")
    project.sql("create table customers as select 'Ada' as name")
    told = project.run("backup")
    [file] = (project.path / ".shopcrm" / "backups").iterdir()
    assert str(file) in told
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    project.sql("drop table customers")

    project.run("restore", str(file))

    assert project.sql("select name from customers") == "Ada"
    assert project.sql("select count(*) from pg_database") == "4"


def test_a_restore_drops_what_came_after_the_backup(
    shared_server: RunningServer, shop: Address, tmp_path: Path
) -> None:
    file = tmp_path / "shop.dump"
    backup(shop, carried_binaries(), file)
    with psycopg.connect(shared_server.folder.url(shared_server.port, shop.database)) as later:
        later.execute("insert into customers values ('Grace')")
        later.execute("create table later (id int)")

    restore(shop, carried_binaries(), file)

    assert _rows(shared_server, shop) == [("Ada",)]
    assert _databases(shared_server, shop) == [shop.database]


def test_a_restore_waits_for_nobody_and_refuses_while_others_are_connected(
    shared_server: RunningServer, shop: Address, tmp_path: Path
) -> None:
    file = tmp_path / "shop.dump"
    backup(shop, carried_binaries(), file)
    url = shared_server.folder.url(shared_server.port, shop.database)
    with (
        psycopg.connect(url),
        pytest.raises(SessionsConnectedError, match=r"Other programs are connected"),
    ):
        restore(shop, carried_binaries(), file)
    assert _rows(shared_server, shop) == [("Ada",)]


def test_a_damaged_backup_changes_nothing(
    shared_server: RunningServer, shop: Address, tmp_path: Path
) -> None:
    file = tmp_path / "shop.dump"
    backup(shop, carried_binaries(), file)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ServerError, match=r"cannot be restored"):
        restore(shop, carried_binaries(), file)

    assert _rows(shared_server, shop) == [("Ada",)]
    assert _databases(shared_server, shop) == [shop.database]


def test_a_database_that_somebody_else_made_is_not_dropped(
    shared_server: RunningServer, shop: Address, tmp_path: Path
) -> None:
    file = tmp_path / "shop.dump"
    backup(shop, carried_binaries(), file)
    theirs = f"{shop.database}_restore"
    shared_server.create_database(theirs)

    with pytest.raises(NotPossibleHereError, match=theirs):
        restore(shop, carried_binaries(), file)

    assert _databases(shared_server, shop) == [shop.database, theirs]


def test_a_role_that_may_not_create_databases_is_told_so(
    shared_server: RunningServer, shop: Address, tmp_path: Path
) -> None:
    file = tmp_path / "shop.dump"
    backup(shop, carried_binaries(), file)
    with psycopg.connect(shared_server.admin_url) as connection:
        connection.execute("create role visitor login password 'visitor'")
    visitor = Address(shop.host, shop.port, shop.database, "visitor", "visitor")

    with pytest.raises(NotPossibleHereError, match=r"may create databases"):
        restore(visitor, carried_binaries(), file)


def test_neither_command_harms_a_file(shop: Address, tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("dear")
    with pytest.raises(WrongUsageError, match=r"exists already"):
        backup(shop, carried_binaries(), file)
    with pytest.raises(WrongUsageError, match=r"is no backup"):
        restore(shop, carried_binaries(), file)
    assert file.read_text() == "dear"


def test_a_backup_that_fails_leaves_no_file(shop: Address, tmp_path: Path) -> None:
    wrong = Address(shop.host, shop.port, shop.database, shop.user, "wrong")
    with pytest.raises(ServerError, match=r"password authentication failed") as refused:
        backup(wrong, carried_binaries(), tmp_path / "shop.dump")
    assert "No backup of" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_database_can_be_copied_for_each_test(shared_server: RunningServer) -> None:
    template = shared_server.create_database("pattern")
    with psycopg.connect(template) as connection:
        connection.execute("create table customers as select 'Ada' as name")

    with psycopg.connect(shared_server.create_database("copy", template="pattern")) as copy:
        assert copy.execute("select name from customers").fetchall() == [("Ada",)]

    shared_server.drop_database("copy")
    with pytest.raises(ServerError, match=r"already exists"):
        shared_server.create_database("pattern")
