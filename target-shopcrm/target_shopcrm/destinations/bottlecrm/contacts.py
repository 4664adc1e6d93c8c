"""Writing contacts of BottleCRM, one for each call, and proving it by reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from target_shopcrm.destinations.bottlecrm.api import INVALID, NOT_FOUND
from target_shopcrm.destinations.bottlecrm.fields import at_fault, body_of, missing
from target_shopcrm.destinations.crm import Outcome
from target_shopcrm.destinations.http import UncertainError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_shopcrm.destinations.bottlecrm.api import BottleApi
    from target_shopcrm.destinations.bottlecrm.directory import Directory
    from target_shopcrm.destinations.bottlecrm.fields import Found
    from target_shopcrm.destinations.http import Answer
    from target_shopcrm.destinations.items import Contact

Body = dict[str, Any]

_OF_ANOTHER = Outcome("refused", field="email", reason="another contact has this address")
_NO_ANSWER = Outcome("uncertain", reason="the answer never came")
_DROPPED = "BottleCRM dropped the value: is its custom field switched on?"


class _Told(NamedTuple):
    """What became of a contact, and what was sent of it and has to be found there."""

    outcome: Outcome
    body: Mapping[str, Any] = {}


_NOTHING_TO_BLANK = _Told(Outcome("done"))


class Contacts:
    """Creates and changes contacts.

    Args:
        api: The API.
        directory: Finds contacts.
    """

    def __init__(self, api: BottleApi, directory: Directory) -> None:
        self._api = api
        self._directory = directory

    def upsert(self, contacts: Sequence[Contact]) -> list[Outcome]:
        """Create or change contacts, and read back what became of them.

        Args:
            contacts: Different people.

        Returns:
            What became of each.
        """
        known = self._directory.by_external_id([each.who.external_id for each in contacts])
        told = [self._tell(each, known.get(each.who.external_id)) for each in contacts]
        ids = [each.who.external_id for each in contacts]
        sent = {key for key, each in zip(ids, told, strict=True) if each.body}
        there = self._directory.by_external_id(sent)
        return [
            _proven(each, there.get(key)) if each.body else each.outcome
            for key, each in zip(ids, told, strict=True)
        ]

    def change(self, bodies: Mapping[str, Body]) -> dict[str, Outcome]:
        """Change contacts that are there, and read back what became of them.

        Args:
            bodies: What to change, by BottleCRM's id; an empty body changes nothing.

        Returns:
            What became of each; done also where the contact is gone.
        """
        outcomes: dict[str, Outcome] = {}
        for contact_id, body in bodies.items():
            answer = self._api.change(f"/contacts/{contact_id}/", body) if body else None
            outcomes[contact_id] = (
                _refused(answer.body)
                if answer is not None and answer.status == INVALID
                else Outcome("done", contact_id)
            )
        written = [each for each, body in bodies.items() if body and outcomes[each].state == "done"]
        there = self._directory.by_id(written)
        for contact_id in written:
            found = there.get(contact_id)
            if found is not None and missing(found, bodies[contact_id]):
                outcomes[contact_id] = Outcome("uncertain", contact_id, reason=_DROPPED)
        return outcomes

    def _tell(self, contact: Contact, found: Found | None) -> _Told:
        """Bring BottleCRM to hold a contact, as far as it doesn't."""
        if found is None:
            return self._create(contact) if contact.channels else _NOTHING_TO_BLANK
        body = body_of(contact, found)
        if not body:
            return _Told(Outcome("done", found.id))
        answer = self._api.change(f"/contacts/{found.id}/", body)
        if answer.status == NOT_FOUND:  # deleted, or merged away, since it was found
            return self._tell(contact, None)
        if answer.status == INVALID:
            return _Told(_OF_ANOTHER if _is_taken(answer) else _refused(answer.body))
        return _Told(Outcome("done", found.id), body)

    def _create(self, contact: Contact, *, is_last: bool = False) -> _Told:
        body = body_of(contact, None)
        try:
            answer = self._api.create("/contacts/", body)
        except UncertainError:
            there = self._directory.by_external_id([contact.who.external_id])
            if there:
                return self._tell(contact, there[contact.who.external_id])
            return _Told(_NO_ANSWER) if is_last else self._create(contact, is_last=True)
        if answer.ok:
            return _Told(Outcome("done", str(answer.body["id"])), body)
        return self._adopt(contact) if _is_taken(answer) else _Told(_refused(answer.body))

    def _adopt(self, contact: Contact) -> _Told:
        """Take over the contact that has the address, unless it is another customer's."""
        for found in self._directory.everybody():
            if contact.who.email and found.has("email", contact.who.email):
                is_ours = found.external_id in {None, contact.who.external_id}
                return self._tell(contact, found) if is_ours else _Told(_OF_ANOTHER)
        return _Told(_OF_ANOTHER)  # one that this token may not see


def _is_taken(answer: Answer) -> bool:
    """Whether the address is refused because a contact has it: the rest of it is in order."""
    errors = answer.body.get("errors") if isinstance(answer.body, dict) else None
    texts = errors.get("email", []) if isinstance(errors, dict) else []
    return any("already exists" in str(text) for text in texts)


def _refused(body: object) -> Outcome:
    errors = body.get("errors") if isinstance(body, dict) else None
    return Outcome("refused", field=at_fault(errors), reason="BottleCRM finds it not valid")


def _proven(told: _Told, found: Found | None) -> Outcome:
    if found is None:
        return Outcome("uncertain", told.outcome.remote_id, reason=_DROPPED)
    lacking = missing(found, told.body)
    if lacking is None:
        return Outcome("done", found.id)
    return Outcome("refused", found.id, field=lacking, reason=_DROPPED)
