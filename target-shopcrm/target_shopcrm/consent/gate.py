"""The gate: for a whole record, which fields may leave, and why the others may not.

* A field for a purpose *by* a channel needs the consent of the record's address on it.
* A field for marketing on any channel may leave where at least one channel may be used.
* A field for profiling may leave where at least one of the record's addresses granted it
  and none has withdrawn it: profiling looks at the person behind all of them.
* A field the policy doesn't list never leaves. A record whose key may not leave is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from target_shopcrm.consent.addresses import normalise
from target_shopcrm.consent.answers import YES, Answer, any_channel, every_address, one_channel
from target_shopcrm.consent.events import Key
from target_shopcrm.consent.fold import verdict
from target_shopcrm.consent.parts import is_empty, listed_parts, parts_of
from target_shopcrm.consent.verdicts import Reason, Verdict, denied

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from target_shopcrm.consent.batch import EventsFor
    from target_shopcrm.consent.events import ConsentEvent
    from target_shopcrm.consent.policy import Policy, Requirement

    Addresses = Mapping[str, str | None]

MARKETING = "marketing"
_UNKNOWN_JURISDICTION = Answer(allowed=False, denials=((None, Reason.UNKNOWN_JURISDICTION),))


class Withheld(NamedTuple):
    """One field that stayed behind. `channel` is None where no channel was at fault."""

    field: str
    channel: str | None
    purpose: str | None
    reason: Reason


@dataclass(frozen=True)
class Permission:
    """What of one record may leave.

    Attributes:
        fields: the permitted fields with their values, in the record's order.
        withheld: the fields with a value that stayed behind; a field can have one entry per
            channel that was tried.
        channels: the channels on which the person may be sent marketing.
        refused: nothing may leave; `fields` is empty.
    """

    fields: Mapping[str, object]
    withheld: Sequence[Withheld]
    channels: frozenset[str]
    refused: bool


class Gate:
    """Answers for one policy at one instant. Make a new one after appending events."""

    def __init__(self, policy: Policy, events_for: EventsFor, at: datetime) -> None:
        """Set the gate up.

        Args:
            policy: the shop's policy.
            events_for: everything the ledger holds of the given keys; keys without events
                may be missing.
            at: the shop's now, with offset.
        """
        self._policy = policy
        self._events_for = events_for
        self._at = at
        self._verdicts: dict[Key, Verdict] = {}
        self._parts: dict[str, Mapping[str, Mapping[str, Requirement]]] = {}
        self._requirements: dict[str, tuple[Requirement, ...]] = {}

    def decide(self, shop_id: str, address_raw: str | None, channel: str, purpose: str) -> Verdict:
        """Whether one address, written as the vendor has it, may be used."""
        if purpose not in self._policy.purposes:
            return denied(Reason.PURPOSE_NOT_IN_POLICY)
        if channel not in self._policy.channels:
            return denied(Reason.CHANNEL_NOT_IN_POLICY)
        if self._policy.jurisdiction_of(shop_id) is None:
            return denied(Reason.UNKNOWN_JURISDICTION)
        address = normalise(channel, address_raw, self._policy.country_of(shop_id))
        if address is None:
            return denied(Reason.INVALID_ADDRESS)
        return self._verdict(Key(shop_id, channel, address, purpose))

    def keys(self, shop_id: str, addresses: Addresses) -> list[Key]:
        """The keys whose events decide on a record with these addresses, to prefetch them."""
        country = self._policy.country_of(shop_id)
        found = (
            (channel, normalise(channel, raw, country))
            for channel, raw in addresses.items()
            if channel in self._policy.channels
        )
        return [
            Key(shop_id, channel, address, purpose)
            for channel, address in found
            if address is not None
            for purpose, terms in self._policy.purposes.items()
            if terms.basis == "consent"
        ]

    def prefetch(self, keys: Iterable[Key]) -> None:
        """Read the events of many keys at once and decide on them."""
        missing = [key for key in dict.fromkeys(keys) if key not in self._verdicts]
        if not missing:
            return
        events = self._events_for(missing)
        for key in missing:
            of_key: Sequence[ConsentEvent] = events.get(key, ())
            self._verdicts[key] = verdict(key, of_key, self._policy, self._at)

    def permit(
        self,
        record_class: str,
        shop_id: str,
        fields: Mapping[str, object],
        addresses: Addresses,
    ) -> Permission:
        """Which fields of a record may leave.

        Args:
            record_class: see `policy.RECORD_CLASSES`.
            shop_id: the shop the record belongs to.
            fields: the record; parts are listed inside mappings, structs, and lists of them.
            addresses: the record's addresses by channel, as the vendor has them; empty for
                a record that isn't about a person.
        """
        answers = self._answers(record_class, shop_id, addresses)
        requirements = self._policy.fields_of(record_class)
        parts = self._parts_of(record_class)
        permitted: dict[str, object] = {}
        withheld: list[Withheld] = []
        for field, value in fields.items():
            if field in parts:
                permitted[field], left = _permit_parts(field, value, parts[field], answers)
                withheld += left
                continue
            requirement = requirements.get(field)
            if requirement is not None and answers[requirement].allowed:
                permitted[field] = value
            elif not is_empty(value):
                withheld += _withheld(field, requirement, answers)
        channels = self._marketing_channels(shop_id, addresses)
        key = self._policy.key_of(record_class)
        if key and all(field in permitted for field in key):
            return Permission(permitted, withheld, channels, refused=False)
        return Permission({}, _refused(key, permitted, withheld), channels, refused=True)

    def _answers(
        self, record_class: str, shop_id: str, addresses: Addresses
    ) -> dict[Requirement, Answer]:
        """Each distinct requirement of the class is asked once per record."""
        if record_class not in self._requirements:
            self._requirements[record_class] = tuple(
                dict.fromkeys(self._policy.fields_of(record_class).values())
            )
        return {
            requirement: self._answer(requirement, shop_id, addresses)
            for requirement in self._requirements[record_class]
        }

    def _answer(self, requirement: Requirement, shop_id: str, addresses: Addresses) -> Answer:
        purpose, channel = requirement
        if channel is not None:
            verdict = self.decide(shop_id, addresses.get(channel), channel, purpose)
            return one_channel(channel, verdict)
        if self._policy.jurisdiction_of(shop_id) is None:
            return _UNKNOWN_JURISDICTION
        if self._policy.purposes[purpose].basis == "contract":
            return YES
        verdicts = {
            name: self.decide(shop_id, raw, name, purpose)
            for name, raw in addresses.items()
            if raw and name in self._policy.channels
        }
        return any_channel(verdicts) if purpose == MARKETING else every_address(verdicts)

    def _marketing_channels(self, shop_id: str, addresses: Addresses) -> frozenset[str]:
        return frozenset(
            channel
            for channel, raw in addresses.items()
            if raw and self.decide(shop_id, raw, channel, MARKETING).allowed
        )

    def _parts_of(self, record_class: str) -> Mapping[str, Mapping[str, Requirement]]:
        if record_class not in self._parts:
            self._parts[record_class] = parts_of(self._policy.fields_of(record_class))
        return self._parts[record_class]

    def _verdict(self, key: Key) -> Verdict:
        if key not in self._verdicts:
            self.prefetch([key])
        return self._verdicts[key]


def _permit_parts(
    field: str,
    value: object,
    parts: Mapping[str, Requirement],
    answers: Mapping[Requirement, Answer],
) -> tuple[object, list[Withheld]]:
    listed = {part for part, requirement in parts.items() if answers[requirement].allowed}
    kept, left = listed_parts(value, listed)
    withheld: list[Withheld] = []
    for part in sorted(left):
        withheld += _withheld(f"{field}.{part}", parts.get(part), answers)
    return kept, withheld


def _withheld(
    field: str, requirement: Requirement | None, answers: Mapping[Requirement, Answer]
) -> list[Withheld]:
    if requirement is None:
        return [Withheld(field, None, None, Reason.NOT_IN_POLICY)]
    return [
        Withheld(field, channel, requirement.purpose, reason)
        for channel, reason in answers[requirement].denials
    ]


def _refused(
    key: Sequence[str], permitted: Mapping[str, object], withheld: Sequence[Withheld]
) -> list[Withheld]:
    """Everything stays behind; what could have left alone does for the reasons of the key."""
    reasons = dict.fromkeys(entry[1:] for entry in withheld if entry.field in key)
    causes = list(reasons) or [(None, None, Reason.NOT_IN_POLICY)]
    return [
        *withheld,
        *(
            Withheld(field, *cause)
            for field, value in permitted.items()
            if not is_empty(value)
            for cause in causes
        ),
    ]
