"""Lists: static segments of the audience, which is what Mailchimp's tags are underneath.

Mailchimp ignores addresses that aren't in the audience without a word, and mentions only those
that were added or taken off. Whoever isn't mentioned is looked up in the segment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.mailchimp.account import BAD_REQUEST, NOT_FOUND
from target_shopcrm.destinations.mailchimp.audience import (
    PAGE,
    PER_CALL,
    hash_of,
)
from target_shopcrm.destinations.mailchimp.contacts import NO_EMAIL
from target_shopcrm.errors import CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from target_shopcrm.destinations.items import Membership
    from target_shopcrm.destinations.mailchimp.account import Account

_Numbered = tuple[int, "Membership"]


class _Id(Struct, frozen=True):
    id: str


class _Members(Struct, frozen=True):
    members: list[_Id]


class _Changed(Struct, frozen=True):
    members_added: list[_Id] = []
    members_removed: list[_Id] = []


class _Segment(Struct, frozen=True):
    id: int


class _Segments(Struct, frozen=True):
    segments: list[_Segment]


class Segments:
    """Puts members into static segments and takes them out.

    Args:
        account: The account.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def check(self, list_ids: Iterable[str]) -> None:
        """Make sure that the segments exist: one call.

        Raises:
            CrmSetupError: If one doesn't, or isn't static.
        """
        query = {"type": "static", "count": "1000", "fields": "segments.id"}
        found = self._account.read(
            f"{self._account.audience}/segments",
            _Segments,
            query,
            missing="Mailchimp has no audience with this audience_id: correct it, then run again.",
        )
        static = {str(each.id) for each in found.segments}
        for list_id in sorted(set(list_ids)):
            if list_id not in static:
                raise _missing(list_id)

    def change(self, memberships: Sequence[Membership]) -> list[Outcome]:
        """Put people into segments and take them out.

        Args:
            memberships: Of people who are in the audience.

        Returns:
            Their outcomes, in order.
        """
        outcomes = [Outcome("skipped", reason=NO_EMAIL)] * len(memberships)
        by_list: dict[str, list[_Numbered]] = {}
        for index, membership in enumerate(memberships):
            if membership.who.email:
                by_list.setdefault(membership.list_id, []).append((index, membership))
            elif not membership.is_member:
                outcomes[index] = self._take_off_nameless(membership)
        for list_id, numbered in by_list.items():
            for outcome_of, outcome in self._change_one(list_id, numbered):
                outcomes[outcome_of] = outcome
        return outcomes

    def _change_one(self, list_id: str, numbered: list[_Numbered]) -> Iterator[tuple[int, Outcome]]:
        open_ends: list[_Numbered] = []
        for part in _parts(numbered):
            changed = self._write(list_id, part)
            confirmed = {each.id for each in (*changed.members_added, *changed.members_removed)}
            for index, membership in part:
                if hash_of(membership.who) in confirmed:
                    yield index, DONE
                else:
                    open_ends.append((index, membership))
        if open_ends:
            inside = self._inside(list_id)
            for index, membership in open_ends:
                is_inside = hash_of(membership.who) in inside
                if is_inside == membership.is_member:
                    yield index, DONE
                elif is_inside:
                    yield index, Outcome("uncertain", reason="still on the list")
                else:
                    yield index, Outcome("refused", reason="the person is not in the audience")

    def _write(self, list_id: str, part: list[_Numbered]) -> _Changed:
        answer = self._account.call(
            "POST",
            self._path(list_id),
            json={
                "members_to_add": [each.who.email for _, each in part if each.is_member],
                "members_to_remove": [each.who.email for _, each in part if not each.is_member],
            },
        )
        if answer.status == NOT_FOUND:
            raise _missing(list_id)
        if answer.status == BAD_REQUEST:
            if len(part) == 1:
                return _Changed()
            half = len(part) // 2
            one, other = self._write(list_id, part[:half]), self._write(list_id, part[half:])
            return _Changed(
                [*one.members_added, *other.members_added],
                [*one.members_removed, *other.members_removed],
            )
        return self._account.decoded(answer, _Changed, "POST the members of a segment")

    def _inside(self, list_id: str) -> set[str]:
        """The ids of all members of a segment, whatever their status."""
        found: set[str] = set()
        while True:
            before = len(found)
            page = self._account.read(
                f"{self._path(list_id)}/members",
                _Members,
                {
                    "count": str(PAGE),
                    "offset": str(before),
                    "fields": "members.id",
                    "include_cleaned": "true",
                    "include_transactional": "true",
                    "include_unsubscribed": "true",
                },
                missing=str(_missing(list_id)),
            ).members
            found |= {each.id for each in page}
            if len(page) < PAGE or len(found) == before:
                return found

    def _take_off_nameless(self, membership: Membership) -> Outcome:
        """Take somebody off of whom only the former member is known."""
        if membership.who.remote_id:
            path = f"{self._path(membership.list_id)}/members/{membership.who.remote_id}"
            answer = self._account.call("DELETE", path)
            if answer.status == BAD_REQUEST:
                return Outcome("refused", reason="not a valid member")
        return DONE

    def _path(self, list_id: str) -> str:
        return f"{self._account.audience}/segments/{quote(list_id, safe='')}"


def _missing(list_id: str) -> CrmSetupError:
    return CrmSetupError(
        f"Mailchimp's audience has no static segment or tag with the id {list_id}: correct the"
        " setting lists (Mailchimp's page in docs/crms says where the id is), then run again."
    )


def _parts(numbered: list[_Numbered]) -> Iterator[list[_Numbered]]:
    """Parts with at most 500 to add and 500 to take off, the most that one call takes."""
    adding = [each for each in numbered if each[1].is_member]
    removing = [each for each in numbered if not each[1].is_member]
    for start in range(0, max(len(adding), len(removing)), PER_CALL):
        yield [*adding[start:][:PER_CALL], *removing[start:][:PER_CALL]]
