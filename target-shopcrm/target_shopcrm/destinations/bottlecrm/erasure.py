"""Erasing people from BottleCRM for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.destinations.bottlecrm.tasks import delete_cues
from target_shopcrm.destinations.crm import DONE, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.destinations.bottlecrm.api import BottleApi
    from target_shopcrm.destinations.bottlecrm.directory import Directory
    from target_shopcrm.destinations.bottlecrm.fields import Found
    from target_shopcrm.destinations.items import Person

_STILL_THERE = Outcome("uncertain", reason="BottleCRM still has the contact")


def erase(api: BottleApi, directory: Directory, people: Sequence[Person]) -> list[Outcome]:
    """Delete every contact that is one of the people or bears an address of theirs.

    A phone number may be a household's: a contact of somebody else loses the number, and stays.

    Args:
        api: The API.
        directory: Finds contacts.
        people: Whom.

    Returns:
        Done for those of whom nothing is left.
    """
    if not people:
        return []
    ids = {each.external_id for each in people if each.contact_id}
    addresses = {pair for each in people for pair in _addresses(each)}
    for found in {each.id: each for each in directory.everybody()}.values():
        shared = found.addresses & addresses
        if found.external_id in ids or _is_theirs(found, shared):
            delete_cues(api, found.id)
            api.delete(f"/contacts/{found.id}/")
        elif shared:
            api.change(f"/contacts/{found.id}/", {"phone": ""})
    left = list(directory.everybody())
    ids_left = {each.external_id for each in left}
    addresses_left = {pair for each in left for pair in each.addresses}
    return [
        _STILL_THERE
        if (each.contact_id and each.external_id in ids_left) or _addresses(each) & addresses_left
        else DONE
        for each in people
    ]


def _addresses(person: Person) -> set[tuple[str, str]]:
    found = {("email", (person.email or "").lower()), ("sms", person.phone or "")}
    return {(channel, address) for channel, address in found if address}


def _is_theirs(found: Found, shared: frozenset[tuple[str, str]]) -> bool:
    """Whether an address in common makes a contact one of the people."""
    if any(channel == "email" for channel, _ in shared):
        return True
    return bool(shared) and not found.email and not found.external_id
