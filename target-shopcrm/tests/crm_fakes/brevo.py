"""A stateful Brevo, API v3, as far as its SDK and guides describe it.

What nobody documents, it does in the worst way: an import lifts blocklistings, a new address
lifts them whatever else the call says, and jobs take their time.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from crm_fakes.brevo_contacts import CANONICAL, Contact, Contacts, RefusedError, as_answer
from crm_fakes.brevo_sales import Sales, refused
from crm_fakes.fake import Answer, FakeCrm

if TYPE_CHECKING:
    from crm_fakes.fake import Request

_MOST_BYTES, _MOST_UPDATES, _MOST_ON_LIST, _MOST_IN_PAGE = 10_000_000, 100, 150, 1_000
_FLAGS = {"emailBlacklisted": "email", "smsBlacklisted": "sms"}


class FakeBrevo(FakeCrm):
    """One account.

    Attributes:
        api_key: What the header ``api-key`` must say.
        contacts: Its contacts.
        sales: Its orders, events and tasks.
        lists: Name by number.
        jobs: Status and rows of each import by number.
        looks_until_done: How often a job is looked at before it is done; None is never.
    """

    def __init__(self) -> None:
        super().__init__()
        self.api_key = "xkeysib-of-the-shop"
        self.contacts = Contacts()
        self.sales = Sales(self.contacts, self.writes.append)
        self.lists = {2: "everybody", 3: "loyal"}
        self.jobs: dict[int, dict[str, Any]] = {}
        self.looks_until_done: int | None = 1
        self.fails_jobs = False

    def answer(self, request: Request) -> Answer:
        """Answer as Brevo does."""
        if request.headers.get("api-key") != self.api_key:
            return refused("Key not found", "unauthorized", 401)
        if not request.path.startswith("/v3/"):
            return refused("no such route", "document_not_found", 404)
        try:
            return self.sales.answer(request) or self._answer(request)
        except RefusedError as error:
            return refused(error.message, error.code)

    def _answer(self, request: Request) -> Answer:  # noqa: PLR0911 - one for each route
        parts = [unquote(each) for each in request.path.split("/")[2:]]
        if parts[0] == "processes":
            return self._look_at_jobs(parts[1:])
        if parts[0] != "contacts":
            return refused("no such route", "document_not_found", 404)
        match (request.method, *parts[1:]):
            case ("GET",):
                return self._list(request)
            case ("POST",):
                return self._create(request.json())
            case (_, "attributes", *rest):
                return self._attributes(request, rest)
            case ("POST", "batch"):
                return self._batch(request.json()["contacts"])
            case ("POST", "import"):
                return self._import(request)
            case (_, "lists", number, *rest):
                return self._on_list(request, int(number), rest)
            case (method, identifier):
                kind = request.query.get("identifierType", ["email_id"])[0]
                return self._one(method, self.contacts.find(identifier, kind), request)
        return refused("no such route", "document_not_found", 404)

    def _list(self, request: Request) -> Answer:
        asked = request.asked
        limit, offset = int(asked.get("limit", 50)), int(asked.get("offset", 0))
        if limit > _MOST_IN_PAGE:
            return refused("Limit exceeds max value", "out_of_range")
        found = sorted(self.contacts, key=lambda each: each.id, reverse=asked["sort"] == "desc")
        if since := asked.get("modifiedSince"):
            moment = datetime.fromisoformat(since.replace("Z", "+00:00"))
            found = [each for each in found if each.modified > moment]
        page = [as_answer(each) for each in found[offset : offset + limit]]
        return Answer(200, {"contacts": page, "count": len(found)})

    def _create(self, body: dict[str, Any]) -> Answer:
        attributes = {"EMAIL": body.get("email"), **body.get("attributes", {})}
        found = self.contacts.find(body.get("email") or "", "email_id")
        found = found or self.contacts.find(body.get("ext_id") or "", "ext_id")
        if found is not None and not body.get("updateEnabled"):
            return refused("Contact already exist", "duplicate_parameter")
        contact = found or self.contacts.create(self.now)
        try:
            self.contacts.change(contact, attributes, body.get("ext_id"), self.now)
        except RefusedError:
            if found is None:
                del self.contacts.rows[contact.id]
            raise
        self._apply(contact, body)
        self._note("upsert", contact)
        return Answer(204, b"") if found else Answer(201, {"id": contact.id})

    def _attributes(self, request: Request, rest: list[str]) -> Answer:
        if request.method == "GET":
            rows = [
                {"name": name, "category": "normal", "type": type_}
                for name, type_ in self.contacts.types.items()
            ]
            return Answer(200, {"attributes": rows})
        name = rest[1].upper()
        if name in self.contacts.types:
            return refused("Attribute name must be unique", "duplicate_parameter")
        self.contacts.types[name] = request.json()["type"]
        return Answer(201, b"")

    def _batch(self, updates: list[dict[str, Any]]) -> Answer:
        if len(updates) > _MOST_UPDATES:
            return refused("too many contacts", "out_of_range")
        failed: list[int] = []
        for update in updates:
            keys = [name for name in ("id", "email", "sms") if name in update]
            if len(keys) != 1:
                return refused("one identifier each")
            kind = {"id": "contact_id", "email": "email_id", "sms": "phone_id"}[keys[0]]
            contact = self.contacts.find(update[keys[0]], kind)
            try:
                if contact is None:
                    failed.append(update[keys[0]])
                    continue
                self._change(contact, update)
            except RefusedError:
                failed.append(contact.id if contact else 0)
        if not failed:
            return Answer(204, b"")
        return Answer(207, {"successIds": [], "failureIds": failed})

    def _import(self, request: Request) -> Answer:
        body = request.json()
        if len(request.body) > _MOST_BYTES:
            return refused("body too large", "out_of_range")
        rows = body["jsonBody"]
        if not any(row.get("email") or row.get("attributes", {}).get("SMS") for row in rows):
            return refused("We could not find any valid email or SMS")
        if not set(body.get("listIds") or [0]) <= self.lists.keys():
            return refused("List ID does not exist", "document_not_found")
        number = len(self.jobs) + 1
        self.jobs[number] = {"status": "queued", "body": body, "looks": 0}
        return Answer(202, {"processId": number})

    def _look_at_jobs(self, rest: list[str]) -> Answer:
        for job in self.jobs.values():
            job["looks"] += 1
            wanted = self.looks_until_done
            if job["status"] == "queued" and wanted is not None and job["looks"] > wanted:
                self._run(job)
        shown = [
            {"id": number, "name": "IMPORTUSER", "status": job["status"]}
            for number, job in sorted(self.jobs.items(), reverse=True)
        ]
        if rest:
            found = [each for each in shown if str(each["id"]) == rest[0]]
            return Answer(200, found[0]) if found else refused("no", "document_not_found", 404)
        return Answer(200, {"processes": shown[:50], "count": len(shown)})

    def finish_jobs(self) -> None:
        """Let every import happen now."""
        for job in self.jobs.values():
            if job["status"] == "queued":
                self._run(job)

    def _run(self, job: dict[str, Any]) -> None:
        job["status"] = "failed" if self.fails_jobs else "completed"
        if self.fails_jobs:
            return
        body = job["body"]
        updates = body.get("updateExistingContacts", True)
        for row in body["jsonBody"]:
            contact = self.contacts.take_row(row, body["listIds"], self.now, updates=updates)
            if contact is not None:
                self._note("upsert", contact)

    def _on_list(self, request: Request, number: int, rest: list[str]) -> Answer:
        if number not in self.lists:
            return refused("List ID does not exist", "document_not_found", 404)
        if request.method == "GET":
            return Answer(200, {"id": number, "name": self.lists[number]})
        ids = request.json()["ids"]
        if len(ids) > _MOST_ON_LIST:
            return refused("too many ids", "out_of_range")
        adds = rest == ["contacts", "add"]
        changed = [
            each.id for each in self.contacts if each.id in ids and (number in each.lists) != adds
        ]
        if not changed:
            return refused("Contact already in list and/or does not exist")
        for contact_id in changed:
            contact = self.contacts.rows[contact_id]
            (contact.lists.add if adds else contact.lists.discard)(number)
            self._note("list", contact)
        failed = [each for each in ids if each not in changed]
        return Answer(201, {"contacts": {"success": changed, "failure": failed}})

    def _one(self, method: str, contact: Contact | None, request: Request) -> Answer:
        if contact is None:
            return refused("Contact does not exist", "document_not_found", 404)
        if method == "GET":
            return Answer(200, {**as_answer(contact), "statistics": {}})
        if method == "DELETE":
            del self.contacts.rows[contact.id]
            self._note("erase", contact)
        else:
            self._change(contact, request.json())
        return Answer(204, b"")

    def _change(self, contact: Contact, body: dict[str, Any]) -> None:
        email, phone = contact.email, contact.phone
        self._apply(contact, body)
        attributes = body.get("attributes", {})
        self.contacts.change(contact, attributes, body.get("ext_id"), self.now)
        if attributes or (email, phone) != (contact.email, contact.phone):
            self._note("upsert", contact)

    def _apply(self, contact: Contact, body: dict[str, Any]) -> None:
        for flag, channel in _FLAGS.items():
            if flag in body and contact.is_blocked(channel) is not body[flag]:
                setattr(
                    contact, "email_blocked" if channel == "email" else "sms_blocked", body[flag]
                )
                self._note("withdraw" if body[flag] else "grant", contact)
        contact.lists.update(body.get("listIds", ()))
        contact.left.difference_update(body.get("listIds", ()))
        contact.lists.difference_update(body.get("unlinkListIds", ()))
        contact.modified = self.now

    def _note(self, operation: str, contact: Contact) -> None:
        address = next(iter(contact.addresses.values()), str(contact.id))
        self.writes.append(f"{operation} {address}")

    def mailable(self) -> set[tuple[str, str]]:
        """Whoever is there and not blocklisted."""
        return self._pairs(blocked=False)

    def opted_out(self) -> set[tuple[str, str]]:
        """Whoever is blocklisted; Brevo doesn't know by whom."""
        return self._pairs(blocked=True)

    def known(self) -> set[str]:
        """Every address of a contact."""
        return {address for each in self.contacts for address in each.addresses.values()}

    def members(self) -> dict[str, set[str]]:
        """Addresses on each list."""
        return {
            str(number): {
                address
                for each in self.contacts
                if number in each.lists
                for address in each.addresses.values()
            }
            for number in self.lists
        }

    def triggered(self) -> list[tuple[str, str]]:
        """What started a workflow."""
        return self.sales.triggered

    def fields_of(self, address: str) -> dict[str, object]:
        """The canonical fields of a contact."""
        contact = self.contacts.at(address)
        if contact is None:
            return {}
        fields = {CANONICAL.get(name, name): v for name, v in contact.attributes.items()}
        both = {"email": contact.addresses.get("email"), "phone": contact.addresses.get("sms")}
        return {**fields, **{name: value for name, value in both.items() if value}}

    def counts(self) -> dict[str, int]:
        """How much there is."""
        return {
            "contacts": len(self.contacts.rows),
            "orders": len(self.sales.orders),
            "events": len(self.sales.events),
            "cues": len(self.sales.tasks),
        }

    def person_opts_out(self, channel: str, address: str) -> None:
        """The person clicks on unsubscribe, or sends STOP."""
        contact = self.contacts.at(address)
        if contact is None:
            contact = self.contacts.create(self.now)
            self.contacts.change(
                contact, {"EMAIL" if "@" in address else "SMS": address}, None, self.now
            )
        setattr(contact, "email_blocked" if channel == "email" else "sms_blocked", True)
        contact.modified = self.now

    def owner_adds(self, email: str) -> None:
        """The owner types somebody in."""
        self.contacts.create(self.now, email=email.lower(), lists={2})

    def _pairs(self, *, blocked: bool) -> set[tuple[str, str]]:
        return {
            (channel, address)
            for each in self.contacts
            for channel, address in each.addresses.items()
            if each.is_blocked(channel) is blocked
        }


def settings_for(fake: FakeBrevo) -> dict[str, Any]:
    """The target's configuration for a running fake."""
    return {
        "destination": "brevo",
        "api_key": fake.api_key,
        "api_url": f"{fake.url}/v3",
        "lists": {"*": "2", "loyal": "3"},
    }
