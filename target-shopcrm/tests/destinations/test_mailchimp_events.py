"""Events in Mailchimp: each once, whatever happens to the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import msgspec
import pytest
from crm_fakes.fake import Answer, Fault, Request
from crm_fakes.mailchimp import FakeMailchimp, settings_for
from crm_fakes.mailchimp.people import DECLARED, permitted, somebody, win_back, withdrawn
from target_shopcrm.destinations.crm import Operation
from target_shopcrm.destinations.http import Patience
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


@dataclass
class Once:
    """Breaks the first request whose path ends in something."""

    ending: str
    fault: Fault

    def __call__(self, request: Request) -> Fault | None:
        """Say what goes wrong with a request."""
        if request.method == "POST" and request.path.endswith(self.ending):
            self.ending = "never again"
            return self.fault
        return None


def people(count: int) -> list[str]:
    return [f"p{number}@example.com" for number in range(count)]


def arrive(crm: Mailchimp, emails: list[str]) -> None:
    crm.upsert([permitted(each) for each in emails])


def posts(fake: FakeMailchimp, ending: str) -> int:
    return sum(each.method == "POST" and each.path.endswith(ending) for each in fake.requests)


def test_an_event_starts_a_journey_and_carries_our_id(fake: FakeMailchimp, crm: Mailchimp) -> None:
    arrive(crm, people(1))
    assert [each.state for each in crm.send_events([win_back("p0@example.com")])] == ["done"]
    assert fake.triggered() == [("win_back", "p0@example.com")]
    (event,) = next(iter(fake.audience.members.values())).events
    assert event["properties"] == {
        "segment": "lapsing",
        "visits": "4",
        "shopcrm_event_id": "corner:e1",
    }


def test_an_event_of_the_past_starts_nothing(fake: FakeMailchimp, crm: Mailchimp) -> None:
    arrive(crm, people(1))
    crm.send_events([win_back("p0@example.com", is_history=True)])
    assert fake.counts()["events"] == 1
    assert fake.triggered() == []


def test_a_thousand_events_are_one_job(fake: FakeMailchimp, crm: Mailchimp) -> None:
    arrive(crm, people(1_000))
    fake.requests.clear()
    outcomes = crm.send_events([win_back(each) for each in people(1_000)])
    assert {each.state for each in outcomes} == {"done"}
    assert posts(fake, "/batches") == 1
    assert len(fake.requests) <= 3
    assert fake.counts()["events"] == 1_000


def test_events_that_cannot_be_sent_say_why(fake: FakeMailchimp, crm: Mailchimp) -> None:
    arrive(crm, people(1))
    event = win_back("p0@example.com")
    outcomes = crm.send_events(
        [
            msgspec.structs.replace(event, channels=("sms",)),
            msgspec.structs.replace(event, name="x" * 31),
            msgspec.structs.replace(event, who=somebody(None)),
            win_back("stranger@example.com"),
        ]
    )
    assert [each.state for each in outcomes] == ["skipped", "refused", "skipped", "refused"]
    assert fake.counts()["events"] == 0


def test_strangers_in_a_job_cost_nobody_else(fake: FakeMailchimp, crm: Mailchimp) -> None:
    arrive(crm, people(20))
    outcomes = crm.send_events([win_back(each) for each in ["stranger@example.com", *people(20)]])
    assert [each.state for each in outcomes] == ["refused"] + ["done"] * 20
    assert fake.counts()["events"] == 20


def test_after_a_run_that_died_only_what_did_not_arrive_is_sent(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    arrive(crm, people(3))
    crm.send_events([win_back(each) for each in people(2)])
    outcomes = crm.send_events([win_back(each) for each in people(3)], again=True)
    assert [each.state for each in outcomes] == ["done"] * 3
    assert len(fake.triggered()) == 3


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("count", [1, 15], ids=["one", "a job"])
def test_an_answer_that_never_comes_doubles_nothing_and_loses_nothing(
    fake: FakeMailchimp, crm: Mailchimp, count: int, when: str
) -> None:
    arrive(crm, people(count))
    ending = "/events" if count == 1 else "/batches"
    fake.faults = Once(ending, Fault("before" if when == "before" else "after"))
    outcomes = crm.send_events([win_back(each) for each in people(count)])
    assert {each.state for each in outcomes} == {"done"}
    fake.finish_jobs()
    assert fake.counts()["events"] == count
    assert len(fake.triggered()) == count


def test_a_job_that_never_ends_leaves_doubt_that_the_next_run_settles(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    arrive(crm, people(15))
    fake.stuck = True
    events = [win_back(each) for each in people(15)]
    assert {each.state for each in crm.send_events(events)} == {"uncertain"}
    assert {each.state for each in crm.send_events(events, again=True)} == {"uncertain"}
    assert fake.counts()["events"] == 0
    fake.finish_jobs()
    fake.stuck = False
    assert {each.state for each in crm.send_events(events, again=True)} == {"done"}
    assert fake.counts()["events"] == 15


def test_a_server_error_after_the_event_was_taken_does_not_double_it(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    arrive(crm, people(1))
    fake.faults = Once("/events", Fault("after", Answer(503, b"")))
    assert [each.state for each in crm.send_events([win_back("p0@example.com")])] == ["done"]
    assert fake.counts()["events"] == 1


def test_hints_for_staff_have_no_place_and_consent_is_not_kept_apart(crm: Mailchimp) -> None:
    assert not crm.capabilities.can(Operation.CUE)
    assert not crm.capabilities.can(Operation.GRANT)
    assert crm.send_cues([]) == []


def test_somebody_withdrawn_gets_no_mail_even_if_an_event_comes(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    arrive(crm, people(1))
    crm.withdraw([withdrawn("p0@example.com")])
    crm.send_events([win_back("p0@example.com")])
    assert fake.triggered() == []
