"""An Excel workbook says what a CSV of the same table would say."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import pytest
from tap_pos.testing import sync

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tap_pos.testing import Synced

MAPPING = """
version: 1
timezone: Europe/Berlin
currency: EUR
numbers: {decimal: DECIMAL}
files:
  - names: ["*.xlsx"]
    format: xlsx
    sheet: Sales
    header_line: 3
    dates: [excel]
    orders: {id: Receipt, created_at: {join: [Day, Time]}}
    lines: {name: Item, product: Article, quantity: Number, gross: Amount}
"""
DAY = 46143  # 2026-05-01
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_STYLES = (
    '<fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/>'
    '<xf numFmtId="21" applyNumberFormat="1"/></cellXfs>'
)

Cell = str | float | tuple[float, int] | None


def _cell(cell: Cell) -> str:
    """Write a cell; a number with a style is a date (1) or a time (2)."""
    if cell is None:
        return "<c/>"
    if isinstance(cell, str):
        return f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
    value, style = cell if isinstance(cell, tuple) else (cell, 0)
    return f'<c s="{style}"><v>{value!r}</v></c>'


def workbook(path: Path, rows: Sequence[Sequence[Cell]], sheet: str = "Sales") -> None:
    """Write the smallest workbook that Excel would open."""
    table = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{kind}.styles+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
        f'<sheet name="{sheet}" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}">{_STYLES}</styleSheet>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{table}</sheetData>'
        "</worksheet>",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    os.utime(path, (1_700_000_000,) * 2)


def read(folder: Path, decimal: str = "point") -> Synced:
    (folder / "mapping.yml").write_text(MAPPING.replace("DECIMAL", decimal), encoding="utf-8")
    config: dict[str, Any] = {
        "vendor": "exports",
        "shop_id": "corner",
        "exports_folder": str(folder),
        "exports_mapping": str(folder / "mapping.yml"),
    }
    return sync(config)


HEADER: list[Cell] = ["Receipt", "Day", "Time", "Item", "Article", "Number", "Amount", "Salary"]


@pytest.mark.parametrize("decimal", ["point", "comma"])
def test_typed_cells_are_read_exactly(tmp_path: Path, decimal: str) -> None:
    rows: list[list[Cell]] = [
        ["Corner shop"],
        [None],
        HEADER,
        ["00123", (DAY, 1), (0.75, 2), "Tea & <b>", "007", 2, 12.1, "x"],
        ["00123", (DAY, 1), (0.75, 2), "Bun", 4006381333931.0, 0.453, 0.30000000000000004, "x"],
        [],
        [124, DAY + 0.5, None, "Gift", None, 1, 0, "x"],
    ]
    workbook(tmp_path / "sales.xlsx", rows)
    out = read(tmp_path, decimal)
    assert out.failures == []
    first, second = out.sent("orders")
    assert (first["id"], first["created_at"]) == ("00123", "2026-05-01T16:00:00Z")
    assert [
        (line["name"], line["product_id"], line["quantity"], line["gross"])
        for line in first["lines"]
    ] == [("Tea & <b>", "007", "2", 1210), ("Bun", "4006381333931", "0.453", 30)]
    assert (second["id"], second["created_at"]) == ("124", "2026-05-01T10:00:00Z")


def test_a_workbook_that_can_not_be_read_says_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbook(tmp_path / "a.xlsx", [HEADER], sheet="Tabelle1")
    (tmp_path / "b.xlsx").write_bytes(b"PK but no workbook")
    workbook(tmp_path / "c.xlsx", [HEADER])
    with zipfile.ZipFile(tmp_path / "d.xlsx", "w") as archive:
        archive.writestr("nothing.txt", "here")
    for name in ("b.xlsx", "d.xlsx"):
        os.utime(tmp_path / name, (1_700_000_000,) * 2)
    assert "4 record(s) of orders could not be read" in read(tmp_path).failures[0]
    for sentence in (
        "a.xlsx of orders can't be read: it has no sheet of the name that the mapping says",
        "b.xlsx of orders can't be read: it is no .xlsx file: save it as .xlsx",
        "c.xlsx of orders can't be read: its sheet has no header in line 3",
        "d.xlsx of orders can't be read: it is no Excel workbook that can be read",
    ):
        assert sentence in caplog.text
    monkeypatch.setattr("tap_pos.vendors.exports.sheets._LARGEST", 100)
    read(tmp_path)
    assert "unpacked it has more than 0 MB: save it as CSV" in caplog.text
