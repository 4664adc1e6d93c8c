"""The consent machine with a real target and a CRM behind it: nobody may get a message who said no.

The CRM is a fake that keeps state as its vendor does, traps included. After every run it is
asked whom it could write to; the oracle of `tests/consent`, written independently of the fold,
says whom it must not.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from click.testing import CliRunner
from consent_machine import ConsentMachine
from consent_situations import SHOP, day
from consent_world import EMAILS, KEYS, PHONES, TERMS, TEXTS
from crm_fakes import fake_crm, settings_for
from crm_fakes.fake import Answer, Fault
from database_street import FOUR_CENTURIES, Contact, DatabaseStreet
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from target_shopcrm.cli import main
from target_shopcrm.consent.events import Key
from target_shopcrm.errors import ShopCRMError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from conftest import Shop, Singer
    from crm_fakes.fake import FakeCrm, Request
    from hypothesis.strategies import SearchStrategy

EVERYBODY = [
    Contact(name, email, phone)
    for name, email, phone in zip(("K1", "K2", "K3"), EMAILS, PHONES, strict=True)
]
ADDRESSES = [("email", email) for email in EMAILS] + [("sms", phone) for phone in PHONES]
contacts: SearchStrategy[list[Contact]] = st.lists(
    st.builds(
        Contact,
        st.sampled_from(["K1", "K2", "K3"]),
        st.sampled_from([*EMAILS, None]),
        st.sampled_from([*PHONES, None]),
    ),
    max_size=2,
    unique_by=lambda contact: contact.contact_id,
)
FAULTS = {
    "told to wait": Fault("before", Answer(429, {}, {"Retry-After": "0"})),
    "down": Fault("before", Answer(503, {}, {"Retry-After": "0"})),
    "did it and failed": Fault("after", Answer(500, {}, {"Retry-After": "0"})),
    "did it and hung up": Fault("after"),
    "hung up": Fault("before"),
    "lost the token": Fault("before", Answer(401, {"message": "no"})),
}


class CrmStreet(DatabaseStreet):
    """The target over a database of its own, with a CRM of its own.

    Args:
        shop: The database, and the target that writes into it.
        singer: Short ways to say something in Singer.
        name: The CRM.
    """

    def __init__(self, shop: Shop, singer: Singer, name: str) -> None:
        super().__init__(shop, singer)
        self._stack = ExitStack()
        self.fake: FakeCrm = self._stack.enter_context(fake_crm(name).running())
        self._settings = settings_for(name, self.fake)
        self._sent = 0
        self.moment = ""

    def close(self) -> None:
        """Let go of the database and of the CRM."""
        self._stack.close()
        super().close()

    def tell_crm(self, batch: Sequence[Contact], occasion: str) -> bool:
        """Tell the CRM of contacts, each with an occasion to write; returns whether it worked."""
        self._sent += 1
        lines = [
            self._singer.schema("activation-contacts"),
            self._singer.schema("activation-events"),
            *(self._contact(each) for each in batch),
            *(self._event(each, occasion) for each in batch),
            self._singer.state(self._sent),
        ]
        try:
            states = self._shop.run(lines, **self._settings).states
        except ShopCRMError:
            return False
        finally:
            self.fake.finish_jobs()
        assert states == [self._sent], states
        return True

    def erase(self, email: str) -> None:
        """What ``shopcrm erase`` does."""
        policy = str(self._shop.config["policy_path"])
        done = CliRunner().invoke(
            main,
            ["erase", "--email", email, "--shop", SHOP, "--yes", "--policy", policy],
            env={"DATABASE_URL": self._shop.url},
        )
        assert done.exit_code == 0, done.output

    def _contact(self, contact: Contact) -> str:
        return self._singer.record(
            "activation-contacts",
            contact.contact_id,
            SHOP,
            email=contact.email,
            phone=contact.phone,
            segment="loyal",
        )

    def _event(self, contact: Contact, occasion: str) -> str:
        return self._singer.record(
            "activation-events",
            f"{occasion}:{contact.contact_id}",
            SHOP,
            contact_id=contact.contact_id,
            email=contact.email,
            phone=contact.phone,
            name="win_back",
            occurred_at=self.moment,
        )


class CrmMachine(ConsentMachine):
    """People, a register, and a CRM that people also talk to; runs crash and vendors fail."""

    open_crm: ClassVar[Callable[[], CrmStreet]]
    shut_crm: ClassVar[Callable[[CrmStreet], None]]
    counts: ClassVar[Counter[str]] = Counter()
    street: CrmStreet

    def open_street(self) -> CrmStreet:
        """A fresh database and a fresh CRM."""
        return type(self).open_crm()

    @initialize()
    def start(self) -> None:
        """Everybody has said yes to everything, and the CRM knows: there is much to lose."""
        super().start()
        self.said_no_there: dict[tuple[str, str], datetime] = {}
        self.erased: dict[str, datetime] = {}
        self.together: dict[str, set[str]] = {}
        for profile in self.profiles.values():
            profile.is_member = True
            profile.answers = {source: ("given", day(-1)) for source in (TEXTS, TERMS)}
        self._deliver([profile.read(self.now) for profile in self.profiles.values()])
        self._tell(EVERYBODY)

    def teardown(self) -> None:
        """Take it all down again."""
        if hasattr(self, "street"):
            type(self).shut_crm(self.street)

    @rule()
    def everybody_is_told(self) -> None:
        """Every address there is, asked for or not: the gate decides."""
        self._tell(EVERYBODY)

    @rule(batch=contacts)
    def contacts_have_changed(self, batch: list[Contact]) -> None:
        """Whatever addresses the input holds, the CRM gets the permitted ones."""
        self._tell(batch)

    @rule(kind=st.sampled_from(sorted(FAULTS)), position=st.integers(0, 8))
    def the_vendor_fails(self, kind: str, position: int) -> None:
        """One request goes wrong; the run copes with it or stops, and the next one goes on."""
        first = len(self.street.fake.requests)

        def break_one(_request: Request) -> Fault | None:
            is_it = len(self.street.fake.requests) - first == position
            return FAULTS[kind] if is_it else None

        self.street.fake.faults = break_one
        self._tell(EVERYBODY)
        self.street.fake.faults = lambda _request: None
        self.counts["faults"] += 1

    @rule(where=st.sampled_from(ADDRESSES))
    def person_says_no_to_the_crm(self, where: tuple[str, str]) -> None:
        """With the link in a message, if the CRM knows the address at all."""
        if where not in self.street.fake.mailable():
            return
        self.now += timedelta(microseconds=1)
        self._wind_the_clock()
        self.street.fake.person_opts_out(*where)
        if where not in self.street.fake.mailable():
            self.said_no_there[where] = self.now
            self.counts["opt-outs in the CRM"] += 1

    @rule(email=st.sampled_from(EMAILS))
    def somebody_is_erased(self, email: str) -> None:
        """At the shop; the CRM learns of it first thing in its next run."""
        self.street.erase(email)
        self.erased[email] = self.now
        self.counts["erasures"] += 1
        self._tell([])

    @invariant()
    def nothing_is_allowed_that_must_be_denied(self) -> None:
        """The other half doesn't hold here: what CRMs and erasures say, the oracle never hears."""
        if not hasattr(self, "street"):
            return
        for key, answer in self.street.verdicts(KEYS, self.now).items():
            assert not (answer.allowed and self.truth.must_deny(key, self.now)), (key, answer)

    @invariant()
    def a_step_was_taken(self) -> None:
        """Counts the steps."""
        self.counts["steps"] += 1

    def _wind_the_clock(self) -> None:
        self.street.fake.now = self.now + FOUR_CENTURIES
        self.street.moment = (self.now + FOUR_CENTURIES).isoformat()

    def _tell(self, batch: Sequence[Contact]) -> None:
        """One run into the CRM; whatever comes of it, nobody can be reached who may not be."""
        self._wind_the_clock()
        for contact in batch:
            addresses = set(contact.addresses().values())
            for address in addresses:
                self.together.setdefault(address, set()).update(addresses)
        fake, at = self.street.fake, self.street.clock()
        before, writes, triggers = fake.mailable(), len(fake.writes), len(fake.triggered())
        worked = self.street.tell_crm(batch, str(self.now))
        self.counts["runs"] += 1
        after = fake.mailable()
        for where in after if worked else after - before:
            assert not self._must_deny(where, at), where
        for _, address in fake.triggered()[triggers:]:
            assert self._may_be_reached(address, at), address
        if not worked:
            self.counts["failed runs"] += 1
            return
        for members in fake.members().values():
            for address in members:
                # A contact may be on a list for one channel and show the address of the other.
                person = self.together.get(address, {address})
                assert any(self._may_be_reached(each, at) for each in person), address
        self._check_order(fake.writes[writes:])
        for email in self.erased.keys() & fake.known():
            key = Key(SHOP, "email", email, "marketing")
            assert self.truth.has_yes_after(key, self.erased[email]), email

    @staticmethod
    def _check_order(writes: Sequence[str]) -> None:
        """Erasures and withdrawals of the ledger came before anything else."""
        kinds = [write.split()[0] for write in writes]
        others = [i for i, kind in enumerate(kinds) if kind not in {"withdraw", "erase"}]
        assert "erase" not in kinds[min(others, default=len(kinds)) :]

    def _may_be_reached(self, address: str, at: datetime) -> bool:
        return not all(self._must_deny(where, at) for where in ADDRESSES if where[1] == address)

    def _must_deny(self, where: tuple[str, str], at: datetime) -> bool:
        """Whether no grant stands that is later than what the person told the CRM."""
        no = self.said_no_there.get(where)
        key = Key(SHOP, *where, "marketing")
        if no is not None and not self.truth.has_yes_after(key, no):
            return True
        return self.truth.must_deny(key, at)
