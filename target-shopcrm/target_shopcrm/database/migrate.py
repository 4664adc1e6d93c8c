"""Bringing the database's schema up to this program's, once, whoever comes first."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from target_shopcrm.errors import SchemaTooNewError

if TYPE_CHECKING:
    from target_shopcrm.database.connection import Connection

_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION_TABLE = "sync.alembic_version"
_LOCK = "shopcrm: migrations"


def known_revisions() -> list[str]:
    """List the revisions this program knows, oldest first.

    Returns:
        The numbers that the migration files start with.
    """
    files = (_MIGRATIONS / "versions").glob("[0-9]*.py")
    return sorted(file.name.partition("_")[0] for file in files)


def current_revision(connection: Connection) -> str | None:
    """Ask the database which revision it is at.

    Args:
        connection: An open connection.

    Returns:
        The revision, or None for a database without our schema.
    """
    found = connection.execute("SELECT to_regclass(%s)", [_VERSION_TABLE]).fetchone()
    if found is None or found[0] is None:
        return None
    row = connection.execute("SELECT version_num FROM sync.alembic_version").fetchone()
    return None if row is None else str(row[0])


def migrate(connection: Connection, url: str) -> bool:
    """Bring the schema up to date, if it is behind. Safe to call from several programs at once.

    Args:
        connection: An open connection; its transaction is ended.
        url: The same database, for Alembic's own connection.

    Returns:
        Whether anything had to be done.

    Raises:
        SchemaTooNewError: If a newer program has been here.
    """
    if _is_current(connection):
        return False
    connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [_LOCK])
    connection.commit()
    try:
        if _is_current(connection):  # somebody else was quicker
            return False
        _upgrade(url)
        return True
    finally:
        connection.rollback()
        connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [_LOCK])
        connection.commit()


def _is_current(connection: Connection) -> bool:
    known = known_revisions()
    revision = current_revision(connection)
    connection.rollback()
    if revision is not None and revision not in known:
        raise SchemaTooNewError(
            f"The database's schema is at revision {revision}, which this target-shopcrm (up to"
            f" {known[-1]}) doesn't know; install a newer target-shopcrm, then run again."
        )
    return revision == known[-1]


def _upgrade(url: str) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)  # its start-up is nobody's news
    # Alembic and SQLAlchemy take a third of a second to import; most runs need neither.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["database_url"] = url
    try:
        command.upgrade(config, "head")
    except DBAPIError as error:
        raise (error.orig or error) from None
