"""A server for the length of a `with` block: how other packages' tests get a real database."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shopcrm_database import server
from shopcrm_database.address import Address, ask
from shopcrm_database.binaries import carried_binaries
from shopcrm_database.folder import DataFolder

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class RunningServer:
    """A server that accepts connections.

    Attributes:
        folder: Its data folder.
        port: Its port on 127.0.0.1.
    """

    folder: DataFolder
    port: int

    @property
    def url(self) -> str:
        """Address of the database `shopcrm`, password included."""
        return self.folder.url(self.port)

    @property
    def admin_url(self) -> str:
        """Address of the same database for the superuser, for tests of rights."""
        return self.folder.admin_url(self.port)

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create one more database in this server.

        Args:
            name: Its name.
            template: A database to copy, which nobody may be connected to; None for an empty one.

        Returns:
            Its address.

        Raises:
            ServerError: The name is taken or the template is in use.
        """
        ask(
            Address.parse(self.url),
            carried_binaries(),
            'create database :"name" template :"template"',
            database="postgres",
            variables={"name": name, "template": template or "template1"},
        )
        return self.folder.url(self.port, name)

    def drop_database(self, name: str) -> None:
        """Drop a database, ending the sessions that still use it.

        As the administrator: autovacuum may be in it, and its worker is a superuser's process,
        which the ordinary role may not end.
        """
        ask(
            Address.parse(self.admin_url),
            carried_binaries(),
            'drop database if exists :"name" with (force)',
            database="postgres",
            variables={"name": name},
        )


@contextmanager
def running_server(folder: Path, *, durable: bool = True) -> Iterator[RunningServer]:
    """Start a server on `folder`, make the database if there is none, and stop it at the end.

    A server that was running before is used and left running. DATABASE_URL is neither read nor
    written.

    Args:
        folder: The data folder.
        durable: False gives up safety against power cuts for speed; for tests only.

    Raises:
        DatabaseError: One sentence on what stands in the way.
    """
    data = DataFolder(Path(folder).absolute())
    started = server.start(data, durable=durable)
    try:
        yield RunningServer(data, started.server.port)
    finally:
        if not started.was_running:
            server.stop(data)
