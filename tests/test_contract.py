"""The canonical schemas are the contract: what the tap promises is what the target reads."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import msgspec
import pytest
import yaml
from tap_pos.records import STREAMS as SENT
from target_shopcrm.destinations import CRMS
from target_shopcrm.records import STREAMS as READ

from street import BIN, PROJECT

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


def about(command: str) -> dict[str, Any]:
    """What a plugin says of itself."""
    said = subprocess.run(
        [str(BIN / command), "--about", "--format=json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(said.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("kind", "plugin"), [("extractors", "tap-pos"), ("loaders", "target-shopcrm")]
)
def test_meltano_knows_what_the_plugin_says_of_itself(kind: str, plugin: str) -> None:
    described = about(plugin)
    of_the_sdk = ("stream_map", "faker_", "flattening_", "batch_config", "load_method")
    described_settings = {
        name: bool(setting.get("secret"))
        for name, setting in described["settings"]["properties"].items()
        if not name.startswith(of_the_sdk)
    }
    project = yaml.safe_load((PROJECT / "meltano.yml").read_text())
    (defined,) = (one for one in project["plugins"][kind] if one["name"] == plugin)
    assert {
        setting["name"]: setting.get("sensitive", False) for setting in defined["settings"]
    } == described_settings
    assert all(setting["description"] for setting in defined["settings"])
    assert set(defined["capabilities"]) <= set(described["capabilities"])


@pytest.mark.parametrize(
    ("kind", "plugin"), [("extractors", "tap-pos"), ("loaders", "target-shopcrm")]
)
def test_the_hub_definition_is_what_this_project_uses(kind: str, plugin: str) -> None:
    """Another project that adds a plugin by its definition gets the same settings."""
    project = yaml.safe_load((PROJECT / "meltano.yml").read_text())
    (used,) = (one for one in project["plugins"][kind] if one["name"] == plugin)
    offered = yaml.safe_load((PROJECT / plugin / "plugin.yml").read_text())
    for shared in ("name", "namespace", "label", "executable"):
        assert offered[shared] == used[shared]
    groups = offered.get("settings_group_validation")
    assert used.get("settings_group_validation", groups) == groups
    ours = [{k: v for k, v in one.items() if k != "value"} for one in used["settings"]]
    assert offered["settings"] == ours, "values are this project's own"
    assert set(used["capabilities"]) <= set(offered["capabilities"])
    assert set(offered["capabilities"]) <= set(about(plugin)["capabilities"])


def test_every_crm_has_a_loader_and_a_job() -> None:
    project = yaml.safe_load((PROJECT / "meltano.yml").read_text())
    loaders = {one["name"]: one for one in project["plugins"]["loaders"]}
    jobs = {one["name"]: one["tasks"] for one in project["jobs"]}
    for name in CRMS:
        assert loaders[f"target-{name}"]["config"] == {"destination": name}
        assert loaders[f"target-{name}"]["inherit_from"] == "target-shopcrm"
        built, told = jobs[f"activate-{name}"][-2:]
        assert built == "dbt-postgres:build", "what leaves the house was tested before"
        assert told == f"tap-postgres target-{name}"
