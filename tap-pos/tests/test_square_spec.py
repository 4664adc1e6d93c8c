"""Square's own OpenAPI file as the judge, of the tap's requests and of the fake's answers."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.testing.fakes.square_life import SquareLife, SquareWithoutEvents
from tap_pos.testing.lives import Act, Life, Read, busy_life
from tap_pos.testing.openapi import OpenApi
from tap_pos.testing.specifications import specification

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = specification("square/api-2025-08-20.offline.json")

pytestmark = pytest.mark.skipif(FILE is None, reason="Square's OpenAPI file is not on this machine")


@pytest.fixture(scope="module")
def square_api() -> OpenApi:
    assert FILE is not None
    return OpenApi(FILE)


@pytest.fixture(params=[SquareLife, SquareWithoutEvents], ids=["events", "no events"])
def account(request: pytest.FixtureRequest) -> Iterator[SquareLife]:
    with request.param().running() as running:
        yield running


def test_a_whole_life_keeps_to_the_specification(account: SquareLife) -> None:
    """Refusals included: no page is left that Square would not answer, nor any we invented."""
    with account.specification():
        Life(account).go([*busy_life(account, rounds=3), Read(), Act("refund", 3)]).check()
    assert account.violations == []
    asked = {(request.method, request.path.split("/")[2]) for request in account.requests}
    assert asked == {
        ("GET", "locations"), ("POST", "team-members"), ("POST", "catalog"),
        ("POST", "customers"), ("GET", "customers"), ("POST", "events"), ("POST", "orders"),
        ("GET", "payments"), ("GET", "refunds"), ("POST", "loyalty"),
    }  # fmt: skip


WRONG: dict[str, tuple[str, str, dict[str, list[str]], Any, str]] = {
    "sorting customers by change": (
        "POST", "/v2/customers/search", {}, {"query": {"sort": {"field": "UPDATED_AT"}}}, "sort"
    ),
    "a key that Square ignores": (
        "POST", "/v2/orders/search", {}, {"query": {"sort": {"order": "ASC"}}}, "sort"
    ),
    "a parameter of another list": ("GET", "/v2/payments", {"since": ["x"]}, None, "since"),
    "a limit that is no number": ("GET", "/v2/refunds", {"limit": ["many"]}, None, "limit"),
    "a path that is none": ("GET", "/v2/sales", {}, None, "no such request"),
    "a method that is none": ("DELETE", "/v2/payments", {}, None, "no such request"),
    "a body where none belongs": ("GET", "/v2/payments", {}, {"limit": 1}, "no JSON body"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_request_is_seen(
    square_api: OpenApi, wrong: tuple[str, str, dict[str, list[str]], Any, str]
) -> None:
    *request, word = wrong
    sentences = square_api.check_request(*request)
    assert any(word in sentence for sentence in sentences), sentences


def test_a_wrong_answer_is_seen(square_api: OpenApi) -> None:
    def complaints(order: dict[str, Any]) -> list[str]:
        return square_api.check_answer("POST", "/v2/orders/search", 200, {"orders": [order]})

    assert complaints({"id": "O", "location_id": "L", "state": "OPEN"}) == []
    assert complaints({"id": "O"})  # a location is required
    assert complaints({"location_id": "L", "state": "PAID"})  # no such state
    assert complaints({"location_id": "L", "colour": "red"})  # no such field
    assert complaints({"location_id": "L", "total_money": {"amount": "1"}})


def test_an_answer_that_breaks_the_specification_is_noted(account: SquareLife) -> None:
    with account.specification():
        life = Life(account)
        account.add_customer(Random(1))  # noqa: S311 - dice, no secret
        (person,) = account.current("customers").values()
        person["shoe_size"] = 44
        life.run()
    assert any("shoe_size" in sentence for sentence in account.violations)
