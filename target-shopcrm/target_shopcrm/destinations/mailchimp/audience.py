"""The members of the audience: who they are, read and written as few calls as possible.

A member *is* an e-mail address; its id is the MD5 of the address in lower case.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from msgspec import Struct, field

from target_shopcrm.destinations.mailchimp.account import BAD_REQUEST, NOT_FOUND

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from target_shopcrm.destinations.items import Person
    from target_shopcrm.destinations.mailchimp.account import Account

PER_CALL = 500
PAGE = 1_000
SUBSCRIBED, UNSUBSCRIBED, CLEANED = "subscribed", "unsubscribed", "cleaned"
MAILABLE = frozenset({SUBSCRIBED, "pending"})
"""A pending member is one click on a mail that is out already from being subscribed."""
REFUSING = frozenset({UNSUBSCRIBED, CLEANED})
ANYHOW = {"skip_merge_validation": "true"}
"""A field the owner made mandatory must not stop a withdrawal, nor anything else."""
ARCHIVED = "archived"
"""Not listed, not written to; still there for whoever asks for it by id."""
_WORTH_A_PAGE = 10
"""As many single reads take about as long as a page of 1,000."""
_WANTED = ("id", "email_address", "status", "last_changed", "unsubscribe_reason", "merge_fields")
_COLUMNS = ",".join([*(f"members.{each}" for each in (*_WANTED, "tags")), "total_items"])
_NO_AUDIENCE = (
    "Mailchimp has no audience with this audience_id: look it up under Audience, Settings,"
    " Audience ID, then run again."
)


class Tag(Struct, frozen=True):
    """A tag; underneath, Mailchimp keeps tags as static segments with the same id."""

    id: int


class Member(Struct, frozen=True):
    """One e-mail address in the audience.

    Attributes:
        id: The subscriber hash.
        email_address: None for people whom Mailchimp only texts.
        last_changed: When anything about it changed last, not only its status.
        unsubscribe_reason: Mailchimp's word; ``N/A (Unsubscribed by admin)`` if it was by API.
        tags: 50 at most.
    """

    id: str
    email_address: str | None = None
    status: str = ""
    last_changed: str | None = None
    unsubscribe_reason: str | None = None
    merge_fields: dict[str, object] = {}
    tags: list[Tag] = []

    @property
    def changed_at(self) -> datetime | None:
        """When it changed last, None if Mailchimp doesn't say."""
        return _time(self.last_changed)


class _Page(Struct, frozen=True):
    members: list[Member]
    total_items: int


class Refusal(Struct, frozen=True):
    """Why one member of a batch was refused."""

    email_address: str = ""
    error: str = ""
    error_code: str = ""
    field: str | None = None

    @property
    def is_persons_own(self) -> bool:
        """Whether the person (or a bounce, or an erasure) stands against it for good.

        Mailchimp has no code for it, only these sentences ("Member In Compliance State",
        "Forgotten Email Not Subscribed").
        """
        text = self.error.lower()
        return "compliance state" in text or "permanently deleted" in text


class Written(Struct, frozen=True):
    """What became of a batch; a member may be missing from all three."""

    new_members: list[Member] = []
    updated_members: list[Member] = []
    errors: list[Refusal] = field(default_factory=list)


def subscriber_hash(email: str) -> str:
    """The id of the member with an address."""
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


def hash_of(person: Person) -> str | None:
    """The id of the member that a person is: by address, else as Mailchimp told it last."""
    return subscriber_hash(person.email) if person.email else person.remote_id


class Audience:
    """Reads and writes members.

    Args:
        account: The account.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._size = 0

    def member(self, member_id: str) -> Member | None:
        """Read one member, archived ones too; None if there is none."""
        answer = self._account.call("GET", self.path(member_id))
        if answer.status == NOT_FOUND:
            return None
        return self._account.decoded(answer, Member, "GET a member")

    def members(self, member_ids: Collection[str]) -> dict[str, Member]:
        """Read members in as few calls as possible: each by itself, or the whole audience.

        Args:
            member_ids: Their ids.

        Returns:
            Those that exist. Archived ones may be missing; nobody writes to them.
        """
        wanted = set(member_ids)
        if self._is_worth_a_page(len(wanted)):
            first = self._page(_ordered(None), 0)
            self._size = first.total_items
            if self._is_worth_a_page(len(wanted)):
                return {each.id: each for each in self._from(first, {}) if each.id in wanted}
        found = (self.member(each) for each in sorted(wanted))
        return {each.id: each for each in found if each}

    def changed(self, status: str, since: datetime | None) -> Iterator[Member]:
        """Read the members with a status that changed at a time or later, oldest first.

        Args:
            status: Mailchimp's.
            since: None reads all.

        Yields:
            Members; one that changes meanwhile may come twice.
        """
        query = {"status": status}
        first = self._page({**query, **_ordered(since)}, 0)
        yield from self._from(first, query, since)

    def write(self, members: list[dict[str, object]]) -> Written | None:
        """Write up to 500 members, each with its status.

        Args:
            members: As the batch call takes them.

        Returns:
            What became of each, or None if Mailchimp refused the call as a whole.
        """
        answer = self._account.call(
            "POST",
            self._account.audience,
            json={"members": members, "update_existing": True, "sync_tags": False},
            params=ANYHOW,
        )
        if answer.status == BAD_REQUEST:
            return None
        return self._account.decoded(answer, Written, "POST a batch of members")

    def path(self, member_id: str) -> str:
        """Where a member is."""
        return f"{self._account.audience}/members/{member_id}"

    def _is_worth_a_page(self, wanted: int) -> bool:
        """Whether reading the whole audience, as large as we know it to be, is cheaper."""
        pages = max(1, -(-self._size // PAGE))
        return wanted > pages * _WORTH_A_PAGE

    def _from(
        self, page: _Page, query: Mapping[str, str], since: datetime | None = None
    ) -> Iterator[Member]:
        """Go on from a page by time, not by number: a member that changes moves to the end.

        Paging by number would then skip another one. Only where more than a page changed in
        the same second do we count.
        """
        offset = 0
        while True:
            yield from page.members
            if not page.members or offset + len(page.members) >= page.total_items:
                return
            newest = page.members[-1].changed_at
            if newest and (since is None or newest > since):
                since, offset = newest, 0
            else:
                offset += len(page.members)
            page = self._page({**query, **_ordered(since)}, offset)

    def _page(self, query: Mapping[str, str], offset: int) -> _Page:
        return self._account.read(
            f"{self._account.audience}/members",
            _Page,
            {**query, "count": str(PAGE), "offset": str(offset), "fields": _COLUMNS},
            missing=_NO_AUDIENCE,
        )


def _ordered(since: datetime | None) -> dict[str, str]:
    order = {"sort_field": "last_changed", "sort_dir": "ASC"}
    if since is None:
        return order
    # "Changed after": a second less makes it inclusive, for that is how finely Mailchimp counts.
    after = since.astimezone(timezone.utc) - timedelta(seconds=1)
    return {**order, "since_last_changed": after.isoformat(timespec="seconds")}


def _time(text: str | None) -> datetime | None:
    try:
        at = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)
