"""Putting profiles on lists and taking them off; neither changes anybody's consent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.klaviyo.account import Endpoint, Page
from target_shopcrm.destinations.klaviyo.batches import (
    REFUSALS,
    grouped,
    in_chunks,
    send_apart,
)
from target_shopcrm.destinations.klaviyo.profiles import any_of
from target_shopcrm.errors import CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_shopcrm.destinations.http import Answer
    from target_shopcrm.destinations.items import Membership
    from target_shopcrm.destinations.klaviyo.account import Account
    from target_shopcrm.destinations.klaviyo.batches import Refusal
    from target_shopcrm.destinations.klaviyo.profiles import Profiles

PER_CALL = 1_000
_LISTS_PER_PAGE = 10
_WRITE = "lists:write, profiles:write"
_READ = "lists:read, profiles:read"
_MEMBERS = "/api/lists/{}/relationships/profiles"
LISTS = Endpoint("GET", "/api/lists", 75, 750, _READ)
MEMBERS = Endpoint("GET", _MEMBERS, 75, 750, _READ)
ADD = Endpoint("POST", _MEMBERS, 10, 150, _WRITE)
REMOVE = Endpoint("DELETE", _MEMBERS, 10, 150, _WRITE)
_NO_PROFILE = Outcome("refused", reason="no profile in Klaviyo")
_MISSING = 404


class _Id(msgspec.Struct, frozen=True):
    id: str


class _Ids(Page, frozen=True, kw_only=True):
    data: list[_Id]


class Lists:
    """The lists of an account.

    Args:
        account: The account.
        profiles: Its profiles.
    """

    def __init__(self, account: Account, profiles: Profiles) -> None:
        self._account = account
        self._profiles = profiles

    def check(self, list_ids: Iterable[str]) -> None:
        """See that lists are there: one call for ten of them.

        Raises:
            CrmSetupError: If one is missing.
        """
        wanted = sorted(set(list_ids))
        for start in range(0, len(wanted), _LISTS_PER_PAGE):
            part = wanted[start : start + _LISTS_PER_PAGE]
            params = {"filter": next(any_of("id", part)), "fields[list]": "name"}
            found = {
                each.id
                for page in self._account.pages(LISTS, _Ids, params=params)
                for each in page.data
            }
            for list_id in part:
                if list_id not in found:
                    raise _missing(list_id)

    def members(self, list_id: str, emails: Iterable[str]) -> set[str]:
        """Find out who of some people is on a list.

        Args:
            list_id: The list.
            emails: The addresses of the people.

        Returns:
            The ids of the profiles that are.
        """
        params = {"page[size]": "100"}
        return {
            each.id
            for filtered in any_of("email", emails)
            for page in self._account.pages(
                MEMBERS, _Ids, list_id, params={**params, "filter": filtered}
            )
            for each in page.data
        }

    def set(self, memberships: Sequence[Membership]) -> list[Outcome]:
        """Put on and take off; see `CrmDestination.set_memberships`."""
        profiles = self._profiles.of([each.who for each in memberships])
        outcomes: dict[int, Outcome] = {}
        known: list[tuple[int, str]] = []
        for position, profile in enumerate(profiles):
            if profile is not None:
                known.append((position, profile.id))
            else:
                is_member = memberships[position].is_member
                outcomes[position] = _NO_PROFILE if is_member else DONE
        groups = grouped(
            known, lambda each: (memberships[each[0]].list_id, memberships[each[0]].is_member)
        )
        for (list_id, is_member), group in groups.items():
            members = [known[index] for index in group]
            ids = list(dict.fromkeys(profile_id for _, profile_id in members))
            refused = self._send(list_id, ADD if is_member else REMOVE, ids)
            for position, profile_id in members:
                refusal = refused.get(profile_id)
                outcomes[position] = (
                    Outcome("done", remote_id=profile_id)
                    if refusal is None
                    else Outcome("refused", reason=refusal.code)
                )
        return [outcomes[position] for position in range(len(memberships))]

    def _send(self, list_id: str, endpoint: Endpoint, ids: Sequence[str]) -> dict[str, Refusal]:
        def post(part: Sequence[str]) -> Answer:
            data = [{"type": "profile", "id": each} for each in part]
            answer = self._account.call(endpoint, list_id, json={"data": data})
            if answer.status == _MISSING:  # the list, or a profile that went this very moment?
                self.check([list_id])
            return answer

        refused = {}
        for chunk in in_chunks([0] * len(ids), PER_CALL):
            part = [ids[index] for index in chunk]
            found = send_apart(
                part,
                post,
                lambda answer: self._account.api.unexpected("a change of a list", answer),
                REFUSALS | {_MISSING},
            )
            refused.update({part[index]: refusal for index, refusal in found.items()})
        return refused


def _missing(list_id: str) -> CrmSetupError:
    return CrmSetupError(
        f"Klaviyo has no list {list_id}: create it, or correct the setting lists, then run again."
    )
