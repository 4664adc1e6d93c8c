"""Mailchimp's calls about an audience: members, merge fields, static segments, events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crm_fakes.fake import Answer
from crm_fakes.mailchimp.audience import STATUSES, Member, Problem, hash_of

if TYPE_CHECKING:
    from crm_fakes.mailchimp import FakeMailchimp

Json = dict[str, Any]
Route = tuple[str, str, Callable[..., Answer]]
AT_ONCE, PAGE = 500, 1_000
ONE = "([^/]+)"
NOTHING = Answer(204, b"")


class MemberCalls:
    """What the API does about the audience.

    Args:
        fake: The account.
    """

    def __init__(self, fake: FakeMailchimp) -> None:
        self._fake = fake
        self._audience = fake.audience

    def routes(self) -> list[Route]:
        """List what can be called."""
        audience = f"/lists/{self._fake.audience_id}"
        member, segment = f"{audience}/members/{ONE}", f"{audience}/segments/([0-9]+)"
        return [
            ("GET", f"{audience}/merge-fields", self._fields),
            ("POST", f"{audience}/merge-fields", self._add_field),
            ("POST", audience, self._batch),
            ("GET", f"{audience}/members", self._list),
            ("GET", member, self._one),
            ("PATCH", member, self._patch),
            ("POST", f"{member}/actions/delete-permanent", self._forget),
            ("GET", f"{member}/events", self._events),
            ("POST", f"{member}/events", self._event),
            ("GET", f"{audience}/segments", self._segments),
            ("POST", segment, self._change_segment),
            ("GET", f"{segment}/members", self._segment_members),
            ("DELETE", f"{segment}/members/{ONE}", self._leave_segment),
        ]

    def _shown(self, member: Member) -> Json:
        return member.shown(set(self._audience.fields))

    def _fields(self, *, query: Json, body: Json) -> Answer:
        del body
        found = [{"tag": tag, "type": kind} for tag, kind in self._audience.fields.items()]
        return Answer(body={"merge_fields": found[: int(query.get("count", 10))]})

    def _add_field(self, *, query: Json, body: Json) -> Answer:
        del query
        return Answer(body=self._audience.add_field(body))

    def _batch(self, *, query: Json, body: Json) -> Answer:
        asked = body["members"]
        if len(asked) > AT_ONCE:
            raise Problem("Invalid Resource", "Too many members: 500 at most")
        if any(
            not isinstance(each.get("email_address"), str)
            or each.get("status") not in STATUSES
            or any("\x00" in str(value) for value in each.get("merge_fields", {}).values())
            for each in asked
        ):
            raise Problem("Invalid Resource", "The resource submitted could not be validated.")
        answer: Json = {"new_members": [], "updated_members": [], "errors": []}
        for each in asked:
            self._batch_one(each, body, query, answer)
        return Answer(body={**answer, "error_count": len(answer["errors"])})

    def _batch_one(self, asked: Json, body: Json, query: Json, answer: Json) -> None:
        email = asked["email_address"]
        is_there = hash_of(email) in self._audience.members
        if email.startswith("lost"):  # the promise is only that the call as a whole succeeds
            return
        lenient = query.get("skip_merge_validation") == "true"
        try:
            if is_there and not body.get("update_existing"):
                _refuse_existing(email)
            member = self._audience.write(asked, self._fake.now, lenient=lenient)
        except Problem as problem:
            exists = problem.title == "Member Exists"
            answer["errors"].append(
                {
                    "email_address": email,
                    "error": problem.detail,
                    "error_code": "ERROR_CONTACT_EXISTS" if exists else "ERROR_GENERIC",
                    "field": problem.field,
                    "field_message": "",
                }
            )
            return
        verb = "withdraw" if asked["status"] == "unsubscribed" else "upsert"
        self._fake.writes.append(f"{verb} {email}")
        answer["updated_members" if is_there else "new_members"].append(self._shown(member))

    def _list(self, *, query: Json, body: Json) -> Answer:
        del body
        found = [each for each in self._audience.members.values() if _asked_for(each, query)]
        if query.get("sort_field") == "last_changed":
            found.sort(key=lambda each: each.changed, reverse=query.get("sort_dir") == "DESC")
        offset, count = int(query.get("offset", 0)), min(int(query.get("count", 10)), PAGE)
        page = [self._shown(each) for each in found[offset:][:count]]
        return Answer(body={"members": page, "total_items": len(found)})

    def _one(self, member_id: str, *, query: Json, body: Json) -> Answer:
        del query, body
        return Answer(body=self._shown(self._audience.members[member_id]))

    def _patch(self, member_id: str, *, query: Json, body: Json) -> Answer:
        email = self._audience.members[member_id].email
        lenient = query.get("skip_merge_validation") == "true"
        asked = {**body, "email_address": email}
        member = self._audience.write(asked, self._fake.now, lenient=lenient, create=False)
        verb = "withdraw" if body.get("status") == "unsubscribed" else "upsert"
        self._fake.writes.append(f"{verb} {email}")
        return Answer(body=self._shown(member))

    def _forget(self, member_id: str, *, query: Json, body: Json) -> Answer:
        del query, body
        member = self._audience.members.pop(member_id)
        self._audience.forgotten.add(member_id)
        self._fake.writes.append(f"erase {member.email}")
        return NOTHING

    def _events(self, member_id: str, *, query: Json, body: Json) -> Answer:
        del body
        newest_first = self._audience.members[member_id].events[::-1]
        offset, count = int(query.get("offset", 0)), int(query.get("count", 10))
        return Answer(body={"events": newest_first[offset:][:count]})

    def _event(self, member_id: str, *, query: Json, body: Json) -> Answer:
        del query
        member = self._audience.members[member_id]
        values = body.get("properties", {}).values()
        if not 2 <= len(body["name"]) <= 30 or not all(isinstance(each, str) for each in values):
            raise Problem("Invalid Resource", "A name has 2 to 30 characters, a property is a text")
        member.events.append(body)
        self._fake.writes.append(f"event {member.email}")
        if not body.get("is_syncing") and member.status == "subscribed":
            self._fake.started.append((body["name"], member.email))
        return NOTHING

    def _segments(self, *, query: Json, body: Json) -> Answer:
        del body
        static = [{"id": key} for key, each in self._fake.segments.items() if each]
        return Answer(body={"segments": static[: int(query.get("count", 10))]})

    def _change_segment(self, segment: str, *, query: Json, body: Json) -> Answer:
        del query
        if not self._fake.segments[int(segment)]:
            raise Problem("Invalid Resource", "Only static segments have members")
        adding, removing = body.get("members_to_add", []), body.get("members_to_remove", [])
        if max(len(adding), len(removing)) > AT_ONCE or any("\x00" in each for each in adding):
            raise Problem("Invalid Resource", "A maximum of 500 members can be sent")
        added = [each for each in map(self._present, adding) if each]
        new = [each for each in added if int(segment) not in each.segments]
        gone = [each for each in map(self._present, removing) if each]
        gone = [each for each in gone if int(segment) in each.segments]
        for each in new:
            each.segments.add(int(segment))
        for each in gone:
            each.segments.discard(int(segment))
        self._fake.writes += [f"list {each.email}" for each in (*new, *gone)]
        return Answer(
            body={
                "members_added": [{"id": hash_of(each.email)} for each in new],
                "members_removed": [{"id": hash_of(each.email)} for each in gone],
                "errors": [],
            }
        )

    def _present(self, email: str) -> Member | None:
        return self._audience.members.get(hash_of(email))

    def _segment_members(self, segment: str, *, query: Json, body: Json) -> Answer:
        del body
        inside = [
            {"id": key}
            for key, each in self._audience.members.items()
            if int(segment) in each.segments
            and (each.status == "subscribed" or query.get(f"include_{each.status}") == "true")
        ]
        offset, count = int(query.get("offset", 0)), int(query.get("count", 10))
        return Answer(body={"members": inside[offset:][:count]})

    def _leave_segment(self, segment: str, member_id: str, *, query: Json, body: Json) -> Answer:
        del query, body
        member = self._audience.members[member_id]
        member.segments.remove(int(segment))
        self._fake.writes.append(f"list {member.email}")
        return NOTHING


def _refuse_existing(email: str) -> None:
    raise Problem("Member Exists", f"{email} is already a list member")


def _asked_for(member: Member, query: Json) -> bool:
    if member.status != query.get("status", member.status):
        return False
    if member.status == "archived" and "status" not in query:
        return False
    since = query.get("since_last_changed")
    return since is None or member.changed.replace(microsecond=0) > datetime.fromisoformat(since)
