"""Events: two hundred a call, each at most once.

Brevo has no id for an event and no flag for history. Our id travels among the properties, so
that a later run can look what arrived; history is never sent. ``contact_properties`` would
change the contact on the way, past everything that guards contacts, and is never used.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from target_shopcrm.destinations.brevo.api import error_code
from target_shopcrm.destinations.brevo.batches import batches
from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.http import UncertainError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.destinations.brevo.api import BrevoApi
    from target_shopcrm.destinations.items import Event

MOST, MOST_BYTES = 200, 500_000
"""Events in one call: 200 and 512 KB (Brevo's guide "Event endpoints")."""
HISTORY = "Brevo has no flag for past events, and an event may start a message"
OUR_ID = "event_id"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_SOME_FAILED, _BAD_REQUEST = 207, {400, 413, 422}
_PAGE = 10_000
_UNCERTAIN = Outcome("uncertain", reason="the answer never came")


def send_events(api: BrevoApi, events: Sequence[Event], *, again: bool) -> list[Outcome]:
    """Send events.

    Args:
        api: The account.
        events: Different ones.
        again: Whether some may have arrived before.

    Returns:
        An outcome for each.
    """
    outcomes: dict[int, Outcome] = {}
    due: list[int] = []
    for index, event in enumerate(events):
        if event.is_history:
            outcomes[index] = Outcome("skipped", reason=HISTORY)
        elif not _NAME.fullmatch(event.name):
            outcomes[index] = Outcome("refused", None, "name", "Brevo takes a-z, 0-9, - and _ only")
        else:
            due.append(index)
    arrived = _arrived(api, [events[index] for index in due]) if again and due else set()
    outcomes.update({i: DONE for i in due if events[i].external_id in arrived})
    rows = [(i, msgspec.json.encode(body_of(events[i]))) for i in due if i not in outcomes]
    for batch in batches(rows, lambda row: len(row[1]), MOST, MOST_BYTES):
        outcomes.update(_send(api, events, [index for index, _ in batch]))
    return [outcomes[index] for index in range(len(events))]


def body_of(event: Event) -> dict[str, Any]:
    """An event as Brevo takes it."""
    properties = {name: _property(each) for name, each in event.properties.items()}
    return {
        "event_name": event.name,
        "event_date": _moment(event.occurred_at),
        "identifiers": {"ext_id": event.who.external_id},
        "event_properties": {
            **{name: value for name, value in properties.items() if value is not None},
            OUR_ID: event.external_id,
        },
    }


def _send(api: BrevoApi, events: Sequence[Event], indexes: Sequence[int]) -> dict[int, Outcome]:
    body = {"events": [body_of(events[index]) for index in indexes]}
    try:
        answer = api.call("POST", "/events/batch", json=body, repeatable=False)
    except UncertainError:
        # What was accepted shows only after a while, so only a later run can look for it.
        return dict.fromkeys(indexes, _UNCERTAIN)
    if answer.status in _BAD_REQUEST:
        if len(indexes) == 1:
            return {indexes[0]: Outcome("refused", reason=error_code(answer))}
        middle = len(indexes) // 2
        return {**_send(api, events, indexes[:middle]), **_send(api, events, indexes[middle:])}
    outcomes = dict.fromkeys(indexes, DONE)
    told = api.body(answer, "sending events", 200, 202, _SOME_FAILED)
    for error in told.get("errors") or () if answer.status == _SOME_FAILED else ():
        for position in error.get("eventIndex") or ():
            outcomes[indexes[position]] = Outcome("refused", reason="invalid_parameter")
    return outcomes


def _arrived(api: BrevoApi, events: Sequence[Event]) -> set[str]:
    """Our ids of the events that Brevo has, of those that were meant."""
    days = [event.occurred_at.astimezone(timezone.utc).date() for event in events]
    found: set[str] = set()
    for name in sorted({event.name for event in events}):
        offset = 0
        while True:
            params = {
                "event_name": name,
                "startDate": min(days).isoformat(),
                "endDate": (max(days) + timedelta(days=1)).isoformat(),
                "limit": str(_PAGE),
                "offset": str(offset),
            }
            body = api.body(api.call("GET", "/events", params=params), "listing events", 200)
            rows = body.get("events") or ()
            found.update(str((row.get("event_properties") or {}).get(OUR_ID, "")) for row in rows)
            if len(rows) < _PAGE:
                break
            offset += _PAGE
    return found


def _property(value: object) -> object:
    if isinstance(value, datetime):
        return _moment(value)
    return value.isoformat() if isinstance(value, date) else value


def _moment(at: datetime) -> str:
    return at.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
