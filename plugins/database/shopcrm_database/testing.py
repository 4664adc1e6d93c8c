"""For tests: a project folder and the command `shopcrm-database` on it, as a user types it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from click.testing import CliRunner

from shopcrm_database.address import Address, ask
from shopcrm_database.binaries import carried_binaries
from shopcrm_database.cli import main
from shopcrm_database.folder import DataFolder
from shopcrm_database.server import running

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "shopcrm_database"]
_STEERING = ("DATABASE_URL", "SHOPCRM_DATABASE_FOLDER")
_TIMEOUT_SECONDS = 60


@dataclass
class Project:
    """A project folder and a way to run the command on it.

    Attributes:
        path: The folder.
        command: How the command is started as a process of its own; None runs it in this
            process, which is quicker. psql always gets a process of its own.
        environment: Variables on top of this process's own.
        user: User and group id to run as, or None for this process's own.
    """

    path: Path
    command: list[str] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    user: int | None = None

    @property
    def folder(self) -> DataFolder:
        """Its data folder."""
        return DataFolder(self.path / ".shopcrm" / "database")

    def launch(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start the command without waiting for it."""
        variables = {**os.environ, **self._variables(environment)}
        return subprocess.Popen(
            [*(self.command or COMMAND), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={name: value for name, value in variables.items() if value is not None},
            cwd="/",
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
        )

    def try_to(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command, whatever comes of it."""
        if self.command is None and self.user is None and "psql" not in arguments:
            here = CliRunner().invoke(main, arguments, env=self._variables(environment))
            return subprocess.CompletedProcess(arguments, here.exit_code, here.stdout, here.stderr)
        with self.launch(*arguments, **environment) as process:
            out, err = process.communicate(timeout=_TIMEOUT_SECONDS)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def run(self, *arguments: str, **environment: str) -> str:
        """Run the command and return what it printed.

        Raises:
            AssertionError: It failed; with what it said.
        """
        done = self.try_to(*arguments, **environment)
        if done.returncode != 0:
            raise AssertionError(f"{arguments} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def refuse(self, *arguments: str, **environment: str) -> str:
        """Run the command, which must refuse in one sentence, and return that.

        Raises:
            AssertionError: It did not refuse, or in another way.
        """
        done = self.try_to(*arguments, **environment)
        told = done.stderr.strip()
        if done.returncode not in (1, 2) or len(told.splitlines()) != 1:
            raise AssertionError(f"{arguments} ended with {done.returncode}: {done.stdout}{told}")
        return told

    def sql(self, statement: str) -> str:
        """What the running database answers, one line a row, columns separated by `|`."""
        address = Address.parse(self.folder.url(running(self.folder).port))
        return "\n".join("|".join(row) for row in ask(address, carried_binaries(), statement))

    def _variables(self, more: dict[str, str]) -> dict[str, str | None]:
        """Changes to this process's environment; None takes a variable away."""
        steering: dict[str, str | None] = dict.fromkeys(_STEERING)
        return {**steering, "MELTANO_PROJECT_ROOT": str(self.path), **self.environment, **more}
