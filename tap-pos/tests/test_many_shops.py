"""Many shops in one run: read at once, written one message after the other, none held up."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from tap_pos.errors import ShopError
from tap_pos.tap import TapPOS
from tap_pos.testing import Answer, Request, ScriptedSquare, Synced, sync
from tap_pos.testing.fakes.square_rows import customer, location, money, order, payment
from tap_pos.vendors import VENDORS
from tap_pos.vendors.square import Square

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMMAND = shutil.which("tap-pos", path=str(Path(sys.executable).parent)) or "tap-pos"
TABLES = ("locations", "employees", "products", "customers", "orders", "loyalty_accounts")


def tables(out: Synced) -> dict[str, Any]:
    return {name: out.table(name) for name in TABLES}


def open_shop(number: int) -> ScriptedSquare:
    """A shop with two months of sales, one a day, and ten customers."""
    shop = ScriptedSquare(page_size=7)
    shop.locations = [location("L1")]
    days = [f"2026-{month:02}-{day:02}" for month in (1, 2) for day in range(1, 29)]
    shop.orders = [order(f"S{number}-{day}", f"{day}T10:00:00Z") for day in days]
    shop.payments = [payment(row["id"], row["updated_at"]) for row in shop.orders]
    shop.customers = [customer(f"C{n}", f"2026-02-{n + 1:02}T10:00:00Z") for n in range(10)]
    return shop


@pytest.fixture
def street() -> Iterator[dict[str, ScriptedSquare]]:
    """Twelve shops, each with a register of its own."""
    with ExitStack() as stack:
        shops = [open_shop(number) for number in range(12)]
        yield {
            f"shop-{number:02}": stack.enter_context(shop.running())
            for number, shop in enumerate(shops)
        }


def config_of(street: dict[str, ScriptedSquare], **settings: Any) -> dict[str, Any]:
    """Settings that read all shops of a street."""
    shops = [
        {"id": key, "vendor": "square", "access_token": "token", "base_url": shop.url}
        for key, shop in street.items()
    ]
    return {"shops": shops, "max_retry_seconds": 0.2, "window_days": 9, **settings}


def meeting_point(street: dict[str, ScriptedSquare], path: str, parties: int) -> threading.Barrier:
    """Let no register answer a path before so many of them are being asked at once."""
    barrier = threading.Barrier(parties)
    arrived: set[str] = set()

    def wait_for_others(key: str) -> Callable[[Request], None]:
        def script(request: Request) -> None:
            if request.path == path and key not in arrived and len(arrived) < parties:
                arrived.add(key)
                barrier.wait(timeout=20)

        return script

    for key, shop in street.items():
        shop.script = wait_for_others(key)
    return barrier


@pytest.mark.parametrize(
    ("path", "parties"),
    [
        pytest.param("/v2/locations", 12, id="shops are opened at once"),
        pytest.param("/v2/team-members/search", 12, id="short lists are read at once"),
        pytest.param("/v2/orders/search", 2, id="histories are read some at once"),
    ],
)
@pytest.mark.parametrize(
    "path_of_records",
    [{}, {"stream_maps": {"orders": {}, "employees": {}}}],
    ids=["whole pages", "the SDK's own way"],
)
def test_shops_are_asked_at_once(
    street: dict[str, ScriptedSquare], path: str, parties: int, path_of_records: dict[str, Any]
) -> None:
    barrier = meeting_point(street, path, parties)
    out = sync(config_of(street) | path_of_records)
    assert out.failures == []
    assert not barrier.broken
    assert len(out.table("orders")) == 12 * 56


def test_news_of_all_shops_are_read_at_once(street: dict[str, ScriptedSquare]) -> None:
    first = sync(config_of(street))
    for shop in street.values():
        shop.advance(days=1)
    barrier = meeting_point(street, "/v2/orders/search", 12)
    assert sync(config_of(street), first.state).failures == []
    assert not barrier.broken


def test_batch_files_are_filled_from_all_shops_at_once(
    street: dict[str, ScriptedSquare], tmp_path: Path
) -> None:
    barrier = meeting_point(street, "/v2/orders/search", 2)
    storage = {"encoding": {"format": "jsonl", "compression": "gzip"}}
    out = sync(
        config_of(street) | {"batch_config": storage | {"storage": {"root": tmp_path.as_uri()}}}
    )
    assert out.failures == []
    assert not barrier.broken
    assert {message["stream"] for message in out.messages if message["type"] == "BATCH"} == {
        "locations",
        "customers",
        "orders",
    }
    assert out.state is not None
    assert len(out.state["bookmarks"]["orders"]["partitions"]) == 12


class Watch:
    """Counts how many shops have a request under way."""

    def __init__(self, street: dict[str, ScriptedSquare]) -> None:
        self.most = 0
        self.order: list[str] = []
        self._busy: list[str] = []
        self._lock = threading.Lock()
        for key, shop in street.items():
            shop.script = self._script(key)

    def _script(self, key: str) -> Callable[[Request], None]:
        def script(request: Request) -> None:
            with self._lock:
                self._busy.append(key)
                self.most = max(self.most, len(set(self._busy)))
                if request.path == "/v2/orders/search":
                    self.order.append(key)
            time.sleep(0.002)
            with self._lock:
                self._busy.remove(key)

        return script


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_shops_are_read_at_once_than_allowed(
    street: dict[str, ScriptedSquare], workers: int
) -> None:
    watch = Watch(street)
    out = sync(config_of(street, max_workers=workers, window_days=40))
    assert out.failures == []
    assert watch.most <= workers
    if workers == 1:
        assert watch.order == sorted(watch.order), "one shop after the other"


def test_records_of_a_shop_keep_their_order(street: dict[str, ScriptedSquare]) -> None:
    """Whoever comes between, one shop's records come as from a run with one shop."""
    out = sync(config_of(street))
    for key, shop in list(street.items())[::4]:
        alone = sync(config_of({key: shop}))
        for name in TABLES:
            mine = [row for row in out.sent(name) if row["shop_id"] == key]
            assert mine == alone.sent(name)
    assert [*dict.fromkeys(m["stream"] for m in out.messages if m["type"] == "RECORD")] == [
        "locations",
        "customers",
        "orders",
    ], "what others refer to comes first"


