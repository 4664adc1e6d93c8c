"""What a contact is called in BottleCRM: canonical fields, custom fields, and back again."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_shopcrm.destinations.items import Contact

POS_ID = "pos_customer_id"
CUE_ID = "pos_cue_id"
SUBSCRIBED, WITHDRAWN, UNSUBSCRIBED = "subscribed", "withdrawn", "unsubscribed"
CONSENT = {"email": "email_marketing", "sms": "sms_marketing"}
"""The custom field that holds the consent of a channel."""

NO_FIRST_NAME = "Customer"
NO_LAST_NAME = "(shop customer)"
"""BottleCRM takes no contact without both names."""

_FIRST_NAME_SIZE = 255
_CONSENT_STATES = {
    SUBSCRIBED: "Subscribed",
    WITHDRAWN: "Withdrawn in the shop",
    UNSUBSCRIBED: "Unsubscribed here",
}
PROFILE = {
    "segment": ("text", "Segment"),
    "last_visit_on": ("date", "Last visit"),
    "visits": ("number", "Visits"),
    "favourite_category": ("text", "Favourite category"),
    "journey": ("text", "Journey"),
    "journey_due_on": ("date", "Journey due"),
}
"""Custom fields that carry a canonical field of the same name: their type and label."""


class Declared(Struct, frozen=True):
    """A custom field as BottleCRM is told of it."""

    target_model: str
    key: str
    field_type: str
    label: str
    options: list[dict[str, str]] | None = None


class Found(Struct, frozen=True, kw_only=True):
    """A contact as BottleCRM holds it.

    Attributes:
        id: BottleCRM's id.
        custom: Its custom fields.
        phone_e164: The phone number as BottleCRM understood it, or empty.
        updated_at: RFC 3339, UTC; any change moves it.
    """

    id: str
    first_name: str
    last_name: str
    updated_at: str
    email: str | None = None
    phone: str | None = None
    phone_e164: str = ""
    do_not_call: bool = False
    tags: list[str] = []
    custom: dict[str, Any] = {}

    @property
    def external_id(self) -> str | None:
        """Our id, if it is one of ours."""
        found = self.custom.get(POS_ID)
        return str(found) if found else None

    def consent(self, channel: str) -> str | None:
        """What the consent field of a channel says."""
        return self.custom.get(CONSENT[channel])

    @property
    def addresses(self) -> frozenset[tuple[str, str]]:
        """Channel and address, in every spelling that BottleCRM holds."""
        phones = {self.phone, self.phone_e164} if self.phone else set()
        found = {("email", (self.email or "").lower()), *(("sms", each) for each in phones)}
        return frozenset((channel, address) for channel, address in found if address)

    def has(self, channel: str, address: str) -> bool:
        """Whether an address is this contact's."""
        return (channel, address.lower()) in self.addresses

    def may_be_reached(self, channel: str) -> bool:
        """Whether the shop would write to this contact on a channel."""
        if self.consent(channel) != SUBSCRIBED:
            return False
        return bool(self.email) if channel == "email" else bool(self.phone) and not self.do_not_call


def declared_fields() -> list[Declared]:
    """Every custom field that the destination needs."""
    choices = [{"value": value, "label": label} for value, label in _CONSENT_STATES.items()]
    return [
        Declared("Contact", POS_ID, "text", "Register customer"),
        Declared("Contact", CONSENT["email"], "dropdown", "E-mail marketing", choices),
        Declared("Contact", CONSENT["sms"], "dropdown", "Text message marketing", choices),
        *(Declared("Contact", key, kind, label) for key, (kind, label) in PROFILE.items()),
        Declared("Task", CUE_ID, "text", "Register cue"),
    ]


def body_of(contact: Contact, found: Found | None) -> dict[str, Any]:
    """What has to be sent so that BottleCRM holds a contact; empty if it does already.

    Consent only ever goes down here: a channel that the contact may not be reached on any more
    is closed in the same call that changes the address.

    Args:
        contact: The contact.
        found: What BottleCRM holds, or None if it is new.

    Returns:
        The body of POST or PATCH.
    """
    wanted = {**_names(contact, found), **_addresses(contact)}
    custom: dict[str, Any] = {POS_ID: contact.who.external_id}
    custom |= {key: None for key in contact.forget if key in PROFILE}
    custom |= {key: _json(contact.fields[key]) for key in PROFILE if key in contact.fields}
    if found is None:
        return {**wanted, "custom_fields": {k: v for k, v in custom.items() if v is not None}}
    for channel, key in CONSENT.items():
        if channel not in contact.channels and found.consent(channel) == SUBSCRIBED:
            custom[key] = WITHDRAWN
            if channel == "sms":
                wanted["do_not_call"] = True
    return changes(found, wanted, custom)


def changes(found: Found, wanted: Mapping[str, Any], custom: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a PATCH: only what differs from what BottleCRM holds."""
    body = {name: value for name, value in wanted.items() if getattr(found, name) != value}
    new = {key: value for key, value in custom.items() if found.custom.get(key) != value}
    return {**body, "custom_fields": new} if new else body


def missing(found: Found, body: Mapping[str, Any]) -> str | None:
    """The first field of a body that BottleCRM doesn't hold although it took the call."""
    for name, value in body.items():
        if name == "custom_fields":
            for key, part in value.items():
                if found.custom.get(key) != part:
                    return str(key)
        elif name == "tags":  # in an order of its own
            if set(found.tags) != set(value):
                return name
        elif (getattr(found, name) or None) != (value or None):
            return _canonical(name)
    return None


def fields_of(found: Found) -> dict[str, object]:
    """The canonical fields that BottleCRM holds of a contact."""
    fields: dict[str, object] = {
        "given_name": None if found.first_name == NO_FIRST_NAME else found.first_name,
        "email": found.email,
        "phone": found.phone_e164 or found.phone,
        **{key: _canonical_value(key, found.custom.get(key)) for key in PROFILE},
    }
    return {name: value for name, value in fields.items() if value}


def at_fault(errors: object) -> str:
    """Our name of the field that a 400 complains about, empty where it names none of ours."""
    if not isinstance(errors, dict):
        return ""
    for name, detail in errors.items():
        if name == "custom_fields":
            return next(iter(detail), "") if isinstance(detail, dict) else ""
        return _canonical(name)
    return ""


def _canonical(name: str) -> str:
    return {"first_name": "given_name", "title": "text", "due_date": "due_on"}.get(name, name)


def _names(contact: Contact, found: Found | None) -> dict[str, Any]:
    given = contact.fields.get("given_name")
    name = str(given).strip()[:_FIRST_NAME_SIZE] if given else ""
    if found is None:
        return {"first_name": name or NO_FIRST_NAME, "last_name": NO_LAST_NAME}
    if name or "given_name" in contact.forget:
        return {"first_name": name or NO_FIRST_NAME}
    return {}


def _addresses(contact: Contact) -> dict[str, Any]:
    """Addresses that may be used; those of a contact being blanked only say who it is."""
    if not contact.channels:
        return {}
    found = {"email": contact.who.email, "phone": contact.who.phone}
    return {name: value for name, value in found.items() if value}


def _json(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _canonical_value(key: str, value: Any) -> object:
    """A value as the canonical contact has it; BottleCRM makes every number a float."""
    kind = PROFILE[key][0]
    if value is None:
        return None
    if kind == "number":
        return int(value)
    return date.fromisoformat(value) if kind == "date" else value
