"""What is new in a folder is read, once, whatever else is going on in it."""

from __future__ import annotations

import csv
import io
import os
import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tap_pos import records
from tap_pos.testing.fakes.exports_folder import HEADER, MAPPING, Folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tap_pos.testing import Synced


Row = tuple[str, str, str, str]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def ids(out: Synced, stream: str = "orders") -> list[str]:
    return [row["id"] for row in out.sent(stream)]


def nets(out: Synced) -> dict[str, int]:
    return {key: row["net"] for (_, key), row in out.table("orders").items()}


def test_only_new_and_changed_files_are_read(folder: Folder) -> None:
    folder.sales("sales-1.csv", "A")
    first = folder.read()
    folder.sales("sales-2.csv", "B")
    second = folder.read(first.state)
    folder.sales("sales-2.csv", "B", "C")
    third = folder.read(second.state)
    assert (ids(first), ids(second), ids(third)) == (["A"], ["B"], ["B", "C"])
    assert ids(folder.read(third.state)) == []


def test_a_file_that_was_only_touched_or_copied_is_not_read_again(folder: Folder) -> None:
    path = folder.sales("sales-1.csv", "A")
    first = folder.read()
    os.utime(path, (1_750_000_000,) * 2)
    second = folder.read(first.state)
    assert ids(second) == []
    assert second.state != first.state


def test_the_later_name_has_the_last_word_whichever_file_came_last(folder: Folder) -> None:
    folder.sales("sales-10.csv", "A", price="10.00")
    first = folder.read()
    folder.sales("sales-9.csv", "A", "B", price="9.00")
    both = first.then(folder.read(first.state))
    assert nets(both) == nets(folder.read()) == {"A": 1000, "B": 900}


def test_a_run_that_stops_between_two_files_leaves_the_last_word_to_the_later_one(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_pos.vendors.exports.feeds.PAGE", 2)
    folder.sales("sales-10.csv", "B", "C", "A", price="10.00")
    first = folder.read()
    folder.sales("sales-9.csv", "D", "A", "E", price="9.00")
    second = folder.read(first.state)
    for position in range(len(second.states)):
        stopped = first.then(second.until_state(position))
        assert nets(stopped.then(folder.read(stopped.state)))["A"] == 1000


def test_a_second_download_of_a_browser_comes_after_the_first(folder: Folder) -> None:
    folder.sales("sales (1).csv", "A", price="2.00")
    folder.sales("sales.csv", "A", price="1.00")
    assert nets(folder.read()) == {"A": 200}


def test_a_declared_column_decides_between_files(folder: Folder) -> None:
    folder.map(MAPPING.replace("ROWS", "anywhere\n    newest_by: As of"))
    for name, as_of, price in (
        ("sales-1.csv", "2026-06-02", "2"),
        ("sales-2.csv", "2026-06-01", "1"),
    ):
        folder.write(name, f"No,Day,Item,Price,As of\nA,2026-05-01,Tea,{price},{as_of}\n")
    assert nets(folder.read()) == {"A": 200}


def test_a_file_that_disappears_deletes_nothing(folder: Folder) -> None:
    path = folder.write("people.csv", "No,Name\n1,Ann\n")
    first = folder.read()
    path.unlink()
    folder.write("people-2.csv", "No,Name\n2,Bo\n")
    second = folder.read(first.state)
    assert second.sent("customers") == [
        first.sent("customers")[0] | {"id": "2", "given_name": "Bo"}
    ]


def test_a_file_still_being_written_waits_for_the_next_run(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    folder.sales("sales-1.csv", "A")
    path = folder.sales("sales-2.csv", "B")
    os.utime(path, (time.time(),) * 2)
    first = folder.read()
    assert (ids(first), first.failures) == (["A"], [])
    assert "sales-2.csv is still being written; the next run reads it" in caplog.text
    os.utime(path, (time.time() - 60,) * 2)
    assert ids(folder.read(first.state)) == ["B"]


def test_a_file_that_grows_while_it_is_read_is_read_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder.sales("sales-1.csv", "A")
    answers = iter([True, False])
    monkeypatch.setattr(
        "tap_pos.vendors.exports.folder.ExportFile.has_changed", lambda _: next(answers)
    )
    first = folder.read()
    assert "sales-1.csv changed while it was read" in caplog.text
    assert ids(folder.read(first.state)) == ["A"]


def test_a_download_in_progress_and_a_lock_of_excel_are_no_exports(folder: Folder) -> None:
    folder.sales("sales-1.csv", "A")
    for name in ("~$sales-2.csv", ".sales-3.csv", "sales-4.csv.part", "notes.txt"):
        folder.write(name, b"\0\0")
    assert ids(folder.read()) == ["A"]


def test_another_mapping_reads_everything_again(folder: Folder) -> None:
    folder.sales("sales-1.csv", "A")
    first = folder.read()
    folder.map(MAPPING.replace("ROWS", "anywhere").replace("EUR", "USD"))
    again = folder.read(first.state)
    assert [row["currency"] for row in again.sent("orders")] == ["USD"]


def test_rows_without_an_id_get_one_that_stays(folder: Folder) -> None:
    folder.map(MAPPING.replace("ROWS", "anywhere").replace("{id: No,", "{id_from: [Day, No],"))
    folder.sales("sales-1.csv", "A")
    first = folder.read()
    folder.sales("sales-2.csv", "A", "B")
    second = folder.read(first.state)
    assert ids(second)[0] == ids(first)[0]
    assert len(set(ids(second))) == 2


APART = """
version: 1
timezone: UTC
currency: EUR
files:
  - names: ["sales*.csv"]
    orders: {id: No, created_at: Day}
    lines: {name: Item, unit_price: Price}
  - names: ["paid*.csv"]
    orders: {id: No}
    payments: [{amount: Paid}]
"""


def test_nothing_is_sent_of_orders_while_one_of_their_files_is_unreadable(folder: Folder) -> None:
    folder.map(APART)
    folder.sales("sales-1.csv", "A")
    folder.write("paid-1.csv", "No,Payed\nA,1\n")
    out = folder.read()
    assert (ids(out), len(out.failures)) == ([], 1)
    folder.write("paid-1.csv", "No,Paid\nA,1\n")
    (order,) = folder.read(out.state).sent("orders")
    assert [payment["amount"] for payment in order["payments"]] == [100]


def test_a_payment_that_comes_in_a_later_file_sends_the_whole_order_again(folder: Folder) -> None:
    folder.map(APART)
    folder.sales("sales-1.csv", "A", "B")
    folder.write("paid-1.csv", "No,Paid\nB,1\n")
    first = folder.read()
    folder.write("paid-2.csv", "No,Paid\nA,1\n")
    (order,) = folder.read(first.state).sent("orders")
    assert (order["id"], order["net"], len(order["payments"])) == ("A", 100, 1)


def exported(rows: Iterable[Row]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["No", "Day", "Item", "Price"], *rows])
    return text.getvalue().encode()


words = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=12
).map(lambda text: text.strip() or "Tea")
orders = st.lists(
    st.tuples(words, st.integers(-(10**9), 10**9)).map(lambda sold: (sold[0], sold[1] / 100)),
    min_size=1,
    max_size=3,
)


