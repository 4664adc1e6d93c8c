"""What a Klaviyo account holds, with the defaults and the silent doings Klaviyo is known for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Row = dict[str, Any]

STOPPED = "Unsubscribed from SMS Marketing"
ORDERS = ("Placed Order", "Refunded Order")
LIFTED_BY_SUBSCRIBING = {"UNSUBSCRIBE", "SPAM_COMPLAINT", "USER_SUPPRESSED"}
IDENTIFIERS = ("email", "phone_number", "external_id")


def text(moment: datetime) -> str:
    """A time as Klaviyo writes it."""
    return moment.astimezone(timezone.utc).isoformat()


@dataclass
class FakeProfile:
    """One profile; consent sits on it and stays when its address changes."""

    id: str
    attributes: Row = field(default_factory=dict)
    properties: Row = field(default_factory=dict)
    consent: dict[str, str] = field(default_factory=dict)
    consented_at: dict[str, str] = field(default_factory=dict)
    updated_at: dict[str, str] = field(default_factory=dict)
    suppression: list[Row] = field(default_factory=list)
    source: str | None = None

    def address(self, channel: str) -> str | None:
        """The address for a channel."""
        return self.attributes.get("email" if channel == "email" else "phone_number")

    def can_receive(self, channel: str) -> bool:
        """E-mail goes to everybody who isn't suppressed; a text needs a subscription."""
        if channel == "email":
            return not self.suppression
        return self.consent.get("sms") == "SUBSCRIBED"

    def subscriptions(self) -> Row:
        """What a reading shows when it asks for subscriptions."""

        def shared(channel: str) -> Row:
            return {
                "consent": self.consent.get(channel, "NEVER_SUBSCRIBED"),
                # Klaviyo doesn't always clear it on an unsubscription.
                "consent_timestamp": self.consented_at.get(channel),
                "last_updated": self.updated_at.get(channel),
                "method": None,
                "method_detail": None,
            }

        email = {
            "can_receive_email_marketing": self.can_receive("email"),
            **shared("email"),
            "custom_method_detail": self.source,
            "double_optin": False,
            "suppression": list(self.suppression),
            "list_suppressions": [],
        }
        sms = {"can_receive_sms_marketing": self.can_receive("sms"), **shared("sms")}
        return {"email": {"marketing": email}, "sms": {"marketing": sms}}


@dataclass
class Job:
    """Something Klaviyo has accepted and will do later.

    Attributes:
        polls: How many more readings see it undone.
    """

    do: Callable[[], None]
    polls: int


