"""Recording events, each once, and seeing that they are there.

A repeated unique id fails a whole request. That is how Klaviyo tells that an earlier call
arrived after all, so after every refusal the events that are there already are read and taken
out. Recorded events can't be changed: one that is there with other contents is said to be so.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from target_shopcrm.destinations.crm import Outcome
from target_shopcrm.destinations.klaviyo.account import Endpoint, Page
from target_shopcrm.destinations.klaviyo.batches import REFUSALS, grouped, in_chunks, send_apart
from target_shopcrm.destinations.klaviyo.happenings import OUR_ID
from target_shopcrm.destinations.klaviyo.metrics import EVENTS, Metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_shopcrm.destinations.http import Answer
    from target_shopcrm.destinations.klaviyo.account import Account, Json
    from target_shopcrm.destinations.klaviyo.batches import Refusal
    from target_shopcrm.destinations.klaviyo.happenings import Happening
    from target_shopcrm.destinations.klaviyo.profiles import Profiles

PER_CALL = 1_000
RECORD = Endpoint("POST", "/api/event-bulk-create-jobs", 10, 150, "events:write")
_NO_PROFILE = Outcome("refused", reason="no profile in Klaviyo")
_UNCHANGEABLE = Outcome("skipped", reason="a recorded event cannot be changed in Klaviyo")
_LATE = Outcome("uncertain", reason="the event was accepted but is not there yet")


class _Found(msgspec.Struct, frozen=True):
    event_properties: dict[str, Any] | None = None


class _Event(msgspec.Struct, frozen=True):
    attributes: _Found


class _EventPage(Page, frozen=True, kw_only=True):
    data: list[_Event]


class _Ready(NamedTuple):
    """An event whose profile is known.

    Attributes:
        position: Its place in the caller's sequence.
        happening: The event.
        profile_id: Its profile.
        entry: The event as the API takes it.
    """

    position: int
    happening: Happening
    profile_id: str
    entry: Json


class Events:
    """The events of an account.

    Args:
        account: The account.
        profiles: Its profiles.
    """

    def __init__(self, account: Account, profiles: Profiles) -> None:
        self._account = account
        self._profiles = profiles
        self._metrics = Metrics(account)
        self._our_metrics: dict[str, str] = {}

    def record(self, happenings: Sequence[Happening], *, again: bool) -> list[Outcome]:
        """Record events.

        Args:
            happenings: In any order; one that is named twice is recorded once.
            again: Some may have been recorded by a run that died; look before sending.

        Returns:
            One outcome for each.
        """
        outcomes: dict[int, Outcome] = {}
        ready: dict[tuple[str, str], _Ready] = {}
        twins: dict[int, int] = {}
        people = [each.who for each in happenings]
        for position, profile in enumerate(self._profiles.of(people)):
            happening = happenings[position]
            if profile is None:
                outcomes[position] = _NO_PROFILE
                continue
            each = _Ready(position, happening, profile.id, happening.entry(profile.id))
            first = ready.setdefault((happening.metric, happening.unique_id), each)
            if first.position != position:
                twins[position] = first.position
        # In order of time, so that a call spans little time, and reading it back few pages.
        pending = sorted(ready.values(), key=lambda e: (e.happening.metric, e.happening.at))
        sizes = [len(msgspec.json.encode(each.entry)) for each in pending]
        for chunk in in_chunks(sizes, PER_CALL):
            outcomes.update(self._settle([pending[index] for index in chunk], again=again))
        outcomes.update({twin: outcomes[first] for twin, first in twins.items()})
        return [outcomes[position] for position in range(len(happenings))]

    def _settle(self, chunk: Sequence[_Ready], *, again: bool) -> dict[int, Outcome]:
        """Record what fits into one call, and wait until it can be read."""
        outcomes: dict[int, Outcome] = {}
        left = self._left(chunk, outcomes) if again else list(chunk)
        refused = self._send(left, outcomes)
        # A refusal that points at no event may mean that the event is already on its way.
        sent, doubtful = [], []
        for each in left:
            refusal = refused.get(each.position)
            if each.position not in outcomes and refusal is None:
                sent.append(each)
            elif refusal is not None and not refusal.is_pointed:
                doubtful.append(each)
        self._see(sent, outcomes, self._account.patience.job)
        self._see(doubtful, outcomes, self._account.patience.retry)
        for each in left:
            refusal = refused.get(each.position)
            late = _LATE if refusal is None else Outcome("refused", reason=refusal.code)
            outcomes.setdefault(each.position, late)
        return outcomes

    def _send(self, events: Sequence[_Ready], outcomes: dict[int, Outcome]) -> dict[int, Refusal]:
        """Send events; the answer is what was refused, by the caller's positions."""
        left = list(events)
        while left:
            calls = self._account.api.calls
            answer = self._post(left)
            if answer.ok:
                return {}
            if answer.status not in REFUSALS:
                raise self._account.api.unexpected("a batch of events", answer)
            if self._account.api.calls - calls > 1:
                # An attempt whose answer was lost may be what this one is refused for.
                self._see(left, outcomes, self._account.patience.retry)
            remaining = self._left([e for e in left if e.position not in outcomes], outcomes)
            if len(remaining) == len(left):
                break
            left = remaining
        refused = send_apart(
            left,
            self._post,
            lambda answer: self._account.api.unexpected("a batch of events", answer),
        )
        return {left[index].position: refusal for index, refusal in refused.items()}

    def _post(self, part: Sequence[_Ready]) -> Answer:
        """Repeating it is safe: the unique ids keep it from being recorded twice."""
        data = [each.entry for each in part]
        attributes = {"events-bulk-create": {"data": data}}
        job = {"data": {"type": "event-bulk-create-job", "attributes": attributes}}
        return self._account.call(RECORD, json=job)

    def _see(self, events: Sequence[_Ready], outcomes: dict[int, Outcome], seconds: float) -> None:
        """Wait until events can be read."""
        waiting = list(events)

        def look() -> bool | None:
            waiting[:] = self._left(waiting, outcomes)
            return None if waiting else True

        if waiting:
            self._account.wait_for(look, seconds)

    def _left(self, events: Sequence[_Ready], outcomes: dict[int, Outcome]) -> list[_Ready]:
        """Settle the events that are recorded; the answer is the others."""
        recorded = self._recorded(events)
        left = []
        for each in events:
            found = recorded.get(each.happening.unique_id)
            if found is None:
                left.append(each)
            elif each.happening.is_order and not _is_same(each.happening.properties, found):
                outcomes[each.position] = _UNCHANGEABLE
            else:
                outcomes[each.position] = Outcome("done", remote_id=each.profile_id)
        return left

    def _recorded(self, events: Sequence[_Ready]) -> dict[str, Mapping[str, Any]]:
        """Read events of ours, by their unique ids: by metric and time, a thousand to a page."""
        found: dict[str, Mapping[str, Any]] = {}
        for metric, group in grouped(events, lambda each: each.happening.metric).items():
            times = [events[index].happening.at for index in group]
            for metric_id in self._metric_ids(metric):
                ours = self._ours_between(metric_id, min(times), max(times))
                if ours:
                    self._our_metrics[metric] = metric_id
                found.update(ours)
        return found

    def _metric_ids(self, metric: str) -> list[str]:
        """The metrics to look under: ours, as soon as it is known.

        Other integrations may have metrics of the same name, and ours only appears with its
        first event, so until then nothing is remembered.
        """
        ours = self._our_metrics.get(metric)
        return [ours] if ours else self._metrics.ids(metric)

    def _ours_between(
        self, metric_id: str, first: datetime, last: datetime
    ) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        for page in self._account.pages(
            EVENTS, _EventPage, params=_between(metric_id, first, last)
        ):
            for each in page.data:
                properties = each.attributes.event_properties or {}
                if OUR_ID in properties:
                    found[str(properties[OUR_ID])] = properties
        return found


def _between(metric_id: str, first: datetime, last: datetime) -> dict[str, str]:
    """The parameters for reading a metric's events; Klaviyo cuts times to the second."""
    start, end = first.astimezone(timezone.utc), last.astimezone(timezone.utc)
    form = "%Y-%m-%dT%H:%M:%SZ"
    return {
        "filter": (
            f'equals(metric_id,"{metric_id}")'
            f",greater-or-equal(datetime,{start.strftime(form)})"
            f",less-or-equal(datetime,{(end + timedelta(seconds=1)).strftime(form)})"
        ),
        "fields[event]": "event_properties",
        "page[size]": "1000",
    }


def _is_same(sent: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether what is recorded says what would be sent; Klaviyo adds properties of its own."""
    return all(found.get(name) == value for name, value in sent.items())
