"""The canonical schemas are the contract: what the tap promises is what the target reads."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import msgspec
import pytest
from tap_pos.records import STREAMS as SENT
from target_shopcrm.records import STREAMS as READ

from street import BIN

SIMPLE: dict[type, str] = {
    msgspec.inspect.NoneType: "null",
    msgspec.inspect.IntType: "integer",
    msgspec.inspect.BoolType: "boolean",
}


def shape(kind: Any) -> Any:
    """A type as plain data: field names and what JSON each may hold, meaning left out."""
    match kind:
        case msgspec.inspect.Metadata():
            return shape(kind.type)
        case msgspec.inspect.StructType():
            return {field.encode_name: shape(field.type) for field in kind.fields}
        case msgspec.inspect.ListType():
            return [shape(kind.item_type)]
        case msgspec.inspect.UnionType():
            return sorted((shape(one) for one in kind.types), key=str)
        case msgspec.inspect.LiteralType():
            return sorted(kind.values)
        case _:
            # Instants, dates, decimals and names all travel as text.
            return SIMPLE.get(type(kind), "text")


@pytest.mark.parametrize("stream", sorted(SENT))
def test_target_reads_what_tap_sends(stream: str) -> None:
    assert shape(msgspec.inspect.type_info(READ[stream])) == shape(
        msgspec.inspect.type_info(SENT[stream])
    )


@pytest.mark.parametrize("command", ["tap-pos", "target-shopcrm"])
def test_about_names_every_setting(command: str) -> None:
    said = subprocess.run(
        [str(BIN / command), "--about", "--format=json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    about = json.loads(said.stdout)
    assert about["name"] == command
    assert all(setting.get("description") for setting in about["settings"]["properties"].values())
