"""A fake BottleCRM 1.35.0: REST below ``/api``, and what a shop would see in it.

It does what the real server was seen to do, which the scenarios in `crm_servers` prove by
running against both.
"""

from __future__ import annotations

import contextlib
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crm_fakes.bottlecrm_rows import (
    addresses_of,
    all_addresses,
    canonical,
    e164_of,
    gone,
    is_uuid,
    matches,
)
from crm_fakes.bottlecrm_rules import (
    checked_contact,
    checked_custom_fields,
    checked_definition,
    checked_task,
)
from crm_fakes.fake import Answer, FakeCrm, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Row = dict[str, Any]

_NO_CONTEXT = {"detail": "Organization context is required. Please login again."}
_NO_ADMIN = {"error": True, "errors": "Admin access required"}
_WITHOUT_TASKS = {"error": True, "errors": {"target_model": ["Tasks is switched off."]}}
_HTML = b"<!DOCTYPE html>\n<html><head><title>Server Error (500)</title></head></html>"


class FakeBottleCRM(FakeCrm):
    """An organisation in BottleCRM.

    Attributes:
        api_key: The only token that is taken.
        has_redis: Without its Redis the server commits a new contact, and then fails.
        is_admin: Whether the token's owner may declare custom fields.
        scopes: What the token may do, or None for everything.
        has_tasks: Whether the module Tasks is switched on.
        contacts: By id, oldest first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.api_key = "bcrm_pat_the-only-token-that-is-taken"
        self.has_redis = True
        self.is_admin = True
        self.scopes: set[str] | None = None
        self.has_tasks = True
        self.contacts: dict[str, Row] = {}
        self.tasks: dict[str, Row] = {}
        self.definitions: list[Row] = []
        self.tags: list[Row] = []

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        if request.token != self.api_key:
            return Answer(403, _NO_CONTEXT)
        resource, *rest = request.path.removeprefix("/api/").strip("/").split("/")
        routes: dict[tuple[str, str, int], Callable[..., Answer]] = {
            ("GET", "contacts", 0): self._list_contacts,
            ("POST", "contacts", 0): self._create_contact,
            ("GET", "contacts", 1): self._show_contact,
            ("PATCH", "contacts", 1): self._change_contact,
            ("DELETE", "contacts", 1): self._delete_contact,
            ("GET", "custom-fields", 0): self._list_definitions,
            ("POST", "custom-fields", 0): self._define,
            ("GET", "tags", 0): self._list_tags,
            ("GET", "tasks", 0): self._list_tasks,
            ("POST", "tasks", 0): self._create_task,
            ("DELETE", "tasks", 1): self._delete_task,
        }
        route = routes.get((request.method, resource, len(rest)))
        if route is None or not request.path.startswith("/api/") or request.path[-1] != "/":
            return Answer(404, _HTML)
        action = "read" if request.method == "GET" else "write"
        if self.scopes is not None and f"{resource}:{action}" not in self.scopes:
            return Answer(403, {"detail": f"It needs the {resource}:{action} scope."})
        return route(request, *rest)

    # contacts

    def _list_contacts(self, request: Request) -> Answer:
        rows = [row for row in reversed(self.contacts.values()) if matches(row, request.query)]
        limit = int(request.query.get("limit", ["10"])[0])
        offset = int(request.query.get("offset", ["0"])[0])
        page = rows[offset : offset + limit]
        return Answer(200, {"count": len(rows), "results": page, "contact_obj_list": page})

    def _create_contact(self, request: Request) -> Answer:
        body = request.json()
        errors = checked_contact(body, self.contacts.values(), None)
        if errors:
            return Answer(400, {"error": True, "errors": errors})
        custom, errors = checked_custom_fields(self._fields("Contact"), body, {})
        if errors:
            return Answer(400, {"error": True, "errors": {"custom_fields": errors}})
        row = self._new_contact({**body, "custom_fields": custom})
        self.writes.append(f"upsert {row['email'] or row['phone']}")
        if not self.has_redis:
            return Answer(500, _HTML)
        return Answer(200, {"error": False, "message": "Contact created", "id": row["id"]})

    def _new_contact(self, body: Row) -> Row:
        # Each contact a moment later: the list is sorted by the time of creation.
        at = (self.now + timedelta(microseconds=len(self.contacts))).isoformat()
        row = {
            "id": str(uuid.uuid4()),
            **dict.fromkeys(("email", "phone", "organization", "account")),
            "do_not_call": False,
            "is_active": True,
            **body,
            "tags": [],
            "custom_fields": body.get("custom_fields") or {},
            "created_at": at,
            "updated_at": at,
        }
        row["phone_e164"] = e164_of(row["phone"])
        self.contacts[row["id"]] = row
        return row

    def _show_contact(self, _request: Request, contact_id: str) -> Answer:
        if contact_id not in self.contacts:
            return gone("Contact")
        linked = [row for row in self.tasks.values() if contact_id in row["contacts"]]
        return Answer(200, {"contact_obj": self.contacts[contact_id], "tasks": linked})

    def _change_contact(self, request: Request, contact_id: str) -> Answer:
        row = self.contacts.get(contact_id)
        if row is None:
            return gone("Contact")
        body = request.json()
        errors = checked_contact(body, self.contacts.values(), row)
        if errors:
            return Answer(400, {"error": True, "errors": errors})
        if "custom_fields" in body:
            held = row["custom_fields"]
            custom, errors = checked_custom_fields(self._fields("Contact"), body, held)
            if errors:
                return Answer(400, {"error": True, "errors": {"custom_fields": errors}})
            body = {**body, "custom_fields": custom}
        if "tags" in body:
            if not all(is_uuid(tag) for tag in body["tags"]):
                return Answer(400, {"tags": ["That is not a valid id."]})
            usable = sorted(self.tags, key=lambda tag: str(tag["name"]))  # not as they were sent
            kept = [tag["id"] for tag in usable if tag["id"] in body["tags"] and tag["is_active"]]
            body = {**body, "tags": kept}
        self._note(row, body)
        row.update(body, updated_at=self.now.isoformat())
        row["phone_e164"] = e164_of(row["phone"])
        return Answer(200, {"error": False, "message": "Contact Updated Successfully"})

    def _note(self, row: Row, body: Row) -> None:
        """Note what a change amounts to, for tests that ask what came before what."""
        for channel, of_address in (("email", "email"), ("sms", "phone")):
            was = row["custom_fields"].get(f"{channel}_marketing")
            custom: Row = body.get("custom_fields") or row["custom_fields"]
            now = custom.get(f"{channel}_marketing")
            if was != now:
                what = "grant" if now == "subscribed" else "withdraw"
                self.writes.append(f"{what} {row[of_address]}")
        if "tags" in body:
            self.writes.append(f"list {row['email']}")
        elif "first_name" in body or "email" in body:
            self.writes.append(f"upsert {body.get('email', row['email'])}")

    def _delete_contact(self, _request: Request, contact_id: str) -> Answer:
        row = self.contacts.pop(contact_id, None)
        if row is None:
            return gone("Contact")
        self.writes.append(f"erase {row['email'] or row['phone']}")
        return Answer(200, {"error": False, "message": "Contact Deleted Successfully."})

    # custom fields, tags, tasks

    def _fields(self, model: str) -> list[Row]:
        return [row for row in self.definitions if row["target_model"] == model]

    def _list_definitions(self, _request: Request) -> Answer:
        shown = [r for r in self.definitions if self.has_tasks or r["target_model"] != "Task"]
        return Answer(200, {"definitions": shown, "totals": None})

    def _define(self, request: Request) -> Answer:
        if not self.is_admin:
            return Answer(403, _NO_ADMIN)
        body = request.json()
        if body.get("target_model") == "Task" and not self.has_tasks:
            return Answer(400, _WITHOUT_TASKS)
        errors = checked_definition(body, self.definitions)
        if errors:
            return Answer(400, {"error": True, "errors": errors})
        row = {"id": str(uuid.uuid4()), "options": None, "is_active": True, **body}
        self.definitions.append(row)
        return Answer(201, row)

    def _list_tags(self, _request: Request) -> Answer:
        shown = [tag for tag in self.tags if tag["is_active"]]
        return Answer(200, {"tags_count": len(shown), "tags": shown})

    def _list_tasks(self, request: Request) -> Answer:
        rows = [row for row in self.tasks.values() if matches(row, request.query)]
        slim = [{name: row[name] for name in ("id", "title", "due_date")} for row in rows]
        return Answer(200, {"tasks_count": len(rows), "tasks": slim})

    def _create_task(self, request: Request) -> Answer:
        body = request.json()
        errors = checked_task(body)
        if errors:
            return Answer(400, {"error": True, "errors": errors})
        custom, errors = checked_custom_fields(self._fields("Task"), body, {})
        if errors:
            return Answer(400, {"error": True, "errors": {"custom_fields": errors}})
        row = {**body, "id": str(uuid.uuid4()), "custom_fields": custom}
        row["contacts"] = [each for each in body.get("contacts", ()) if each in self.contacts]
        self.tasks[row["id"]] = row
        self.writes.append(f"cue {custom.get('pos_cue_id')}")
        return Answer(200, {"error": False, "message": "Task Created Successfully"})

    def _delete_task(self, _request: Request, task_id: str) -> Answer:
        return Answer(200, {"error": False}) if self.tasks.pop(task_id, None) else gone("Task")

    # what no vendor would answer

    def mailable(self) -> set[tuple[str, str]]:
        """Everybody whom a shop that goes by the consent fields would write to."""
        return {
            (channel, address)
            for row in self.contacts.values()
            for channel, address in addresses_of(row)
            if row["custom_fields"].get(f"{channel}_marketing") == "subscribed"
            and not (channel == "sms" and row["do_not_call"])
        }

    def opted_out(self) -> set[tuple[str, str]]:
        """Everybody marked as unsubscribed, or not to be called without our doing."""
        return {
            (channel, address)
            for row in self.contacts.values()
            for channel, address in addresses_of(row)
            if (state := row["custom_fields"].get(f"{channel}_marketing")) == "unsubscribed"
            or (channel == "sms" and row["do_not_call"] and state != "withdrawn")
        }

    def known(self) -> set[str]:
        """Every address of a contact."""
        return {address for row in self.contacts.values() for _, address in addresses_of(row)}

    def members(self) -> dict[str, set[str]]:
        """For each tag the e-mail addresses of its contacts, or else their numbers."""
        found: dict[str, set[str]] = {tag["id"]: set() for tag in self.tags}
        for row in self.contacts.values():
            for tag in row["tags"]:
                found[tag].add(row["email"] or row["phone"])
        return found

    def triggered(self) -> list[tuple[str, str]]:
        """Nothing we send starts anything."""
        return []

    def fields_of(self, address: str) -> dict[str, object]:
        """The canonical fields as BottleCRM holds them."""
        return next(
            (canonical(r) for r in self.contacts.values() if address in all_addresses(r)), {}
        )

    def counts(self) -> dict[str, int]:
        """How much of each it holds."""
        counted = {"contacts": len(self.contacts), "cues": len(self.tasks)}
        return {"orders": 0, "events": 0, **counted}

    def person_opts_out(self, channel: str, address: str) -> None:
        """Staff picks *unsubscribed* for a person who said no."""
        for row in self.contacts.values():
            if (channel, address) in addresses_of(row):
                row["custom_fields"][f"{channel}_marketing"] = "unsubscribed"
                row["updated_at"] = self.now.isoformat()

    def switch_do_not_call(self, email: str) -> None:
        """Staff ticks *do not call*."""
        for row in self.contacts.values():
            if row["email"] == email:
                row.update(do_not_call=True, updated_at=self.now.isoformat())

    def switch_off(self, key: str) -> None:
        """An administrator switches a custom field off."""
        for row in self.definitions:
            row["is_active"] = row["is_active"] and row["key"] != key

    @contextlib.contextmanager
    def without_redis(self) -> Iterator[None]:
        """Stop Redis for the length of the block."""
        self.has_redis = False
        yield
        self.has_redis = True

    def owner_adds(self, email: str) -> None:
        """The owner types a subscriber in by hand."""
        custom = {"email_marketing": "subscribed"}
        names = {"first_name": "Typed", "last_name": "In"}
        self._new_contact({**names, "email": email, "custom_fields": custom})

    def lists(self) -> dict[str, str]:
        """The ids of the tags, by their names."""
        return {tag["name"]: tag["id"] for tag in self.tags}

    def add_list(self, name: str) -> str:
        """The owner makes a tag; returns its id."""
        tag = {"id": str(uuid.uuid4()), "name": name, "slug": name.lower(), "is_active": True}
        self.tags.append(tag)
        return tag["id"]  # type: ignore[return-value]


def settings_for(fake: FakeBottleCRM) -> dict[str, Any]:
    """The target's settings for a running fake."""
    there = fake.lists()
    return {
        "destination": "bottlecrm",
        "api_key": fake.api_key,
        "api_url": fake.url,
        "lists": {
            "*": there.get("Everybody") or fake.add_list("Everybody"),
            "loyal": there.get("Loyal") or fake.add_list("Loyal"),
        },
    }
