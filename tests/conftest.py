"""One database server for all cross tests; a fresh database and register for each street."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from practice_register.testing import running_register
from shopcrm_database import running_server

from street import SAME_PEPPER, Street

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from practice_register.testing import RunningRegister
    from shopcrm_database import RunningServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A PostgreSQL of our own, without fsync: nothing here outlives the test run."""
    with running_server(tmp_path_factory.mktemp("database"), durable=False) as running:
        yield running


@pytest.fixture
def new_database(server: RunningServer) -> Callable[[], str]:
    """Make an empty database and return its URL."""
    return lambda: server.create_database(f"test_{uuid4().hex[:12]}")


@pytest.fixture
def register(tmp_path: Path) -> Iterator[RunningRegister]:
    """A small practice register with a year of baskets of twenty households."""
    with running_register(tmp_path / "register", households=20, seed=1) as running:
        yield running


@pytest.fixture
def street(tmp_path: Path, register: RunningRegister, new_database: Callable[[], str]) -> Street:
    """A street from that register into an empty database."""
    return Street(tmp_path, register.url, register.token, new_database(), environment=SAME_PEPPER)
