"""Erasing people: the member for good, and what the store knows of the customer.

Mailchimp then refuses to import the address again; that it was ever there can't be seen any more,
which is why the proof of the erasure is kept elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.mailchimp.account import BAD_REQUEST
from target_shopcrm.destinations.mailchimp.audience import hash_of
from target_shopcrm.destinations.mailchimp.fields import OWNER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_shopcrm.destinations.items import Person
    from target_shopcrm.destinations.mailchimp.account import Account
    from target_shopcrm.destinations.mailchimp.audience import Audience
    from target_shopcrm.destinations.mailchimp.store import Store


def erase(account: Account, audience: Audience, store: Store, person: Person) -> Outcome:
    """Erase a person.

    Args:
        account: The account.
        audience: Its members.
        store: Its orders.
        person: Whom; by address, and by the member that the person was last.

    Returns:
        ``done`` once reading finds nothing any more, also where there was nothing.
    """
    for member_id in _ids(audience, person):
        answer = account.call("POST", f"{audience.path(member_id)}/actions/delete-permanent")
        if answer.status == BAD_REQUEST:
            return Outcome("refused", reason="Mailchimp doesn't delete this member")
        if audience.member(member_id) is not None or not store.forget(member_id):
            return Outcome("uncertain", reason="still there after it was deleted")
    return DONE


def _ids(audience: Audience, person: Person) -> Iterator[str]:
    """The members that are the person; one of a former address only if it is nobody else's."""
    current = hash_of(person)
    if current:
        yield current
    former = person.remote_id
    if former and former != current:
        member = audience.member(former)
        if member and member.merge_fields.get(OWNER) in {person.external_id, "", None}:
            yield former
