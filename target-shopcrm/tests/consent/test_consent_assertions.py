"""From what a customer record asserts to events about its addresses."""

from __future__ import annotations

from consent_situations import KEY, NOW, SHOP, day, ledger_of, policy_of, us_policy
from consent_world import NEWSLETTER, TEXTS, Said
from target_shopcrm.consent.assertions import ALWAYS, Assertions, ContactPoint, assertions
from target_shopcrm.consent.batch import events_of_batch
from target_shopcrm.consent.events import ConsentEvent, State, source_in_profile, split_source
from target_shopcrm.consent.fold import verdict
from target_shopcrm.consent.verdicts import Reason

OLD, NEW = "ann@example.com", "ann@example.org"


def newsletter(
    state: State, *, seen: float, acted: float | None = None, source: str = NEWSLETTER
) -> Said:
    acted_at = None if acted is None else day(acted)
    return Said("email", "marketing", state, acted_at, day(seen), source)


class Register:
    """Reads one shop's customers into a ledger, one batch after another."""

    def __init__(self) -> None:
        self.ledger: list[ConsentEvent] = []
        self.points: dict[str, dict[str, ContactPoint]] = {}

    def read(
        self,
        email: str | None,
        *said: Said,
        at: float,
        who: str = "ann",
        ended: bool = False,
        stale: bool = False,
    ) -> Assertions:
        """Take one reading in a batch of its own."""
        previous = self.points.setdefault(who, {})
        reading = assertions(
            SHOP,
            who,
            email,
            None,
            said,
            previous,
            us_policy(),
            observed_at=day(at),
            ended=ended,
            stale=stale,
        )
        previous.update({point.channel: point for point in reading.contact_points})
        self.ledger += events_of_batch([reading], ledger_of(self.ledger), us_policy())
        return reading

    def reason(self, address: str) -> Reason:
        """Why marketing to the address is allowed or not."""
        key = KEY._replace(address=address)
        return verdict(key, [one for one in self.ledger if one.key == key], us_policy(), NOW).reason


def test_a_statement_is_kept_with_the_profile_that_made_it() -> None:
    reading = Register().read("Ann@Example.com", newsletter("given", seen=1), at=1)
    (event,) = reading.events
    assert event.address == OLD
    assert split_source(event.source) == (NEWSLETTER, "ann")
    assert reading.contact_points == (ContactPoint(SHOP, "ann", "email", OLD, ALWAYS),)


def test_a_source_of_no_profile_is_its_own_name() -> None:
    assert split_source("desk") == ("desk", None)
    assert split_source(source_in_profile("a#b", "c")) == ("a#b", "c")


def test_the_first_address_is_not_a_change() -> None:
    register = Register()
    register.read(OLD, newsletter("given", seen=5), at=5)
    assert register.reason(OLD) is Reason.GRANTED


def test_an_unchanged_record_has_nothing_new() -> None:
    register = Register()
    register.read(OLD, newsletter("given", seen=5), at=5)
    reading = register.read("ANN@example.com", newsletter("given", seen=6), at=6)
    assert reading.contact_points == ()
    assert len(register.ledger) == 1


def test_a_grant_stays_behind_when_the_address_changes() -> None:
    register = Register()
    register.read(OLD, newsletter("given", seen=5), at=5)
    register.read(NEW, newsletter("given", seen=8), at=7)
    assert register.reason(NEW) is Reason.ADDRESS_CHANGED
    assert register.reason(OLD) is Reason.ADDRESS_CHANGED
    assert register.points["ann"]["email"].since == day(7)


def test_a_dated_grant_counts_for_the_new_address_only_after_the_change() -> None:
    register = Register()
    register.read(OLD, at=5)
    register.read(NEW, newsletter("given", seen=8, acted=7), at=7)
    assert register.reason(NEW) is Reason.ADDRESS_CHANGED
    register.read(NEW, newsletter("given", seen=10, acted=9), at=9)
    assert register.reason(NEW) is Reason.GRANTED


def test_a_withdrawal_comes_along_to_the_new_address() -> None:
    register = Register()
    register.read(OLD, newsletter("withdrawn", seen=5), at=5)
    register.read(NEW, at=7)
    assert register.reason(NEW) is Reason.WITHDRAWN
    assert register.reason(OLD) is Reason.WITHDRAWN


def test_a_withdrawal_told_to_nobody_in_particular_comes_along() -> None:
    register = Register()
    register.read(OLD, at=5)
    stop = newsletter("withdrawn", seen=6, source="sms:STOP")
    register.ledger.append(
        ConsentEvent(
            **KEY._asdict(),
            state=stop.state,
            event_time=None,
            observed_at=stop.observed_at,
            source=stop.source,
        )
    )
    register.read(NEW, at=7)
    assert register.reason(NEW) is Reason.WITHDRAWN


def test_somebody_elses_withdrawal_stays_at_the_shared_address() -> None:
    register = Register()
    register.read(OLD, at=5)
    register.read(OLD, newsletter("withdrawn", seen=6), at=6, who="bob")
    register.read(NEW, newsletter("given", seen=9, acted=8), at=7)
    assert register.reason(NEW) is Reason.GRANTED
    assert register.reason(OLD) is Reason.WITHDRAWN


