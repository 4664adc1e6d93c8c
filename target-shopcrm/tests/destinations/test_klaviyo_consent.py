"""Klaviyo's consent: what is withdrawn is seen to be withdrawn, and no grant lifts a no."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from crm_fakes.fake import Answer
from klaviyo_world import (
    GIVEN,
    HURRIED,
    contact,
    email,
    grant,
    person,
    phone,
    running,
    states,
    withdrawal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crm_fakes.fake import Request
    from klaviyo_world import World

SUBSCRIBE = "/api/profile-subscription-bulk-create-jobs"
UNSUBSCRIBE = "/api/profile-subscription-bulk-delete-jobs"
SUPPRESS = "/api/profile-suppression-bulk-create-jobs"


@pytest.fixture
def world() -> Iterator[World]:
    with running() as made:
        yield made


def suppress(world: World, number: int, reason: str, at: datetime) -> None:
    suppression = {"reason": reason, "timestamp": at.isoformat()}
    world.fake.account.at("email", email(number)).suppression.append(suppression)


def test_a_thousand_and_one_grants_take_two_calls(world: World) -> None:
    numbers = range(1_001)
    world.klaviyo.upsert([contact(number) for number in numbers])
    assert set(states(world.klaviyo.grant([grant(number) for number in numbers]))) == {"done"}
    assert len(world.posts(SUBSCRIBE)) == 2


def test_a_grant_is_a_historical_import_that_mails_nobody_and_names_no_list(
    world: World,
) -> None:
    world.tell(1, who=person(1, "email", "sms"))
    assert world.fake.double_opt_in_mails == []
    for request in world.posts(SUBSCRIBE):
        job = request.json()["data"]
        assert job["attributes"]["historical_import"] is True
        assert job["attributes"]["custom_source"] == "register"
        assert "relationships" not in job
        (entry,) = {
            use["marketing"]["consented_at"]
            for profile in job["attributes"]["profiles"]["data"]
            for use in profile["attributes"]["subscriptions"].values()
        }
        assert datetime.fromisoformat(entry) == GIVEN


def test_each_source_is_recorded_with_its_grants(world: World) -> None:
    world.klaviyo.upsert([contact(1), contact(2)])
    world.klaviyo.grant([grant(1, source="register"), grant(2, source="web form")])
    sources = {
        profile.address("email"): profile.source for profile in world.fake.account.profiles.values()
    }
    assert sources == {email(1): "register", email(2): "web form"}


def test_a_repeated_grant_sends_nothing(world: World) -> None:
    world.tell(1)
    written = len(world.writes())
    assert states(world.klaviyo.grant([grant(1)])) == ["done"]
    assert len(world.writes()) == written


@pytest.mark.parametrize("reason", ["UNSUBSCRIBE", "SPAM_COMPLAINT", "USER_SUPPRESSED"])
def test_subscribing_would_lift_an_opt_out_silently_so_it_is_not_called(
    world: World, reason: str
) -> None:
    world.klaviyo.upsert([contact(1)])
    suppress(world, 1, reason, GIVEN + timedelta(days=1))
    assert states(world.klaviyo.grant([grant(1)])) == ["opted_out"]
    assert world.posts(SUBSCRIBE) == []
    assert world.fake.mailable() == set()


@pytest.mark.parametrize("reason", ["HARD_BOUNCE", "INVALID_EMAIL"])
def test_an_address_that_bounced_is_opted_out_whenever_that_was(world: World, reason: str) -> None:
    world.klaviyo.upsert([contact(1)])
    suppress(world, 1, reason, GIVEN - timedelta(days=100))
    assert states(world.klaviyo.grant([grant(1)])) == ["opted_out"]


def test_whoever_agreed_after_saying_no_is_subscribed_again(world: World) -> None:
    world.klaviyo.upsert([contact(1)])
    suppress(world, 1, "UNSUBSCRIBE", GIVEN - timedelta(days=1))
    assert states(world.klaviyo.grant([grant(1)])) == ["done"]
    assert world.fake.mailable() == {("email", email(1))}


def test_a_no_at_the_same_moment_wins(world: World) -> None:
    world.klaviyo.upsert([contact(1)])
    suppress(world, 1, "UNSUBSCRIBE", GIVEN)
    assert states(world.klaviyo.grant([grant(1)])) == ["opted_out"]


def test_a_stop_after_the_grant_was_given_is_respected(world: World) -> None:
    who = person(1, "sms")
    world.klaviyo.upsert([contact(1, who=who)])
    world.fake.person_opts_out("sms", phone(1))
    assert states(world.klaviyo.grant([grant(1, "sms")])) == ["opted_out"]
    later = grant(1, "sms", given_at=world.fake.now + timedelta(minutes=5))
    world.fake.advance(hours=1)
    assert states(world.klaviyo.grant([later])) == ["done"]


def test_the_consent_timestamp_is_no_sign_of_consent(world: World) -> None:
    """Klaviyo doesn't clear it when somebody unsubscribes."""
    world.tell(1)
    world.fake.person_opts_out("email", email(1))
    profile = world.fake.account.at("email", email(1))
    assert profile.subscriptions()["email"]["marketing"]["consent_timestamp"]
    (seen,) = world.klaviyo.look_up([person(1)])
    assert seen is not None
    assert seen.subscribed == frozenset()
    assert states(world.klaviyo.grant([grant(1)])) == ["opted_out"]


