"""What CRMs outside were told, may still not be told, or would be told."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = """
ALTER TABLE sync.deliveries
    ADD COLUMN fields jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN granted jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN lists jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN remote_id text;
CREATE INDEX deliveries_permitted ON sync.deliveries (destination, stream)
    WHERE permitted <> '{}';

CREATE TABLE sync.withdrawals (
    destination text NOT NULL, shop_id text NOT NULL, channel text NOT NULL,
    address text NOT NULL, told_at timestamptz NOT NULL, run_id uuid NOT NULL,
    PRIMARY KEY (destination, shop_id, channel, address)
);

CREATE TABLE sync.read_back (
    destination text PRIMARY KEY, cursor text, read_at timestamptz NOT NULL
);

CREATE TABLE sync.waiting (
    destination text NOT NULL, stream text NOT NULL, shop_id text NOT NULL, key text NOT NULL,
    record bytea NOT NULL, reason text NOT NULL, not_before timestamptz,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (destination, stream, shop_id, key)
);

CREATE TABLE sync.changes (
    run_id uuid NOT NULL REFERENCES sync.runs (id) ON DELETE CASCADE,
    destination text NOT NULL, stream text NOT NULL, shop_id text NOT NULL, key text NOT NULL,
    before jsonb, changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, stream, shop_id, key)
);

CREATE TABLE sync.shadow (
    destination text NOT NULL, stream text NOT NULL, shop_id text NOT NULL, key text NOT NULL,
    field text NOT NULL, verdict text NOT NULL
        CHECK (verdict IN ('match', 'differs', 'new', 'forget', 'withheld', 'withdraw', 'send')),
    reason text NOT NULL DEFAULT '', ours jsonb, theirs jsonb,
    run_id uuid NOT NULL, seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (destination, stream, shop_id, key, field)
);

ALTER TABLE sync.runs
    ADD COLUMN mode text NOT NULL DEFAULT 'live' CHECK (mode IN ('live', 'shadow', 'rollback')),
    ADD COLUMN calls bigint NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    """Add what the destinations outside keep."""
    op.get_bind().exec_driver_sql(_TABLES)
