"""The ledger forgets addresses and vouches for itself; erasures are remembered.

Events of a database from before are taken over one by one: what they say stays, their address
becomes a fingerprint, and each gets its link of the chain.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, cast

from alembic import op

from target_shopcrm.database.fingerprints import Peppers, kind_of
from target_shopcrm.database.ledger_chain import Chain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_shopcrm.database.connection import Connection

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_PAGE = 10_000

_NEW = """
DROP TRIGGER append_only ON consent.events;
DROP TRIGGER append_only_truncate ON consent.events;
ALTER TABLE consent.events RENAME TO events_with_addresses;
ALTER INDEX consent.events_key RENAME TO events_with_addresses_key;
ALTER INDEX consent.events_observed_at RENAME TO events_with_addresses_observed_at;
ALTER INDEX consent.events_pkey RENAME TO events_with_addresses_pkey;

CREATE TABLE consent.peppers (
    id text PRIMARY KEY, secret bytea, check_value bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(), retired_at timestamptz
);
CREATE UNIQUE INDEX peppers_current ON consent.peppers ((true)) WHERE retired_at IS NULL;

CREATE TABLE consent.events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record_id uuid NOT NULL UNIQUE,
    shop_id text NOT NULL, channel text NOT NULL, fingerprint bytea NOT NULL,
    pepper_id text NOT NULL REFERENCES consent.peppers (id), purpose text NOT NULL,
    state text NOT NULL CHECK (state IN ('given', 'withdrawn', 'unknown', 'pending')),
    legal_basis text NOT NULL DEFAULT 'consent_express',
    event_time timestamptz, observed_at timestamptz NOT NULL, valid_until timestamptz,
    notice text, method text, source text NOT NULL, reason text,
    evidence jsonb NOT NULL DEFAULT '{}',
    run_id uuid, recorded_at timestamptz NOT NULL,
    prev_hash bytea NOT NULL, hash bytea NOT NULL UNIQUE
);
CREATE INDEX events_key ON consent.events (shop_id, channel, fingerprint, purpose);
CREATE INDEX events_observed_at ON consent.events (observed_at);

CREATE TABLE consent.ledger_head (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    events bigint NOT NULL, last_hash bytea NOT NULL,
    pepper_id text NOT NULL REFERENCES consent.peppers (id), seal bytea NOT NULL
);

CREATE TABLE consent.suppressions (
    shop_id text NOT NULL,
    kind text NOT NULL
        CHECK (kind IN ('email', 'mailbox', 'phone', 'customer', 'loyalty', 'contact')),
    fingerprint bytea NOT NULL, pepper_id text NOT NULL REFERENCES consent.peppers (id),
    erased_at timestamptz NOT NULL, reason text NOT NULL,
    PRIMARY KEY (fingerprint, kind, shop_id)
);

CREATE TABLE sync.erasures (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    destination text NOT NULL, shop_id text NOT NULL, contact_id text NOT NULL,
    addresses jsonb NOT NULL, remote_id text,
    requested_at timestamptz NOT NULL, done_at timestamptz
);
CREATE INDEX erasures_pending ON sync.erasures (destination) WHERE done_at IS NULL;
"""

_OLD = """
DROP TABLE consent.events_with_addresses;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON consent.events
    FOR EACH ROW EXECUTE FUNCTION consent.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON consent.events
    FOR EACH STATEMENT EXECUTE FUNCTION consent.refuse_change();
"""

_TAKEN_OVER = (
    "shop_id",
    "channel",
    "address",
    "purpose",
    "state",
    "event_time",
    "observed_at",
    "source",
    "reason",
    "run_id",
    "recorded_at",
)
_NEVER_SAID: dict[str, Any] = {
    "legal_basis": "consent_express",
    "valid_until": None,
    "notice": None,
    "method": None,
    "evidence": {},
}


def upgrade() -> None:
    """Build the new ledger, take the old one over, drop it."""
    bind = op.get_bind()
    bind.exec_driver_sql(_NEW)
    connection = cast("Connection", bind.connection.driver_connection)
    connection.execute("SET LOCAL TIME ZONE 'UTC'")
    _take_over(connection)
    bind.exec_driver_sql(_OLD)


def _take_over(connection: Connection) -> None:
    peppers = Peppers(connection)
    chain = Chain(connection, peppers)
    chain.begin()
    for page in _pages(connection):
        pepper = peppers.current()
        for event in page:
            kind = kind_of(event["channel"])
            address = event.pop("address")
            event["record_id"] = uuid.uuid4()
            event["fingerprint"] = pepper.fingerprint(event["shop_id"], kind, address)
            event["pepper_id"] = pepper.id
        chain.append(page)


def _pages(connection: Connection) -> Iterator[list[dict[str, Any]]]:
    query = (
        f"SELECT id, {', '.join(_TAKEN_OVER)} FROM consent.events_with_addresses"  # noqa: S608 - constants
        " WHERE id > %s ORDER BY id LIMIT %s"
    )
    position = 0
    while rows := connection.execute(query, [position, _PAGE]).fetchall():
        yield [{**_NEVER_SAID, **dict(zip(_TAKEN_OVER, row[1:], strict=True))} for row in rows]
        position = rows[-1][0]
