"""Who is in the account: read in pages of 1,000, kept for one run, and brought up to date.

Brevo can't look up many contacts by address or by our id; it can only page through all of them,
or through those that changed since a moment. So the first question of a run reads the account
(a thousand contacts a call), and every later one only what changed since. Where a few contacts
are asked for in a big account, each is read alone instead: whatever takes fewer calls.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from msgspec.structs import replace

from target_shopcrm.destinations.brevo.held import Held, held
from target_shopcrm.errors import CrmUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_shopcrm.destinations.brevo.api import BrevoApi
    from target_shopcrm.destinations.items import Person

PAGE = 1_000
"""Contacts in a page, at most (SDK, ``get_contacts``)."""
_OVERLAP = timedelta(seconds=5)
"""What may lie between Brevo's clock and the moment a change becomes visible."""
_READS_EACH = 3
"""Reading one person alone takes a call by our id and one by each address."""
_ATTEMPTS = 5


class Match(NamedTuple):
    """The contacts of Brevo that a person may be.

    Attributes:
        own: The one that carries our id, or that Brevo's id of last time leads to.
        by_email: The one with the person's e-mail address.
        by_phone: The one with the person's phone number.
    """

    own: Held | None
    by_email: Held | None
    by_phone: Held | None

    @property
    def holders(self) -> list[Held]:
        """Each of them once."""
        return list({each.id: each for each in self if each is not None}.values())


class _Page(NamedTuple):
    contacts: list[Held]
    total: int
    at: datetime


