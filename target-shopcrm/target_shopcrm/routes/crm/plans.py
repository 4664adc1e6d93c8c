"""What one contact means for a CRM: decided by the gate, compared with what was delivered."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from target_shopcrm.database.deliveries import Delivered
from target_shopcrm.destinations.items import Contact, Person
from target_shopcrm.records import Contact as ContactRecord
from target_shopcrm.routes.crm.opening import MARKETING, withdrawals_of
from target_shopcrm.routes.crm.run import CONTACTS, CrmRun, RecordKey, addresses_of, normalised

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_shopcrm.consent.gate import Gate, Permission, Withheld
    from target_shopcrm.destinations.items import Fields, Withdrawal
    from target_shopcrm.routes.work import Work

_NOT_TOLD = frozenset({"shop_id", "contact_id", "email", "phone"})
"""Keys and addresses: they travel as such, not as fields."""
BOOKKEEPING = frozenset({"row_hash", "changed_at"})
"""Fields by which the input tells what changed; they say nothing about the contact."""
_EVERYBODY = "*"


@dataclass(frozen=True)
class ContactPlan:
    """What has to become of one contact.

    Attributes:
        key: shop_id and contact_id.
        record: As it came in.
        permitted: For each channel that may be used the normalised address.
        fields: The permitted fields that have a value.
        lists: The lists the contact belongs on.
        before: What was delivered, if anything.
        withheld: What stayed behind, and why.
        withdrawals: Addresses that were permitted and aren't any more.
    """

    key: RecordKey
    record: ContactRecord
    permitted: dict[str, str]
    fields: Fields
    lists: list[str]
    before: Delivered | None
    withheld: Sequence[Withheld]
    withdrawals: Sequence[Withdrawal]

    @property
    def after(self) -> Delivered:
        """What the CRM will hold when everything has succeeded, consent apart."""
        before = self.before
        return Delivered(
            row_hash=self.row_hash,
            permitted=self.permitted,
            fields=self.fields,
            granted=before.granted if before else {},
            lists=self.lists,
            remote_id=before.remote_id if before else None,
        )

    @property
    def row_hash(self) -> bytes:
        """16 bytes over all that the CRM is told."""
        told = (self.permitted, self.fields, self.lists)
        return hashlib.blake2b(
            msgspec.json.encode(told, order="deterministic"), digest_size=16
        ).digest()

    @property
    def is_unchanged(self) -> bool:
        """Whether the CRM holds exactly this already, consent included."""
        before = self.before
        return (
            before is not None
            and before.row_hash == self.row_hash
            and before.permitted == self.permitted
            and before.granted == self.permitted
        )

    def contact(self, gate: Gate) -> Contact:
        """The contact as the CRM is told of it.

        Args:
            gate: Knows since when each channel may be used.

        Returns:
            The contact.
        """
        shop_id = self.key[0]
        before = self.before
        verdicts = {
            channel: gate.decide(shop_id, address, channel, MARKETING)
            for channel, address in self.permitted.items()
        }
        return Contact(
            who=person(self.key, self.permitted, before),
            fields=self.fields,
            forget=frozenset(before.fields) - self.fields.keys() if before else frozenset(),
            channels=tuple(self.permitted),
            since={
                channel: verdict.given_at
                for channel, verdict in verdicts.items()
                if verdict.given_at is not None
            },
        )


def plan_contact(
    run: CrmRun,
    work: Work,
    gate: Gate,
    record: ContactRecord,
    before: Delivered | None,
) -> ContactPlan:
    """Ask the gate about a contact, and compare with what was delivered.

    Args:
        run: The run.
        work: The transaction, which counts what is withheld.
        gate: The gate, in this transaction.
        record: The contact as it came in.
        before: What was delivered of it.

    Returns:
        The plan.
    """
    key = (record.shop_id, record.contact_id)
    addresses = addresses_of(work, record)
    permission = gate.permit(
        work.policy.record_class_of(CONTACTS) or "contacts",
        record.shop_id,
        {n: v for n, v in msgspec.structs.asdict(record).items() if n not in BOOKKEEPING},
        addresses,
    )
    _count(work, permission)
    usable = permission.channels & run.destination.capabilities.channels
    permitted = {} if permission.refused else normalised(work, record.shop_id, addresses, usable)
    fields = _told(permission.fields, run.destination.capabilities.fields) if permitted else {}
    return ContactPlan(
        key=key,
        record=record,
        permitted=permitted,
        fields=fields,
        lists=_lists(run.lists, fields) if permitted else [],
        before=before,
        withheld=permission.withheld,
        withdrawals=withdrawals_of(key, before, permitted) if before else (),
    )


def person(key: RecordKey, addresses: Mapping[str, str], delivered: Delivered | None) -> Person:
    """Whom a delivery is about.

    Args:
        key: shop_id and contact_id.
        addresses: The addresses that identify the person.
        delivered: What is known of earlier deliveries.

    Returns:
        The person.
    """
    return Person(
        shop_id=key[0],
        contact_id=key[1],
        addresses=addresses,
        remote_id=delivered.remote_id if delivered else None,
    )


def restored(key: RecordKey, now: Delivered, was: Mapping[str, Any] | None) -> ContactRecord:
    """The record of a contact as it was before a run, at the addresses that are permitted now.

    Args:
        key: shop_id and contact_id.
        now: What the CRM holds.
        was: What it held before, or None.

    Returns:
        The record.
    """
    fields = was["fields"] if was else {}
    addresses = {"email": now.permitted.get("email"), "phone": now.permitted.get("sms")}
    return msgspec.convert(
        {**fields, **addresses, "shop_id": key[0], "contact_id": key[1]}, ContactRecord
    )


def _count(work: Work, permission: Permission) -> None:
    if permission.refused:
        work.withhold_whole(CONTACTS, permission.withheld)
    else:
        work.withhold(CONTACTS, permission.withheld)
    if permission.withheld:
        work.counts.add(CONTACTS, withheld=1)


def _told(permitted: Mapping[str, object], taken: frozenset[str] | None) -> Fields:
    """The permitted fields that have a value and that the CRM has a place for."""
    return {
        name: value
        for name, value in permitted.items()
        if name not in _NOT_TOLD and value is not None and (taken is None or name in taken)
    }


def _lists(lists: Mapping[str, str], fields: Fields) -> list[str]:
    """The lists a contact belongs on: that of its segment, and everybody's."""
    names = {_EVERYBODY, fields.get("segment")}
    return sorted({lists[name] for name in names if isinstance(name, str) and name in lists})