@settings(max_examples=8, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(baskets=st.lists(orders, min_size=1, max_size=6), cut=st.integers(0, 6), data=st.data())
def test_one_export_or_several_give_the_same_orders(
    tmp_path_factory: pytest.TempPathFactory,
    baskets: list[list[tuple[str, float]]],
    cut: int,
    data: st.DataObject,
) -> None:
    """Whatever a CSV writer can write comes out as it went in, in however many files."""
    rows: list[list[Row]] = [
        [(f"{number:05}", "2026-05-01", item, f"{price:.2f}") for item, price in basket]
        for number, basket in enumerate(baskets)
    ]
    whole, parts = Folder(tmp_path_factory.mktemp("one")), Folder(tmp_path_factory.mktemp("two"))
    flat = [row for basket in rows for row in basket]
    whole.write("sales.csv", exported(data.draw(st.permutations(flat))))
    parts.write("sales-1.csv", exported(row for basket in rows[:cut] for row in basket))
    parts.write("sales-2.csv", exported(row for basket in rows[cut:] for row in basket))
    expected = {basket[0][0]: sold(basket) for basket in rows}
    assert read_orders(whole) == read_orders(parts) == expected


def read_orders(folder: Folder) -> dict[str, list[tuple[str, int]]]:
    """Read names and amounts of all lines, without the tap around the vendor."""
    read = {}
    for step in folder.feed().read(None):
        assert step.batch.bad == []
        for order in step.batch.records:
            assert isinstance(order, records.Order)
            read[order.id] = sorted((line.name or "", line.net) for line in order.lines)
    return read


def sold(basket: Sequence[Row]) -> list[tuple[str, int]]:
    return sorted((item.strip(), int(price.replace(".", ""))) for _, _, item, price in basket)


@pytest.mark.parametrize("rows", ["anywhere", "adjacent"])
def test_memory_stays_flat_however_large_a_file_is(
    folder: Folder, rows: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_pos.vendors.exports.feeds.PAGE", 20)
    monkeypatch.setattr("tap_pos.vendors.exports.folder._CHUNK", 1 << 13)
    folder.map(MAPPING.replace("ROWS", rows))

    def peak(count: int) -> int:
        text = "".join(f"{n // 2:07},2026-05-01 10:00,{'Tea' * 20},1.00\n" for n in range(count))
        folder.write("sales.csv", HEADER + text)
        source = folder.feed()
        tracemalloc.start()
        try:
            read = sum(len(step.batch.records) for step in source.read(None))
            assert read == count // 2
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(3_000) < peak(500) + 60_000