def test_a_grant_from_the_future_is_refused_and_costs_nobody_else_anything(
    world: World,
) -> None:
    world.klaviyo.upsert([contact(number) for number in range(3)])
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    grants = [grant(0), grant(1, given_at=tomorrow), grant(2)]
    assert states(world.klaviyo.grant(grants)) == ["done", "refused", "done"]


def test_a_hundred_and_one_withdrawals_take_two_calls(world: World) -> None:
    numbers = range(101)
    world.tell(*numbers)
    outcomes = world.klaviyo.withdraw([withdrawal(number) for number in numbers])
    assert set(states(outcomes)) == {"done"}
    assert len(world.posts(UNSUBSCRIBE)) == 2
    assert world.fake.mailable() == set()


def test_a_withdrawal_names_no_list_which_would_unsubscribe_everybody_else(
    world: World,
) -> None:
    world.tell(1, who=person(1, "email", "sms"))
    world.klaviyo.withdraw([withdrawal(1)])
    (request,) = world.posts(UNSUBSCRIBE)
    assert "relationships" not in request.json()["data"]
    assert world.fake.mailable() == {("sms", phone(1))}, "texts were not withdrawn"


def test_withdrawing_an_unknown_address_makes_no_profile(world: World) -> None:
    outcomes = world.klaviyo.withdraw([withdrawal(1), withdrawal(1, "sms")])
    assert states(outcomes) == ["done", "done"]
    assert world.fake.counts()["contacts"] == 0
    assert world.writes() == []


def test_withdrawing_twice_writes_once(world: World) -> None:
    world.tell(1)
    world.klaviyo.withdraw([withdrawal(1)])
    written = len(world.writes())
    assert states(world.klaviyo.withdraw([withdrawal(1), withdrawal(1)])) == ["done", "done"]
    assert len(world.writes()) == written


def test_whoever_the_owner_typed_in_is_withdrawn_too(world: World) -> None:
    world.fake.owner_adds(email(1).title())
    assert states(world.klaviyo.withdraw([withdrawal(1)])) == ["done"]
    assert world.fake.mailable() == set()


def test_unsubscribing_who_never_subscribed_may_not_be_enough_so_it_is_suppressed(
    world: World,
) -> None:
    world.fake.suppresses_everybody = False
    world.klaviyo.upsert([contact(1)])
    assert world.fake.mailable() == {("email", email(1))}, "nobody ever asked this person"
    assert states(world.klaviyo.withdraw([withdrawal(1)])) == ["done"]
    assert len(world.posts(SUPPRESS)) == 1
    assert world.fake.mailable() == set()


def test_an_accepted_withdrawal_that_does_not_happen_is_not_called_done(world: World) -> None:
    world.tell(1)
    world.fake.account.is_stuck = True
    assert states(world.again(HURRIED).withdraw([withdrawal(1)])) == ["uncertain"]


def test_a_phone_number_that_is_none_costs_nobody_else_a_withdrawal(world: World) -> None:
    world.tell(1)
    world.fake.account.create({"phone_number": "12", "external_id": "x"})
    world.fake.account.subscribe(world.fake.account.at("sms", "12"), "sms", "")
    outcomes = world.klaviyo.withdraw([withdrawal(2, "sms", address="12"), withdrawal(1)])
    assert states(outcomes) == ["refused", "done"]


