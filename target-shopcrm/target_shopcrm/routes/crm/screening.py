"""Nobody who was erased goes to a CRM again, whoever brings them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_shopcrm.consent.addresses import normalise
from target_shopcrm.database.runs import WithheldField
from target_shopcrm.database.suppressions import ERASED, Identity, screen
from target_shopcrm.routes.work import WHOLE_RECORD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_shopcrm.consent.events import ConsentEvent
    from target_shopcrm.records import Activation
    from target_shopcrm.routes.crm.run import RecordKey
    from target_shopcrm.routes.work import Work


def without_erased(
    work: Work, stream: str, records: Mapping[RecordKey, Any]
) -> dict[RecordKey, Any]:
    """Leave out records about people who were erased; they are counted, and named nowhere.

    Args:
        work: The transaction.
        stream: The records' stream.
        records: By key.

    Returns:
        The others.
    """
    identities = {key: _identity(work, record) for key, record in records.items()}
    erased = screen(work.connection, identities.values())
    if not erased:
        return dict(records)
    staying = {key: record for key, record in records.items() if identities[key] not in erased}
    left = len(records) - len(staying)
    work.counts.add(stream, withheld=left)
    work.counts.withheld[WithheldField(stream, WHOLE_RECORD, "", "", ERASED)] += left
    return staying


def events_of_others(work: Work, events: Sequence[ConsentEvent]) -> list[ConsentEvent]:
    """Leave out what a CRM says of people who were erased: their withdrawal stands already.

    Args:
        work: The transaction.
        events: What the ledger would learn.

    Returns:
        The others.
    """
    identities = [
        Identity(event.shop_id, email=event.address)
        if event.channel == "email"
        else Identity(event.shop_id, phone=event.address)
        for event in events
    ]
    erased = screen(work.connection, identities)
    return [event for event, one in zip(events, identities, strict=True) if one not in erased]


def _identity(work: Work, record: Activation) -> Identity:
    country = work.policy.country_of(record.shop_id)
    return Identity(
        record.shop_id,
        email=normalise("email", record.email, country),
        phone=normalise("sms", record.phone, country),
        contact_id=record.contact_id,
    )
