"""A DATABASE_URL taken apart, so that its password never reaches a command line or a message."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from shopcrm_database.binaries import Binaries, clean_environment
from shopcrm_database.errors import ServerError, WrongUsageError
from shopcrm_database.log import reason

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMES = ("postgresql", "postgres")
_CONNECT_SECONDS = "10"


@dataclass(frozen=True)
class Address:
    """One PostgreSQL database.

    Attributes:
        host: Host name or address.
        port: TCP port.
        database: Name of the database.
        user: Role to connect as, or empty.
        password: Its password, or empty; kept out of `repr`.
        query: Further connection parameters, such as `sslmode=require`.
    """

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    query: str = ""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Take a URL apart; SQLAlchemy's driver suffix (`postgresql+psycopg`) is left out.

        Raises:
            WrongUsageError: It names no PostgreSQL database. The URL itself is not repeated.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or 5432
        except ValueError:
            parts, port = urlsplit(""), 0
        if parts.scheme.partition("+")[0] not in _SCHEMES or not parts.hostname:
            raise WrongUsageError(
                "DATABASE_URL is not of the form postgresql://user:password@host:port/database: "
                "correct it in the environment or in .env."
            )
        return cls(
            host=parts.hostname,
            port=port,
            database=unquote(parts.path.lstrip("/")) or unquote(parts.username or ""),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            query=parts.query,
        )

    @property
    def place(self) -> str:
        """Where it is, for people: host, port and database without any secret."""
        return f"{self._host}:{self.port}/{self.database}"

    def public_url(self, database: str | None = None) -> str:
        """The URL without its password.

        Args:
            database: Another database of the same server.
        """
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        query = f"?{self.query}" if self.query else ""
        name = quote(database or self.database, safe="")
        return f"postgresql://{user}{self._host}:{self.port}/{name}{query}"

    def environment(self) -> dict[str, str]:
        """The environment for PostgreSQL's programs: the password, and a bound on waiting."""
        secret = {"PGPASSWORD": self.password} if self.password else {}
        return clean_environment(PGCONNECT_TIMEOUT=_CONNECT_SECONDS, **secret)

    @property
    def _host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def ask(
    address: Address,
    binaries: Binaries,
    statements: str,
    *,
    database: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> list[list[str]]:
    """Run SQL through psql and return its rows as text.

    Args:
        address: The database.
        binaries: Where psql is.
        statements: SQL; `:"name"` and `:'name'` stand for quoted variables.
        database: Another database of the same server.
        variables: Values of those variables.

    Raises:
        ServerError: The server is out of reach or refuses a statement.
    """
    command = [binaries.program("psql"), "-X", "-w", "-q", "-A", "-t", "-F", "\t"]
    command += ["-v", "ON_ERROR_STOP=1", "-d", address.public_url(database)]
    for name, value in (variables or {}).items():
        command += ["-v", f"{name}={value}"]
    done = subprocess.run(
        command,
        input=statements,
        capture_output=True,
        text=True,
        check=False,
        env=address.environment(),
    )
    if done.returncode != 0:
        raise ServerError(f"The database {address.place} refuses: {reason(done.stderr)}.")
    return [line.split("\t") for line in done.stdout.splitlines()]
