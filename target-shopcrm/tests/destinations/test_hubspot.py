"""Destination hubspot: contacts."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from crm_fakes.hubspot import FakeHubSpot, settings_for
from crm_fakes.hubspot_people import (
    NO_CONNECTION,
    contact,
    hubspot_of,
    opened,
    paths,
    person,
)
from target_shopcrm.destinations.crm import DONE, Operation, Outcome
from target_shopcrm.destinations.hubspot import HubSpot
from target_shopcrm.errors import ConfigurationError, CrmSetupError
from target_shopcrm.settings import CrmSettings

UPSERT = "POST /crm/objects/contacts/batch/upsert"
READ = "POST /crm/objects/contacts/batch/read"
KNOWN: dict[str, Any] = {
    "given_name": "Ada",
    "segment": "loyal",
    "last_visit_on": date(2026, 10, 30),
    "visits": 12,
    "favourite_category": "Tea",
    "journey": "win_back",
    "journey_due_on": date(2026, 12, 1),
}


def test_contacts_are_written_a_hundred_per_call_and_nothing_else_is_asked() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        outcomes = hubspot.upsert([contact(person(n), visits=n) for n in range(250)])
    assert {outcome.state for outcome in outcomes} == {"done"}
    assert all(outcome.remote_id for outcome in outcomes)
    assert paths(fake) == [UPSERT] * 3
    assert fake.counts()["contacts"] == 250


def test_what_hubspot_is_told_of_a_contact_is_what_it_holds() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        ada = person(1, "ada@example.com", sms="+12125550101")
        hubspot.upsert([contact(ada, **KNOWN, phone="+12125550101")])
        (seen,) = hubspot.look_up([ada])
    expected = {
        **KNOWN,
        "email": "ada@example.com",
        "phone": "+12125550101",
        "last_visit_on": "2026-10-30",
        "journey_due_on": "2026-12-01",
    }
    assert fake.fields_of("ada@example.com") == expected
    assert seen is not None
    assert seen.fields == expected
    assert seen.subscribed == {"email"}


@pytest.mark.parametrize("name", ["Żółć", "דנה", "مريم", "小明", "O'Ñ \u202bab\u202c 🫖"])
def test_a_name_arrives_in_whatever_script_it_is_written(name: str) -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1), given_name=name)])
    assert fake.fields_of("p1@example.com")["given_name"] == name


def test_every_input_has_a_trace_id_of_its_own_and_is_never_keyed_by_email() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(n)) for n in range(3)])
    inputs = fake.requests[-1].json()["inputs"]
    assert len({each["objectWriteTraceId"] for each in inputs}) == 3
    assert {each["idProperty"] for each in inputs} == {"pos_customer_id"}


@pytest.mark.parametrize("multi_status", [True, False])
def test_one_bad_address_in_a_batch_costs_nobody_else(multi_status: bool) -> None:  # noqa: FBT001
    fake = FakeHubSpot()
    fake.contacts.multi_status = multi_status
    people = [person(n) for n in range(100)]
    people[37] = person(37, "not an address")
    with opened(fake) as hubspot:
        outcomes = hubspot.upsert([contact(each) for each in people])
        calls = len(fake.requests)
    assert outcomes[37] == Outcome("refused", field="email", reason="INVALID_EMAIL")
    assert [outcome.state for outcome in outcomes].count("done") == 99
    assert fake.counts()["contacts"] == 99
    assert calls == 1 if multi_status else calls < 20


def test_a_value_of_the_wrong_kind_is_refused_under_our_name_of_the_field() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        outcomes = hubspot.upsert(
            [contact(person(1), visits="twelve"), contact(person(2), last_visit_on="soon")]
        )
    assert [(each.state, each.field) for each in outcomes] == [
        ("refused", "visits"),
        ("refused", "last_visit_on"),
    ]


def test_a_batch_with_an_email_that_another_contact_has_fails_whole_and_is_taken_apart() -> None:
    fake = FakeHubSpot()
    fake.contacts.multi_status = False
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1, "shared@example.com"))])
        outcomes = hubspot.upsert(
            [contact(person(n, "shared@example.com" if n == 5 else "")) for n in range(2, 9)]
        )
    assert [outcome.state for outcome in outcomes].count("done") == 6
    assert outcomes[3] == Outcome("refused", field="email", reason="ADDRESS_OF_ANOTHER_CONTACT")


def test_a_contact_that_was_typed_in_by_hand_is_taken_over_not_doubled() -> None:
    fake = FakeHubSpot()
    fake.owner_adds("ada@example.com")
    with opened(fake) as hubspot:
        (outcome,) = hubspot.upsert([contact(person(1, "ada@example.com"), given_name="Ada")])
    assert outcome.state == "done"
    assert fake.counts()["contacts"] == 1
    (record,) = fake.contacts.records.values()
    assert record.properties["pos_customer_id"] == "corner:1"


def test_a_merge_changes_the_record_id_and_the_contact_is_still_found() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        (before,) = hubspot.upsert([contact(person(1, "ada@example.com"))])
        fake.owner_adds("ada.private@example.com")
        fake.merge("ada@example.com", "ada.private@example.com")
        stale = person(1, "ada@example.com")
        (after,) = hubspot.upsert([contact(stale, segment="loyal")])
        (seen,) = hubspot.look_up([stale])
    assert before.remote_id != after.remote_id
    assert fake.counts()["contacts"] == 1
    assert seen is not None
    assert seen.remote_id == after.remote_id


def test_two_customers_whom_staff_merged_do_not_fight_over_one_contact() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        both = [contact(person(1)), contact(person(2))]
        hubspot.upsert(both)
        fake.merge("p1@example.com", "p2@example.com")
        outcomes = hubspot.upsert(both)
    assert [outcome.state for outcome in outcomes] == ["done", "refused"]
    assert fake.counts()["contacts"] == 1


def test_who_may_not_be_written_to_is_never_created() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        outcomes = hubspot.upsert([contact(person(1), (), **KNOWN)])
    assert outcomes == [DONE]
    assert fake.counts()["contacts"] == 0
    assert paths(fake) == [READ]


def test_who_may_not_be_written_to_any_more_loses_address_and_everything_that_triggers() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1), **KNOWN)])
        fake.enrolled.clear()
        hubspot.upsert([contact(person(1, None), (), frozenset({"given_name"}), **KNOWN_NOW)])
        (seen,) = hubspot.look_up([person(1)])
    assert fake.mailable() == set()
    assert fake.known() == set()
    assert seen is not None
    assert seen.fields == {}
    assert fake.enrolled == [], "a property write would have started a workflow"


KNOWN_NOW: dict[str, Any] = {"segment": "loyal", "journey": "win_back", "visits": 13}
"""What profiling alone would permit; in HubSpot it would start workflows."""


def test_a_journey_is_only_written_while_an_address_may_be_used() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1), segment="loyal", journey="win_back")])
    assert fake.enrolled == [
        ("pos_journey", "p1@example.com"),
        ("pos_segment", "p1@example.com"),
    ]


def test_what_is_to_be_forgotten_is_cleared_and_nothing_else() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1), **KNOWN)])
        hubspot.upsert([contact(person(1), forget=frozenset({"segment", "journey"}))])
    held = fake.fields_of("p1@example.com")
    assert {"segment", "journey"}.isdisjoint(held)
    assert held["given_name"] == "Ada"


def test_an_address_that_moves_from_one_customer_to_another_is_freed_first() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1, "ada@example.com"))])
        outcomes = hubspot.upsert(
            [contact(person(2, "ada@example.com")), contact(person(1, None), ())]
        )
    assert [outcome.state for outcome in outcomes] == ["done", "done"]
    assert fake.mailable() == {("email", "ada@example.com")}


def test_the_address_that_a_person_left_is_not_written_to_any_more() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1, "old@example.com"))])
        hubspot.upsert([contact(person(1, "new@example.com"))])
    assert fake.mailable() == {("email", "new@example.com")}


def test_an_upsert_never_lifts_an_opt_out() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1))])
        fake.person_opts_out("email", "p1@example.com")
        fake.advance(hours=1)
        hubspot.upsert([contact(person(1), segment="loyal")])
        (seen,) = hubspot.look_up([person(1)])
    assert fake.mailable() == set()
    assert seen is not None
    assert seen.subscribed == frozenset()


def test_opening_creates_what_is_missing_and_asks_two_questions_the_next_time() -> None:
    fake = FakeHubSpot()
    with fake.running():
        hubspot_of(fake).open(NO_CONNECTION)
        fake.requests.clear()
        hubspot_of(fake).open(NO_CONNECTION)
    assert paths(fake) == [
        "GET /communication-preferences/definitions",
        "GET /crm/properties/contacts",
    ]
    assert fake.contacts.definitions["pos_customer_id"]["hasUniqueValue"] is True


def test_a_customer_id_that_is_not_unique_is_a_matter_for_the_owner() -> None:
    fake = FakeHubSpot()
    fake.contacts.definitions["pos_customer_id"] = {
        "name": "pos_customer_id",
        "hasUniqueValue": False,
    }
    with fake.running(), pytest.raises(CrmSetupError, match="delete or rename it"):
        hubspot_of(fake).open(NO_CONNECTION)


def test_a_property_deleted_while_we_run_is_a_matter_for_the_owner_not_of_each_contact() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        del fake.contacts.definitions["pos_visits"]
        with pytest.raises(CrmSetupError, match="run again"):
            hubspot.upsert([contact(person(n), visits=n) for n in range(50)])
    assert len(fake.requests) == 1


@pytest.mark.parametrize("number", ["4712", "99"])
def test_a_subscription_type_that_is_not_in_use_is_refused(number: str) -> None:
    fake = FakeHubSpot()
    with fake.running(), pytest.raises(CrmSetupError, match="subscription_type_id"):
        hubspot_of(fake, subscription_type_id=number).open(NO_CONNECTION)


@pytest.mark.parametrize("name", ["api_key", "subscription_type_id", "consent_explanation"])
def test_a_setting_that_is_missing_is_named(name: str) -> None:
    settings = settings_for(FakeHubSpot())
    del settings[name]
    with pytest.raises(ConfigurationError, match=name):
        HubSpot(CrmSettings.from_config(settings))


def test_a_subscription_type_is_a_number() -> None:
    settings = {**settings_for(FakeHubSpot()), "subscription_type_id": "newsletter"}
    with pytest.raises(ConfigurationError, match="must be the number"):
        HubSpot(CrmSettings.from_config(settings))


def test_looking_up_takes_three_calls_per_hundred_and_finds_who_was_typed_in_by_hand() -> None:
    fake = FakeHubSpot()
    fake.owner_adds("p7@example.com")
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(n)) for n in range(5)])
        fake.requests.clear()
        seen = hubspot.look_up([person(n) for n in range(100)])
    assert [at for at, each in enumerate(seen) if each] == [0, 1, 2, 3, 4, 7]
    assert paths(fake) == [READ, READ, "POST /crm/lists/records/memberships/batch/read"]
    assert fake.writes == [f"upsert p{n}@example.com" for n in range(5)]


def test_looking_up_before_the_first_run_finds_people_by_their_address() -> None:
    fake = FakeHubSpot()
    fake.owner_adds("p1@example.com")
    with fake.running():
        (seen,) = hubspot_of(fake).look_up([person(1)])
    assert seen is not None
    assert fake.writes == []


def test_what_the_readme_says_it_can_do_is_what_it_can_do() -> None:
    capabilities = HubSpot.capabilities
    assert all(capabilities.can(operation) for operation in Operation)
    assert capabilities.channels == {"email"}
    assert capabilities.history == frozenset()
