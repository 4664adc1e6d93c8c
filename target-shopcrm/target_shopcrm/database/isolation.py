"""One row the database refuses must not cost the batch it came in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import psycopg
from psycopg import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_shopcrm.database.connection import Connection

T = TypeVar("T")

_ABOUT_THE_ROW = (
    errors.DataError,
    errors.IntegrityError,
    errors.ProgramLimitExceeded,
    errors.RaiseException,
    OverflowError,
)
"""What blames a row. Everything else (disk full, connection lost) stops the run."""


class Refusal(NamedTuple):
    """Why the database refused a row: never holds the row's values.

    Attributes:
        field: The column or constraint at fault, empty where PostgreSQL doesn't say.
        reason: The kind of error.
    """

    field: str
    reason: str


def write_isolated(
    connection: Connection, items: Sequence[T], write: Callable[[Sequence[T]], int]
) -> tuple[int, list[tuple[T, Refusal]]]:
    """Write all items that the database takes, and find the ones it doesn't.

    The items are written at once; only if that fails, halves are tried, each behind a savepoint,
    until the culprits stand alone.

    Args:
        connection: In a transaction.
        items: What to write.
        write: Writes some of the items and says how many changed something.

    Returns:
        How many changed something, and the refused items with the reason.
    """
    written = 0
    refused: list[tuple[T, Refusal]] = []
    parts = [items] if items else []
    while parts:
        part = parts.pop()
        try:
            with connection.transaction():
                written += write(part)
        except _ABOUT_THE_ROW as error:
            if len(part) == 1:
                refused.append((part[0], _refusal(error)))
            else:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
    return written, refused


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, psycopg.Error):
        field = error.diag.column_name or error.diag.constraint_name or ""
        return Refusal(field, f"refused by the database: {type(error).__name__}")
    return Refusal("", f"can't be sent to the database: {type(error).__name__}")
