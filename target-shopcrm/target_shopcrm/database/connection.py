"""Connecting to PostgreSQL, and saying in one sentence what keeps us from it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from target_shopcrm.errors import ConfigurationError, DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

Connection = psycopg.Connection[tuple[Any, ...]]

_CONNECT_SECONDS = 10
_BAD_LOGIN = "28P01"
_NO_SUCH_DATABASE = "3D000"
_UNREACHABLE = "08006"
_NO_ROOM = (
    "The database {where} has no space left on its disk or in memory; nothing of the last batch"
    " was written: make room, then run again."
)
_REFUSED = (
    "The database {where} refused the user name or password; correct DATABASE_URL, then run again."
)
_SENTENCES = {
    "53100": _NO_ROOM,
    "53200": _NO_ROOM,
    _BAD_LOGIN: _REFUSED,
    "28000": _REFUSED,
    _NO_SUCH_DATABASE: "The server has no database {where}; create it or correct DATABASE_URL.",
    "42501": (
        "The database user may not do this in {where}; it must be able to create schemas and"
        " tables there: grant it that, then run again."
    ),
    "25006": "The database {where} is read-only; point DATABASE_URL at the primary server.",
    _UNREACHABLE: (
        "The database {where} can't be reached or went away; nothing of the last batch was"
        " written: check that it runs ('shopcrm-database status' for the embedded one), then run"
        " again."
    ),
}
"""What to tell a person, by SQLSTATE."""


def database_url(configured: str | None) -> str:
    """Find out which database to use.

    Args:
        configured: The setting `database_url`, if there is one.

    Returns:
        The setting, or else the environment variable DATABASE_URL.

    Raises:
        ConfigurationError: If there is neither, or it isn't a PostgreSQL URL.
    """
    url = configured or os.environ.get("DATABASE_URL")
    if not url:
        raise ConfigurationError(
            "No database is named: set DATABASE_URL (postgresql://user:password@host:port/name)"
            " or start the embedded one with 'shopcrm-database start'."
        )
    try:
        conninfo_to_dict(url)
    except psycopg.Error:
        raise ConfigurationError(
            "DATABASE_URL can't be read as a PostgreSQL address; it looks like"
            " postgresql://user:password@host:port/name."
        ) from None
    return url


def described(url: str) -> dict[str, str]:
    """Say which database a URL means, without user and password.

    Args:
        url: A PostgreSQL URL.

    Returns:
        host, port and name.
    """
    parts = conninfo_to_dict(url)
    return {
        "host": str(parts.get("host") or "localhost"),
        "port": str(parts.get("port") or "5432"),
        "name": str(parts.get("dbname") or parts.get("user") or ""),
    }


def place(url: str) -> str:
    """Say which database a URL means, in a few words for a message.

    Args:
        url: A PostgreSQL URL.

    Returns:
        Such as ``"shopcrm" at 127.0.0.1:5432``.
    """
    parts = described(url)
    return f'"{parts["name"]}" at {parts["host"]}:{parts["port"]}'


def connect(url: str, *, program: str) -> Connection:
    """Open a connection that the caller closes.

    Args:
        url: A PostgreSQL URL.
        program: What the server shows as the name of this client.

    Returns:
        The connection, in transactions, with its time zone set to UTC.

    Raises:
        DatabaseError: If the server doesn't let us in.
    """
    options: dict[str, Any] = {"connect_timeout": _CONNECT_SECONDS}
    options.update(conninfo_to_dict(url))
    options["application_name"] = program
    with explained(url):
        connection = psycopg.connect(**options)
        try:
            connection.execute("SET TIME ZONE 'UTC'")
            connection.commit()
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn whatever PostgreSQL says into one sentence for a person.

    Args:
        url: The database in use, for the sentence.

    Yields:
        Nothing.

    Raises:
        DatabaseError: In place of any `psycopg.Error`.
    """
    try:
        yield
    except psycopg.Error as error:
        raise DatabaseError(_sentence(error, place(url))) from error


def _sentence(error: psycopg.Error, where: str) -> str:
    sentence = _SENTENCES.get(error.sqlstate or _kind_without_code(error))
    if sentence is None and isinstance(error, errors.OperationalError):
        sentence = _SENTENCES[_UNREACHABLE]
    if sentence is not None:
        return sentence.format(where=where)
    return (
        f"The database {where} refused a statement ({type(error).__name__}, SQLSTATE"
        f" {error.sqlstate}); nothing of the last batch was written: look at the server's log."
    )


def _kind_without_code(error: psycopg.Error) -> str:
    """What a failed connection is about: before the login there is no SQLSTATE, only text."""
    text = str(error)
    if "password" in text or "authentication failed" in text:
        return _BAD_LOGIN
    return _NO_SUCH_DATABASE if "does not exist" in text else _UNREACHABLE
