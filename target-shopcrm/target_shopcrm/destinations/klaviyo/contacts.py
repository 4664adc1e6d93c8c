"""Contacts as profiles: what is sent, what is cleared, and what an address change needs.

An address is sent only while its channel is permitted, because Klaviyo mails every profile with
an address that isn't suppressed.

An address that said no stays where it is, even when it is to be forgotten: the suppression is
a part of the profile, and the address the only thing that keeps the next importer from mailing
it. Erasing removes it too.

When a person's address changes, Klaviyo may carry the old one's opt-out over to the new one
(undocumented). The import therefore notes on the profile until when opt-outs concern the old
address, in the very call that changes it, so that `grants` can tell them apart after any crash.
"""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.klaviyo.account import Endpoint
from target_shopcrm.destinations.klaviyo.batches import Complaint, complaints_of
from target_shopcrm.destinations.klaviyo.imports import Imports
from target_shopcrm.destinations.klaviyo.profiles import ADDRESS_MOVED, in_utc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_shopcrm.destinations.items import Contact
    from target_shopcrm.destinations.klaviyo.account import Account, Json
    from target_shopcrm.destinations.klaviyo.profiles import Profile, Profiles

BUILT_IN = {"given_name": "first_name", "email": "email", "phone": "phone_number"}
"""Our fields that Klaviyo has a place of its own for; all others are custom properties."""
CHANGE = Endpoint("PATCH", "/api/profiles/{}", 75, 750, "profiles:write")
_CHANNELS = {"email": "email", "phone": "sms"}


class _Change(NamedTuple):
    """What has to be done about one contact.

    Attributes:
        entry: What is imported, None if nothing is.
        profile_id: The profile to clear built-in fields of.
        cleared: Those fields, by Klaviyo's names.
    """

    entry: Json | None
    profile_id: str | None = None
    cleared: tuple[str, ...] = ()


class Contacts:
    """Creating, changing and blanking profiles.

    Args:
        account: The account.
        profiles: Its profiles.
    """

    def __init__(self, account: Account, profiles: Profiles) -> None:
        self._account = account
        self._profiles = profiles
        self._imports = Imports(account)

    def upsert(self, contacts: Sequence[Contact]) -> list[Outcome]:
        """Create or change contacts; see `CrmDestination.upsert`."""
        changes = [
            _change(contact, profile)
            for contact, profile in zip(contacts, self._held(contacts), strict=True)
        ]
        imported = [position for position, change in enumerate(changes) if change.entry]
        outcomes = dict.fromkeys(range(len(contacts)), DONE)
        entries = [entry for change in changes if (entry := change.entry)]
        outcomes.update(zip(imported, self._imports.run(entries), strict=True))
        for position, change in enumerate(changes):
            if change.profile_id and change.cleared and outcomes[position] == DONE:
                outcomes[position] = self._clear(change.profile_id, change.cleared)
        return [outcomes[position] for position in range(len(contacts))]

    def _held(self, contacts: Sequence[Contact]) -> list[Profile | None]:
        """The profiles there are; those to be blanked are looked for by address as well."""
        ours = {
            profile.attributes.external_id: profile
            for profile in self._profiles.by(
                "external_id", [each.who.external_id for each in contacts]
            )
        }
        lost = [
            each.who for each in contacts if each.who.external_id not in ours and not each.channels
        ]
        for who, profile in zip(lost, self._profiles.of(lost), strict=True):
            if profile is not None and profile.attributes.external_id is None:
                ours[who.external_id] = profile
        return [ours.get(each.who.external_id) for each in contacts]

    def _clear(self, profile_id: str, names: Sequence[str]) -> Outcome:
        attributes = dict.fromkeys(names)
        profile = {"type": "profile", "id": profile_id, "attributes": attributes}
        answer = self._account.call(CHANGE, profile_id, json={"data": profile})
        if answer.ok or answer.status == 404:  # noqa: PLR2004 - gone, and its fields with it
            return DONE
        complaints = complaints_of(answer)
        if not complaints:
            raise self._account.api.unexpected("clearing a profile's fields", answer)
        refusal = next(iter(complaints), Complaint()).refusal
        return Outcome("refused", field=refusal.field, reason=refusal.code)


def _change(contact: Contact, profile: Profile | None) -> _Change:
    if not contact.channels:
        return _blanked(contact, profile)
    who = contact.who
    attributes: Json = {"external_id": who.external_id}
    if "email" in contact.channels and who.email:
        attributes["email"] = who.email
    if "sms" in contact.channels and who.phone:
        attributes["phone_number"] = who.phone
    if isinstance(name := contact.fields.get("given_name"), str):
        attributes["first_name"] = name
    properties = {
        name: as_klaviyo_writes(value)
        for name, value in contact.fields.items()
        if name not in BUILT_IN
    }
    if profile is not None and (moved_at := _moved_at(profile, attributes)):
        properties[ADDRESS_MOVED] = moved_at.isoformat()
    if properties:
        attributes["properties"] = properties
    entry = {"type": "profile", "attributes": attributes, **_unset(contact)}
    if profile is None:
        return _Change(entry)
    return _Change(entry, profile.id, _cleared(contact, profile, attributes))


def _blanked(contact: Contact, profile: Profile | None) -> _Change:
    """Forget what was told; a person without a profile gets none by that."""
    if profile is None:
        return _Change(None)
    unset = _unset(contact)
    entry = {"type": "profile", "id": profile.id, "attributes": {}, **unset} if unset else None
    return _Change(entry, profile.id, _cleared(contact, profile, {}))


def _unset(contact: Contact) -> Json:
    custom = sorted(contact.forget - BUILT_IN.keys())
    return {"meta": {"patch_properties": {"unset": custom}}} if custom else {}


def _cleared(contact: Contact, profile: Profile, sent: Mapping[str, object]) -> tuple[str, ...]:
    """The built-in fields to clear: an address only where nothing stops mail to it."""
    return tuple(
        BUILT_IN[name]
        for name in sorted(contact.forget & BUILT_IN.keys())
        if BUILT_IN[name] not in sent and not _keeps_a_no(profile, name)
    )


def _keeps_a_no(profile: Profile, name: str) -> bool:
    channel = _CHANNELS.get(name)
    if channel is None:
        return False
    permission = profile.permission(channel)
    if channel == "email":
        return not permission.can_receive
    return permission.consent == "UNSUBSCRIBED"


def _moved_at(profile: Profile, sent: Mapping[str, object]) -> datetime | None:
    """Up to when the profile's opt-outs concern an address that this import replaces."""
    times: list[datetime | None] = []
    for channel, place in (("email", "email"), ("sms", "phone_number")):
        held, new = profile.address(channel), sent.get(place)
        if held is None or new is None or held.casefold() == str(new).casefold():
            continue
        permission = profile.permission(channel)
        times += [in_utc(each.timestamp) for each in permission.opt_outs]
        if permission.consent == "UNSUBSCRIBED":
            times.append(permission.changed_at)
    return max((at for at in times if at is not None), default=None)


def as_klaviyo_writes(value: object) -> object:
    """A value as a custom property: Klaviyo takes ISO 8601 texts for dates.

    Args:
        value: A value of a canonical field.

    Returns:
        A JSON value.
    """
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value
