"""The contacts of a Brevo account, with what Brevo silently does to them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

CANONICAL = {
    "FIRSTNAME": "given_name",
    "SHOP_SEGMENT": "segment",
    "SHOP_LAST_VISIT_ON": "last_visit_on",
    "SHOP_VISITS": "visits",
    "SHOP_FAVOURITE_CATEGORY": "favourite_category",
    "SHOP_JOURNEY": "journey",
    "SHOP_JOURNEY_DUE_ON": "journey_due_on",
}
DECLARED = {
    "SHOP_SEGMENT": "text",
    "SHOP_LAST_VISIT_ON": "date",
    "SHOP_VISITS": "float",
    "SHOP_FAVOURITE_CATEGORY": "text",
    "SHOP_JOURNEY": "text",
    "SHOP_JOURNEY_DUE_ON": "date",
}
"""The attributes of an account that the target has been used with."""
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_PHONE_DIGITS = 6


class RefusedError(Exception):
    """Brevo says 400, with this code and sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass
class Contact:
    """One contact, as Brevo keeps it: the phone number without its plus."""

    id: int
    created: datetime
    modified: datetime
    ext_id: str | None = None
    email: str | None = None
    phone: str | None = None
    email_blocked: bool = False
    sms_blocked: bool = False
    lists: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def addresses(self) -> dict[str, str]:
        """Address by channel, phones in E.164."""
        both = {"email": self.email, "sms": f"+{self.phone}" if self.phone else None}
        return {channel: address for channel, address in both.items() if address}

    def is_blocked(self, channel: str) -> bool:
        """Whether campaigns of a channel leave it out."""
        return self.email_blocked if channel == "email" else self.sms_blocked


class Contacts:
    """All contacts, and the attributes that are declared.

    Attributes:
        types: Type by name of the declared attributes.
        keeps_emptied: Attributes that an empty value doesn't clear, as it may be with a type
            that it doesn't match.
        lifts_on_import: Whether an import lifts a blocklisting; nobody knows, so it does.
        import_takes_ext_id: Whether the attribute EXT_ID of an import is taken.
        drops_phones: Whether phone numbers get lost without a word.
    """

    def __init__(self) -> None:
        self.rows: dict[int, Contact] = {}
        self.types = {"FIRSTNAME": "text", "LASTNAME": "text", "SMS": "text"}
        self.keeps_emptied: set[str] = set()
        self.lifts_on_import = True
        self.import_takes_ext_id = True
        self.drops_phones = False
        self._next = 100

    def __iter__(self) -> Iterator[Contact]:
        """Each contact."""
        return iter(self.rows.values())

    def find(self, identifier: Any, kind: str) -> Contact | None:
        """Look a contact up by one of its identifiers."""
        wanted = str(identifier)
        if kind == "phone_id":
            wanted = digits(wanted)
        if kind == "email_id":
            wanted = wanted.lower()
        name = {"contact_id": "id", "ext_id": "ext_id", "email_id": "email", "phone_id": "phone"}
        for each in self:
            value = getattr(each, name[kind])
            if value is not None and str(value) == wanted:
                return each
        return None

    def at(self, address: str) -> Contact | None:
        """The contact with an e-mail address or a phone number."""
        return self.find(address, "email_id" if "@" in address else "phone_id")

    def create(self, now: datetime, **parts: Any) -> Contact:
        """Add a contact under the next number."""
        self._next += 1
        contact = Contact(self._next, now, now, **parts)
        self.rows[contact.id] = contact
        return contact

    def change(
        self, contact: Contact, attributes: dict[str, Any], ext_id: str | None, now: datetime
    ) -> None:
        """Change identity and attributes, all or nothing.

        A new address lifts the blocklisting, whatever else the call says.
        """
        email, phone = attributes.get("EMAIL"), attributes.get("SMS")
        self._check(contact, email, phone, ext_id)
        if email and email.lower() != contact.email:
            contact.email = email.lower()
            contact.email_blocked = False
        if phone and digits(phone) != contact.phone and not self.drops_phones:
            contact.phone = digits(phone)
            contact.sms_blocked = False
        if phone == "":
            contact.phone = None
        contact.ext_id = ext_id or contact.ext_id
        for name, value in attributes.items():
            self._set(contact, name.upper(), value)
        contact.modified = now

    def take_row(
        self, row: dict[str, Any], lists: list[int], now: datetime, *, updates: bool
    ) -> Contact | None:
        """Import one row; what can't be imported is left out without a word."""
        attributes = {name: v for name, v in (row.get("attributes") or {}).items() if v != ""}
        ext_id = attributes.pop("EXT_ID", None) if self.import_takes_ext_id else None
        email, phone = row.get("email"), attributes.get("SMS")
        found = self.find(email, "email_id") if email else None
        if not email:
            found = self.find(phone or "", "phone_id")
        if found is not None and not updates:
            return None
        try:
            self._check(found, email, phone, ext_id)
        except RefusedError:
            return None
        contact = found or self.create(now, email=email.lower() if email else None)
        if found is not None and self.lifts_on_import:
            contact.email_blocked = contact.sms_blocked = False
        self.change(contact, attributes, ext_id, now)
        contact.lists.update(lists)
        contact.left.difference_update(lists)
        return contact

    def _check(
        self, contact: Contact | None, email: str | None, phone: str | None, ext_id: str | None
    ) -> None:
        if email and not _EMAIL.fullmatch(email):
            raise RefusedError("invalid_parameter", "Invalid email address")
        if phone and len(digits(phone)) < _PHONE_DIGITS:
            raise RefusedError("invalid_parameter", "Invalid phone number")
        for value, kind, word in (
            (email, "email_id", "email"),
            (phone, "phone_id", "SMS"),
            (ext_id, "ext_id", "ext_id"),
        ):
            other = self.find(value, kind) if value else None
            if other is not None and other is not contact:
                text = f"Unable to update contact, {word} is already associated with another"
                raise RefusedError("duplicate_parameter", text)

    def _set(self, contact: Contact, name: str, value: Any) -> None:
        """Unknown and ill-typed values are dropped without a word."""
        type_ = self.types.get(name)
        if type_ is None or name in {"EMAIL", "SMS"}:
            return
        if value == "":
            if name not in self.keeps_emptied:
                contact.attributes.pop(name, None)
            return
        fits = {
            "text": isinstance(value, str),
            "float": isinstance(value, (int, float)) and not isinstance(value, bool),
            "date": isinstance(value, str) and bool(_DATE.fullmatch(value)),
        }
        if fits.get(type_):
            contact.attributes[name] = value


def digits(phone: str) -> str:
    return "".join(each for each in phone if each.isdigit()).removeprefix("00")


def as_answer(contact: Contact) -> dict[str, Any]:
    """A contact as the API shows it."""
    attributes = dict(contact.attributes)
    if contact.phone:
        attributes["SMS"] = contact.phone
    if contact.ext_id:
        attributes["EXT_ID"] = contact.ext_id
    return {
        "id": contact.id,
        **({"email": contact.email} if contact.email else {}),
        "emailBlacklisted": contact.email_blocked,
        "smsBlacklisted": contact.sms_blocked,
        "whatsappBlacklisted": False,
        "createdAt": contact.created.isoformat(),
        "modifiedAt": contact.modified.isoformat(),
        "listIds": sorted(contact.lists),
        **({"listUnsubscribed": sorted(contact.left)} if contact.left else {}),
        "attributes": attributes,
    }