def test_a_few_bad_shops_hold_up_no_other(street: dict[str, ScriptedSquare]) -> None:
    config = config_of(street)
    config["shops"][2]["access_token"] = "revoked"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        config["shops"][5]["base_url"] = f"http://127.0.0.1:{probe.getsockname()[1]}"
    street["shop-09"].orders[3]["total_money"] = money(None) | {"amount": "much"}
    out = sync(config)
    assert [sentence[:14] for sentence in out.failures] == [
        "Shop 'shop-02'",
        "Shop 'shop-05'",
        "Shop 'shop-09'",
    ]
    assert "access token" in out.failures[0]
    assert "could not be reached" in out.failures[1]
    assert "1 record(s) of orders" in out.failures[2]
    assert len(out.table("orders")) == 10 * 56 - 1
    assert out.state is not None
    bookmarks = {
        entry["context"]["shop_id"]: entry.get("replication_key_value")
        for entry in out.state["bookmarks"]["orders"]["partitions"]
    }
    whole = "2026-03-01T11:59:00Z"
    assert {key for key, reached in bookmarks.items() if reached == whole} == street.keys() - {
        *("shop-02", "shop-05", "shop-09"),
    }
    assert str(bookmarks["shop-09"]) < "2026-01-04", "it waits for the bad record"
    del street["shop-09"].orders[3]
    for shop in config["shops"]:
        shop |= {"access_token": "token", "base_url": street[shop["id"]].url}
    healed = out.then(sync(config, out.state))
    assert healed.failures == []
    assert tables(healed) == tables(sync(config))


def test_only_some_shops(street: dict[str, ScriptedSquare]) -> None:
    first = sync(config_of(street))
    before_it = deepcopy(first.state)
    street["shop-04"].advance(days=1)
    for shop in street.values():
        shop.requests.clear()
    out = sync(config_of(street, only_shops=["shop-04", "shop-07"]), first.state)
    assert {key for key, shop in street.items() if shop.requests} == {"shop-04", "shop-07"}
    assert before_it is not None
    assert out.state is not None
    for before, after in zip(
        before_it["bookmarks"]["orders"]["partitions"],
        out.state["bookmarks"]["orders"]["partitions"],
        strict=True,
    ):
        assert (before == after) == (before["context"]["shop_id"] != "shop-04")


