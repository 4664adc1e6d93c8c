"""Files and rows that are not what the mapping says: told in a sentence, never guessed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing.fakes.exports_folder import HEADER, MAPPING, Folder

if TYPE_CHECKING:
    from tap_pos.testing import Synced


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def ids(out: Synced) -> list[str]:
    return [row["id"] for row in out.sent("orders")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"No,Day,Price\n", "has no column 'Item' (lines.name): write the name that the file has"),
        (b"No,Day,Item,Item,Price\n", "has the column 'Item' (lines.name) twice"),
        (b"", "has no header in line 1"),
        ("No,Day,Item,Price\n1,2026-05-01,Café,1\n".encode("cp1252"), "is not in utf-8: write"),
        ("No,Day,Item,Price\n".encode("utf-16-le"), "zero bytes, as UTF-16 without a mark does"),
        (b'No,Day,Item,Price\n1,2026-05-01,"Tea"x,1\n', "from line 2 on it is not CSV"),
        (b'No,Day,Item,Price\n1,2026-05-01,"Tea,1\n', "from line 2 on it is not CSV"),
    ],
    ids=["column missing", "column twice", "empty", "cp1252", "utf-16", "bad quote", "open quote"],
)
def test_an_unreadable_file_is_told_and_stops_no_other(
    folder: Folder, caplog: pytest.LogCaptureFixture, content: bytes, reason: str
) -> None:
    folder.sales("sales-1.csv", "A")
    folder.write("sales-2.csv", content)
    folder.sales("sales-3.csv", "C")
    out = folder.read()
    assert ids(out) == ["A", "C"]
    assert reason in caplog.text
    assert "Shop 'corner': 1 record(s) of orders could not be read" in out.failures[0]
    folder.sales("sales-2.csv", "B")
    later = folder.read(out.state)
    assert later.failures == []
    assert "B" in ids(later)


def test_without_permission_a_file_is_told(
    folder: Folder, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.sales("sales-1.csv", "A")
    folder.sales("sales-2.csv", "B")
    opened = Path.open

    def refuse(path: Path, *how: Any, **more: Any) -> Any:
        if path.name == "sales-2.csv":
            raise PermissionError(13, "Permission denied")
        return opened(path, *how, **more)

    monkeypatch.setattr(Path, "open", refuse)
    assert ids(folder.read()) == ["A"]
    assert "sales-2.csv of orders can't be read: it can't be opened (Permission" in caplog.text


def test_what_is_no_file_is_no_export(folder: Folder) -> None:
    folder.sales("sales-1.csv", "A")
    (folder.path / "sales-2.csv").mkdir()
    (folder.path / "sales-3.csv").symlink_to(folder.path / "gone.csv")
    os.mkfifo(folder.path / "sales-4.csv")
    assert ids(folder.read()) == ["A"]


TABLE = 'No;Day;Item;Price;\u00dcbrig\r\n007;2026-05-01;"K\u00e4se;\r\nalt";1.00;x\r\n'


@pytest.mark.parametrize(
    "content",
    [
        TABLE.encode(),
        TABLE.encode("utf-8-sig"),
        TABLE.encode("utf-16"),
        f"sep=;\r\n{TABLE}".encode(),
        TABLE.replace("alt", "a|lt").replace(";", "|").replace("se|", "se;").encode(),
        TABLE.replace(";", "\t").replace("se\t", "se;").encode(),
        TABLE.replace("\r\n", "\r").replace(";\ralt", ";\r\nalt").encode(),
        TABLE.upper().replace("K\u00c4SE;\r\nALT", "K\u00e4se;\r\nalt").encode(),
        f" {TABLE.replace(';Day', ' ; day ')}".encode(),
    ],
    ids=["plain", "marked", "utf-16", "sep=", "bars", "tabs", "old Mac", "upper case", "blanks"],
)
def test_a_table_is_understood_in_whatever_dialect(folder: Folder, content: bytes) -> None:
    folder.write("sales.csv", content)
    out = folder.read()
    assert out.failures == []
    (order,) = out.sent("orders")
    assert (order["id"], order["net"]) == ("007", 100)
    assert order["lines"][0]["name"].replace("a|lt", "alt") == "K\u00e4se;\r\nalt"


def test_a_declared_encoding_that_the_file_contradicts_is_refused(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    folder.map(MAPPING.replace("ROWS", "anywhere\n    encoding: cp1252"))
    folder.write("sales-1.csv", TABLE.encode("cp1252"))
    folder.write("sales-2.csv", TABLE.encode())
    out = folder.read()
    assert len(out.sent("orders")) == 1
    assert (
        "sales-2.csv of orders can't be read: it is in UTF-8, although the mapping" in caplog.text
    )


def test_an_order_next_to_a_broken_row_is_not_sent_without_it(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    rows = "A,2026-05-01,Tea,1\nA,2026-05-01,Bun, large,2\nB,2026-05-01,Tea,1\nC,2026-05-01,Tea,1\n"
    folder.write("sales-1.csv", HEADER + rows)
    out = folder.read(max_bad_records=9)
    assert ids(out) == ["C"]
    assert "sales-1.csv:3 of orders can't be read: it has another number of cells" in caplog.text


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("A,2026-05-01,Tea,1,00", "another number of cells"),
        ("A,01.05.2026,Tea,1", "line 2: created_at: a date has none of the forms"),
        ("A,2026-02-30,Tea,1", "line 2: created_at: a date has none of the forms"),
        ("A,,Tea,1", "it has no date (orders.created_at)"),
        ('A,2026-05-01,Tea,"1,5"', "line 2: unit_price: a number is not written with a decimal"),
        ("A,2026-05-01,secret@example.org,", "a line has no amount"),
        (",2026-05-01,Tea,1", "the row has no id"),
    ],
)
def test_an_unsound_row_is_a_bad_record_that_tells_no_value(
    folder: Folder, caplog: pytest.LogCaptureFixture, row: str, reason: str
) -> None:
    folder.write("sales-1.csv", f"{HEADER}{row}\n")
    out = folder.read()
    assert (ids(out), len(out.failures)) == ([], 1)
    assert reason in caplog.text
    assert "secret" not in caplog.text


def test_rows_declared_adjacent_that_are_not_are_refused(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    folder.map(MAPPING.replace("ROWS", "adjacent"))
    folder.sales("sales-1.csv", "A", "A", "B", "A")
    out = folder.read(max_bad_records=1)
    assert ids(out) == ["A", "B"]
    assert "its rows are not next to each other: set rows_of_one_order to anywhere" in caplog.text


def test_an_empty_folder_or_wrong_names_are_not_silence(folder: Folder) -> None:
    (sentence,) = folder.read().failures
    assert "has no file that the mapping names (sales*.csv, people*.csv)" in sentence
    (sentence,) = folder.read(
        exports_folder=str(folder.path / "none"), exports_mapping=str(folder.path / "mapping.yml")
    ).failures
    assert "the folder of exports can't be read" in sentence
