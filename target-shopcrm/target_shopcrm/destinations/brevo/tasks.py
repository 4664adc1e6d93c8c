"""Cues for staff: tasks of Brevo's sales platform, linked to the contact.

A task needs a type and a date. Tasks share the 100 calls an hour of "everything else", so a run
sends some, and leaves the rest to the next one.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from target_shopcrm.destinations.brevo.api import error_code
from target_shopcrm.destinations.brevo.census import people_of
from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.http import UncertainError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_shopcrm.destinations.brevo.api import BrevoApi
    from target_shopcrm.destinations.brevo.census import Census
    from target_shopcrm.destinations.items import Cue

MOST_A_RUN = 50
"""Half of what an hour allows; jobs have to be looked at as well."""
_LATER = Outcome("uncertain", reason="Brevo allows 100 calls an hour; a later run goes on")
_PREFERRED_TYPE = "todo"
_REFUSED = {400, 404, 415, 422}
_PAGE, _PAGES = 100, 10


class Tasks:
    """Gives staff their cues.

    Args:
        api: The account.
        census: Who is in it.
    """

    def __init__(self, api: BrevoApi, census: Census) -> None:
        self._api = api
        self._census = census
        self._left = MOST_A_RUN
        self._type: str | None = None

    def send(self, cues: Sequence[Cue], *, again: bool) -> list[Outcome]:
        """Create a task for each cue, once.

        Args:
            cues: Different ones.
            again: Whether some may have arrived before.

        Returns:
            An outcome for each.
        """
        if not cues:
            return []
        self._census.refresh(people_of(each.who for each in cues))
        there = set(self._markers()) if again else set[str]()
        return [DONE if marker(cue) in there else self._send(cue) for cue in cues]

    def _send(self, cue: Cue) -> Outcome:
        if self._left <= 0:
            return _LATER
        self._left -= 1
        match = self._census.match(cue.who)
        contact = match.own or next(iter(match.holders), None)
        contact_ids = [contact.id] if contact is not None else []
        body = self.body_of(cue, contact_ids)
        try:
            answer = self._api.call("POST", "/crm/tasks", json=body, repeatable=False)
        except UncertainError:
            if marker(cue) in set(self._markers()):
                return DONE
            return Outcome("uncertain", reason="the answer never came")
        if answer.status in _REFUSED:
            return Outcome("refused", reason=error_code(answer))
        self._api.body(answer, "creating a task", 200, 201)
        return DONE

    def body_of(self, cue: Cue, contact_ids: Sequence[int]) -> dict[str, Any]:
        """A cue as Brevo's task: due at noon UTC, which is the same day almost everywhere."""
        day = cue.due_on or datetime.now(timezone.utc).date()
        return {
            "name": cue.text,
            "taskTypeId": self._type_id(),
            "date": f"{day.isoformat()}T12:00:00Z",
            "contactsIds": list(contact_ids),
            "notes": marker(cue),
        }

    def _type_id(self) -> str:
        if self._type is None:
            answer = self._api.call("GET", "/crm/tasktypes")
            rows = answer.body if answer.ok and isinstance(answer.body, list) else []
            types = {str(row.get("title", "")).lower(): row.get("id") for row in rows}
            chosen = types.get(_PREFERRED_TYPE) or next(iter(types.values()), None)
            if not chosen:
                raise self._api.unexpected("listing the task types", answer)
            self._type = str(chosen)
        return self._type

    def _markers(self) -> Iterator[str]:
        """The notes of the newest tasks, where our ids are."""
        for page in range(_PAGES):
            params = {"limit": str(_PAGE), "offset": str(page * _PAGE), "sort": "desc"}
            answer = self._api.call("GET", "/crm/tasks", params=params)
            rows = self._api.body(answer, "listing tasks", 200).get("items") or []
            yield from (str(row.get("notes") or "") for row in rows)
            if len(rows) < _PAGE:
                return


def marker(cue: Cue) -> str:
    """What the notes of a cue's task say."""
    return f"ShopCRM {cue.external_id}"
