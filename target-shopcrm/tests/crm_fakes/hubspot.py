"""A HubSpot account, API 2026-03, as its OpenAPI descriptions and guides tell it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from crm_fakes.fake import Answer, FakeCrm, Request
from crm_fakes.hubspot_activity import Events, Lists
from crm_fakes.hubspot_consent import Subscriptions
from crm_fakes.hubspot_objects import Objects, Refusal, Stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crm_fakes.hubspot_objects import Route

SUBSCRIPTION = 4711
ENTERPRISE = frozenset({"consent-batch", "events"})
_SCOPES = frozenset({"contacts", "schemas", "orders", "lists", "consent"}) | ENTERPRISE
_FIELDS = {
    "firstname": "given_name",
    "email": "email",
    "phone": "phone",
    "pos_segment": "segment",
    "pos_last_visit_on": "last_visit_on",
    "pos_visits": "visits",
    "pos_favourite_category": "favourite_category",
    "pos_journey": "journey",
    "pos_journey_due_on": "journey_due_on",
}
_OPT_OUT = "hs_email_optout"
_OPT_OUT_OF_TYPE = f"{_OPT_OUT}_{SUBSCRIPTION}"
_BOUNCE = "hs_email_hard_bounce_reason_enum"
_MORE = "hs_additional_emails"
_CONTACT = ("email", "firstname", "lastname", "phone", _MORE, "lastmodifieddate")
_MARKS = (_OPT_OUT, _OPT_OUT_OF_TYPE, _BOUNCE)
_ORDER = ("hs_order_name", "hs_external_created_date", "hs_currency_code", "hs_total_price")
_TASK = ("hs_task_subject", "hs_task_status", "hs_task_type", "hs_timestamp")


class FakeHubSpot(FakeCrm):
    """HubSpot.

    Attributes:
        api_key: The private app's token.
        scopes: What the token may do; without those of `ENTERPRISE` the account has no
            Enterprise plan.
        rate_limit: Calls per ten seconds, as the answers' headers say.
        blocked: Addresses that were erased and can't come back.
        enrolled: (property, address) of each property write that a workflow could start from.
        deletions_wait: Whether erasures are only accepted at first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime.now(timezone.utc)
        self.api_key = "pat-na1-not-a-real-token"
        self.scopes = set(_SCOPES)
        self.rate_limit = 1_000_000
        self.blocked: set[str] = set()
        self.enrolled: list[tuple[str, str]] = []
        self.deletions_wait = False
        self.links: set[tuple[str, str, str]] = set()
        self._accepted_deletions: list[Mapping[str, str]] = []
        self._triggered: list[tuple[str, str]] = []
        self.contacts = Objects("contacts", lambda: self.now, 51, (*_CONTACT, *_MARKS))
        self.orders = Objects("orders", lambda: self.now, 9_001, _ORDER)
        self.tasks = Objects("tasks", lambda: self.now, 70_001, _TASK)
        self.subscriptions = Subscriptions(lambda: self.now, SUBSCRIPTION, self._consent_changed)
        self.lists = Lists(self.contacts, self._list_changed)
        self.events = Events(self.contacts, self._event_happened)
        self.contacts.check = self._check_contact
        self.contacts.on_write = self._contact_written
        self.orders.on_write = self._order_written
        self.tasks.on_write = self._task_written

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        if request.headers.get("authorization") != f"Bearer {self.api_key}":
            return Answer(401, {"category": "INVALID_AUTHENTICATION", "message": "expired"})
        for method, pattern, scope, handler in self._routes():
            found = re.fullmatch(pattern, request.path)
            if method != request.method or not found:
                continue
            if scope not in self.scopes:
                return Answer(403, {"category": "MISSING_SCOPES", "message": scope})
            try:
                answer = handler(request, *map(unquote, found.groups()))
            except Refusal as refusal:
                answer = refusal.answer
            return replace(answer, headers={**answer.headers, **self._limits()})
        return Answer(405, {"category": "NO_SUCH_ENDPOINT", "message": "no such endpoint"})

    def merge(self, kept: str, gone: str) -> None:
        """Staff merges two contacts: there is one new record id, and both addresses are on it."""
        first = self.contacts.find("email", kept)
        second = self.contacts.find("email", gone)
        assert first
        assert second
        for each in (first, second):
            del self.contacts.records[each.id]
        merged = {**second.properties, **first.properties, _MORE: second.properties["email"]}
        self.contacts.create(merged)

    def bounces(self, email: str) -> None:
        """The address turns out not to exist."""
        record = self.contacts.find("email", email)
        assert record
        self.contacts.change(record, {_BOUNCE: "UNKNOWN_USER"})

    def finish_jobs(self) -> None:
        """Let everything that was only accepted so far happen."""
        self.subscriptions.finish()
        accepted, self._accepted_deletions = self._accepted_deletions, []
        for body in accepted:
            self._delete(body)

    def mailable(self) -> set[tuple[str, str]]:
        """Everybody with an address who wasn't unsubscribed, and hasn't bounced."""
        return {
            ("email", email)
            for record in self.contacts.records.values()
            if (email := record.properties.get("email", ""))
            and self.subscriptions.is_mailable(email)
            and _BOUNCE not in record.properties
        }

    def opted_out(self) -> set[tuple[str, str]]:
        """Everybody who is unsubscribed, contact or not."""
        subscriptions = self.subscriptions
        emails = {*subscriptions.all_out, *subscriptions.states}
        return {("email", email) for email in emails if subscriptions.is_out(email)}

    def known(self) -> set[str]:
        """All addresses of all contacts."""
        found: set[str] = set()
        for record in self.contacts.records.values():
            held = record.properties
            found |= {held.get("email", ""), held.get("phone", ""), *held.get(_MORE, "").split(";")}
        return found - {""}

    def members(self) -> dict[str, set[str]]:
        """The members of each list, by address."""
        return {
            number: {self._address(each) for each in ids if each in self.contacts.records}
            for number, ids in self.lists.members.items()
        }

    def triggered(self) -> list[tuple[str, str]]:
        """Events and orders, either of which a workflow may start from."""
        return list(self._triggered)

    def fields_of(self, address: str) -> dict[str, object]:
        """The canonical fields of a contact."""
        for record in self.contacts.records.values():
            held = record.properties
            if address in {held.get("email"), held.get("phone")}:
                found: dict[str, object] = {
                    field: held[name] for name, field in _FIELDS.items() if name in held
                }
                return {**found, "visits": int(held["pos_visits"])} if "visits" in found else found
        return {}

    def counts(self) -> dict[str, int]:
        """How much there is of everything."""
        return {
            "contacts": len(self.contacts.records),
            "orders": len(self.orders.records),
            "events": len(self.events.sent),
            "cues": len(self.tasks.records),
        }

    def person_opts_out(self, channel: str, address: str) -> None:
        """Unsubscribe from everything; HubSpot knows of no STOP to a text message."""
        if channel == "email":
            self.subscriptions.unsubscribe(address)
            self.writes.pop()

    def owner_adds(self, email: str) -> None:
        """A contact is typed in."""
        self.contacts.create({"email": email})

    def _routes(self) -> list[Route]:
        links = "/crm/associations/2026-03/(orders|tasks)/contacts/batch/associate/default"
        deletion = "/crm/objects/2026-03/contacts/gdpr-delete"
        return [
            *self.contacts.routes("contacts"),
            *self.orders.routes("orders"),
            *self.tasks.routes("contacts"),
            *self.subscriptions.routes(),
            *self.lists.routes(),
            *self.events.routes(),
            ("POST", deletion, "contacts", self._gdpr_delete),
            ("POST", links, "contacts", self._associate),
        ]

    def _limits(self) -> dict[str, str]:
        return {
            "X-HubSpot-RateLimit-Max": str(self.rate_limit),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        }

    def _address(self, record_id: str) -> str:
        held = self.contacts.records[record_id].properties
        return held.get("email") or held.get("phone") or held.get("pos_customer_id", "")

    def _check_contact(self, record: Stored | None, properties: Mapping[str, str]) -> None:
        """An address has to look like one, and belongs to one contact only."""
        if set(properties) & {*_MARKS, _MORE, "lastmodifieddate"}:
            raise Refusal("VALIDATION_ERROR", "READ_ONLY_VALUE")
        email = properties.get("email", "")
        if not email:
            return
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
            raise Refusal("VALIDATION_ERROR", "INVALID_EMAIL", "email")
        if email in self.blocked:
            raise Refusal("VALIDATION_ERROR", "ERASED_FOR_GOOD", "email")
        other = self.contacts.find("email", email)
        if other and other is not record:
            raise Refusal("CONFLICT")

    def _contact_written(self, record: Stored, _is_new: bool) -> None:  # noqa: FBT001
        address = self._address(record.id)
        self.writes.append(f"upsert {address}")
        self._mark(record.properties.get("email", ""))
        for name in ("pos_journey", "pos_segment"):
            entries = record.history.get(name, [])
            if entries and entries[0]["timestamp"] == record.changed.isoformat():
                self.enrolled += [(name, address)] if name in record.properties else []

    def _order_written(self, record: Stored, _is_new: bool) -> None:  # noqa: FBT001
        self.writes.append(f"order {record.properties['pos_order_id']}")

    def _task_written(self, record: Stored, _is_new: bool) -> None:  # noqa: FBT001
        self.writes.append(f"cue {record.properties['pos_cue_id']}")

    def _list_changed(self, _number: str, record_id: str) -> None:
        self.writes.append(f"list {self._address(record_id)}")

    def _event_happened(self, name: str, record_id: str) -> None:
        self.writes.append(f"event {self._address(record_id)}")
        self._triggered.append((name, self._address(record_id)))

    def _consent_changed(self, operation: str, email: str) -> None:
        self.writes.append(f"{operation} {email}")
        self._mark(email)

    def _mark(self, email: str) -> None:
        """A contact shows whether its address is unsubscribed."""
        record = self.contacts.find("email", email) if email else None
        if record is None:
            return
        state = self.subscriptions
        marks = {
            _OPT_OUT: "true" if email in state.all_out else "",
            _OPT_OUT_OF_TYPE: "true" if state.is_out(email) else "",
        }
        changed = {
            name: value for name, value in marks.items() if record.properties.get(name, "") != value
        }
        if changed:
            self.contacts.change(record, changed)

    def _gdpr_delete(self, request: Request) -> Answer:
        body = request.json()
        if body.get("idProperty") == "email" and "@" not in body["objectId"]:
            raise Refusal("VALIDATION_ERROR", "INVALID_EMAIL")
        if self.deletions_wait:
            self._accepted_deletions.append(body)
        else:
            self._delete(body)
        return Answer(204, b"")

    def _delete(self, body: Mapping[str, str]) -> None:
        """By address the address is blocked too; what hangs on the contact alone goes with it."""
        key, by_email = body["objectId"], body.get("idProperty") == "email"
        record = self.contacts.find(body.get("idProperty"), key)
        self.writes.append(f"erase {key}")
        if by_email:
            self.blocked.add(key)
            self.subscriptions.forget(key)
        if record is None:
            return
        del self.contacts.records[record.id]
        for kind, ours, theirs in list(self.links):
            if theirs == record.id:
                self.links.discard((kind, ours, theirs))
                if kind == "tasks":
                    self.tasks.records.pop(ours, None)

    def _associate(self, request: Request, kind: str) -> Answer:
        objects = self.orders if kind == "orders" else self.tasks
        for each in request.json()["inputs"]:
            ours, theirs = each["from"]["id"], each["to"]["id"]
            if ours not in objects.records or theirs not in self.contacts.records:
                raise Refusal("VALIDATION_ERROR", "NO_SUCH_OBJECT")
            if kind == "orders" and (kind, ours, theirs) not in self.links:
                self._triggered.append(("order", self._address(theirs)))
            self.links.add((kind, ours, theirs))
        return Answer(200, {"status": "COMPLETE", "results": []})


def settings_for(fake: FakeHubSpot) -> dict[str, Any]:
    """The target's settings for a running fake."""
    return {
        "destination": "hubspot",
        "api_key": fake.api_key,
        "api_url": fake.url,
        "subscription_type_id": str(SUBSCRIPTION),
        "consent_explanation": "Agreed at the till of the shop",
        "lists": {"*": "11", "loyal": "12"},
    }
