"""Orders, events and cues in Brevo: history triggers nothing, and nothing comes twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from crm_fakes.brevo import FakeBrevo
from crm_fakes.brevo_people import (
    connected,
    contact,
    cue,
    event,
    on_a_generous_plan,
    order,
    paths_of,
    person,
    used_before,
)
from crm_fakes.fake import Answer, Fault
from target_shopcrm.destinations.brevo.orders import major
from target_shopcrm.destinations.brevo.tasks import MOST_A_RUN
from target_shopcrm.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_shopcrm.destinations.brevo import Brevo

ADA = "ada@example.com"
WHO = person("c1", ADA)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBrevo]:
    on_a_generous_plan(monkeypatch)
    with FakeBrevo().running() as running:
        yield running


@pytest.fixture
def brevo(fake: FakeBrevo) -> Iterator[Brevo]:
    destination = used_before(fake)
    destination.upsert([contact("c1", ADA)])
    fake.requests.clear()
    fake.writes.clear()
    yield destination
    destination.close()


def test_history_is_flagged_and_triggers_nothing(fake: FakeBrevo, brevo: Brevo) -> None:
    orders = [
        order(WHO, "o1", is_history=True),
        order(WHO, "o2"),
        order(WHO, "o3", is_history=True),
    ]
    assert {each.state for each in brevo.send_orders(orders)} == {"done"}
    assert paths_of(fake) == ["POST /orders/status/batch"] * 2
    assert [each.json()["historical"] for each in fake.requests] == [True, False]
    assert fake.triggered() == [("order", ADA)]
    assert fake.counts()["orders"] == 3


def test_orders_take_a_thousand_a_call(fake: FakeBrevo, brevo: Brevo) -> None:
    orders = [order(WHO, f"o{n}", is_history=True) for n in range(1_001)]
    assert {each.state for each in brevo.send_orders(orders)} == {"done"}
    assert len(fake.requests) == 2


def test_an_order_names_the_contact_by_our_id_only(fake: FakeBrevo, brevo: Brevo) -> None:
    """An address could create somebody who can be written to."""
    brevo.send_orders([order(person("c9", "nobody@example.com"), "o1")])
    assert fake.requests[0].json()["orders"] == [
        {
            "id": "corner:o1",
            "createdAt": "2026-02-20T09:00:00Z",
            "updatedAt": "2026-02-20T09:00:00Z",
            "status": "completed",
            "amount": 10.8,
            "storeId": "corner",
            "identifiers": {"ext_id": "corner:c9"},
            "products": [{"productId": "tea-100", "price": 5.0, "quantity": 2}],
            "metaInfo": {"currency": "EUR"},
        }
    ]
    assert fake.known() == {ADA}


def test_an_order_sent_again_is_the_same_order(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.send_orders([order(WHO, "o1", is_history=True)])
    brevo.send_orders([order(WHO, "o1", total=2_000, is_history=True)])
    assert fake.counts()["orders"] == 1
    assert fake.sales.orders["corner:o1"]["amount"] == 20.0


def test_a_return_is_skipped_with_a_reason(fake: FakeBrevo, brevo: Brevo) -> None:
    (outcome,) = brevo.send_orders([order(WHO, "o1", total=-500)])
    assert outcome.state == "skipped"
    assert "negative" in outcome.reason
    assert fake.requests == []


def test_one_bad_order_costs_no_other(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.script = lambda request: (
        Answer(400, {"code": "invalid_parameter"}) if b"corner:o3" in request.body else None
    )
    outcomes = brevo.send_orders([order(WHO, f"o{n}") for n in range(6)])
    assert [each.state for each in outcomes] == ["done"] * 3 + ["refused"] + ["done"] * 2
    assert fake.counts()["orders"] == 5


def test_a_live_order_without_an_answer_is_not_sent_twice(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.faults = lambda _request: Fault("after")
    assert brevo.send_orders([order(WHO, "o1")])[0].state == "uncertain"
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [(1080, "EUR", 10.8), (1080, "JPY", 1080.0), (1080, "kwd", 1.08), (1, "USD", 0.01)],
)
def test_amounts_are_in_the_currencys_own_unit(minor: int, currency: str, amount: float) -> None:
    assert major(minor, currency) == amount


def test_an_event_arrives_with_our_id_and_never_changes_the_contact(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    assert brevo.send_events([event(WHO, "e1", days=90, note=None)])[0].state == "done"
    (sent,) = fake.sales.events
    assert sent == {
        "event_name": "win_back",
        "event_date": "2026-02-20T09:00:00Z",
        "identifiers": {"ext_id": "corner:c1"},
        "event_properties": {"days": 90, "event_id": "corner:e1"},
    }
    assert fake.triggered() == [("win_back", ADA)]


def test_a_past_event_is_never_sent(fake: FakeBrevo, brevo: Brevo) -> None:
    (outcome,) = brevo.send_events([event(WHO, "e1", is_history=True)])
    assert outcome.state == "skipped"
    assert "past events" in outcome.reason
    assert fake.requests == []


def test_events_take_two_hundred_a_call(fake: FakeBrevo, brevo: Brevo) -> None:
    outcomes = brevo.send_events([event(WHO, f"e{n}") for n in range(401)])
    assert {each.state for each in outcomes} == {"done"}
    assert paths_of(fake) == ["POST /events/batch"] * 3


def test_one_bad_event_costs_no_other(fake: FakeBrevo, brevo: Brevo) -> None:
    events = [event(WHO, "e1"), event(WHO, "e2", note="unacceptable"), event(WHO, "e3")]
    assert [each.state for each in brevo.send_events(events)] == ["done", "refused", "done"]
    assert fake.counts()["events"] == 2


def test_events_of_a_run_that_died_are_looked_for(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.send_events([event(WHO, "e1")])
    fake.requests.clear()
    outcomes = connected(fake).send_events([event(WHO, "e1"), event(WHO, "e2")], again=True)
    assert [each.state for each in outcomes] == ["done", "done"]
    assert fake.counts()["events"] == 2
    assert paths_of(fake) == ["GET /events", "POST /events/batch"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_event_without_an_answer_arrives_once(fake: FakeBrevo, brevo: Brevo, when: str) -> None:
    left = [Fault("after" if when == "after" else "before")]
    fake.faults = lambda request: left.pop() if left and request.method == "POST" else None
    assert brevo.send_events([event(WHO, "e1")])[0].state == "uncertain"
    assert connected(fake).send_events([event(WHO, "e1")], again=True)[0].state == "done"
    assert fake.counts()["events"] == 1


def test_a_cue_becomes_a_task_of_the_contact(fake: FakeBrevo, brevo: Brevo) -> None:
    assert brevo.send_cues([cue(WHO, "q1")])[0].state == "done"
    (task,) = fake.sales.tasks
    ada = fake.contacts.at(ADA)
    assert ada is not None
    assert task["name"] == "Ask how the tea was"
    assert task["contactsIds"] == [ada.id]
    assert task["taskTypeId"] == "t2"
    assert task["notes"] == "ShopCRM corner:q1"


def test_cues_of_a_run_that_died_are_looked_for(fake: FakeBrevo, brevo: Brevo) -> None:
    brevo.send_cues([cue(WHO, "q1")])
    outcomes = connected(fake).send_cues([cue(WHO, "q1"), cue(WHO, "q2")], again=True)
    assert [each.state for each in outcomes] == ["done", "done"]
    assert fake.counts()["cues"] == 2


def test_a_cue_without_an_answer_comes_once(fake: FakeBrevo, brevo: Brevo) -> None:
    left = [Fault("after")]
    fake.faults = lambda request: left.pop() if left and request.method == "POST" else None
    assert brevo.send_cues([cue(WHO, "q1")])[0].state == "done"
    assert fake.counts()["cues"] == 1


def test_a_run_leaves_half_of_the_hour_to_others(fake: FakeBrevo, brevo: Brevo) -> None:
    outcomes = brevo.send_cues([cue(WHO, f"q{n}") for n in range(MOST_A_RUN + 2)])
    assert [each.state for each in outcomes] == ["done"] * MOST_A_RUN + ["uncertain"] * 2
    assert "100 calls an hour" in outcomes[-1].reason
    assert fake.counts()["cues"] == MOST_A_RUN


def test_an_account_without_the_shop_app_is_not_asked_order_by_order(
    fake: FakeBrevo, brevo: Brevo
) -> None:
    fake.script = lambda _request: Answer(400, {"code": "permission_denied"})
    with pytest.raises(CredentialsError, match="/orders"):
        brevo.send_orders([order(WHO, f"o{n}") for n in range(6)])
    assert len(fake.requests) == 1


def test_without_the_sales_app_cues_say_so(fake: FakeBrevo, brevo: Brevo) -> None:
    fake.sales.has_tasks = False
    with pytest.raises(CredentialsError, match="/crm"):
        brevo.send_cues([cue(WHO, "q1")])
