"""Who is on which list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from target_shopcrm.destinations.brevo.addresses import LEFT_A_LIST
from target_shopcrm.destinations.brevo.api import list_number
from target_shopcrm.destinations.brevo.census import people_of
from target_shopcrm.destinations.crm import Outcome
from target_shopcrm.errors import CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.destinations.brevo.api import BrevoApi
    from target_shopcrm.destinations.brevo.census import Census
    from target_shopcrm.destinations.brevo.held import Held
    from target_shopcrm.destinations.items import Membership, Person

MOST = 150
"""Contacts in one call (SDK, ``add_contact_to_list``)."""
_NOT_FOUND, _NOTHING_DONE = 404, 400


def check_everybody(api: BrevoApi) -> None:
    """Look that the list of everybody exists.

    Raises:
        CrmSetupError: If it doesn't.
    """
    answer = api.call("GET", f"/contacts/lists/{api.everybody}")
    if answer.status == _NOT_FOUND:
        raise missing_list(api.everybody)
    api.body(answer, "reading a list", 200)


def missing_list(number: int) -> CrmSetupError:
    """The sentence for a list that the settings name and Brevo doesn't have."""
    return CrmSetupError(
        f"Brevo has no list {number}, which the setting lists names: create it under"
        " Contacts > Lists, or correct the number, then run again."
    )


class Memberships:
    """Puts contacts on lists and takes them off.

    Args:
        api: The account.
        census: Who is in it.
    """

    def __init__(self, api: BrevoApi, census: Census) -> None:
        self._api = api
        self._census = census

    def set(self, memberships: Sequence[Membership]) -> list[Outcome]:
        """Bring memberships about; whoever left a list by their own will stays off it.

        Args:
            memberships: What is wanted.

        Returns:
            An outcome for each.
        """
        self._census.refresh(people_of(each.who for each in memberships))
        outcomes: dict[int, Outcome] = {}
        due: dict[tuple[int, bool], dict[int, int]] = {}
        for index, each in enumerate(memberships):
            number = list_number(each.list_id)
            held = self._contact(each.who)
            settled = _settled(held, number, is_member=each.is_member)
            if settled is not None:
                outcomes[index] = settled
            elif held is not None:
                due.setdefault((number, each.is_member), {})[index] = held.id
        for (number, is_member), ids in due.items():
            outcomes.update(self._change(number, ids, is_member=is_member))
        return [outcomes[index] for index in range(len(memberships))]

    def _contact(self, person: Person) -> Held | None:
        match = self._census.match(person)
        return match.own or next((each for each in match.holders if each.ext_id is None), None)

    def _change(self, number: int, ids: dict[int, int], *, is_member: bool) -> dict[int, Outcome]:
        path = f"/contacts/lists/{number}/contacts/{'add' if is_member else 'remove'}"
        indexes = list(ids)
        outcomes: dict[int, Outcome] = {}
        for start in range(0, len(indexes), MOST):
            chosen = indexes[start : start + MOST]
            answer = self._api.call("POST", path, json={"ids": [ids[index] for index in chosen]})
            if answer.status == _NOT_FOUND:
                raise missing_list(number)
            succeeded: set[Any] = set()
            # 400: all of them are on the list already, or none of them exists.
            if answer.status != _NOTHING_DONE:
                contacts = self._api.body(answer, "changing a list", 200, 201).get("contacts")
                succeeded = set((contacts or {}).get("success") or ())
            for index in chosen:
                done = ids[index] in succeeded or str(ids[index]) in succeeded
                outcomes[index] = (
                    self._note(ids[index], number, is_member=is_member)
                    if done
                    else self._looked_at(ids[index], number, is_member=is_member)
                )
        return outcomes

    def _note(self, contact_id: int, number: int, *, is_member: bool) -> Outcome:
        held = self._census.seen(contact_id)
        if held is not None:
            lists = held.lists | {number} if is_member else held.lists - {number}
            self._census.learn(replace(held, lists=frozenset(lists)))
        return Outcome("done", str(contact_id))

    def _looked_at(self, contact_id: int, number: int, *, is_member: bool) -> Outcome:
        held = self._census.read(str(contact_id), "contact_id")
        settled = _settled(held, number, is_member=is_member)
        return settled or Outcome("refused", str(contact_id), "", "not changed on the list")


def _settled(held: Held | None, number: int, *, is_member: bool) -> Outcome | None:
    """The outcome where nothing has to be done, or may be; None otherwise."""
    if held is None:
        reason = "the contact isn't in Brevo"
        return Outcome("refused", reason=reason) if is_member else Outcome("done")
    if is_member and number in held.left:
        return Outcome("opted_out", str(held.id), "email", LEFT_A_LIST)
    return Outcome("done", str(held.id)) if (number in held.lists) is is_member else None
