"""Letting go in time: what the policy says is kept no longer goes, and is counted.

Orders are books and consent events are proof: neither ever goes here. Of somebody who hasn't been
seen for long, what rests on their consent ends, as if they had withdrawn it: an undated opt-in
that the register still shows must not bring it back; a new, dated one does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from psycopg import sql

from target_shopcrm.consent.events import ConsentEvent, Key
from target_shopcrm.database.ledger import Ledger, clock

if TYPE_CHECKING:
    from datetime import datetime

    from target_shopcrm.consent.policy import Policy, Validity
    from target_shopcrm.database.connection import Connection

SOURCE = "shopcrm:retention"
"""Who tells the ledger."""
REASON = "retention"

_ALLOWED = """
WITH bought AS (
    SELECT shop_id, customer_id, max(created_at) AS at FROM pos.orders
    WHERE customer_id IS NOT NULL GROUP BY shop_id, customer_id
),
seen AS (
    SELECT points.shop_id, points.channel, points.address,
        max(greatest(customers.created_at, bought.at)) AS at
    FROM consent.contact_points AS points
    LEFT JOIN pos.customers
        ON customers.shop_id = points.shop_id AND customers.id = points.customer_id
    LEFT JOIN bought
        ON bought.shop_id = points.shop_id AND bought.customer_id = points.customer_id
    GROUP BY points.shop_id, points.channel, points.address
)
SELECT shop_id, channel, address, purpose FROM consent.verdicts
LEFT JOIN seen USING (shop_id, channel, address)
WHERE allowed AND coalesce(valid_until > now(), true) AND (seen.at IS NULL OR seen.at <= %s)
"""
"""What is allowed of people who have bought nothing since an instant, and weren't new then."""


class Aged(NamedTuple):
    """One kind of data, and how much of it is past its time.

    Attributes:
        what: What it is, for people.
        kept: How long the policy keeps it.
        rows: How many are older.
        action: What becomes of them.
    """

    what: str
    kept: str
    rows: int
    action: str


class _Rule(NamedTuple):
    """Rows of one table that go, or are blanked, at some age."""

    what: str
    table: tuple[str, str]
    time: str
    blanks: tuple[str, ...] = ()


_DEAD_LETTERS = _Rule(
    "contents of dead letters",
    ("sync", "dead_letters"),
    "first_seen_at",
    ("record", "replay_requested_at"),
)
_WAITING = (
    _Rule("records that wait for a CRM", ("sync", "waiting"), "first_seen_at"),
    _Rule("what a shadow run would have told", ("sync", "shadow"), "seen_at"),
    _Rule("what CRMs held before a run", ("sync", "changes"), "changed_at"),
)
_SUPPRESSIONS = _Rule("fingerprints of erased people", ("consent", "suppressions"), "erased_at")


class Retention:
    """Looks for what is past its time, inside the caller's transaction.

    Args:
        connection: In a transaction.
        policy: Says how long things are kept.
    """

    def __init__(self, connection: Connection, policy: Policy) -> None:
        self._connection = connection
        self._policy = policy

    def look(self) -> list[Aged]:
        """Count what is past its time; changes nothing.

        Returns:
            One entry per kind of data.
        """
        return self._go_through(is_applied=False)

    def apply(self) -> list[Aged]:
        """Let go of what is past its time.

        Returns:
            One entry per kind of data, with how much went.
        """
        return self._go_through(is_applied=True)

    def _go_through(self, *, is_applied: bool) -> list[Aged]:
        times = self._policy.retention
        rules = [
            (_DEAD_LETTERS, times.dead_letters),
            *((rule, times.waiting_records) for rule in _WAITING),
            (_SUPPRESSIONS, times.suppression_fingerprints),
        ]
        found = [self._by_age(rule, kept, is_applied=is_applied) for rule, kept in rules]
        found.append(self._marketing_profiles(times.marketing_profile, is_applied=is_applied))
        found.append(self._events(times.consent_events))
        return found

    def _by_age(self, rule: _Rule, kept: Validity, *, is_applied: bool) -> Aged:
        table, time = sql.Identifier(*rule.table), sql.Identifier(rule.time)
        past = sql.SQL("{} <= {}").format(time, self._cutoff(kept))
        if rule.blanks:
            past = sql.SQL("{} AND {} IS NOT NULL").format(past, sql.Identifier(rule.blanks[0]))
            blanks = [sql.SQL("{} = NULL").format(sql.Identifier(name)) for name in rule.blanks]
            statement = sql.SQL("UPDATE {} SET {}").format(table, sql.SQL(", ").join(blanks))
        else:
            statement = sql.SQL("DELETE FROM {}").format(table)
        where = sql.SQL(" WHERE {}").format(past)
        if is_applied:
            rows = self._connection.execute(statement + where).rowcount
        else:
            count = sql.SQL("SELECT FROM {}").format(table)
            rows = self._connection.execute(count + where).rowcount
        return Aged(rule.what, str(kept), rows, "blanked" if rule.blanks else "deleted")

    def _marketing_profiles(self, kept: Validity, *, is_applied: bool) -> Aged:
        keys = self._inactive(kept)
        if is_applied and keys:
            ledger = Ledger(self._connection)
            at = clock(ledger.newest_observation())
            ledger.append([_ended(key, at) for key in keys], None)
            # A verdict that has run out is decided again by the next run, which blanks what is
            # stored and withdraws what CRMs were told; dbt reads it as denied at once.
            self._connection.execute(
                "UPDATE consent.verdicts SET valid_until = now() FROM unnest(%s::text[],"
                " %s::text[], %s::text[], %s::text[]) AS ended (shop_id, channel, address, purpose)"
                " WHERE verdicts.shop_id = ended.shop_id AND verdicts.channel = ended.channel"
                " AND verdicts.address = ended.address AND verdicts.purpose = ended.purpose",
                [[key[index] for key in keys] for index in range(len(Key._fields))],
            )
        return Aged("consent of people not seen since", str(kept), len(keys), "ended")

    def _inactive(self, kept: Validity) -> list[Key]:
        """What is allowed of people who have done nothing for too long."""
        row = self._connection.execute(sql.SQL("SELECT {}").format(self._cutoff(kept))).fetchone()
        if row is None:
            return []
        cutoff: datetime = row[0]
        keys = [Key(*found) for found in self._connection.execute(_ALLOWED, [cutoff])]
        agreed = Ledger(self._connection).last_agreements(
            {key[:3] for key in keys}, undated_too=True
        )
        return [key for key in keys if agreed.get(key[:3], cutoff) <= cutoff]

    def _events(self, kept: Validity) -> Aged:
        rows = self._connection.execute(
            sql.SQL("SELECT FROM consent.events WHERE recorded_at <= {}").format(self._cutoff(kept))
        ).rowcount
        return Aged("consent events (no addresses)", str(kept), rows, "kept: they are the proof")

    @staticmethod
    def _cutoff(kept: Validity) -> sql.Composed:
        return sql.SQL("now() - make_interval(months => {}, days => {})").format(
            kept.months, kept.days
        )


def _ended(key: Key, at: datetime) -> ConsentEvent:
    return ConsentEvent(
        **key._asdict(),
        state="withdrawn",
        event_time=at,
        observed_at=at,
        source=SOURCE,
        reason=REASON,
    )
