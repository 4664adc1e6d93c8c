"""Alembic's environment: one transaction over the database that the caller names.

Whoever calls holds the migration lock (`target_shopcrm.database.migrate`).
"""

from __future__ import annotations

import psycopg
from alembic import context
from sqlalchemy import create_engine, pool, text


def run_migrations() -> None:
    """Run the migrations that are missing, all or none."""
    url = context.config.attributes["database_url"]
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=pool.NullPool
    )
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS sync"))
        context.configure(connection=connection, version_table_schema="sync")
        context.run_migrations()


run_migrations()
