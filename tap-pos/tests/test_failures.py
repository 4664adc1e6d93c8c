"""When things go wrong at the register: patience first, then one sentence per shop."""

from __future__ import annotations

import logging
import socket
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.errors import ShopError
from tap_pos.http import Transient, wait_times
from tap_pos.tap import TapPOS
from tap_pos.testing import Answer, ScriptedSquare, refusal, sync
from tap_pos.testing.fakes.square_rows import customer, money, order, payment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_pos.testing import Request


def first_times(number: int, path: str, answer: Answer) -> Callable[[Request], Answer | None]:
    """Answer the first requests to a path in this way."""
    left = number

    def script(request: Request) -> Answer | None:
        nonlocal left
        if request.path != path or left == 0:
            return None
        left -= 1
        return answer

    return script


@pytest.fixture
def calm(config: dict[str, Any]) -> dict[str, Any]:
    """What a run without any fault sends."""
    records = sync(config)
    assert records.failures == []
    return {name: records.table(name) for name in ("orders", "customers", "locations")}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(refusal(429, "RATE_LIMITED", Retry_After="0"), id="429"),
        pytest.param(refusal(408, "REQUEST_TIMEOUT"), id="408"),
        pytest.param(refusal(500, "INTERNAL_SERVER_ERROR"), id="500"),
        pytest.param(Answer(503, b"<html>busy</html>"), id="503 without JSON"),
        pytest.param(Answer(200, {"orders": [{"id": "O1"}]}, cut=True), id="cut in mid-body"),
        pytest.param(Answer(200, b'{"orders": [{"id": '), id="half a JSON"),
    ],
)
def test_a_passing_fault_changes_nothing(
    square: ScriptedSquare, config: dict[str, Any], calm: dict[str, Any], answer: Answer
) -> None:
    square.script = first_times(2, "/v2/orders/search", answer)
    out = sync(config | {"max_retry_seconds": 5})
    assert out.failures == []
    assert {name: out.table(name) for name in calm} == calm


def test_retry_after_is_honoured(square: ScriptedSquare, config: dict[str, Any]) -> None:
    square.script = first_times(1, "/v2/locations", refusal(429, "RATE_LIMITED", Retry_After="1"))
    started = time.monotonic()
    assert sync(config | {"max_retry_seconds": 5}).failures == []
    assert time.monotonic() - started >= 1


