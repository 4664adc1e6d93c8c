"""Custom events, which workflows start from.

They need an Enterprise plan; without one they are skipped, and the journey a contact is due for
still stands in its properties. Sending answers 204 and no more; what keeps an event from counting
twice is its `uuid`, of which HubSpot takes the first within a year. There is no way to say that an
event is history.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.hubspot.account import (
    BAD_REQUEST,
    CONFLICT,
    FORBIDDEN,
    OK,
    codes_of,
    parts,
    results_of,
)
from target_shopcrm.destinations.hubspot.lists import NOT_IN_HUBSPOT
from target_shopcrm.destinations.hubspot.orders import HISTORY
from target_shopcrm.destinations.hubspot.properties import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_shopcrm.destinations.hubspot.account import Account
    from target_shopcrm.destinations.hubspot.contacts import Contacts
    from target_shopcrm.destinations.items import Event

_DEFINITIONS = "/events/2026-03/event-definitions"
_SEND = "/events/2026-03/send/batch"
_DEFINE_SCOPE = "behavioral_events.event_definitions.read_write"
_SEND_SCOPE = "analytics.behavioral_events.send"
_OURS = uuid.UUID("7c0c1a52-5d5f-4c8e-9a53-0f3a3f6f2d11")
"""Made once; an event's `uuid` is derived from it and the event's own id."""
_NOT_ALLOWED = (
    f"HubSpot takes custom events on Enterprise plans only, with the permissions {_DEFINE_SCOPE}"
    f" and {_SEND_SCOPE}"
)
_PREFIX = "shopcrm_"


class Events:
    """The custom events of one account.

    Args:
        account: Where.
        contacts: Knows the record ids of people.
    """

    def __init__(self, account: Account, contacts: Contacts) -> None:
        self._account = account
        self._contacts = contacts
        self._full_names: dict[str, str] | None = None
        self._properties: dict[str, set[str]] = {}

    def send(self, events: Sequence[Event]) -> list[Outcome]:
        """Send events; the same ones again change nothing."""
        outcomes = {
            at: Outcome("skipped", reason=HISTORY)
            for at, event in enumerate(events)
            if event.is_history
        }
        new = [at for at in range(len(events)) if at not in outcomes]
        if new and not self._define([events[at] for at in new]):
            outcomes.update(dict.fromkeys(new, Outcome("skipped", reason=_NOT_ALLOWED)))
            new = []
        for part in parts(len(new)):
            some = new[part.start : part.stop]
            ids = self._contacts.record_ids(events[at].who for at in some)
            known = [at for at in some if events[at].who.external_id in ids]
            outcomes.update(dict.fromkeys(some, Outcome("skipped", reason=NOT_IN_HUBSPOT)))
            inputs = [self._input(events[at], ids[events[at].who.external_id]) for at in known]
            outcomes.update(zip(known, self._send_part(inputs), strict=True))
        return [outcomes[at] for at in range(len(events))]

    def _send_part(self, inputs: Sequence[dict[str, object]]) -> list[Outcome]:
        """Send some; where HubSpot refuses all of them, the bad one is looked for."""
        if not inputs:
            return []
        answer = self._account.call("POST", _SEND, {"inputs": inputs}, scope=_SEND_SCOPE)
        if answer.ok:
            return [DONE] * len(inputs)
        if answer.status != BAD_REQUEST:
            raise self._account.unexpected("a batch of events", answer)
        if len(inputs) == 1:
            codes = codes_of(answer.body)
            return [Outcome("refused", reason=codes[0] if codes else "REFUSED")]
        half = len(inputs) // 2
        return self._send_part(inputs[:half]) + self._send_part(inputs[half:])

    def _input(self, event: Event, record_id: str) -> dict[str, object]:
        """By record id: an event for an address nobody has would create a contact."""
        full_names = self._full_names or {}
        return {
            "eventName": full_names[_name(event)],
            "uuid": str(uuid.uuid5(_OURS, event.external_id)),
            "objectId": record_id,
            "occurredAt": text_of(event.occurred_at),
            "properties": {
                _plain(name): text_of(value)
                for name, value in event.properties.items()
                if value is not None
            },
        }

    def _define(self, events: Iterable[Event]) -> bool:
        """Define the events and properties that HubSpot doesn't know; says whether it may."""
        if self._full_names is None and not self._read_definitions():
            return False
        wanted: dict[str, set[str]] = {}
        for event in events:
            wanted.setdefault(_name(event), set()).update(map(_plain, event.properties))
        for name, properties in wanted.items():
            if name not in (self._full_names or {}):
                self._create(name, properties)
            for missing in sorted(properties - self._properties[name]):
                self._add_property(name, missing)
        return True

    def _read_definitions(self) -> bool:
        self._full_names = {}
        params = {"includeProperties": "true", "limit": "100", "searchString": _PREFIX}
        while True:
            answer = self._account.call("GET", _DEFINITIONS, params=params, scope=None)
            if answer.status == FORBIDDEN:
                self._full_names = None
                return False
            if answer.status not in OK:
                raise self._account.unexpected("reading the definitions of events", answer)
            for each in results_of(answer):
                name = str(each.get("name"))
                self._full_names[name] = str(each.get("fullyQualifiedName"))
                held = each.get("properties") or ()
                self._properties[name] = {str(one.get("name")) for one in held}
            following = (answer.body.get("paging") or {}).get("next") or {}
            if not following.get("after"):
                return True
            params = {**params, "after": str(following["after"])}

    def _create(self, name: str, properties: Iterable[str]) -> None:
        body = {
            "name": name,
            "label": name.removeprefix(_PREFIX).replace("_", " "),
            "primaryObject": "CONTACT",
            "includeDefaultProperties": False,
            "propertyDefinitions": [_property(each) for each in sorted(properties)],
        }
        answer = self._account.call("POST", _DEFINITIONS, body, scope=_DEFINE_SCOPE)
        if answer.status not in {*OK, CONFLICT}:
            raise self._account.unexpected("defining an event", answer)
        self._read_definitions()  # also after an answer that got lost
        if name not in (self._full_names or {}):
            raise self._account.unexpected("defining an event", answer)

    def _add_property(self, name: str, missing: str) -> None:
        path = f"{_DEFINITIONS}/{name}/property"
        answer = self._account.call("POST", path, _property(missing), scope=_DEFINE_SCOPE)
        if answer.status not in {*OK, CONFLICT}:
            raise self._account.unexpected("defining a property of an event", answer)
        self._properties[name].add(missing)


def _property(name: str) -> dict[str, str]:
    return {"name": name, "label": name.replace("_", " "), "type": "string"}


def _plain(name: str) -> str:
    """A name as HubSpot takes it: lower case letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _name(event: Event) -> str:
    """The name of an event's definition, so that it stands out among the account's own."""
    return _PREFIX + _plain(event.name)
