"""A state machine that tries to get a message past the gate.

`ConsentMachine` drives any `Street`: something that takes readings of customer records, keeps
a ledger, and answers for keys. Here it drives `InMemoryStreet`. To drive another one, such as
the target over its PostgreSQL store, subclass the machine and return it from `open_street`::

    class DatabaseMachine(ConsentMachine):
        def open_street(self) -> Street:
            return DatabaseStreet(...)     # deliver() runs the target, verdicts() asks the gate

        def teardown(self) -> None:
            self.street.close()

    TestDatabaseConsent = DatabaseMachine.TestCase
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from consent_oracle import Truth
from consent_situations import SHOP, day, us_policy
from consent_world import (
    EMAILS,
    KEYS,
    PHONES,
    TERMS,
    TEXTS,
    Profile,
    Reading,
    as_read_at,
)
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)
from target_shopcrm.consent.assertions import Assertions, ContactPoint, assertions
from target_shopcrm.consent.batch import events_of_batch
from target_shopcrm.consent.events import ConsentEvent, Key, State
from target_shopcrm.consent.fold import events_to_append, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_shopcrm.consent.policy import Policy
    from target_shopcrm.consent.verdicts import Verdict

DESK = "desk:preference-centre"
PROFILES = ("P1", "P2", "P3")


class Street(Protocol):
    """What the machine drives."""

    def deliver(self, batch: Sequence[Reading], *, crash: bool = False) -> None:
        """Take a batch of readings in one transaction; `crash` loses it before the commit."""

    def tell(self, event: ConsentEvent) -> None:
        """Take one event that no profile says."""

    def verdicts(self, keys: Sequence[Key], at: datetime) -> Mapping[Key, Verdict]:
        """The gate's answers at an instant."""

    def count(self) -> int:
        """How many events the ledger holds."""


class InMemoryStreet:
    """The pure functions over two dictionaries, as a store would use them."""

    def __init__(self, policy: Policy | None = None) -> None:
        """Start empty, under the practice shop's policy or another."""
        self.policy = policy or us_policy()
        self.ledger: dict[Key, list[ConsentEvent]] = {}
        self.points: dict[tuple[str, str], ContactPoint] = {}
        self.versions: dict[str, datetime] = {}

    def deliver(self, batch: Sequence[Reading], *, crash: bool = False) -> None:
        """Take a batch of readings in one transaction; `crash` loses it before the commit."""
        points, versions = dict(self.points), dict(self.versions)
        asserted = [self._assert(reading, points, versions) for reading in batch]
        news = events_of_batch(asserted, self.events_for, self.policy)
        if crash:
            return
        self.points, self.versions = points, versions
        for event in news:
            self.ledger.setdefault(event.key, []).append(event)

    def tell(self, event: ConsentEvent) -> None:
        """Take one event that no profile says."""
        of_key = self.ledger.setdefault(event.key, [])
        of_key += events_to_append(of_key, [event])

    def verdicts(self, keys: Sequence[Key], at: datetime) -> Mapping[Key, Verdict]:
        """The fold's answers at an instant."""
        return {key: verdict(key, self.ledger.get(key, []), self.policy, at) for key in keys}

    def count(self) -> int:
        """How many events the ledger holds."""
        return sum(map(len, self.ledger.values()))

    def events_for(self, keys: Iterable[Key]) -> Mapping[Key, Sequence[ConsentEvent]]:
        """The events of the given keys."""
        return {key: tuple(self.ledger.get(key, ())) for key in keys}

    def _assert(
        self,
        reading: Reading,
        points: dict[tuple[str, str], ContactPoint],
        versions: dict[str, datetime],
    ) -> Assertions:
        who = reading.customer_id
        newest = versions.get(who, reading.updated_at)
        previous = {
            channel: points[who, channel]
            for channel in ("email", "sms")
            if (who, channel) in points
        }
        said = assertions(
            SHOP,
            who,
            reading.email,
            reading.phone,
            reading.consents,
            previous,
            self.policy,
            observed_at=reading.updated_at,
            ended=reading.ended,
            stale=reading.updated_at < newest,
        )
        versions[who] = max(newest, reading.updated_at)
        points.update({(who, point.channel): point for point in said.contact_points})
        return said


