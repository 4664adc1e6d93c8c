"""Destination hubspot: who may be written to, and what people told HubSpot themselves."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from crm_fakes.hubspot import FakeHubSpot
from crm_fakes.hubspot_people import (
    IN_VAIN,
    contact,
    grant,
    hubspot_of,
    opened,
    paths,
    person,
    withdrawal,
)
from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.items import OptOut
from target_shopcrm.errors import CrmSetupError

STATUSES = "/communication-preferences/statuses"
BATCH = f"POST {STATUSES}/batch"
OPTED_OUT = Outcome("opted_out", reason="UNSUBSCRIBED")


def small_account() -> FakeHubSpot:
    """An account without Marketing Hub Enterprise."""
    fake = FakeHubSpot()
    fake.scopes -= {"consent-batch", "events"}
    return fake


def test_an_enterprise_account_withdraws_a_hundred_per_call_and_reads_them_back() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        outcomes = hubspot.withdraw([withdrawal(f"w{n}@example.com") for n in range(300)])
    assert outcomes == [DONE] * 300
    assert paths(fake) == [f"{BATCH}/unsubscribe-all", f"{BATCH}/unsubscribe-all/read"] * 3
    assert len(fake.opted_out()) == 300


def test_another_account_is_asked_once_whether_it_may_then_one_by_one() -> None:
    fake = small_account()
    with opened(fake) as hubspot:
        hubspot.withdraw([withdrawal(f"w{n}@example.com") for n in range(20)])
        hubspot.withdraw([withdrawal(f"v{n}@example.com") for n in range(20)])
    called = paths(fake)
    assert called.count(f"{BATCH}/unsubscribe-all") == 1
    assert len(called) == 1 + 2 * 40
    assert len(fake.opted_out()) == 40


def test_two_withdrawals_are_not_worth_asking() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.withdraw([withdrawal("a@example.com"), withdrawal("b@example.com")])
    assert [path.split()[0] for path in paths(fake)] == ["POST", "GET", "POST", "GET"]


def test_a_withdrawal_works_for_who_was_never_sent_and_creates_nobody() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        outcomes = hubspot.withdraw([withdrawal("stranger+shop@example.com")])
        fake.owner_adds("stranger+shop@example.com")
    assert outcomes == [DONE]
    assert fake.opted_out() == {("email", "stranger+shop@example.com")}
    assert fake.mailable() == set(), "the opt-out belongs to the address, not to a contact"


def test_withdrawing_again_changes_nothing() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        for _ in range(2):
            assert hubspot.withdraw([withdrawal("ada@example.com")]) == [DONE]
    assert fake.opted_out() == {("email", "ada@example.com")}


@pytest.mark.parametrize("make", [FakeHubSpot, small_account])
def test_a_withdrawal_only_counts_once_it_can_be_read(make: type[FakeHubSpot]) -> None:
    fake = make()
    fake.subscriptions.reads_until_done = 3
    emails = [f"w{n}@example.com" for n in range(3)]
    with opened(fake) as hubspot:
        outcomes = hubspot.withdraw([withdrawal(email) for email in emails])
    assert outcomes == [DONE] * 3
    assert {email for _, email in fake.opted_out()} == set(emails)


@pytest.mark.parametrize("make", [FakeHubSpot, small_account])
def test_a_withdrawal_that_never_comes_true_is_uncertain(make: type[FakeHubSpot]) -> None:
    fake = make()
    fake.subscriptions.reads_until_done = 1_000_000
    with opened(fake, IN_VAIN) as hubspot:
        outcomes = hubspot.withdraw([withdrawal(f"w{n}@example.com") for n in range(4)])
    assert outcomes == [Outcome("uncertain", reason="NOT_CONFIRMED")] * 4


@pytest.mark.parametrize("make", [FakeHubSpot, small_account])
def test_one_bad_address_costs_no_other_its_withdrawal(make: type[FakeHubSpot]) -> None:
    fake = make()
    emails = ["a@example.com", "not an address", "B@Example.com", "c@example.com"]
    with opened(fake) as hubspot:
        outcomes = hubspot.withdraw([withdrawal(email) for email in emails])
    refused = Outcome("refused", field="email", reason="INVALID_EMAIL")
    assert outcomes == [DONE, refused, DONE, DONE]
    assert len(fake.opted_out()) == 3


def test_text_messages_have_no_consent_in_hubspot() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        outcomes = hubspot.withdraw([withdrawal("+12125550101", "sms"), withdrawal("a@b.example")])
    assert [outcome.state for outcome in outcomes] == ["skipped", "done"]


@pytest.mark.parametrize("make", [FakeHubSpot, small_account])
def test_a_grant_is_recorded_with_its_legal_basis(make: type[FakeHubSpot]) -> None:
    fake = make()
    fake.subscriptions.privacy = True
    given_at = datetime(2026, 11, 1, 10, 0, tzinfo=timezone.utc)
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(n)) for n in range(4)])
        assert fake.mailable() == set(), "with the privacy settings on, a yes is needed"
        outcomes = hubspot.grant([grant(f"p{n}@example.com", given_at) for n in range(4)])
    assert outcomes == [DONE] * 4
    assert len(fake.mailable()) == 4
    assert fake.subscriptions.explanations["p1@example.com"] == (
        "Agreed at the till of the shop (square:card, 2026-11-01T10:00:00+00:00)"
    )


def test_grants_take_three_calls_per_hundred_and_repeating_them_writes_nothing() -> None:
    fake = FakeHubSpot()
    grants = [grant(f"g{n}@example.com") for n in range(300)]
    with opened(fake) as hubspot:
        hubspot.grant(grants)
        assert len(fake.requests) == 9
        writes = len(fake.writes)
        assert hubspot.grant(grants) == [DONE] * 300
    assert len(fake.writes) == writes
    assert len(fake.requests) == 15


@pytest.mark.parametrize("make", [FakeHubSpot, small_account])
def test_a_grant_never_lifts_what_the_person_told_hubspot_later(make: type[FakeHubSpot]) -> None:
    fake = make()
    given_at = datetime.now(timezone.utc) - timedelta(days=3)
    with opened(fake) as hubspot:
        fake.person_opts_out("email", "g1@example.com")
        outcomes = hubspot.grant([grant(f"g{n}@example.com", given_at) for n in range(4)])
    assert outcomes == [DONE, OPTED_OUT, DONE, DONE]
    assert fake.opted_out() == {("email", "g1@example.com")}


def test_an_opt_out_at_the_moment_of_the_grant_stands() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        fake.person_opts_out("email", "ada@example.com")
        assert hubspot.grant([grant("ada@example.com", fake.now)]) == [OPTED_OUT]


@pytest.mark.parametrize("make", [FakeHubSpot, small_account])
def test_who_agreed_again_after_an_opt_out_may_be_written_to(make: type[FakeHubSpot]) -> None:
    fake = make()
    with opened(fake) as hubspot:
        for n in range(3):
            fake.person_opts_out("email", f"g{n}@example.com")
        fake.advance(days=1)
        grants = [grant(f"g{n}@example.com", fake.now - timedelta(hours=1)) for n in range(3)]
        assert hubspot.grant(grants) == [DONE] * 3
    assert fake.opted_out() == set()


@pytest.mark.parametrize("make", [FakeHubSpot, small_account])
def test_one_bad_address_costs_no_other_its_grant(make: type[FakeHubSpot]) -> None:
    fake = make()
    with opened(fake) as hubspot:
        outcomes = hubspot.grant([grant(e) for e in ("a@example.com", "nobody", "b@example.com")])
    assert [outcome.state for outcome in outcomes] == ["done", "refused", "done"]


def test_opt_outs_are_read_back_of_contacts_we_never_sent() -> None:
    fake = FakeHubSpot()
    fake.owner_adds("ada@example.com")
    fake.owner_adds("bea@example.com")
    fake.owner_adds("cid@example.com")
    with opened(fake) as hubspot:
        at = fake.now
        fake.person_opts_out("email", "ada@example.com")
        fake.advance(hours=2)
        fake.bounces("bea@example.com")
        read = hubspot.read_opt_outs(None)
    found = {(out.address, out.cause): out for out in read.found}
    assert set(found) == {
        ("ada@example.com", "HS_EMAIL_OPTOUT"),
        ("ada@example.com", "HS_EMAIL_OPTOUT_4711"),
        ("bea@example.com", "BOUNCE_UNKNOWN_USER"),
    }
    assert found["ada@example.com", "HS_EMAIL_OPTOUT"] == OptOut(
        channel="email", address="ada@example.com", at=at, cause="HS_EMAIL_OPTOUT"
    )


def test_the_time_of_an_opt_out_is_the_persons_not_that_of_our_last_upsert() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1))])
        fake.person_opts_out("email", "p1@example.com")
        at = fake.now
        fake.advance(days=5)
        hubspot.upsert([contact(person(1), segment="loyal")])
        read = hubspot.read_opt_outs((at + timedelta(days=4)).isoformat())
    assert {out.at for out in read.found} == {at}


def test_reading_again_without_changes_takes_two_calls_at_most() -> None:
    fake = FakeHubSpot()
    fake.owner_adds("ada@example.com")
    fake.person_opts_out("email", "ada@example.com")
    with opened(fake) as hubspot:
        first = hubspot.read_opt_outs(None)
        fake.advance(days=1)
        fake.owner_adds("bea@example.com")
        fake.person_opts_out("email", "bea@example.com")
        second = hubspot.read_opt_outs(first.cursor)
        assert "bea@example.com" in {out.address for out in second.found}
        fake.requests.clear()
        third = hubspot.read_opt_outs(second.cursor)
    assert third.cursor == second.cursor
    assert {out.address for out in third.found} <= {"bea@example.com"}
    assert len(fake.requests) <= 2


def test_nobody_opted_out_yet() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        read = hubspot.read_opt_outs(None)
    assert list(read.found) == []
    assert read.cursor is None
    assert len(fake.requests) == 1


def test_a_search_that_is_behind_loses_nobody() -> None:
    fake = FakeHubSpot()
    for email in ("ada@example.com", "bea@example.com"):
        fake.owner_adds(email)
    fake.person_opts_out("email", "ada@example.com")
    late = fake.now
    fake.advance(minutes=10)
    fake.person_opts_out("email", "bea@example.com")
    with opened(fake) as hubspot:
        ada = fake.contacts.find("email", "ada@example.com")
        assert ada
        del fake.contacts.records[ada.id]  # not in the index yet, though it changed first
        first = hubspot.read_opt_outs(None)
        fake.contacts.records[ada.id] = ada
        second = hubspot.read_opt_outs(first.cursor)
    assert {out.address for out in first.found} == {"bea@example.com"}
    assert ("ada@example.com", late) in {(out.address, out.at) for out in second.found}


def test_more_opt_outs_than_a_search_tells_are_read_in_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("target_shopcrm.destinations.hubspot.opt_outs._FOUND_AT_MOST", 400)
    fake = FakeHubSpot()
    fake.contacts.found_at_most = 400
    for n in range(700):
        fake.owner_adds(f"p{n}@example.com")
        fake.person_opts_out("email", f"p{n}@example.com")
        fake.advance(seconds=1)
    with opened(fake) as hubspot:
        read = hubspot.read_opt_outs(None)
    assert len({out.address for out in read.found}) == 700


def test_without_the_mark_of_opt_outs_nothing_is_read_for_granted() -> None:
    fake = FakeHubSpot()
    del fake.contacts.definitions["hs_email_optout"]
    with fake.running(), pytest.raises(CrmSetupError, match="hs_email_optout"):
        hubspot_of(fake).read_opt_outs(None)


def test_a_mark_that_the_account_does_not_have_is_not_searched_for() -> None:
    fake = FakeHubSpot()
    del fake.contacts.definitions["hs_email_optout_4711"]
    del fake.contacts.definitions["hs_email_hard_bounce_reason_enum"]
    with opened(fake) as hubspot:
        hubspot.read_opt_outs(None)
    searched = fake.requests[-1].json()
    assert len(searched["filterGroups"]) == 1
