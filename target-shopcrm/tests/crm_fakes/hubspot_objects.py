"""What HubSpot keeps of one type of object, and how its batch endpoints treat it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from crm_fakes.fake import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from crm_fakes.fake import Request

Route = tuple[str, str, str, Callable[..., Answer]]
"""Method, pattern of the path, the permission it takes, and what answers."""

MOST_INPUTS, MOST_WITH_HISTORY = 100, 50


@dataclass
class Stored:
    """One object.

    Attributes:
        id: Its record id.
        properties: Without empty ones.
        history: Newest first.
    """

    id: str
    changed: datetime
    properties: dict[str, str] = field(default_factory=dict)
    history: dict[str, list[dict[str, str]]] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - what HubSpot says, not what went wrong here
    """One input that HubSpot refuses."""

    def __init__(self, category: str, code: str = "", about: str = "") -> None:
        super().__init__(category)
        self.category, self.code, self.about = category, code, about

    def body(self, trace: str = "") -> dict[str, Any]:
        """The error as HubSpot words it, the value at fault included."""
        detail: dict[str, Any] = {"message": "Property values were not valid: secret@example.com"}
        if self.code:
            detail["code"] = self.code
        if self.about:
            detail["context"] = {"propertyName": [self.about]}
        context = {"objectWriteTraceId": [trace]} if trace else {}
        return {
            "status": "error",
            "category": self.category,
            "message": "Existing ID or value: secret@example.com",
            "errors": [detail],
            "context": context,
            "links": {},
        }

    @property
    def answer(self) -> Answer:
        """The error as the answer to a whole call."""
        status = {"CONFLICT": 409, "OBJECT_NOT_FOUND": 404}.get(self.category, 400)
        return Answer(status, {**self.body(), "correlationId": "0"})


class Objects:
    """The objects of one type.

    Attributes:
        multi_status: Whether the account answers for each input that has a trace id.
        refuses_properties: Whether it takes no properties of ours.
        index_lag: How far the search is behind.
        found_at_most: How many results a search tells at most.

    Args:
        name: Such as ``contacts``.
        clock: Tells the time.
        first_id: Record ids count up from here.
        own: HubSpot's own properties.
    """

    def __init__(
        self, name: str, clock: Callable[[], datetime], first_id: int, own: Iterable[str]
    ) -> None:
        self._name = name
        self._groups: set[str] = set()
        self.refuses_properties = False
        self.index_lag = timedelta(0)
        self.found_at_most = 10_000
        self._clock = clock
        self._next_id = first_id
        self.definitions: dict[str, dict[str, Any]] = {
            name: {"name": name, "hasUniqueValue": False} for name in own
        }
        self.records: dict[str, Stored] = {}
        self.multi_status = True
        self.check: Callable[[Stored | None, Mapping[str, str]], None] = lambda _old, _new: None
        self.on_write: Callable[[Stored, bool], None] = lambda _record, _new: None

    def create(self, properties: Mapping[str, str]) -> Stored:
        """Create an object."""
        record = Stored(str(self._next_id), self._clock())
        self._next_id += 1
        self.records[record.id] = record
        self.change(record, properties)
        return record

    def change(self, record: Stored, properties: Mapping[str, str]) -> None:
        """Change properties; an empty text clears one."""
        record.changed = self._clock()
        for name, value in properties.items():
            entry = {"value": value, "timestamp": f"{record.changed.isoformat()}"}
            record.history.setdefault(name, []).insert(0, entry)
            record.properties[name] = value
            if value == "":
                del record.properties[name]

    def find(self, id_property: str | None, key: str) -> Stored | None:
        """Find an object by its id, or a unique property; e-mails also by additional ones."""
        if id_property is None:
            return self.records.get(key)
        for record in self.records.values():
            held = record.properties
            more = held.get("hs_additional_emails", "").split(";")
            if held.get(id_property) == key or (id_property == "email" and key in more):
                return record
        return None

    def routes(self, scope: str) -> list[Route]:
        """The endpoints."""
        path, properties = (
            f"/crm/objects/2026-03/{self._name}",
            f"/crm/properties/2026-03/{self._name}",
        )
        return [
            ("GET", properties, "schemas", self._list_properties),
            ("POST", f"{properties}/groups", "schemas", self._create_group),
            ("POST", f"{properties}/batch/create", "schemas", self._create_properties),
            ("POST", f"{path}/search", scope, lambda request: self.search(request.json())),
            ("POST", f"{path}/batch/read", scope, lambda request: self.read(request.json())),
            (
                "POST",
                f"{path}/batch/(upsert|update)",
                scope,
                lambda request, verb: self.write(verb, request.json()["inputs"]),
            ),
        ]

    def _list_properties(self, _request: Request) -> Answer:
        return Answer(200, {"results": list(self.definitions.values())})

    def _create_group(self, request: Request) -> Answer:
        name = request.json()["name"]
        if name in self._groups:
            raise Refusal("CONFLICT")
        self._groups.add(name)
        return Answer(201, request.json())

    def _create_properties(self, request: Request) -> Answer:
        created = []
        for each in request.json()["inputs"]:
            if self.refuses_properties or each["groupName"] not in self._groups:
                raise Refusal("VALIDATION_ERROR", "NO_PROPERTIES_HERE")
            if each["name"] in self.definitions:
                raise Refusal("CONFLICT")
            created.append(each)
        self.definitions.update({each["name"]: each for each in created})
        return Answer(201, {"status": "COMPLETE", "results": created})

    def read(self, body: Mapping[str, Any]) -> Answer:
        """Answer a batch/read."""
        most = MOST_WITH_HISTORY if body["propertiesWithHistory"] else MOST_INPUTS
        if len(body["inputs"]) > most:
            return Refusal("VALIDATION_ERROR").answer
        id_property = body.get("idProperty")
        if id_property not in {None, "email"} and not self._is_unique(id_property):
            return Refusal("VALIDATION_ERROR", "NOT_UNIQUE", id_property).answer
        found = [self.find(id_property, each["id"]) for each in body["inputs"]]
        missing = [
            each["id"] for each, record in zip(body["inputs"], found, strict=True) if not record
        ]
        results = [
            self._shown(record, body["properties"], body["propertiesWithHistory"])
            for record in {each.id: each for each in found if each}.values()
        ]
        if not missing:
            return Answer(200, {"status": "COMPLETE", "results": results})
        error = {**Refusal("OBJECT_NOT_FOUND").body(), "context": {"ids": missing}}
        answer = {"status": "COMPLETE", "results": results, "numErrors": 1, "errors": [error]}
        return Answer(207, answer)

    def write(self, verb: str, inputs: list[dict[str, Any]]) -> Answer:
        """Answer a batch/upsert or batch/update."""
        if len(inputs) > MOST_INPUTS or not inputs:
            return Refusal("VALIDATION_ERROR").answer
        before, next_id = copy.deepcopy(self.records), self._next_id
        traces = {each.get("objectWriteTraceId") for each in inputs}
        by_email = any(each.get("idProperty") == "email" for each in inputs)
        is_multi = self.multi_status and None not in traces and len(traces) == len(inputs)
        results, errors = [], []
        done: list[tuple[Stored, bool]] = []
        for each in inputs:
            try:
                record, is_new = self._write_one(verb, each)
            except Refusal as refusal:
                if by_email or not is_multi or refusal.code == "PROPERTY_DOESNT_EXIST":
                    self.records, self._next_id = before, next_id
                    return refusal.answer
                errors.append(refusal.body(each["objectWriteTraceId"]))
                continue
            done.append((record, is_new))
            shown = self._shown(record, self.definitions, ())
            trace = {"objectWriteTraceId": each.get("objectWriteTraceId"), "new": is_new}
            results.append({**shown, **trace})
        for record, is_new in done:
            self.on_write(record, is_new)
        if not errors:
            return Answer(200, {"status": "COMPLETE", "results": results})
        return Answer(
            207,
            {"status": "COMPLETE", "results": results, "numErrors": len(errors), "errors": errors},
        )

    def search(self, body: Mapping[str, Any]) -> Answer:
        """Answer a search: a little behind the truth, and never more than so many results."""
        after, limit = int(body["after"]), body["limit"]
        if limit > 200 or after + limit > self.found_at_most or len(body["filterGroups"]) > 5:
            raise Refusal("VALIDATION_ERROR")
        groups = [group["filters"] for group in body["filterGroups"]]
        visible = [
            record
            for record in self.records.values()
            if record.changed <= self._clock() - self.index_lag
        ]
        found = [
            record
            for record in sorted(visible, key=lambda record: record.changed)
            if any(all(self._fits(record, each) for each in group) for group in groups)
        ]
        page = found[after : after + limit]
        shown = [self._shown(record, body["properties"], ()) for record in page]
        answer: dict[str, Any] = {"total": len(found), "results": shown}
        if after + limit < len(found):
            answer["paging"] = {"next": {"after": str(after + limit)}}
        return Answer(200, answer)

    def _fits(self, record: Stored, wanted: Mapping[str, str]) -> bool:
        name, operator = wanted["propertyName"], wanted["operator"]
        if name not in self.definitions:
            raise Refusal("VALIDATION_ERROR", "PROPERTY_DOESNT_EXIST", name)
        if operator == "HAS_PROPERTY":
            return name in record.properties
        if operator == "EQ":
            return record.properties.get(name) == wanted["value"]
        return record.changed >= datetime.fromtimestamp(int(wanted["value"]) / 1000, timezone.utc)

    def _write_one(self, verb: str, each: dict[str, Any]) -> tuple[Stored, bool]:
        properties = {name: str(value) for name, value in each["properties"].items()}
        for name, value in properties.items():
            if name not in self.definitions:
                raise Refusal("VALIDATION_ERROR", "PROPERTY_DOESNT_EXIST", name)
            _check_type(self.definitions[name], value)
        id_property = each.get("idProperty")
        if (
            id_property not in {None, "email"}
            and not self.definitions[id_property]["hasUniqueValue"]
        ):
            raise Refusal("VALIDATION_ERROR", "NOT_UNIQUE", id_property)
        record = self.find(id_property, each["id"])
        if record is None and verb == "update":
            raise Refusal("OBJECT_NOT_FOUND")
        self._check_unique(record, properties)
        self.check(record, properties)
        if record:
            self.change(record, properties)
            return record, False
        return self.create({**properties, str(id_property): each["id"]}), True

    def _is_unique(self, name: object) -> bool:
        return bool(self.definitions.get(str(name), {}).get("hasUniqueValue"))

    def _check_unique(self, record: Stored | None, properties: Mapping[str, str]) -> None:
        for name, value in properties.items():
            other = self.find(name, value) if self._is_unique(name) else None
            if other and other is not record:
                raise Refusal("VALIDATION_ERROR", "DUPLICATE_UNIQUE_VALUE", name)

    def _shown(
        self, record: Stored, names: Iterable[str], history: Iterable[str]
    ) -> dict[str, Any]:
        changed = record.changed.isoformat()
        held = {**record.properties, "lastmodifieddate": changed, "hs_object_id": record.id}
        return {
            "id": record.id,
            "properties": {name: held.get(name) for name in names},
            "propertiesWithHistory": {name: record.history.get(name, []) for name in history},
            "createdAt": changed,
            "updatedAt": changed,
            "archived": False,
        }


def _check_type(definition: Mapping[str, Any], value: str) -> None:
    kind = definition.get("type", "string")
    digits = value.replace("-", "").replace(".", "", 1)
    wrong = (kind == "number" and not digits.isdecimal()) or (
        kind == "date" and not (len(value) == 10 and digits.isdecimal())
    )
    if value and wrong:
        raise Refusal("VALIDATION_ERROR", f"INVALID_{str(kind).upper()}", definition["name"])
