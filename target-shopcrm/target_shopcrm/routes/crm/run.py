"""What one run into a CRM works with, and what its steps share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from target_shopcrm.consent.addresses import EMAIL_CHANNELS, PHONE_CHANNELS, normalise
from target_shopcrm.database.deliveries import Deliveries
from target_shopcrm.database.runs import WithheldField
from target_shopcrm.database.told import Told
from target_shopcrm.database.waiting import Waiting, Waits
from target_shopcrm.decoding import BadRecord
from target_shopcrm.records import key_fields
from target_shopcrm.routes.work import WHOLE_RECORD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_shopcrm.consent.verdicts import Reason
    from target_shopcrm.destinations.crm import CrmDestination, Outcome
    from target_shopcrm.destinations.shadow import ShadowDestination
    from target_shopcrm.records import Activation
    from target_shopcrm.routes.work import Work

CONTACTS, ORDERS = "activation-contacts", "activation-orders"
EVENTS, CUES = "activation-events", "activation-cues"
FACTS = (ORDERS, EVENTS, CUES)
"""The streams about contacts, in the order in which they may leave."""

RecordKey = tuple[str, str]


def now() -> datetime:
    """The instant, in UTC."""
    return datetime.now(timezone.utc)


@dataclass
class CrmRun:
    """One run into one CRM.

    Attributes:
        destination: The CRM, or its shadow.
        lists: The CRM's list for each segment; ``*`` for everybody.
        history_after_hours: Orders and events older than this are history.
        shadow: The same as `destination` where nothing may be written, else None.
        blocked: Contacts and addresses whose withdrawal failed: they get nothing in this run.
        is_holding: Whether records were left for a later run, so that no STATE may be written.
        is_restoring: Whether this run only takes an earlier one back.
        waits_again: Stream, shop_id and key of each record that was put aside in this run.
        clock: Tells the time.
    """

    destination: CrmDestination
    lists: Mapping[str, str] = field(default_factory=dict)
    history_after_hours: int = 48
    shadow: ShadowDestination | None = None
    blocked: set[RecordKey | str] = field(default_factory=set)
    is_holding: bool = False
    is_restoring: bool = False
    waits_again: set[tuple[str, str, str]] = field(default_factory=set)
    clock: Callable[[], datetime] = now

    @property
    def name(self) -> str:
        """The CRM's name in the database."""
        return self.destination.name

    def deliveries(self, work: Work, stream: str = CONTACTS) -> Deliveries:
        """What the CRM was told of one stream, in a transaction."""
        return Deliveries(
            work.connection,
            self.name,
            stream.removeprefix("activation-"),
            is_shadow=self.shadow is not None,
        )

    def told(self, work: Work) -> Told:
        """What the CRM knows of withdrawals, in a transaction."""
        return Told(work.connection, self.name, is_shadow=self.shadow is not None)

    def waiting(self, work: Work) -> Waiting:
        """What waits for the CRM, in a transaction."""
        return Waiting(work.connection, self.name)

    def wait(self, work: Work, records: Sequence[Waits]) -> None:
        """Put records aside for a later run."""
        if self.shadow is None:
            self.waiting(work).put(records)
            self.waits_again.update(each[:3] for each in records)
            for each in records:
                work.counts.add(each.stream, waiting=1)

    def is_blocked(self, key: RecordKey, addresses: Mapping[str, str]) -> bool:
        """Whether a withdrawal of this contact, or of an address of it, failed in this run."""
        return key in self.blocked or any(each in self.blocked for each in addresses.values())


def addresses_of(work: Work, record: Activation) -> dict[str, str | None]:
    """The addresses of a record by channel, as they came in."""
    return {
        channel: record.email if channel in EMAIL_CHANNELS else record.phone
        for channel in sorted(work.policy.channels & (EMAIL_CHANNELS | PHONE_CHANNELS))
    }


def normalised(
    work: Work, shop_id: str, addresses: Mapping[str, str | None], channels: frozenset[str]
) -> dict[str, str]:
    """The normalised addresses of some channels."""
    country = work.policy.country_of(shop_id)
    pairs = {channel: normalise(channel, addresses[channel], country) for channel in channels}
    return {channel: address for channel, address in sorted(pairs.items()) if address}


def record_key(stream: str, record: Activation) -> RecordKey:
    """The key of a record within its stream."""
    return (record.shop_id, str(getattr(record, key_fields(stream)[1])))


def waits(
    stream: str, record: Activation, reason: Reason | str, not_before: datetime | None = None
) -> Waits:
    """A record that has to wait."""
    shop_id, key = record_key(stream, record)
    return Waits(stream, shop_id, key, msgspec.json.encode(record), str(reason), not_before)


def dead(stream: str, record: Activation, outcome: Outcome) -> BadRecord:
    """The dead letter of a record that the CRM refused."""
    key: dict[str, str | None] = dict(
        zip(key_fields(stream), record_key(stream, record), strict=True)
    )
    reason = f"refused by the CRM: {outcome.reason}" if outcome.reason else "refused by the CRM"
    return BadRecord(stream, key, outcome.field, reason, msgspec.json.encode(record))


def skip(work: Work, stream: str) -> None:
    """Count a record for which the CRM has no place."""
    work.counts.add(stream, withheld=1)
    work.counts.withheld[WithheldField(stream, WHOLE_RECORD, "", "", "not_in_destination")] += 1


def check_answers(items: Sequence[object], outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """Make sure that there is an answer for each item, so that none gets lost."""
    if len(items) != len(outcomes):
        raise AssertionError(f"{len(items)} items, but {len(outcomes)} outcomes")
    return outcomes
