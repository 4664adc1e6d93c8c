"""Which properties hold what, in HubSpot's words, and how they come to be there."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from target_shopcrm.destinations.hubspot.account import CONFLICT, MULTI_STATUS, OK, results_of
from target_shopcrm.errors import CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_shopcrm.destinations.hubspot.account import Account

CUSTOMER_ID = "pos_customer_id"
ORDER_ID = "pos_order_id"
CUE_ID = "pos_cue_id"
_GROUP, _GROUP_LABEL = "shopcrm", "Shop register"
_PATH = "/crm/properties/2026-03"


class Property(NamedTuple):
    """A property we create.

    Attributes:
        name: HubSpot's internal name.
        label: What people see.
        type: ``string``, ``number``, ``date`` or ``datetime``.
        is_key: Whether no two objects may have the same value; this can't be changed later.
    """

    name: str
    label: str
    type: str = "string"
    is_key: bool = False


CONTACT = (
    Property(CUSTOMER_ID, "Register: customer", is_key=True),
    Property("pos_segment", "Register: segment"),
    Property("pos_last_visit_on", "Register: last visit", "date"),
    Property("pos_visits", "Register: visits", "number"),
    Property("pos_favourite_category", "Register: favourite category"),
    Property("pos_journey", "Register: journey"),
    Property("pos_journey_due_on", "Register: journey due on", "date"),
)
ORDER = (
    Property(ORDER_ID, "Register: order", is_key=True),
    Property("pos_net", "Register: total without tax", "number"),
    Property("pos_lines", "Register: what was bought"),
)
TASK = (Property(CUE_ID, "Register: cue", is_key=True),)

NAMES: Mapping[str, str] = {
    "given_name": "firstname",
    "email": "email",
    "phone": "phone",
    "segment": "pos_segment",
    "last_visit_on": "pos_last_visit_on",
    "visits": "pos_visits",
    "favourite_category": "pos_favourite_category",
    "journey": "pos_journey",
    "journey_due_on": "pos_journey_due_on",
}
"""HubSpot's property for each field of the canonical contact."""

FIELDS: Mapping[str, str] = {name: field for field, name in NAMES.items()}

TRIGGERING = frozenset(
    {"segment", "last_visit_on", "visits", "favourite_category", "journey", "journey_due_on"}
)
"""The fields a workflow would be built on; nobody has them who may not be written to."""


class Properties:
    """The properties of one type of object.

    Args:
        account: Where.
        object_type: ``contacts``, ``orders`` or ``tasks``.
        wanted: What must be there.
        scope: The permissions it takes, for the message.
    """

    def __init__(
        self, account: Account, object_type: str, wanted: Sequence[Property], scope: str
    ) -> None:
        self._account = account
        self._path = f"{_PATH}/{object_type}"
        self._object_type = object_type
        self._wanted = wanted
        self._scope = scope
        self._found: dict[str, bool] | None = None

    @property
    def names(self) -> frozenset[str]:
        """The names of all properties there are, HubSpot's own included; asked once a run."""
        if self._found is None:
            self._found = self._read()
        return frozenset(self._found)

    def declare(self) -> None:
        """Create what isn't there yet.

        Raises:
            CrmSetupError: If that fails, or if a property of that name is in the way.
        """
        if self._missing():
            self._create(self._missing())
            self._found = self._read()
        for each in self._wanted:
            if each.name not in self.names:
                raise CrmSetupError(
                    f"HubSpot did not create the property {each.name} of {self._object_type}:"
                    f" create it by hand ({each.type}{', unique' if each.is_key else ''}), or free"
                    " one of the account's unique properties, then run again."
                )
            if each.is_key and not (self._found or {})[each.name]:
                raise CrmSetupError(
                    f"HubSpot's property {each.name} of {self._object_type} exists but does not"
                    " require unique values, which can't be changed later: delete or rename it,"
                    " then run again."
                )

    def _missing(self) -> list[Property]:
        return [each for each in self._wanted if each.name not in self.names]

    def _read(self) -> dict[str, bool]:
        answer = self._account.call("GET", self._path, scope=self._scope)
        if answer.status not in OK:
            raise self._account.unexpected(f"reading the properties of {self._object_type}", answer)
        return {
            str(each["name"]): each.get("hasUniqueValue") is True for each in results_of(answer)
        }

    def _create(self, properties: Sequence[Property]) -> None:
        """Ask for properties; what the answer is worth is seen by reading them back."""
        group = {"name": _GROUP, "label": _GROUP_LABEL}
        answer = self._account.call("POST", f"{self._path}/groups", group, scope=self._scope)
        if answer.status not in {*OK, CONFLICT}:
            raise self._account.unexpected("creating a group of properties", answer)
        inputs = [_definition(each) for each in properties]
        answer = self._account.call(
            "POST", f"{self._path}/batch/create", {"inputs": inputs}, scope=self._scope
        )
        if answer.status not in {*OK, MULTI_STATUS, CONFLICT}:
            raise CrmSetupError(
                f"HubSpot refused to create properties of {self._object_type} with"
                f" {answer.status}: create {', '.join(each.name for each in properties)} by hand,"
                " as HubSpot's page in docs/crms lists them, then run again."
            )


def text_of(value: object) -> str:
    """A value as HubSpot takes it: dates as days, times in UTC, nothing as an empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def fields_of(properties: Mapping[str, str]) -> dict[str, object]:
    """The canonical fields in what HubSpot holds; dates are texts, visits are a number."""
    fields: dict[str, object] = {
        FIELDS[name]: value for name, value in properties.items() if name in FIELDS
    }
    visits = properties.get("pos_visits", "")
    if visits.isdecimal():
        fields["visits"] = int(visits)
    return fields


def _definition(wanted: Property) -> dict[str, object]:
    shown = {"string": "text", "number": "number"}.get(wanted.type, "date")
    return {
        "name": wanted.name,
        "label": wanted.label,
        "groupName": _GROUP,
        "type": wanted.type,
        "fieldType": shown,
        "hasUniqueValue": wanted.is_key,
        "formField": False,
    }
