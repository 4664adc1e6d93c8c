"""The audience as Mailchimp keeps it: members, merge fields, and whom nobody can subscribe."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

Json = dict[str, Any]
STATUSES = {"subscribed", "unsubscribed", "cleaned", "pending", "transactional"}
BY_ADMIN = "N/A (Unsubscribed by admin)"
_LONGEST_TEXT, _LONGEST_TAG = 255, 10
_TYPES = {"text", "number", "date", "phone", "address", "zip", "birthday", "url", "dropdown"}


def hash_of(email: str) -> str:
    """Name a member as Mailchimp does."""
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


class Problem(Exception):  # noqa: N818 - it is an answer, not a defect
    """A 400, or what a batch says of one member.

    Args:
        title: Mailchimp's short name of it.
        detail: Its sentence, which quotes the address.
        field: The field at fault.
    """

    def __init__(self, title: str, detail: str, field: str = "") -> None:
        super().__init__(title)
        self.title, self.detail, self.field = title, detail, field


@dataclass
class Member:
    """An address in the audience.

    Attributes:
        by_person: Whether the person unsubscribed, or the address bounced: no API lifts that.
        segments: The ids of static segments, which are its tags too.
    """

    email: str
    status: str
    changed: datetime
    merge: Json = field(default_factory=dict)
    reason: str = ""
    by_person: bool = False
    opted_in: str = ""
    segments: set[int] = field(default_factory=set)
    events: list[Json] = field(default_factory=list)

    def shown(self, tags: set[str]) -> Json:
        """Show it as the API does: a blank for each field it has no value for."""
        return {
            "id": hash_of(self.email),
            "email_address": self.email,
            "status": self.status,
            "last_changed": self.changed.isoformat(timespec="seconds"),
            "unsubscribe_reason": self.reason if self.status == "unsubscribed" else "",
            "merge_fields": {tag: self.merge.get(tag, "") for tag in sorted(tags)},
            "tags": [{"id": each, "name": f"tag {each}"} for each in sorted(self.segments)],
            "timestamp_opt": self.opted_in,
        }


class Audience:
    """All members.

    Attributes:
        fields: Type by tag; a new audience begins with these.
        public: Tags that the sign-up form shows; a new field is among them unless told not to be.
        required: Tags the owner made mandatory.
        forgotten: Hashes of addresses that were permanently deleted.
        deaf: Hashes of members whose status nothing changes: a fault, not a promise.
        keeps_silent: Whether a batch that may not subscribe somebody says nothing of it.
    """

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.fields = {"FNAME": "text", "LNAME": "text", "ADDRESS": "address", "PHONE": "phone"}
        self.public = {"FNAME", "LNAME"}
        self.required: set[str] = set()
        self.forgotten: set[str] = set()
        self.deaf: set[str] = set()
        self.keeps_silent = False

    def add_field(self, asked: Json) -> Json:
        """Declare a merge field."""
        tag = asked["tag"].upper()
        if len(tag) > _LONGEST_TAG or asked["type"] not in _TYPES:
            raise Problem("Invalid Resource", "Merge tag too long or type unknown")
        if tag in self.fields:
            raise Problem("Invalid Resource", f"A Merge Field with the tag {tag} already exists")
        self.fields[tag] = asked["type"]
        if asked.get("public", True):
            self.public.add(tag)
        return {"tag": tag, "type": asked["type"]}

    def write(self, asked: Json, now: datetime, *, lenient: bool, create: bool = True) -> Member:
        """Create or change a member, as far as its state allows."""
        email = asked["email_address"]
        if "@" not in email or email.startswith("invalid"):
            raise Problem("Invalid Resource", f"{email} looks fake or invalid", "email_address")
        if hash_of(email) in self.forgotten:
            raise Problem(
                "Forgotten Email Not Subscribed",
                f"{email} was permanently deleted and cannot be re-imported.",
            )
        member = self.members.get(hash_of(email))
        values = self._checked(asked.get("merge_fields", {}), lenient=lenient)
        wanted = asked.get("status")
        if member is None:
            if not create:
                raise KeyError(email)
            member = Member(email, wanted or "subscribed", now)
            self.members[hash_of(email)] = member
        else:
            self._move(member, wanted)
        if member.status == "unsubscribed" and not member.reason:
            member.reason = BY_ADMIN
        member.merge.update(values)
        member.opted_in = asked.get("timestamp_opt", member.opted_in)
        member.changed = now
        return member

    def _move(self, member: Member, status: str | None) -> None:
        if status in {"subscribed", "pending"}:
            if member.by_person:
                if self.keeps_silent:
                    return
                raise Problem(
                    "Member In Compliance State",
                    f"{member.email} is in a compliance state due to unsubscribe, bounce, or"
                    " compliance review and cannot be subscribed.",
                )
            member.reason = ""  # the trap: what the API or the owner ended, a batch lifts
        if status and hash_of(member.email) not in self.deaf:
            member.status = status

    def _checked(self, values: Json, *, lenient: bool) -> Json:
        if not lenient and any(not values.get(tag) for tag in self.required):
            raise Problem("Invalid Resource", "Your merge fields were invalid.", "ADDRESS")
        known = {tag: value for tag, value in values.items() if tag in self.fields}
        for tag, value in known.items():
            if value != "" and not _fits(self.fields[tag], value):
                raise Problem("Invalid Resource", "Your merge fields were invalid.", tag)
        return {tag: value for tag, value in known.items() if value is not None}


def _fits(kind: str, value: object) -> bool:
    if kind == "number":
        return isinstance(value, (int, float))
    if kind == "date":
        try:
            date.fromisoformat(str(value))
        except ValueError:
            return False
    if kind == "phone":
        return not str(value).startswith("+")  # the default field wants the US format
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT
