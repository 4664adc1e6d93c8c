"""Merge fields: how Mailchimp stores what a contact knows, beyond the e-mail address.

A tag has 10 characters at most and is what a campaign writes as ``*|FAVOURITE|*``. The phone
number has a field of its own: the default ``PHONE`` may insist on the US format. Two fields are
ours: whose member it is, and whether it was us who unsubscribed it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from target_shopcrm.destinations.http import UncertainError
from target_shopcrm.errors import CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_shopcrm.destinations.items import Fields
    from target_shopcrm.destinations.mailchimp.account import Account

OWNER = "SHOPCRMID"
"""The `Person.external_id` of whoever wrote the member last."""
WITHDRAWN = "SHOPOFF"
"""Not empty while a member is unsubscribed because we withdrew it, not because the person did."""
BY_US = "withdrawn"


class MergeField(NamedTuple):
    """One field of the audience.

    Attributes:
        name: The canonical contact's field; empty for our own bookkeeping.
        tag: The merge tag.
        kind: Mailchimp's type.
        label: What the owner sees.
    """

    name: str
    tag: str
    kind: str
    label: str


MERGE_FIELDS = (
    MergeField("given_name", "FNAME", "text", "First Name"),
    MergeField("phone", "SHOPPHONE", "text", "Phone (E.164)"),
    MergeField("segment", "SEGMENT", "text", "Segment"),
    MergeField("last_visit_on", "LASTVISIT", "date", "Last visit"),
    MergeField("visits", "VISITS", "number", "Visits"),
    MergeField("favourite_category", "FAVOURITE", "text", "Favourite category"),
    MergeField("journey", "JOURNEY", "text", "Journey"),
    MergeField("journey_due_on", "JOURNEYDUE", "date", "Journey due on"),
    MergeField("", OWNER, "text", "ShopCRM id"),
    MergeField("", WITHDRAWN, "text", "Withdrawn by ShopCRM"),
)
_BY_NAME = {each.name: each for each in MERGE_FIELDS if each.name}
_BY_TAG = {each.tag: each for each in MERGE_FIELDS}
FIELDS = frozenset({"email", *_BY_NAME})
"""The canonical fields that have a place; `email` is the member itself."""


class _Declared(Struct, frozen=True):
    tag: str
    type: str


class _MergeFields(Struct, frozen=True):
    merge_fields: list[_Declared]


def name_of(tag: str) -> str:
    """Find our name of a merge tag; empty if it isn't one of ours."""
    found = _BY_TAG.get(tag)
    return found.name if found else ""


def to_merge(fields: Fields, forget: Iterable[str]) -> dict[str, object]:
    """Write a contact's fields as Mailchimp wants them.

    Args:
        fields: By canonical names.
        forget: Names to blank; an empty text is how a merge field is blanked, null changes
            nothing.

    Returns:
        Values by merge tag.
    """
    blank = {_BY_NAME[name].tag: "" for name in forget if name in _BY_NAME}
    told = {_BY_NAME[name].tag: _value(value) for name, value in fields.items() if name in _BY_NAME}
    return {**blank, **told}


def all_blank() -> dict[str, object]:
    """Blank everything that we may have written, except who withdrew the member."""
    return {each.tag: "" for each in MERGE_FIELDS if each.tag != WITHDRAWN}


def from_merge(values: Mapping[str, object]) -> Fields:
    """Read merge values back, without the empty ones.

    Args:
        values: By merge tag, as Mailchimp sends them.

    Returns:
        The contact's fields by canonical names.
    """
    return {
        each.name: _read(each, values[each.tag])
        for each in MERGE_FIELDS
        if each.name and values.get(each.tag) not in (None, "")
    }


def declare(account: Account) -> None:
    """Make sure that the audience has all merge fields: one call if it has.

    Args:
        account: The account.

    Raises:
        CrmSetupError: If the audience doesn't exist, has no room for the fields, or has one of
            the same tag and another type.
    """
    known = _known(account)
    missing = [each for each in MERGE_FIELDS if each.tag not in known]
    for each in missing:
        with suppress(UncertainError):  # the reading below tells
            account.call(
                "POST",
                f"{account.audience}/merge-fields",
                json={
                    "tag": each.tag,
                    "name": each.label,
                    "type": each.kind,
                    "required": False,
                    "public": False,  # or it would appear on the sign-up form
                },
                repeatable=False,  # the tag may be altered if it exists already
            )
    if missing:
        known = _known(account)
    for each in MERGE_FIELDS:
        if each.tag not in known:
            raise CrmSetupError(
                f"Mailchimp has no merge field {each.tag} and didn't let it be added; delete"
                " fields of the audience that nobody needs, then run again."
            )
        if known[each.tag] != each.kind:
            raise CrmSetupError(
                f"Mailchimp's merge field {each.tag} has the type {known[each.tag]}, but needs"
                f" {each.kind}: give that field another tag in the audience, then run again."
            )


def _known(account: Account) -> dict[str, str]:
    found = account.read(
        f"{account.audience}/merge-fields",
        _MergeFields,
        {"count": "1000", "fields": "merge_fields.tag,merge_fields.type"},
        missing="Mailchimp has no audience with this audience_id: look it up under Audience,"
        " Settings, Audience ID, then run again.",
    )
    return {each.tag: each.type for each in found.merge_fields}


def _value(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    return str(value)


def _read(field: MergeField, value: object) -> object:
    if field.kind == "date" and isinstance(value, str):
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            return value  # the owner typed something; it will show as a difference
    if field.kind == "number" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value