class KlaviyoAccount:
    """The state of an account.

    Args:
        clock: Tells the time.

    Attributes:
        profiles: By their ids.
        lists: The ids of each list's members.
        events: All that was recorded.
        metrics: The id of each metric, by name and integration.
        imports: The import jobs.
        flows: (metric, address) of every flow that was started.
        accepted: (profile, metric, unique id) of every event that was accepted.
        jobs: What was accepted and is not done yet.
        polls_needed: How many readings see a new job undone.
        is_stuck: Whether nothing that was accepted ever happens.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.profiles: dict[str, FakeProfile] = {}
        self.lists: dict[str, set[str]] = {}
        self.events: list[Row] = []
        self.metrics: dict[tuple[str, str], str] = {}
        self.imports: dict[str, Row] = {}
        self.flows: list[tuple[str, str]] = []
        self.jobs: list[Job] = []
        self.polls_needed = 1
        self.is_stuck = False
        self._ids = count(1)
        self._index: dict[tuple[str, Any], dict[str, None]] = {}
        self.accepted: set[tuple[str, str, str]] = set()
        self._recorded: set[tuple[str, str, str]] = set()

    def new_id(self, kind: str) -> str:
        """A new id; the letter says of what."""
        return f"{kind}{next(self._ids):06d}"

    def later(self, do: Callable[[], None]) -> None:
        """Accept something."""
        self.jobs.append(Job(do, self.polls_needed))

    def tick(self) -> None:
        """A reading: jobs that were seen undone often enough happen now."""
        if self.is_stuck:
            return
        for job in [job for job in self.jobs if job.polls <= 0]:
            self.jobs.remove(job)
            job.do()
        for job in self.jobs:
            job.polls -= 1

    def finish(self) -> None:
        """Do all that was accepted."""
        while self.jobs:
            self.jobs.pop(0).do()

    def find(self, **identifiers: Any) -> list[FakeProfile]:
        """All profiles that have any of some identifiers; addresses in any case."""
        found: dict[str, None] = {}
        for name, value in identifiers.items():
            if value:
                found.update(self._index.get((name, _folded(value)), {}))
        return [self.profiles[each] for each in found]

    def create(self, attributes: Row) -> FakeProfile:
        """Make a profile; nobody is asked, and nobody has agreed to anything."""
        profile = FakeProfile(self.new_id("P"))
        self.profiles[profile.id] = profile
        self._index["id", _folded(profile.id)] = {profile.id: None}
        self.change(profile, attributes)
        return profile

    def change(self, profile: FakeProfile, attributes: Row) -> None:
        """Change attributes; None clears one."""
        for name, value in attributes.items():
            if name in IDENTIFIERS:
                held = self._index.get((name, _folded(profile.attributes.get(name))), {})
                held.pop(profile.id, None)
                if value is not None:
                    self._index.setdefault((name, _folded(value)), {})[profile.id] = None
            if value is None:
                profile.attributes.pop(name, None)
            else:
                profile.attributes[name] = value

    def at(self, channel: str, address: str) -> FakeProfile:
        """The profile with an address, made if there is none."""
        place = "email" if channel == "email" else "phone_number"
        found = self.find(**{place: address})
        return found[0] if found else self.create({place: address})

    def subscribe(self, profile: FakeProfile, channel: str, at: str) -> None:
        """Subscribe, which lifts what the person had said before."""
        profile.consent[channel] = "SUBSCRIBED"
        profile.consented_at[channel] = at
        profile.updated_at[channel] = text(self.clock())
        if channel == "email":
            profile.suppression = [
                each for each in profile.suppression if each["reason"] not in LIFTED_BY_SUBSCRIBING
            ]

    def unsubscribe(
        self, profile: FakeProfile, channel: str, *, reason: str | None = "UNSUBSCRIBE"
    ) -> None:
        """Unsubscribe; a STOP to text messages is an event too."""
        now = self.clock()
        profile.consent[channel] = "UNSUBSCRIBED"
        profile.updated_at[channel] = text(now)
        if channel == "email" and reason and not profile.suppression:
            profile.suppression.append({"reason": reason, "timestamp": text(now)})
        if channel == "sms":
            self.record(profile, STOPPED, text(now), {}, unique_id=self.new_id("S"))

    def record(  # noqa: PLR0913 - what an event consists of
        self,
        profile: FakeProfile,
        metric: str,
        at: str,
        properties: Row,
        *,
        unique_id: str,
        integration: str = "API",
    ) -> None:
        """Record an event; its metric appears with the first one."""
        key = metric, integration
        self.metrics[key] = self.metrics.get(key) or self.new_id("M")
        event = {
            "id": self.new_id("E"),
            "profile": profile.id,
            "metric": metric,
            "metric_id": self.metrics[key],
            "at": datetime.fromisoformat(at.replace("Z", "+00:00")).replace(microsecond=0),
            "properties": properties,
            "unique_id": unique_id,
        }
        self.events.append(event)
        if integration == "API":
            self._recorded.add((profile.id, metric, unique_id))

    def has_event(self, profile_id: str, metric: str, unique_id: str) -> bool:
        """Whether an event is recorded already."""
        return (profile_id, metric, unique_id) in self._recorded

    def delete(self, profile: FakeProfile) -> None:
        """Delete a profile with all that hangs on it."""
        self.change(profile, dict.fromkeys(IDENTIFIERS))
        self._index.pop(("id", _folded(profile.id)), None)
        self.profiles.pop(profile.id, None)
        self.events = [each for each in self.events if each["profile"] != profile.id]
        for members in self.lists.values():
            members.discard(profile.id)


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
