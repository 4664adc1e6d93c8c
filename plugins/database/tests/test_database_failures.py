"""What stands in the way is told in one sentence, with PostgreSQL's own reason."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from shopcrm_database.log import reason
from shopcrm_database.testing import COMMAND

if TYPE_CHECKING:
    from shopcrm_database.testing import Project


def _mount_is_possible() -> bool:
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    command = [unshare, "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


may_mount = pytest.mark.skipif(
    not _mount_is_possible(),
    reason="only root can mount a small disk for the length of one command",
)


def _on_a_disk(project: Project, options: str) -> None:
    """Run the command with a small disk mounted as its project, seen by that command alone."""
    script = f'mount -t tmpfs -o {options} none "$0" && exec "$@"'
    project.command = ["unshare", "-m", "sh", "-c", script, str(project.path), *COMMAND]


@may_mount
def test_a_full_disk(new_project: Project) -> None:
    _on_a_disk(new_project, "size=12m")
    told = new_project.refuse("start")
    assert "could not make a database" in told
    assert "No space left on device" in told


@may_mount
def test_a_read_only_disk(new_project: Project) -> None:
    _on_a_disk(new_project, "ro")
    assert "Read-only file system" in new_project.refuse("start")


def test_data_of_another_major_version(project: Project) -> None:
    (project.folder.cluster / "PG_VERSION").write_text("17\n")

    told = project.refuse("start")

    assert "written by PostgreSQL 17" in told
    assert "carries 18." in told
    assert "`restore`" in told
    assert "pg_upgrade" in told


def test_a_setting_that_the_server_refuses(project: Project) -> None:
    with (project.folder.cluster / "postgresql.conf").open("a") as file:
        file.write("shared_buffers = much\n")

    told = project.refuse("start")

    assert "PostgreSQL did not start: " in told
    assert "its log is" in told


def test_a_lost_password_file(project: Project) -> None:
    project.folder.passwords.unlink()
    assert "is missing or damaged" in project.refuse("start")


def test_a_damaged_state_file(project: Project) -> None:
    (project.folder.path / "state.json").write_text("{")
    assert "delete it" in project.refuse("start")
    (project.folder.path / "state.json").unlink()
    assert "runs on" in project.run("start")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write(new_project: Project) -> None:
    new_project.path.chmod(0o500)
    try:
        assert "Permission denied" in new_project.refuse("start")
    finally:
        new_project.path.chmod(0o700)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it gave no reason"),
        ("plain words.", "plain words"),
        ("initdb: error: directory is not empty\ninitdb: hint: none", "directory is not empty"),
        (
            "LOG:  could not bind IPv4 address: Address already in use\nFATAL:  no TCP/IP sockets",
            "could not bind IPv4 address: Address already in use",
        ),
        ("2026-01-01 UTC [7] FATAL:  lock file is empty\nHINT: none", "lock file is empty"),
    ],
    ids=["nothing", "unmarked", "initdb", "port", "fatal"],
)
def test_the_reason_is_read_out_of_a_log(text: str, told: str) -> None:
    assert reason(text) == told
