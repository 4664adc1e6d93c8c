"""The schemas any Singer target can use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR
from tap_pos.records import STREAMS
from tap_pos.schemas import stream_schemas

if TYPE_CHECKING:
    from collections.abc import Iterator


def walk(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for inner in schema.get("properties", {}).values():
        yield from walk(inner)
    if "items" in schema:
        yield from walk(schema["items"])


@pytest.mark.parametrize("name", STREAMS)
def test_a_schema_is_valid_and_stands_alone(name: str) -> None:
    schema = stream_schemas()[name]
    DEFAULT_JSONSCHEMA_VALIDATOR.check_schema(schema)
    for node in walk(schema):
        assert not {"$ref", "anyOf", "oneOf", "allOf", "title", "default"} & node.keys()
        assert node["type"]


@pytest.mark.parametrize("name", STREAMS)
def test_a_schema_has_the_fields_of_its_struct_in_their_order(name: str) -> None:
    schema = stream_schemas()[name]
    assert tuple(schema["properties"]) == STREAMS[name].__struct_fields__
    assert schema["required"] == ["shop_id", "id"]


def test_optional_times_are_nullable_and_keep_their_format() -> None:
    updated_at = stream_schemas()["customers"]["properties"]["updated_at"]
    assert updated_at == {"type": ["string", "null"], "format": "date-time"}


def test_money_is_an_integer() -> None:
    order = stream_schemas()["orders"]["properties"]
    assert order["total"]["type"] == "integer"
    assert order["lines"]["items"]["properties"]["net"]["type"] == "integer"
