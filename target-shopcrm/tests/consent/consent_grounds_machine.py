"""The consent machine where more than an opt-in counts: a shop in Canada.

On top of everything `ConsentMachine` does, customers buy, double opt-ins are asked for and not
confirmed, grants say themselves when they end, and forms claim grounds the policy doesn't take.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from consent_machine import DESK, PROFILES, ConsentMachine, InMemoryStreet
from consent_situations import SHOP, policy_of
from consent_world import KEYS, TERMS, TEXTS
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from target_shopcrm.consent.events import ConsentEvent, Key, LegalBasis
from target_shopcrm.consent.fold import events_to_append
from target_shopcrm.consent.implied import Purchase, implied_events, keys_of

if TYPE_CHECKING:
    from target_shopcrm.consent.policy import Policy

ALMOST_24_MONTHS = timedelta(days=730 - 31)
A_LITTLE_MORE = timedelta(days=731)
CANADIAN_POLICY = f"""\
version: 1
name: a shop in Toronto
extends: ca
shops:
  {SHOP}: {{country: CA, jurisdiction: CA-ON, timezone: America/Toronto}}
purposes:
  marketing: {{valid_for: 24 months}}
"""


@lru_cache(maxsize=1)
def canadian_policy() -> Policy:
    return policy_of(CANADIAN_POLICY)


class CanadianStreet(InMemoryStreet):
    """The street in memory, with a till."""

    def __init__(self) -> None:
        """Start empty, under the law of Canada."""
        super().__init__(canadian_policy())

    def buy(self, who: str, order_id: str, at: datetime) -> None:
        """Take one purchase of a customer whose addresses are stored."""
        addresses = {
            point.channel: point.address
            for (customer, _), point in self.points.items()
            if customer == who
        }
        purchases = [Purchase(SHOP, who, order_id, at, addresses)]
        for _ in range(2):  # the second time, nothing is new
            known = self.events_for(keys_of(purchases, self.policy))
            news = implied_events(purchases, self.policy, known)
            for event in news:
                of_key = self.ledger.setdefault(event.key, [])
                assert events_to_append(of_key, [event]) == [event]
                of_key.append(event)
        assert news == []


class GroundsMachine(ConsentMachine):
    """Nothing but an accepted ground opens the gate, and no ground lifts a withdrawal."""

    street: CanadianStreet

    def open_street(self) -> CanadianStreet:
        """A shop in Canada."""
        self.orders = 0
        return CanadianStreet()

    @initialize()
    def start(self) -> None:
        """Everybody is known and has just bought something: there is much to lose."""
        super().start()
        self._deliver([profile.read(self.now) for profile in self.profiles.values()])
        for who in PROFILES:
            self.buys(who, 0)

    @rule(who=st.sampled_from(PROFILES), days_ago=st.integers(0, 40))
    def buys(self, who: str, days_ago: int) -> None:
        """Orders may come late."""
        self.orders += 1
        at = self.now - timedelta(days=days_ago)
        self.street.buy(who, f"order-{self.orders}", at)
        self.truth.buy(who, at)

    @rule(who=st.sampled_from(PROFILES), source=st.sampled_from([TEXTS, TERMS]))
    def register_asks_for_a_confirmation(self, who: str, source: str) -> None:
        """The profile's opt-in waits."""
        self._changed(who).answers[source] = ("pending", self.now)

    @rule(key=st.sampled_from(KEYS), is_dated=st.booleans())
    def desk_asks_for_a_confirmation(self, key: Key, *, is_dated: bool) -> None:
        """The desk's own earlier grant waits with it; nobody else's does."""
        event = ConsentEvent(
            **key._asdict(),
            state="pending",
            event_time=self.now if is_dated else None,
            observed_at=self.now,
            source=DESK,
        )
        self.street.tell(event)
        self.truth.tell(event)

    @rule(key=st.sampled_from(KEYS), days_ago=st.integers(0, 3), days=st.integers(-1, 30))
    def desk_is_told_for_a_while(self, key: Key, days_ago: int, days: int) -> None:
        """The grant says itself when it ends."""
        acted = self.now - timedelta(days=days_ago)
        event = ConsentEvent(
            **key._asdict(),
            state="given",
            event_time=acted,
            observed_at=self.now,
            source=DESK,
            valid_until=acted + timedelta(days=days),
        )
        self.street.tell(event)
        self.truth.tell(event)

    @rule(
        key=st.sampled_from(KEYS),
        basis=st.sampled_from(["soft_opt_in", "implied_purchase", "implied_inquiry"]),
        days_ago=st.integers(0, 3),
        is_dated=st.booleans(),
    )
    def a_form_claims_what_it_can_not_prove(
        self, key: Key, basis: LegalBasis, days_ago: int, *, is_dated: bool
    ) -> None:
        """The truth doesn't listen to it, and neither may the gate."""
        proof = {"soft_opt_in": {"order_id": "1", "opt_out_offered_at_collection": "true"}}
        event = ConsentEvent(
            **key._asdict(),
            state="given",
            event_time=self.now - timedelta(days=days_ago) if is_dated else None,
            observed_at=self.now,
            source="form:claims",
            legal_basis=basis,
            evidence=proof.get(basis, {}),
        )
        self.street.tell(event)

    @invariant()
    def nothing_is_allowed_that_must_be_denied(self) -> None:
        """And nothing is denied that must be allowed, by opt-in or by purchase."""
        if not hasattr(self, "street"):
            return
        for key, answer in self.street.verdicts(KEYS, self.now).items():
            if answer.allowed:
                bought = self.truth.bought(key, surely=False)
                may = any(self.now < at + A_LITTLE_MORE for at in bought)
                assert may or not self.truth.must_deny(key, self.now), (key, answer)
            else:
                bought = self.truth.bought(key, surely=True)
                must = any(self.now < at + ALMOST_24_MONTHS for at in bought)
                assert not must, (key, answer)
                assert not self.truth.must_allow(key, self.now), (key, answer)
