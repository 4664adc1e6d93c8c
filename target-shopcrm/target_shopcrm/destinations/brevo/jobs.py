"""Imports: accepted first, done later. How to start one, and how to know that it ended.

Looking at a job counts against the 100 calls an hour that everything but contacts shares, so
the looks grow apart to 20 seconds.
"""

from __future__ import annotations

import time
from enum import Enum
from typing import TYPE_CHECKING, Any

from target_shopcrm.destinations.http import UncertainError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_shopcrm.destinations.brevo.api import BrevoApi

MOST = 10_000
"""Contacts in one import. Brevo limits its size only; this keeps a job's read-back short."""
MOST_BYTES = 8_000_000
"""Brevo takes 10 MB and recommends 8 (SDK, ``import_contacts``)."""
_IMPORT = "IMPORTUSER"
_RUNNING = {"queued", "in_process", "processing"}
_LONGEST_POLL = 20.0
_NEWEST = "50"


class Ending(Enum):
    """How a job ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Imports:
    """The import jobs of an account.

    Args:
        api: The account.
    """

    def __init__(self, api: BrevoApi) -> None:
        self._api = api
        self._is_settled = False

    def start(self, rows: Sequence[dict[str, Any]]) -> int | None:
        """Start an import into the list of everybody; it only creates contacts.

        Whether an import that updates lifts a blocklisting isn't documented, so it isn't allowed
        to: not even if somebody turns up, and says no, between our look and the job. Nor does it
        say ``emailBlacklist``, which would concern every row, or ``emptyContactsAttributes``,
        which would wipe what the shop owner added.

        Args:
            rows: The contacts.

        Returns:
            The job's number, or None if Brevo refuses the whole of it.

        Raises:
            UncertainError: If it may have been started.
        """
        body = {
            "jsonBody": list(rows),
            "listIds": [self._api.everybody],
            "updateExistingContacts": False,
            "emptyContactsAttributes": False,
            "disableNotification": True,
        }
        try:
            answer = self._api.call("POST", "/contacts/import", json=body, repeatable=False)
        except UncertainError:
            self._is_settled = False
            raise
        if answer.status in {400, 413}:
            return None
        number = self._api.body(answer, "starting an import", 202).get("processId")
        if not isinstance(number, int):
            raise self._api.unexpected("starting an import", answer)
        return number

    def wait(self, number: int) -> Ending:
        """Wait for the end of a job, as long as the patience for jobs lasts."""
        for _ in self._looks():
            answer = self._api.call("GET", f"/processes/{number}")
            status = self._api.body(answer, "looking at an import", 200).get("status")
            if status in _RUNNING:
                continue
            return Ending.COMPLETED if status == "completed" else Ending.FAILED
        self._is_settled = False
        return Ending.UNKNOWN

    def all_ended(self, *, wait: bool = True) -> bool:
        """Look that no import is under way: not ours of a run that died, nor anybody's.

        An import that is still queued could create again who was just erased, or change
        somebody behind a withdrawal's back.

        Args:
            wait: Whether to wait for its end, as long as the patience for jobs lasts.

        Returns:
            False if one is still under way.
        """
        if self._is_settled:
            return True
        for _ in self._looks() if wait else (None,):
            params = {"limit": _NEWEST, "sort": "desc"}
            answer = self._api.call("GET", "/processes", params=params)
            body = self._api.body(answer, "listing the imports", 200)
            if not any(
                each.get("name") == _IMPORT and each.get("status") in _RUNNING
                for each in body.get("processes") or ()
            ):
                self._is_settled = True
                return True
        return False

    def _looks(self) -> Iterator[None]:
        """Yield for each look, with growing waits in between."""
        patience = self._api.http.patience
        wait, left = patience.poll, patience.job
        while True:
            yield
            if left <= 0:
                return
            time.sleep(min(wait, left))
            left -= wait
            wait = min(wait * 2, max(_LONGEST_POLL, patience.poll))
