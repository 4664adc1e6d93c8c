"""What the SDK promises still holds: its standard tests, stream maps, batch files."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class
from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR
from tap_pos.tap import TapPOS
from tap_pos.testing import ScriptedSquare, sync
from tap_pos.testing.fakes.square_rows import customer, location, money, order, payment

if TYPE_CHECKING:
    from pathlib import Path

_SHOP = ScriptedSquare()
_SHOP.locations = [location(address={"locality": "Here"})]
_SHOP.team_members = [{"id": "T1", "updated_at": "2026-02-01T00:00:00Z"}]
_SHOP.loyalty_accounts = [{"id": "A1", "updated_at": "2026-02-01T00:00:00Z"}]
_SHOP.customers = [customer("C1", "2026-02-01T00:00:00Z", address={"country": "US"})]
_SHOP.orders = [order("O1", "2026-02-01T00:00:00Z")]
_SHOP.payments = [payment("O1", "2026-02-01T00:00:00Z")]
_SHOP.catalog = [
    {
        "type": "ITEM_VARIATION",
        "id": "V1",
        "updated_at": "2026-02-01T00:00:00.000Z",
        "item_variation_data": {"name": "Tea", "price_money": money(100)},
    }
]
_CONFIG: dict[str, Any] = {"vendor": "square", "shop_id": "tea", "access_token": "token"}


@pytest.fixture(scope="module", autouse=True)
def _shop_is_open() -> Any:
    with _SHOP.running():
        _CONFIG["base_url"] = _SHOP.url
        yield


_Standard: Any = get_tap_test_class(
    TapPOS, config=_CONFIG, suite_config=SuiteConfig(max_records_limit=10)
)


# Square does not say when a location changed, so that column is empty; the SDK warns of it.
@pytest.mark.filterwarnings("ignore:No records were available to test")
class TestStandard(_Standard):  # type: ignore[misc]
    """The SDK's own tests of a tap."""


def test_every_record_fits_its_schema() -> None:
    out = sync(_CONFIG)
    assert out.failures == []
    for name, schema in out.schemas.items():
        validator = DEFAULT_JSONSCHEMA_VALIDATOR(
            schema, format_checker=DEFAULT_JSONSCHEMA_VALIDATOR.FORMAT_CHECKER
        )
        rows = out.sent(name)
        assert rows, name
        for row in rows:
            validator.validate(row)
            assert row.keys() == schema["properties"].keys(), "nulls are written too"


def test_the_sdks_own_path_sends_the_same_records_and_state() -> None:
    """A stream map that changes nothing forces it."""
    fast = sync(_CONFIG)
    slow = sync(_CONFIG | {"stream_maps": {name: {} for name in fast.schemas}})
    assert fast.state == slow.state
    for name in fast.schemas:
        assert fast.sent(name) == slow.sent(name)


def test_a_stream_map_is_applied() -> None:
    maps = {"stream_maps": {"customers": {"id": "md5(id)", "email": None}}}
    (row,) = sync(_CONFIG | maps).sent("customers")
    assert len(row["id"]) == 32
    assert "email" not in row


def test_flattening_is_applied() -> None:
    out = sync(_CONFIG | {"flattening_enabled": True, "flattening_max_depth": 1})
    (row,) = out.sent("locations")
    assert row["address__city"] == "Here"
    assert out.table("orders")


def test_a_full_table_selection_reads_everything_and_keeps_no_bookmark() -> None:
    first = sync(_CONFIG)
    catalog = TapPOS(config=_CONFIG).catalog_dict
    for entry in catalog["streams"]:
        entry["replication_method"] = "FULL_TABLE"
    out = sync(_CONFIG, first.state, catalog)
    assert len(out.sent("orders")) == 1


def test_batch_files_hold_the_records(tmp_path: Path) -> None:
    batches = {
        "batch_config": {
            "encoding": {"format": "jsonl", "compression": "gzip"},
            "storage": {"root": tmp_path.as_uri()},
        }
    }
    out = sync(_CONFIG | batches)
    files = {
        message["stream"]: message["manifest"]
        for message in out.messages
        if message["type"] == "BATCH"
    }
    (name,) = files["orders"]
    with gzip.open(urlsplit(name).path, "rt", encoding="utf-8") as lines:
        assert [json.loads(row)["id"] for row in lines] == ["O1"]
    assert out.state is not None
    assert out.state["bookmarks"]["orders"]["partitions"][0]["replication_key_value"]
