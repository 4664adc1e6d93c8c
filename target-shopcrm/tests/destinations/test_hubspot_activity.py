"""Destination hubspot: erasures, lists, orders, events and cues."""

from __future__ import annotations

from typing import Any

import pytest
from crm_fakes.hubspot import FakeHubSpot
from crm_fakes.hubspot_people import (
    IN_VAIN,
    contact,
    cue,
    event,
    membership,
    opened,
    order,
    paths,
    person,
)
from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.errors import CrmSetupError

STRANGER = person("stranger")


@pytest.mark.parametrize("email", ["p1@example.com", None])
def test_who_is_erased_is_gone_for_good_with_tasks_and_consent(email: str | None) -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1)), contact(person(2))])
        hubspot.send_cues([cue(person(1)), cue(person(2), 2)])
        outcomes = hubspot.erase([person(1, email)])
        hubspot.upsert([contact(person(2), segment="loyal")])
    assert outcomes == [DONE]
    assert fake.known() == {"p2@example.com"}
    assert fake.blocked == {"p1@example.com"}
    assert fake.counts() == {"contacts": 1, "orders": 0, "events": 0, "cues": 1}


def test_who_was_never_known_is_erased_already_and_blocked() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        assert hubspot.erase([STRANGER]) == [DONE]
    assert fake.blocked == {"pstranger@example.com"}


def test_an_erased_person_is_found_under_another_address_and_after_a_merge_under_both() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1, "new@example.com"))])
        fake.owner_adds("second@example.com")
        fake.merge("new@example.com", "second@example.com")
        assert hubspot.erase([person(1, "old@example.com")]) == [DONE]
    assert fake.known() == set()
    assert fake.blocked == {"old@example.com", "new@example.com", "second@example.com"}


def test_a_contact_without_an_address_is_erased_by_its_record() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1))])
        hubspot.upsert([contact(person(1, None), ())])
        assert hubspot.erase([person(1, None)]) == [DONE]
    assert fake.counts()["contacts"] == 0


def test_an_erasure_that_is_only_accepted_is_uncertain_and_done_when_it_happened() -> None:
    fake = FakeHubSpot()
    fake.deletions_wait = True
    with opened(fake, IN_VAIN) as hubspot:
        hubspot.upsert([contact(person(1))])
        assert hubspot.erase([person(1)]) == [Outcome("uncertain", reason="NOT_CONFIRMED")]
        fake.finish_jobs()
        assert hubspot.erase([person(1)]) == [DONE]


def test_an_address_that_hubspot_cannot_hold_keeps_nobody_else_from_being_erased() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(2))])
        outcomes = hubspot.erase([person(1, "no address"), person(2)])
    assert [outcome.state for outcome in outcomes] == ["refused", "done"]


def test_lists_take_a_read_and_a_write_per_hundred_people() -> None:
    fake = FakeHubSpot()
    people = [person(n) for n in range(150)]
    with opened(fake) as hubspot:
        hubspot.upsert([contact(each) for each in people])
        fake.requests.clear()
        hubspot.set_memberships([membership(each) for each in people])
        assert len(fake.requests) == 1 + 2 * 2
        hubspot.set_memberships([membership(people[0], is_member=False)])
    assert len(fake.members()["11"]) == 149


def test_people_are_put_on_several_lists_at_once_and_strangers_on_none() -> None:
    fake = FakeHubSpot()
    ada, bea = person(1), person(2)
    with opened(fake) as hubspot:
        hubspot.upsert([contact(ada), contact(bea)])
        outcomes = hubspot.set_memberships(
            [
                membership(ada, "12"),
                membership(STRANGER),
                membership(bea),
                membership(person("nobody"), is_member=False),
            ]
        )
    assert [outcome.state for outcome in outcomes] == ["done", "skipped", "done", "done"]
    assert fake.members()["11"] == {"p2@example.com"}
    assert fake.members()["12"] == {"p1@example.com"}


@pytest.mark.parametrize(
    ("number", "why"), [("13", "active list"), ("14", "no list of contacts"), ("99", "no list 99")]
)
def test_a_list_that_cannot_be_changed_is_a_matter_for_the_owner(number: str, why: str) -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot, pytest.raises(CrmSetupError, match=why):
        hubspot.set_memberships([membership(person(1), number)])


def test_a_merge_between_reading_and_writing_costs_nobody_the_list() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1))])
        fake.owner_adds("twin@example.com")

        def merge_now(request: Any) -> None:
            if request.path.endswith("add-and-remove") and fake.contacts.find(
                "email", "twin@example.com"
            ):
                fake.script = lambda _request: None
                fake.merge("p1@example.com", "twin@example.com")

        fake.script = merge_now
        (outcome,) = hubspot.set_memberships([membership(person(1))])
    assert outcome.state == "done"
    assert fake.members()["11"] == {"p1@example.com"}


