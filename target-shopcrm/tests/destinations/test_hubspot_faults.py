"""Destination hubspot: what goes wrong on the way, and what nobody may read about it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from crm_fakes.fake import Answer, Fault, Request
from crm_fakes.hubspot import FakeHubSpot
from crm_fakes.hubspot_people import (
    NO_CONNECTION,
    contact,
    cue,
    event,
    grant,
    hubspot_of,
    membership,
    opened,
    order,
    person,
    withdrawal,
)
from target_shopcrm.destinations.http import Patience
from target_shopcrm.destinations.pacing import Pace
from target_shopcrm.errors import (
    CredentialsError,
    CrmContractError,
    CrmUnavailableError,
    DestinationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_shopcrm.destinations.hubspot import HubSpot

DAILY = {"errorType": "RATE_LIMIT", "policyName": "DAILY", "message": "used up"}
SOON = {"Retry-After": "0"}
FAULTS = {
    "throttled": Fault(answer=Answer(429, {"policyName": "SECONDLY"}, SOON)),
    "down before": Fault(answer=Answer(503, {}, SOON)),
    "down after": Fault("after", Answer(502, b"<html>", SOON)),
    "cut after": Fault("after"),
    "silent after": Fault("after", silence=0.4),
    "no JSON after": Fault("after", Answer(200, b"<html>")),
}


def every_second(fault: Fault) -> Callable[[Request], Fault | None]:
    """Break each call the first time it is made."""
    seen: set[tuple[str, str, bytes]] = set()

    def broken(request: Request) -> Fault | None:
        body = b"" if b"objectWriteTraceId" not in request.body else request.body
        key = (request.method, request.path, body)
        if key in seen:
            return None
        seen.add(key)
        return fault

    return broken


def a_whole_run(hubspot: HubSpot) -> list[str]:
    """Everything a run does, for three people."""
    people = [person(n) for n in range(3)]
    hubspot.open(NO_CONNECTION)
    done = [
        *hubspot.withdraw([withdrawal("gone@example.com")]),
        *hubspot.upsert([contact(each, given_name="Ada") for each in people]),
        *hubspot.grant([grant(each.email or "") for each in people]),
        *hubspot.set_memberships([membership(each) for each in people]),
        *hubspot.send_orders([order(each, at) for at, each in enumerate(people)]),
        *hubspot.send_events([event(each, at) for at, each in enumerate(people)]),
        *hubspot.send_cues([cue(each, at) for at, each in enumerate(people)]),
        *hubspot.erase([person("x")]),
    ]
    hubspot.read_opt_outs(None)
    return [outcome.state for outcome in done]


def check_a_whole_run(fault: Fault) -> None:
    fake = FakeHubSpot()
    fake.faults = every_second(fault)
    with fake.running():
        states = a_whole_run(hubspot_of(fake))
    assert set(states) == {"done"}
    assert fake.counts() == {"contacts": 3, "orders": 3, "events": 3, "cues": 3}
    assert len(fake.links) == 6
    assert len(fake.members()["11"]) == 3
    assert fake.opted_out() == {("email", "gone@example.com")}


@pytest.mark.parametrize("name", ["throttled", "down before", "down after"])
def test_whatever_call_breaks_nothing_is_lost_and_nothing_doubled(name: str) -> None:
    check_a_whole_run(FAULTS[name])


@pytest.mark.long
@pytest.mark.parametrize("name", ["cut after", "no JSON after"])
def test_whatever_answer_is_cut_nothing_is_lost_and_nothing_doubled(name: str) -> None:
    check_a_whole_run(FAULTS[name])


@pytest.mark.parametrize("name", ["cut after", "no JSON after"])
def test_a_cut_answer_to_an_upsert_doubles_nobody(name: str) -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        fake.faults = every_second(FAULTS[name])
        (outcome,) = hubspot.upsert([contact(person(1))])
    assert outcome.state == "done"
    assert fake.counts()["contacts"] == 1


def test_an_account_that_keeps_silent_after_carrying_it_out_is_asked_again() -> None:
    fake = FakeHubSpot()
    with opened(fake, Patience(answer=0.25)) as hubspot:
        fake.faults = every_second(FAULTS["silent after"])
        (outcome,) = hubspot.upsert([contact(person(1))])
    assert outcome.state == "done"
    assert fake.counts()["contacts"] == 1


def test_too_many_calls_are_repeated_when_hubspot_says() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        fake.faults = every_second(Fault(answer=Answer(429, {}, {"Retry-After": "30"})))
        with pytest.raises(CrmUnavailableError, match="run again"):
            hubspot.upsert([contact(person(1))])
    assert len(fake.requests) == 1, "nobody knocks earlier than asked"


def test_a_used_up_day_ends_the_run() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        fake.faults = lambda _request: Fault(answer=Answer(429, DAILY))
        with pytest.raises(CrmUnavailableError, match="429"):
            hubspot.withdraw([withdrawal("a@example.com")])


def test_locked_is_waited_for_two_seconds_at_least() -> None:
    fake = FakeHubSpot()
    with fake.running():
        hubspot = hubspot_of(fake, Patience(retry=1.9))
        fake.faults = lambda _request: Fault(answer=Answer(423, {}, {"Retry-After": "1"}))
        with pytest.raises(CrmUnavailableError, match="423"):
            hubspot.look_up([person(1)])
    assert len(fake.requests) == 1


@pytest.mark.long
def test_locked_passes_after_two_seconds() -> None:
    fake = FakeHubSpot()
    with fake.running():
        hubspot = hubspot_of(fake, Patience(retry=10))
        fake.faults = every_second(Fault(answer=Answer(423)))
        assert hubspot.look_up([person(1)]) == [None]


@pytest.mark.parametrize("do", [0, 1])
def test_an_expired_token_is_the_owners_business(do: int) -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        fake.api_key = "another"
        calls: list[Callable[[], Any]] = [
            lambda: hubspot.upsert([contact(person(1))]),
            lambda: hubspot.withdraw([withdrawal(f"{n}@example.com") for n in range(9)]),
        ]
        with pytest.raises(CredentialsError, match="api_key") as caught:
            calls[do]()
    assert "pat-na1" not in str(caught.value)


@pytest.mark.parametrize(
    ("scope", "named", "do"),
    [
        (
            "contacts",
            "crm.objects.contacts.write",
            lambda hubspot: hubspot.upsert([contact(person(1))]),
        ),
        (
            "consent",
            "communication_preferences.write",
            lambda hubspot: hubspot.withdraw([withdrawal("a@example.com")]),
        ),
        (
            "lists",
            "crm.lists.read",
            lambda hubspot: hubspot.set_memberships([membership(person(1))]),
        ),
        (
            "orders",
            "crm.objects.orders.write",
            lambda hubspot: hubspot.send_orders([order(person(1))]),
        ),
    ],
)
def test_a_permission_that_is_missing_is_named(
    scope: str, named: str, do: Callable[[HubSpot], Any]
) -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1))])
        fake.scopes -= {scope}
        with pytest.raises(CredentialsError, match=named):
            do(hubspot)


@pytest.mark.parametrize("status", [302, 418, 501])
def test_an_answer_nobody_promised_ends_the_run(status: int) -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        fake.faults = lambda _request: Fault(answer=Answer(status, {"message": "ada@example.com"}))
        for do in (
            lambda: hubspot.upsert([contact(person(1))]),
            lambda: hubspot.withdraw([withdrawal("ada@example.com")]),
            lambda: hubspot.grant([grant("ada@example.com")]),
            lambda: hubspot.erase([person(1)]),
            lambda: hubspot.look_up([person(1)]),
            lambda: hubspot.read_opt_outs(None),
            lambda: hubspot.send_events([event(person(1))]),
            lambda: hubspot.set_memberships([membership(person(1))]),
        ):
            with pytest.raises(CrmContractError) as caught:
                do()
            assert "ada@" not in str(caught.value)


def test_the_pace_is_the_accounts_own(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[Any] = []
    monkeypatch.setattr(Pace, "wait", lambda self: waited.append(self._rates))
    fake = FakeHubSpot()
    fake.rate_limit = 190
    with opened(fake) as hubspot:
        hubspot.upsert([contact(person(1))])
        hubspot.read_opt_outs(None)
    assert [(rate.calls, rate.seconds) for (rate,) in (waited[0], waited[1], waited[-1])] == [
        (9, 1.0),
        (17, 1.0),
        (4, 1.0),
    ]


def test_nobodys_address_and_no_token_is_in_a_log_an_outcome_or_an_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    fake = FakeHubSpot()
    fake.contacts.multi_status = False
    told = ""
    with opened(fake) as hubspot:
        a_whole_run(hubspot)
        fake.owner_adds("taken@example.com")
        outcomes = [
            *hubspot.upsert([contact(person(7, "secret person")), contact(person(8))]),
            *hubspot.withdraw([withdrawal("secret"), withdrawal("secret@example.com")]),
            *hubspot.grant([grant("secret"), grant("secret@example.com")]),
            *hubspot.erase([person(9, "secret")]),
        ]
        told += repr([(each.field, each.reason) for each in outcomes])
        fake.faults = lambda _request: Fault()
        try:
            hubspot.withdraw([withdrawal("secret@example.com")])
        except DestinationError as error:
            told += str(error)
    told += caplog.text
    for private in ("secret", "example.com", "pat-na1", "Ada"):
        assert private not in told


def test_calls_are_counted() -> None:
    fake = FakeHubSpot()
    with opened(fake) as hubspot:
        before = hubspot.calls
        hubspot.upsert([contact(person(1))])
        assert hubspot.calls - before == len(fake.requests) == 1
        hubspot.close()
        hubspot.close()
