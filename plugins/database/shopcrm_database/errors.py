"""Everything that can go wrong, grouped by what the caller should do next."""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "DatabaseError",
    "NotPossibleHereError",
    "NotRunningError",
    "OtherVersionError",
    "ServerError",
    "SessionsConnectedError",
    "WrongUsageError",
]


class DatabaseError(Exception):
    """One clear sentence for whoever typed the command."""

    exit_code: ClassVar[int] = 1


class WrongUsageError(DatabaseError):
    """Type something else: an argument, a setting or a file cannot be right."""

    exit_code: ClassVar[int] = 2


class NotRunningError(DatabaseError):
    """Run `shopcrm-database start` first."""


class NotPossibleHereError(DatabaseError):
    """This machine, account or folder does not allow it: choose another one."""


class OtherVersionError(DatabaseError):
    """The data was written by another major version: move it over first."""


class SessionsConnectedError(DatabaseError):
    """Close the other programs that use the database and try again."""


class ServerError(DatabaseError):
    """PostgreSQL itself refused: the sentence carries its own reason."""
