"""Customer profiles: what Square knows about a person, and how that changes over time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from practice_register.rows import CustomerRow
from practice_register.shop.people import written_phone
from practice_register.shop.premises import CLUB_TERMS, SMS_MARKETING
from practice_register.timeline import rfc3339

if TYPE_CHECKING:
    from random import Random

    from practice_register.archive import BlobWriter
    from practice_register.shop.people import Person


@dataclass(frozen=True)
class Attribute:
    """A custom attribute of a profile; `updated` is when the person said so."""

    key: str
    value: str | bool
    version: int
    created: int
    updated: int


@dataclass(frozen=True)
class Profile:
    """One state of a customer profile."""

    id: str
    created: int
    source: str
    updated: int
    version: int = 0
    given_name: str | None = None
    family_name: str | None = None
    email: str | None = None
    digits: str | None = None
    phone_style: int = 0
    birthday: str | None = None
    address: dict[str, str] | None = None
    reference: str | None = None
    note: str | None = None
    groups: tuple[str, ...] = ()
    unsubscribed: bool = False
    attributes: tuple[Attribute, ...] = ()

    def changed(self, at: int, **fields: Any) -> Profile:
        """The next state: some fields differ, `updated_at` and the version move on."""
        return replace(self, updated=at, version=self.version + 1, **fields)

    def attribute(self, key: str) -> Attribute | None:
        """The attribute with that key, if the profile has it."""
        return next((each for each in self.attributes if each.key == key), None)

    def with_attribute(self, key: str, value: str | bool, at: int) -> Profile:  # noqa: FBT001 - the attribute's value
        """The next state, in which an attribute was set or changed."""
        old = self.attribute(key)
        new = Attribute(key, value, 1, at, at)
        if old is not None:
            new = replace(old, value=value, version=old.version + 1, updated=at)
        others = tuple(each for each in self.attributes if each.key != key)
        attributes = tuple(sorted((*others, new), key=lambda each: each.key))
        return self.changed(at, attributes=attributes)

    def listed(self) -> bool:
        """Whether Square's search shows the profile: only those with public information."""
        return bool(self.given_name or self.family_name or self.email or self.digits)


def first_profile(
    person: Person, profile: str, created: int, rng: Random, groups: tuple[str, str]
) -> Profile:
    """A new profile with everything the person gave away on the first day.

    `groups` are the ids of the newsletter group and of the group without meaning.
    """
    newsletter, friends = groups
    draws = [rng.random() for _ in range(8)]
    attributes: list[Attribute] = []
    if draws[0] < 0.81:  # noqa: PLR2004 - 75 % accept the club's terms, 6 % refuse
        attributes.append(Attribute(CLUB_TERMS, draws[0] < 0.75, 1, created, created))  # noqa: PLR2004 - see above
    if draws[1] < 0.42:  # noqa: PLR2004 - 35 % want text messages, 7 % say no
        wish = "yes" if draws[1] < 0.35 else "no"  # noqa: PLR2004 - see above
        attributes.append(Attribute(SMS_MARKETING, wish, 1, created, created))
    member = (newsletter,) if draws[2] < 0.55 else ()  # noqa: PLR2004 - 55 % take the newsletter
    friend = (friends,) if draws[3] < 0.1 else ()  # noqa: PLR2004 - 10 % are friends of the shop
    return Profile(
        id=profile,
        created=created,
        updated=created,
        source=rng.choice(["DIRECTORY", "LOYALTY", "THIRD_PARTY", "EMAIL_COLLECTION", "IMPORT"]),
        given_name=person.given_name,
        family_name=person.family_name if draws[4] < 0.96 else None,  # noqa: PLR2004 - few first names only
        email=person.email if draws[5] < 0.88 else None,  # noqa: PLR2004 - 12 % give no address
        digits=person.digits if draws[6] < 0.86 else None,  # noqa: PLR2004 - 14 % give no number
        phone_style=rng.randrange(7),
        birthday=person.birthday,
        address=person.address,
        reference=f"HH-{rng.randrange(10_000, 100_000)}" if draws[7] < 0.3 else None,  # noqa: PLR2004 - some
        note=person.note,
        groups=member + friend,
        unsubscribed=rng.random() < 0.08,  # noqa: PLR2004 - 8 % have unsubscribed at some seller
        attributes=tuple(attributes),
    )


