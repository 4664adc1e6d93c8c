"""Whose DATABASE_URL it is decides whether anything is started or written."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest
from dotenv import dotenv_values

if TYPE_CHECKING:
    from shopcrm_database import RunningServer
    from shopcrm_database.testing import Project

OTHER = "postgresql://owner:hidden@db.example.org:5432/shop"


def _written(project: Project) -> str | None:
    return dotenv_values(project.path / ".env").get("DATABASE_URL")


def test_the_first_start_writes_the_address_for_its_owner_alone(new_project: Project) -> None:
    told = new_project.run("start")

    assert "now holds its address as DATABASE_URL" in told
    assert _written(new_project) == new_project.run("url").strip()
    assert stat.S_IMODE((new_project.path / ".env").stat().st_mode) == 0o600
    assert "now holds" not in new_project.run("start")


def test_other_lines_stay_and_an_open_file_is_closed(project: Project) -> None:
    env = project.path / ".env"
    env.write_text("# mine\nSQUARE_TOKEN=abc\n")
    env.chmod(0o644)

    told = project.run("start")

    assert "now closed to other users" in told
    assert env.read_text().startswith("# mine\nSQUARE_TOKEN=abc\nDATABASE_URL=postgresql://")
    assert stat.S_IMODE(env.stat().st_mode) == 0o600


@pytest.mark.parametrize("url", [OTHER, "mysql://x:hidden@db/shop", "not a url: hidden"])
def test_a_database_named_in_the_environment_is_used_and_nothing_started(
    new_project: Project, url: str
) -> None:
    told = new_project.run("start", DATABASE_URL=url)

    assert "so nothing was started" in told
    assert "in the environment" in told
    assert "hidden" not in told
    assert list(new_project.path.iterdir()) == []
    assert new_project.run("url", DATABASE_URL=url).strip() == url


def test_a_database_named_in_the_file_is_used_and_the_file_left(new_project: Project) -> None:
    (new_project.path / ".env").write_text(f"DATABASE_URL={OTHER}\n")

    told = new_project.run("start")

    assert "names the database db.example.org:5432/shop" in told
    assert _written(new_project) == OTHER
    assert not new_project.folder.path.exists()


def test_an_address_of_our_own_in_the_environment_does_not_stop_a_start(project: Project) -> None:
    project.run("start")
    url = project.run("url").strip()
    project.run("stop")

    assert "runs on" in project.run("start", DATABASE_URL=url)


def test_an_address_left_over_from_a_deleted_folder_is_replaced(project: Project) -> None:
    stale = "postgresql://shopcrm:shopcrm-embedded-0@127.0.0.1:1/shopcrm"
    (project.path / ".env").write_text(f"DATABASE_URL='{stale}'\n")

    project.run("start", DATABASE_URL=stale)

    assert _written(project) == project.run("url").strip() != stale


def test_another_projects_embedded_database_counts_as_another_database(
    project: Project, shared_server: RunningServer
) -> None:
    told = project.run("start", DATABASE_URL=shared_server.url)
    assert "so nothing was started" in told

    status = json.loads(project.run("status", "--json", DATABASE_URL=shared_server.url))
    assert (status["kind"], status["state"]) == ("external", "reachable")
    assert status["version"].startswith("18.")


def test_an_unreachable_other_database_is_told_so(project: Project) -> None:
    url = "postgresql://owner:hidden@127.0.0.1:1/shop"
    status = json.loads(project.run("status", "--json", DATABASE_URL=url))
    assert (status["state"], status["version"]) == ("unreachable", None)


def test_psql_speaks_to_another_database_too(
    project: Project, shared_server: RunningServer
) -> None:
    url = shared_server.url.replace("postgresql://", "postgresql+psycopg://")
    answer = project.run("psql", "-A", "-t", "-c", "select 6 * 7", DATABASE_URL=url)
    assert answer == "42\n"


@pytest.mark.parametrize("command", [["url"], ["psql"], ["backup"]])
def test_before_the_first_start_a_command_says_what_to_type(
    new_project: Project, command: list[str]
) -> None:
    assert "`shopcrm-database start`" in new_project.refuse(*command)
