"""Klaviyo's contacts: imported in few calls, cleared, listed, looked up, erased."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from crm_fakes.klaviyo import EVERYBODY, LOYAL
from klaviyo_world import (
    HURRIED,
    connected,
    contact,
    email,
    person,
    phone,
    running,
    states,
    withdrawal,
)
from target_shopcrm.destinations.crm import Operation, Seen
from target_shopcrm.destinations.items import Membership
from target_shopcrm.destinations.klaviyo import Klaviyo
from target_shopcrm.errors import ConfigurationError, CredentialsError, CrmSetupError
from target_shopcrm.settings import CrmSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crm_fakes.fake import Request
    from klaviyo_world import World

UNUSUAL = "\u200fאדה\u200f 😀 Ünal"
"""Right to left with its marks, beyond the basic plane, combined."""
IMPORT = "/api/profile-bulk-import-jobs"


@pytest.fixture
def world() -> Iterator[World]:
    with running() as made:
        yield made


def test_it_needs_an_api_key() -> None:
    with pytest.raises(ConfigurationError, match="klaviyo needs the setting api_key"):
        Klaviyo(CrmSettings())


def test_two_thousand_new_contacts_are_one_import(world: World) -> None:
    contacts = [contact(number, segment="loyal") for number in range(2_000)]
    assert states(world.klaviyo.upsert(contacts)) == ["done"] * 2_000
    assert len(world.writes()) == 1
    assert world.fake.counts()["contacts"] == 2_000
    assert world.klaviyo.calls == len(world.fake.requests)


@pytest.mark.long
def test_more_than_ten_thousand_are_two_imports(world: World) -> None:
    contacts = [contact(number) for number in range(10_001)]
    assert set(states(world.klaviyo.upsert(contacts))) == {"done"}
    assert len(world.posts(IMPORT)) == 2


def test_an_import_holds_five_megabytes_at_most(world: World) -> None:
    contacts = [contact(number, favourite_category="x" * 90_000) for number in range(60)]
    assert set(states(world.klaviyo.upsert(contacts))) == {"done"}
    assert [len(request.body) < 5_000_000 for request in world.posts(IMPORT)] == [True, True]


def test_a_contact_that_is_too_large_costs_nobody_else_anything(world: World) -> None:
    contacts = [contact(1), contact(2, favourite_category="x" * 100_000), contact(3)]
    outcomes = world.klaviyo.upsert(contacts)
    assert states(outcomes) == ["done", "refused", "done"]
    assert "100 KB" in outcomes[1].reason


def test_fields_arrive_under_their_names_in_every_script(world: World) -> None:
    who = person(1, "email", "sms")
    told = contact(
        1,
        who=who,
        given_name=UNUSUAL,
        segment="loyal",
        visits=12,
        last_visit_on=date(2026, 2, 28),
    )
    world.klaviyo.upsert([told])
    assert world.fake.fields_of(email(1)) == {
        "given_name": UNUSUAL,
        "email": email(1),
        "phone": phone(1),
        "segment": "loyal",
        "visits": 12,
        "last_visit_on": "2026-02-28",
    }


def test_an_import_changes_no_consent(world: World) -> None:
    world.tell(1)
    world.fake.person_opts_out("email", email(1))
    world.klaviyo.upsert([contact(1, visits=2), contact(2)])
    assert world.fake.opted_out() == {("email", email(1))}
    assert ("email", email(1)) not in world.fake.mailable()


def test_a_profile_with_an_address_is_mailed_so_none_is_sent_without_its_channel(
    world: World,
) -> None:
    who = person(1, "email", "sms")
    world.klaviyo.upsert([contact(1, who=who, channels=("sms",))])
    assert world.fake.known() == {phone(1)}
    assert world.fake.mailable() == set()


def test_whoever_the_shop_had_in_klaviyo_before_is_found_by_address(world: World) -> None:
    world.fake.owner_adds(email(1).upper())
    world.klaviyo.upsert([contact(1)])
    assert world.fake.counts()["contacts"] == 1
    assert world.fake.fields_of(email(1))["given_name"] == "Name1"


@pytest.mark.parametrize("errors", ["pointed at", "not pointed at"])
def test_what_the_import_refuses_costs_nobody_else_anything(world: World, errors: str) -> None:
    world.fake.points_at_errors = points = errors == "pointed at"
    contacts = [contact(number) for number in range(6)]
    contacts[2] = contact(2, who=person(2, "email", sms="12"))
    contacts[4] = contact(4, who=person(4, "sms", email="not an address"))
    outcomes = world.klaviyo.upsert(contacts)
    assert states(outcomes) == ["done", "done", "refused", "done", "refused", "done"]
    assert outcomes[4].field == "email"
    if points:
        assert outcomes[2].field == "phone"
        assert len(world.posts(IMPORT)) == 2, "once with, once without what is ill-formed"
    assert "12" not in outcomes[2].reason


def test_more_errors_than_a_page_holds_are_all_read(world: World) -> None:
    contacts = [contact(number, who=person(number, sms="12")) for number in range(150)]
    contacts.append(contact(151))
    outcomes = world.klaviyo.upsert(contacts)
    assert states(outcomes) == ["refused"] * 150 + ["done"]
    assert len(world.posts(IMPORT)) == 1


def test_a_bulk_import_ignores_null_so_fields_are_cleared_otherwise(world: World) -> None:
    world.tell(1, segment="loyal", visits=3)
    world.klaviyo.upsert([contact(1, visits=4, forget=("segment",))])
    assert world.fake.fields_of(email(1)) == {
        "given_name": "Name1",
        "email": email(1),
        "visits": 4,
    }
    told = contact(1, forget=("given_name",))
    told.fields.pop("given_name")
    world.klaviyo.upsert([told])
    assert "given_name" not in world.fake.fields_of(email(1))


def test_a_blanked_contact_keeps_only_the_address_that_said_no(world: World) -> None:
    world.tell(1, segment="loyal")
    world.klaviyo.withdraw([withdrawal(1)])
    gone = ("given_name", "email", "segment")
    blanked = contact(1, channels=(), forget=gone)
    assert states(world.klaviyo.upsert([blanked])) == ["done"]
    assert world.fake.fields_of(email(1)) == {"email": email(1)}
    assert world.fake.opted_out() == {("email", email(1))}
    assert world.fake.mailable() == set()


def test_an_address_that_only_left_is_cleared(world: World) -> None:
    """Nobody said no to it; without its channel it must not be mailed either."""
    who = person(1, "email", "sms")
    world.tell(1, who=who)
    world.klaviyo.upsert([contact(1, who=person(1, "sms"), forget=("email",))])
    assert world.fake.known() == {phone(1)}


def test_blanking_somebody_klaviyo_does_not_know_makes_no_profile(world: World) -> None:
    outcomes = world.klaviyo.upsert([contact(1, channels=(), forget=("segment",))])
    assert states(outcomes) == ["done"]
    assert world.writes() == []


def test_blanking_leaves_another_contact_with_the_same_address_alone(world: World) -> None:
    world.tell(2, segment="loyal")
    shared = person(1, email=email(2))
    world.klaviyo.upsert([contact(1, who=shared, channels=(), forget=("segment",))])
    assert world.fake.fields_of(email(2))["segment"] == "loyal"


def test_lists_are_changed_a_thousand_at_a_time(world: World) -> None:
    numbers = range(1_001)
    world.klaviyo.upsert([contact(number) for number in numbers])
    on = [Membership(who=person(n), list_id=LOYAL, is_member=True) for n in numbers]
    written = len(world.writes())
    assert set(states(world.klaviyo.set_memberships(on))) == {"done"}
    assert len(world.writes()) - written == 2
    assert len(world.fake.members()[LOYAL]) == 1_001
    off = [Membership(who=person(n), list_id=LOYAL, is_member=False) for n in (1, 5_000)]
    assert states(world.klaviyo.set_memberships(off)) == ["done", "done"]
    assert email(1) not in world.fake.members()[LOYAL]


def test_nobody_without_a_profile_gets_onto_a_list(world: World) -> None:
    membership = Membership(who=person(1), list_id=LOYAL, is_member=True)
    (outcome,) = world.klaviyo.set_memberships([membership])
    assert (outcome.state, outcome.reason) == ("refused", "no profile in Klaviyo")
    assert world.fake.counts()["contacts"] == 0


def test_a_profile_that_goes_that_very_moment_keeps_nobody_else_off_a_list(world: World) -> None:
    """Klaviyo refuses the whole call, and doesn't say because of whom."""
    world.klaviyo.upsert([contact(number) for number in range(4)])

    def goes(request: Request) -> None:
        if request.path.startswith("/api/lists/") and request.method == "POST":
            for profile in world.fake.account.find(email=email(2)):
                world.fake.account.delete(profile)

    world.fake.script = goes
    on = [Membership(who=person(n), list_id=LOYAL, is_member=True) for n in range(4)]
    outcomes = world.klaviyo.set_memberships(on)
    assert states(outcomes) == ["done", "done", "refused", "done"]
    assert world.fake.members()[LOYAL] == {email(0), email(1), email(3)}