def second_profile(first: Profile, person: Person, profile: str, at: int, rng: Random) -> Profile:
    """The same person once more: the address in other letters, or the number in another form."""
    by_email = rng.random() < 0.5  # noqa: PLR2004 - either way
    return Profile(
        id=profile,
        created=at,
        updated=at,
        source="DIRECTORY" if by_email else "LOYALTY",
        given_name=person.given_name,
        family_name=person.family_name,
        email=person.email.upper() if by_email else None,
        digits=None if by_email else person.digits,
        phone_style=first.phone_style + 1 + rng.randrange(5),
        groups=first.groups[:1] if rng.random() < 0.3 else (),  # noqa: PLR2004 - mostly not asked again
    )


def merged_profile(first: Profile, second: Profile, profile: str, at: int) -> Profile:
    """What Square makes of two profiles: a third one with the properties of both."""
    attributes: dict[str, Attribute] = {}
    for attribute in sorted((*first.attributes, *second.attributes), key=lambda a: a.updated):
        attributes[attribute.key] = attribute
    return Profile(
        id=profile,
        created=at,
        updated=at,
        source="MERGE",
        given_name=first.given_name or second.given_name,
        family_name=first.family_name or second.family_name,
        email=first.email or second.email,
        digits=first.digits or second.digits,
        phone_style=first.phone_style,
        birthday=first.birthday,
        address=first.address,
        reference=first.reference,
        note=first.note,
        groups=tuple(dict.fromkeys((*first.groups, *second.groups))),
        unsubscribed=first.unsubscribed or second.unsubscribed,
        attributes=tuple(attributes[key] for key in sorted(attributes)),
    )


def customer_document(profile: Profile) -> dict[str, Any]:
    """The profile as Square writes it; what is not known is absent."""
    phone = written_phone(profile.digits, profile.phone_style) if profile.digits else None
    document = {
        "id": profile.id,
        "created_at": rfc3339(profile.created),
        "updated_at": rfc3339(profile.updated),
        "given_name": profile.given_name,
        "family_name": profile.family_name,
        "email_address": profile.email,
        "address": profile.address,
        "phone_number": phone,
        "birthday": profile.birthday,
        "reference_id": profile.reference,
        "note": profile.note,
        "preferences": {"email_unsubscribed": profile.unsubscribed},
        "creation_source": profile.source,
        "group_ids": list(profile.groups) or None,
        "version": profile.version,
    }
    return {key: value for key, value in document.items() if value is not None}


def write_profile(blob: BlobWriter, profile: Profile) -> CustomerRow:
    """Write one state of a profile with its custom attributes and return its row."""
    offset, length = blob.add(msgspec.json.encode(customer_document(profile)))
    attributes = [
        {
            "key": attribute.key,
            "value": attribute.value,
            "version": attribute.version,
            "visibility": "VISIBILITY_READ_WRITE_VALUES",
            "created_at": rfc3339(attribute.created),
            "updated_at": rfc3339(attribute.updated),
        }
        for attribute in profile.attributes
    ]
    attributes_offset, attributes_length = blob.add(msgspec.json.encode(attributes))
    return CustomerRow(
        id=profile.id,
        since=profile.updated,
        offset=offset,
        length=length,
        created=profile.created,
        updated=profile.updated,
        gone=False,
        attributes_offset=attributes_offset,
        attributes_length=attributes_length,
        searchable=profile.listed(),
        sort_name=f"{profile.given_name or ''} {profile.family_name or ''}".strip().casefold(),
        email=(profile.email or "").lower(),
        phone=f"+1{profile.digits}" if profile.digits else "",
        reference=(profile.reference or "").lower(),
        source=profile.source,
        groups=list(profile.groups),
    )


def farewell(row: CustomerRow, at: int) -> CustomerRow:
    """The row that ends a profile: it vanishes from search without a trace."""
    return msgspec.structs.replace(row, since=at, updated=at, gone=True)
