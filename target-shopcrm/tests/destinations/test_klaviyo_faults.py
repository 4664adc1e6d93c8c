"""Klaviyo on a bad day: throttled, broken, silent, stuck. Nothing is lost, nothing doubled."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from crm_fakes.fake import Answer, Fault
from klaviyo_world import (
    HURRIED,
    as_on_a_good_day,
    contact,
    event,
    everything,
    grant,
    person,
    running,
    states,
    withdrawal,
)
from target_shopcrm.destinations.http import Patience
from target_shopcrm.errors import CredentialsError, CrmContractError, CrmUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crm_fakes.fake import Request
    from klaviyo_world import World

IMPORT = "/api/profile-bulk-import-jobs"


@pytest.fixture
def world() -> Iterator[World]:
    with running() as made:
        yield made


def each_path_fails_once(fault: Fault) -> Callable[[Request], Fault | None]:
    """The first request to every endpoint goes wrong."""
    failed: set[tuple[str, str]] = set()

    def plan(request: Request) -> Fault | None:
        key = (request.method, request.path)
        if key in failed:
            return None
        failed.add(key)
        return fault

    return plan


AT_ONCE = {"Retry-After": "0"}
FAULTS = {
    "a good day": None,
    "throttled": Fault("before", Answer(429, {"errors": []}, AT_ONCE)),
    "broken before": Fault("before", Answer(503, b"", AT_ONCE)),
    "broken after": Fault("after", Answer(500, b"", AT_ONCE)),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_every_endpoint_may_fail_once(world: World, fault: Fault | None) -> None:
    if fault is not None:
        world.fake.faults = each_path_fails_once(fault)
    everything(world)
    as_on_a_good_day(world)


@pytest.mark.long
@pytest.mark.parametrize(
    "fault", [Fault("before"), Fault("after")], ids=["before it was done", "after it was done"]
)
def test_every_endpoint_may_be_cut_off_once(world: World, fault: Fault | None) -> None:
    if fault is not None:
        world.fake.faults = each_path_fails_once(fault)
    everything(world)
    as_on_a_good_day(world)


def test_silence_is_not_waited_for_for_ever(world: World) -> None:
    silent = [Fault("after", Answer(202, b""), silence=0.6)]

    def once(request: Request) -> Fault | None:
        return silent.pop() if request.method == "POST" and silent else None

    world.fake.faults = once
    impatient = world.again(Patience(retry=5.0, answer=0.3, poll=0.002, job=20.0))
    assert states(impatient.upsert([contact(1)])) == ["done"]
    assert world.fake.counts()["contacts"] == 1
    assert len(world.posts(IMPORT)) == 2


def test_what_klaviyo_asks_to_wait_is_waited_or_the_run_is_given_up(world: World) -> None:
    world.fake.script = lambda _: Answer(429, {"errors": []}, {"Retry-After": "60"})
    with pytest.raises(CrmUnavailableError, match="answered 429"):
        world.klaviyo.upsert([contact(1)])
    assert len(world.fake.requests) == 1, "sooner would be against Klaviyo's word"


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_revoked_or_may_not_is_told_with_what_it_lacks(
    world: World, status: int
) -> None:
    world.tell(1)
    world.fake.script = lambda request: Answer(status) if request.method == "POST" else None
    with pytest.raises(CredentialsError) as told:
        world.klaviyo.send_events([event(1)])
    assert "events:write" in str(told.value)
    assert world.fake.api_key not in str(told.value)


def test_a_stuck_import_is_uncertain_and_done_by_the_next_run(world: World) -> None:
    world.fake.account.is_stuck = True
    outcomes = world.again(HURRIED).upsert([contact(1), contact(2)])
    assert states(outcomes) == ["uncertain", "uncertain"]
    world.fake.account.is_stuck = False
    assert states(world.again().upsert([contact(1), contact(2)])) == ["done", "done"]
    assert world.fake.counts()["contacts"] == 2


def test_a_cancelled_import_is_uncertain(world: World) -> None:
    job = {"type": "profile-bulk-import-job", "id": "J1", "attributes": {"status": "cancelled"}}

    def cancels(request: Request) -> Answer | None:
        return Answer(200, {"data": job}) if request.path.startswith(f"{IMPORT}/") else None

    world.fake.script = cancels
    assert states(world.klaviyo.upsert([contact(1)])) == ["uncertain"]


def test_a_stuck_subscription_is_uncertain(world: World) -> None:
    world.klaviyo.upsert([contact(1)])
    world.fake.account.is_stuck = True
    assert states(world.again(HURRIED).grant([grant(1)])) == ["uncertain"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, {"data": [{"id": 1}]}),
        Answer(200, {"data": "all of them"}),
        Answer(418, {"errors": []}),
        Answer(302, b""),
    ],
    ids=["an id that is none", "no list", "an odd status", "elsewhere"],
)
def test_an_answer_nobody_promised_stops_the_run(world: World, answer: Answer) -> None:
    world.fake.script = lambda _: answer
    with pytest.raises(CrmContractError, match="its API doesn't promise"):
        world.klaviyo.look_up([person(1)])


def test_a_next_link_leads_nowhere_else(world: World) -> None:
    """Only its cursor is used: the key is never sent to another host."""
    page = {"data": [], "links": {"next": "https://elsewhere.example/?page%5Bcursor%5D=abc"}}
    pages = [Answer(200, page)]
    world.fake.script = lambda _: pages.pop() if pages else Answer(200, {"data": []})
    world.klaviyo.look_up([person(1)])
    second = world.fake.requests[1]
    assert (second.path, second.query["page[cursor]"]) == ("/api/profiles", ["abc"])


def test_nobodys_data_is_in_a_message_or_a_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = person(7, "email", sms="secret-number", email="secret@example.com")
    named = contact(7, who=secret, given_name="Secretia")
    outcomes = [
        *world.klaviyo.upsert([named]),
        *world.klaviyo.upsert([contact(8, who=person(8, email="secret at home"))]),
    ]
    assert states(outcomes) == ["refused", "refused"]
    world.fake.script = lambda _: Answer(418, {"errors": [{"detail": "secret@example.com"}]})
    with pytest.raises(CrmContractError) as told:
        world.klaviyo.withdraw([withdrawal(7, address="secret@example.com")])
    said = [*map(str, outcomes), str(told.value)]
    said += [each.getMessage() for each in caplog.records]
    for text in said:
        assert "secret" not in text.casefold()
        assert world.fake.api_key not in text
