"""Tryton when something goes wrong, and what it costs when nothing does."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from crm_fakes.fake import Answer, Fault, Request
from crm_fakes.tryton import FakeTryton, settings_for
from crm_servers.people import (
    ADA,
    BOB,
    contact,
    cue,
    grant,
    membership,
    order,
    person,
    states,
    withdrawal,
)
from crm_servers.tryton_scenarios import opened
from target_shopcrm.destinations.http import Patience
from target_shopcrm.destinations.items import Event, OrderLine
from target_shopcrm.destinations.tryton import Tryton
from target_shopcrm.errors import (
    ConfigurationError,
    CredentialsError,
    CrmContractError,
    CrmSetupError,
    CrmUnavailableError,
)
from target_shopcrm.settings import CrmSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BROKEN = Answer(503, b"<html>")
FAULTS = {
    "5xx before": Fault("before", BROKEN),
    "5xx after": Fault("after", BROKEN),
    "cut before": Fault("before", None),
    "cut after": Fault("after", None),
    "429": Fault("before", Answer(429, b"", {"Retry-After": "0.01"})),
    "conflict": Fault("before", Answer(200, {"id": 1, "error": ["ConcurrencyException", "x"]})),
}


@pytest.fixture
def crm() -> Iterator[FakeTryton]:
    with FakeTryton().running() as fake:
        fake.now = datetime.now(timezone.utc)
        yield fake


def once(method: str, fault: Fault) -> Callable[[Request], Fault | None]:
    """The fault meets the first call of a method only."""
    left = [fault]
    return lambda request: left.pop() if left and method.encode() in request.body else None


def called(crm: FakeTryton, method: str) -> int:
    return sum(method.encode() in request.body for request in crm.requests)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_everything_arrives_once_whatever_becomes_of_an_answer(
    crm: FakeTryton, fault: Fault
) -> None:
    destination = opened(crm)
    loyal = settings_for(crm)["lists"]["loyal"]
    crm.faults = once("party.party.create", fault)
    assert states(destination.upsert([contact("ada", ADA), contact("bob", BOB)])) == ["done"] * 2
    crm.faults = once("marketing.email.create", fault)
    assert states(destination.grant([grant("ada", ADA), grant("bob", BOB)])) == ["done"] * 2
    crm.faults = once("marketing.email.create", fault)
    assert states(destination.set_memberships([membership("ada", ADA, loyal)])) == ["done"]
    crm.faults = once("sale.sale.create", fault)
    assert states(destination.send_orders([order("ada", "o1", 100)])) == ["done"]
    crm.faults = once("ir.note.create", fault)
    assert states(destination.send_cues([cue("ada", ADA)])) == ["done"]
    assert crm.counts() == {"contacts": 2, "orders": 1, "events": 0, "cues": 1}
    assert len(crm.store.tables["marketing.email"]) == 3


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_changes_arrive_whole_whatever_becomes_of_an_answer(crm: FakeTryton, fault: Fault) -> None:
    destination = opened(crm)
    destination.upsert([contact("ada", ADA)])
    destination.grant([grant("ada", ADA)])
    destination.send_orders([order("ada", "o1", 100)])
    crm.faults = once("party.party.write", fault)
    assert states(destination.upsert([contact("ada", "ada@new.example")])) == ["done"]
    assert crm.known() == {"ada@new.example"}
    assert crm.mailable() == set()  # the old address was closed before it was forgotten
    crm.faults = once("sale.sale.write", fault)
    changed = order("ada", "o1", 300, OrderLine(name="Tea", net=300))
    assert states(destination.send_orders([changed])) == ["done"]
    assert crm.sales() == {"corner:o1": ("draft", Decimal(3))}


def test_a_party_that_a_silent_call_still_makes_is_not_made_twice(crm: FakeTryton) -> None:
    opened(crm)
    settings = CrmSettings.from_config(settings_for(crm))
    destination = Tryton(settings, Patience(retry=1, answer=0.2, poll=0.01, job=1))
    crm.faults = once("party.party.create", Fault("after", silence=0.4))
    assert states(destination.upsert([contact("ada", ADA)])) == ["done"]
    assert crm.counts()["contacts"] == 1


def test_what_stays_without_an_answer_is_uncertain(crm: FakeTryton) -> None:
    destination = opened(crm)
    crm.faults = lambda r: Fault("before", BROKEN) if b"party.party.create" in r.body else None
    assert states(destination.upsert([contact("ada", ADA)])) == ["uncertain"]


def test_more_customers_than_fit_into_a_call_cost_two_calls_that_write(crm: FakeTryton) -> None:
    destination = opened(crm)
    people = [contact(str(i), f"n{i}@s.example") for i in range(501)]
    grants = [grant(str(i), f"n{i}@s.example") for i in range(501)]
    assert set(states(destination.upsert(people))) == {"done"}
    assert set(states(destination.grant(grants))) == {"done"}
    assert called(crm, "party.party.create") == 2
    assert called(crm, "marketing.email.create") == 2
    crm.requests.clear()
    closing = [withdrawal(str(i), f"n{i}@s.example") for i in range(501)]
    assert set(states(destination.withdraw(closing))) == {"done"}
    assert called(crm, "marketing.email.write") == 2
    assert crm.mailable() == set()


def test_one_culprit_among_many_is_found_by_halving(crm: FakeTryton) -> None:
    destination = opened(crm)
    crm.forbid_name("Forbidden")
    names = ["Fine"] * 256
    names[100] = "Forbidden"
    people = [contact(str(i), f"n{i}@s.example", given_name=n) for i, n in enumerate(names)]
    outcomes = states(destination.upsert(people))
    assert [i for i, state in enumerate(outcomes) if state == "refused"] == [100]
    assert called(crm, "party.party.create") == 17  # twice for each halving, and once


def test_an_unchanged_second_reading_of_opt_outs_costs_one_call(crm: FakeTryton) -> None:
    destination = opened(crm)
    crm.owner_adds(ADA)
    crm.person_opts_out("email", ADA)
    cursor = destination.read_opt_outs(None).cursor
    before = destination.calls
    assert destination.read_opt_outs(cursor).cursor == cursor
    assert destination.calls - before == 1


def test_opt_outs_older_than_the_cursor_are_not_read_again(crm: FakeTryton) -> None:
    destination = opened(crm)
    crm.owner_adds(ADA)
    crm.owner_adds(BOB)
    crm.person_opts_out("email", ADA)
    crm.advance(hours=1)
    crm.person_opts_out("email", BOB)
    cursor = destination.read_opt_outs(None).cursor
    assert [each.address for each in destination.read_opt_outs(cursor).found] == [BOB]


def test_without_a_list_of_everybody_nobody_can_be_subscribed(crm: FakeTryton) -> None:
    destination = opened(crm, lists={})
    assert states(destination.grant([grant("ada", ADA)])) == ["skipped"]
    assert crm.mailable() == set()


def test_a_text_message_is_nothing_that_tryton_could_send(crm: FakeTryton) -> None:
    destination = opened(crm)
    assert states(destination.withdraw([withdrawal("ada", "+4915112345678", "sms")])) == ["done"]
    who = person("ada", phone="+4915112345678")
    joining = membership("ada", ADA, settings_for(crm)["lists"]["loyal"])
    joining = type(joining)(who=who, list_id=joining.list_id, is_member=True)
    assert states(destination.set_memberships([joining])) == ["skipped"]


def test_an_event_has_no_place_and_why_is_said(crm: FakeTryton) -> None:
    event = Event(
        who=person("ada", ADA),
        event_id="e",
        name="win_back",
        occurred_at=datetime.now(timezone.utc),
        channels=("email",),
        properties={},
    )
    (outcome,) = opened(crm).send_events([event])
    assert outcome.state == "skipped"
    assert outcome.reason


def test_what_tryton_lacks_is_said_so(crm: FakeTryton) -> None:
    with pytest.raises(CrmSetupError, match="setting database"):
        opened(crm, database="nowhere")
    crm.modules = {"sale"}
    with pytest.raises(CrmSetupError, match="marketing_email"):
        opened(crm)
    crm.modules = {"marketing_email"}
    destination = opened(crm)
    destination.upsert([contact("ada", ADA)])
    assert states(destination.send_orders([order("ada", "o1", 1)])) == ["skipped"]
    assert states(destination.erase([person("ada", ADA)])) == ["done"]


def test_a_user_without_company_or_group_is_said_so(crm: FakeTryton) -> None:
    destination = opened(crm)
    destination.upsert([contact("ada", ADA)])
    crm.company = None
    with pytest.raises(CrmSetupError, match="company"):
        destination.send_orders([order("ada", "o1", 1)])
    crm.may_market = False
    with pytest.raises(CredentialsError, match="groups Marketing and Sales"):
        destination.grant([grant("ada", ADA)])


@pytest.mark.parametrize("name", ["api_url", "database", "username", "api_key"])
def test_a_missing_setting_is_named(crm: FakeTryton, name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        opened(crm, **{name: ""})


def test_no_error_shows_a_person_or_the_password(crm: FakeTryton) -> None:
    settings = CrmSettings.from_config(settings_for(crm))
    destination = Tryton(settings, Patience(retry=0.05, answer=5, poll=0.01, job=1))
    secrets = ("@", "Ada", crm.api_key)
    traceback: Any = ["PostgreSQL can't: Ada <ada@shopper.example>", "Traceback ..."]
    crm.faults = once("party.party.create", Fault("before", Answer(200, {"error": traceback})))
    with pytest.raises(CrmContractError) as unexpected:
        destination.upsert([contact("ada", ADA, given_name="Ada")])
    crm.faults = lambda _: Fault("before", BROKEN)
    with pytest.raises(CrmUnavailableError) as down:
        destination.upsert([contact("ada", ADA, given_name="Ada")])
    told = f"{unexpected.value} {down.value}"
    assert not [secret for secret in secrets if secret in told]
