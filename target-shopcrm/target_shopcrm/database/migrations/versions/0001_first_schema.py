"""The schemas pos, consent and sync."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_POS = """
CREATE SCHEMA IF NOT EXISTS pos;

CREATE TABLE pos.locations (
    shop_id text NOT NULL, id text NOT NULL, name text, timezone text, currency text,
    address jsonb, channel text, active boolean, updated_at timestamptz,
    row_hash bytea NOT NULL, written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shop_id, id)
);
CREATE TABLE pos.employees (
    shop_id text NOT NULL, id text NOT NULL, display_name text, active boolean,
    location_ids jsonb, updated_at timestamptz,
    row_hash bytea NOT NULL, written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shop_id, id)
);
CREATE TABLE pos.products (
    shop_id text NOT NULL, id text NOT NULL, item_id text, sku text, barcode text, name text,
    category_path jsonb, brand text, price bigint, unit_cost bigint, currency text,
    updated_at timestamptz, deleted_at timestamptz,
    row_hash bytea NOT NULL, written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shop_id, id)
);
CREATE TABLE pos.customers (
    shop_id text NOT NULL, id text NOT NULL, given_name text, family_name text, email text,
    phone text, email_normalised text, phone_e164 text, birthday text, address jsonb,
    reference_id text, loyalty_id text, groups jsonb, merged_into text,
    created_at timestamptz, updated_at timestamptz, deleted_at timestamptz,
    row_hash bytea NOT NULL, written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shop_id, id)
);
CREATE TABLE pos.orders (
    shop_id text NOT NULL, id text NOT NULL, location_id text, customer_id text,
    employee_id text, channel text, state text, receipt_number text, currency text,
    created_at timestamptz, updated_at timestamptz, closed_at timestamptz, business_date date,
    gross bigint, discount bigint, tax bigint, tip bigint, service_charge bigint, net bigint,
    total bigint, lines jsonb, payments jsonb, returns jsonb,
    row_hash bytea NOT NULL, written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shop_id, id)
);
CREATE INDEX orders_written_at ON pos.orders (written_at);
CREATE INDEX orders_updated_at ON pos.orders (shop_id, updated_at);
CREATE TABLE pos.loyalty_accounts (
    shop_id text NOT NULL, id text NOT NULL, customer_id text, program_id text, balance bigint,
    enrolled_at timestamptz, updated_at timestamptz,
    row_hash bytea NOT NULL, written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shop_id, id)
);
"""

_CONSENT = """
CREATE SCHEMA IF NOT EXISTS consent;

CREATE TABLE consent.events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shop_id text NOT NULL, channel text NOT NULL, address text NOT NULL, purpose text NOT NULL,
    state text NOT NULL CHECK (state IN ('given', 'withdrawn', 'unknown')),
    event_time timestamptz, observed_at timestamptz NOT NULL, source text NOT NULL, reason text,
    run_id uuid, recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX events_key ON consent.events (shop_id, channel, address, purpose);
CREATE INDEX events_observed_at ON consent.events (observed_at);

CREATE FUNCTION consent.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING MESSAGE = 'consent.events is append-only',
        ERRCODE = 'insufficient_privilege';
END
$body$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON consent.events
    FOR EACH ROW EXECUTE FUNCTION consent.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON consent.events
    FOR EACH STATEMENT EXECUTE FUNCTION consent.refuse_change();

CREATE TABLE consent.contact_points (
    shop_id text NOT NULL, customer_id text NOT NULL, channel text NOT NULL,
    address text NOT NULL, since timestamptz,
    PRIMARY KEY (shop_id, customer_id, channel)
);
CREATE INDEX contact_points_address ON consent.contact_points (shop_id, channel, address);

CREATE TABLE consent.verdicts (
    shop_id text NOT NULL, channel text NOT NULL, address text NOT NULL, purpose text NOT NULL,
    allowed boolean NOT NULL, reason text NOT NULL, valid_until timestamptz,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (shop_id, channel, address, purpose)
);
CREATE INDEX verdicts_valid_until ON consent.verdicts (valid_until)
    WHERE valid_until IS NOT NULL;

CREATE TABLE consent.policy (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    name text NOT NULL, digest text NOT NULL, applied_at timestamptz NOT NULL
);
"""

_SYNC = """
CREATE TABLE sync.runs (
    id uuid PRIMARY KEY, destination text NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'completed', 'failed', 'interrupted')),
    started_at timestamptz NOT NULL, finished_at timestamptz,
    read bigint NOT NULL DEFAULT 0, written bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0, withheld bigint NOT NULL DEFAULT 0,
    dead_lettered bigint NOT NULL DEFAULT 0,
    streams jsonb NOT NULL DEFAULT '{}', error text
);
CREATE INDEX runs_destination ON sync.runs (destination, started_at DESC);

CREATE TABLE sync.withheld (
    run_id uuid NOT NULL REFERENCES sync.runs (id) ON DELETE CASCADE,
    destination text NOT NULL, stream text NOT NULL, field text NOT NULL,
    channel text NOT NULL, purpose text NOT NULL, reason text NOT NULL,
    records bigint NOT NULL,
    PRIMARY KEY (run_id, stream, field, channel, purpose, reason)
);

CREATE TABLE sync.dead_letters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    destination text NOT NULL, stream text NOT NULL, key jsonb NOT NULL, field text NOT NULL,
    reason text NOT NULL, record_hash bytea NOT NULL, record bytea,
    first_run_id uuid NOT NULL, first_seen_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (destination, stream, key, field, record_hash)
);

CREATE TABLE sync.deliveries (
    destination text NOT NULL, stream text NOT NULL, shop_id text NOT NULL, key text NOT NULL,
    row_hash bytea NOT NULL, permitted jsonb NOT NULL, run_id uuid NOT NULL,
    delivered_at timestamptz NOT NULL,
    PRIMARY KEY (destination, stream, shop_id, key)
);

CREATE TABLE sync.outputs (
    destination text NOT NULL, path text NOT NULL, committed_bytes bigint NOT NULL,
    PRIMARY KEY (destination, path)
);
"""


def upgrade() -> None:
    """Create the three schemas."""
    for statements in (_POS, _CONSENT, _SYNC):
        op.get_bind().exec_driver_sql(statements)
