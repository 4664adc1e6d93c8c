"""Events: what may start a customer journey of Mailchimp's.

Mailchimp counts the same event twice if it comes twice. Each carries our id as a property, and
whatever is in doubt is looked up in the member's own list of events before it is sent again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.http import UncertainError
from target_shopcrm.destinations.mailchimp.account import BAD_REQUEST, NOT_FOUND
from target_shopcrm.destinations.mailchimp.audience import PAGE, hash_of
from target_shopcrm.destinations.mailchimp.bulk import (
    FEW,
    PER_JOB,
    Operation,
    nothing_pending,
    run,
)
from target_shopcrm.destinations.mailchimp.contacts import NO_EMAIL
from target_shopcrm.destinations.mailchimp.opt_outs import EMAIL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.destinations.items import Event
    from target_shopcrm.destinations.mailchimp.account import Account
    from target_shopcrm.destinations.mailchimp.audience import Audience

EVENT_ID = "shopcrm_event_id"
"""The property that makes an event recognisable."""
_SHORTEST_NAME, _LONGEST_NAME = 2, 30
_IN_DOUBT = Outcome("uncertain", reason="nobody knows yet whether it arrived")


class _Event(Struct, frozen=True):
    properties: dict[str, object] = {}


class _Events(Struct, frozen=True):
    events: list[_Event]


class Events:
    """Sends events, each once.

    Args:
        account: The account.
        audience: Its members.
    """

    def __init__(self, account: Account, audience: Audience) -> None:
        self._account = account
        self._audience = audience

    def send(self, events: Sequence[Event], *, again: bool) -> list[Outcome]:
        """Send events.

        Args:
            events: Different ones.
            again: A run died while it sent these; look for each before sending.

        Returns:
            Their outcomes, in order.
        """
        outcomes = {index: _impossible(each) for index, each in enumerate(events)}
        left = {index: each for index, each in enumerate(events) if outcomes[index] is None}
        if again and left:
            if not nothing_pending(self._account):
                return [outcomes[index] or _IN_DOUBT for index in range(len(events))]
            left = self._without_arrived(left, outcomes)
        if len(left) <= FEW:
            self._send_each(left, outcomes)
        else:
            numbers = list(left)
            for start in range(0, len(numbers), PER_JOB):
                part = {index: left[index] for index in numbers[start:][:PER_JOB]}
                self._send_together(part, outcomes)
        return [outcomes[index] or _IN_DOUBT for index in range(len(events))]

    def _send_together(self, part: dict[int, Event], outcomes: dict[int, Outcome | None]) -> None:
        operations = [
            Operation(method="POST", path=self._path(each), json=_body(each))
            for each in part.values()
        ]
        try:
            succeeded = run(self._account, operations, repeatable=False)
        except UncertainError:
            succeeded = False if nothing_pending(self._account) else None
        if succeeded is None:
            return  # still under way: sending now would double them; the next run looks
        if succeeded:
            outcomes.update(dict.fromkeys(part, DONE))
            return
        self._send_each(self._without_arrived(part, outcomes), outcomes)

    def _send_each(self, events: dict[int, Event], outcomes: dict[int, Outcome | None]) -> None:
        for index, event in events.items():
            outcomes[index] = self._send_once(event)

    def _send_once(self, event: Event) -> Outcome:
        """Send one; if its answer never came, look for it before it is sent a second time."""
        try:
            return self._send_one(event)
        except UncertainError:
            if self._has_arrived(event):
                return DONE
        try:
            return self._send_one(event)
        except UncertainError:
            return _IN_DOUBT

    def _send_one(self, event: Event) -> Outcome:
        answer = self._account.call("POST", self._path(event), json=_body(event), repeatable=False)
        if answer.status == NOT_FOUND:
            return Outcome("refused", reason="the person is not in the audience")
        if answer.status == BAD_REQUEST:
            return Outcome("refused", reason="not a valid event")
        return DONE

    def _without_arrived(
        self, events: dict[int, Event], outcomes: dict[int, Outcome | None]
    ) -> dict[int, Event]:
        """Read back which events arrived; return the others."""
        arrived: dict[str, set[object]] = {}
        for event in events.values():
            path = self._path(event)
            if path not in arrived:
                arrived[path] = self._event_ids(path)
        there = {i for i, each in events.items() if each.external_id in arrived[self._path(each)]}
        outcomes.update(dict.fromkeys(there, DONE))
        return {index: each for index, each in events.items() if index not in there}

    def _has_arrived(self, event: Event) -> bool:
        return event.external_id in self._event_ids(self._path(event))

    def _event_ids(self, path: str) -> set[object]:
        """Our ids of all events of a member."""
        found: set[object] = set()
        offset = 0
        while True:
            query = {"count": str(PAGE), "offset": str(offset), "fields": "events.properties"}
            answer = self._account.call("GET", path, params=query)
            if answer.status == NOT_FOUND:
                return found
            page = self._account.decoded(answer, _Events, "GET the events of a member").events
            found |= {each.properties.get(EVENT_ID) for each in page}
            if len(page) < PAGE:
                return found
            offset += PAGE

    def _path(self, event: Event) -> str:
        return f"{self._audience.path(hash_of(event.who) or '')}/events"


def _impossible(event: Event) -> Outcome | None:
    if not event.who.email:
        return Outcome("skipped", reason=NO_EMAIL)
    if EMAIL not in event.channels:
        return Outcome("skipped", reason="Mailchimp would answer by e-mail, which isn't permitted")
    if not _SHORTEST_NAME <= len(event.name) <= _LONGEST_NAME:
        return Outcome("refused", field="name", reason="a name has 2 to 30 characters")
    return None


def _body(event: Event) -> dict[str, object]:
    told = {name: str(value) for name, value in event.properties.items() if value is not None}
    return {
        "name": event.name,
        "properties": {**told, EVENT_ID: event.external_id},
        "is_syncing": event.is_history,  # then no automation starts
        "occurred_at": event.occurred_at.isoformat(timespec="seconds"),
    }
