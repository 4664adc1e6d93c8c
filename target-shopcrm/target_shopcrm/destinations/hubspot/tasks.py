"""Cues for staff: tasks, each created once.

Staff changes and completes tasks, so one that is there already is left as it is.
"""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import TYPE_CHECKING

from target_shopcrm.destinations.crm import Outcome
from target_shopcrm.destinations.hubspot.account import parts
from target_shopcrm.destinations.hubspot.batches import Batches, Input, by_property
from target_shopcrm.destinations.hubspot.linked import Linked, LinkedObjects
from target_shopcrm.destinations.hubspot.properties import CUE_ID, TASK, Properties
from target_shopcrm.errors import CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.destinations.hubspot.account import Account
    from target_shopcrm.destinations.hubspot.contacts import Contacts
    from target_shopcrm.destinations.items import Cue

_NO_KEY = "HubSpot refuses tasks a unique property (pos_cue_id), without which one could come twice"


class Tasks:
    """The tasks of one account.

    Args:
        account: Where.
        contacts: Knows the record ids of people.
    """

    def __init__(self, account: Account, contacts: Contacts) -> None:
        scope = "crm.objects.contacts"
        self._properties = Properties(account, "tasks", TASK, f"{scope}.write")
        self._batches = Batches(account, "tasks", scope)
        self._objects = LinkedObjects(account, "tasks", self._batches, CUE_ID, contacts)

    def send(self, cues: Sequence[Cue]) -> list[Outcome]:
        """Create tasks that aren't there; sending the same ones again doubles nothing.

        That tasks take unique properties follows from their batch upsert in HubSpot's
        specification; an account that refuses them gets no tasks.
        """
        if not cues:
            return []
        try:
            self._properties.declare()
        except CrmSetupError:
            return [Outcome("skipped", reason=_NO_KEY)] * len(cues)
        outcomes: list[Outcome] = []
        for part in parts(len(cues)):
            some = cues[part.start : part.stop]
            found = self._batches.read((cue.external_id for cue in some), CUE_ID)
            there = {key: record.id for key, record in by_property(found, CUE_ID).items()}
            outcomes += self._objects.write([Linked(cue.who, _input(cue)) for cue in some], there)
        return outcomes


def _input(cue: Cue) -> Input:
    """A task is due at a moment; noon in UTC is on the same day almost everywhere."""
    due_on: date = cue.due_on or datetime.now(timezone.utc).date()
    return Input(
        cue.external_id,
        {
            "hs_task_subject": cue.text,
            "hs_task_status": "NOT_STARTED",
            "hs_task_type": "TODO",
            "hs_timestamp": f"{due_on.isoformat()}T12:00:00Z",
        },
    )
