"""Faults come as planned, are the same each time, and lose against patience."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from practice_register.errors import UsageError
from practice_register.faults import Asked, FaultBox, FaultPlan, parse_faults


@pytest.fixture
def faulty(moving: Any) -> Any:
    register, client = moving
    yield register, client
    register.set_faults("")


def test_too_many_requests_say_how_long_to_wait(faulty: Any) -> None:
    register, client = faulty
    register.set_faults("rate=1,kinds=429,retry_after=3")
    response = client.send("GET", "/v2/locations")
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "3"
    (error,) = response.json()["errors"]
    assert (error["category"], error["code"]) == ("RATE_LIMIT_ERROR", "RATE_LIMITED")


def test_the_same_request_fails_at_most_twice_in_a_row(faulty: Any) -> None:
    register, client = faulty
    register.set_faults("rate=1,kinds=500")
    statuses = [client.send("GET", "/v2/locations").status_code for _ in range(6)]
    assert statuses == [500, 500, 200, 500, 500, 200]


def test_a_cut_connection_ends_in_the_middle_of_the_body(faulty: Any) -> None:
    register, client = faulty
    register.set_faults("rate=1,kinds=cut")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        client.send("GET", "/v2/payments")


def test_a_timeout_holds_the_connection_and_never_answers(faulty: Any) -> None:
    register, client = faulty
    register.set_faults("rate=1,kinds=timeout,hold=0.4")
    begun = time.monotonic()
    with pytest.raises(requests.exceptions.ConnectionError):
        client.send("GET", "/v2/locations")
    assert time.monotonic() - begun >= 0.4


def test_every_answer_takes_the_latency_longer_and_none_waits_for_another(faulty: Any) -> None:
    register, client = faulty
    register.set_faults("latency=0.3")
    begun = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        ask = [threads.submit(requests.get, client.register.url, timeout=5) for _ in range(8)]
    assert {future.result().status_code for future in ask} == {401}
    assert 0.3 <= time.monotonic() - begun < 1.5
    begun = time.monotonic()
    assert register.clock
    assert time.monotonic() - begun < 0.3


def test_an_expired_cursor_is_refused_and_a_new_scan_wins(faulty: Any) -> None:
    register, client = faulty
    expected = [order["id"] for order in client.orders()]
    register.set_faults("rate=1,kinds=expired_cursor")
    body = {
        "location_ids": client.locations,
        "limit": 200,
        "query": {"sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"}},
    }
    refusals = 0
    for _ in range(5):
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            response = client.send("POST", "/v2/orders/search", json={**body, **cursor})
            if response.status_code == 400:
                assert response.json()["errors"][0]["code"] == "INVALID_CURSOR"
                refusals += 1
                break
            page = response.json()
            found += [order["id"] for order in page.get("orders", [])]
            if "cursor" not in page:
                assert found == expected
                assert refusals == 2
                return
            cursor = {"cursor": page["cursor"]}
    pytest.fail("the scan never came to its end")


def test_the_same_plan_fails_the_same_requests() -> None:
    def course(seed: int) -> list[str | None]:
        box = FaultBox(FaultPlan(rate=0.3, seed=seed))
        asked = [Asked("GET", f"/v2/payments/{number}", "", b"", None) for number in range(200)]
        return [box.decide(each) for each in asked]

    assert course(7) == course(7) != course(8)
    failed = [kind for kind in course(7) if kind]
    assert 40 < len(failed) < 80
    assert set(failed) == {"429", "500", "timeout", "cut"}


def test_the_registers_own_calls_never_fail(faulty: Any) -> None:
    register, _ = faulty
    register.set_faults("rate=1")
    assert register.clock == "2026-11-22T05:00:00.000Z"


@pytest.mark.parametrize(
    "wrong",
    ["rate", "rate=2", "rate=often", "kinds=404", "speed=1", "rate=0.1,streak=0", "latency=-1"],
)
def test_a_wrong_plan_is_refused_in_one_sentence(wrong: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_faults(wrong)
    assert str(refusal.value).startswith("--faults ")
    assert "\n" not in str(refusal.value)
