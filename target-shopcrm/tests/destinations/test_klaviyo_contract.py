"""Klaviyo's own OpenAPI file and its own Python SDK as judges.

Of every request the destination sends, on good days and bad ones, and of every answer the fake
gives: neither may say what Klaviyo's API doesn't know.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from crm_fakes.klaviyo import REVISION, FakeKlaviyo
from klaviyo_world import (
    contact,
    everything,
    grant,
    order,
    person,
    phone,
    running,
    states,
    withdrawal,
)
from tap_pos.testing.openapi import OpenApi
from tap_pos.testing.specifications import specification
from target_shopcrm.destinations.klaviyo import account as vendor

if TYPE_CHECKING:
    from crm_fakes.fake import Answer, Request
    from klaviyo_world import World

FILE = specification("klaviyo/stable.json")
needs_file = pytest.mark.skipif(
    FILE is None, reason="Klaviyo's OpenAPI file is not on this machine"
)
_LIST = r"/api/lists/\w+/relationships/profiles"
MODELS = {
    ("POST", "/api/profile-bulk-import-jobs"): "ProfileImportJobCreateQuery",
    ("POST", "/api/profile-subscription-bulk-create-jobs"): "SubscriptionCreateJobCreateQuery",
    ("POST", "/api/profile-subscription-bulk-delete-jobs"): "SubscriptionDeleteJobCreateQuery",
    ("POST", "/api/profile-suppression-bulk-create-jobs"): "SuppressionCreateJobCreateQuery",
    ("POST", "/api/data-privacy-deletion-jobs"): "DataPrivacyCreateDeletionJobQuery",
    ("POST", "/api/event-bulk-create-jobs"): "EventsBulkCreateJob",
    ("PATCH", r"/api/profiles/\w+"): "ProfilePartialUpdateQuery",
    ("POST", _LIST): "ListMembersAddQuery",
    ("DELETE", _LIST): "ListMembersDeleteQuery",
}
"""The model that the official SDK has for each body."""
READINGS = {
    "/api/profiles",
    r"/api/profile-bulk-import-jobs/\w+",
    r"/api/profile-bulk-import-jobs/\w+/import-errors",
    "/api/events",
    "/api/metrics",
    "/api/lists",
    _LIST,
}


@dataclass(frozen=True)
class Exchange:
    """A request, and what was answered."""

    request: Request
    answer: Answer

    @property
    def body(self) -> Any:
        """The decoded body of the request, None if there is none."""
        return self.request.json() if self.request.body else None


class WatchedKlaviyo(FakeKlaviyo):
    """A fake that remembers what was said on both sides."""

    def __init__(self) -> None:
        super().__init__()
        self.exchanges: list[Exchange] = []

    def answer(self, request: Request) -> Answer:
        """Answer one request, and remember it."""
        answer = super().answer(request)
        self.exchanges.append(Exchange(request, answer))
        return answer


def whatever_goes_wrong(world: World) -> None:
    """Refusals of all kinds, and what they lead to."""
    klaviyo = world.klaviyo
    bad = contact(5, who=person(5, sms="12"))
    assert states(klaviyo.upsert([contact(4), bad])) == ["done", "refused"]
    world.fake.suppresses_everybody = False
    assert states(klaviyo.withdraw([withdrawal(4)])) == ["done"]
    assert states(klaviyo.grant([grant(4)])) == ["opted_out"]
    assert states(world.again().send_orders([order(1), order(9)])) == ["done", "done"]
    world.fake.person_opts_out("sms", phone(1))
    assert len(klaviyo.read_opt_outs(None).found) >= 2
    assert states(klaviyo.erase([person(4)])) == ["done"]


@pytest.fixture(scope="module")
def exchanges() -> list[Exchange]:
    fake = WatchedKlaviyo()
    with running(fake=fake) as world:
        everything(world)
        whatever_goes_wrong(world)
    return fake.exchanges


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> OpenApi:
    assert FILE is not None
    document = json.loads(FILE.read_text("utf-8"))
    named = document["components"]["schemas"]
    for name, schema in named.items():
        named[name] = put_together(schema, named)
    made = tmp_path_factory.mktemp("klaviyo") / "stable.json"
    made.write_text(json.dumps(document), "utf-8")
    return OpenApi(made)


def put_together(node: Any, named: dict[str, Any]) -> Any:
    """Merge what `allOf` splits: Klaviyo describes one object's attributes in two parts.

    Neither part knows the other's attributes, so only the whole can tell which are unknown.
    """
    if isinstance(node, list):
        return [put_together(each, named) for each in node]
    if not isinstance(node, dict):
        return node
    whole: dict[str, Any] = {}
    for part in node.get("allOf", ()):
        merge(whole, named[part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else part)
    rest = {key: put_together(each, named) for key, each in node.items() if key != "allOf"}
    return {**put_together(whole, named), **rest} if whole else rest


def merge(into: dict[str, Any], part: dict[str, Any]) -> None:
    """Add one part of a description to another, at every depth."""
    for key, value in part.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            into[key] = {**into[key]}
            merge(into[key], value)
        else:
            into[key] = value


def test_everything_the_destination_can_send_was_sent(exchanges: list[Exchange]) -> None:
    """Else the tests below would judge less than they say."""
    sent = {(each.request.method, each.request.path) for each in exchanges}
    wanted = {*MODELS, *(("GET", path) for path in READINGS)}
    for method, path in wanted:
        assert any(method == m and re.fullmatch(path, p) for m, p in sent), (method, path)
    assert {each.answer.status for each in exchanges} >= {200, 202, 204, 400}


def test_every_request_names_the_revision_it_was_written_for(exchanges: list[Exchange]) -> None:
    assert {each.request.headers["revision"] for each in exchanges} == {REVISION}
    assert vendor.REVISION == REVISION


def test_no_secret_is_in_any_address(exchanges: list[Exchange]) -> None:
    for each in exchanges:
        key = each.request.headers["authorization"].removeprefix("Klaviyo-API-Key ")
        assert key
        assert key not in f"{each.request.path}{each.request.query}"


@needs_file
def test_every_request_keeps_to_the_description(
    exchanges: list[Exchange], description: OpenApi
) -> None:
    for each in exchanges:
        asked = each.request
        found = description.check_request(asked.method, asked.path, asked.query, each.body)
        assert found == []


@needs_file
def test_every_answer_of_the_fake_keeps_to_the_description(
    exchanges: list[Exchange], description: OpenApi
) -> None:
    for each in exchanges:
        answer = each.answer
        body = None if isinstance(answer.body, bytes) else answer.body
        asked = each.request
        found = description.check_answer(asked.method, asked.path, answer.status, body)
        assert found == []


@needs_file
def test_the_description_is_of_the_revision_that_is_sent() -> None:
    assert FILE is not None
    assert f'"version":"{REVISION}"' in FILE.read_text("utf-8").replace(" ", "")


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "a profile without its type": (
        "/api/profile-bulk-import-jobs",
        {"profiles": {"data": [{"attributes": {"email": "a@example.com"}}]}},
    ),
    "an attribute that is none": (
        "/api/profile-bulk-import-jobs",
        {"profiles": {"data": [{"type": "profile", "attributes": {"colour": "red"}}]}},
    ),
    "a subscription of no channel": (
        "/api/profile-subscription-bulk-create-jobs",
        {"profiles": {"data": [{"type": "profile", "attributes": {"email": "a@example.com"}}]}},
    ),
}


@needs_file
@pytest.mark.parametrize(("path", "attributes"), WRONG.values(), ids=WRONG)
def test_the_judge_sees_what_is_wrong(
    description: OpenApi, path: str, attributes: dict[str, Any]
) -> None:
    kind = path.removeprefix("/api/").removesuffix("s")
    body = {"data": {"type": kind, "attributes": attributes}}
    assert description.check_request("POST", path, {}, body) != []


def model_for(request: Request) -> Any:
    """The SDK's model of a request's body."""
    models = pytest.importorskip(
        "openapi_client.models", reason="the official SDK (klaviyo-api) is not installed"
    )
    for (method, path), name in MODELS.items():
        if method == request.method and re.fullmatch(path, request.path):
            return getattr(models, name)
    raise AssertionError(f"no model for {request.method} {request.path}")


def test_every_body_is_one_that_the_official_sdk_would_send(exchanges: list[Exchange]) -> None:
    """Its models check required keys, types, words and times, though not unknown keys."""
    for each in exchanges:
        if each.body is not None:
            model_for(each.request).from_dict(each.body)


def test_the_official_sdk_sees_what_is_wrong(exchanges: list[Exchange]) -> None:
    first = next(each for each in exchanges if each.body is not None)
    model = model_for(first.request)
    with pytest.raises(ValueError, match="type"):
        model.from_dict({"data": {**first.body["data"], "type": "profile"}})
