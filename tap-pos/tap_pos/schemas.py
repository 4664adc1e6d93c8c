"""JSON schemas of the canonical streams, made from the structs in `records`.

Singer targets differ in what they understand, so the schemas keep to what all of them do:
every reference is resolved in place, "may be null" is ``["string", "null"]`` rather than
``anyOf``, every enumeration has a type, and only the key is required.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tap_pos.records import STREAMS

if TYPE_CHECKING:
    from tap_pos.records import Record

KEY_PROPERTIES = ("shop_id", "id")
"""What identifies a record of any stream."""


def schema_of(record_type: type[Record]) -> dict[str, Any]:
    """Make the JSON schema of one stream.

    Args:
        record_type: A struct of `tap_pos.records.STREAMS`.

    Returns:
        A self-contained JSON schema (draft 7 vocabulary).
    """
    (reference,), definitions = msgspec.json.schema_components([record_type])
    schema = _inline(reference, definitions)
    schema["required"] = list(KEY_PROPERTIES)
    return schema


def stream_schemas() -> dict[str, dict[str, Any]]:
    """Make the JSON schemas of all streams, by name."""
    return {name: schema_of(record_type) for name, record_type in STREAMS.items()}


def _inline(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Resolve references and fold ``anyOf`` with null into a list of types."""
    if "$ref" in node:
        target = definitions[node["$ref"].rpartition("/")[2]]
        around = {key: value for key, value in node.items() if key != "$ref"}
        return {**_inline(target, definitions), **around}
    if "anyOf" in node:
        around = {key: value for key, value in node.items() if key not in {"anyOf", "default"}}
        (kept,) = [option for option in node["anyOf"] if option.get("type") != "null"]
        return _nullable({**_inline(kept, definitions), **around})
    schema = {
        key: value for key, value in node.items() if key not in {"title", "default", "required"}
    }
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    if "properties" in schema:
        schema["properties"] = {
            name: _inline(property_schema, definitions)
            for name, property_schema in schema["properties"].items()
        }
    if "items" in schema:
        schema["items"] = _inline(schema["items"], definitions)
    if "enum" in schema:
        schema = {"type": "string", **schema}
    return schema


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """Allow null beside the schema's own type."""
    return {**schema, "type": [schema["type"], "null"]}
