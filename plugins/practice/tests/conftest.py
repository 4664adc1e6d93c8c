"""A register for the tests that only read, and helpers to talk to it as a plain client does."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from practice_register.testing import running_register

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from practice_register.testing import RunningRegister

TODAY = date(2026, 11, 22)
CROWD = 150


class Client:
    """A plain HTTP client of one register."""

    def __init__(self, register: RunningRegister) -> None:
        self.register = register
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {register.token}"
        self.session.headers["Square-Version"] = "2025-08-20"

    def send(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send a request, whatever comes back."""
        return self.session.request(method, self.register.url + path, timeout=30, **more)

    def post(self, path: str, **body: object) -> dict[str, Any]:
        """Post a body that must be taken."""
        response = self.send("POST", path, json=body)
        assert response.status_code == 200, response.text
        content: dict[str, Any] = response.json()
        return content

    def get(self, path: str, **query: object) -> dict[str, Any]:
        """Get what must be there."""
        response = self.send("GET", path, params=query)
        assert response.status_code == 200, response.text
        content: dict[str, Any] = response.json()
        return content

    def refused(self, method: str, path: str, **more: object) -> tuple[int, dict[str, str]]:
        """The status and the one error of a request that is refused."""
        response = self.send(method, path, **more)
        assert response.status_code >= 400, response.text
        (error,) = response.json()["errors"]
        return response.status_code, error

    def every(self, path: str, name: str, **body: object) -> list[dict[str, Any]]:
        """All records of a list that is read by POST, page by page."""
        return self._drain(name, lambda more: self.post(path, **{**body, **more}))

    def every_get(self, path: str, name: str, **query: object) -> list[dict[str, Any]]:
        """All records of a list that is read by GET, page by page."""
        return self._drain(name, lambda more: self.get(path, **{**query, **more}))

    @staticmethod
    def _drain(name: str, ask: Callable[[dict[str, Any]], dict[str, Any]]) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = []
        more: dict[str, Any] = {}
        while True:
            page = ask(more)
            records += page.get(name, [])
            if "cursor" not in page:
                return records
            more = {"cursor": page["cursor"]}

    @property
    def locations(self) -> list[str]:
        """The ids of all locations."""
        return [each["id"] for each in self.get("/v2/locations")["locations"]]

    def orders(self, **query: object) -> list[dict[str, Any]]:
        """All orders, oldest change first unless the query says otherwise."""
        query = query or {"sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"}}
        return self.every(
            "/v2/orders/search", "orders", location_ids=self.locations, query=query, limit=1000
        )

    def close(self) -> None:
        """Close the connections."""
        self.session.close()


@pytest.fixture(scope="session")
def specification_path() -> Path:
    """Square's own OpenAPI file, where this machine has it."""
    beside = Path(__file__).resolve().parents[3].parent / "shared" / "specs"
    folder = Path(os.environ.get("SHOPCRM_SPECS") or beside)
    path = folder / "square" / "api-2025-08-20.offline.json"
    if not path.exists():
        pytest.skip(f"Square's OpenAPI file is not at {path}: set SHOPCRM_SPECS to its folder")
    return path


@pytest.fixture(scope="session")
def register(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegister]:
    """A register with twenty households that nobody advances."""
    folder = tmp_path_factory.mktemp("register")
    with running_register(folder, today=TODAY, in_process=True) as running:
        yield running


@pytest.fixture
def client(register: RunningRegister) -> Iterator[Client]:
    """A client of the register that nobody advances."""
    plain = Client(register)
    yield plain
    plain.close()


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegister]:
    """A register with enough people to count shares, in a process of its own."""
    folder = tmp_path_factory.mktemp("crowd")
    with running_register(folder, households=CROWD, today=TODAY) as running:
        yield running


@pytest.fixture
def crowd_client(crowd: RunningRegister) -> Iterator[Client]:
    """A client of the crowded register."""
    plain = Client(crowd)
    yield plain
    plain.close()


@pytest.fixture
def moving(tmp_path: Path, register: RunningRegister) -> Iterator[tuple[RunningRegister, Client]]:
    """A register of the same data whose clock may be moved, and a client of it."""
    with _same_data(register, tmp_path, 20) as (running, plain):
        yield running, plain


@pytest.fixture
def moving_crowd(
    tmp_path: Path, crowd: RunningRegister
) -> Iterator[tuple[RunningRegister, Client]]:
    """The crowded register with a clock that may be moved, and a client of it."""
    with _same_data(crowd, tmp_path, CROWD) as (running, plain):
        yield running, plain


@contextmanager
def _same_data(
    register: RunningRegister, folder: Path, households: int
) -> Iterator[tuple[RunningRegister, Client]]:
    for data in register.folder.glob("data-*"):
        (folder / data.name).symlink_to(data, target_is_directory=True)
    with running_register(folder, households, today=TODAY, in_process=True) as running:
        plain = Client(running)
        yield running, plain
        plain.close()


@pytest.fixture(scope="session")
def connect() -> Callable[[RunningRegister], AbstractContextManager[Client]]:
    """Connect to a register that a test started by itself."""
    return lambda running: closing(Client(running))