class ConsentMachine(RuleBasedStateMachine):
    """People grant, withdraw, move, share and merge; readings come late, twice, or crash."""

    readings: Bundle[Reading] = Bundle("readings")

    def open_street(self) -> Street:
        """The street to drive; subclasses return their own."""
        return InMemoryStreet()

    @initialize()
    def start(self) -> None:
        """Three profiles; two of them share an e-mail address from the start."""
        self.street = self.open_street()
        self.truth = Truth()
        self.now = day(0)
        self.profiles = {
            "P1": Profile("P1", EMAILS[0], PHONES[0], self.now),
            "P2": Profile("P2", EMAILS[0], PHONES[1], self.now),
            "P3": Profile("P3", EMAILS[1], None, self.now),
        }

    def _changed(self, who: str) -> Profile:
        """The profile, about to change: the vendor's clock never shows one instant twice."""
        self.now += timedelta(microseconds=1)
        profile = self.profiles[who]
        profile.updated_at = self.now
        return profile

    def _deliver(self, batch: Sequence[Reading]) -> None:
        self.street.deliver(batch)
        for reading in batch:
            self.truth.hear(reading)

    @rule(days=st.sampled_from([0.5, 1, 1, 7, 400]))
    def time_passes(self, days: float) -> None:
        """Whole days mostly, so that acts fall into the same instants."""
        midnight = day((self.now - day(0)).days)
        self.now = max(self.now, midnight + timedelta(days=days))

    @rule(who=st.sampled_from(PROFILES), is_member=st.booleans())
    def joins_or_leaves_the_newsletter(self, who: str, *, is_member: bool) -> None:
        """An opt-in without a date."""
        self._changed(who).is_member = is_member

    @rule(who=st.sampled_from(PROFILES), is_unsubscribed=st.booleans())
    def unsubscribes_or_is_resubscribed(self, who: str, *, is_unsubscribed: bool) -> None:
        """An opt-out without a date; false asserts nothing."""
        self._changed(who).is_unsubscribed = is_unsubscribed

    @rule(
        who=st.sampled_from(PROFILES),
        source=st.sampled_from([TEXTS, TERMS]),
        state=st.sampled_from(["given", "given", "withdrawn"]),
        days_ago=st.integers(-3, 5),
    )
    def answers(self, who: str, source: str, state: State, days_ago: int) -> None:
        """A dated answer; the date may be older than known ones, or in the future."""
        acted = self.now - timedelta(days=days_ago)
        self._changed(who).answers[source] = (state, acted)

    @rule(who=st.sampled_from(PROFILES), source=st.sampled_from([TEXTS, TERMS]))
    def answer_is_removed(self, who: str, source: str) -> None:
        """The custom attribute is gone from the profile."""
        self._changed(who).answers.pop(source, None)

    @rule(who=st.sampled_from(PROFILES), email=st.sampled_from([*EMAILS, None]))
    def changes_email(self, who: str, email: str | None) -> None:
        """To an address of their own, or to one somebody else has."""
        self._changed(who).email = email

    @rule(who=st.sampled_from(PROFILES), phone=st.sampled_from([*PHONES, None]))
    def changes_phone(self, who: str, phone: str | None) -> None:
        """To a number of their own, or to one somebody else has."""
        self._changed(who).phone = phone

    @rule(loser=st.sampled_from(PROFILES), winner=st.sampled_from(PROFILES))
    def profiles_are_merged(self, loser: str, winner: str) -> None:
        """The winner takes over what it lacks; the loser ends."""
        if loser == winner:
            return
        ending, staying = self._changed(loser), self._changed(winner)
        ending.ended, staying.ended = True, False
        staying.email, staying.phone = staying.email or ending.email, staying.phone or ending.phone
        staying.is_member = staying.is_member or ending.is_member

    @rule(
        key=st.sampled_from(KEYS),
        state=st.sampled_from(["given", "withdrawn"]),
        days_ago=st.integers(-2, 5),
        is_dated=st.booleans(),
    )
    def desk_is_told(self, key: Key, state: State, days_ago: int, *, is_dated: bool) -> None:
        """A choice about an address itself; a grant is always dated there."""
        acted = self.now - timedelta(days=days_ago)
        event = ConsentEvent(
            **key._asdict(),
            state=state,
            event_time=acted if is_dated or state == "given" else None,
            observed_at=self.now,
            source=DESK,
        )
        self.street.tell(event)
        self.truth.tell(event)

    @rule(target=readings, who=st.sets(st.sampled_from(PROFILES), min_size=1))
    def register_is_read(self, who: set[str]) -> MultipleResults[Reading]:
        """The usual run; its readings may come again later."""
        batch = [self.profiles[name].read(self.now) for name in sorted(who)]
        self._deliver(batch)
        return multiple(*batch)

    @rule(target=readings, who=st.sampled_from(PROFILES))
    def register_is_read_but_the_reading_is_held_up(self, who: str) -> Reading:
        """It can be delivered much later, when it is stale."""
        return self.profiles[who].read(self.now)

    @rule(target=readings, who=st.sets(st.sampled_from(PROFILES), min_size=1))
    def run_crashes(self, who: set[str]) -> MultipleResults[Reading]:
        """Everything of the transaction is lost."""
        batch = [self.profiles[name].read(self.now) for name in sorted(who)]
        self.street.deliver(batch, crash=True)
        return multiple(*batch)

    @rule(batch=st.lists(readings, min_size=1, max_size=3))
    def readings_come_again(self, batch: list[Reading]) -> None:
        """Duplicates, late and stale readings, several versions in one batch."""
        self._deliver(batch)

    @rule(reading=consumes(readings))
    def reading_comes_twice_in_one_batch(self, reading: Reading) -> None:
        """Duplicate delivery."""
        self._deliver([reading, reading])

    @rule()
    def an_unchanged_register_is_read_twice(self) -> None:
        """The second reading has nothing to append."""
        batch = [profile.read(self.now) for profile in self.profiles.values()]
        self._deliver(batch)
        count = self.street.count()
        self.now += timedelta(hours=1)
        self._deliver([as_read_at(reading, self.now) for reading in reversed(batch)])
        assert self.street.count() == count

    @invariant()
    def nothing_is_allowed_that_must_be_denied(self) -> None:
        """And nothing is denied that must be allowed."""
        if not hasattr(self, "street"):
            return
        for key, answer in self.street.verdicts(KEYS, self.now).items():
            if answer.allowed:
                assert not self.truth.must_deny(key, self.now), (key, answer)
            else:
                assert not self.truth.must_allow(key, self.now), (key, answer)
