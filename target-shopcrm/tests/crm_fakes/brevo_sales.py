"""Orders, events and tasks of a Brevo account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from crm_fakes.fake import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm_fakes.brevo_contacts import Contacts
    from crm_fakes.fake import Request

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_ORDER = ("id", "createdAt", "updatedAt", "status", "amount", "products")
_MOST_ORDERS, _MOST_EVENTS, _EVENT_BYTES = 1_000, 200, 512_000


def refused(message: str, code: str = "invalid_parameter", status: int = 400) -> Answer:
    return Answer(status, {"code": code, "message": message})


class Sales:
    """What happens around contacts.

    Attributes:
        orders: By id.
        events: As they came, twice if they came twice.
        tasks: As they came.
        triggered: (event name, address) of whatever started a workflow.
    """

    def __init__(self, contacts: Contacts, note: Callable[[str], None]) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.tasks: list[dict[str, Any]] = []
        self.triggered: list[tuple[str, str]] = []
        self.has_tasks = True
        self._contacts = contacts
        self._note = note

    def answer(self, request: Request) -> Answer | None:
        """Answer what concerns orders, events and tasks."""
        route = (request.method, request.path.removeprefix("/v3"))
        handler = {
            ("POST", "/orders/status/batch"): self._take_orders,
            ("POST", "/events/batch"): self._take_events,
            ("GET", "/events"): self._list_events,
            ("GET", "/crm/tasktypes"): self._list_types,
            ("GET", "/crm/tasks"): self._list_tasks,
            ("POST", "/crm/tasks"): self._take_task,
        }.get(route)
        if handler is None:
            return None
        if route[1].startswith("/crm") and not self.has_tasks:
            return refused("CRM is not enabled", "permission_denied", 403)
        return handler(request)

    def _take_orders(self, request: Request) -> Answer:
        body = request.json()
        orders = body["orders"]
        if len(orders) > _MOST_ORDERS:
            return refused("too many orders", "out_of_range")
        for order in orders:
            if any(order.get(name) is None for name in _ORDER) or order["amount"] < 0:
                return refused("an order is invalid")
            if any(("quantity" in each) is ("quantityFloat" in each) for each in order["products"]):
                return refused("quantity or quantityFloat")
        for order in orders:
            self.orders[order["id"]] = order
            self._note(f"order {order['id']}")
            if not body.get("historical"):
                self._trigger("order", order["identifiers"])
        return Answer(202, {"batch_id": 7, "count": len(orders)})

    def _take_events(self, request: Request) -> Answer:
        events = request.json()["events"]
        if len(events) > _MOST_EVENTS or len(request.body) > _EVENT_BYTES:
            return refused("too many events", "out_of_range")
        errors: list[dict[str, Any]] = []
        for position, event in enumerate(events):
            values = event.get("event_properties", {}).values()
            if not _NAME.fullmatch(event["event_name"]) or "unacceptable" in values:
                errors.append({"eventIndex": [position], "message": "invalid event"})
                continue
            self.events.append(event)
            self._note(f"event {event['event_properties'].get('event_id')}")
            self._trigger(event["event_name"], event["identifiers"])
        if not errors:
            return Answer(202, {"message": "Batch accepted", "count": len(events)})
        told = {
            "status": "partial_success",
            "total_events": len(events),
            "successful_events": len(events) - len(errors),
            "failed_events": len(errors),
            "errors": errors,
        }
        return Answer(207, told)

    def _list_events(self, request: Request) -> Answer:
        query = {name: values[-1] for name, values in request.query.items()}
        if not {"startDate", "endDate"} <= query.keys():
            return refused("a range of dates is mandatory")
        found = [
            event
            for event in self.events
            if event["event_name"] in request.query.get("event_name", [event["event_name"]])
            and query["startDate"] <= event["event_date"][:10] <= query["endDate"]
        ]
        start, limit = int(query.get("offset", 0)), int(query.get("limit", 100))
        return Answer(200, {"events": found[start : start + limit], "count": len(found)})

    def _list_types(self, _request: Request) -> Answer:
        return Answer(200, [{"id": "t1", "title": "Email"}, {"id": "t2", "title": "Todo"}])

    def _list_tasks(self, request: Request) -> Answer:
        start = int(request.query.get("offset", ["0"])[0])
        limit = int(request.query.get("limit", ["50"])[0])
        return Answer(200, {"items": list(reversed(self.tasks))[start : start + limit]})

    def _take_task(self, request: Request) -> Answer:
        task = request.json()
        if not {"name", "taskTypeId", "date"} <= task.keys():
            return refused("name, taskTypeId and date are mandatory", "missing_parameter")
        known = {each.id for each in self._contacts}
        if not set(task.get("contactsIds", [])) <= known:
            return refused("no such contact", "document_not_found", 404)
        self.tasks.append({"id": f"task{len(self.tasks)}", **task})
        self._note(f"cue {task.get('notes')}")
        return Answer(201, {"id": self.tasks[-1]["id"]})

    def _trigger(self, name: str, identifiers: dict[str, Any]) -> None:
        for key, kind in (("ext_id", "ext_id"), ("email_id", "email_id"), ("phone_id", "phone_id")):
            contact = self._contacts.find(identifiers.get(key) or "", kind)
            if contact is not None:
                self.triggered.extend((name, each) for each in contact.addresses.values())
                return
