"""Contacts: keyed by our own id, without an address unless it may be written to.

A contact whom nobody may write to is blanked, never created: a record alone can start a workflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.destinations.crm import DONE, Outcome, Seen
from target_shopcrm.destinations.hubspot.account import BAD_REQUEST, NOT_FOUND, parts, results_of
from target_shopcrm.destinations.hubspot.batches import Batches, Input, Record, by_property
from target_shopcrm.destinations.hubspot.properties import (
    CUSTOMER_ID,
    FIELDS,
    NAMES,
    TRIGGERING,
    fields_of,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_shopcrm.destinations.hubspot.account import Account
    from target_shopcrm.destinations.hubspot.properties import Properties
    from target_shopcrm.destinations.items import Contact, Person

SCOPE = "crm.objects.contacts"
OPT_OUT = "hs_email_optout"
"""HubSpot's own mark on a contact: unsubscribed from every e-mail."""
_MORE_ADDRESSES = "hs_additional_emails"
_CONTACT_TYPE = "0-1"
_MEMBERSHIPS = "/crm/lists/2026-03/records/memberships/batch/read"
_TAKEN = "CONFLICT"


class Contacts:
    """The contacts of one account.

    Args:
        account: Where.
        properties: The properties of contacts.
        subscription: The subscription type of marketing e-mails.
        has_lists: Whether looking somebody up tells the lists too.
    """

    def __init__(
        self, account: Account, properties: Properties, subscription: int, *, has_lists: bool
    ) -> None:
        self._account = account
        self._properties = properties
        self._batches = Batches(account, "contacts", SCOPE)
        self._opt_outs = (OPT_OUT, f"{OPT_OUT}_{subscription}")
        self._has_lists = has_lists

    def record_ids(self, people: Iterable[Person]) -> dict[str, str]:
        """Read the record ids of people, by our id; they are good for the next call only."""
        keys = [person.external_id for person in people]
        return {key: record.id for key, record in self._by_our_id(keys).items()}

    def upsert(self, contacts: Sequence[Contact]) -> list[Outcome]:
        """Create, change and blank contacts.

        Blanking comes first, so that an address that goes from one person to another is free.
        """
        outcomes: dict[int, Outcome] = {}
        blank = [at for at, each in enumerate(contacts) if "email" not in each.channels]
        known = self._by_our_id(contacts[at].who.external_id for at in blank)
        write: dict[int, Input] = {}
        for at in blank:
            if contacts[at].who.external_id in known:
                write[at] = _input(contacts[at])
            else:
                outcomes[at] = DONE
        for at, contact in enumerate(contacts):
            if at in write or at in outcomes:
                continue
            if contact.who.email:
                write[at] = _input(contact)
            else:
                outcomes[at] = Outcome("refused", field="email", reason="MISSING")
        written = self._batches.upsert(CUSTOMER_ID, list(write.values()))
        outcomes.update(zip(write, written, strict=True))
        taken = [at for at in write if outcomes[at].reason == _TAKEN]
        outcomes.update(zip(taken, self._adopt([contacts[at] for at in taken]), strict=True))
        return [_ours(outcomes[at]) for at in range(len(contacts))]

    def look_up(self, people: Sequence[Person]) -> list[Seen | None]:
        """Read people by our id, those not found by their address, then their lists."""
        wanted = [*FIELDS, *self._opt_outs]
        found = self._by_our_id((person.external_id for person in people), wanted)
        rest = [
            person.email for person in people if person.email and person.external_id not in found
        ]
        by_email = self._by_email(rest, wanted)
        records = [
            found.get(person.external_id) or by_email.get((person.email or "").lower())
            for person in people
        ]
        lists = self._lists_of([record.id for record in records if record])
        return [
            record and self._seen(record, lists.get(record.id, frozenset())) for record in records
        ]

    def erase(self, people: Sequence[Person]) -> list[Outcome]:
        """Delete people for good, under every address HubSpot or we know of them.

        HubSpot blocks an address it deletes by, so that no import brings it back. Verified by
        reading until they are gone.
        """
        addresses = (CUSTOMER_ID, "email", _MORE_ADDRESSES)
        known = self._by_our_id((each.external_id for each in people), addresses)
        refused = [not self._erase_one(each, known.get(each.external_id)) for each in people]
        left: set[str] = set()

        def are_gone() -> bool:
            emails = [each.email for each in people if each.email]
            left.clear()
            left.update(self._by_our_id(known), self._by_email(emails, ()))
            return not left

        self._account.wait_until(are_gone, self._account.deadline())
        return [
            _erased(left & {each.external_id, (each.email or "").lower()}, is_refused=is_refused)
            for each, is_refused in zip(people, refused, strict=True)
        ]

    def _erase_one(self, person: Person, record: Record | None) -> bool:
        """Delete by each address; by record id only what has none, since that blocks nothing.

        Returns:
            False if HubSpot doesn't take an address for one.
        """
        emails = {person.email.lower()} if person.email else set()
        if record:
            emails |= set(_addresses_of(record))
        bodies = [{"objectId": email, "idProperty": "email"} for email in sorted(emails)]
        if record and not _addresses_of(record):
            bodies.append({"objectId": record.id})
        is_taken = True
        for body in bodies:
            path = "/crm/objects/2026-03/contacts/gdpr-delete"
            answer = self._account.call("POST", path, body, scope=f"{SCOPE}.write")
            if answer.status == BAD_REQUEST:
                is_taken = False
            elif not answer.ok and answer.status != NOT_FOUND:
                raise self._account.unexpected("a GDPR deletion", answer)
        return is_taken

    def _adopt(self, contacts: Sequence[Contact]) -> list[Outcome]:
        """Take over contacts that have the address already and are nobody else's customer.

        Somebody typed them in, or another app did; HubSpot holds an address only once.
        """
        emails = [each.who.email or "" for each in contacts]
        found = self._by_email(emails, (CUSTOMER_ID, "email", _MORE_ADDRESSES))
        write: dict[int, Input] = {}
        for at, contact in enumerate(contacts):
            record = found.get(emails[at].lower())
            if record and record.properties.get(CUSTOMER_ID, "") in {"", contact.who.external_id}:
                ours = {**_input(contact).properties, CUSTOMER_ID: contact.who.external_id}
                write[at] = Input(record.id, ours)
        written = dict(zip(write, self._batches.update(list(write.values())), strict=True))
        other = Outcome("refused", field="email", reason="ADDRESS_OF_ANOTHER_CONTACT")
        return [written.get(at, other) for at in range(len(contacts))]

    def _by_our_id(self, keys: Iterable[str], properties: Iterable[str] = ()) -> dict[str, Record]:
        """Read contacts by our id; shadow mode may look before the first has one."""
        if CUSTOMER_ID not in self._properties.names:
            return {}
        return by_property(self._batches.read(keys, CUSTOMER_ID, properties), CUSTOMER_ID)

    def _by_email(self, emails: Iterable[str], properties: Iterable[str]) -> dict[str, Record]:
        """Read contacts by address; a merged contact is found by each of its addresses."""
        lowered = [email.lower() for email in emails]
        wanted = {*properties, _MORE_ADDRESSES}
        records = self._batches.read(lowered, "email", wanted)
        return {email: record for record in records for email in _addresses_of(record)}

    def _lists_of(self, record_ids: Sequence[str]) -> dict[str, frozenset[str]]:
        lists: dict[str, frozenset[str]] = {}
        for part in parts(len(record_ids)) if self._has_lists else ():
            inputs = [{"objectTypeId": _CONTACT_TYPE, "recordId": record_ids[at]} for at in part]
            answer = self._account.call(
                "POST", _MEMBERSHIPS, {"inputs": inputs}, scope="crm.lists.read"
            )
            if not answer.ok:
                raise self._account.unexpected("reading memberships of lists", answer)
            for each in results_of(answer):
                memberships = each.get("recordListMemberships") or ()
                lists[str(each.get("recordId"))] = frozenset(
                    str(membership["listId"]) for membership in memberships
                )
        return lists

    def _seen(self, record: Record, lists: frozenset[str]) -> Seen:
        """An address without an opt-out can be written to: HubSpot doesn't wait for a yes."""
        held = record.properties
        is_out = any(held.get(name) == "true" for name in self._opt_outs)
        can_write = "email" in held and not is_out
        return Seen(
            fields_of(held), frozenset({"email"} if can_write else ()), lists, remote_id=record.id
        )


def _input(contact: Contact) -> Input:
    """What to write of a contact; who may not be written to loses address and triggers."""
    fields: dict[str, object] = dict.fromkeys(contact.forget & NAMES.keys())
    fields |= {name: value for name, value in contact.fields.items() if name in NAMES}
    if "email" in contact.channels:
        fields["email"] = contact.who.email
    else:
        fields |= dict.fromkeys({"email", *TRIGGERING})
    properties = {NAMES[name]: text_of(value) for name, value in fields.items()}
    return Input(contact.who.external_id, properties)


def _erased(left: set[str], *, is_refused: bool) -> Outcome:
    if left:
        return Outcome("uncertain", reason="NOT_CONFIRMED")
    return Outcome("refused", field="email", reason="VALIDATION_ERROR") if is_refused else DONE


def _addresses_of(record: Record) -> list[str]:
    held: Mapping[str, str] = record.properties
    texts = [held.get("email", ""), *held.get(_MORE_ADDRESSES, "").split(";")]
    return [text.strip().lower() for text in texts if text.strip()]


def _ours(outcome: Outcome) -> Outcome:
    """An outcome with our name of the field at fault."""
    return outcome._replace(field=FIELDS.get(outcome.field, outcome.field))
