"""BottleCRM when something goes wrong, and what it costs when nothing does."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from crm_fakes.bottlecrm import FakeBottleCRM, settings_for
from crm_fakes.fake import Answer, Fault, Request
from crm_servers.bottlecrm_scenarios import opened
from crm_servers.people import (
    ADA,
    ADAS_PHONE,
    BOB,
    NO_CONNECTION,
    contact,
    cue,
    grant,
    order,
    person,
    states,
    withdrawal,
)
from target_shopcrm.destinations.bottlecrm import BottleCRM
from target_shopcrm.destinations.http import Patience
from target_shopcrm.destinations.items import Event
from target_shopcrm.errors import (
    CredentialsError,
    CrmContractError,
    CrmUnavailableError,
    DestinationError,
)
from target_shopcrm.settings import CrmSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUSY = Answer(429, {"detail": "Request was throttled."}, {"Retry-After": "0.01"})
BROKEN = Answer(503, b"<html>")


@pytest.fixture
def crm() -> Iterator[FakeBottleCRM]:
    with FakeBottleCRM().running() as fake:
        fake.now = datetime.now(timezone.utc)
        yield fake


def once(method: str, path: str, fault: Fault) -> Callable[[Request], Fault | None]:
    """The fault meets the first such request only."""
    left = [fault]

    def plan(request: Request) -> Fault | None:
        is_it = request.method == method and request.path.startswith(path)
        return left.pop() if is_it and left else None

    return plan


def asked(crm: FakeBottleCRM, method: str) -> int:
    return sum(request.method == method for request in crm.requests)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("before", BUSY),
        Fault("before", BROKEN),
        Fault("after", BROKEN),
        Fault("before", None),
        Fault("after", None),
    ],
    ids=["429", "5xx before", "5xx after", "cut before", "cut after"],
)
def test_a_new_contact_arrives_once_whatever_becomes_of_the_answer(
    crm: FakeBottleCRM, fault: Fault
) -> None:
    destination = opened(crm)
    crm.faults = once("POST", "/api/contacts/", fault)
    people = [contact("ada", ADA), contact("nameless", phone=ADAS_PHONE)]
    assert states(destination.upsert(people)) == ["done", "done"]
    assert crm.counts()["contacts"] == 2


def test_an_answer_that_never_comes_is_not_waited_for_for_ever(crm: FakeBottleCRM) -> None:
    opened(crm)
    settings = CrmSettings.from_config(settings_for(crm))
    destination = BottleCRM(settings, Patience(retry=1, answer=0.2, poll=0.01, job=1))
    crm.faults = once("POST", "/api/contacts/", Fault("after", silence=0.4))
    assert states(destination.upsert([contact("ada", ADA)])) == ["done"]
    assert crm.counts()["contacts"] == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cue_whose_answer_is_lost_becomes_one_task(crm: FakeBottleCRM, when: Any) -> None:
    destination = opened(crm)
    destination.upsert([contact("ada", ADA)])
    crm.faults = once("POST", "/api/tasks/", Fault(when, BROKEN))
    assert states(destination.send_cues([cue("ada", ADA)])) == ["done"]
    assert crm.counts()["cues"] == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_custom_field_whose_answer_is_lost_is_declared_once(
    crm: FakeBottleCRM, when: Any
) -> None:
    crm.faults = once("POST", "/api/custom-fields/", Fault(when, BROKEN))
    opened(crm)
    keys = [row["key"] for row in crm.definitions]
    assert len(keys) == len(set(keys)) == 10


@pytest.mark.parametrize("path", ["/api/contacts/", "/api/tasks/"])
def test_what_stays_without_an_answer_is_uncertain_and_sent_by_the_next_run(
    crm: FakeBottleCRM, path: str
) -> None:
    destination = opened(crm)
    destination.upsert([contact("bob", BOB)])
    fault = Fault("before", BROKEN)
    crm.faults = lambda r: fault if r.method == "POST" and r.path == path else None
    outcomes = [
        *destination.upsert([contact("ada", ADA)]),
        *destination.send_cues([cue("bob", BOB)]),
    ]
    assert "uncertain" in states(outcomes)
    crm.faults = lambda _: None
    again = opened(crm)
    again.upsert([contact("ada", ADA)])
    again.send_cues([cue("bob", BOB)], again=True)
    assert crm.counts() == {"contacts": 2, "orders": 0, "events": 0, "cues": 1}


def test_a_withdrawal_is_tried_until_it_is_there(crm: FakeBottleCRM) -> None:
    destination = opened(crm)
    destination.upsert([contact("ada", ADA)])
    destination.grant([grant("ada", ADA)])
    crm.faults = once("PATCH", "/api/contacts/", Fault("before", BROKEN))
    assert states(destination.withdraw([withdrawal("ada", ADA)])) == ["done"]
    assert crm.mailable() == set()


def test_new_contacts_cost_a_call_each_and_a_look_before_and_after(crm: FakeBottleCRM) -> None:
    destination = opened(crm)
    crm.requests.clear()
    destination.upsert([contact(str(i), f"n{i}@s.example") for i in range(20)])
    assert (asked(crm, "POST"), asked(crm, "GET")) == (20, 2)
    crm.requests.clear()
    destination.upsert([contact(str(i), f"n{i}@s.example") for i in range(20)])
    assert len(crm.requests) == 1


def test_reading_opt_outs_again_costs_one_call(crm: FakeBottleCRM) -> None:
    destination = opened(crm)
    destination.upsert([contact("ada", ADA)])
    before = destination.calls
    destination.read_opt_outs(destination.read_opt_outs(None).cursor)
    assert destination.calls - before == 2


def test_a_list_longer_than_a_page_is_read_to_its_end_even_while_staff_deletes(
    crm: FakeBottleCRM,
) -> None:
    destination = opened(crm)
    for number in range(501):
        crm.owner_adds(f"n{number}@s.example")
    newest = list(crm.contacts)[-1]

    def delete_one(request: Request) -> None:
        if request.query.get("offset") == ["499"]:
            crm.contacts.pop(newest, None)

    crm.script = delete_one
    destination.withdraw([withdrawal("", "n0@s.example")])  # the oldest: on the last page
    assert ("email", "n0@s.example") not in crm.mailable()
    assert len(crm.mailable()) == 499


def test_two_people_in_a_long_list_are_asked_for_one_by_one(crm: FakeBottleCRM) -> None:
    destination = opened(crm)
    destination.upsert([contact("ada", ADA), contact("bob", BOB)])
    for number in range(1_600):
        crm.owner_adds(f"n{number}@s.example")
    before = destination.calls
    assert all(destination.look_up([person("ada"), person("bob")]))
    assert destination.calls - before == 3


def test_a_contact_deleted_since_it_was_found_is_created_again(crm: FakeBottleCRM) -> None:
    destination = opened(crm)
    destination.upsert([contact("ada", ADA)])

    def delete(request: Request) -> None:
        if request.method == "PATCH":
            crm.contacts.clear()

    crm.script = delete
    assert states(destination.upsert([contact("ada", ADA, visits=2)])) == ["done"]
    assert crm.fields_of(ADA)["visits"] == 2


def test_no_address_is_ever_part_of_an_url(crm: FakeBottleCRM) -> None:
    destination = opened(crm)
    people = [contact("ada", ADA, ADAS_PHONE), contact("bob", BOB)]
    crm.owner_adds(BOB)
    destination.upsert(people)
    destination.grant([grant("ada", ADA)])
    destination.withdraw([withdrawal("ada", ADAS_PHONE, "sms")])
    destination.send_cues([cue("ada", ADA)])
    destination.erase([person("ada", ADA, ADAS_PHONE)])
    asked_for = " ".join(f"{r.path} {r.query}" for r in crm.requests)
    assert "@" not in asked_for
    assert ADAS_PHONE[1:] not in asked_for


def test_a_token_without_a_scope_or_an_owner_without_rights_is_said_so(
    crm: FakeBottleCRM,
) -> None:
    crm.is_admin = False
    with pytest.raises(CredentialsError, match="administrator"):
        opened(crm)
    crm.is_admin = True
    destination = opened(crm)
    crm.scopes = {"contacts:read"}
    with pytest.raises(CredentialsError, match="scopes"):
        destination.upsert([contact("ada", ADA)])


def test_without_the_module_tasks_cues_are_skipped(crm: FakeBottleCRM) -> None:
    crm.has_tasks = False
    destination = opened(crm)
    destination.upsert([contact("ada", ADA)])
    assert states(destination.send_cues([cue("ada", ADA)])) == ["skipped"]


def test_orders_and_events_are_skipped_and_why_is_said(crm: FakeBottleCRM) -> None:
    destination = opened(crm)
    event = Event(
        who=person("ada", ADA),
        event_id="e",
        name="win_back",
        occurred_at=datetime.now(timezone.utc),
        channels=("email",),
        properties={},
    )
    outcomes = [*destination.send_orders([order("ada", "o", 1)]), *destination.send_events([event])]
    assert states(outcomes) == ["skipped", "skipped"]
    assert all(outcome.reason for outcome in outcomes)


@pytest.mark.parametrize(
    ("answer", "kind"), [(BROKEN, CrmUnavailableError), (Answer(418, {"a": ADA}), CrmContractError)]
)
def test_no_error_shows_a_person_or_the_token(
    crm: FakeBottleCRM, answer: Answer, kind: type[DestinationError]
) -> None:
    settings = CrmSettings.from_config(settings_for(crm))
    destination = BottleCRM(settings, Patience(retry=0.05, answer=5, poll=0.01, job=1))
    destination.open(NO_CONNECTION)
    destination.upsert([contact("ada", ADA)])
    crm.faults = (
        once("PATCH", "/api/", Fault("before", answer))
        if kind is CrmContractError
        else (lambda request: Fault("before", answer) if request.method == "PATCH" else None)
    )
    with pytest.raises(kind) as caught:
        destination.upsert([contact("ada", "ada@new.example", given_name="Ada")])
    told = str(caught.value)
    assert "@" not in told
    assert crm.api_key not in told
