"""Klaviyo's events and orders: each once, none for a stranger, history without a flow."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import msgspec
import pytest
from crm_fakes.fake import Fault
from crm_fakes.klaviyo_account import text
from klaviyo_world import (
    GIVEN,
    HURRIED,
    contact,
    email,
    event,
    order,
    person,
    running,
    states,
)
from target_shopcrm.destinations.items import OrderLine
from target_shopcrm.destinations.klaviyo.happenings import amount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crm_fakes.fake import Request
    from klaviyo_world import World

RECORD = "/api/event-bulk-create-jobs"


@pytest.fixture
def world() -> Iterator[World]:
    with running() as made:
        made.tell(1, 2)
        yield made


def test_a_thousand_and_one_orders_take_two_calls(world: World) -> None:
    orders = [order(number, 1 + number % 2) for number in range(1_001)]
    assert set(states(world.klaviyo.send_orders(orders))) == {"done"}
    assert len(world.posts(RECORD)) == 2
    assert world.fake.counts()["orders"] == 1_001


def test_an_event_starts_the_flow_of_its_name(world: World) -> None:
    (outcome,) = world.klaviyo.send_events([event(1)])
    assert outcome.state == "done"
    assert outcome.remote_id in world.fake.account.profiles
    assert world.fake.triggered() == [("win_back", email(1))]
    (recorded,) = world.fake.account.events
    assert recorded["properties"]["visits"] == 3
    assert recorded["properties"]["channels"] == ["email"]


def test_history_starts_no_flow(world: World) -> None:
    world.klaviyo.send_orders([order(1, is_history=True), order(2, is_history=False)])
    world.klaviyo.send_events([event(1, is_history=True)])
    assert world.fake.triggered() == [("Placed Order", email(1))]
    assert world.fake.counts()["events"] == 1


def test_an_event_would_make_a_profile_so_a_stranger_gets_none(world: World) -> None:
    outcomes = world.klaviyo.send_events([event(1, whose=9), event(2)])
    assert states(outcomes) == ["refused", "done"]
    assert outcomes[0].reason == "no profile in Klaviyo"
    assert world.fake.counts()["contacts"] == 2


def test_an_event_would_change_the_profile_so_it_carries_no_address(world: World) -> None:
    moved = person(1, email="new@example.com", sms="+12125559999")
    occasion = msgspec.structs.replace(event(1), who=moved)
    assert states(world.klaviyo.send_events([occasion])) == ["done"]
    assert world.fake.known() == {email(1), email(2)}


def test_a_sale_is_worth_its_total_and_a_return_has_a_metric_of_its_own(world: World) -> None:
    back = OrderLine(product_id="p1", name="Tea kettle", quantity="1", net=-500)
    orders = [order(1), order(2, net=-500, total=-540, lines=(back,))]
    assert states(world.klaviyo.send_orders(orders)) == ["done", "done"]
    (request,) = world.posts(RECORD)
    entries = request.json()["data"]["attributes"]["events-bulk-create"]["data"]
    told = [entry["attributes"]["events"]["data"][0]["attributes"] for entry in entries]
    worth = {
        each["metric"]["data"]["attributes"]["name"]: (each["value"], each["value_currency"])
        for each in told
    }
    assert worth == {"Placed Order": (12.99, "USD"), "Refunded Order": (5.4, "USD")}
    assert told[0]["properties"]["items"] == [
        {"product_id": "p1", "name": "Tea kettle", "quantity": "1", "net": 12.0}
    ]


@pytest.mark.parametrize(
    ("minor", "currency", "expected"),
    [(1299, "USD", 12.99), (1299, "JPY", 1299.0), (1299, "KWD", 1.299), (-5, "EUR", -0.05)],
)
def test_amounts_are_counted_in_the_units_of_their_currency(
    minor: int, currency: str, expected: float
) -> None:
    assert amount(minor, currency) == expected


def test_events_of_the_same_second_are_all_recorded(world: World) -> None:
    """Without a unique id Klaviyo would keep one per person and second."""
    events = [event(number, occurred_at=GIVEN) for number in range(3)]
    assert states(world.klaviyo.send_events(events)) == ["done"] * 3
    assert world.fake.counts()["events"] == 3


def test_one_repeated_unique_id_fails_a_whole_call_so_twins_are_sent_once(world: World) -> None:
    assert states(world.klaviyo.send_orders([order(1), order(2), order(1)])) == ["done"] * 3
    assert world.fake.counts()["orders"] == 2
    assert len(world.posts(RECORD)) == 1


def test_orders_that_are_there_already_are_taken_out_and_the_rest_is_sent(world: World) -> None:
    world.klaviyo.send_orders([order(number) for number in range(50)])
    outcomes = world.again().send_orders([order(number) for number in range(100)])
    assert states(outcomes) == ["done"] * 100
    assert world.fake.counts()["orders"] == 100
    assert len(world.posts(RECORD)) == 3, "one refused, one for the rest"


def test_a_recorded_order_can_not_be_changed_and_that_is_said(world: World) -> None:
    world.klaviyo.send_orders([order(1), order(2)])
    outcomes = world.again().send_orders([order(1, total=2_000), order(2)])
    assert states(outcomes) == ["skipped", "done"]
    assert "cannot be changed" in outcomes[0].reason
    assert world.fake.counts()["orders"] == 2


def test_a_repeated_order_that_klaviyo_swallows_silently_is_noticed(world: World) -> None:
    world.fake.drops_repeated_events = True
    world.klaviyo.send_orders([order(1)])
    assert states(world.again().send_orders([order(1)])) == ["done"]
    assert states(world.again().send_orders([order(1, total=2_000)])) == ["skipped"]


def test_events_a_dead_run_had_sent_are_not_sent_again(world: World) -> None:
    world.klaviyo.send_events([event(1), event(2)])
    sent = len(world.posts(RECORD))
    outcomes = world.again().send_events([event(1), event(2)], again=True)
    assert states(outcomes) == ["done", "done"]
    assert len(world.posts(RECORD)) == sent
    outcomes = world.again().send_events([event(2), event(3)], again=True)
    assert states(outcomes) == ["done", "done"]
    assert world.fake.counts()["events"] == 3
    assert len(world.fake.triggered()) == 3


def test_a_bad_event_costs_no_other_anything(world: World) -> None:
    events = [event(number) for number in range(5)]
    events[3] = event(3, name="x" * 200)
    outcomes = world.klaviyo.send_events(events)
    assert states(outcomes) == ["done", "done", "done", "refused", "done"]
    assert world.fake.counts()["events"] == 4


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cut_answer_neither_doubles_nor_loses_an_event(world: World, when: str) -> None:
    broken = [Fault("before" if when == "before" else "after")]

    def once(request: Request) -> Fault | None:
        return broken.pop() if request.path == RECORD and broken else None

    world.fake.faults = once
    assert states(world.klaviyo.send_events([event(1), event(2)])) == ["done", "done"]
    assert world.fake.counts()["events"] == 2
    assert len(world.fake.triggered()) == 2
    assert len(world.posts(RECORD)) == 2, "a refusal for what arrived is understood as such"


def test_an_accepted_event_that_never_appears_is_not_called_done(world: World) -> None:
    world.fake.account.is_stuck = True
    hurried = world.again(HURRIED)
    assert states(hurried.send_events([event(1)])) == ["uncertain"]
    world.fake.finish_jobs()
    world.fake.account.is_stuck = False
    assert states(world.again().send_events([event(1)], again=True)) == ["done"]
    assert world.fake.triggered() == [("win_back", email(1))]


def test_metrics_of_other_integrations_share_the_name(world: World) -> None:
    """Shopify's own `Placed Order` is another metric; neither is taken for the other."""
    account = world.fake.account
    profile = account.at("email", email(1))
    at = text(order(1).placed_at)
    theirs = {"unique_id": "corner:o1", "integration": "Shopify"}
    account.record(profile, "Placed Order", at, {"from": "elsewhere"}, **theirs)
    assert states(world.klaviyo.send_orders([order(1)])) == ["done"]
    assert world.fake.counts()["orders"] == 2


def test_reading_back_many_events_goes_through_all_pages(world: World) -> None:
    account = world.fake.account
    profile = account.at("email", email(2))
    for number in range(1_500):
        at = GIVEN + timedelta(minutes=1, seconds=number % 50)
        account.record(profile, "Placed Order", text(at), {}, unique_id=f"theirs{number}")
    world.klaviyo.upsert([contact(1)])
    orders = [order(1), order(2), order(3)]
    assert states(world.klaviyo.send_orders(orders)) == ["done"] * 3
    assert world.fake.counts()["orders"] == 1_503


def test_times_with_an_offset_and_parts_of_a_second_are_found_again(world: World) -> None:
    zone = timezone(timedelta(hours=-5))
    odd = datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=zone)
    assert states(world.klaviyo.send_events([event(1, occurred_at=odd)])) == ["done"]
    assert states(world.again().send_events([event(1, occurred_at=odd)], again=True)) == ["done"]
    assert world.fake.counts()["events"] == 1