def test_an_address_that_is_missing_for_a_while_is_no_change() -> None:
    register = Register()
    register.read(OLD, newsletter("given", seen=5), at=5)
    register.read(None, newsletter("given", seen=6), at=6)
    register.read("not an address", newsletter("given", seen=7), at=7)
    register.read(OLD, newsletter("given", seen=8), at=8)
    assert register.reason(OLD) is Reason.GRANTED


def test_leaving_the_newsletter_without_an_address_ends_the_grant() -> None:
    register = Register()
    register.read(OLD, newsletter("given", seen=5), at=5)
    register.read(None, newsletter("unknown", seen=6), at=6)
    assert register.reason(OLD) is Reason.UNKNOWN_STATE


def test_two_profiles_share_an_address_and_one_has_not_opted_in() -> None:
    register = Register()
    register.read(OLD, newsletter("given", seen=5), at=5)
    register.read(OLD, newsletter("unknown", seen=5), at=5, who="bob")
    assert register.reason(OLD) is Reason.CONFLICT
    count = len(register.ledger)
    register.read(OLD, newsletter("given", seen=6), at=6)
    register.read(OLD, newsletter("unknown", seen=6), at=6, who="bob")
    assert len(register.ledger) == count


def test_a_merged_profile_grants_and_blocks_nothing_any_more() -> None:
    register = Register()
    register.read(OLD, newsletter("given", seen=5), at=5)
    register.read(OLD, newsletter("unknown", seen=5), at=5, who="bob")
    register.read(None, at=7, who="bob", ended=True)
    assert register.reason(OLD) is Reason.GRANTED
    register.read(OLD, newsletter("given", seen=8), at=8, ended=True)
    assert register.reason(OLD) is Reason.UNKNOWN_STATE
    count = len(register.ledger)
    register.read(OLD, newsletter("given", seen=9), at=8, ended=True)
    assert len(register.ledger) == count


def test_of_a_stale_reading_only_the_withdrawal_counts() -> None:
    register = Register()
    register.read(OLD, newsletter("given", seen=5), at=5)
    register.read(NEW, newsletter("unknown", seen=9), at=9)
    register.read(OLD, newsletter("given", seen=6), at=6, stale=True)
    assert register.points["ann"]["email"].address == NEW
    assert register.reason(NEW) is Reason.UNKNOWN_STATE
    register.read(OLD, newsletter("withdrawn", seen=7), at=7)
    assert register.points["ann"]["email"].address == NEW
    assert register.reason(NEW) is Reason.WITHDRAWN
    assert register.reason(OLD) is Reason.WITHDRAWN


def test_a_stale_grant_between_two_readings_without_an_opt_in_grants_nothing() -> None:
    register = Register()
    register.read(OLD, newsletter("unknown", seen=5), at=5)
    register.read(OLD, newsletter("unknown", seen=9), at=9)
    register.read(OLD, newsletter("given", seen=7), at=7, stale=True)
    assert register.reason(OLD) is Reason.UNKNOWN_STATE


def test_the_most_cautious_word_of_one_source_in_one_reading_counts() -> None:
    register = Register()
    register.read(OLD, newsletter("given", seen=5, acted=4), newsletter("unknown", seen=5), at=5)
    assert register.reason(OLD) is Reason.UNKNOWN_STATE
    register.read(
        NEW, newsletter("given", seen=6), newsletter("withdrawn", seen=6), at=6, who="bob"
    )
    assert register.reason(NEW) is Reason.WITHDRAWN


def test_several_versions_of_one_customer_in_one_batch() -> None:
    previous: dict[str, ContactPoint] = {}
    batch = []
    for email, said, at in (
        (OLD, newsletter("given", seen=5), 5),
        (NEW, newsletter("given", seen=6), 6),
    ):
        reading = assertions(
            SHOP, "ann", email, None, [said], previous, us_policy(), observed_at=day(at)
        )
        previous.update({point.channel: point for point in reading.contact_points})
        batch.append(reading)
    register = Register()
    register.ledger += events_of_batch(batch, ledger_of([]), us_policy())
    assert register.reason(OLD) is Reason.ADDRESS_CHANGED
    assert register.reason(NEW) is Reason.ADDRESS_CHANGED


def test_a_withdrawal_on_a_channel_the_policy_does_not_use_is_kept() -> None:
    said = Said("whatsapp", "marketing", "withdrawn", None, day(5), TEXTS)
    reading = assertions(
        SHOP, "ann", None, "(212) 555-0101", [said], {}, us_policy(), observed_at=day(5)
    )
    (event,) = reading.events
    assert (event.channel, event.address) == ("whatsapp", "+12125550101")


def test_a_channel_without_addresses_asserts_nothing() -> None:
    said = Said("post", "marketing", "given", None, day(5), "square:form")
    reading = assertions(SHOP, "ann", OLD, None, [said], {}, us_policy(), observed_at=day(5))
    assert reading.events == ()


def test_a_national_number_needs_a_country() -> None:
    nowhere = policy_of("version: 1\nname: nowhere\nextends: strict\n")
    said = Said("sms", "marketing", "given", None, day(5), TEXTS)
    reading = assertions(
        SHOP, "ann", None, "(212) 555-0101", [said], {}, nowhere, observed_at=day(5)
    )
    assert reading.events == ()
