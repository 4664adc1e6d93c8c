"""Reading profiles: many in one call, by our id or by address, with their subscriptions."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import msgspec

from target_shopcrm.destinations.klaviyo.account import Endpoint, Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from target_shopcrm.destinations.items import Person
    from target_shopcrm.destinations.klaviyo.account import Account

PROFILES = Endpoint("GET", "/api/profiles", 75, 750, "profiles:read")

_PAGE = 100
_LONGEST_FILTER = 6_000
"""Bytes of a filter in a URL; servers commonly take 8 kB for the whole of it."""
_FIELDS = "email,phone_number,external_id,first_name,properties"
_PLACES = {"email": "email", "sms": "phone_number"}
ADDRESS_MOVED = "shopcrm_address_moved_at"
"""Custom property: opt-outs of this time and before concern an address the person has left."""


class Suppression(msgspec.Struct, frozen=True):
    """Klaviyo won't mail a profile."""

    reason: str
    timestamp: datetime


class _Email(msgspec.Struct, frozen=True):
    can_receive_email_marketing: bool
    consent: str
    last_updated: datetime | None = None
    suppression: list[Suppression] | None = None


class _Sms(msgspec.Struct, frozen=True):
    can_receive_sms_marketing: bool
    consent: str
    last_updated: datetime | None = None


class _EmailUses(msgspec.Struct, frozen=True):
    marketing: _Email | None = None


class _SmsUses(msgspec.Struct, frozen=True):
    marketing: _Sms | None = None


class _Subscriptions(msgspec.Struct, frozen=True):
    email: _EmailUses | None = None
    sms: _SmsUses | None = None


class _Attributes(msgspec.Struct, frozen=True):
    email: str | None = None
    phone_number: str | None = None
    external_id: str | None = None
    first_name: str | None = None
    properties: dict[str, Any] | None = None
    subscriptions: _Subscriptions | None = None


class Permission(NamedTuple):
    """What Klaviyo would do on a channel, and why.

    Attributes:
        can_receive: Whether it would write to the profile. Of e-mail that says nothing about
            consent: it is true of everybody who isn't suppressed.
        consent: ``SUBSCRIBED``, ``UNSUBSCRIBED``, ``NEVER_SUBSCRIBED``.
        opt_outs: Why it wouldn't, and since when.
        changed_at: When any of it last changed, UTC.
    """

    can_receive: bool = False
    consent: str = "NEVER_SUBSCRIBED"
    opt_outs: tuple[Suppression, ...] = ()
    changed_at: datetime | None = None


class Profile(msgspec.Struct, frozen=True):
    """A profile as Klaviyo holds it."""

    id: str
    attributes: _Attributes

    def address(self, channel: str) -> str | None:
        """The address it has for a channel."""
        found = self.attributes.email if channel == "email" else self.attributes.phone_number
        return found or None

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its custom properties."""
        return self.attributes.properties or {}

    def permission(self, channel: str) -> Permission:
        """What Klaviyo would do on a channel."""
        held = self.attributes.subscriptions or _Subscriptions()
        if channel == "email" and held.email and held.email.marketing:
            email = held.email.marketing
            return Permission(
                email.can_receive_email_marketing,
                email.consent,
                tuple(email.suppression or ()),
                in_utc(email.last_updated),
            )
        if channel == "sms" and held.sms and held.sms.marketing:
            sms = held.sms.marketing
            changed_at = in_utc(sms.last_updated)
            return Permission(sms.can_receive_sms_marketing, sms.consent, (), changed_at)
        return Permission()


class ProfilePage(Page, frozen=True, kw_only=True):
    """Some profiles."""

    data: list[Profile]


class Profiles:
    """The profiles of an account, for reading.

    Args:
        account: The account.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def by(self, place: str, values: Iterable[str]) -> list[Profile]:
        """Read the profiles that have any of some values.

        Args:
            place: ``id``, ``external_id``, ``email`` or ``phone_number``.
            values: The values.

        Returns:
            The profiles, each once.
        """
        found: dict[str, Profile] = {}
        for filtered in any_of(place, values):
            params = {
                "filter": filtered,
                "additional-fields[profile]": "subscriptions",
                "fields[profile]": f"{_FIELDS},subscriptions",
                "page[size]": str(_PAGE),
            }
            for page in self._account.pages(PROFILES, ProfilePage, params=params):
                found.update({profile.id: profile for profile in page.data})
        return list(found.values())

    def at(self, addresses: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Profile]:
        """Read the profiles with some addresses.

        Args:
            addresses: (channel, address) pairs.

        Returns:
            The profile of each pair there is one for.
        """
        wanted = sorted(set(addresses))
        found = {}
        for channel, place in _PLACES.items():
            values = [address for name, address in wanted if name == channel]
            for profile in self.by(place, values):
                found[channel, (profile.address(channel) or "").casefold()] = profile
        return {
            (channel, address): found[channel, address.casefold()]
            for channel, address in wanted
            if (channel, address.casefold()) in found
        }

    def of(self, people: Sequence[Person]) -> list[Profile | None]:
        """Find the profile of each person: by our id, and where that fails by an address."""
        by_our_id = {
            profile.attributes.external_id: profile
            for profile in self.by("external_id", our_ids(people))
        }
        found = [by_our_id.get(who.external_id) if who.contact_id else None for who in people]
        missing = [who for who, profile in zip(people, found, strict=True) if profile is None]
        at = self.at(pair for who in missing for pair in pairs_of(who))
        return [
            profile or next((at[pair] for pair in pairs_of(who) if pair in at), None)
            for who, profile in zip(people, found, strict=True)
        ]


def our_ids(people: Iterable[Person]) -> list[str]:
    """Our ids of people; an address that nobody was delivered with has none."""
    return [who.external_id for who in people if who.contact_id]


def pairs_of(who: Person) -> Iterator[tuple[str, str]]:
    """The (channel, address) pairs that a person can be found by."""
    if who.email:
        yield "email", who.email
    if who.phone:
        yield "sms", who.phone


def any_of(place: str, values: Iterable[str]) -> Iterator[str]:
    """Write filters that together match any of some values; Klaviyo pages 100 at a time."""
    part: list[str] = []
    length = 0
    for value in dict.fromkeys(values):
        text = msgspec.json.encode(value).decode()
        size = len(quote(text)) + 3
        if part and (len(part) == _PAGE or length + size > _LONGEST_FILTER):
            yield f"any({place},[{','.join(part)}])"
            part, length = [], 0
        part.append(text)
        length += size
    if part:
        yield f"any({place},[{','.join(part)}])"


def in_utc(moment: datetime | None) -> datetime | None:
    """Klaviyo's times; one without an offset is UTC."""
    if moment is None:
        return None
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment
