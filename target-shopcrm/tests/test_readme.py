"""The tables of README and docs are what the code says of itself."""

from __future__ import annotations

import math
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from target_shopcrm.cli import main
from target_shopcrm.consent.policy.sections import PACKAGED
from target_shopcrm.consent.verdicts import Reason, told
from target_shopcrm.destinations import CRMS, crm_class
from target_shopcrm.destinations.crm import Capabilities, Operation
from target_shopcrm.destinations.jsonl import JsonLines
from target_shopcrm.destinations.shopcrm import ShopCRM
from target_shopcrm.errors import ConfigurationError
from target_shopcrm.records import ACTIVATION, STREAMS, key_fields
from target_shopcrm.settings import CONFIG_JSONSCHEMA, DESTINATIONS, CrmSettings

FOLDER = Path(__file__).parents[1]
README = (FOLDER / "README.md").read_text(encoding="utf-8")
PAGES = sorted([FOLDER / "README.md", *(FOLDER / "docs").rglob("*.md")])
OPERATIONS = {
    "read opt-outs": Operation.READ_OPT_OUTS,
    "look up": Operation.LOOK_UP,
    "erase": Operation.ERASE,
    "withdraw": Operation.WITHDRAW,
    "upsert": Operation.UPSERT,
    "grant": Operation.GRANT,
    "lists": Operation.LIST,
    "orders": Operation.ORDER,
    "events": Operation.EVENT,
    "cues": Operation.CUE,
}
SENSIBLE: dict[str, Any] = {
    "api_key": "a-key-us19",
    "api_url": "https://crm.shop.example",
    "audience_id": "a1b2c3",
    "consent_explanation": "Agreed at the till.",
    "database": "shop",
    "lists": {"*": "1"},
    "subscription_type_id": "17",
    "username": "shopcrm",
}
"""A value for each setting that a CRM may ask for."""
WITHOUT_A_LIMIT = 1_000_000
THOUSAND = 1_000


def table(heading: str, number: int = 0, text: str = README) -> list[list[str]]:
    """Read one of the tables under a heading, its header first."""
    section = text[text.index(f"\n{heading}\n") + 1 :].split("\n", 1)[1]
    section = re.split(r"\n#{1,6} ", section)[0]
    tables = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    lines = tables[number].splitlines()
    rows = [[cell.strip() for cell in line[1:].rstrip("|").split("|")] for line in lines]
    return [row for row in rows if not set("".join(row)) <= set("-:| ")]


def words(cell: str) -> set[str]:
    """Find what a cell names in backticks."""
    return set(re.findall(r"`([^`]+)`", cell))


def items(capabilities: Capabilities, operation: Operation) -> str:
    """Say how many items a call takes, as the tables do."""
    if not capabilities.can(operation):
        return "no"
    most = capabilities.per_call[operation]
    return "any" if most >= WITHOUT_A_LIMIT else f"{most:,}"


def capabilities_of(name: str) -> Capabilities:
    """What a destination outside says it can do."""
    return JsonLines.capabilities if name == JsonLines.name else crm_class(name).capabilities  # type: ignore[attr-defined]  # a class


def column(name: str) -> dict[str, str]:
    """One destination's cells in the matrix, by row."""
    header, *rows = table("## Destinations")
    at = [words(cell) for cell in header].index({name})
    return {row[0]: row[at] for row in rows}


def commands(group: click.Group, before: str = "") -> set[str]:
    """Every command that can be typed, those of groups with their group's name."""
    found: set[str] = set()
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if isinstance(command, click.Group):
            found |= commands(command, f"{before}{name} ")
        else:
            found.add(f"{before}{name}")
    return found


def test_every_setting_is_listed_and_nothing_else() -> None:
    _, *rows = table("## Settings")
    assert [row[0].strip("`") for row in rows] == list(CONFIG_JSONSCHEMA["properties"])


def test_defaults_and_secrets_are_those_of_the_settings() -> None:
    _, *rows = table("## Settings")
    for name, default, meaning in rows:
        setting = CONFIG_JSONSCHEMA["properties"][name.strip("`")]
        assert ("secret" in meaning) == bool(setting.get("secret")), name
        if "default" in setting:
            assert default.strip("`") == str(setting["default"]), name


def test_every_destination_is_offered() -> None:
    _, (_, default, meaning), *_ = table("## Settings")
    assert words(meaning) == set(DESTINATIONS)
    assert words(default) <= set(DESTINATIONS)


