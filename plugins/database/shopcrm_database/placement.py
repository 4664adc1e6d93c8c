"""Where the data and the programs are, and who runs them.

Nearly always: the data in the data folder, the programs in the installed package, run by
ourselves (root: inside a user namespace). Only where root must use another account, and that
account cannot enter the folders above, data and programs go to a place of its own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shopcrm_database import privileges
from shopcrm_database.binaries import Binaries, carried_binaries
from shopcrm_database.errors import NotPossibleHereError

if TYPE_CHECKING:
    from shopcrm_database.folder import DataFolder

ACCOUNT_PLACES = Path("/var/lib/shopcrm-database")


@dataclass(frozen=True)
class Placement:
    """How to run the server of one data folder.

    Attributes:
        run_as: Who runs it.
        binaries: The programs, where that user can reach them.
    """

    run_as: privileges.RunAs
    binaries: Binaries


def placement_of(folder: DataFolder) -> Placement:
    """Settle who runs the server, and choose its place if it has none yet.

    Raises:
        NotPossibleHereError: Nothing safe works here; the sentence says what would.
    """
    binaries = carried_binaries()
    if folder.cluster.exists():
        run_as = privileges.owner_of(folder.cluster)
    elif privileges.is_root():
        run_as = _settle_root(folder)
    else:
        run_as = privileges.ordinary_user()
    if not run_as.can("-x", Path(binaries.program("postgres"))):
        binaries = _reachable_copy(binaries, run_as)
    return Placement(run_as, binaries)


def _settle_root(folder: DataFolder) -> privileges.RunAs:
    """Choose for root and a new database; record the place if it is not the data folder."""
    inside = privileges.namespace()
    if inside is not None and inside.can("-w", folder.path):
        return inside
    account = privileges.dedicated_account()
    folder.path.chmod(0o711)  # our own folder: the account passes through, all else in it is 0600
    if not account.can("-x", folder.path):
        place = ACCOUNT_PLACES / hashlib.sha256(os.fsencode(folder.path)).hexdigest()[:16]
        for own in (ACCOUNT_PLACES, place):
            own.mkdir(mode=0o711, parents=True, exist_ok=True)
        if not account.can("-x", place):
            raise NotPossibleHereError(
                f"The account {privileges.ACCOUNT_NAME} can enter neither {folder.path} nor "
                f"{place}: set DATABASE_URL to a PostgreSQL of your own, "
                "or run this as an ordinary user."
            )
        folder.record(replace(folder.state(), cluster=str(place / "pgdata")))
    return account


def _reachable_copy(binaries: Binaries, run_as: privileges.RunAs) -> Binaries:
    """The programs again, where the account that runs them can read them.

    Raises:
        NotPossibleHereError: We are not root, or the account cannot reach the copy either.
    """
    packages = binaries.home.parent.parent
    mark = hashlib.sha256(os.fsencode(binaries.home)).hexdigest()[:8]
    copy = ACCOUNT_PLACES / f"server-{binaries.version}-{mark}"
    home = copy / binaries.home.relative_to(packages)
    if privileges.is_root() and not copy.exists():
        ACCOUNT_PLACES.mkdir(mode=0o711, parents=True, exist_ok=True)
        part = copy.with_name(f"{copy.name}.part-{os.getpid()}")
        shutil.rmtree(part, ignore_errors=True)
        # The programs find their libraries beside the package, so that neighbourhood is kept.
        for source in (binaries.home, packages / f"{binaries.home.parent.name}.libs"):
            if source.exists():
                _copy_tree(source, part / source.relative_to(packages))
        part.rename(copy)
    if not run_as.can("-x", home / "bin" / "postgres"):
        raise NotPossibleHereError(
            f"The account with user id {run_as.uid}, which is to run PostgreSQL, cannot reach its "
            f"programs in {binaries.home}: set DATABASE_URL to a PostgreSQL of your own, or run "
            "this as an ordinary user who can."
        )
    return Binaries(home)


def _copy_tree(source: Path, target: Path) -> None:
    """Hard links where the file may already be read by everyone, else copies that may."""

    def place(origin: str, goal: str) -> str:
        mode = os.stat(origin).st_mode  # noqa: PTH116 - shutil hands over strings
        needed = 0o555 if mode & stat.S_IXUSR else 0o444
        if mode & needed == needed:
            try:
                os.link(origin, goal)
            except OSError:  # another file system
                pass
            else:
                return goal
        shutil.copyfile(origin, goal)
        Path(goal).chmod(0o755 if mode & stat.S_IXUSR else 0o644)
        return goal

    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, target, copy_function=place)
    for folder in (target.parent.parent, target.parent, target, *target.rglob("*")):
        if folder.is_dir():
            folder.chmod(0o755)
