"""The command ``shopcrm``: what the registers told, and what consent permits.

A command's module is loaded when the command is asked for: ``shopcrm decide`` doesn't wait for
what only ``shopcrm export`` needs.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "init": "status:init",
        "status": "status:status",
        "decide": "decide:decide",
        "explain": "explain:explain",
        "consent": "consent:consent",
        "policy": "policy:policy",
        "ledger": "ledger:ledger",
        "erase": "people:erase",
        "export": "people:export",
        "retention": "retention:retention",
        "dead-letters": "dead_letters:dead_letters",
        "shadow": "shadow:shadow",
        "rollback": "rollback:rollback",
    }
)
"""Every command in the order of ``--help``: its module in `target_shopcrm.commands`, its name."""


class LazyGroup(click.Group):
    """A group that imports a command when it is asked for.

    Args:
        commands_by_name: For each command ``module:name``, inside `target_shopcrm.commands`.
        settings: What `click.Group` takes.
    """

    def __init__(self, commands_by_name: Mapping[str, str], **settings: Any) -> None:
        super().__init__(**settings)
        self._commands_by_name = commands_by_name

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """List the names, in the order in which a shop needs them."""
        return list(self._commands_by_name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - same
        """Import one command; None if there is none of that name."""
        entry = self._commands_by_name.get(cmd_name)
        if entry is None:
            return None
        module, _, name = entry.partition(":")
        path = f"{__package__}.commands.{module}"
        try:
            loaded = import_module(path)
        except ModuleNotFoundError as error:
            if error.name != path:
                raise
            return None
        command: click.Command = getattr(loaded, name)
        return command


@click.group(
    cls=LazyGroup,
    commands_by_name=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="target-shopcrm", prog_name="shopcrm")
def main() -> None:
    """ShopCRM: what the registers told, and what consent permits.

    The database is the one that DATABASE_URL names.
    """


if __name__ == "__main__":
    main(prog_name=os.path.basename(sys.argv[0]))  # noqa: PTH119 - only the name of the program
