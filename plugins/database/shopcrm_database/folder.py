"""The data folder: where everything of one embedded database lives.

<data folder>/
  pgdata/          the server's own data, and its log in pgdata/log
  pgpass           the generated passwords, in PostgreSQL's own format, readable by the owner
  state.json       the port, and where the data is if it could not be in here
  start.log        what the server said while starting
  start.lock       one start or stop at a time
  server.lock      held by the server for as long as any of its processes lives
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from shopcrm_database.errors import DatabaseError, NotPossibleHereError, WrongUsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLE = "shopcrm"
ADMIN = "shopcrm_admin"
DATABASE = "shopcrm"
HOST = "127.0.0.1"
PASSWORD_MARK = "shopcrm-embedded-"  # noqa: S105 - a prefix by which our own URLs are known
_LOCK_SECONDS = 180


@dataclass(frozen=True)
class State:
    """What is kept from start to start.

    Attributes:
        port: The TCP port, or None before the first start.
        cluster: Folder of the server's data where it is not `pgdata` in the data folder.
    """

    port: int | None = None
    cluster: str | None = None


@dataclass(frozen=True)
class DataFolder:
    """One embedded database's folder.

    Attributes:
        path: The folder, absolute; it may not exist yet.
    """

    path: Path

    @property
    def cluster(self) -> Path:
        """The folder that PostgreSQL calls its data directory."""
        recorded = self.state().cluster
        return Path(recorded) if recorded else self.path / "pgdata"

    @property
    def passwords(self) -> Path:
        """The file of generated passwords."""
        return self.path / "pgpass"

    @property
    def start_log(self) -> Path:
        """What the server said before its own log began."""
        return self.path / "start.log"

    @property
    def server_lock(self) -> Path:
        """The file whose lock every server process inherits."""
        return self.path / "server.lock"

    def initialised(self) -> bool:
        """Whether a complete database is here.

        Raises:
            NotPossibleHereError: Another user owns the folder.
        """
        try:
            return (self.cluster / "PG_VERSION").is_file() and self.passwords.is_file()
        except PermissionError as error:
            raise NotPossibleHereError(
                f"The data folder {self.path} belongs to another user: run this as that user, "
                "or choose another folder with --data-folder."
            ) from error

    def prepare(self) -> None:
        """Make the folder, closed to everyone else.

        Raises:
            WrongUsageError: The folder holds something that is not this utility's.
            OSError: The folder cannot be made.
        """
        if self.path.is_dir():
            if self.path.stat().st_mode & 0o022:
                raise WrongUsageError(
                    f"Other users may write into the folder {self.path}: close it with "
                    "`chmod go-w`, or choose another one with --data-folder."
                )
            strangers = [p.name for p in self.path.iterdir() if p.name not in _OUR_FILES]
            strangers = [name for name in strangers if not name.startswith("pgdata.new-")]
            if strangers and not self.initialised():
                raise WrongUsageError(
                    f"The folder {self.path} holds other files, so no database is made in it: "
                    "choose an empty or a new one with --data-folder."
                )
        else:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700, exist_ok=True)

    def make_passwords(self) -> None:
        """Generate the passwords of a new database; those of an earlier attempt are kept."""
        if not self.passwords.exists():
            lines = [f"{HOST}:*:*:{user}:{_new_password()}\n" for user in (ROLE, ADMIN)]
            write_private(self.passwords, "".join(lines))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One start or stop at a time; a second one waits for the first.

        Raises:
            DatabaseError: The first one takes too long.
        """
        lock = FileLock(self.path / "start.lock", timeout=_LOCK_SECONDS, mode=0o600)
        try:
            lock.acquire()
        except Timeout as error:
            raise DatabaseError(
                f"Another shopcrm-database command still works on {self.path}: "
                "wait for it or end it, then try again."
            ) from error
        try:
            yield
        finally:
            lock.release()

    def state(self) -> State:
        """What the last start recorded."""
        try:
            return State(**json.loads((self.path / "state.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return State()
        except (ValueError, TypeError) as error:
            raise DatabaseError(
                f"The file {self.path / 'state.json'} is damaged: delete it, and the next start "
                "chooses a new port."
            ) from error

    def record(self, state: State) -> None:
        """Keep `state` for the next start."""
        write_private(self.path / "state.json", json.dumps(asdict(state)) + "\n")

    def password(self, user: str = ROLE) -> str:
        """The generated password of `user`.

        Raises:
            DatabaseError: The file is gone or damaged.
        """
        try:
            lines = self.passwords.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            lines = []
        for line in lines:
            *_, name, password = line.split(":")
            if name == user:
                return password
        raise DatabaseError(
            f"The password file {self.passwords} is missing or damaged: put it back from a copy, "
            "or move the data folder away and restore a backup."
        )

    def url(self, port: int, database: str = DATABASE) -> str:
        """The address that programs connect to, password included."""
        return f"postgresql://{ROLE}:{self.password()}@{HOST}:{port}/{database}"

    def admin_url(self, port: int) -> str:
        """The same database for its superuser, whom no program of this project connects as."""
        return f"postgresql://{ADMIN}:{self.password(ADMIN)}@{HOST}:{port}/{DATABASE}"

    def size(self) -> int:
        """Bytes of all files, those that vanish while we look left out."""
        folders = {self.path, self.cluster}
        roots = [f for f in folders if not folders & set(f.parents)]
        return sum(_bytes_below(folder) for folder in roots)


_OUR_FILES = frozenset(
    {"pgdata", "pgpass", "state.json", "start.log", "start.lock", "server.lock", "pgpass.part"}
    | {"state.json.part"}
)


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole; only the owner of its folder, and root, may read it."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
        give_to_owner(part, path.parent)
    part.replace(path)


def give_to_owner(path: Path, folder: Path) -> None:
    """When root writes into a user's folder, the file is that user's."""
    if os.geteuid() == 0:
        facts = folder.stat()
        os.chown(path, facts.st_uid, facts.st_gid)


def _new_password() -> str:
    return PASSWORD_MARK + secrets.token_hex(24)


def _bytes_below(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(parent, name).lstat().st_blocks * 512
    return total
