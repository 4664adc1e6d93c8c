"""Who the server runs as, given that PostgreSQL refuses to run as root.

An ordinary user runs it as themselves. Root runs it in a user namespace, or, where that is
refused (most containers), as an account of its own. No folder of anybody else is touched.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shopcrm_database import launcher
from shopcrm_database.errors import NotPossibleHereError

if TYPE_CHECKING:
    from collections.abc import Sequence

ACCOUNT_NAME = "shopcrm-database"
_OVERFLOW_UID = 65534
_ACCOUNT_OPTIONS = (
    "--system",
    "--user-group",
    "--no-create-home",
    "--home-dir=/nonexistent",
    "--shell=/usr/sbin/nologin",
)
_WAY_OUT = "set DATABASE_URL to a PostgreSQL of your own, or run this as an ordinary user"


@dataclass(frozen=True)
class RunAs:
    """A way to run the server's programs.

    Attributes:
        way: As ourselves, as another account, or as ourselves inside a user namespace.
        uid: The account's user id; inside the namespace, the id the program sees.
        gid: The same for the group.
    """

    way: Literal["self", "account", "namespace"]
    uid: int
    gid: int

    def command(self, arguments: Sequence[str], *, detach: bool = False) -> list[str]:
        """The command line that runs `arguments` this way.

        Args:
            arguments: Program and its arguments.
            detach: Start it in the background and print its process id.
        """
        if self.way == "self" and not detach:
            return list(arguments)
        script = [sys.executable, "-I", "-S", launcher.__file__]
        options = ["--detach"] if detach else []
        return [*script, *options, self.way, str(self.uid), str(self.gid), *arguments]

    def can(self, test: str, path: Path) -> bool:
        """Whether a program run this way may use `path`.

        Args:
            test: `-r`, `-w` or `-x`, as the program `test` takes them. Asking the kernel this
                way covers every folder above, access lists and namespaces alike.
            path: A file or folder.
        """
        command = self.command(["test", test, str(path)])
        return subprocess.run(command, capture_output=True, check=False, cwd="/").returncode == 0


def myself() -> RunAs:
    """The user who runs this command."""
    return RunAs("self", os.geteuid(), os.getegid())


def is_root() -> bool:
    """Whether PostgreSQL would refuse to run as this user."""
    return os.geteuid() == 0


def namespace() -> RunAs | None:
    """The way through a user namespace, or None where that is refused.

    The id seen inside needs a name, because initdb looks it up. Any does; 65534 comes last,
    since inside a namespace it is also what every foreign file seems to be owned by.
    """
    named = sorted(
        (entry for entry in pwd.getpwall() if entry.pw_uid != 0),
        key=lambda entry: (entry.pw_uid == _OVERFLOW_UID, entry.pw_uid),
    )
    if not named or not sys.platform.startswith("linux"):
        return None
    way = RunAs("namespace", named[0].pw_uid, named[0].pw_gid)
    return way if way.can("-x", Path("/")) else None


def has_name() -> bool:
    """Whether this user's id has an account name; in some containers it has none."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return True


def dedicated_account() -> RunAs:
    """An account that only this database uses, made on first use.

    A shared one such as `nobody` would let every other service that runs as it read the data.

    Raises:
        NotPossibleHereError: The account is missing and cannot be made.
    """
    entry = _account_entry()
    if entry is None and (useradd := _useradd()):
        subprocess.run(
            [useradd, *_ACCOUNT_OPTIONS, ACCOUNT_NAME],
            capture_output=True,
            check=False,
        )
        entry = _account_entry()
    if entry is None or entry.pw_uid == 0:
        raise NotPossibleHereError(
            "PostgreSQL does not run as root, and this machine allows neither a user namespace "
            f"nor a system account {ACCOUNT_NAME} for it: {_WAY_OUT}."
        )
    return RunAs("account", entry.pw_uid, entry.pw_gid)


def owner_of(cluster: Path) -> RunAs:
    """The way to run a server on data that already exists: as whoever owns it.

    Raises:
        NotPossibleHereError: Another user owns it, or root may not act for its owner.
    """
    facts = cluster.stat()
    if not is_root():
        if facts.st_uid == os.geteuid():
            return myself()
        raise NotPossibleHereError(
            f"The database in {cluster} belongs to user id {facts.st_uid}: run this as that user, "
            "or choose another folder with --data-folder."
        )
    if facts.st_uid != 0:
        return RunAs("account", facts.st_uid, facts.st_gid)
    way = namespace()
    if way is None or not way.can("-w", cluster):
        raise NotPossibleHereError(
            f"The database in {cluster} belongs to root, and PostgreSQL cannot act for root here "
            f"because user namespaces are refused or the folder is out of reach: {_WAY_OUT}."
        )
    return way


def ordinary_user() -> RunAs:
    """The way to run a new server when this user is not root.

    Raises:
        NotPossibleHereError: The user id has no name and no namespace can lend it one.
    """
    if has_name():
        return myself()
    way = namespace()
    if way is None:
        raise NotPossibleHereError(
            f"User id {os.geteuid()} has no name in the account list (/etc/passwd), which "
            "PostgreSQL needs: add one, or set DATABASE_URL to a PostgreSQL of your own."
        )
    return way


def _useradd() -> str | None:
    return shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin")


def _account_entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None
