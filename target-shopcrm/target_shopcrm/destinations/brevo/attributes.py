"""What Brevo calls the fields of a contact, and how it writes their values.

``FIRSTNAME`` is Brevo's own; the others carry ``SHOP_`` so that they never meet an attribute
that the shop owner made for something else. ``EMAIL``, ``SMS`` and ``EXT_ID`` are built in.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from target_shopcrm.errors import CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_shopcrm.destinations.brevo.api import BrevoApi
    from target_shopcrm.destinations.items import Fields

EMAIL, SMS, EXT_ID = "EMAIL", "SMS", "EXT_ID"
_TEXT, _DATE, _FLOAT = "text", "date", "float"
_CREATED, _BAD_REQUEST = (201, 204), 400


class Attribute(NamedTuple):
    """An attribute of Brevo.

    Attributes:
        name: In capital letters, as Brevo wants it.
        type: ``text``, ``date`` or ``float``.
    """

    name: str
    type: str


ATTRIBUTES: Mapping[str, Attribute] = {
    "given_name": Attribute("FIRSTNAME", _TEXT),
    "segment": Attribute("SHOP_SEGMENT", _TEXT),
    "last_visit_on": Attribute("SHOP_LAST_VISIT_ON", _DATE),
    "visits": Attribute("SHOP_VISITS", _FLOAT),
    "favourite_category": Attribute("SHOP_FAVOURITE_CATEGORY", _TEXT),
    "journey": Attribute("SHOP_JOURNEY", _TEXT),
    "journey_due_on": Attribute("SHOP_JOURNEY_DUE_ON", _DATE),
}
"""The attribute of each field of the canonical contact; addresses are told apart from these."""

FIELDS = frozenset({*ATTRIBUTES, "email", "phone"})


def written(fields: Fields) -> dict[str, object]:
    """Fields as Brevo's attributes.

    Args:
        fields: By the names of the canonical contact; what has no attribute is left out.

    Returns:
        Attributes with a value.
    """
    return {
        ATTRIBUTES[name].name: value.isoformat() if isinstance(value, date) else value
        for name, value in fields.items()
        if name in ATTRIBUTES and value is not None
    }


def emptied(names: Iterable[str]) -> dict[str, object]:
    """Attributes without a value, which makes an update (never an import) forget them."""
    return {ATTRIBUTES[name].name: "" for name in sorted(names) if name in ATTRIBUTES}


def read(attributes: Mapping[str, Any]) -> Fields:
    """Brevo's attributes as fields of the canonical contact.

    Args:
        attributes: As Brevo answers them; a date may come with a time of day.

    Returns:
        The fields that have a value: dates as `date`, visits as a whole number.
    """
    found: Fields = {}
    for name, (attribute, type_) in ATTRIBUTES.items():
        value = attributes.get(attribute)
        if value is None or value == "":
            continue
        found[name] = _value(value, type_)
    return found


def differing(wanted: Fields, forget: Iterable[str], held: Fields) -> list[str]:
    """The fields that Brevo doesn't hold as it was told.

    Args:
        wanted: What it was told.
        forget: What it was told to forget.
        held: What it holds, as `read` gives it.

    Returns:
        Their names, in order.
    """
    missing = {
        name
        for name, value in wanted.items()
        if name in ATTRIBUTES and value is not None and held.get(name) != _comparable(value)
    }
    kept = {name for name in forget if name in ATTRIBUTES and name in held}
    return sorted(missing | kept)


def declare(api: BrevoApi) -> None:
    """Make sure that every attribute exists with its type: one call if they do.

    Args:
        api: The account.

    Raises:
        CrmSetupError: If the shop has an attribute of that name with another type.
    """
    existing = _existing(api)
    missing = [each for each in ATTRIBUTES.values() if each.name not in existing]
    for each in missing:
        path = f"/contacts/attributes/normal/{each.name}"
        answer = api.call("POST", path, json={"type": each.type})
        if answer.status not in _CREATED and answer.status != _BAD_REQUEST:
            raise api.unexpected("creating an attribute", answer)
    if missing:  # a repeated call is told that the attribute exists: look instead of believing
        existing = _existing(api)
    for each in ATTRIBUTES.values():
        if existing.get(each.name) != each.type:
            raise CrmSetupError(
                f"Brevo's contact attribute {each.name} should be of type {each.type}, and is"
                f" {existing.get(each.name) or 'missing'}: rename it or create it under"
                " Contacts > Settings > Contact attributes, then run again."
            )


def _existing(api: BrevoApi) -> dict[str, str]:
    answer = api.call("GET", "/contacts/attributes")
    rows = api.body(answer, "listing the attributes", 200).get("attributes")
    if not isinstance(rows, list):
        raise api.unexpected("listing the attributes", answer)
    return {
        str(row.get("name", "")).upper(): str(row.get("type") or row.get("category"))
        for row in rows
        if isinstance(row, dict)
    }


def _value(value: Any, type_: str) -> object:
    if type_ == _DATE and isinstance(value, str):
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            return value
    if type_ == _FLOAT:
        try:
            number = float(value)
        except (TypeError, ValueError):
            return value
        return int(number) if number.is_integer() else number
    return value.strip() if isinstance(value, str) else value


def _comparable(value: object) -> object:
    return value.strip() if isinstance(value, str) else value
