"""Projects in temporary folders, and the real command run on them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from shopcrm_database import placement, privileges, running_server, server
from shopcrm_database.folder import DataFolder
from shopcrm_database.testing import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shopcrm_database import RunningServer


@pytest.fixture(autouse=True)
def _no_account_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests leave the machine as it was: no system account, nothing in its /var/lib."""
    monkeypatch.setattr(privileges, "_useradd", lambda: None)
    monkeypatch.setattr(placement, "ACCOUNT_PLACES", Path("/nonexistent"))


@pytest.fixture
def new_project(tmp_path: Path) -> Iterator[Project]:
    """An empty project; its server, if one runs at the end, is stopped."""
    made = Project(tmp_path)
    yield made
    server.stop(made.folder)


@pytest.fixture(scope="session")
def stopped_database(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """A database that was made and has never run, to be copied."""
    folder = DataFolder(tmp_path_factory.mktemp("pattern") / "database")
    with running_server(folder.path, durable=False):
        pass
    (folder.path / "state.json").unlink()
    return folder


@pytest.fixture
def project(new_project: Project, stopped_database: DataFolder) -> Project:
    """A project with a stopped database, which spares a test the making of one."""
    shutil.copytree(stopped_database.path, new_project.folder.path)
    return new_project


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that other users can reach; pytest's own are closed to them."""
    path = Path(tempfile.mkdtemp(prefix="shopcrm-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    for data in path.rglob("state.json"):
        server.stop(DataFolder(data.parent))
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One fast server for every test that only needs a database."""
    with running_server(tmp_path_factory.mktemp("shared") / "data", durable=False) as running:
        yield running
