"""Lists: a record is put on one or taken off, only where people, not rules, decide who is on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.hubspot.account import NOT_FOUND, OK, parts
from target_shopcrm.errors import CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.destinations.hubspot.account import Account
    from target_shopcrm.destinations.hubspot.contacts import Contacts
    from target_shopcrm.destinations.items import Membership

_LISTS = "/crm/lists/2026-03"
_BY_HAND = {"MANUAL", "SNAPSHOT"}
_CONTACT_TYPE = "0-1"
NOT_IN_HUBSPOT = "the contact is not in HubSpot"


class Lists:
    """The lists of one account.

    Args:
        account: Where.
        contacts: Knows the record ids of people.
    """

    def __init__(self, account: Account, contacts: Contacts) -> None:
        self._account = account
        self._contacts = contacts
        self._usable: set[str] = set()

    def change(self, memberships: Sequence[Membership]) -> list[Outcome]:
        """Put people on lists and take them off; one read and one write per hundred and list."""
        outcomes: dict[int, Outcome] = {}
        of_list: dict[str, list[int]] = {}
        for at, each in enumerate(memberships):
            of_list.setdefault(each.list_id, []).append(at)
        for list_id, positions in of_list.items():
            self._check(list_id)
            for part in parts(len(positions)):
                some = {at: memberships[at] for at in positions[part.start : part.stop]}
                answered = self._change_list(list_id, list(some.values()))
                outcomes.update(zip(some, answered, strict=True))
        return [outcomes[at] for at in range(len(memberships))]

    def _check(self, list_id: str) -> None:
        if list_id in self._usable:
            return
        answer = self._account.call("GET", f"{_LISTS}/{list_id}", scope="crm.lists.read")
        if answer.status == NOT_FOUND:
            raise CrmSetupError(
                f"HubSpot has no list {list_id}: correct the setting lists (the number in the"
                " list's address is its id), then run again."
            )
        found = answer.body.get("list") if isinstance(answer.body, dict) else None
        if answer.status not in OK or not isinstance(found, dict):
            raise self._account.unexpected("reading a list", answer)
        if found.get("processingType") not in _BY_HAND:
            raise CrmSetupError(
                f"HubSpot's list {list_id} is an active list, whose members its own rules decide:"
                " make a static list and name it in the setting lists, then run again."
            )
        if found.get("objectTypeId") != _CONTACT_TYPE:
            raise CrmSetupError(
                f"HubSpot's list {list_id} is no list of contacts: name one in the setting lists,"
                " then run again."
            )
        self._usable.add(list_id)

    def _change_list(self, list_id: str, memberships: Sequence[Membership]) -> list[Outcome]:
        """Change one list; a contact that was merged in that moment is read once more."""
        outcomes: dict[str, Outcome] = {}
        left = {each.who.external_id: each for each in memberships}
        for _ in range(2):
            ids = self._contacts.record_ids(each.who for each in left.values())
            for key in left.keys() - ids.keys():
                outcomes[key] = _unknown(left.pop(key))
            missing = self._put(list_id, left, ids) if left else set()
            for key in left.keys() - missing:
                left.pop(key)
                outcomes[key] = Outcome("done", remote_id=ids[key])
            if not left:
                break
        outcomes.update({key: _unknown(each) for key, each in left.items()})
        return [outcomes[each.who.external_id] for each in memberships]

    def _put(self, list_id: str, wanted: dict[str, Membership], ids: dict[str, str]) -> set[str]:
        """Make the call; returns whose records HubSpot did not find."""
        body = {
            "recordIdsToAdd": [ids[key] for key, each in wanted.items() if each.is_member],
            "recordIdsToRemove": [ids[key] for key, each in wanted.items() if not each.is_member],
        }
        path = f"{_LISTS}/{list_id}/memberships/add-and-remove"
        answer = self._account.call("PUT", path, body, scope="crm.lists.write")
        if answer.status not in OK or not isinstance(answer.body, dict):
            raise self._account.unexpected("changing a list", answer)
        gone = {str(each) for each in answer.body.get("recordIdsMissing") or ()}
        return {key for key in wanted if ids[key] in gone}


def _unknown(membership: Membership) -> Outcome:
    """Who isn't in HubSpot is on no list, which is all that taking somebody off asks for."""
    return Outcome("skipped", reason=NOT_IN_HUBSPOT) if membership.is_member else DONE
