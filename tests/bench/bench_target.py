"""`make bench-target`: the target beside its peers, and its calls beside each CRM's minimum.

One JSON line, everything in one run on this machine.

* embedded destination: `bench.bench_target` (beside meltanolabs-target-postgres at its defaults
  and at its best, and beside COPY of the same rows);
* each CRM: the real target tells its fake, over HTTP, of 1,000 new contacts who agreed. `writes`
  are the calls that told contacts; `minimum` is what the vendor's batch size needs at least. What a
  run asks whoever it tells of (lists, fields, opt-outs) is `fixed`, measured by a run without
  input. `again` is what the same 1,000 cost when nothing has changed, beyond `fixed`. The peer
  documents two calls for each contact (hotgluexyz/target-hubspot-v4).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from dataclasses import dataclass
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
    from crm_fakes.fake import FakeCrm

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


@dataclass
class Account:
    """One CRM's account on this machine, and a target that tells it."""

    fake: FakeCrm
    street: Street

    def run(self, records: Path | None) -> tuple[int, int, float]:
        """Tell records; returns how many calls, how many of them wrote, and the peak megabytes."""
        first = len(self.fake.requests)
        _, command = self.street.commands()
        timing = timed(command, stdin=records)
        calls = self.fake.requests[first:]
        self.fake.finish_jobs()
        writes = [each for each in calls if each.method != "GET"]
        return len(calls), len(writes), timing.peak_megabytes


def bench_crm(name: str, folder: Path, database: str, contacts: Path) -> dict[str, Any]:
    """What telling 1,000 contacts costs at one CRM."""
    say(f"Telling {name} of {CONTACTS:,} contacts …")
    with fake_crm(name).running() as fake:
        street = Street(folder, "", "", database, target_settings=settings_for(name, fake))
        account = Account(fake, street)
        account.run(None)
        fixed, _, _ = account.run(None)
        calls, writes, peak = account.run(contacts)
        for _ in range(3):
            account.run(None)
        again, written_again, _ = account.run(contacts)
    capabilities = crm_class(name).capabilities  # type: ignore[attr-defined]  # the class itself
    minimum = math.ceil(CONTACTS / capabilities.per_call[Operation.UPSERT])
    return {
        "calls": calls - fixed,
        "writes": writes,
        "minimum": minimum,
        "fixed": fixed,
        "again": again - fixed,
        "written_again": written_again,
        "peak_mb": round(peak),
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
