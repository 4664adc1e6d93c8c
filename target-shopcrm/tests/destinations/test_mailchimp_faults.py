"""Mailchimp in bad shape, or set up differently: what is repeated, and what is said."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from crm_fakes.fake import Answer, Fault, Request
from crm_fakes.mailchimp import FakeMailchimp, hash_of, settings_for
from crm_fakes.mailchimp.people import DECLARED, bought, permitted, somebody, withdrawn
from target_shopcrm.destinations.http import Patience
from target_shopcrm.destinations.mailchimp import Mailchimp
from target_shopcrm.errors import (
    ConfigurationError,
    CredentialsError,
    CrmContractError,
    CrmSetupError,
    CrmUnavailableError,
)
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
class Times:
    """Breaks the first so many requests with a method."""

    method: str
    faults: list[Fault] = field(default_factory=list)

    def __call__(self, request: Request) -> Fault | None:
        """Say what goes wrong with a request."""
        return self.faults.pop(0) if self.faults and request.method == self.method else None


def opened(fake: FakeMailchimp, patience: Patience = PATIENCE, **config: Any) -> Mailchimp:
    crm = Mailchimp(CrmSettings.from_config({**settings_for(fake), **config}), patience)
    crm.open(cast("Connection", None))
    return crm


@pytest.mark.parametrize(
    "fault",
    [
        Fault(answer=Answer(429, {"title": "Too Many Requests"}, {"Retry-After": "0.01"})),
        Fault(answer=Answer(403, b"")),
        Fault(answer=Answer(403, b"<html>forbidden</html>")),
        Fault(answer=Answer(500, {"title": "InternalServerError"})),
        Fault("after", Answer(503, b"")),
        Fault("before"),
        Fault("after"),
    ],
    ids=["429", "403 empty", "403 html", "500", "503 after", "cut before", "cut after"],
)
def test_a_passing_fault_is_waited_out_and_nothing_is_doubled(
    fake: FakeMailchimp, crm: Mailchimp, fault: Fault
) -> None:
    fake.faults = Times("POST", [fault])
    assert [each.state for each in crm.upsert([permitted("ann@example.com")])] == ["done"]
    fake.faults = Times("POST", [fault])
    assert [each.state for each in crm.withdraw([withdrawn("ann@example.com")])] == ["done"]
    assert fake.counts()["contacts"] == 1
    assert fake.mailable() == set()


def test_silence_is_waited_out_as_well(fake: FakeMailchimp) -> None:
    crm = opened(fake, Patience(retry=3.0, answer=0.1))
    fake.faults = Times("POST", [Fault("after", silence=0.3)])
    assert [each.state for each in crm.upsert([permitted("ann@example.com")])] == ["done"]
    assert fake.counts()["contacts"] == 1
    crm.close()


def test_a_mailchimp_that_stays_away_ends_the_run(fake: FakeMailchimp) -> None:
    crm = opened(fake, Patience(retry=0.2, answer=1.0))
    fake.faults = lambda _: Fault(answer=Answer(403, b""))
    with pytest.raises(CrmUnavailableError, match="answered 403 and did not recover"):
        crm.upsert([permitted("ann@example.com")])
    assert fake.mailable() == set()
    crm.close()


def test_a_refused_key_says_what_to_do_and_nothing_else(fake: FakeMailchimp) -> None:
    fake.api_key = "another-us19"
    with pytest.raises(CredentialsError, match="valid one") as caught:
        opened(fake, api_key="secret-us19")
    assert "secret" not in str(caught.value)


def test_a_role_that_may_not_is_told_apart_from_throttling(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    fake.faults = lambda _: Fault(answer=Answer(403, {"title": "Forbidden", "status": 403}))
    with pytest.raises(CredentialsError, match="role"):
        crm.withdraw([withdrawn("ann@example.com")])


def test_an_audience_that_does_not_exist_is_named(fake: FakeMailchimp) -> None:
    with pytest.raises(CrmSetupError, match="audience_id"):
        opened(fake, audience_id="nowhere")


def test_fields_are_declared_once_and_a_second_start_costs_two_calls(fake: FakeMailchimp) -> None:
    opened(fake).close()
    assert fake.audience.public == {"FNAME", "LNAME"}
    assert fake.audience.fields["LASTVISIT"] == "date"
    assert fake.audience.fields["VISITS"] == "number"
    fake.requests.clear()
    opened(fake).close()
    assert [each.method for each in fake.requests] == ["GET", "GET"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_declaring_survives_an_answer_that_never_comes(fake: FakeMailchimp, when: str) -> None:
    fake.faults = Times("POST", [Fault("before" if when == "before" else "after")])
    if when == "before":  # nothing was declared, and Mailchimp isn't asked twice
        with pytest.raises(CrmSetupError, match="SHOPPHONE"):
            opened(fake)
    opened(fake).close()
    assert "SHOPPHONE" in fake.audience.fields


def test_a_field_of_another_type_is_refused_with_what_to_do(fake: FakeMailchimp) -> None:
    fake.audience.fields["VISITS"] = "text"
    with pytest.raises(CrmSetupError, match="VISITS has the type text"):
        opened(fake)


@pytest.mark.parametrize(
    ("key", "host"),
    [("0a1b-us19", "us19.api.mailchimp.com"), ("0a1b-eu2", "eu2.api.mailchimp.com")],
)
def test_the_key_names_its_data_centre(key: str, host: str) -> None:
    crm = Mailchimp(CrmSettings(api_key=key, audience_id="a"))
    assert crm.host == host
    crm.close()


@pytest.mark.parametrize("key", ["0a1b", "0a1b-", "0a1b-evil.example/us1", "0a1b-us1\n"])
def test_a_key_without_a_data_centre_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="data centre") as caught:
        Mailchimp(CrmSettings(api_key=key, audience_id="a"))
    assert "0a1b" not in str(caught.value)


@pytest.mark.parametrize("missing", ["api_key", "audience_id"])
def test_a_missing_setting_is_named(missing: str) -> None:
    given = {"api_key": "k-us1", "audience_id": "a", missing: ""}
    with pytest.raises(ConfigurationError, match=missing):
        Mailchimp(CrmSettings(**cast("Any", given)))


def test_people_are_looked_up_in_pages_or_one_by_one(fake: FakeMailchimp, crm: Mailchimp) -> None:
    people = [f"p{number}@example.com" for number in range(600)]
    crm.upsert([permitted(each, visits=3) for each in people])
    fake.requests.clear()
    found = crm.look_up([*map(somebody, people), somebody("x@example.com"), somebody(None)])
    assert len(fake.requests) == 1
    assert [each is None for each in found] == [False] * 600 + [True, True]
    fake.requests.clear()
    assert crm.look_up([somebody(None, remote_id=hash_of(people[0]))]) == [found[0]]
    assert len(fake.requests) == 1


def test_a_large_audience_is_not_read_for_a_few_people(fake: FakeMailchimp, crm: Mailchimp) -> None:
    for number in range(3_000):
        fake.owner_adds(f"p{number}@example.com")
    asked = [somebody(f"p{number}@example.com") for number in range(15)]
    for calls in (16, 15):  # the first page told how large it is
        fake.requests.clear()
        assert None not in crm.look_up(asked)
        assert len(fake.requests) == calls


def test_somebody_whom_mailchimp_only_texts_is_no_stumbling_block(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    page = {"members": [{"id": "sms1", "email_address": None, "status": "unsubscribed"}]}
    fake.script = lambda request: (
        Answer(body={**page, "total_items": 1}) if request.method == "GET" else None
    )
    assert crm.read_opt_outs(None).found == []


@pytest.mark.parametrize(
    "answer", [Answer(418, {"title": "teapot"}), Answer(body={"id": 7}), Answer(302, b"")]
)
def test_an_answer_nobody_promised_stops_the_run_without_a_word_about_whom(
    fake: FakeMailchimp, crm: Mailchimp, answer: Answer
) -> None:
    fake.faults = lambda _: Fault(answer=answer)
    with pytest.raises(CrmContractError) as caught:
        crm.look_up([somebody("ann@example.com")])
    assert hash_of("ann@example.com") not in str(caught.value)


def test_a_failure_amid_past_orders_does_not_leave_the_store_paused(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    crm.upsert([permitted("ann@example.com")])
    fake.faults = lambda request: (
        Fault(answer=Answer(418)) if request.path.endswith("/orders") else None
    )
    with pytest.raises(CrmContractError):
        crm.send_orders([bought("ann@example.com", is_history=True)])
    assert fake.shop.pauses == [True, False]


def test_a_store_stays_paused_while_a_job_may_still_bring_past_orders(
    fake: FakeMailchimp, crm: Mailchimp, caplog: pytest.LogCaptureFixture
) -> None:
    crm.upsert([permitted("ann@example.com")])
    fake.stuck = True
    fake.faults = lambda request: (
        Fault(answer=Answer(418)) if request.path.endswith("/orders") else None
    )
    past = [bought("ann@example.com", f"o{number}", is_history=True) for number in range(12)]
    with pytest.raises(CrmContractError):
        crm.send_orders(past)
    fake.finish_jobs()
    assert fake.counts()["orders"] == 12
    assert fake.triggered() == []
    assert "is paused" in caplog.text


def test_a_stuck_job_of_past_orders_is_overtaken_and_triggers_nothing(
    fake: FakeMailchimp, crm: Mailchimp
) -> None:
    crm.upsert([permitted("ann@example.com")])
    fake.stuck = True
    past = [bought("ann@example.com", f"o{number}", is_history=True) for number in range(12)]
    assert {each.state for each in crm.send_orders(past)} == {"done"}
    fake.finish_jobs()
    assert fake.counts()["orders"] == 12
    assert fake.triggered() == []
    assert fake.shop.pauses == [True, False]


def test_nothing_personal_and_no_secret_reaches_a_log_or_an_address(
    fake: FakeMailchimp, crm: Mailchimp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.faults = Times("POST", [Fault(answer=Answer(500, {"detail": "ann@example.com"}))])
    crm.upsert([permitted("ann@example.com", given_name="Ann"), permitted("invalid@example.com")])
    outcomes = crm.erase([somebody("ann@example.com")])
    said = caplog.text + repr(outcomes) + "".join(f"{r.path}{r.query}" for r in fake.requests)
    for secret in ("ann@example.com", "Ann", fake.api_key, "invalid@"):
        assert secret not in said


def test_calls_are_counted(crm: Mailchimp) -> None:
    before = crm.calls
    crm.read_opt_outs(None)
    assert crm.calls == before + 2
