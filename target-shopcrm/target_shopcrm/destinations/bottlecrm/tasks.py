"""Cues for staff are tasks in BottleCRM, found again by a custom field of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_shopcrm.destinations.bottlecrm.fields import CUE_ID, at_fault
from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.http import UncertainError

if TYPE_CHECKING:
    from target_shopcrm.destinations.bottlecrm.api import BottleApi
    from target_shopcrm.destinations.items import Cue

_TITLE_SIZE = 200


def send_cue(api: BottleApi, cue: Cue, contact_id: str, *, again: bool) -> Outcome:
    """Create the task of a cue, once.

    Args:
        api: The API.
        cue: The cue.
        contact_id: BottleCRM's id of the contact.
        again: It may be there already.

    Returns:
        What became of it.
    """
    if again and _is_there(api, cue):
        return DONE
    for _ in range(2):
        try:
            answer = api.create("/tasks/", _task(cue, contact_id))
        except UncertainError:
            if _is_there(api, cue):
                return DONE
            continue
        if answer.ok:
            return DONE
        errors = answer.body.get("errors") if isinstance(answer.body, dict) else None
        return Outcome("refused", field=at_fault(errors), reason="BottleCRM finds it not valid")
    return Outcome("uncertain", reason="the answer never came")


def delete_cues(api: BottleApi, contact_id: str) -> None:
    """Delete the tasks we made for a contact; BottleCRM would keep them, texts included."""
    detail = api.find(f"/contacts/{contact_id}/")
    for task in detail["tasks"] if detail else ():
        if (task.get("custom_fields") or {}).get(CUE_ID):
            api.delete(f"/tasks/{task['id']}/")


def _is_there(api: BottleApi, cue: Cue) -> bool:
    found = api.get("/tasks/", {f"cf_{CUE_ID}": cue.external_id, "slim": "true", "limit": "1"})
    return int(found["tasks_count"]) > 0


def _task(cue: Cue, contact_id: str) -> dict[str, Any]:
    is_long = len(cue.text) > _TITLE_SIZE
    return {
        "title": cue.text[: _TITLE_SIZE - 1] + "…" if is_long else cue.text,
        "description": cue.text if is_long else "",
        "status": "New",
        "priority": "Medium",
        "due_date": cue.due_on.isoformat() if cue.due_on else None,
        "contacts": [contact_id],
        "custom_fields": {CUE_ID: cue.external_id},
    }