class Census:
    """The contacts of one account.

    Args:
        api: The account.
    """

    def __init__(self, api: BrevoApi) -> None:
        self._api = api
        self._as_of: datetime | None = None
        self._pages: int | None = None
        self._by_id: dict[int, Held] = {}
        self._by_ext: dict[str, int] = {}
        self._by_email: dict[str, int] = {}
        self._by_phone: dict[str, int] = {}

    def refresh(self, people: Sequence[Person]) -> None:
        """Get up to date about people, in as few calls as possible.

        Args:
            people: Those that will be asked for.
        """
        if not people:
            return
        if self._as_of is not None:
            self.catch_up()
            return
        if not self._is_cheaper_alone(people):
            self._load(people)
        if self._as_of is None:
            for person in people:
                self._read_alone(person)

    def catch_up(self) -> None:
        """Read what changed since the last reading, if there was a whole one."""
        if self._as_of is not None:
            self._as_of = self._sweep(self._as_of)

    def seen(self, contact_id: int) -> Held | None:
        """A contact as last seen."""
        return self._by_id.get(contact_id)

    def match(self, person: Person) -> Match:
        """The contacts a person may be, as last seen."""
        own = self._of(self._by_ext.get(person.external_id)) if person.contact_id else None
        if own is None and person.remote_id is not None and person.remote_id.isdigit():
            last_time = self._of(int(person.remote_id))
            # An id that a merge handed to somebody else leads nowhere.
            own = last_time if last_time is not None and last_time.ext_id is None else None
        email, phone = person.email, person.phone
        return Match(
            own,
            self._of(self._by_email.get(email.lower())) if email else None,
            self._of(self._by_phone.get(phone)) if phone else None,
        )

    def holder(self, channel: str, address: str) -> Held | None:
        """The contact with an address, as last seen."""
        found = self._by_email.get(address.lower()) if channel == "email" else None
        return self._of(self._by_phone.get(address) if channel == "sms" else found)

    def changed_since(self, since: str | None) -> tuple[list[Held], datetime]:
        """Read the contacts that changed, or all of them.

        Args:
            since: A moment in RFC 3339, or None for all.

        Returns:
            The contacts, and Brevo's time when the reading began.
        """
        if since is None:
            self._as_of = self._sweep(None)
            return list(self._by_id.values()), self._as_of
        moment = datetime.fromisoformat(since)
        return self._pages_since(moment)

    def read(self, identifier: str, kind: str) -> Held | None:
        """Read one contact alone: the definite answer.

        Args:
            identifier: Its number, our id or an address.
            kind: ``contact_id``, ``ext_id``, ``email_id`` or ``phone_id``.

        Returns:
            The contact, None if there is none.
        """
        path = f"/contacts/{quote(identifier, safe='')}"
        answer = self._api.call("GET", path, params={"identifierType": kind})
        if answer.status in {400, 404}:  # 400: no contact can have such an address
            self._forget(identifier, kind)
            return None
        found = held(self._api.body(answer, "reading a contact", 200))
        if found is None:
            raise self._api.unexpected("reading a contact", answer)
        if found.ext_id is None and kind == "ext_id":
            found = replace(found, ext_id=identifier)
        self.learn(found)
        return found

    def learn(self, found: Held) -> None:
        """Keep what was just seen of a contact."""
        self.drop(found.id)
        self._by_id[found.id] = found
        if found.ext_id:
            self._by_ext[found.ext_id] = found.id
        if found.email:
            self._by_email[found.email] = found.id
        if found.phone:
            self._by_phone[found.phone] = found.id

    def drop(self, contact_id: int) -> None:
        """Forget a contact that is gone."""
        before = self._by_id.pop(contact_id, None)
        if before is None:
            return
        for index, key in (
            (self._by_ext, before.ext_id),
            (self._by_email, before.email),
            (self._by_phone, before.phone),
        ):
            if key is not None and index.get(key) == contact_id:
                del index[key]

    def _of(self, contact_id: int | None) -> Held | None:
        return None if contact_id is None else self._by_id.get(contact_id)

    def _is_cheaper_alone(self, people: Sequence[Person]) -> bool:
        return self._pages is not None and self._pages > _READS_EACH * len(people)

    def _load(self, people: Sequence[Person]) -> None:
        """Read the whole account, unless its first page shows that it is too big for so few."""
        first = self._page({}, 0)
        self._pages = -(-first.total // PAGE)
        if not self._is_cheaper_alone(people):
            self._as_of = self._sweep(None, first)

    def _read_alone(self, person: Person) -> None:
        if person.contact_id:
            self.read(person.external_id, "ext_id")
        if person.email:
            self.read(person.email, "email_id")
        if person.phone:
            self.read(person.phone, "phone_id")

    def _forget(self, identifier: str, kind: str) -> None:
        if kind == "contact_id":
            self.drop(int(identifier))
            return
        index = {
            "ext_id": self._by_ext,
            "email_id": self._by_email,
            "phone_id": self._by_phone,
        }[kind]
        contact_id = index.get(identifier.lower() if kind == "email_id" else identifier)
        if contact_id is not None:
            self.drop(contact_id)

    def _sweep(self, since: datetime | None, first: _Page | None = None) -> datetime:
        found, as_of = self._pages_since(since, first)
        for each in found:
            self.learn(each)
        return as_of

    def _pages_since(
        self, since: datetime | None, first: _Page | None = None
    ) -> tuple[list[Held], datetime]:
        """Page through contacts, and begin anew if one was deleted in between.

        Pages are counted, so a deletion would move a contact from the next page into the one
        just read, unseen. Each page therefore begins with the last contact of the one before.
        """
        for _ in range(_ATTEMPTS):
            whole = self._one_pass(since, first)
            if whole is not None:
                return whole
            first = None
        raise CrmUnavailableError(
            "Contacts were being deleted in Brevo all the while they were read: wait until that"
            " has ended, then run again."
        )

    def _one_pass(
        self, since: datetime | None, first: _Page | None
    ) -> tuple[list[Held], datetime] | None:
        params = {} if since is None else {"modifiedSince": _moment(since - _OVERLAP)}
        page = first or self._page(params, 0)
        as_of, offset = page.at, 0
        found = {each.id: each for each in page.contacts}
        while len(page.contacts) >= PAGE:
            last = page.contacts[-1].id
            offset += PAGE - 1
            page = self._page(params, offset)
            if last not in {each.id for each in page.contacts}:
                return None
            found.update((each.id, each) for each in page.contacts)
        return list(found.values()), as_of

    def _page(self, params: Mapping[str, str], offset: int) -> _Page:
        paging = {"limit": str(PAGE), "offset": str(offset), "sort": "asc"}
        answer = self._api.call("GET", "/contacts", params={**params, **paging})
        body = self._api.body(answer, "listing contacts", 200)
        rows, count = body.get("contacts"), body.get("count")
        contacts = [held(row) for row in rows] if isinstance(rows, list) else [None]
        known = [each for each in contacts if each is not None]
        if len(known) < len(contacts) or not isinstance(count, int):
            raise self._api.unexpected("listing contacts", answer)
        return _Page(known, count, _sent_at(answer.headers.get("Date")))


def people_of(items: Iterable[Person]) -> list[Person]:
    """Each person once, however many items concern them."""
    return list({(each.external_id, *each.addresses.values()): each for each in items}.values())


def _moment(at: datetime) -> str:
    return at.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sent_at(date_header: str | None) -> datetime:
    """Brevo's own clock; ours where a proxy took the header away, which the overlap can't heal."""
    if date_header:
        try:
            return parsedate_to_datetime(date_header)
        except ValueError:
            pass
    return datetime.now(timezone.utc) - timedelta(minutes=5)
