"""The route to a CRM outside: contacts, of whom it may know only what somebody permitted.

Withdrawals are computed from the ledger and from what was delivered, never from the input, and
go out first. Whatever the input claims, the gate is asked again in the transaction that sends.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from target_shopcrm.consent.addresses import EMAIL_CHANNELS, PHONE_CHANNELS, normalise
from target_shopcrm.database.deliveries import Delivered, Deliveries
from target_shopcrm.database.ledger import Ledger
from target_shopcrm.destinations.base import CrmMessage, Upsert, Withdraw
from target_shopcrm.routes.verdicts import check_policy_knows_shops, gate_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_shopcrm.batch import Batch
    from target_shopcrm.consent.events import Key
    from target_shopcrm.consent.gate import Gate
    from target_shopcrm.destinations.base import MessageDestination
    from target_shopcrm.records import Contact
    from target_shopcrm.routes.work import Work

STREAM = "activation-contacts"
CLASS = "contacts"
MARKETING = "marketing"
_BOOKKEEPING = frozenset({"row_hash", "changed_at"})
"""Fields by which the input tells what changed; they say nothing about the contact."""
_NOTHING = b""
"""The row hash of a contact of which the CRM holds nothing that still stands."""

ContactKey = tuple[str, str]


class _Outcome(NamedTuple):
    """What has to be told about one contact, and what the CRM holds afterwards."""

    messages: list[CrmMessage]
    delivered: Delivered | None


class ContactRoute:
    """Withdrawals first, then upserts.

    Args:
        destination: Takes the messages.
    """

    def __init__(self, destination: MessageDestination) -> None:
        self._destination = destination

    def begin(self, work: Work) -> None:
        """Withdraw every address that was delivered as permitted and no longer is.

        Args:
            work: A transaction of its own, before the input is read.
        """
        deliveries = Deliveries(work.connection, self._destination.name, CLASS)
        ledger = Ledger(work.connection)
        check_policy_knows_shops(work, ledger)
        gate, _ = gate_at(work, ledger)
        standing = deliveries.with_permissions()
        gate.prefetch(_permitted_keys(gate, standing))
        messages: list[CrmMessage] = []
        changed: dict[ContactKey, Delivered] = {}
        for key, delivered in standing.items():
            kept = {
                channel: address
                for channel, address in delivered.permitted.items()
                if gate.decide(key[0], address, channel, MARKETING).allowed
            }
            if kept != delivered.permitted:
                messages += _withdrawals(key, delivered.permitted, kept)
                changed[key] = Delivered(_NOTHING, kept)
        self._send(work, deliveries, messages, changed)

    def deliver(self, work: Work, batch: Batch) -> None:
        """Tell the CRM about contacts.

        Args:
            work: The batch's transaction.
            batch: What was read.
        """
        if not batch.contacts:
            return
        deliveries = Deliveries(work.connection, self._destination.name, CLASS)
        gate, _ = gate_at(work, Ledger(work.connection))
        before = deliveries.of(batch.contacts)
        gate.prefetch(
            key
            for contact in batch.contacts.values()
            for key in gate.keys(contact.shop_id, _addresses(work, contact))
        )
        messages: list[CrmMessage] = []
        changed: dict[ContactKey, Delivered] = {}
        for key, contact in batch.contacts.items():
            outcome = self._outcome(work, gate, contact, before.get(key))
            messages += outcome.messages
            if outcome.delivered is not None:
                changed[key] = outcome.delivered
        superseded = batch.passed[STREAM] - len(batch.contacts)
        work.counts.add(STREAM, unchanged=superseded)
        messages.sort(key=lambda message: message.action != "withdraw")
        self._send(work, deliveries, messages, changed)

    def _outcome(
        self, work: Work, gate: Gate, contact: Contact, before: Delivered | None
    ) -> _Outcome:
        fields = {
            name: value
            for name, value in msgspec.structs.asdict(contact).items()
            if name not in _BOOKKEEPING
        }
        addresses = _addresses(work, contact)
        permission = gate.permit(
            work.policy.record_class_of(STREAM) or CLASS, contact.shop_id, fields, addresses
        )
        if permission.refused:
            work.withhold_whole(STREAM, permission.withheld)
        else:
            work.withhold(STREAM, permission.withheld)
        if permission.withheld:
            work.counts.add(STREAM, withheld=1)
        key = (contact.shop_id, contact.contact_id)
        permitted = {
            channel: address
            for channel in sorted(permission.channels)
            if (address := _normalised(work, contact.shop_id, channel, addresses[channel]))
        }
        told = _withdrawals(key, before.permitted if before else {}, permitted)
        if permission.refused or not permitted:
            gone = before is not None and (before.permitted or before.row_hash != _NOTHING)
            return _Outcome(told, Delivered(_NOTHING, {}) if gone else None)
        upsert = Upsert(
            stream=CLASS,
            shop_id=contact.shop_id,
            contact_id=contact.contact_id,
            channels=tuple(permitted),
            fields=_left_to_tell(permission.fields),
        )
        delivered = Delivered(_row_hash(upsert), permitted)
        if delivered == before:
            work.counts.add(STREAM, unchanged=1)
            return _Outcome([], None)
        return _Outcome([*told, upsert], delivered)

    def _send(
        self,
        work: Work,
        deliveries: Deliveries,
        messages: list[CrmMessage],
        changed: Mapping[ContactKey, Delivered],
    ) -> None:
        self._destination.send(work.connection, messages)
        deliveries.save(changed, work.run_id)
        if messages:
            work.counts.add(STREAM, written=len(messages))


def _withdrawals(
    key: ContactKey, before: Mapping[str, str], now: Mapping[str, str]
) -> list[CrmMessage]:
    """One message per address that may no longer be used for this contact."""
    return [
        Withdraw(stream=CLASS, shop_id=key[0], contact_id=key[1], channel=channel, address=address)
        for channel, address in before.items()
        if now.get(channel) != address
    ]


def _permitted_keys(gate: Gate, standing: Mapping[ContactKey, Delivered]) -> Iterable[Key]:
    for (shop_id, _), delivered in standing.items():
        yield from gate.keys(shop_id, delivered.permitted)


def _addresses(work: Work, contact: Contact) -> dict[str, str | None]:
    return {
        channel: contact.email if channel in EMAIL_CHANNELS else contact.phone
        for channel in sorted(work.policy.channels & (EMAIL_CHANNELS | PHONE_CHANNELS))
    }


def _normalised(work: Work, shop_id: str, channel: str, raw: str | None) -> str | None:
    return normalise(channel, raw, work.policy.country_of(shop_id))


def _left_to_tell(fields: Mapping[str, object]) -> dict[str, object]:
    """The permitted fields beside the key."""
    return {name: value for name, value in fields.items() if name not in {"shop_id", "contact_id"}}


def _row_hash(upsert: Upsert) -> bytes:
    return hashlib.blake2b(msgspec.json.encode(upsert), digest_size=16).digest()
