"""tap-pos as others install it: by itself, from its folder, beside somebody else's target."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from alone import copy_of, environment_with, files_of, look_around, output
from street import PROJECT, SHOP

if TYPE_CHECKING:
    from practice_register.testing import RunningRegister

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tap's folder, far from the workspace that it belongs to."""
    return copy_of("tap-pos", tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def alone(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment that holds the tap and what it requires."""
    return environment_with(tmp_path_factory.mktemp("alone") / "venv", str(source))


@pytest.fixture(scope="module")
def look(alone: Path) -> dict[str, Any]:
    """What is in that environment."""
    return look_around(alone, "tap-pos", "tap_pos.testing")


@pytest.fixture(scope="module")
def target_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody else's target, in an environment of its own."""
    pins = Path(__file__).with_name("requirements-target-csv.txt")
    commands = environment_with(tmp_path_factory.mktemp("target") / "venv", "-r", str(pins))
    return commands / "target-csv"


def test_the_installed_package_holds_every_file_of_the_source(
    source: Path, look: dict[str, Any]
) -> None:
    installed = files_of(Path(look["folder"]))
    assert installed == files_of(source / "tap_pos")
    assert "py.typed" in installed
    assert str(PROJECT) not in look["folder"]


def test_it_brings_what_it_declares_and_imports_nothing_else(look: dict[str, Any]) -> None:
    assert look["installed"] == look["reached"]
    assert set(look["direct"]) <= set(look["declared"])


def test_it_tells_about_itself_without_any_settings(alone: Path) -> None:
    tap = alone / "tap-pos"
    assert output(tap, "--version").startswith("tap-pos v")
    about = output(tap, "--about", "--format=markdown")
    assert "# `tap-pos`" in about
    assert "| access_token |" in about
    streams = json.loads(output(tap, "--discover"))["streams"]
    assert {"orders", "products", "customers"} <= {each["tap_stream_id"] for each in streams}


class Files:
    """The tap piped into target-csv, bookmarks kept between runs."""

    def __init__(self, folder: Path, tap: Path, target: Path, register: RunningRegister) -> None:
        shop = {
            "id": SHOP,
            "vendor": "square",
            "base_url": register.url,
            "access_token": register.token,
        }
        self.folder, self.tap, self.target = folder, tap, target
        (folder / "tap.json").write_text(json.dumps({"shops": [shop]}))

    def run(self, name: str) -> dict[str, list[dict[str, str]]]:
        """Run once into a new folder and return the rows of every file."""
        written = self.folder / name
        written.mkdir()
        (self.folder / "target.json").write_text(json.dumps({"output_path": str(written)}))
        command = [str(self.tap), "--config", str(self.folder / "tap.json")]
        state = self.folder / "state.json"
        if state.exists():
            command += ["--state", str(state)]
        with (self.folder / "tap.log").open("wb") as log:
            tap = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
            target = subprocess.run(
                [str(self.target), "--config", str(self.folder / "target.json")],
                stdin=tap.stdout,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            assert tap.stdout is not None
            tap.stdout.close()
            assert tap.wait(60) == 0, (self.folder / "tap.log").read_text()
        assert target.returncode == 0, target.stderr
        state.write_text(target.stdout.splitlines()[-1])
        return {path.stem: rows_of(path) for path in written.glob("*.csv")}


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a file, as texts."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def latest(*files: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    """The last row of each id: target-csv appends, whatever the key."""
    return {row["id"]: row for rows in files for row in rows}


def test_somebody_elses_target_files_the_registers_books(
    tmp_path: Path, alone: Path, target_csv: Path, register: RunningRegister
) -> None:
    files = Files(tmp_path, alone / "tap-pos", target_csv, register)
    first = files.run("first")
    books = register.books()
    orders = latest(first["orders"])
    assert len(orders) == books["total"]["orders"]["count"]
    assert (
        sum(int(row["total"]) for row in orders.values())
        == (books["total"]["orders"]["net_total_money"])
    )
    living = [row for row in latest(first["customers"]).values() if not row["deleted_at"]]
    assert len(living) == books["customers"]["searchable"]
    assert len(latest(first["locations"])) == len(books["locations"])

    again = files.run("again")
    for stream in ("orders", "customers", "products"):
        # Nothing happened meanwhile, so only rows within the lookback come, unchanged.
        known = latest(first[stream])
        assert len(again.get(stream, [])) < len(known) / 10
        assert all(row == known[row["id"]] for row in again.get(stream, []))

    register.advance(days=1)
    later = files.run("later")
    assert later["orders"]
    orders = latest(first["orders"], later["orders"])
    assert len(orders) == register.books()["total"]["orders"]["count"]
