"""The consent machine's street in reality: Singer messages, the target, PostgreSQL, a CRM's file.

One life has one database. Everything happens four centuries later than the machine thinks:
there the calendar is the same, and the gate's clock is the register's, not this machine's.
"""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from consent_situations import SHOP, day, us_policy
from msgspec.structs import replace
from target_shopcrm.consent.appending import events_to_append
from target_shopcrm.consent.events import ConsentEvent, Key
from target_shopcrm.consent.gate import Gate
from target_shopcrm.database.connection import connect
from target_shopcrm.database.ledger import Ledger
from target_shopcrm.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from conftest import Shop, Singer
    from consent_world import Reading
    from target_shopcrm.consent.verdicts import Verdict

FOUR_CENTURIES = timedelta(days=146_097)
BIRTHDAY = "1984-02-29"
_DIES_AT_COMMIT = (
    "CREATE OR REPLACE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;"
    " CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON sync.runs DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW WHEN (NEW.read > 0) EXECUTE FUNCTION die()"
)
"""Ends the connection inside the COMMIT of a batch, when every statement has succeeded."""


@dataclass(frozen=True)
class Contact:
    """One contact as dbt would hand it over: with any address, asked for or not."""

    contact_id: str
    email: str | None
    phone: str | None

    def addresses(self) -> dict[str, str]:
        """By channel."""
        pairs = {"email": self.email, "sms": self.phone}
        return {channel: address for channel, address in pairs.items() if address is not None}


class DatabaseStreet:
    """The real target over a database of its own.

    Args:
        shop: The database, and the target that writes into it.
        singer: Short ways to say something in Singer.
    """

    def __init__(self, shop: Shop, singer: Singer) -> None:
        self._shop = shop
        self._singer = singer
        self._runs = 0
        self._output = shop.folder / f"{uuid.uuid4().hex}.jsonl"
        self._read_bytes = 0
        self._connection = connect(shop.url, program="consent machine")
        self._connection.autocommit = True

    def close(self) -> None:
        """Let go of the database."""
        self._connection.close()
        self._output.unlink(missing_ok=True)

    def deliver(self, batch: Sequence[Reading], *, crash: bool = False) -> None:
        """Take a batch of readings in one run; `crash` cuts the connection in its COMMIT."""
        records = [self._customer(reading) for reading in batch]
        before = self.count()
        if self._run("customers", records, crash=crash):
            return
        assert self.count() == before

    def tell(self, event: ConsentEvent) -> None:
        """Take one event that no profile says; the next run has to look at everything again."""
        late = replace(
            event,
            event_time=event.event_time and event.event_time + FOUR_CENTURIES,
            observed_at=event.observed_at + FOUR_CENTURIES,
        )
        ledger = Ledger(self._connection)
        with self._connection.transaction():
            known = ledger.events_for([late.key]).get(late.key, [])
            ledger.append(events_to_append(known, [late]), uuid.uuid4())
            ledger.save_policy("from before the desk was told", "")

    def verdicts(self, keys: Sequence[Key], at: datetime) -> Mapping[Key, Verdict]:
        """The gate's answers at an instant, over what is in the database."""
        gate = Gate(us_policy(), Ledger(self._connection).events_for, at + FOUR_CENTURIES)
        gate.prefetch(keys)
        return {
            key: gate.decide(key.shop_id, key.address, key.channel, key.purpose) for key in keys
        }

    def count(self) -> int:
        """How many events the ledger holds."""
        return int(self._ask("SELECT count(*) FROM consent.events")[0][0])

    def clock(self) -> datetime:
        """What time it is for a run that reads nothing new."""
        newest = Ledger(self._connection).newest_observation()
        return day(0) if newest is None else newest - FOUR_CENTURIES

    def allowed_keys(self) -> list[Key]:
        """What dbt would be told: the stored verdicts that allow something."""
        query = "SELECT shop_id, channel, address, purpose FROM consent.verdicts WHERE allowed"
        return [Key(*row) for row in self._ask(query)]

    def profiled(self) -> list[dict[str, str]]:
        """The addresses of each stored customer whose birthday is stored."""
        query = "SELECT id, email, phone FROM pos.customers WHERE birthday IS NOT NULL"
        return [Contact(*row).addresses() for row in self._ask(query)]

    def versions(self) -> dict[str, datetime]:
        """How new the stored version of each customer is."""
        rows = self._ask("SELECT id, updated_at FROM pos.customers")
        return {row[0]: row[1] - FOUR_CENTURIES for row in rows}

    def send(self, contacts: Sequence[Contact], *, crash: bool = False) -> list[dict[str, Any]]:
        """Send contacts to the CRM; returns the lines that count since the last time."""
        records = [
            self._singer.record(
                "activation-contacts",
                contact.contact_id,
                SHOP,
                email=contact.email,
                phone=contact.phone,
                segment="loyal",
            )
            for contact in contacts
        ]
        config = {"destination": "jsonl", "output_path": str(self._output)}
        if not self._run("activation-contacts", records, crash=crash, **config):
            return []
        with self._output.open("rb") as file:
            file.seek(self._read_bytes)
            added = file.read()
        self._read_bytes += len(added)
        return [json.loads(line) for line in added.splitlines()]

    def _run(self, stream: str, records: Sequence[str], *, crash: bool, **config: str) -> bool:
        """Run the target; returns whether it lived."""
        self._runs += 1
        lines = [self._singer.schema(stream), *records, self._singer.state(self._runs)]
        if crash:
            with self._dying_at_commit(), pytest.raises(DatabaseError, match="went away"):
                self._shop.run(lines, **config)
            return False
        states = self._shop.run(lines, **config).states
        assert states == [self._runs], states
        return True

    @contextmanager
    def _dying_at_commit(self) -> Iterator[None]:
        self._ask(_DIES_AT_COMMIT)
        yield
        self._ask("DROP TRIGGER die ON sync.runs")

    def _customer(self, reading: Reading) -> str:
        changed = _later(reading.updated_at)
        consents = [
            {
                "channel": said.channel,
                "purpose": said.purpose,
                "state": said.state,
                "event_time": said.event_time and _later(said.event_time),
                "observed_at": _later(said.observed_at),
                "source": said.source,
            }
            for said in reading.consents
        ]
        return self._singer.record(
            "customers",
            reading.customer_id,
            SHOP,
            email=reading.email,
            phone=reading.phone,
            birthday=BIRTHDAY,
            consents=consents,
            updated_at=changed,
            deleted_at=changed if reading.ended else None,
            merged_into="the winner" if reading.ended else None,
        )

    def _ask(self, query: str) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(query)
        return cursor.fetchall() if cursor.description else []


def _later(instant: datetime) -> str:
    return (instant + FOUR_CENTURIES).isoformat()
