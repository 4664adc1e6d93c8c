"""Alembic's migrations: the DDL of the schemas pos, consent and sync."""
