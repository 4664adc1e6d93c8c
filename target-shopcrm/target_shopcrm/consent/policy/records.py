"""The policy's records: which field of which record needs which purpose."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from target_shopcrm.consent.policy.model import RECORD_CLASSES, RecordClass, Requirement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_shopcrm.consent.policy.file import Place
    from target_shopcrm.consent.policy.model import Policy, Purpose

_NOT_FIELDS = ("streams", "key")


def read_records(
    place: Place | None,
    *,
    channels: frozenset[str],
    purposes: Mapping[str, Purpose],
    base: Policy | None,
) -> dict[str, RecordClass]:
    """The record classes by name.

    A policy that extends another states a class anew, with no field and no use the other
    doesn't have; its streams and key stay those of the other.
    """
    records = dict(base.records) if base else {}
    if place is not None and place.is_text():
        place.fail(
            f"{place.name} must be a list of record classes; a policy that extends another has"
            " its records"
        )
    for name, entry in place.mapping().items() if place else ():
        if name not in RECORD_CLASSES:
            entry.fail(f"there is no record class {name!r}; use {', '.join(RECORD_CLASSES)}")
        before = base.records.get(name) if base else None
        fields = _fields(entry, channels, purposes)
        if base is None or before is None:
            record = _record_class(entry, fields)
            _check_streams(entry, record.streams, records)
        else:
            _check_only_tighter(entry, fields, before, base.purposes)
            record = RecordClass(before.streams, before.key, _plain(fields))
        _check_key(entry, record)
        records[name] = record
    return records


def _fields(
    place: Place, channels: frozenset[str], purposes: Mapping[str, Purpose]
) -> dict[str, tuple[Requirement, Place]]:
    fields: dict[str, tuple[Requirement, Place]] = {}
    for heading, entry in place.mapping().items():
        if heading in _NOT_FIELDS:
            continue
        requirement = _requirement(heading, entry, channels, purposes)
        for field, where in entry.texts():
            if field in fields:
                where.fail(f"the field {field!r} stands twice in {place.name}; keep one of the two")
            fields[field] = (requirement, where)
    for field, (_, where) in fields.items():
        whole = field.partition(".")[0]
        if whole != field and whole in fields:
            where.fail(f"{whole!r} is already listed as a whole; list either it or its parts")
    return fields


def _requirement(
    heading: str, place: Place, channels: frozenset[str], purposes: Mapping[str, Purpose]
) -> Requirement:
    purpose, by, channel = heading.partition(" by ")
    if purpose not in purposes:
        place.fail(
            f"{purpose!r} is not a purpose of this policy; use {', '.join(purposes)},"
            " or streams or key"
        )
    if by and channel not in channels:
        place.fail(
            f"{channel!r} is not a channel of this policy; use {', '.join(sorted(channels))}"
        )
    return Requirement(purpose, channel or None)


def _record_class(place: Place, fields: Mapping[str, tuple[Requirement, Place]]) -> RecordClass:
    entries = place.mapping()
    for name in _NOT_FIELDS:
        if name not in entries:
            place.fail(f"the record class {place.name} has no {name!r}; add '{name}: […]'")
    streams = frozenset(stream for stream, _ in entries["streams"].texts())
    key = tuple(field for field, _ in entries["key"].texts())
    return RecordClass(streams, key, _plain(fields))


def _check_streams(
    place: Place, streams: frozenset[str], records: Mapping[str, RecordClass]
) -> None:
    for name, other in records.items():
        for stream in sorted(streams & other.streams):
            place.fail(
                f"the stream {stream!r} is already a stream of {name!r}; list it in one class"
            )


def _check_key(place: Place, record: RecordClass) -> None:
    for field in record.key:
        if field not in record.fields:
            place.fail(f"the key field {field!r} of {place.name} has no purpose; list it under one")


def _check_only_tighter(
    place: Place,
    fields: Mapping[str, tuple[Requirement, Place]],
    before: RecordClass,
    purposes: Mapping[str, Purpose],
) -> None:
    for name, entry in place.mapping().items():
        if name in _NOT_FIELDS:
            entry.fail(
                f"a policy that extends another keeps the {name!r} of {place.name}; remove this"
                " line"
            )
    for field, (requirement, where) in fields.items():
        needed = before.fields.get(field) or before.fields.get(field.partition(".")[0])
        if needed is None or not _is_tighter(requirement, needed, purposes):
            need = "isn't listed" if needed is None else f"is for {_spoken(needed)}"
            where.fail(
                f"a policy that extends another can only tighten it, and there the field"
                f" {field!r} {need}; remove it, or write a whole policy without 'extends'"
            )


def _is_tighter(
    requirement: Requirement, needed: Requirement, purposes: Mapping[str, Purpose]
) -> bool:
    if requirement.purpose == needed.purpose:
        return needed.channel in {None, requirement.channel}
    was_contract = purposes[needed.purpose].basis == "contract"
    return was_contract and purposes[requirement.purpose].basis == "consent"


def _spoken(requirement: Requirement) -> str:
    purpose, channel = requirement
    return f"{purpose} by {channel}" if channel else purpose


def _plain(fields: Mapping[str, tuple[Requirement, Place]]) -> Mapping[str, Requirement]:
    return MappingProxyType({field: requirement for field, (requirement, _) in fields.items()})
