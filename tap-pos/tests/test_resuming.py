"""Stop anywhere, go on from the last STATE: the same records as without a stop."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tap_pos.testing import ScriptedSquare, sync
from tap_pos.testing.fakes.square_rows import customer, location, order, payment, refund

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
TABLES = ("locations", "employees", "products", "customers", "orders", "loyalty_accounts")


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def busy_shop(square: ScriptedSquare) -> None:
    """Thirty days of sales; every third is refunded a week later, without the order moving."""
    square.page_size = 13
    square.locations = [location("L1"), location("L2")]
    square.customers = [customer(f"C{n}", text(NOON - timedelta(days=40 - n))) for n in range(30)]
    square.orders, square.payments, square.refunds = [], [], []
    for number in range(60):
        sold = NOON - timedelta(days=32) + timedelta(hours=12 * number)
        place: dict[str, Any] = {"location_id": f"L{number % 2 + 1}"}
        name = f"O{number:02}"
        square.orders.append(order(name, text(sold), **place))
        paid = payment(name, text(sold), **place)
        square.payments.append(paid)
        if number % 3 == 0:
            back = text(sold + timedelta(days=7, hours=1))
            paid["updated_at"] = back
            square.orders[-1]["refunds"] = [{"id": f"R{number}", "status": "APPROVED"}]
            square.refunds.append(refund(f"R{number}", name, back, amount=100, **place))


def tables(out: Any) -> dict[str, Any]:
    return {name: out.table(name) for name in TABLES}


def test_a_run_can_be_taken_up_after_any_state(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    busy_shop(square)
    config["window_days"] = 8
    whole = sync(config)
    assert len(whole.table("orders")) == 60
    for position in range(len(whole.states)):
        part = whole.until_state(position)
        resumed = part.then(sync(config, part.state))
        assert tables(resumed) == tables(whole)


def test_a_state_is_written_only_when_a_window_is_drained(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    """Whatever a bookmark claims to have read was sent before it."""
    busy_shop(square)
    out = sync(config | {"window_days": 8})
    sent: set[str] = set()
    for message in out.messages:
        if message["type"] == "RECORD" and message["stream"] == "orders":
            sent.add(message["record"]["id"])
        if message["type"] == "STATE":
            partitions = message["value"]["bookmarks"].get("orders", {}).get("partitions", [])
            for partition in partitions:
                reached = partition.get("replication_key_value", "")
                claimed = {row["id"] for row in square.orders if row["updated_at"] < reached}
                assert claimed <= sent


def as_of(square: ScriptedSquare, moment: datetime, future: ScriptedSquare) -> None:
    """Show the shop as it was at a moment: what is refunded later is not refunded yet."""
    now = text(moment)
    square.now = moment
    square.refunds = [row for row in future.refunds if row["updated_at"] <= now]
    known = {row["id"] for row in square.refunds}
    square.payments = [
        row if row["updated_at"] <= now else row | {"updated_at": row["created_at"]}
        for row in future.payments
        if row["created_at"] <= now
    ]
    square.orders = [
        row | {"refunds": [entry for entry in row.get("refunds", ()) if entry["id"] in known]}
        for row in future.orders
        if row["updated_at"] <= now
    ]


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pauses=st.lists(st.integers(0, 12 * 24 * 3600), max_size=3))
def test_any_split_of_the_time_gives_the_same_tables(
    square: ScriptedSquare, config: dict[str, Any], pauses: list[int]
) -> None:
    """Runs at any moments, the last one at noon on 1 March, against a single run."""
    busy_shop(square)
    future = ScriptedSquare()
    busy_shop(future)
    state, out = None, None
    for pause in [*sorted(pauses, reverse=True), 0]:
        as_of(square, NOON - timedelta(seconds=pause), future)
        step = sync(config | {"window_days": 20}, state)
        assert step.failures == []
        out = step if out is None else out.then(step)
        state = step.state
    final = sync(config)
    assert out is not None
    assert out.table("orders") == final.table("orders")
    assert out.table("customers") == final.table("customers")


def test_a_start_date_limits_the_first_run_only(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    busy_shop(square)
    first = sync(config | {"start_date": "2026-02-20"})
    assert 0 < len(first.table("orders")) < 60
    windows = [
        request.asked["query"]["filter"]["date_time_filter"]["updated_at"]["start_at"]
        for request in square.asked("/v2/orders/search")
    ]
    assert min(windows) == "2026-02-20T00:00:00Z"
    square.requests.clear()
    second = sync(config | {"start_date": "2026-02-20"}, first.state)
    assert second.failures == []
    (again,) = square.asked("/v2/orders/search")
    start = again.asked["query"]["filter"]["date_time_filter"]["updated_at"]["start_at"]
    assert start == "2026-03-01T11:59:00Z"


def test_the_lookback_can_be_set(square: ScriptedSquare, config: dict[str, Any]) -> None:
    out = sync(config | {"lookback_seconds": 3600})
    assert out.state is not None
    for stream in ("orders", "customers", "products"):
        (partition,) = out.state["bookmarks"][stream]["partitions"]
        assert partition["replication_key_value"] == "2026-03-01T11:00:00Z"
    assert square.requests
