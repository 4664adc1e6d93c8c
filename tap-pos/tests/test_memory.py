"""However much a shop sells, little of it is in memory at once."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing import ScriptedSquare, sync
from tap_pos.testing.fakes.square_rows import order, payment

if TYPE_CHECKING:
    from pathlib import Path

    from practice_register.testing import RunningRegister

_LIMIT_MEGABYTES = 120


@pytest.fixture
def busy(square: ScriptedSquare, monkeypatch: pytest.MonkeyPatch) -> ScriptedSquare:
    """Sixty sales in one night, twenty of them in one second; ten payments fit in memory."""
    monkeypatch.setattr("tap_pos.vendors.square.orders._MOST_PAYMENTS_AT_HAND", 10)
    square.page_size = 4
    times = [f"2026-02-10T15:00:{second:02}Z" for second in range(40)]
    times += ["2026-02-10T15:00:17Z"] * 20
    square.orders = [order(f"O{number:02}", at) for number, at in enumerate(times)]
    square.payments = [payment(row["id"], row["updated_at"]) for row in square.orders]
    return square


def test_a_window_in_which_too_much_was_paid_is_read_in_halves(
    busy: ScriptedSquare, config: dict[str, Any]
) -> None:
    out = sync(config)
    assert out.failures == []
    assert len(out.table("orders")) == 60
    assert all(row["payments"][0]["method"] == "card" for row in out.table("orders").values())
    assert [r for r in busy.requests if r.path.startswith("/v2/payments/")] == [], (
        "no payment had to be fetched by its id"
    )
    assert out.state is not None
    (partition,) = out.state["bookmarks"]["orders"]["partitions"]
    assert partition["replication_key_value"] == "2026-03-01T11:59:00Z"


def test_a_run_over_narrow_windows_can_be_taken_up_after_any_state(
    busy: ScriptedSquare, config: dict[str, Any]
) -> None:
    whole = sync(config)
    assert busy.requests
    for position in range(0, len(whole.states), 7):
        part = whole.until_state(position)
        resumed = part.then(sync(config, part.state))
        assert resumed.table("orders") == whole.table("orders")


def test_an_unreadable_payment_counts_once_however_often_its_window_is_read(
    busy: ScriptedSquare, config: dict[str, Any]
) -> None:
    busy.payments[0]["total_money"] = {"amount": 10.5}
    (sentence,) = sync(config).failures
    assert "2 record(s) of orders" in sentence, "the payment and its order"


# A new process starts with the peak of the one it was forked from, so a small one goes between.
_LAUNCHER = """
import os, subprocess, sys
tap = subprocess.Popen([sys.executable, "-m", "tap_pos", "--config", sys.argv[1]],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(tap.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak_megabytes(register: RunningRegister, folder: Path) -> float:
    """Run the tap as a process of its own over the practice register."""
    config = folder / "config.json"
    shop = {"vendor": "square", "base_url": register.url, "access_token": register.token}
    config.write_text(json.dumps({"shop_id": "practice", **shop}), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", _LAUNCHER, str(config)], capture_output=True, text=True, check=True
    )
    return int(done.stdout) * (1 if sys.platform == "darwin" else 1024) / 1e6


@pytest.mark.long
def test_memory_does_not_grow_with_the_history(tmp_path: Path) -> None:
    testing = pytest.importorskip("practice_register.testing", reason="practice register is absent")
    peaks = []
    for households in (100, 600):
        folder = tmp_path / str(households)
        folder.mkdir()
        with testing.running_register(folder, households=households) as register:
            peaks.append(peak_megabytes(register, folder))
    assert max(peaks) < _LIMIT_MEGABYTES, peaks
    assert peaks[1] - peaks[0] < 20, peaks
