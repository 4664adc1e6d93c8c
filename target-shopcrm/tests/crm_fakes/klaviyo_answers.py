"""Klaviyo's readings: filters, sorting, pages and sparse fields, as its description has them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from crm_fakes.fake import Answer
from crm_fakes.klaviyo_account import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm_fakes.fake import Request
    from crm_fakes.klaviyo_account import FakeProfile, KlaviyoAccount, Row

SUPPRESSED_AT = "subscriptions.email.marketing.suppression.timestamp"
_CONDITION = re.compile(
    r"(?P<operator>any|equals|greater-or-equal|less-or-equal)\((?P<name>[\w.]+),"
    r"(?P<value>\[(?:\"(?:[^\"\\]|\\.)*\",?)*\]|\"(?:[^\"\\]|\\.)*\"|[^)]*)\)(?:,|$)"
)
HOST = "https://a.klaviyo.com"


def complaint(status: int, code: str, detail: str, pointer: str | None = None) -> Answer:
    """An error as Klaviyo words it; `detail` may quote what was sent."""
    error: Row = {"id": "err", "code": code, "title": code, "detail": detail}
    if pointer:
        error["source"] = {"pointer": pointer}
    return Answer(status, {"errors": [error]})


def conditions(request: Request) -> list[tuple[str, str, Any]]:
    """Read a filter: (operator, name, value) each; AND between them."""
    written = request.query.get("filter", [""])[-1]
    found, position = [], 0
    while position < len(written):
        match = _CONDITION.match(written, position)
        assert match, "a filter that Klaviyo can't read"
        value: Any = match["value"]
        if value.startswith(("[", '"')):
            value = msgspec.json.decode(value)
        found.append((match["operator"], match["name"], value))
        position = match.end()
    return found


def page(request: Request, rows: Sequence[Row], most: int, usual: int) -> Row:
    """Cut a page out of rows; the cursor is a position."""
    size = int(request.query.get("page[size]", [str(usual)])[-1])
    assert 1 <= size <= most, "Klaviyo refuses such a page size"
    start = int(request.query.get("page[cursor]", ["0"])[-1])
    links = {"self": HOST + request.path}
    if start + size < len(rows):
        links["next"] = f"{HOST}{request.path}?page%5Bcursor%5D={start + size}"
    return {"data": list(rows[start : start + size]), "links": links}


def sparse(request: Request, kind: str, attributes: Row) -> Row:
    """Leave out what wasn't asked for."""
    asked = request.query.get(f"fields[{kind}]")
    if not asked:
        return attributes
    names = asked[-1].split(",")
    return {name: value for name, value in attributes.items() if name in names}


def profile_row(request: Request, profile: FakeProfile) -> Row:
    attributes: Row = {
        "email": None,
        "phone_number": None,
        "external_id": None,
        "first_name": None,
        **profile.attributes,
        "properties": dict(profile.properties),
    }
    if "subscriptions" in request.query.get("additional-fields[profile]", [""])[-1]:
        attributes["subscriptions"] = profile.subscriptions()
    return {
        "type": "profile",
        "id": profile.id,
        "attributes": sparse(request, "profile", attributes),
        "links": {"self": f"{HOST}/api/profiles/{profile.id}"},
    }


def read_profiles(account: KlaviyoAccount, request: Request) -> Answer:
    found = list(account.profiles.values())
    for operator, name, value in conditions(request):
        if operator == "any":
            assert len(value) <= 100, "more values than a page holds profiles"
            hits = {each.id for one in value for each in account.find(**{name: one})}
            found = [each for each in found if each.id in hits]
        else:
            assert (operator, name) == ("greater-or-equal", SUPPRESSED_AT)
            since = _moment(value)
            found = [each for each in found if (at := suppressed_at(each)) and at >= since]
            found.sort(key=lambda each: suppressed_at(each) or since)
    rows = [profile_row(request, each) for each in found]
    return Answer(200, page(request, rows, 100, 20))


def suppressed_at(profile: FakeProfile) -> datetime | None:
    times = [_moment(each["timestamp"]) for each in profile.suppression]
    return max(times, default=None)


def read_metrics(account: KlaviyoAccount, request: Request) -> Answer:
    rows = [
        {
            "type": "metric",
            "id": metric_id,
            "attributes": sparse(request, "metric", {"name": name, "integration": {"name": its}}),
            "links": {"self": f"{HOST}/api/metrics/{metric_id}"},
        }
        for (name, its), metric_id in account.metrics.items()
    ]
    return Answer(200, page(request, rows, 200, 200))


def read_events(account: KlaviyoAccount, request: Request) -> Answer:
    found = list(account.events)
    for operator, name, value in conditions(request):
        if name == "metric_id":
            found = [each for each in found if each["metric_id"] == value]
        elif operator == "greater-or-equal":
            found = [each for each in found if each["at"] >= _moment(value)]
        else:
            found = [each for each in found if each["at"] <= _moment(value)]
    found.sort(key=lambda each: each["at"])
    body = page(request, [_event_row(request, each) for each in found], 1000, 200)
    if "profile" in request.query.get("include", [""])[-1]:
        there = {each["relationships"]["profile"]["data"]["id"] for each in body["data"]}
        body["included"] = [profile_row(request, account.profiles[each]) for each in sorted(there)]
    return Answer(200, body)


def _event_row(request: Request, event: Row) -> Row:
    place = f"{HOST}/api/events/{event['id']}"
    attributes = {
        "timestamp": int(event["at"].timestamp()),
        "datetime": text(event["at"]),
        "event_properties": {**event["properties"], "$event_id": event["unique_id"]},
        "uuid": event["id"],
    }

    def related(kind: str, its_id: str) -> Row:
        links = {"self": f"{place}/relationships/{kind}", "related": f"{place}/{kind}"}
        return {"data": {"type": kind, "id": its_id}, "links": links}

    return {
        "type": "event",
        "id": event["id"],
        "attributes": sparse(request, "event", attributes),
        "relationships": {
            "profile": related("profile", event["profile"]),
            "metric": related("metric", event["metric_id"]),
        },
        "links": {"self": place},
    }


def read_lists(account: KlaviyoAccount, request: Request) -> Answer:
    wanted = [value for _, _, value in conditions(request)]
    names = [each for each in account.lists if not wanted or each in wanted[0]]
    rows = [
        {
            "type": "list",
            "id": each,
            "attributes": {"name": f"List {each}"},
            "links": {"self": f"{HOST}/api/lists/{each}"},
        }
        for each in names
    ]
    return Answer(200, page(request, rows, 10, 10))


def read_members(account: KlaviyoAccount, request: Request, list_id: str) -> Answer:
    if list_id not in account.lists:
        return complaint(404, "not_found", f"no list {list_id}")
    members = sorted(account.lists[list_id])
    for _, name, values in conditions(request):
        hits = {each.id for one in values for each in account.find(**{name: one})}
        members = [each for each in members if each in hits]
    return Answer(200, page(request, [{"type": "profile", "id": m} for m in members], 100, 20))


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written.replace("Z", "+00:00"))
