"""A shop with people in it, and every CRM they could be told about."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from crm_fakes import fake_crm, settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Outcome, Shop, Singer

    from crm_fakes.fake import FakeCrm

YES = "2026-11-01T10:00:00Z"
LATER = "2026-11-21T10:00:00Z"


@dataclass
class Pilot:
    """One shop that tells one CRM.

    Attributes:
        shop: The database and the target.
        singer: Short ways to say something in Singer.
        fake: The CRM.
        name: The CRM's name.
        settings: The target's settings for it.
    """

    shop: Shop
    singer: Singer
    fake: FakeCrm
    name: str
    settings: dict[str, Any] = field(default_factory=dict)

    def customers(self, *records: str) -> None:
        """Let the register tell of customers."""
        self.shop.run([self.singer.schema("customers"), *records])

    def agrees(self, identifier: str, at: str = YES, **fields: Any) -> str:
        """A customer who agreed to e-mail and texts, and to profiling."""
        said = [
            self.singer.consent("given", purpose, channel=channel, event_time=at, observed_at=at)
            for purpose in ("marketing", "profiling")
            for channel in ("email", "sms")
        ]
        return self.singer.record(
            "customers", identifier, **{"consents": said, "updated_at": at, **fields}
        )

    def refuses(self, identifier: str, at: str = LATER, **fields: Any) -> str:
        """A customer who said no to all of it."""
        said = [
            self.singer.consent(
                "withdrawn", purpose, channel=channel, event_time=at, observed_at=at
            )
            for purpose in ("marketing", "profiling")
            for channel in ("email", "sms")
        ]
        return self.singer.record(
            "customers", identifier, **{"consents": said, "updated_at": at, **fields}
        )

    def tell(self, *records: str, **settings: Any) -> Outcome:
        """Run the target into the CRM, with records of the activation streams."""
        streams = dict.fromkeys(json.loads(record)["stream"] for record in records)
        lines = [
            *(self.singer.schema(stream) for stream in streams),
            *records,
            self.singer.state({"told": len(records)}),
        ]
        outcome = self.shop.run(lines, **{**self.settings, **settings})
        self.fake.finish_jobs()
        return outcome

    def contact(self, identifier: str, **fields: Any) -> str:
        """A contact as dbt publishes it."""
        return self.singer.record("activation-contacts", identifier, **fields)

    def order(self, identifier: str, contact_id: str, **fields: Any) -> str:
        """An order as dbt publishes it."""
        sale = {
            "contact_id": contact_id,
            "placed_at": YES,
            "currency": "USD",
            "net": 1000,
            "total": 1080,
            "lines": [{"product_id": "p1", "name": "Kettle", "quantity": "1", "net": 1000}],
        }
        return self.singer.record("activation-orders", identifier, **{**sale, **fields})

    def event(self, identifier: str, contact_id: str, **fields: Any) -> str:
        """An occasion to write to somebody, as dbt publishes it."""
        occasion = {"contact_id": contact_id, "name": "win_back", "properties": {"visits": 3}}
        return self.singer.record("activation-events", identifier, **{**occasion, **fields})

    def cue(self, identifier: str, contact_id: str, **fields: Any) -> str:
        """A hint for staff, as dbt publishes it."""
        hint = {"contact_id": contact_id, "text": "Say hello.", "due_on": "2026-11-22"}
        return self.singer.record("activation-cues", identifier, **{**hint, **fields})

    def writes_since(self, position: int) -> list[str]:
        """What was carried out since a position in the CRM's log of writes."""
        return self.fake.writes[position:]


@contextmanager
def pilot_with(name: str, shop: Shop, singer: Singer) -> Iterator[Pilot]:
    """A shop that tells a CRM."""
    with fake_crm(name).running() as fake:
        fake.now = datetime.now(timezone.utc)  # later than anything the register says
        yield Pilot(shop, singer, fake, name, settings_for(name, fake))
