"""Rows that other taps lose, each shown by running them: this one loses none.

A failure between two groups of locations, a feed that is not sorted, a refund on an old
payment, a second row in the bookmark's second, an amount of zero.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from tap_pos.testing import ScriptedSquare, refusal, sync
from tap_pos.testing.fakes.square_rows import line, location, money, order, payment, refund

if TYPE_CHECKING:
    from tap_pos.testing import Answer, Request

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
ORDERS = 3000


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def twelve_locations(square: ScriptedSquare) -> None:
    """Fill twelve locations, two more than Square takes in one search."""
    square.locations = [location(f"L{n:02}") for n in range(12)]
    square.orders, square.payments = [], []
    for number in range(ORDERS):
        at = text(NOON - timedelta(days=20) + timedelta(minutes=number))
        place: dict[str, Any] = {"location_id": f"L{number % 12:02}"}
        if number % 5 == 0:  # on the house: no payment leads to it
            place |= {"amount": 0, "tenders": []}
        else:
            square.payments.append(payment(f"O{number:04}", at, **place))
        square.orders.append(order(f"O{number:04}", at, **place))


def test_no_order_is_lost_when_the_second_group_of_locations_fails(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    twelve_locations(square)

    def fail_second_group(request: Request) -> Answer | None:
        if request.path != "/v2/orders/search" or "L11" not in request.asked["location_ids"]:
            return None
        span = request.asked["query"]["filter"]["date_time_filter"]["updated_at"]
        return refusal(400, "BAD_REQUEST") if span["end_at"] > "2026-02-10T06" else None

    square.script = fail_second_group
    broken = sync(config)
    assert len(broken.failures) == 1
    assert 0 < len(broken.table("orders")) < ORDERS
    square.script = lambda _request: None
    resumed = broken.then(sync(config, broken.state))
    assert resumed.failures == []
    assert len(resumed.table("orders")) == ORDERS


def test_no_order_is_lost_when_the_second_group_keeps_failing_from_some_page_on(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    twelve_locations(square)
    square.page_size = 100
    seen = 0

    def fail_after_some(request: Request) -> Answer | None:
        nonlocal seen
        seen += request.path == "/v2/orders/search"
        return refusal(500, "INTERNAL_SERVER_ERROR") if seen > 27 else None

    square.script = fail_after_some
    broken = sync(config | {"max_retry_seconds": 0.01})
    assert len(broken.failures) == 1
    square.script = lambda _request: None
    resumed = broken.then(sync(config, broken.state))
    assert len(resumed.table("orders")) == ORDERS


def test_no_team_member_is_lost_in_a_list_that_is_not_sorted(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.page_size = 2
    square.team_members = [
        {"id": f"T{n}", "status": "ACTIVE", "updated_at": f"2026-02-{day:02}T10:00:00Z"}
        for n, day in enumerate((7, 3, 9, 1, 5))
    ]
    first = sync(config)
    assert len(first.table("employees")) == 5
    assert len(sync(config, first.state).table("employees")) == 5


def test_a_refund_on_a_payment_older_than_the_bookmark_is_not_lost(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    """More than a year older: what Square leaves out of a list unless it is asked."""
    long_ago = "2024-11-02T10:00:00Z"
    square.orders = [order("OLD", long_ago, amount=900)]
    square.payments = [payment("OLD", long_ago, amount=900)]
    first = sync(config)
    assert first.table("orders")["tea", "OLD"]["payments"][0]["amount"] == 900
    square.advance(days=2)
    square.refunds = [refund("BACK", "OLD", text(square.now), amount=300)]
    square.payments[0] |= {"updated_at": text(square.now), "refunded_money": money(300)}
    later = sync(config, first.state).table("orders")["tea", "OLD"]
    assert [(p["kind"], p["amount"]) for p in later["payments"]] == [
        ("payment", 900),
        ("refund", -300),
    ]


def test_a_second_order_in_the_bookmarks_second_is_not_lost(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    config["lookback_seconds"] = 0
    square.orders = [order("FIRST", text(square.now))]
    square.payments = [payment("FIRST", text(square.now))]
    first = sync(config)
    assert ("tea", "FIRST") in first.table("orders")
    square.orders.append(order("SECOND", text(square.now)))
    square.payments.append(payment("SECOND", text(square.now)))
    square.advance(hours=1)
    assert ("tea", "SECOND") in sync(config, first.state).table("orders")


def test_an_amount_of_zero_stays_zero(square: ScriptedSquare, config: dict[str, Any]) -> None:
    square.orders = [
        order("FREE", "2026-02-10T15:00:00Z", amount=0, line_items=[line("a", 0), line("b", 0)])
    ]
    square.payments = [
        payment("FREE", "2026-02-10T15:00:00Z", amount=0, tip_money=money(0), source_type="CASH")
    ]
    data = {"item_id": "I", "name": "Regular", "price_money": money(0)}
    square.catalog = [
        {"type": "ITEM_VARIATION", "id": "V", "updated_at": "2026-02-01T00:00:00Z",
         "item_variation_data": data},
    ]  # fmt: skip
    square.loyalty_accounts = [{"id": "A", "program_id": "P", "balance": 0}]
    out = sync(config)
    free = out.table("orders")["tea", "FREE"]
    for field in ("gross", "discount", "tax", "tip", "service_charge", "net", "total"):
        assert free[field] == 0, field
    assert [(entry["unit_price"], entry["net"]) for entry in free["lines"]] == [(0, 0), (0, 0)]
    assert [(paid["amount"], paid["tip"]) for paid in free["payments"]] == [(0, 0)]
    assert out.table("products")["tea", "V"]["price"] == 0
    assert out.table("loyalty_accounts")["tea", "A"]["balance"] == 0
