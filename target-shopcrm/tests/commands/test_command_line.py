"""How the commands of ``shopcrm`` are found."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner
from target_shopcrm.cli import LazyGroup, main

COMMANDS = main.list_commands(click.Context(main))
LOADED = """
import json, sys
from target_shopcrm.cli import main
main(sys.argv[1:], standalone_mode=False)
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0, result.output
    assert f"{command} [OPTIONS]" in result.stdout


def test_help_tells_what_each_command_is_for() -> None:
    told = CliRunner().invoke(main, ["--help"]).stdout
    for words in ("Create the tables", "Ask the gate", "written to, or not"):
        assert words in told


def test_a_command_loads_only_what_it_needs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, "decide", "--help"],
        capture_output=True,
        check=True,
        timeout=60,
    )
    loaded = set(json.loads(done.stderr))
    ours = {name for name in loaded if name.startswith("target_shopcrm.commands.")}
    assert ours == {"target_shopcrm.commands.decide", "target_shopcrm.commands.shared"}
    assert loaded.isdisjoint({"sqlalchemy", "alembic", "singer_sdk", "requests"})


def test_a_command_that_there_is_not() -> None:
    result = CliRunner().invoke(main, ["sell-everything"])
    assert result.exit_code == 2
    assert "No such command 'sell-everything'" in result.stderr


def test_a_command_whose_module_is_missing_takes_no_other_along() -> None:
    group = LazyGroup({"later": "not_written:later", "decide": "decide:decide"}, name="shopcrm")
    assert "decide" in CliRunner().invoke(group, ["--help"]).stdout
    assert "No such command 'later'" in CliRunner().invoke(group, ["later"]).stderr
