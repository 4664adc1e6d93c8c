"""``shopcrm policy``: what may leave the shop, to read aloud or to hang up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from target_shopcrm.cli import main
from target_shopcrm.consent.policy import load_policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Call = Callable[..., Result]

POLICY = """
version: 1
name: Corner shop
extends: strict
shops:
  corner: {country: US, jurisdiction: US-NY}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a shop with one shop."""
    file = tmp_path / "policy.yml"
    file.write_text(POLICY)
    return file


@pytest.fixture
def call(path: Path) -> Call:
    """``shopcrm policy …``; no database is named."""

    def run(*arguments: str) -> Result:
        environment = {"TARGET_SHOPCRM_POLICY_PATH": str(path)}
        return CliRunner().invoke(main, ["policy", *arguments], env=environment)

    return run


def test_the_summary_says_what_may_leave(call: Call, path: Path) -> None:
    told = call().stdout
    lives = str(load_policy(path).purposes["marketing"].valid_for)
    for words in ("Corner shop", "email, sms", "US-NY", lives, "profiling", "birthday"):
        assert words in told
    assert max(map(len, told.splitlines())) <= 100


def test_the_summary_says_what_the_law_of_a_place_adds(call: Call, path: Path) -> None:
    path.write_text(POLICY.replace("strict", "ca").replace("US, jurisdiction: US-NY", "CA"))
    told = call().stdout
    for words in ("an inquiry counts as a yes", "for 6 months", "09:00 to 20:00", "until a no"):
        assert words in told
    path.write_text(POLICY.replace("strict", "uk").replace("US, jurisdiction: US-NY", "GB"))
    assert "not declared by the shop" in call().stdout


def test_programs_get_every_section(call: Call, path: Path) -> None:
    found = json.loads(call("--json").stdout)
    policy = load_policy(path)
    assert (found["name"], found["digest"]) == (policy.name, policy.digest)
    assert found["channels"] == ["email", "sms"]
    assert found["purposes"]["marketing"]["valid_for"]["months"] == 24
    assert found["shops"]["corner"]["jurisdiction"] == "US-NY"
    assert "birthday" in found["records"]["customers"]["fields"]


def test_the_page_to_hang_up_is_markdown(call: Call) -> None:
    page = call("--markdown").stdout
    assert page.startswith("# ")
    assert page == call("--markdown", "--shop", "corner").stdout


def test_the_packaged_policy_places_no_shop() -> None:
    result = CliRunner().invoke(main, ["policy"], env={"TARGET_SHOPCRM_POLICY_PATH": ""})
    assert "It places no shop" in result.stdout


def test_the_page_is_for_one_shop(call: Call, path: Path) -> None:
    path.write_text(POLICY + "  harbour: {country: DE}\n")
    refused = call("--markdown")
    assert refused.exit_code == 2
    assert "in the policy: corner, harbour" in refused.stderr


def test_a_shop_that_the_policy_does_not_know(call: Call) -> None:
    refused = call("--shop", "elsewhere")
    assert refused.exit_code == 2
    assert "doesn't say where the shop 'elsewhere' is" in refused.stderr


def test_a_broken_policy(call: Call, path: Path) -> None:
    path.write_text("version: 1\nname: [\n")
    refused = call()
    assert refused.exit_code == 2
    assert "policy.yml, line" in refused.stderr