@pytest.mark.parametrize("name", CRMS)
def test_a_crm_starts_with_what_is_said_to_be_required_and_not_without(name: str) -> None:
    _, *rows = table("### Settings by CRM")
    required, optional = next((words(a), words(b)) for crm, a, b in rows if name in words(crm))
    given = {setting: SENSIBLE[setting] for setting in required}
    crm_class(name)(CrmSettings(**given)).close()
    for missing in required:
        without = {setting: value for setting, value in given.items() if setting != missing}
        with pytest.raises(ConfigurationError, match=f"needs the setting {missing};"):
            crm_class(name)(CrmSettings(**without))
    assert optional <= {each.name for each in fields(CrmSettings)} - required


def test_the_settings_of_every_crm_are_listed() -> None:
    _, *rows = table("### Settings by CRM")
    assert [words(row[0]) for row in rows] == [{name} for name in CRMS]


def test_every_stream_and_its_key_are_listed() -> None:
    _, *rows = table("## What it takes")
    listed = {stream: words(key) for streams, key, *_ in rows for stream in words(streams)}
    assert listed == {stream: set(key_fields(stream)) for stream in STREAMS}
    outside = {stream for streams, _, to, _ in rows for stream in words(streams) if "CRMs" in to}
    assert outside == ACTIVATION


def test_the_matrix_has_every_operation_and_every_destination() -> None:
    header, *rows = table("## Destinations")
    assert [words(cell) for cell in header[1:]] == [{name} for name in DESTINATIONS]
    assert [row[0] for row in rows] == [*OPERATIONS, "channels", "marks history"]
    assert set(OPERATIONS.values()) == set(Operation)


@pytest.mark.parametrize("name", [JsonLines.name, *CRMS])
def test_the_matrix_says_what_a_destination_can_do(name: str) -> None:
    cells, can = column(name), capabilities_of(name)
    assert {row: cells[row] for row in OPERATIONS} == {
        row: items(can, operation) for row, operation in OPERATIONS.items()
    }
    assert words(cells["channels"]) == can.channels
    marked = {row for row, operation in OPERATIONS.items() if operation in can.history}
    assert cells["marks history"] == (", ".join(sorted(marked, reverse=True)) or "no")


def test_the_embedded_database_takes_no_items_but_rows() -> None:
    cells = column(ShopCRM.name)
    assert {row for row, cell in cells.items() if cell == "any"} == {
        "erase",
        "withdraw",
        "upsert",
        "orders",
    }


def test_the_fewest_calls_are_what_the_batch_sizes_allow() -> None:
    _, *rows = table("### Calls per 1,000 contacts")
    asked = (Operation.UPSERT, Operation.WITHDRAW, Operation.ERASE)
    for name, *cells in rows:
        per_call = capabilities_of(name.strip("`")).per_call
        assert cells[: len(asked)] == [f"{math.ceil(THOUSAND / per_call[o]):,}" for o in asked]
    assert [words(row[0]) for row in rows] == [{name} for name in CRMS]


def test_every_reason_stands_there_in_its_own_words() -> None:
    _, *rows = table("## Consent, in plain words", number=1)
    assert [(name.strip("`"), means) for name, means in rows] == [
        (str(reason), told(reason)) for reason in Reason
    ]


@pytest.mark.parametrize(
    ("page", "heading"),
    [("README.md", "## Consent, in plain words"), ("docs/consent.md", "## The packs")],
)
def test_every_packaged_policy_is_listed(page: str, heading: str) -> None:
    _, *rows = table(heading, text=(FOLDER / page).read_text(encoding="utf-8"))
    assert set().union(*(words(row[0]) for row in rows)) == {
        path.stem for path in PACKAGED.glob("*.yml")
    }


def test_every_command_is_listed_and_nothing_else() -> None:
    assert isinstance(main, click.Group)
    _, *rows = table("## The command `shopcrm`")
    assert {row[0].strip("`") for row in rows} == commands(main)


@pytest.mark.parametrize("name", CRMS)
def test_every_crm_has_a_page_that_says_what_it_can_do(name: str) -> None:
    page = (FOLDER / "docs" / "crms" / f"{name}.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert headings == ["Set-up", "What it can do", "What it can't do", "Limits", "Replay"]
    _, *rows = table("## What it can do", text=page)
    can = capabilities_of(name)
    assert {row[0]: row[1] for row in rows} == {
        row: items(can, operation) for row, operation in OPERATIONS.items()
    }
    assert f"TARGET_{name.upper()}_API_KEY" in page
    assert f"TARGET_{name.upper()}_API_KEY" in README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(FOLDER)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target
