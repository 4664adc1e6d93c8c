"""Streams that no policy names, or that only bear the name of a canonical one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import MissingKeyPropertiesError, RecordsWithoutSchemaException
from target_shopcrm.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shop, Singer


def announce(stream: str, *key: str, **properties: Any) -> str:
    schema = {"type": "object", "properties": properties}
    return json.dumps(
        {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": list(key)}
    )


def say(stream: str, **fields: Any) -> str:
    return json.dumps({"type": "RECORD", "stream": stream, "record": fields})


def test_an_unknown_stream_is_withheld_and_told_once(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [announce("leads", "id", id={"type": "integer"}), *(say("leads", id=n) for n in "123")]
    shop.run([*lines, lines[0]])
    assert shop.ask("SELECT stream, field, reason, records FROM sync.withheld") == [
        ("leads", "*", "not_in_policy", 3)
    ]
    assert caplog.text.count("'leads' is not in the policy") == 1


def test_orders_of_another_tap_are_not_ours(
    shop: Shop, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = shop.run((data / "orders_of_another_tap.singer").read_bytes().splitlines())
    assert outcome.states == [{"id": 1}]
    assert shop.one("SELECT count(*) FROM pos.orders") == 0
    assert shop.last_run()["withheld"] == 1
    assert "not its key or fields" in caplog.text
    assert "somebody@example.com" not in caplog.text
    assert "not a time" not in caplog.text


def test_a_canonical_record_needs_its_schema_first(shop: Shop, singer: Singer) -> None:
    with pytest.raises(RecordsWithoutSchemaException):
        shop.run([singer.record("orders")])
    assert shop.last_run()["state"] == "failed"


def test_a_record_without_its_key_stops_the_run(shop: Shop) -> None:
    with pytest.raises(MissingKeyPropertiesError):
        shop.run([announce("leads", "id", id={"type": "integer"}), say("leads", name="x")])


def test_batch_files_are_refused(shop: Shop, singer: Singer) -> None:
    line = json.dumps({"type": "BATCH", "stream": "orders", "encoding": {}, "manifest": []})
    with pytest.raises(InputError, match="batch files"):
        shop.run([singer.schema("orders"), line])


def test_versions_of_canonical_streams_mean_nothing(shop: Shop, singer: Singer) -> None:
    line = json.dumps({"type": "ACTIVATE_VERSION", "stream": "orders", "version": 1})
    shop.run([singer.schema("orders"), singer.record("orders"), line])
    assert shop.one("SELECT count(*) FROM pos.orders") == 1


def test_an_unknown_message_is_refused(shop: Shop) -> None:
    with pytest.raises(InputError, match="Line 1 of the input is no message"):
        shop.run(['{"type": "GREETING"}'])
