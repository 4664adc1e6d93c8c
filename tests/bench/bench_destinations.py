"""`make bench-target`: the target beside its peers, and its calls beside each CRM's minimum.

One JSON line, everything in one run on this machine.

* embedded destination: `bench.bench_target` (beside meltanolabs-target-postgres at its defaults
  and at its best, and beside COPY of the same rows);
* each CRM: the real target tells its fake, over HTTP, of 1,000 new contacts who agreed. `contacts`
  counts the calls that told contacts, beside `minimum`, what the vendor's batch size needs at
  least; `consent_and_lists` those that told grants and list places; `reads` those that found out
  and proved. `fixed` is what a run without input costs, and `again` what the same 1,000 cost beyond
  it when nothing has changed. The peer documents two calls for each contact
  (hotgluexyz/target-hubspot-v4).
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import bench_target, new_database, only
from crm_fakes import NAMES, fake_crm, settings_for
from practice_register.testing import running_register
from shopcrm_database import running_server
from target_shopcrm.destinations import crm_class
from target_shopcrm.destinations.crm import Operation

from processes import say, timed
from street import Street

if TYPE_CHECKING:
    from crm_fakes.fake import FakeCrm, Request

CONTACTS = 1_000
PEER_CALLS = 2_000
SHOP = "corner-shop"
AGREED_AT = "2026-11-01T10:00:00Z"


def customers_and_contacts(folder: Path) -> tuple[Path, Path]:
    """Singer files of people who agreed to everything, and of the same people as contacts."""
    people = folder / "people.singer"
    contacts = folder / "contacts.singer"
    with people.open("w") as out:
        out.write(_schema("customers"))
        for number in range(CONTACTS):
            out.write(_record("customers", id=f"c{number}", updated_at=AGREED_AT, **_who(number)))
    with contacts.open("w") as out:
        out.write(_schema("activation-contacts"))
        for number in range(CONTACTS):
            who = {name: each for name, each in _who(number).items() if name != "consents"}
            out.write(_record("activation-contacts", contact_id=f"k{number}", visits=number, **who))
    return people, contacts


def _who(number: int) -> dict[str, Any]:
    consents = [
        {
            "channel": channel,
            "purpose": purpose,
            "state": "given",
            "event_time": AGREED_AT,
            "observed_at": AGREED_AT,
            "source": "bench",
        }
        for channel in ("email", "sms")
        for purpose in ("marketing", "profiling")
    ]
    return {
        "given_name": f"Person {number}",
        "email": f"person{number}@example.com",
        "phone": f"+1212555{number:04}",
        "consents": consents,
    }


def _schema(stream: str) -> str:
    from target_shopcrm.records import STREAMS, key_fields  # noqa: PLC0415 - only for the file

    properties: dict[str, Any] = {name: {} for name in STREAMS[stream].__struct_fields__}
    message = {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": properties},
        "key_properties": list(key_fields(stream)),
    }
    return json.dumps(message) + "\n"


def _record(stream: str, **fields: Any) -> str:
    record = {"shop_id": SHOP, **fields}
    return json.dumps({"type": "RECORD", "stream": stream, "record": record}) + "\n"


TELLS_CONTACTS = {
    "klaviyo": "POST /api/profile-bulk-import-jobs",
    "hubspot": "POST /crm/objects/[^/]+/contacts/batch/upsert",
    "mailchimp": "POST /3.0/lists/[^/]+",
    "brevo": "POST /v3/contacts/import",
    "bottlecrm": "POST /api/contacts/",
    "tryton": "POST model.party.party.create",
}
"""The call that tells contacts: its HTTP method and path (Tryton: method of the remote call)."""
READS = ("/batch/read", "/search", ".search_read", ".search", ".read", ".get", "/login")
"""How paths end that only read, whatever their HTTP method."""


@dataclass
class Calls:
    """What one run has sent, by what it was for."""

    contacts: int = 0
    consent_and_lists: int = 0
    reads: int = 0
    peak_megabytes: float = 0.0

    @property
    def total(self) -> int:
        """All of them."""
        return self.contacts + self.consent_and_lists + self.reads


@dataclass
class Account:
    """One CRM's account on this machine, and a target that tells it."""

    name: str
    fake: FakeCrm
    street: Street

    def run(self, records: Path | None) -> Calls:
        """Tell records, and sort the calls that it took."""
        first = len(self.fake.requests)
        timing = timed(self.street.commands()[1], stdin=records)
        sent = self.fake.requests[first:]
        self.fake.finish_jobs()
        calls = Calls(peak_megabytes=timing.peak_megabytes)
        for request in sent:
            setattr(calls, kind := self._kind(request), getattr(calls, kind) + 1)
        return calls

    def _kind(self, request: Request) -> str:
        what = str(request.json()["method"]) if self.name == "tryton" else request.path
        if re.fullmatch(TELLS_CONTACTS[self.name], f"{request.method} {what}"):
            return "contacts"
        is_read = request.method == "GET" or what.rstrip("/").endswith(READS)
        return "reads" if is_read else "consent_and_lists"


def bench_crm(name: str, folder: Path, database: str, contacts: Path) -> dict[str, Any]:
    """What telling 1,000 contacts costs at one CRM."""
    say(f"Telling {name} of {CONTACTS:,} contacts …")
    with fake_crm(name).running() as fake:
        fake.now = datetime.now(timezone.utc)
        street = Street(folder, "", "", database, target_settings=settings_for(name, fake))
        account = Account(name, fake, street)
        account.run(None)
        before = account.run(None)
        told = account.run(contacts)
        for _ in range(3):
            after = account.run(None)
        again = account.run(contacts)
    per_call = crm_class(name).capabilities.per_call[Operation.UPSERT]  # type: ignore[attr-defined]  # the class itself
    return {
        "contacts": told.contacts,
        "minimum": math.ceil(CONTACTS / per_call),
        "consent_and_lists": told.consent_and_lists,
        "reads": told.reads - before.reads,
        "fixed": after.total,
        "again": again.total - after.total,
        "peak_mb": round(told.peak_megabytes),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=600)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--crms", nargs="*", default=sorted(NAMES))
    parser.add_argument("--crms-only", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        figures: dict[str, Any] = {"peer_calls_per_1000": PEER_CALLS, "crms": {}}
        people, contacts = customers_and_contacts(folder)
        with running_server(folder / "crms") as server:
            for crm in asked.crms:
                database = new_database(server)
                street = Street(folder, "", "", database)
                timed(street.commands()[1], stdin=people)
                figures["crms"][crm] = bench_crm(crm, folder, database, contacts)
        if not asked.crms_only:
            figures |= {"households": asked.households}
            figures |= bench_target(folder, orders_of(folder, asked.households), asked.runs)
    sys.stdout.write(json.dumps(figures) + "\n")


def orders_of(folder: Path, households: int) -> Path:
    """The practice register's orders as a Singer file."""
    everything, orders = folder / "everything.singer", folder / "orders.singer"
    with running_register(folder / "register", households=households, seed=1) as register:
        street = Street(folder, register.url, register.token, "postgresql://unused@localhost/none")
        timed(street.commands()[0], stdout=everything)
    only("orders", everything, orders)
    return orders


if __name__ == "__main__":
    main()
