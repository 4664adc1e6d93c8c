"""A stateful Mailchimp: one account with one audience and one store, traps included."""

from __future__ import annotations

import base64
import re
from typing import Any

from crm_fakes.fake import Answer, FakeCrm, Request
from crm_fakes.mailchimp.audience import Audience, Member, Problem, hash_of
from crm_fakes.mailchimp.jobs import JobCalls
from crm_fakes.mailchimp.members import MemberCalls
from crm_fakes.mailchimp.shop import Shop, ShopCalls

__all__ = ["FakeMailchimp", "hash_of", "settings_for"]

Json = dict[str, Any]
_CANONICAL = {
    "FNAME": "given_name",
    "SHOPPHONE": "phone",
    "SEGMENT": "segment",
    "LASTVISIT": "last_visit_on",
    "VISITS": "visits",
    "FAVOURITE": "favourite_category",
    "JOURNEY": "journey",
    "JOURNEYDUE": "journey_due_on",
}


def settings_for(fake: FakeMailchimp) -> Json:
    """Tell the target how to reach a running fake."""
    return {
        "destination": "mailchimp",
        "api_key": fake.api_key,
        "api_url": f"{fake.url}/3.0",
        "audience_id": fake.audience_id,
        "store_id": fake.shop.id,
        "lists": {"*": "100", "champions": "101"},
    }


class FakeMailchimp(FakeCrm):
    """The account.

    Attributes:
        api_key: What is accepted as one.
        audience: The members.
        shop: The store.
        segments: Whether each segment is static.
        stuck: Whether jobs never end.
        started: What started a flow.
    """

    def __init__(self) -> None:
        super().__init__()
        self.api_key = "0123456789abcdef0123456789abcdef-us19"
        self.audience_id = "a1b2c3d4e5"
        self.audience = Audience()
        self.shop = Shop("corner", self.audience_id)
        self.segments = {100: True, 101: True, 200: False}
        self.stuck = False
        self.started: list[tuple[str, str]] = []
        self._jobs = JobCalls(self)
        self._routes = [
            *MemberCalls(self).routes(),
            *ShopCalls(self).routes(),
            *self._jobs.routes(),
        ]

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        secret = request.headers.get("authorization", "").removeprefix("Basic ")
        if base64.b64decode(secret).decode().partition(":")[2] != self.api_key:
            return _problem(401, "API Key Invalid", "Your API key may be invalid")
        query = {name: values[-1] for name, values in request.query.items()}
        body = request.json() if request.body else {}
        if not request.path.startswith("/3.0/"):
            return _problem(404, "Resource Not Found", "")
        return self.routed(request.method, request.path.removeprefix("/3.0"), query, body)

    def routed(self, method: str, path: str, query: Json, body: Json) -> Answer:
        """Carry out one call, of a request or of a job."""
        for verb, pattern, act in self._routes:
            if verb == method and (match := re.fullmatch(pattern, path)):
                try:
                    return act(*match.groups(), query=query, body=body)
                except Problem as problem:
                    return _problem(400, problem.title, problem.detail)
                except KeyError:
                    break
        return _problem(404, "Resource Not Found", "The requested resource could not be found.")

    def finish_jobs(self) -> None:
        """Let all accepted jobs happen."""
        self._jobs.finish()

    def mailable(self) -> set[tuple[str, str]]:
        """Whom a campaign would reach."""
        return {("email", each.email) for each in self._members() if each.status == "subscribed"}

    def opted_out(self) -> set[tuple[str, str]]:
        """Who said no, or bounced."""
        no = {"unsubscribed", "cleaned"}
        return {("email", each.email) for each in self._members() if each.status in no}

    def known(self) -> set[str]:
        """Every address of a member or of a customer."""
        return {each.email for each in self._members()} | set(self.shop.customers.values())

    def members(self) -> dict[str, set[str]]:
        """The members of each static segment."""
        return {
            str(segment): {each.email for each in self._members() if segment in each.segments}
            for segment, is_static in self.segments.items()
            if is_static
        }

    def triggered(self) -> list[tuple[str, str]]:
        """What started an automation."""
        return list(self.started)

    def fields_of(self, address: str) -> dict[str, object]:
        """What it knows of an address."""
        member = self.audience.members.get(hash_of(address))
        if member is None:
            return {}
        told = {
            _CANONICAL[tag]: value
            for tag, value in member.merge.items()
            if tag in _CANONICAL and value != ""
        }
        return {"email": member.email, **told}

    def counts(self) -> dict[str, int]:
        """How much it holds."""
        return {
            "contacts": len(self.audience.members),
            "orders": len(self.shop.orders),
            "events": sum(len(each.events) for each in self._members()),
            "cues": 0,
        }

    def person_opts_out(self, channel: str, address: str) -> None:
        """The person clicks on unsubscribe in a campaign."""
        if channel == "email":
            self._end(address, "unsubscribed", "No longer interested", by_person=True)

    def bounces(self, address: str) -> None:
        """Mailchimp cleans an address that bounced."""
        self._end(address, "cleaned", "", by_person=True)

    def owner_unsubscribes(self, address: str) -> None:
        """The owner, or another program, ends a subscription: the API can lift that again."""
        self._end(address, "unsubscribed", "N/A (Unsubscribed by admin)", by_person=False)

    def owner_adds(self, email: str) -> None:
        """The shop owner types a subscriber in."""
        member = self.audience.members.setdefault(
            hash_of(email), Member(email, "subscribed", self.now)
        )
        member.status, member.reason, member.changed = "subscribed", "", self.now

    def _members(self) -> list[Member]:
        return list(self.audience.members.values())

    def _end(self, address: str, status: str, reason: str, *, by_person: bool) -> None:
        member = self.audience.members.get(hash_of(address))
        if member:
            member.status, member.reason, member.changed = status, reason, self.now
            member.by_person = by_person


def _problem(status: int, title: str, detail: str) -> Answer:
    return Answer(
        status,
        {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": ""},
        {"Content-Type": "application/problem+json"},
    )
