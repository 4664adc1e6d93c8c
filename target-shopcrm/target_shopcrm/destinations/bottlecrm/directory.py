"""Finding contacts in BottleCRM: by our own id, or by reading the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_shopcrm.destinations.bottlecrm.consent import opt_outs_of
from target_shopcrm.destinations.bottlecrm.fields import POS_ID, Found
from target_shopcrm.errors import CrmUnavailableError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from target_shopcrm.destinations.bottlecrm.api import BottleApi

PAGE = 500
"""Contacts for each call; such a page takes the real server about a second."""
_ATTEMPTS = 5


class Directory:
    """The contacts of an organisation.

    No contact is remembered between two questions: people work in the CRM at the same time.

    Args:
        api: The API.
    """

    def __init__(self, api: BottleApi) -> None:
        self._api = api
        self._noticed: dict[tuple[str, str], str] = {}

    def noticed_at(self, found: Found, channel: str) -> str:
        """When a contact had last been changed as its opt-out was first seen in this run.

        Our own changes move `updated_at` too; what they moved it to says nothing about the
        person.
        """
        return self._noticed.get((found.id, channel), found.updated_at)

    def everybody(self) -> Iterator[Found]:
        """Read the whole list, newest first; a contact may come twice.

        A contact that is deleted meanwhile moves the later ones up, and one of them could slip
        through between two pages. So each page begins with the last contact of the one before;
        where that one isn't there any more, reading starts again.

        Raises:
            CrmUnavailableError: If the list never stands still.
        """
        for _ in range(_ATTEMPTS):
            offset, last = 0, ""
            while True:
                page, count = self._page(offset)
                ids = [contact.id for contact in page]
                if last and last not in ids:
                    break
                yield from page[ids.index(last) + 1 :] if last else page
                offset += len(page)
                if offset >= count or not page:
                    return
                offset, last = offset - 1, ids[-1]
        raise CrmUnavailableError(
            "BottleCRM's contacts are deleted faster than they can be read: run again when nobody"
            " is tidying up."
        )

    def by_external_id(self, wanted: Collection[str]) -> dict[str, Found]:
        """Find contacts by our own id.

        A few are asked for one by one, many are picked from the list, whichever takes fewer
        calls. New contacts stand first in the list, so reading back what was just written ends
        early.

        Args:
            wanted: Our ids.

        Returns:
            The contacts that exist, by our id. Of several with the same id, the newest.
        """
        left = set(wanted)
        if not left:
            return {}
        if len(left) == 1:
            return self._asked_for(left)
        page, count = self._page(0)
        if count > PAGE * (len(left) + 1):
            return self._asked_for(left)
        found: dict[str, Found] = {}
        for contact in self._from(page, count):
            if contact.external_id in left:
                found.setdefault(str(contact.external_id), contact)
                if len(found) == len(left):
                    break
        return found

    def by_id(self, wanted: Collection[str]) -> dict[str, Found]:
        """Read contacts again by BottleCRM's ids; those that are gone are left out."""
        if len(wanted) == 1:
            found = [self._detail(each) for each in wanted]
            return {each.id: each for each in found if each is not None}
        left = set(wanted)
        return {each.id: each for each in self.everybody() if each.id in left} if left else {}

    def _detail(self, contact_id: str) -> Found | None:
        body = self._api.find(f"/contacts/{contact_id}/")
        return None if body is None else self._found(body["contact_obj"])

    def _asked_for(self, wanted: Collection[str]) -> dict[str, Found]:
        found: dict[str, Found] = {}
        for external_id in wanted:
            body = self._api.get("/contacts/", {f"cf_{POS_ID}": external_id, "limit": str(PAGE)})
            contacts = [self._found(row) for row in body["results"]]
            if contacts:
                found[external_id] = contacts[0]
        return found

    def _from(self, page: list[Found], count: int) -> Iterator[Found]:
        yield from page if len(page) >= count else self.everybody()

    def _page(self, offset: int) -> tuple[list[Found], int]:
        body = self._api.get("/contacts/", {"limit": str(PAGE), "offset": str(offset)})
        return [self._found(row) for row in body["results"]], int(body["count"])

    def _found(self, row: dict[str, Any]) -> Found:
        found = msgspec.convert({**row, "custom": row.get("custom_fields") or {}}, Found)
        for said in opt_outs_of(found):
            self._noticed.setdefault((found.id, said.channel), found.updated_at)
        return found
