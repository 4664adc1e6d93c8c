"""Deleting people for good."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from target_shopcrm.destinations.brevo.addresses import IMPORT_UNDER_WAY
from target_shopcrm.destinations.crm import DONE, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_shopcrm.destinations.brevo.api import BrevoApi
    from target_shopcrm.destinations.brevo.census import Census
    from target_shopcrm.destinations.brevo.jobs import Imports
    from target_shopcrm.destinations.items import Person

_ATTEMPTS = 4
_DELETED, _BUSY = {204, 404}, {400, 405}


def erase(
    api: BrevoApi, census: Census, imports: Imports, people: Sequence[Person]
) -> list[Outcome]:
    """Delete whoever carries a person's id or one of the addresses, and look that they are gone.

    Args:
        api: The account.
        census: Who is in it.
        imports: Its jobs; one that is still queued could create them again.
        people: Whom.

    Returns:
        An outcome for each.
    """
    is_quiet = imports.all_ended(wait=False)
    outcomes = [_erased(api, census, person) for person in people]
    if is_quiet:
        return outcomes
    if imports.all_ended():
        return [_erased(api, census, person) for person in people]
    return [Outcome("uncertain", reason=IMPORT_UNDER_WAY)] * len(people)


def _erased(api: BrevoApi, census: Census, person: Person) -> Outcome:
    for identifier, kind in _identifiers(person):
        if not _is_gone(api, census, identifier, kind):
            return Outcome("uncertain", reason="the contact is still there")
    return DONE


def _identifiers(person: Person) -> Iterator[tuple[str, str]]:
    """All that may lead to the person: the address may be on a contact without our id."""
    if person.contact_id:
        yield person.external_id, "ext_id"
    if person.email:
        yield person.email, "email_id"
    if person.phone:
        yield person.phone, "phone_id"


def _is_gone(api: BrevoApi, census: Census, identifier: str, kind: str) -> bool:
    """Delete the contact that an identifier leads to; True once it leads nowhere."""
    wait = api.http.patience.poll
    for attempt in range(_ATTEMPTS):
        if attempt > 1:  # the first look after a deletion needn't wait
            time.sleep(wait)
            wait *= 2
        found = census.read(identifier, kind)
        if found is None:
            return True
        params = {"identifierType": "contact_id"}
        answer = api.call("DELETE", f"/contacts/{found.id}", params=params)
        if answer.status in _DELETED:
            census.drop(found.id)
        elif answer.status not in _BUSY:
            raise api.unexpected("deleting a contact", answer)
    return False
