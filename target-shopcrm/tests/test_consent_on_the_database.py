"""The consent machine against the real target: nothing gets past its gate into ledger or CRM."""

from __future__ import annotations

import logging
import os
import uuid
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from consent_machine import ConsentMachine
from consent_situations import SHOP, day
from consent_world import EMAILS, PHONES, TERMS, TEXTS
from database_street import Contact, DatabaseStreet
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test
from target_shopcrm.consent.events import Key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from conftest import Shop, Singer
    from consent_world import Reading
    from shopcrm_database import RunningServer

TEMPLATE = "template_shopcrm"
SHOPS = f"""
version: 1
name: the practice shop's
extends: strict
shops:
  {SHOP}: {{country: US, jurisdiction: US-NY}}
"""
ADDRESS_FIELDS = {"email": "email", "sms": "phone"}
EVERYBODY = [
    Contact(name, email, phone)
    for name, email, phone in zip(("K1", "K2", "K3"), EMAILS, PHONES, strict=True)
]
contacts = st.lists(
    st.builds(
        Contact,
        st.sampled_from(["K1", "K2", "K3"]),
        st.sampled_from([*EMAILS, None]),
        st.sampled_from([*PHONES, None]),
    ),
    max_size=2,
    unique_by=lambda contact: contact.contact_id,
)


class Lives:
    """Where lives take place, and how many there were.

    Args:
        server: Makes a database for each life.
        shop: Lends its folder.
        singer: Short ways to say something in Singer.
    """

    def __init__(self, server: RunningServer, shop: Shop, singer: Singer) -> None:
        self._server = server
        self._singer = singer
        policy = shop.folder / "shops.yml"
        policy.write_text(SHOPS)
        self._shop = replace(shop, config={"policy_path": str(policy)})
        self.counts: Counter[str] = Counter()

    def begin(self) -> DatabaseStreet:
        """Open a street on a fresh database."""
        self.counts["lives"] += 1
        self._name = f"life_{uuid.uuid4().hex}"
        url = self._server.create_database(self._name, template=TEMPLATE)
        return DatabaseStreet(replace(self._shop, url=url), self._singer)

    def end(self, street: DatabaseStreet) -> None:
        """Take the street down again."""
        street.close()
        self._server.drop_database(self._name)

    def live(self, lives: int, steps: int, *, derandomize: bool) -> None:
        """Let Hypothesis live."""

        class Machine(DatabaseMachine):
            lives = self

        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=lives,
                stateful_step_count=steps,
                derandomize=derandomize,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        logging.getLogger(__name__).info("%s", dict(self.counts))


class DatabaseMachine(ConsentMachine):
    """The machine over the target, with a CRM outside that is told about contacts."""

    lives: ClassVar[Lives]
    street: DatabaseStreet

    def __init__(self) -> None:
        super().__init__()
        self.crm: dict[str, dict[str, str]] = {}

    def open_street(self) -> DatabaseStreet:
        """A fresh database."""
        return self.lives.begin()

    @initialize()
    def start(self) -> None:
        """Everybody has said yes to everything, and the CRM knows: there is much to lose."""
        super().start()
        for profile in self.profiles.values():
            profile.is_member = True
            profile.answers = {source: ("given", day(-1)) for source in (TEXTS, TERMS)}
        self._deliver([profile.read(self.now) for profile in self.profiles.values()])
        self._send(EVERYBODY)

    def teardown(self) -> None:
        """Drop it again."""
        if hasattr(self, "street"):
            self.lives.end(self.street)

    def _deliver(self, batch: Sequence[Reading]) -> None:
        at = self.street.clock()
        super()._deliver(batch)
        self.lives.counts["runs"] += 1
        assert self.street.versions() == self.truth.versions
        for key in self.street.allowed_keys():
            assert not self.truth.must_deny(key, at), key
        for addresses in self.street.profiled():
            assert self._may_be_profiled(addresses, at), addresses

    @rule()
    def everybody_is_sent(self) -> None:
        """Every address there is, asked for or not: the gate decides."""
        self._send(EVERYBODY)

    @rule(batch=contacts)
    def contacts_have_changed(self, batch: list[Contact]) -> None:
        """Whatever addresses the input holds, the CRM gets the permitted ones."""
        self._send(batch)

    @rule()
    def sending_crashes(self) -> None:
        """What was written but never committed doesn't count."""
        self.street.send(EVERYBODY, crash=True)

    @invariant()
    def a_step_was_taken(self) -> None:
        """Counts the steps."""
        self.lives.counts["steps"] += 1

    def _send(self, batch: Sequence[Contact]) -> None:
        at = self.street.clock()
        sent = {contact.contact_id: contact.addresses() for contact in batch}
        for line in self.street.send(batch):
            self._hear(line, sent, at)
        self.lives.counts["runs into the CRM"] += 1
        for held in self.crm.values():
            for channel, address in held.items():
                assert not self._must_deny(channel, address, "marketing", at), (channel, address)
        for name, addresses in sent.items():
            for channel, address in addresses.items():
                if self.truth.must_allow(Key(SHOP, channel, address, "marketing"), at):
                    assert self.crm.get(name, {}).get(channel) == address, (name, channel)

    def _hear(self, line: dict[str, Any], sent: dict[str, dict[str, str]], at: datetime) -> None:
        """The CRM takes one line, which must hold nothing that isn't permitted."""
        name = line["contact_id"]
        if line["action"] == "withdraw":
            self._hear_withdrawal(name, line["channel"], line["address"])
            return
        if line["action"] == "forget":
            assert not self.crm[name], "the withdrawals came first"
            self.lives.counts["forgotten"] += 1
            return
        told = {channel: line[field] for channel, field in ADDRESS_FIELDS.items() if field in line}
        assert list(told) == line["channels"]
        for channel, address in told.items():
            assert not self._must_deny(channel, address, "marketing", at), (channel, address)
        if "segment" in line:
            assert self._may_be_profiled(sent[name], at), sent[name]
        self.crm[name] = told
        self.lives.counts["upserts"] += 1

    def _hear_withdrawal(self, name: str, channel: str, address: str) -> None:
        """Of whoever holds it; the ledger's own are told even where nobody does (any more)."""
        for held in [self.crm[name]] if name in self.crm else self.crm.values():
            if held.get(channel) == address:
                del held[channel]
                self.lives.counts["withdrawals"] += 1

    def _must_deny(self, channel: str, address: str, purpose: str, at: datetime) -> bool:
        return self.truth.must_deny(Key(SHOP, channel, address, purpose), at)

    def _may_be_profiled(self, addresses: dict[str, str], at: datetime) -> bool:
        return any(
            not self._must_deny(channel, address, "profiling", at)
            for channel, address in addresses.items()
        )


@pytest.fixture
def lives(server: RunningServer, shop: Shop, singer: Singer) -> Lives:
    return Lives(server, shop, singer)


def test_no_message_gets_past_the_gate_of_the_target(lives: Lives) -> None:
    lives.live(10, 50, derandomize=True)
    assert min(lives.counts["upserts"], lives.counts["withdrawals"]) > 0


@pytest.mark.long
def test_many_more_lives_on_the_database(lives: Lives) -> None:
    # In CI the same lives every time: a rare finding must not block an unrelated change.
    lives.live(180, 50, derandomize="CI" in os.environ)