def test_retry_after_as_a_date_is_by_the_servers_clock(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    """The register's clock is months away from this machine's."""
    in_a_second = "Sun, 01 Mar 2026 12:00:01 GMT"
    square.script = first_times(
        1, "/v2/locations", refusal(429, "RATE_LIMITED", Retry_After=in_a_second)
    )
    started = time.monotonic()
    assert sync(config | {"max_retry_seconds": 5}).failures == []
    assert 1 <= time.monotonic() - started < 4


def test_a_wait_longer_than_allowed_is_given_up_not_shortened(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.script = first_times(
        9, "/v2/locations", refusal(429, "RATE_LIMITED", Retry_After="3600")
    )
    (sentence,) = sync(config).failures
    assert "answered 429" in sentence
    assert len(square.asked("/v2/locations")) == 1


def test_a_register_that_cannot_be_reached_is_told(config: dict[str, Any]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    out = sync(config | {"base_url": f"http://127.0.0.1:{free}"})
    (sentence,) = out.failures
    assert sentence.startswith("Shop 'tea'")
    assert "could not be reached" in sentence


@pytest.mark.parametrize(("reached", "most"), [(False, 10), (True, 600)])
def test_an_unreachable_register_is_given_up_sooner_than_a_busy_one(
    *, reached: bool, most: float
) -> None:
    waits = wait_times(budget=600, who="A shop")
    next(waits)
    spent = sum(iter(partial(waits.send, Transient("is away", reached=reached)), None))
    assert most / 3 < spent <= most


def test_a_silent_register_is_told(square: ScriptedSquare, config: dict[str, Any]) -> None:
    def sleep(request: Request) -> Answer | None:
        if request.path == "/v2/orders/search":
            time.sleep(0.5)
        return None

    square.script = sleep
    settings = {"request_timeout_seconds": 0.2, "max_retry_seconds": 0.1}
    (sentence,) = sync(config | settings).failures
    assert "kept silent" in sentence


def test_a_revoked_token_stops_one_shop_and_no_other(square: ScriptedSquare) -> None:
    base = {"vendor": "square", "base_url": square.url}
    shops = [
        base | {"id": "first", "access_token": "token"},
        base | {"id": "revoked", "access_token": "old-token"},
        base | {"id": "last", "access_token": "token"},
    ]
    settings = {"shops": shops, "max_retry_seconds": 0.1}
    out = sync(settings)
    assert {key[0] for key in out.table("orders")} == {"first", "last"}
    assert len(out.failures) == 1, "one sentence per shop"
    assert "'revoked'" in out.failures[0]
    assert "access_token" in out.failures[0]
    assert len([r for r in square.requests if r.token == "old-token"]) == 1
    assert out.state is not None
    kept = out.state["bookmarks"]["orders"]["partitions"]
    assert {p["context"]["shop_id"] for p in kept if "replication_key_value" in p} == {
        "first",
        "last",
    }


def test_a_missing_permission_stops_one_stream_and_no_other(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    def forbid(request: Request) -> Answer | None:
        if request.path.startswith("/v2/loyalty"):
            return refusal(403, "INSUFFICIENT_SCOPES")
        return None

    square.script = forbid
    out = sync(config)
    (sentence,) = out.failures
    assert "LOYALTY_READ" in sentence
    assert "'tea'" in sentence
    assert ("tea", "O1") in out.table("orders")


def test_an_expired_cursor_restarts_its_window_not_the_run(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.page_size = 10
    square.orders = [order(f"O{n}", f"2026-02-10T15:00:{n:02}Z", tenders=None) for n in range(35)]
    expired = False

    def expire(request: Request) -> Answer | None:
        nonlocal expired
        asked = (request.path, request.asked.get("cursor"))
        if expired or asked != ("/v2/orders/search", "20"):
            return None
        expired = True
        return refusal(400, "INVALID_CURSOR")

    square.script = expire
    out = sync(config)
    assert out.failures == []
    assert len(out.table("orders")) == 35
    assert len(out.sent("orders")) == 20 + 35
    assert len(square.asked("/v2/team-members/search")) == 1


def test_cursors_that_keep_expiring_are_told(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.page_size = 1
    square.customers.append(customer("C2", "2026-02-02T00:00:00Z"))

    def expire(request: Request) -> Answer | None:
        return refusal(400, "INVALID_CURSOR") if request.asked.get("cursor") else None

    square.script = expire
    (sentence,) = sync(config).failures
    assert "smaller window_days" in sentence


@pytest.fixture
def one_bad(square: ScriptedSquare) -> ScriptedSquare:
    """A shop with one sound order before and one after an order whose total is no number."""
    bad = order("BAD", "2026-02-10T15:30:00Z", tenders=None)
    bad["total_money"] = money(None) | {"amount": "twelve dollars"}
    square.orders += [bad, order("O3", "2026-02-10T16:00:00Z", tenders=None)]
    return square


def test_a_bad_record_does_not_stop_the_others_but_fails_the_shop(
    one_bad: ScriptedSquare, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    out = sync(config)
    assert {key[1] for key in out.table("orders")} == {"O1", "O3"}
    (sentence,) = out.failures
    assert "1 record(s) of orders" in sentence
    told = next(entry.getMessage() for entry in caplog.records if "BAD" in entry.getMessage())
    assert "$.total_money.amount" in told
    assert "twelve" not in caplog.text
    assert one_bad.requests
    assert "loyalty_accounts" in out.schemas, "the streams after it were read too"


def test_the_bookmark_waits_for_a_bad_record(
    one_bad: ScriptedSquare, config: dict[str, Any]
) -> None:
    first = sync(config)
    assert first.state is not None
    (partition,) = first.state["bookmarks"]["orders"]["partitions"]
    assert partition["replication_key_value"] < "2026-02-10"
    one_bad.orders[1]["total_money"] = money(1200)
    second = sync(config, first.state)
    assert second.failures == []
    assert ("tea", "BAD") in second.table("orders")


def test_bad_records_within_the_limit_are_left_behind(
    one_bad: ScriptedSquare, config: dict[str, Any]
) -> None:
    out = sync(config | {"max_bad_records": 1})
    assert out.failures == []
    assert out.state is not None
    (partition,) = out.state["bookmarks"]["orders"]["partitions"]
    assert partition["replication_key_value"] == "2026-03-01T11:59:00Z"
    assert one_bad.requests


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"state": "LOST"}, "state is none that Square documents", id="state"),
        pytest.param({"created_at": "yesterday"}, "created_at is not", id="time"),
        pytest.param(
            {"line_items": [{"uid": "a", "quantity": "three"}]}, "quantity is not", id="quantity"
        ),
        pytest.param({"line_items": [{"uid": "a"}]}, "missing required field `quantity`", id="gap"),
        pytest.param({"id": 7}, "Expected `str`, got `int`", id="id"),
    ],
)
def test_what_breaks_squares_own_rules_is_a_bad_record(
    square: ScriptedSquare,
    config: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    change: dict[str, Any],
    reason: str,
) -> None:
    square.orders.append(order("O2", "2026-02-11T15:00:00Z", tenders=None) | change)
    out = sync(config)
    assert set(out.table("orders")) == {("tea", "O1")}
    assert reason in caplog.text


def test_an_unreadable_payment_makes_its_order_a_bad_record(
    square: ScriptedSquare, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Better no record of the order than one with too little money in it."""
    square.payments[0]["total_money"] = {"amount": 10.5}
    out = sync(config)
    assert out.table("orders") == {}
    assert "one of its payments or refunds is unreadable" in caplog.text


def test_json_that_is_not_squares_is_told(square: ScriptedSquare, config: dict[str, Any]) -> None:
    square.script = first_times(99, "/v2/locations", Answer(200, ["hello"]))
    (sentence,) = sync(config).failures
    assert "check base_url" in sentence


def test_a_redirect_is_not_followed_with_the_token(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    moved = Answer(302, {}, {"Location": "http://example.com/elsewhere"})
    square.script = first_times(99, "/v2/locations", moved)
    (sentence,) = sync(config).failures
    assert "with 302" in sentence


def test_a_clock_that_went_back_reads_nothing_and_keeps_the_bookmark(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    first = sync(config)
    square.now = square.now.replace(day=1, month=2)
    second = sync(config, first.state)
    assert second.failures == []
    assert second.sent("orders") == []
    assert second.state is not None
    assert first.state is not None
    before, after = first.state["bookmarks"], second.state["bookmarks"]
    assert before["orders"] == after["orders"]


def test_a_connection_test_shows_what_is_wrong(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    square.tokens = {"another"}
    with pytest.raises(ShopError, match="access token"):
        TapPOS(config=config).run_connection_test()


def test_no_log_line_holds_a_secret_or_a_person(
    square: ScriptedSquare, config: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    square.tokens.add("sq-secret-token")
    person = {
        "given_name": "Quirina",
        "family_name": "Zwanzig",
        "email_address": "quirina@example.com",
        "phone_number": "+12125550123",
    }
    square.customers = [customer("C1", "2026-02-01T10:00:00Z", **person)]
    square.customers.append(square.customers[0] | {"id": "C2", "birthday": 19})
    square.customers.append(square.customers[0] | {"id": "C3", "updated_at": "quirina"})
    square.payments.append(payment("O1", "2026-02-10T15:00:00Z", buyer_email_address="q@e.com"))
    script = first_times(2, "/v2/orders/search", refusal(500, "Quirina"))
    square.script = script
    with caplog.at_level(logging.DEBUG):
        out = sync(config | {"access_token": "sq-secret-token", "max_retry_seconds": 3})
    assert out.failures
    text = caplog.text + "".join(out.failures)
    for hidden in ("sq-secret-token", *person.values(), "quirina", "q@e.com"):
        assert hidden not in text
