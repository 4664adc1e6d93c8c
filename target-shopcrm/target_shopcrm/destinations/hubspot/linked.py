"""Objects that belong to a contact: written by a unique property, then linked to it.

Upserting can't link in the same call, and linking needs record ids, which are read just before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from target_shopcrm.destinations.crm import Outcome
from target_shopcrm.destinations.hubspot.account import BAD_REQUEST, MULTI_STATUS, OK, errors_of
from target_shopcrm.destinations.hubspot.lists import NOT_IN_HUBSPOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_shopcrm.destinations.hubspot.account import Account
    from target_shopcrm.destinations.hubspot.batches import Batches, Input
    from target_shopcrm.destinations.hubspot.contacts import Contacts
    from target_shopcrm.destinations.items import Person


class Linked(NamedTuple):
    """One object and whom it belongs to."""

    who: Person
    input: Input


class LinkedObjects:
    """Objects of one type, each of a contact.

    Args:
        account: Where.
        object_type: ``orders`` or ``tasks``.
        batches: Writes them.
        id_property: Their unique property.
        contacts: Knows the record ids of people.
    """

    def __init__(
        self,
        account: Account,
        object_type: str,
        batches: Batches,
        id_property: str,
        contacts: Contacts,
    ) -> None:
        self._account = account
        self._object_type = object_type
        self._batches = batches
        self._id_property = id_property
        self._contacts = contacts

    def write(self, items: Sequence[Linked], there: Mapping[str, str]) -> list[Outcome]:
        """Write up to a call's worth of objects.

        Args:
            items: Objects with different keys.
            there: Record ids of those that are not to be written again, only linked.
        """
        contact_ids = self._contacts.record_ids(item.who for item in items)
        unknown = Outcome("skipped", reason=NOT_IN_HUBSPOT)
        outcomes = {
            at: unknown for at, item in enumerate(items) if item.who.external_id not in contact_ids
        }
        outcomes |= {
            at: Outcome("done", remote_id=there[item.input.key])
            for at, item in enumerate(items)
            if at not in outcomes and item.input.key in there
        }
        new = [at for at in range(len(items)) if at not in outcomes]
        if new:
            written = self._batches.upsert(self._id_property, [items[at].input for at in new])
            outcomes.update(zip(new, written, strict=True))
        pairs = {
            at: (outcome.remote_id or "", contact_ids[items[at].who.external_id])
            for at, outcome in outcomes.items()
            if outcome.state == "done"
        }
        loose = self._link(pairs)
        outcomes.update(dict.fromkeys(loose, Outcome("uncertain", reason="NOT_LINKED")))
        return [_about_contact(outcomes[at], pairs.get(at)) for at in range(len(items))]

    def _link(self, pairs: Mapping[int, tuple[str, str]]) -> list[int]:
        """Link objects to contacts; returns those that could not be."""
        if not pairs:
            return []
        path = f"/crm/associations/2026-03/{self._object_type}/contacts/batch/associate/default"
        inputs = [{"from": {"id": ours}, "to": {"id": theirs}} for ours, theirs in pairs.values()]
        answer = self._account.call(
            "POST", path, {"inputs": inputs}, scope=f"crm.objects.{self._object_type}.write"
        )
        if answer.status in OK and not errors_of(answer):
            return []
        if answer.status not in {*OK, MULTI_STATUS, BAD_REQUEST}:
            raise self._account.unexpected(f"linking {self._object_type} to contacts", answer)
        if len(pairs) == 1:
            return list(pairs)
        half = len(pairs) // 2
        return [
            *self._link(dict(list(pairs.items())[:half])),
            *self._link(dict(list(pairs.items())[half:])),
        ]


def _about_contact(outcome: Outcome, pair: tuple[str, str] | None) -> Outcome:
    """An outcome names the contact's record, not the object's."""
    return outcome._replace(remote_id=pair[1] if pair else None)
