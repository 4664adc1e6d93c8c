"""Our requests and the fake's answers, held against Brevo's official SDK (brevo-python).

The SDK is made from Brevo's API definition. Each request of a whole run is rebuilt through the
SDK's own client and has to come out the same: method, path, query and body. Each answer of the
fake has to fit the SDK's models. Skipped where the SDK isn't installed.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from crm_fakes.brevo import FakeBrevo
from crm_fakes.brevo_people import (
    connected,
    contact,
    cue,
    event,
    grant,
    membership,
    on_a_generous_plan,
    order,
    person,
    withdrawal,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm_fakes.fake import Answer, Request
    from target_shopcrm.database.connection import Connection

brevo_sdk = pytest.importorskip("brevo", reason="brevo-python is not installed")
httpx = pytest.importorskip("httpx")

NO_CONNECTION: Connection = None  # type: ignore[assignment]  # a destination outside has no tables
ADA, BOB, PHONE = "ada@example.com", "bob@example.com", "+4915112345678"


@pytest.fixture(scope="module")
def talk() -> list[tuple[Request, Answer]]:
    """Every request of a run in which everything happens, with its answer."""
    heard: list[tuple[Request, Answer]] = []

    class Listening(FakeBrevo):
        def answer(self, request: Request) -> Answer:
            answer = super().answer(request)
            heard.append((request, answer))
            return answer

    with pytest.MonkeyPatch.context() as patch, Listening().running() as fake:
        on_a_generous_plan(patch)
        _a_whole_run(fake)
    return heard


def _a_whole_run(fake: FakeBrevo) -> None:
    destination = connected(fake)
    destination.open(NO_CONNECTION)
    cursor = destination.read_opt_outs(None).cursor
    destination.upsert(
        [contact("c1", ADA, PHONE, given_name="Ada", visits=3), contact("c2", BOB, segment="x")]
    )
    destination.upsert([contact("c3", "not an address")])
    destination.set_memberships([membership(person("c1"), "3")])
    destination.set_memberships([membership(person("c1"), "3", is_member=False)])
    destination.withdraw([withdrawal(BOB)])
    destination.upsert([contact("c2", "bob@new.example", forget=("segment",))])
    destination.grant([grant(person("c2", "bob@new.example"))])
    destination.upsert([contact("c1", ADA, PHONE, visits=4, forget=("given_name",))])
    who = person("c1", ADA)
    destination.send_orders([order(who, "o1"), order(who, "o2", is_history=True)])
    destination.send_events([event(who, "e1", days=3), event(who, "e2", note="unacceptable")])
    destination.send_events([event(who, "e1", days=3)], again=True)
    destination.send_cues([cue(who, "q1")], again=True)
    destination.erase([who])
    connected(fake).read_opt_outs(cursor)


def test_every_request_is_what_the_official_sdk_would_send(
    talk: list[tuple[Request, Answer]],
) -> None:
    seen: set[str] = set()
    for request, _ in talk:
        route = _route(request)
        rebuilt = _sent_by_sdk(REQUESTS[route], request)
        assert rebuilt == _essence(request), route
        seen.add(route)
    assert seen == REQUESTS.keys()


def test_every_answer_of_the_fake_fits_the_official_models(
    talk: list[tuple[Request, Answer]],
) -> None:
    fitted: set[str] = set()
    for request, answer in talk:
        route = f"{_route(request)} {answer.status}"
        model = _model(ANSWERS.get(route))
        if model is None:
            assert answer.status == 204 or answer.body == b"" or route in NOT_MODELLED, route
            continue
        model.model_validate(answer.body)
        fitted.add(route)
    assert fitted == ANSWERS.keys()


def test_the_sdk_says_that_a_new_address_resubscribes() -> None:
    """The fact this destination is built around; if it goes, so may its detours."""
    said = " ".join(str(brevo_sdk.contacts.client.ContactsClient.update_contact.__doc__).split())
    assert "remove that blocklisting from the contact and they will be resubscribed" in said


def _route(request: Request) -> str:
    parts = request.path.removeprefix("/v3/").split("/")
    if parts[0] == "contacts" and len(parts) == 2 and parts[1] not in {"attributes", "batch"}:
        parts[1] = parts[1] if parts[1] == "import" else "{identifier}"
    if parts[:2] == ["contacts", "lists"]:
        parts[2] = "{id}"
    if parts[:2] == ["contacts", "attributes"] and len(parts) > 2:
        parts[3] = "{name}"
    if parts[0] == "processes" and len(parts) == 2:
        parts[1] = "{id}"
    return f"{request.method} {'/'.join(parts)}"


def _essence(request: Request) -> tuple[str, str, dict[str, list[str]], Any]:
    body = json.loads(request.body) if request.body else None
    return request.method, unquote(request.path), dict(request.query), body


def _sent_by_sdk(call: Callable[[Any, Request], Any], request: Request) -> Any:
    sent: list[Any] = []

    def record(given: Any) -> Any:
        sent.append(given)
        return httpx.Response(204)

    with httpx.Client(transport=httpx.MockTransport(record)) as transport:
        client = brevo_sdk.Brevo(
            api_key="k", token="t", base_url="http://brevo.test/v3", httpx_client=transport
        )
        # It can't read an empty answer; what it sent is all that is asked for.
        with suppress(brevo_sdk.core.api_error.ApiError):
            call(client, request)
    (given,) = sent
    parts = urlsplit(str(given.url))
    body = json.loads(given.content) if given.content else None
    return given.method, unquote(parts.path), parse_qs(parts.query), body


def _query(request: Request) -> dict[str, Any]:
    names = {
        "modifiedSince": "modified_since",
        "startDate": "start_date",
        "endDate": "end_date",
        "identifierType": "identifier_type",
    }
    return {names.get(name, name): values[-1] for name, values in request.query.items()}


def _body(request: Request, **names: str) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in request.json().items()}


def _last(request: Request) -> str:
    return unquote(request.path.rsplit("/", 1)[1])


def _flags(request: Request) -> dict[str, Any]:
    return _body(
        request,
        emailBlacklisted="email_blacklisted",
        smsBlacklisted="sms_blacklisted",
        listIds="list_ids",
        unlinkListIds="unlink_list_ids",
        updateEnabled="update_enabled",
    )


def _import(client: Any, request: Request) -> None:
    client.contacts.import_contacts(
        **_body(
            request,
            jsonBody="json_body",
            listIds="list_ids",
            updateExistingContacts="update_existing_contacts",
            emptyContactsAttributes="empty_contacts_attributes",
            disableNotification="disable_notification",
        )
    )


def _batch(client: Any, request: Request) -> None:
    item = brevo_sdk.contacts.UpdateBatchContactsRequestContactsItem
    rows = [item.model_validate(each) for each in request.json()["contacts"]]
    assert not any(row.model_extra for row in rows)
    client.contacts.update_batch_contacts(contacts=rows)


def _orders(client: Any, request: Request) -> None:
    body = request.json()
    rows = [brevo_sdk.Order.model_validate(each) for each in body["orders"]]
    assert not any(row.model_extra or row.products[0].model_extra for row in rows)
    client.ecommerce.create_batch_order(orders=rows, historical=body["historical"])


def _events(client: Any, request: Request) -> None:
    item = brevo_sdk.event.CreateBatchEventsRequestEventsItem
    rows = [item.model_validate(each) for each in request.json()["events"]]
    assert not any(row.model_extra or row.identifiers.model_extra for row in rows)
    client.event.create_batch_events(events=rows)


def _task(client: Any, request: Request) -> None:
    body = _body(request, taskTypeId="task_type_id", contactsIds="contacts_ids")
    body["date"] = datetime.fromisoformat(body["date"].replace("Z", "+00:00"))
    client.tasks.create_a_task(**body)


def _on_list(name: str) -> Callable[[Any, Request], None]:
    def call(client: Any, request: Request) -> None:
        word = {"add": "AddContactToList", "remove": "RemoveContactFromList"}[name]
        ids = getattr(brevo_sdk.contacts, f"{word}RequestBodyIds").model_validate(request.json())
        method = {"add": "add_contact_to_list", "remove": "remove_contact_from_list"}[name]
        number = int(request.path.split("/")[4])
        getattr(client.contacts, method)(number, request=ids)

    return call


REQUESTS: dict[str, Callable[[Any, Request], Any]] = {
    "GET contacts": lambda client, r: client.contacts.get_contacts(**_query(r)),
    "POST contacts": lambda client, r: client.contacts.create_contact(**_flags(r)),
    "POST contacts/import": _import,
    "POST contacts/batch": _batch,
    "GET contacts/{identifier}": lambda client, r: client.contacts.get_contact_info(
        _last(r), **_query(r)
    ),
    "PUT contacts/{identifier}": lambda client, r: client.contacts.update_contact(
        _last(r), **_query(r), **_flags(r)
    ),
    "DELETE contacts/{identifier}": lambda client, r: client.contacts.delete_contact(
        _last(r), **_query(r)
    ),
    "GET contacts/attributes": lambda client, _: client.contacts.get_attributes(),
    "POST contacts/attributes/normal/{name}": lambda client, r: client.contacts.create_attribute(
        "normal", _last(r), **_body(r)
    ),
    "GET contacts/lists/{id}": lambda client, r: client.contacts.get_list(int(_last(r))),
    "POST contacts/lists/{id}/contacts/add": _on_list("add"),
    "POST contacts/lists/{id}/contacts/remove": _on_list("remove"),
    "GET processes": lambda client, r: client.process.get_processes(**_query(r)),
    "GET processes/{id}": lambda client, r: client.process.get_process(int(_last(r))),
    "POST orders/status/batch": _orders,
    "POST events/batch": _events,
    "GET events": lambda client, r: client.event.get_events(**_query(r)),
    "GET crm/tasktypes": lambda client, _: client.tasks.get_all_task_types(),
    "GET crm/tasks": lambda client, r: client.tasks.get_all_tasks(**_query(r)),
    "POST crm/tasks": _task,
}
"""How the SDK makes each kind of request that this destination makes."""

ANSWERS = {
    "GET contacts 200": "types.GetContacts",
    "POST contacts 400": "types.ContactErrorModel",
    "POST contacts/import 202": "contacts.ImportContactsResponse",
    "GET contacts/{identifier} 404": "types.ErrorModel",
    "GET contacts/{identifier} 200": "types.GetContactDetails",
    "GET contacts/attributes 200": "contacts.GetAttributesResponse",
    "POST contacts/lists/{id}/contacts/add 201": "types.PostContactInfo",
    "POST contacts/lists/{id}/contacts/remove 201": "types.PostContactInfo",
    "GET processes 200": "process.GetProcessesResponse",
    "GET processes/{id} 200": "process.GetProcessResponse",
    "POST orders/status/batch 202": "ecommerce.CreateBatchOrderResponse",
    "POST events/batch 207": "types.BatchEventsResponse",
    "GET events 200": "types.GetEventsList",
    "GET crm/tasks 200": "tasks.GetCrmTasksResponse",
    "POST crm/tasks 201": "tasks.PostCrmTasksResponse",
}
NOT_MODELLED = {"GET contacts/lists/{id} 200", "GET crm/tasktypes 200"}
"""A list shows statistics that nobody here reads; the types of tasks are a bare array."""


def _model(name: str | None) -> Any:
    if name is None:
        return None
    room, _, model = name.partition(".")
    return getattr(import_module(f"brevo.{room}"), model)