def test_a_new_address_is_granted_although_the_old_one_was_withdrawn(world: World) -> None:
    """Klaviyo's consent sits on the profile: the old address's no came along."""
    world.tell(1)
    world.klaviyo.withdraw([withdrawal(1)])
    moved = person(1, email="new@example.com")
    world.klaviyo.upsert([contact(1, who=moved)])
    assert world.fake.known() == {"new@example.com"}
    assert world.fake.mailable() == set()
    next_run = world.again()
    next_run.upsert([contact(1, who=moved)])
    assert states(next_run.grant([grant(1, address="new@example.com")])) == ["done"]
    assert world.fake.mailable() == {("email", "new@example.com")}


def test_a_no_to_the_new_address_counts(world: World) -> None:
    world.tell(1)
    world.klaviyo.withdraw([withdrawal(1)])
    world.klaviyo.upsert([contact(1, who=person(1, email="new@example.com"))])
    world.klaviyo.grant([grant(1, address="new@example.com")])
    world.fake.advance(hours=1)
    world.fake.person_opts_out("email", "new@example.com")
    assert states(world.klaviyo.grant([grant(1, address="new@example.com")])) == ["opted_out"]


def test_opt_outs_of_every_kind_are_read_back_even_of_strangers(world: World) -> None:
    world.tell(1)
    world.fake.person_opts_out("email", email(1))
    suppress(world, 2, "SPAM_COMPLAINT", GIVEN)
    suppress(world, 3, "HARD_BOUNCE", GIVEN)
    world.fake.person_opts_out("sms", phone(4))
    found, cursor = world.klaviyo.read_opt_outs(None)
    assert {(each.channel, each.address, each.cause) for each in found} == {
        ("email", email(1), "UNSUBSCRIBE"),
        ("email", email(2), "SPAM_COMPLAINT"),
        ("email", email(3), "HARD_BOUNCE"),
        ("sms", phone(4), "UNSUBSCRIBED"),
    }
    assert all(each.at is not None and each.at.tzinfo is not None for each in found)
    assert cursor is not None


def test_reading_opt_outs_goes_on_where_it_ended(world: World) -> None:
    for number in range(150):
        suppress(world, number, "UNSUBSCRIBE", GIVEN)
    world.fake.person_opts_out("sms", phone(1))
    first = world.klaviyo.read_opt_outs(None)
    assert len(first.found) == 151
    asked = len(world.fake.requests)
    world.fake.advance(hours=3)
    second = world.again().read_opt_outs(first.cursor)
    assert len(world.fake.requests) - asked <= 3, "two pages of the last hour, one of STOPs"
    world.fake.advance(hours=3)
    world.fake.person_opts_out("email", email(500))
    world.fake.person_opts_out("sms", phone(500))
    third = world.again().read_opt_outs(second.cursor)
    assert {each.address for each in third.found} >= {email(500), phone(500)}


def test_an_unchanged_account_costs_two_calls(world: World) -> None:
    suppress(world, 1, "UNSUBSCRIBE", GIVEN)
    _, cursor = world.klaviyo.read_opt_outs(None)
    asked = len(world.fake.requests)
    world.klaviyo.read_opt_outs(cursor)
    assert len(world.fake.requests) - asked == 2


def test_a_cursor_nobody_understands_reads_everything(world: World) -> None:
    suppress(world, 1, "UNSUBSCRIBE", GIVEN)
    assert len(world.klaviyo.read_opt_outs("yesterday").found) == 1


def test_a_subscription_whose_answer_was_lost_is_repeated_only_after_reading(
    world: World,
) -> None:
    world.klaviyo.upsert([contact(1)])

    def unsubscribes_meanwhile(request: Request) -> Answer | None:
        if request.path == SUBSCRIBE:
            world.fake.person_opts_out("email", email(1))
            return Answer(500)
        return None

    world.fake.script = unsubscribes_meanwhile
    assert states(world.again(HURRIED).grant([grant(1)])) == ["opted_out"]
    assert len(world.posts(SUBSCRIBE)) == 1
