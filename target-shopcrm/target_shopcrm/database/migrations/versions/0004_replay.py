"""Dead letters that somebody asked to be delivered again."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Remember when it was asked for; the next run into the destination takes them."""
    op.get_bind().exec_driver_sql(
        "ALTER TABLE sync.dead_letters ADD COLUMN replay_requested_at timestamptz"
    )
