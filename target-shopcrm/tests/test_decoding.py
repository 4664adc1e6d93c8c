"""Which texts, times and numbers a canonical record may hold."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_shopcrm.database.migrate import known_revisions
from target_shopcrm.database.tables import TABLES, CustomerRow
from target_shopcrm.decoding import BadRecord, decode
from target_shopcrm.records import STREAMS, Customer, Order, OrderLine

LINE = {"id": "1", "gross": 1, "net": 1}


def line_with(quantity: str) -> OrderLine:
    return msgspec.json.decode(json.dumps({**LINE, "quantity": quantity}), type=OrderLine)


@pytest.mark.parametrize("quantity", ["1", "0.453", "-2", "12345678901234567890", "007", "1.50"])
def test_a_quantity_is_a_decimal(quantity: str) -> None:
    assert line_with(quantity).quantity == quantity


@pytest.mark.parametrize(
    "quantity", ["", "NaN", "Infinity", "1e5", "1,5", "²", "٣", ".5", "1.", " 1"]
)
def test_anything_else_is_no_quantity(quantity: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="quantity"):
        line_with(quantity)


@pytest.mark.parametrize("birthday", ["1984-02-29", "--02-29", "--12-24", "0001-01-01"])
def test_birthdays(birthday: str) -> None:
    assert Customer(shop_id="s", id="1", birthday=birthday).birthday == birthday


@pytest.mark.parametrize(
    "birthday", ["1985-02-29", "--02-30", "24.12.1984", "19840229", "", "--1-1"]
)
def test_no_birthdays(birthday: str) -> None:
    with pytest.raises(ValueError, match="birthday"):
        Customer(shop_id="s", id="1", birthday=birthday)


def test_an_escaped_backslash_before_u0000_is_harmless() -> None:
    raw = rb'{"shop_id":"s","id":"1","name":"\\u0000"}'
    record = decode("products", raw)
    assert not isinstance(record, BadRecord)


def test_unknown_fields_are_left_behind() -> None:
    record = decode("products", b'{"shop_id":"s","id":"1","ssn":"078-05-1120"}')
    assert "078" not in repr(record)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        st.lists,
    )
)
def test_whatever_comes_is_a_record_or_a_reason(value: Any) -> None:
    for stream in STREAMS:
        raw = json.dumps(
            {"shop_id": "s", "id": value, "contact_id": value, "total": value}
        ).encode()
        found = decode(stream, raw)
        if isinstance(found, BadRecord):
            assert found.reason
            assert found.field
            json.dumps(found.key)


def test_every_field_of_a_record_has_its_column() -> None:
    for stream, table in TABLES.items():
        fields = set((CustomerRow if stream == "customers" else STREAMS[stream]).__struct_fields__)
        assert set(table.columns) == fields
        assert table.columns[:2] == ("shop_id", "id")


def test_every_column_exists_in_the_database(shop: Any) -> None:
    for table in TABLES.values():
        columns = ", ".join((*table.columns, "row_hash", "written_at"))
        try:
            shop.ask(f"SELECT {columns} FROM pos.{table.name}")  # noqa: S608 - constants
        except psycopg.Error as error:
            pytest.fail(f"{table.name}: {error}")
    assert shop.one("SELECT version_num FROM sync.alembic_version") == known_revisions()[-1]


def test_a_row_hash_tells_every_field_apart() -> None:
    base = {
        "shop_id": "s",
        "id": "1",
        "state": "open",
        "currency": "USD",
        "created_at": "2026-11-20T09:00:00Z",
        "updated_at": "2026-11-20T09:00:00Z",
        "business_date": "2026-11-20",
        "gross": 1,
        "net": 1,
        "total": 1,
    }
    variants: list[dict[str, Any]] = [
        {},
        {"tip": 1},
        {"tax": 1},
        {"location_id": "1"},
        {"employee_id": "1"},
    ]
    lines: list[dict[str, Any]] = [
        {"lines": [{**LINE, "quantity": quantity}]} for quantity in ("1", "1.0")
    ]
    orders = [msgspec.convert({**base, **more}, Order, strict=False) for more in variants + lines]
    assert len({TABLES["orders"].row(order).row_hash for order in orders}) == len(orders)


def test_the_taps_records_have_the_same_fields() -> None:
    tap = pytest.importorskip(
        "tap_pos.records", reason="tap-pos isn't installed beside this target"
    )
    for stream, ours in STREAMS.items():
        if stream in tap.STREAMS:
            assert ours.__struct_fields__ == tap.STREAMS[stream].__struct_fields__
