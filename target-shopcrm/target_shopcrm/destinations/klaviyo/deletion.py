"""Erasing people for good: one deletion job for each profile, and looking until it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.klaviyo.account import Endpoint
from target_shopcrm.destinations.klaviyo.batches import complaints_of
from target_shopcrm.destinations.klaviyo.profiles import our_ids, pairs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.destinations.items import Person
    from target_shopcrm.destinations.klaviyo.account import Account
    from target_shopcrm.destinations.klaviyo.profiles import Profiles

DELETE = Endpoint("POST", "/api/data-privacy-deletion-jobs", 3, 60, "data-privacy:write")
_GONE = 404


class Deletion:
    """Data privacy deletions.

    Args:
        account: The account.
        profiles: Its profiles.
    """

    def __init__(self, account: Account, profiles: Profiles) -> None:
        self._account = account
        self._profiles = profiles

    def erase(self, people: Sequence[Person]) -> list[Outcome]:
        """Erase people; see `CrmDestination.erase`.

        Every profile goes that has our id or one of the addresses: Klaviyo may hold a person
        more than once. A job takes exactly one identifier, so each profile is deleted by its
        own id.
        """
        doomed = self._profiles_of(people)
        refused: dict[str, str] = {}
        for profile_id in sorted({each for ids in doomed for each in ids}):
            code = self._delete(profile_id)
            if code is not None:
                refused[profile_id] = code
        waiting = {each for ids in doomed for each in ids} - refused.keys()

        def look() -> bool | None:
            there = {profile.id for profile in self._profiles.by("id", sorted(waiting))}
            waiting.intersection_update(there)
            return None if waiting else True

        if waiting:
            self._account.wait_for(look, self._account.patience.job)
        return [_outcome(ids, refused, waiting) for ids in doomed]

    def _profiles_of(self, people: Sequence[Person]) -> list[set[str]]:
        by_our_id: dict[str | None, set[str]] = {}
        for profile in self._profiles.by("external_id", our_ids(people)):
            by_our_id.setdefault(profile.attributes.external_id, set()).add(profile.id)
        at = self._profiles.at(pair for who in people for pair in pairs_of(who))
        return [
            {at[pair].id for pair in pairs_of(who) if pair in at}
            | (by_our_id.get(who.external_id, set()) if who.contact_id else set())
            for who in people
        ]

    def _delete(self, profile_id: str) -> str | None:
        """Ask for a deletion; the answer is why it was refused, if it was."""
        profile = {"type": "profile", "id": profile_id, "attributes": {}}
        attributes = {"profile": {"data": profile}}
        job = {"data": {"type": "data-privacy-deletion-job", "attributes": attributes}}
        answer = self._account.call(DELETE, json=job)
        if answer.ok or answer.status == _GONE:
            return None
        if complaints := complaints_of(answer):
            return complaints[0].refusal.code
        raise self._account.api.unexpected("a deletion", answer)


def _outcome(ids: set[str], refused: dict[str, str], waiting: set[str]) -> Outcome:
    if codes := [refused[each] for each in sorted(ids) if each in refused]:
        return Outcome("refused", reason=codes[0])
    if ids & waiting:
        return Outcome("uncertain", reason="the deletion was accepted but has not happened yet")
    return DONE
