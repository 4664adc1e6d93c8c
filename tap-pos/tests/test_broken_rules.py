"""A vendor that breaks its own rules ends one shop, or one record, in a sentence: never the run.

Other shops of the same run are read on only if nothing but the tap's own errors is raised.
"""

from __future__ import annotations

import logging
import re
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from tap_pos.testing import Answer, sync
from tap_pos.testing.fakes import CONFORMING
from tap_pos.testing.fakes.sumup import SumUpLife
from tap_pos.testing.fakes.woocommerce import WooCommerceLife
from tap_pos.testing.lives import Life, busy_life

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_pos.testing import Request, Synced
    from tap_pos.testing.conformance import ConformingFake

IMPOSSIBLE_TIMES = ["yesterday", "0001-01-01T00:00:00+05:00", "0001-01-01T00:00:00Z", -5]
ODDITIES: list[Any] = [
    "yesterday", "0001-01-01T00:00:00+05:00", "0000-00-00 00:00:00", "", None, [], {}, -5, 0, 1.5,
    10**30, True, "NaN", ["x"], {"id": 5},
]  # fmt: skip
# What identifies a record or leads to the next page: to spoil that is to send another list.
IDENTIFIERS = ("id", "ids", "cursor", "version", "number", "href", "url", "key", "code", "next")
_MOST_REQUESTS = 300
_is_time = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d").match


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(params=sorted(CONFORMING))
def fake(request: pytest.FixtureRequest) -> Iterator[ConformingFake]:
    with CONFORMING[request.param]().running() as running:
        Life(running).go(busy_life(running, seed=7, rounds=1))
        yield running


def changed(value: Any, change: Callable[[str, Any], Any], name: str = "") -> Any:
    """Change every plain value of an answer, given the field it stands in."""
    if isinstance(value, dict):
        return {key: changed(each, change, key) for key, each in value.items()}
    if isinstance(value, list) and value:
        return [changed(each, change, name) for each in value]
    return change(name, value)


def read(fake: ConformingFake, change: Callable[[str, Any], Any]) -> Synced:
    """Run the tap while every answer is changed; an uncaught error fails the test by itself."""
    count = 0

    def script(request: Request) -> Answer:
        nonlocal count
        count += 1
        answer = Answer(401, {}) if count > _MOST_REQUESTS else fake.answer(request)
        if isinstance(answer.body, bytes):
            return answer
        body = changed(msgspec.to_builtins(answer.body), change)
        return Answer(answer.status, body, answer.headers)

    fake.script = script
    return sync({**fake.settings(), "max_retry_seconds": 0.02, "max_bad_records": 9999})


@pytest.mark.parametrize("time", IMPOSSIBLE_TIMES, ids=str)
def test_times_that_are_none_are_told_and_end_no_run(fake: ConformingFake, time: Any) -> None:
    def change(name: str, value: Any) -> Any:
        is_time = isinstance(value, str) and _is_time(value)
        return time if is_time or name.lower().endswith("time") else value

    assert all(sentence.endswith(".") for sentence in read(fake, change).failures)


def test_whatever_field_is_broken_no_run_ends(fake: ConformingFake) -> None:
    for seed in range(8):
        dice = Random(seed)  # noqa: S311 - dice, no secret
        share = dice.choice((0.01, 0.03, 0.1))

        def change(name: str, value: Any, dice: Random = dice, share: float = share) -> Any:
            is_kept = name.lower().endswith(IDENTIFIERS) or dice.random() > share
            return value if is_kept else dice.choice(ODDITIES)

        assert all(sentence.endswith(".") for sentence in read(fake, change).failures)


REFUSALS = {
    "in another encoding": Answer(400, b'{"errors": [{"code": "\xff"}], "code": "\xff"}'),
    "a redirect to nowhere": Answer(302, {}, {"Location": "http://["}),
    "numbers for words": Answer(403, {"error_code": 5, "code": [1], "errors": 7, "title": {}}),
    "no object": Answer(400, b"null"),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_that_can_not_be_read_is_a_refusal(fake: ConformingFake, kind: str) -> None:
    fake.script = lambda _request: REFUSALS[kind]
    (sentence, *_) = sync({**fake.settings(), "max_retry_seconds": 0.02}).failures
    assert sentence.endswith(".")


def test_a_site_whose_first_order_has_no_readable_time_is_read() -> None:
    with WooCommerceLife().running() as site:
        Life(site).go(busy_life(site, rounds=1))

        def first_is_unreadable(request: Request) -> Answer | None:
            is_first = request.query.get("orderby") == ["date"] and "per_page" in request.query
            if is_first and request.query["per_page"] == ["1"]:
                return Answer(200, [{"id": 1, "date_created_gmt": "0001-01-01T00:00:00"}],
                              {"X-WP-Total": "1", "X-WP-TotalPages": "1"})  # fmt: skip
            return None

        orders = sync(site.settings()).table("orders")
        site.script = first_is_unreadable
        out = sync(site.settings())
        assert out.failures == []
        assert out.table("orders").keys() == orders.keys()
        assert orders


def test_rows_that_are_none_hide_no_others() -> None:
    with WooCommerceLife().running() as site:
        Life(site).go(busy_life(site, rounds=1))
        orders = sync(site.settings()).table("orders")

        def add_rubbish(request: Request) -> Answer | None:
            if not request.path.endswith("/orders") or request.query.get("per_page") == ["1"]:
                return None
            answer = site.answer(request)
            rows = [*answer.body, 5] if answer.body else answer.body
            return Answer(answer.status, rows, answer.headers)

        site.script = add_rubbish
        out = sync(site.settings() | {"max_bad_records": 9999})
        assert out.table("orders") == orders


def test_a_merchant_with_an_unreadable_time_is_a_bad_record() -> None:
    with SumUpLife().running() as shop:
        shop.merchant["updated_at"] = "yesterday"
        (sentence,) = sync(shop.settings()).failures
        assert "1 record(s) of locations" in sentence