def test_orders_are_linked_to_their_contacts_and_sent_again_change_nothing() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1))])
        hubspot.send_orders([order(person(1))])
        fake.requests.clear()
        outcomes = hubspot.send_orders([order(person(1)), order(STRANGER, 2)])
    assert [outcome.state for outcome in outcomes] == ["done", "skipped"]
    assert fake.counts()["orders"] == 1
    assert len(fake.links) == 1
    assert len(fake.requests) == 3
    (stored,) = fake.orders.records.values()
    assert stored.properties == {
        "pos_order_id": "corner:o1",
        "hs_order_name": "o1",
        "hs_external_created_date": "2026-11-20T12:00:00.000Z",
        "hs_currency_code": "USD",
        "hs_total_price": "10.80",
        "pos_net": "10.00",
        "pos_lines": "2 x Kettle",
    }


@pytest.mark.parametrize(
    ("currency", "amount"), [("JPY", "1080"), ("EUR", "10.80"), ("KWD", "1.080")]
)
def test_money_has_as_many_decimals_as_its_currency(currency: str, amount: str) -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1))])
        hubspot.send_orders([order(person(1), currency=currency)])
    (stored,) = fake.orders.records.values()
    assert stored.properties["hs_total_price"] == amount


def test_history_is_not_sent_because_nothing_could_keep_a_workflow_from_it() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1))])
        fake.requests.clear()
        outcomes = [
            *hubspot.send_orders([order(person(1), is_history=True)]),
            *hubspot.send_events([event(person(1), is_history=True)]),
        ]
    assert [outcome.state for outcome in outcomes] == ["skipped", "skipped"]
    assert all(outcome.reason for outcome in outcomes)
    assert fake.triggered() == []
    assert fake.requests == []


def test_events_are_sent_once_however_often_they_are_sent() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(n)) for n in range(3)])
        events = [event(person(n), n, name) for n, name in enumerate(("a", "b", "Win back!"))]
        for again in (False, True):
            assert hubspot.send_events(events, again=again) == [DONE] * 3
    assert fake.counts()["events"] == 3
    assert fake.triggered() == [
        ("a", "p0@example.com"),
        ("b", "p1@example.com"),
        ("win_back", "p2@example.com"),
    ]


def test_an_event_whose_properties_grew_defines_what_is_new() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1))])
        hubspot.send_events([event(person(1))])
        (outcome,) = hubspot.send_events(
            [event(person(1), 2, properties={"Segment name": "loyal"})]
        )
    assert outcome == DONE
    assert fake.events.sent.popitem()[1]["properties"] == {"segment_name": "loyal"}


def test_one_bad_event_costs_no_other() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(n)) for n in range(9)])
        events = [event(person(n), n) for n in range(9)]
        events[4] = event(person(4), 4, properties={"visits": "x" * 2_000})
        outcomes = hubspot.send_events(events)
    assert outcomes[4] == Outcome("refused", reason="PROPERTY_TOO_LONG")
    assert outcomes.count(DONE) == 8
    assert fake.counts()["events"] == 8


def test_an_event_never_creates_a_contact() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        (outcome,) = hubspot.send_events([event(STRANGER)])
    assert outcome.state == "skipped"
    assert fake.known() == set()


def test_an_account_without_an_enterprise_plan_is_asked_once_and_gets_no_events() -> None:
    fake = FakeHubSpot()
    fake.scopes -= {"events"}
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1))])
        fake.requests.clear()
        outcomes = hubspot.send_events([event(person(1)), event(person(1), 2)])
    assert {outcome.state for outcome in outcomes} == {"skipped"}
    assert "Enterprise" in outcomes[0].reason
    assert len(fake.requests) == 1


def test_a_cue_becomes_one_task_and_what_staff_did_with_it_stays() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1))])
        hubspot.send_cues([cue(person(1))])
        (task,) = fake.tasks.records.values()
        fake.tasks.change(task, {"hs_task_status": "COMPLETED"})
        outcomes = hubspot.send_cues([cue(person(1)), cue(STRANGER, 2)], again=True)
    assert [outcome.state for outcome in outcomes] == ["done", "skipped"]
    assert fake.counts()["cues"] == 1
    assert task.properties == {
        "pos_cue_id": "corner:q1",
        "hs_task_subject": "Say hello.",
        "hs_task_status": "COMPLETED",
        "hs_task_type": "TODO",
        "hs_timestamp": "2026-11-22T12:00:00Z",
    }
    assert len(fake.links) == 1


def test_a_task_without_a_day_is_due_today() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1))])
        hubspot.send_cues([cue(person(1), due_on=None)])
    (task,) = fake.tasks.records.values()
    assert task.properties["hs_timestamp"].endswith("T12:00:00Z")


def test_an_account_whose_tasks_take_no_unique_property_gets_none_rather_than_doubled_ones() -> (
    None
):
    fake = FakeHubSpot()
    fake.tasks.refuses_properties = True
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1))])
        (outcome,) = hubspot.send_cues([cue(person(1))])
    assert outcome.state == "skipped"
    assert "pos_cue_id" in outcome.reason
    assert fake.counts()["cues"] == 0


def test_nothing_to_send_asks_nothing() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        sent = [
            *hubspot.upsert([]),
            *hubspot.withdraw([]),
            *hubspot.grant([]),
            *hubspot.set_memberships([]),
            *hubspot.send_orders([]),
            *hubspot.send_events([]),
            *hubspot.send_cues([]),
            *hubspot.look_up([]),
            *hubspot.erase([]),
        ]
    assert sent == []
    assert paths(fake) == []