def test_a_list_changes_nobodys_consent(world: World) -> None:
    world.tell(1)
    world.fake.person_opts_out("email", email(1))
    world.klaviyo.set_memberships([Membership(who=person(1), list_id=LOYAL, is_member=True)])
    assert world.fake.mailable() == set()


def test_a_list_that_is_missing_stops_the_run(world: World) -> None:
    nowhere = connected(world.fake, lists={"*": EVERYBODY, "loyal": "Gone"})
    with pytest.raises(CrmSetupError, match="no list Gone"):
        nowhere.open(None)  # type: ignore[arg-type]
    world.tell(1)
    with pytest.raises(CrmSetupError, match="no list Gone"):
        world.klaviyo.set_memberships([Membership(who=person(1), list_id="Gone", is_member=True)])


def test_getting_ready_costs_one_call(world: World) -> None:
    world.klaviyo.open(None)  # type: ignore[arg-type]
    connected(world.fake, lists={}).open(None)  # type: ignore[arg-type]
    assert len(world.fake.requests) == 2


@pytest.mark.parametrize("lists", [{"*": EVERYBODY}, {}], ids=["lists", "no lists"])
def test_a_wrong_key_is_told_when_getting_ready(world: World, lists: dict[str, str]) -> None:
    wrong = connected(world.fake, api_key="pk_wrong_key", lists=lists)
    with pytest.raises(CredentialsError, match="correct api_key") as told:
        wrong.open(None)  # type: ignore[arg-type]
    assert "pk_wrong_key" not in str(told.value)