def test_a_connection_test_reads_one_record_of_each_shop(
    street: dict[str, ScriptedSquare], capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_of(street)
    assert TapPOS(config=config).run_connection_test()
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    sent = Synced(rows, []).sent("orders")
    assert sorted(row["shop_id"] for row in sent) == sorted(street)
    street["shop-11"].tokens = {"another"}
    with pytest.raises(ShopError, match="shop-11"):
        TapPOS(config=config).run_connection_test()


@pytest.fixture
def talkative(monkeypatch: pytest.MonkeyPatch) -> None:
    """A STATE after everything that moves it, so that a run can be cut off anywhere."""
    monkeypatch.setattr("tap_pos.messages._STATE_SECONDS", 0.0)
    monkeypatch.setattr("tap_pos.messages._STATE_BYTES_PER_SECOND", float("inf"))


@pytest.mark.usefixtures("talkative")
def test_records_precede_the_state_that_covers_them(street: dict[str, ScriptedSquare]) -> None:
    out = sync(config_of(street))
    sent: dict[str, set[str]] = {key: set() for key in street}
    states = 0
    for message in out.messages:
        if message["type"] == "RECORD" and message["stream"] == "orders":
            sent[message["record"]["shop_id"]].add(message["record"]["id"])
        if message["type"] == "STATE" and "orders" in message["value"]["bookmarks"]:
            states += 1
            for entry in message["value"]["bookmarks"]["orders"]["partitions"]:
                key, reached = entry["context"]["shop_id"], entry.get("replication_key_value", "")
                claimed = {row["id"] for row in street[key].orders if row["updated_at"] < reached}
                assert claimed <= sent[key]
    assert states >= 12 * 5


@pytest.mark.usefixtures("talkative")
def test_a_run_can_be_taken_up_after_any_state(street: dict[str, ScriptedSquare]) -> None:
    few = {key: street[key] for key in ("shop-00", "shop-01", "shop-02")}
    whole = sync(config_of(few))
    for position in range(0, len(whole.states), 6):
        part = whole.until_state(position)
        assert tables(part.then(sync(config_of(few), part.state))) == tables(whole)


def test_states_of_many_shops_are_few(street: dict[str, ScriptedSquare]) -> None:
    began = time.monotonic()
    out = sync(config_of(street))
    assert len(out.states) <= 2 * len(out.schemas) + 2 * (time.monotonic() - began) + 2


def test_a_killed_run_loses_nothing(street: dict[str, ScriptedSquare], tmp_path: Path) -> None:
    """With kill -9, in the middle of the orders of several shops."""
    few = {key: street[key] for key in list(street)[:5]}

    def slowly(request: Request) -> Answer | None:
        if request.path == "/v2/orders/search":
            time.sleep(0.1)
        return None

    for shop in few.values():
        shop.script = slowly
    config = tmp_path / "config.json"
    config.write_text(json.dumps(config_of(few)), encoding="utf-8")
    output = tmp_path / "output.jsonl"
    with (
        output.open("wb") as stdout,
        subprocess.Popen(
            [COMMAND, "--config", str(config)], stdout=stdout, stderr=subprocess.DEVNULL
        ) as process,
    ):
        while '"orders":{"partitions"' not in output.read_text(encoding="utf-8"):
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=10) == -signal.SIGKILL
    lines = output.read_bytes().split(b"\n")[:-1]
    part = Synced([json.loads(line) for line in lines], [])
    for shop in few.values():
        shop.script = lambda _request: None
    whole = sync(config_of(few))
    assert 0 < len(part.table("orders")) < 5 * 56
    assert part.state
    assert "replication_key_value" in str(part.state["bookmarks"]["orders"])
    assert tables(part.then(sync(config_of(few), part.state))) == tables(whole)


class Broken(Square):
    """A vendor's module with a defect."""

    def open(self, *_: Any) -> NoReturn:
        """Fail as nobody foresaw."""
        raise KeyError("quirina@example.com")


def test_an_error_nobody_foresaw_ends_the_run_and_its_threads(
    street: dict[str, ScriptedSquare], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VENDORS, "broken", Broken())
    config = config_of(street)
    config["shops"][6]["vendor"] = "broken"
    with pytest.raises(KeyError):
        sync(config)
    deadline = time.monotonic() + 10
    while any(thread.name.startswith("reader-") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
