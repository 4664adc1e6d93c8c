"""HubSpot's lists and custom events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_fakes.fake import Answer
from crm_fakes.hubspot_consent import results
from crm_fakes.hubspot_objects import MOST_INPUTS, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm_fakes.fake import Request
    from crm_fakes.hubspot_objects import Objects, Route

_MOST_EVENTS = 500


class Lists:
    """The lists of one account: two static ones, an active one, and one of companies.

    Attributes:
        members: Record ids by list id.

    Args:
        contacts: Who may be on them.
        noted: Told of each change: the list and the record id.
    """

    def __init__(self, contacts: Objects, noted: Callable[[str, str], None]) -> None:
        self._contacts = contacts
        self._noted = noted
        self._lists = {
            number: {"listId": number, "processingType": kind, "objectTypeId": about}
            for number, kind, about in (
                ("11", "MANUAL", "0-1"),
                ("12", "SNAPSHOT", "0-1"),
                ("13", "DYNAMIC", "0-1"),
                ("14", "MANUAL", "0-2"),
            )
        }
        self.members: dict[str, set[str]] = {number: set() for number in self._lists}

    def routes(self) -> list[Route]:
        """The endpoints."""
        path = "/crm/lists/2026-03"
        return [
            ("POST", f"{path}/records/memberships/batch/read", "lists", self._memberships),
            ("GET", rf"{path}/(\d+)", "lists", self._list),
            ("PUT", rf"{path}/(\d+)/memberships/add-and-remove", "lists", self._change),
        ]

    def _list(self, _request: Request, number: str) -> Answer:
        if number not in self._lists:
            raise Refusal("OBJECT_NOT_FOUND")
        return Answer(200, {"list": self._lists[number]})

    def _change(self, request: Request, number: str) -> Answer:
        if self._lists[number]["processingType"] == "DYNAMIC":
            raise Refusal("VALIDATION_ERROR", "INVALID_PROCESSING_TYPE")
        body, members = request.json(), self.members[number]
        add, remove = body["recordIdsToAdd"], body["recordIdsToRemove"]
        missing = [each for each in (*add, *remove) if each not in self._contacts.records]
        added = [each for each in add if each not in {*missing, *members}]
        removed = [each for each in remove if each in members]
        members.update(added)
        members.difference_update(removed)
        for each in (*added, *removed):
            self._noted(number, each)
        answer = {"recordsIdsAdded": added, "recordIdsRemoved": removed}
        return Answer(200, {**answer, "recordIdsMissing": missing})

    def _memberships(self, request: Request) -> Answer:
        inputs = request.json()["inputs"]
        if len(inputs) > MOST_INPUTS:
            raise Refusal("VALIDATION_ERROR")
        return results(
            [
                {**each, "recordListMemberships": self._of(each["recordId"])}
                for each in inputs
                if each["objectTypeId"] == "0-1"
            ]
        )

    def _of(self, record_id: str) -> list[dict[str, str]]:
        return [{"listId": number} for number, held in self.members.items() if record_id in held]


class Events:
    """The custom events of one account.

    Attributes:
        sent: What was accepted, by event and uuid: the first one counts, the others don't.

    Args:
        contacts: Whom they happen to.
        noted: Told of each event that counts: its name and the record id.
    """

    def __init__(self, contacts: Objects, noted: Callable[[str, str], None]) -> None:
        self._contacts = contacts
        self._noted = noted
        self._definitions: dict[str, dict[str, Any]] = {}
        self.sent: dict[tuple[str, str], dict[str, Any]] = {}

    def routes(self) -> list[Route]:
        """The endpoints."""
        path = "/events/2026-03"
        definitions = f"{path}/event-definitions"
        return [
            ("GET", definitions, "events", self._list),
            ("POST", definitions, "events", self._define),
            ("POST", rf"{definitions}/(\w+)/property", "events", self._add_property),
            ("POST", f"{path}/send/batch", "events", self._send),
        ]

    def _list(self, request: Request) -> Answer:
        """A page holds two, so that nobody forgets that there are pages."""
        wanted, after = request.asked["searchString"], int(request.asked.get("after", 0))
        found = [each for name, each in self._definitions.items() if wanted in name]
        paging = {"next": {"after": str(after + 2)}} if len(found) > after + 2 else None
        page = {"results": found[after : after + 2], "total": len(found)}
        return Answer(200, {**page, "paging": paging} if paging else page)

    def _define(self, request: Request) -> Answer:
        body = request.json()
        name = body["name"]
        if name in self._definitions:
            raise Refusal("CONFLICT")
        if body["primaryObject"] != "CONTACT" or not name.replace("_", "").isalnum():
            raise Refusal("VALIDATION_ERROR")
        self._definitions[name] = {
            "name": name,
            "fullyQualifiedName": f"pe1234567_{name}",
            "properties": list(body["propertyDefinitions"]),
        }
        return Answer(201, self._definitions[name])

    def _add_property(self, request: Request, name: str) -> Answer:
        held = self._definitions[name]["properties"]
        if request.json()["name"] in {each["name"] for each in held}:
            raise Refusal("CONFLICT")
        held.append(request.json())
        return Answer(201, request.json())

    def _send(self, request: Request) -> Answer:
        """Nothing is said of those that are dropped because their uuid came before."""
        inputs = request.json()["inputs"]
        if len(inputs) > _MOST_EVENTS:
            raise Refusal("VALIDATION_ERROR", "TOO_MANY")
        names = {each["fullyQualifiedName"]: each for each in self._definitions.values()}
        for each in inputs:
            definition = names.get(each["eventName"])
            if definition is None:
                raise Refusal("VALIDATION_ERROR", "UNKNOWN_EVENT")
            properties = {held["name"] for held in definition["properties"]}
            if set(each["properties"]) - properties:
                raise Refusal("VALIDATION_ERROR", "UNKNOWN_PROPERTY")
            if any(len(value) > 1024 for value in each["properties"].values()):
                raise Refusal("VALIDATION_ERROR", "PROPERTY_TOO_LONG")
        for each in inputs:
            self._happen(names[each["eventName"]]["name"], each)
        return Answer(204, b"")

    def _happen(self, name: str, event: dict[str, Any]) -> None:
        record_id = event.get("objectId")
        if record_id is None:  # an address nobody has makes a contact
            found = self._contacts.find("email", event["email"])
            record_id = (found or self._contacts.create({"email": event["email"]})).id
        if (name, event["uuid"]) not in self.sent:
            self.sent[name, event["uuid"]] = event
            self._noted(name.removeprefix("shopcrm_"), record_id)
