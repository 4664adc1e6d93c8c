"""Brevo is slow, throttles, breaks off, and forgets to answer: nothing is doubled or lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from crm_fakes.brevo import FakeBrevo
from crm_fakes.brevo_people import (
    connected,
    contact,
    on_a_generous_plan,
    paths_of,
    person,
    used_before,
    withdrawal,
)
from crm_fakes.fake import Answer, Fault
from target_shopcrm.errors import (
    CredentialsError,
    CrmContractError,
    CrmUnavailableError,
    ShopCRMError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crm_fakes.fake import Request
    from target_shopcrm.destinations.brevo import Brevo

ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBrevo]:
    on_a_generous_plan(monkeypatch)
    with FakeBrevo().running() as running:
        yield running


@pytest.fixture
def brevo(fake: FakeBrevo) -> Iterator[Brevo]:
    destination = used_before(fake)
    yield destination
    destination.close()


def once(fault: Fault, *, on: str) -> Callable[[Request], Fault | None]:
    """Break the first request to a path, and no other."""
    left = [fault]
    return lambda request: left.pop() if left and request.path.endswith(on) else None


def test_a_throttled_call_waits_for_what_brevo_says_and_not_for_retry_after(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    busy = Answer(429, {"code": "too_many_requests"}, {"x-sib-ratelimit-reset": "0.01"})
    fake.faults = once(Fault("before", busy), on="/import")
    assert brevo.upsert([contact("c1", ADA)])[0].state == "done"
    assert paths_of(fake).count("POST /contacts/import") == 2
    assert len(fake.jobs) == 1


def test_an_hour_is_not_waited_for(fake: FakeBrevo, brevo: Brevo) -> None:
    busy = Answer(429, {}, {"x-sib-ratelimit-reset": "3400"})
    fake.faults = lambda _request: Fault("before", busy)
    with pytest.raises(CrmUnavailableError, match="answered 429"):
        brevo.read_opt_outs(None)
    assert len(fake.requests) == 1


def test_the_reset_of_an_answer_that_is_not_throttled_means_nothing(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    broken = Answer(503, {}, {"x-sib-ratelimit-reset": "3400"})
    fake.faults = once(Fault("before", broken), on="/contacts")
    assert brevo.read_opt_outs(None).found == []
    assert len(fake.requests) == 2


def test_a_contact_that_is_busy_is_tried_again(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact("c1", ADA)])
    ada = fake.contacts.at(ADA)
    assert ada is not None
    early = Answer(425, {"code": "account_in_process"})
    fake.script = _first_put(early)
    assert brevo.upsert([contact("c1", "ada@new.example")])[0].state == "done"
    assert fake.known() == {"ada@new.example"}


def _first_put(answer: Answer) -> Callable[[Request], Answer | None]:
    left = [answer]
    return lambda request: left.pop() if left and request.method == "PUT" else None


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("before", Answer(502, b"<html>")), id="fails before"),
        pytest.param(Fault("after", Answer(500, {})), id="fails after"),
        pytest.param(Fault("after"), id="breaks off"),
        pytest.param(Fault("after", Answer(202, {}), silence=0.7), id="keeps silent"),
    ],
)
def test_an_import_without_an_answer_is_looked_for_before_it_is_repeated(
    fake: FakeBrevo, brevo: Brevo, fault: Fault
) -> None:
    fake.faults = once(fault, on="/import")
    outcomes = brevo.upsert([contact("c1", ADA, visits=1), contact("c2", BOB, visits=2)])
    assert [each.state for each in outcomes] == ["done", "done"]
    assert len(fake.jobs) == 1
    assert fake.writes == [f"upsert {ADA}", f"upsert {BOB}"]


def test_an_address_change_without_an_answer_still_ends_blocklisted(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    brevo.upsert([contact("c1", ADA)])
    fake.person_opts_out("email", ADA)
    ada = fake.contacts.at(ADA)
    assert ada is not None
    left = [Fault("after")]
    fake.faults = lambda request: left.pop() if left and request.method == "PUT" else None
    assert brevo.upsert([contact("c1", "ada@new.example")])[0].state == "done"
    assert fake.mailable() == set()


def test_a_blocklisting_without_an_answer_is_repeated(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.owner_adds(ADA)
    fake.faults = once(Fault("after"), on="/batch")
    assert brevo.withdraw([withdrawal(ADA)])[0].state == "done"
    assert fake.mailable() == set()


def test_a_deletion_without_an_answer_is_a_deletion(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.owner_adds(ADA)
    left = [Fault("after")]
    fake.faults = lambda request: left.pop() if left and request.method == "DELETE" else None
    assert brevo.erase([person("c1", ADA)])[0].state == "done"
    assert fake.known() == set()


def test_a_job_that_never_ends_is_uncertain_and_not_sent_again(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    fake.looks_until_done = None
    outcomes = brevo.upsert([contact("c1", ADA), contact("c2", BOB)])
    assert {each.state for each in outcomes} == {"uncertain"}
    assert len(fake.jobs) == 1
    fake.finish_jobs()
    outcomes = connected(fake).upsert([contact("c1", ADA), contact("c2", BOB)])
    assert {each.state for each in outcomes} == {"done"}
    assert fake.counts()["contacts"] == 2


def test_a_failed_job_is_uncertain(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.fails_jobs = True
    assert brevo.upsert([contact("c1", ADA)])[0].state == "uncertain"
    assert fake.known() == set()


def test_an_import_that_is_still_queued_cannot_outrun_a_withdrawal(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    """It would create the contact after the withdrawal looked for it."""
    fake.looks_until_done = None
    brevo.upsert([contact("c1", ADA)])
    next_run = connected(fake)
    assert next_run.withdraw([withdrawal(ADA)])[0].state == "uncertain"
    fake.looks_until_done = 0
    assert next_run.withdraw([withdrawal(ADA)])[0].state == "done"
    assert fake.opted_out() == {("email", ADA)}
    assert fake.mailable() == set()


def test_an_import_that_ends_while_it_is_waited_for_is_withdrawn_from(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    fake.looks_until_done = None
    brevo.upsert([contact("c1", ADA)])
    fake.jobs[1]["looks"] = 0
    fake.looks_until_done = 2
    assert connected(fake).withdraw([withdrawal(ADA)])[0].state == "done"
    assert fake.mailable() == set()


def test_an_import_that_is_still_queued_cannot_bring_back_the_erased(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    fake.looks_until_done = None
    brevo.upsert([contact("c1", ADA)])
    next_run = connected(fake)
    assert next_run.erase([person("c1", ADA)])[0].state == "uncertain"
    fake.finish_jobs()
    assert next_run.erase([person("c1", ADA)])[0].state == "done"
    assert fake.known() == set()


def test_a_contact_deleted_by_the_owner_meanwhile_is_tried_again_later(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    brevo.upsert([contact("c1", ADA, segment="loyal")])
    fake.contacts.rows.clear()
    (outcome,) = brevo.upsert([contact("c1", ADA, forget=("segment",))])
    assert outcome.state == "uncertain"
    assert brevo.upsert([contact("c1", ADA)])[0].state == "done"


def test_one_bad_update_costs_nobody_else(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.upsert([contact(f"c{n}", f"c{n}@example.com", visits=1) for n in range(6)])
    fake.script = lambda request: (
        Answer(400, {"code": "invalid_parameter", "message": "c3@example.com is odd"})
        if request.method in {"POST", "PUT"} and b"odd" in request.body
        else None
    )
    outcomes = brevo.upsert(
        [
            contact(
                f"c{n}",
                f"c{n}@example.com",
                forget=("visits",),
                given_name="odd" if n == 3 else "even",
            )
            for n in range(6)
        ]
    )
    assert [each.state for each in outcomes] == ["done"] * 3 + ["refused"] + ["done"] * 2
    assert outcomes[3].reason == "invalid_parameter"


def test_an_expired_key_says_what_to_do_and_never_itself(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.api_key = "another"
    with pytest.raises(CredentialsError, match="correct api_key") as caught:
        brevo.upsert([contact("c1", ADA)])
    assert "xkeysib" not in str(caught.value)


def test_a_forbidden_app_is_named(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.script = lambda _request: Answer(403, {"code": "permission_denied"})
    with pytest.raises(CredentialsError, match="/contacts"):
        brevo.read_opt_outs(None)


def test_a_contact_without_its_flag_is_not_taken_for_open(fake: FakeBrevo, brevo: Brevo) -> None:
    row = {"id": 1, "email": ADA, "attributes": {}, "smsBlacklisted": False}
    fake.script = lambda _request: Answer(200, {"contacts": [row], "count": 1})
    with pytest.raises(CrmContractError, match="doesn't promise"):
        brevo.read_opt_outs(None)


@pytest.mark.parametrize("status", [400, 418, 500])
def test_nothing_personal_is_in_a_message_or_the_log(
    fake: FakeBrevo, brevo: Brevo, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"code": "invalid_parameter", "message": f"{ADA} of Ada Lovelace is invalid"}
    fake.script = lambda request: Answer(status, body) if request.method == "POST" else None
    told = [str(caplog.text)]
    try:
        outcomes = brevo.upsert([contact("c1", ADA, given_name="Ada Lovelace")])
        told += [each.reason for each in outcomes]
    except ShopCRMError as error:
        told.append(str(error))
    assert "Ada" not in "".join(told)
    assert ADA not in "".join(told)
