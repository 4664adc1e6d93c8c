"""The command line as a user or Meltano calls it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.command import report
from tap_pos.records import STREAMS
from tap_pos.testing import Answer, ScriptedSquare, Synced
from tap_pos.testing.fakes.square_rows import order

if TYPE_CHECKING:
    from pathlib import Path

    from tap_pos.testing import Request

COMMAND = shutil.which("tap-pos", path=os.path.dirname(sys.executable)) or "tap-pos"  # noqa: PTH120 - which wants text


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )


def errors(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The sentences a user reads; never a traceback."""
    assert "Traceback" not in done.stderr, done.stderr
    return [row.split("|")[-1].strip() for row in done.stderr.splitlines() if "| ERROR" in row]


@pytest.fixture
def config_file(tmp_path: Path, config: dict[str, Any]) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def test_a_run_writes_singer_messages_and_ends_well(config_file: Path) -> None:
    done = run("--config", config_file)
    assert done.returncode == 0, done.stderr
    out = Synced([json.loads(row) for row in done.stdout.splitlines()], [])
    assert list(out.schemas) == list(STREAMS), "what others refer to comes first"
    assert set(out.table("orders")) == {("tea", "O1")}
    assert errors(done) == []


def test_about_names_every_setting_and_marks_the_secret() -> None:
    done = run("--about", "--format=json")
    settings = json.loads(done.stdout)["settings"]["properties"]
    assert settings["access_token"]["secret"] is True
    assert settings["shops"]["secret"] is True
    assert all(entry["description"] for entry in settings.values())
    assert {"shops", "only_shops", "start_date", "window_days", "consent_sources"} <= set(settings)


def test_about_is_readable_as_markdown() -> None:
    done = run("--about", "--format=markdown")
    assert done.returncode == 0
    assert "| access_token" in done.stdout


def test_discovery_needs_no_settings() -> None:
    done = run("--discover")
    assert done.returncode == 0, done.stderr
    streams = json.loads(done.stdout)["streams"]
    methods = {entry["stream"]: entry["replication_method"] for entry in streams}
    assert list(methods) == list(STREAMS)
    incremental = {name for name, method in methods.items() if method == "INCREMENTAL"}
    assert incremental == {"products", "customers", "orders"}


def test_a_catalog_selects_streams_and_properties(
    square: ScriptedSquare, config_file: Path, tmp_path: Path
) -> None:
    catalog = json.loads(run("--discover", "--config", config_file).stdout)
    for entry in catalog["streams"]:
        for item in entry["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"]["selected"] = entry["stream"] == "customers"
            elif item["breadcrumb"][-1] == "given_name":
                item["metadata"]["selected"] = False
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps(catalog), encoding="utf-8")
    done = run("--config", config_file, "--catalog", path)
    out = Synced([json.loads(row) for row in done.stdout.splitlines()], [])
    assert list(out.schemas) == ["customers"]
    (person,) = out.sent("customers")
    assert "given_name" not in person
    assert person["id"] == "C1"
    assert square.asked("/v2/orders/search") == []


def test_the_whole_discovered_catalog_changes_nothing(config_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "catalog.json"
    path.write_text(run("--discover").stdout, encoding="utf-8")
    selected = json.loads(path.read_text(encoding="utf-8"))
    for entry in selected["streams"]:
        for item in entry["metadata"]:
            item["metadata"]["selected"] = True
    path.write_text(json.dumps(selected), encoding="utf-8")
    with_catalog, without = (
        run("--config", config_file, "--catalog", path),
        run("--config", config_file),
    )
    left, right = (
        Synced([json.loads(row) for row in done.stdout.splitlines()], [])
        for done in (with_catalog, without)
    )
    assert left.table("orders") == right.table("orders") != {}
    assert left.state == right.state


def test_a_connection_test_reads_one_record_a_stream(config_file: Path) -> None:
    done = run("--test", "--config", config_file)
    assert done.returncode == 0, done.stderr
    out = Synced([json.loads(row) for row in done.stdout.splitlines()], [])
    assert len(out.sent("orders")) == 1


@pytest.mark.parametrize("arguments", [[], ["--test"]], ids=["sync", "test"])
def test_a_refused_token_is_one_sentence(
    square: ScriptedSquare, config_file: Path, arguments: list[str]
) -> None:
    square.tokens = {"another"}
    done = run("--config", config_file, *arguments)
    assert done.returncode == 1
    assert "Shop 'tea': Square refuses the access token" in errors(done)[-1]


def test_an_error_nobody_foresaw_quotes_no_record(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KeyError) as caught:
        raise KeyError("quirina@example.com")
    assert report(caught.value, logging.getLogger("tap-pos")) == 1
    assert "KeyError" in caplog.text
    assert "quirina" not in caplog.text


def test_wrong_settings_end_with_code_2(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"vendor": "squire", "shop_id": "a", "access_token": "t"}', encoding="utf-8")
    done = run("--config", path)
    assert done.returncode == 2
    (sentence,) = errors(done)
    assert "does not know" in sentence


@pytest.mark.parametrize("content", [None, "{broken"], ids=["missing", "broken"])
def test_a_config_file_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    done = run("--config", path)
    assert done.returncode == 2
    assert len(errors(done)) == 1


def test_a_broken_stream_map_is_one_sentence(config: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    maps = {"stream_maps": {"orders": {"total": "total +"}}}
    path.write_text(json.dumps(config | maps), encoding="utf-8")
    done = run("--config", path)
    assert done.returncode != 0
    assert errors(done)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminate"])
def test_a_stopped_run_leaves_whole_lines_and_a_sentence(
    square: ScriptedSquare, config_file: Path, tmp_path: Path, sent: signal.Signals
) -> None:
    def slow(request: Request) -> Answer | None:
        if request.asked.get("cursor"):
            time.sleep(20)
        return None

    square.page_size = 50
    square.orders = [order(f"O{n}", "2026-02-10T15:00:00Z", tenders=None) for n in range(200)]
    square.script = slow
    output = tmp_path / "output.jsonl"
    command = [COMMAND, "--config", str(config_file)]
    with (
        output.open("wb") as stdout,
        subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True) as process,
    ):
        while '"stream":"orders","record"' not in output.read_text(encoding="utf-8"):
            assert process.poll() is None
            time.sleep(0.05)
        started = time.monotonic()
        process.send_signal(sent)
        _, told = process.communicate(timeout=10)
    assert time.monotonic() - started < 5, "it does not wait for the answer under way"
    assert process.returncode == 128 + sent
    assert "Stopped by" in told
    assert "Traceback" not in told
    assert all(json.loads(row) for row in output.read_text(encoding="utf-8").splitlines())


def test_a_target_that_has_gone_is_one_sentence(square: ScriptedSquare, config_file: Path) -> None:
    square.orders = [order(f"O{n}", "2026-02-10T15:00:00Z", tenders=None) for n in range(3000)]
    command = [COMMAND, "--config", str(config_file)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()
        assert process.wait(timeout=20) == 1
    assert "has stopped" in told
    assert "Traceback" not in told
    assert "Exception ignored" not in told
