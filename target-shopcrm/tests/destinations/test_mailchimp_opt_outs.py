"""Who told Mailchimp no, and how addresses are withdrawn."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest
from crm_fakes.mailchimp import FakeMailchimp, hash_of, settings_for
from crm_fakes.mailchimp.people import AGREED, DECLARED, permitted, somebody, withdrawn
from target_shopcrm.destinations.http import Patience
from target_shopcrm.destinations.items import Contact, Withdrawal
from target_shopcrm.destinations.mailchimp import Mailchimp
from target_shopcrm.settings import CrmSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_shopcrm.database.connection import Connection

PATIENCE = Patience(retry=3.0, answer=5.0, poll=0.001, job=0.05)


@pytest.fixture
def fake() -> Iterator[FakeMailchimp]:
    with FakeMailchimp().running() as fake:
        yield fake


@pytest.fixture
def crm(fake: FakeMailchimp) -> Iterator[Mailchimp]:
    crm = Mailchimp(CrmSettings.from_config(settings_for(fake)), PATIENCE)
    fake.audience.fields.update(DECLARED)
    crm.open(cast("Connection", None))
    fake.requests.clear()
    yield crm
    crm.close()


def addresses(crm: Mailchimp, cursor: str | None = None) -> list[str]:
    return [each.address for each in crm.read_opt_outs(cursor).found]


def test_opt_outs_of_people_we_never_sent_are_found_too(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    for email in ("own@example.com", "cleaned@example.com", "stays@example.com"):
        fake.owner_adds(email)
    fake.person_opts_out("email", "own@example.com")
    fake.bounces("cleaned@example.com")
    found = crm.read_opt_outs(None).found
    assert [(each.address, each.cause, each.channel) for each in found] == [
        ("own@example.com", "No longer interested", "email"),
        ("cleaned@example.com", "cleaned", "email"),
    ]
    assert {each.at for each in found} == {fake.now}


def test_reading_again_starts_where_it_ended_and_costs_two_calls(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    for number in range(3):
        fake.owner_adds(f"p{number}@example.com")
        fake.person_opts_out("email", f"p{number}@example.com")
        fake.advance(hours=1)
    cursor = crm.read_opt_outs(None).cursor
    fake.requests.clear()
    # At least once: the newest one stands exactly at the cursor, and comes again.
    assert addresses(crm, cursor) == ["p2@example.com"]
    assert len(fake.requests) == 2


def test_an_audience_without_opt_outs_keeps_its_cursor(crm: Mailchimp) -> None:
    assert crm.read_opt_outs(None) == ([], None)
    kept = crm.read_opt_outs("2026-02-01T00:00:00+00:00")
    assert kept == ([], "2026-02-01T00:00:00+00:00")


@pytest.mark.parametrize("seconds", [0, 1], ids=["in one second", "one after the other"])
def test_more_opt_outs_than_a_page_are_all_read(
    fake: FakeMailchimp, crm: Mailchimp, seconds: int
) -> None:
    for number in range(2_100):
        fake.owner_adds(f"p{number}@example.com")
        fake.person_opts_out("email", f"p{number}@example.com")
        fake.advance(seconds=seconds)
    assert len(set(addresses(crm))) == 2_100
    assert len(fake.requests) <= 5


def test_our_own_withdrawal_is_not_mistaken_for_the_persons_own(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    crm.upsert([permitted("ann@example.com")])
    crm.withdraw([withdrawn("ann@example.com")])
    assert addresses(crm) == []
    # The owner subscribes the address by hand, and then the person says no.
    fake.owner_adds("ann@example.com")
    fake.person_opts_out("email", "ann@example.com")
    assert addresses(crm) == ["ann@example.com"]


def test_who_comes_back_and_then_leaves_is_found(fake: FakeMailchimp, crm: Mailchimp) -> None:
    crm.upsert([permitted("ann@example.com")])
    crm.withdraw([withdrawn("ann@example.com")])
    crm.upsert([permitted("ann@example.com")])
    assert fake.mailable() == {("email", "ann@example.com")}
    fake.owner_unsubscribes("ann@example.com")
    assert addresses(crm) == ["ann@example.com"]


@pytest.mark.parametrize("is_silent", [False, True], ids=["with an error", "without a word"])
def test_a_persons_own_unsubscribe_is_never_lifted(
    fake: FakeMailchimp, crm: Mailchimp, *, is_silent: bool
) -> None:
    fake.audience.keeps_silent = is_silent
    for email in ("link@example.com", "bounced@example.com"):
        fake.owner_adds(email)
    fake.person_opts_out("email", "link@example.com")
    fake.bounces("bounced@example.com")
    anew = [_agreeing(each, fake) for each in ("link@example.com", "bounced@example.com")]
    assert [each.state for each in crm.upsert(anew)] == ["opted_out", "opted_out"]
    assert fake.mailable() == set()


def test_an_unsubscribe_that_a_batch_would_lift_is_noticed_before(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    crm.upsert([permitted("ann@example.com"), permitted("bob@example.com")])
    fake.advance(hours=1)
    cursor = crm.read_opt_outs(None).cursor
    assert cursor is None
    fake.owner_unsubscribes("ann@example.com")  # between reading and writing
    outcomes = crm.upsert([permitted("ann@example.com"), permitted("bob@example.com")])
    assert [each.state for each in outcomes] == ["opted_out", "done"]
    assert fake.mailable() == {("email", "bob@example.com")}


def test_agreeing_and_saying_no_at_the_same_time_is_a_no(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    fake.now = AGREED
    fake.owner_adds("ann@example.com")
    fake.owner_unsubscribes("ann@example.com")
    assert [each.state for each in crm.upsert([permitted("ann@example.com")])] == ["opted_out"]


def test_who_agrees_after_the_owner_unsubscribed_them_is_subscribed_again(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    fake.owner_adds("ann@example.com")
    fake.owner_unsubscribes("ann@example.com")
    crm.read_opt_outs(None)
    assert [each.state for each in crm.upsert([_agreeing("ann@example.com", fake)])] == ["done"]
    assert fake.mailable() == {("email", "ann@example.com")}


def test_a_thousand_withdrawals_take_two_writing_calls_and_are_read_back(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    people = [f"p{number}@example.com" for number in range(1_000)]
    crm.upsert([permitted(each) for each in people])
    fake.requests.clear()
    outcomes = crm.withdraw([withdrawn(each) for each in people])
    assert {each.state for each in outcomes} == {"done"}
    assert [each.method for each in fake.requests] == ["GET", "POST", "POST", "GET"]
    assert fake.mailable() == set()
    assert crm.read_opt_outs(None).found == []


def test_withdrawing_adds_nobody_and_repeats_without_a_write(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    crm.upsert([permitted("ann@example.com")])
    for _ in range(2):
        fake.requests.clear()
        outcomes = crm.withdraw([withdrawn("ann@example.com"), withdrawn("never@example.com")])
        assert [each.state for each in outcomes] == ["done", "done"]
    assert {each.method for each in fake.requests} == {"GET"}
    assert fake.known() == {"ann@example.com"}


def test_somebody_the_owner_added_can_be_withdrawn_and_a_pending_one_too(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    for email in ("hand@example.com", "Pending@Example.com"):
        fake.owner_adds(email)
    fake.audience.members[hash_of("pending@example.com")].status = "pending"
    crm.withdraw([withdrawn("hand@example.com"), withdrawn("pending@example.com")])
    assert {each.status for each in fake.audience.members.values()} == {"unsubscribed"}


def test_an_opt_out_is_left_as_the_person_made_it(fake: FakeMailchimp, crm: Mailchimp) -> None:
    fake.owner_adds("ann@example.com")
    fake.person_opts_out("email", "ann@example.com")
    crm.withdraw([withdrawn("ann@example.com")])
    assert addresses(crm) == ["ann@example.com"]


def test_a_withdrawal_that_does_not_hold_is_uncertain(fake: FakeMailchimp, crm: Mailchimp) -> None:
    fake.owner_adds("lost@example.com")
    fake.audience.deaf = {hash_of("lost@example.com")}
    assert [each.state for each in crm.withdraw([withdrawn("lost@example.com")])] == ["uncertain"]


def test_one_that_the_batch_passes_over_is_unsubscribed_alone(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    fake.owner_adds("lost@example.com")
    assert [each.state for each in crm.withdraw([withdrawn("lost@example.com")])] == ["done"]
    assert fake.mailable() == set()


def test_text_messages_are_not_mailchimps_business(fake: FakeMailchimp, crm: Mailchimp) -> None:
    text = Withdrawal(who=somebody(None), channel="sms", address="+4915112345678")
    assert [each.state for each in crm.withdraw([text])] == ["skipped"]
    assert fake.requests == []


def _agreeing(email: str, fake: FakeMailchimp) -> Contact:
    """Somebody who agreed anew, an hour from now."""
    assert fake.now > AGREED
    return Contact(
        who=somebody(email),
        fields={},
        channels=("email",),
        since={"email": fake.now + timedelta(hours=1)},
    )
