"""Objects in batches: one bad input never costs another, whatever the account makes of it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from target_shopcrm.destinations.crm import Outcome
from target_shopcrm.destinations.hubspot.account import (
    BAD_REQUEST,
    CONFLICT,
    MULTI_STATUS,
    NOT_FOUND,
    OK,
    PER_CALL,
    codes_of,
    errors_of,
    parts,
    results_of,
)
from target_shopcrm.errors import CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from target_shopcrm.destinations.http import Answer
    from target_shopcrm.destinations.hubspot.account import Account

OBJECTS = "/crm/objects/2026-03"
PER_CALL_WITH_HISTORY = 50
"""Fewer objects fit into a call that asks for the history of properties, too."""
_WHOLE_BATCH = {BAD_REQUEST, NOT_FOUND, CONFLICT}
_NO_PROPERTY = "PROPERTY_DOESNT_EXIST"
_NOT_THERE = "OBJECT_NOT_FOUND"


class Input(NamedTuple):
    """One object to write.

    Attributes:
        key: The value of the unique property, or the record id.
        properties: By HubSpot's names; an empty text clears one.
    """

    key: str
    properties: Mapping[str, str]


class Record(NamedTuple):
    """One object as HubSpot holds it.

    Attributes:
        id: The record id; a merge changes it, so it is worth nothing later on.
        properties: By HubSpot's names, without the empty ones.
        history: For the properties whose history was asked for: what it says, newest first.
    """

    id: str
    properties: Mapping[str, str]
    history: Mapping[str, Sequence[Mapping[str, Any]]]


class Batches:
    """Reading and writing of one type of object.

    Args:
        account: Where.
        object_type: ``contacts``, ``orders`` or ``tasks``.
        scope: The permissions without their ending, such as ``crm.objects.contacts``.
    """

    def __init__(self, account: Account, object_type: str, scope: str) -> None:
        self._account = account
        self._object_type = object_type
        self._scope = scope

    def upsert(self, id_property: str, inputs: Sequence[Input]) -> list[Outcome]:
        """Create or change objects by a unique property; never by `email`.

        Returns:
            One outcome for each input; `field` is HubSpot's name of the property at fault.
        """
        return self._write("upsert", {"idProperty": id_property}, inputs)

    def update(self, inputs: Sequence[Input]) -> list[Outcome]:
        """Change objects by record ids that were read a moment ago."""
        return self._write("update", {}, inputs)

    def read(
        self,
        keys: Iterable[str],
        id_property: str | None,
        properties: Iterable[str] = (),
        history: Collection[str] = (),
    ) -> list[Record]:
        """Read those objects that exist.

        Args:
            keys: Values of the unique property.
            id_property: Its name, or None for record ids.
            properties: What to read, beside the unique property.
            history: What to read the history of.

        Returns:
            The objects, in no order.
        """
        wanted = list(dict.fromkeys(keys))
        shape: dict[str, object] = {
            "properties": sorted({*properties, *([id_property] if id_property else [])}),
            "propertiesWithHistory": sorted(history),
        }
        if id_property:
            shape["idProperty"] = id_property
        found: list[Record] = []
        for part in parts(len(wanted), PER_CALL_WITH_HISTORY if history else PER_CALL):
            found += self._read(wanted[part.start : part.stop], shape)
        return found

    def _read(self, keys: Sequence[str], shape: Mapping[str, object]) -> list[Record]:
        path = f"{OBJECTS}/{self._object_type}/batch/read"
        body = {**shape, "inputs": [{"id": key} for key in keys]}
        answer = self._account.call("POST", path, body, scope=f"{self._scope}.read")
        if answer.status in OK:
            return [_record(each) for each in results_of(answer)]
        if answer.status == MULTI_STATUS:
            if all(_NOT_THERE in codes_of(error) for error in errors_of(answer)):
                return [_record(each) for each in results_of(answer)]
        elif answer.status == NOT_FOUND and _NOT_THERE in codes_of(answer.body):
            return []
        elif answer.status == BAD_REQUEST and len(keys) > 1:
            half = len(keys) // 2
            return self._read(keys[:half], shape) + self._read(keys[half:], shape)
        elif answer.status == BAD_REQUEST and shape.get("idProperty") == "email":
            return []  # what HubSpot doesn't take for an address, it can't hold either
        raise self._account.unexpected(f"reading {self._object_type}", answer)

    def _write(self, verb: str, extra: Mapping[str, str], inputs: Sequence[Input]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for part in parts(len(inputs)):
            outcomes += self._write_part(verb, extra, inputs[part.start : part.stop])
        return outcomes

    def _write_part(
        self, verb: str, extra: Mapping[str, str], inputs: Sequence[Input]
    ) -> list[Outcome]:
        """Write what fits into a call; what its answer leaves open is written in smaller parts."""
        traces = [uuid.uuid4().hex for _ in inputs]
        body = [
            {"id": each.key, "properties": each.properties, "objectWriteTraceId": trace, **extra}
            for each, trace in zip(inputs, traces, strict=True)
        ]
        path = f"{OBJECTS}/{self._object_type}/batch/{verb}"
        answer = self._account.call("POST", path, {"inputs": body}, scope=f"{self._scope}.write")
        if answer.status not in {*OK, MULTI_STATUS, *_WHOLE_BATCH}:
            raise self._account.unexpected(f"writing {self._object_type}", answer)
        self._refuse_missing_property(answer)
        found = _matched(inputs, traces, answer, extra.get("idProperty"))
        left = [position for position, outcome in enumerate(found) if outcome is None]
        if left and len(inputs) == 1:
            return [self._refusal_of_one(answer)]
        if len(left) == len(inputs):
            half = len(inputs) // 2
            return [
                *self._write_part(verb, extra, inputs[:half]),
                *self._write_part(verb, extra, inputs[half:]),
            ]
        again = iter(self._write_part(verb, extra, [inputs[at] for at in left]) if left else ())
        return [outcome if outcome is not None else next(again) for outcome in found]

    def _refusal_of_one(self, answer: Answer) -> Outcome:
        for error in (*errors_of(answer), answer.body):
            if codes_of(error):
                return _refusal(error)
        raise self._account.unexpected(f"writing one of {self._object_type}", answer)

    def _refuse_missing_property(self, answer: Answer) -> None:
        if any(_NO_PROPERTY in codes_of(each) for each in (answer.body, *errors_of(answer))):
            raise CrmSetupError(
                f"HubSpot lacks a property of {self._object_type} that was there when the run"
                " began, so somebody is deleting properties named pos_…: run again, and they are"
                " created anew."
            )


def by_property(records: Iterable[Record], name: str) -> dict[str, Record]:
    """Index records by a unique property; HubSpot writes e-mail addresses in lower case."""
    return {value: record for record in records if (value := record.properties.get(name))}


def _matched(
    inputs: Sequence[Input], traces: Sequence[str], answer: Answer, id_property: str | None
) -> list[Outcome | None]:
    """What an answer says of each input, None where it says nothing."""
    found: dict[str, Outcome] = {}
    by_key = {each.key: trace for each, trace in zip(inputs, traces, strict=True)}
    for result in results_of(answer):
        identifier = str(result.get("id", ""))
        properties = result.get("properties") or {}
        key = properties.get(id_property) if id_property else identifier
        trace = result.get("objectWriteTraceId") or by_key.get(str(key), "")
        found[str(trace)] = Outcome("done", remote_id=identifier)
    for error in errors_of(answer) if answer.status == MULTI_STATUS else ():
        context = error.get("context") or {}
        for trace in _texts(context.get("objectWriteTraceId")):
            found[trace] = _refusal(error)
    return [found.get(trace) for trace in traces]


def _refusal(error: object) -> Outcome:
    codes = codes_of(error)
    return Outcome("refused", field=_property_of(error), reason=codes[0] if codes else "REFUSED")


def _property_of(error: object) -> str:
    """The property at fault, where HubSpot names one."""
    if not isinstance(error, dict):
        return ""
    for each in (*(error.get("errors") or ()), error):
        context = (each.get("context") if isinstance(each, dict) else None) or {}
        for name in _texts(context.get("propertyName")):
            return name
    return ""


def _texts(value: object) -> Collection[str]:
    if isinstance(value, str):
        return [value]
    return [str(each) for each in value] if isinstance(value, list) else []


def _record(found: Mapping[str, Any]) -> Record:
    properties = found.get("properties") or {}
    return Record(
        str(found.get("id", "")),
        {name: str(value) for name, value in properties.items() if value not in {None, ""}},
        found.get("propertiesWithHistory") or {},
    )