def test_looking_up_a_hundred_people_takes_one_call_and_one_for_each_list(world: World) -> None:
    world.tell(1, 2, visits=3)
    world.klaviyo.set_memberships([Membership(who=person(1), list_id=LOYAL, is_member=True)])
    asked = len(world.fake.requests)
    people = [person(number) for number in (1, 2)]
    first, second = world.klaviyo.look_up(people)
    assert first == Seen(
        fields={"given_name": "Name1", "email": email(1), "visits": 3},
        subscribed=frozenset({"email"}),
        lists=frozenset({LOYAL}),
        remote_id=first.remote_id if first else None,
    )
    assert second is not None
    assert second.lists == frozenset()
    assert len(world.fake.requests) - asked == 3
    assert world.klaviyo.look_up([person(7)]) == [None]


def test_people_are_found_whatever_their_addresses_look_like(world: World) -> None:
    odd = ["o'hara+list@example.com", 'quoted"quote@example.com', "b,racket]@example.com"]
    contacts = [contact(n, who=person(n, email=odd[n])) for n in range(3)]
    world.klaviyo.upsert(contacts)
    strangers = [person(9, email=address) for address in odd]
    assert all(world.klaviyo.look_up(strangers))


def test_an_erased_person_is_gone_and_stays_gone(world: World) -> None:
    world.tell(1, 2)
    assert states(world.klaviyo.erase([person(1)])) == ["done"]
    assert world.fake.known() == {email(2)}
    world.klaviyo.upsert([contact(2, visits=5)])
    world.klaviyo.withdraw([withdrawal(1)])
    assert world.fake.known() == {email(2)}


def test_every_profile_of_an_erased_person_goes(world: World) -> None:
    world.klaviyo.upsert([contact(1)])
    world.fake.owner_adds("old@example.com")
    world.fake.account.at("sms", phone(1))
    erased = person(1, "sms", email="old@example.com")
    assert states(world.klaviyo.erase([erased])) == ["done"]
    assert world.fake.known() == set()


def test_erasing_somebody_unknown_is_done_without_a_deletion(world: World) -> None:
    nobody = person(1)
    assert states(world.klaviyo.erase([nobody])) == ["done"]
    assert world.writes() == []


def test_a_deletion_that_does_not_happen_is_not_called_done(world: World) -> None:
    world.tell(1)
    world.fake.account.is_stuck = True
    hurried = world.again(HURRIED)
    assert states(hurried.erase([person(1)])) == ["uncertain"]
    world.fake.finish_jobs()
    assert states(hurried.erase([person(1)])) == ["done"]


def test_there_is_no_place_for_hints_to_staff(world: World) -> None:
    assert not world.klaviyo.capabilities.can(Operation.CUE)
    assert states(world.klaviyo.send_cues([])) == []
