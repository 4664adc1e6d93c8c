"""What `status` tells, without ever a password."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from shopcrm_database.address import Address, ask
from shopcrm_database.errors import ServerError
from shopcrm_database.process import find_server

if TYPE_CHECKING:
    from shopcrm_database.binaries import Binaries
    from shopcrm_database.folder import DataFolder


@dataclass(frozen=True)
class Status:
    """The state of one database.

    Attributes:
        kind: `embedded`, or `external` where DATABASE_URL names another one.
        state: `running`, `starting` or `stopped`; of an external one `reachable` or `unreachable`.
        host: Host of the server.
        port: Its port; None before the first start.
        database: Name of the database.
        version: Version of the server; None if unknown.
        data_folder: Folder of the embedded database.
        size_bytes: Room it takes; None if unknown.
    """

    kind: str
    state: str
    host: str
    port: int | None
    database: str
    version: str | None
    data_folder: str | None
    size_bytes: int | None

    def as_dict(self) -> dict[str, object]:
        """The same as plain data."""
        return asdict(self)

    def sentence(self) -> str:
        """The same for people."""
        where = f"{self.host}:{self.port}/{self.database}" if self.port else self.database
        facts = [f"PostgreSQL {self.version}"] if self.version else []
        if self.size_bytes is not None:
            facts.append(f"{self.size_bytes / 1e6:,.1f} MB")
        if self.data_folder:
            facts.append(f"data in {self.data_folder}")
        return f"{self.kind} database {where}: {self.state}" + "".join(f", {f}" for f in facts)


def embedded_status(folder: DataFolder, binaries: Binaries) -> Status:
    """The state of the embedded database; nothing is made or changed."""
    made = folder.initialised()
    server = find_server(folder.cluster) if made else None
    state = "stopped" if server is None else "running" if server.ready else "starting"
    return Status(
        kind="embedded",
        state=state,
        host="127.0.0.1",
        port=server.port if server else folder.state().port,
        database="shopcrm",
        version=binaries.version,
        data_folder=str(folder.path),
        size_bytes=folder.size() if made else 0,
    )


def external_status(url: str, binaries: Binaries) -> Status:
    """The state of the database that DATABASE_URL names.

    Raises:
        WrongUsageError: The URL names no PostgreSQL database.
    """
    address = Address.parse(url)
    question = "select current_setting('server_version'), pg_database_size(current_database())"
    try:
        [[version, size]] = ask(address, binaries, question)
    except ServerError:
        version, size = "", ""
    return Status(
        kind="external",
        state="reachable" if version else "unreachable",
        host=address.host,
        port=address.port,
        database=address.database,
        version=version.partition(" ")[0] or None,
        data_folder=None,
        size_bytes=int(size) if size else None,
    )
