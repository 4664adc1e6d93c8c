"""What ShopCRM knows about itself, in numbers. No name and no address is ever among them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from target_shopcrm.database.connection import described

if TYPE_CHECKING:
    from target_shopcrm.database.connection import Connection

_SHOPS = """
WITH shops AS (
    SELECT shop_id FROM pos.locations UNION SELECT shop_id FROM pos.orders
    UNION SELECT shop_id FROM pos.customers UNION SELECT shop_id FROM pos.products
),
orders AS (
    SELECT shop_id, count(*) AS orders, count(*) FILTER (WHERE customer_id IS NULL) AS anonymous,
        min(business_date) AS first_business_date, max(business_date) AS last_business_date
    FROM pos.orders GROUP BY shop_id
)
SELECT shop_id,
    (SELECT count(*) FROM pos.locations WHERE locations.shop_id = shops.shop_id) AS locations,
    (SELECT count(*) FROM pos.employees WHERE employees.shop_id = shops.shop_id) AS employees,
    (SELECT count(*) FROM pos.products WHERE products.shop_id = shops.shop_id) AS products,
    (SELECT count(*) FROM pos.customers WHERE customers.shop_id = shops.shop_id) AS customers,
    coalesce(orders.orders, 0) AS orders, coalesce(orders.anonymous, 0) AS anonymous_orders,
    first_business_date::text, last_business_date::text
FROM shops LEFT JOIN orders USING (shop_id) ORDER BY shop_id
"""

_LAST_RUNS = """
SELECT DISTINCT ON (destination) id::text, destination, mode, state, started_at, finished_at, read,
    written, unchanged, withheld, dead_lettered, calls, error,
    round(extract(epoch FROM coalesce(finished_at, now()) - started_at), 2)::float8 AS seconds
FROM sync.runs ORDER BY destination, started_at DESC
"""

_WITHHELD = """
SELECT destination, stream, field, channel, purpose, reason, records FROM sync.withheld
WHERE run_id = ANY (%s::uuid[]) ORDER BY destination, records DESC, stream, field, channel, reason
"""

_DESTINATIONS = """
WITH waiting AS (
    SELECT destination, count(*) AS records FROM sync.waiting GROUP BY destination
),
letters AS (
    SELECT destination, count(*) AS records, count(replay_requested_at) AS put_back
    FROM sync.dead_letters GROUP BY destination
),
erasures AS (
    SELECT destination, count(*) AS people FROM sync.erasures WHERE done_at IS NULL
    GROUP BY destination
),
contacts AS (
    SELECT destination, count(*) AS people FROM sync.deliveries
    WHERE stream = 'contacts' AND permitted <> '{}' GROUP BY destination
),
destinations AS (
    SELECT destination FROM sync.runs UNION SELECT destination FROM waiting
    UNION SELECT destination FROM letters UNION SELECT destination FROM erasures
)
SELECT destination, coalesce(contacts.people, 0) AS contacts,
    coalesce(waiting.records, 0) AS waiting, coalesce(letters.records, 0) AS dead_letters,
    coalesce(letters.put_back, 0) AS put_back, coalesce(erasures.people, 0) AS pending_erasures
FROM destinations LEFT JOIN waiting USING (destination) LEFT JOIN letters USING (destination)
    LEFT JOIN erasures USING (destination) LEFT JOIN contacts USING (destination)
ORDER BY destination
"""

_WAITING = """
SELECT destination, stream, reason, count(*) AS records, min(first_seen_at) AS since,
    min(not_before) AS not_before
FROM sync.waiting GROUP BY destination, stream, reason ORDER BY destination, stream, reason
"""

_CONSENT = """
SELECT channel, count(*) FILTER (WHERE allowed) AS given,
    count(*) FILTER (WHERE NOT allowed AND reason = 'withdrawn') AS withdrawn,
    count(*) FILTER (WHERE NOT allowed AND reason <> 'withdrawn') AS unknown
FROM consent.verdicts WHERE purpose = 'marketing' GROUP BY channel ORDER BY channel
"""

_SUMMARY = """
SELECT shop_id, topic, label, value::float8 AS value, position FROM metrics.summary
ORDER BY shop_id, position, topic, label
"""

_TOTALS = ("written", "read", "unchanged", "withheld", "dead_lettered", "seconds")


def collect(connection: Connection, url: str) -> dict[str, Any]:
    """Read the whole status at one instant.

    Args:
        connection: An open connection to a migrated database; its transaction is ended.
        url: The database's URL; only host, port and name are told.

    Returns:
        What ``shopcrm status --json`` prints; instants are in UTC.
    """
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    runs = _rows(connection, _LAST_RUNS)
    withheld = _rows(connection, _WITHHELD, [[run["id"] for run in runs]])
    status = {
        "database": described(url),
        "last_run": {
            **{name: round(sum(run[name] for run in runs), 2) for name in _TOTALS},
            "runs": runs,
        },
        "shops": _rows(connection, _SHOPS),
        "consent": {row.pop("channel"): row for row in _rows(connection, _CONSENT)},
        "withheld": withheld,
        "destinations": _destinations(connection, runs, withheld),
        "waiting": _rows(connection, _WAITING),
        "summary": _rows(connection, _SUMMARY) if _has_summary(connection) else [],
        "dead_letters": _rows(connection, "SELECT count(*) AS n FROM sync.dead_letters")[0]["n"],
    }
    connection.rollback()
    return status


def _has_summary(connection: Connection) -> bool:
    return bool(_rows(connection, "SELECT to_regclass('metrics.summary') AS found")[0]["found"])


def _rows(
    connection: Connection, query: str, values: list[Any] | None = None
) -> list[dict[str, Any]]:
    cursor = connection.execute(query, values)
    names = [column.name for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _destinations(
    connection: Connection, runs: list[dict[str, Any]], withheld: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """How each destination stands: its last run, and what is left to do."""
    by_destination = {run["destination"]: run for run in runs}
    found = []
    for row in _rows(connection, _DESTINATIONS):
        run = by_destination.get(row["destination"], {})
        reasons: Counter[str] = Counter()
        for entry in withheld:
            if entry["destination"] == row["destination"]:
                reasons[entry["reason"]] += entry["records"]
        last = {name: run.get(name) for name in ("state", "mode", "started_at", "calls")}
        found.append({**row, "last_run": last if run else None, "withheld": dict(reasons)})
    return found
