"""Stored events as the consent records of ISO/IEC TS 27560:2023."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_shopcrm.consent.events import ConsentEvent, split_source
from target_shopcrm.consent.records import as_record
from target_shopcrm.database.fingerprints import Peppers
from target_shopcrm.database.ledger_chain import Chain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_shopcrm.consent.policy import Policy
    from target_shopcrm.database.connection import Connection


def all_records(
    connection: Connection, policy: Policy, shop_id: str | None = None
) -> Iterator[dict[str, object]]:
    """Go through the whole ledger.

    Args:
        connection: In a transaction.
        policy: Says under which law each shop sells.
        shop_id: Only this shop's records; None for all.

    Yields:
        The records in the order of the chain.
    """
    for event in Chain(connection, Peppers(connection)).events():
        if shop_id in {None, event["shop_id"]}:
            yield record_of(event, policy)


def record_of(event: Mapping[str, Any], policy: Policy) -> dict[str, object]:
    """Say one stored event in the standard's words.

    Args:
        event: Its columns by name.
        policy: Says under which law the shop sells.

    Returns:
        The record. The person is called by the register's id where a profile said it, else by
        the fingerprint; never by the address.
    """
    fingerprint = event["fingerprint"].hex()
    names = set(ConsentEvent.__struct_fields__) & event.keys()
    said = ConsentEvent(**{"address": fingerprint, **{name: event[name] for name in names}})
    customer_id = split_source(said.source)[1]
    return as_record(
        said,
        record_id=str(event["record_id"]),
        subject_key=f"{said.shop_id}:{customer_id or fingerprint}",
        address_hash=fingerprint,
        controller=said.shop_id,
        jurisdiction=policy.jurisdiction_of(said.shop_id),
        recorded_at=event["recorded_at"],
        prev_hash=event["prev_hash"].hex(),
        hash=event["hash"].hex(),
    )
