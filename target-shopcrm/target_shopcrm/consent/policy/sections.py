"""Every section of the policy file, read, checked, and put together to one policy."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from target_shopcrm.consent.addresses import ADDRESSED_CHANNELS
from target_shopcrm.consent.policy.file import read_file
from target_shopcrm.consent.policy.model import Policy, Purpose
from target_shopcrm.consent.policy.places import read_jurisdictions, read_shops
from target_shopcrm.consent.policy.purposes import read_purposes
from target_shopcrm.consent.policy.records import read_records

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_shopcrm.consent.policy.file import Place

SECTIONS = (
    "version",
    "name",
    "extends",
    "shops",
    "jurisdictions",
    "channels",
    "purposes",
    "records",
)
RESERVED = ("quiet_hours", "frequency_caps", "freeze_windows", "retention")
VERSION = "1"
PACKAGED = Path(__file__).parent


def load_policy(path: Path | None) -> Policy:
    """Read and check a policy file.

    Args:
        path: the shop's file; None reads the packaged ``strict`` policy.

    Raises:
        PolicyError: with one sentence that names the file, the line, what is wrong and what
            to do.
    """
    from target_shopcrm.consent.policy.sections import read_policy  # noqa: PLC0415 - it builds ours

    return read_policy(path if path is not None else PACKAGED / "strict.yml")


def read_policy(path: Path) -> Policy:
    """The policy that `path` describes.

    Raises:
        PolicyError: see `load_policy`.
    """
    top = read_file(path)
    sections = top.mapping()
    _check_sections(sections)
    _check_version(top, sections)
    name = _required(top, sections, "name").text()
    base = _base(sections)
    jurisdictions = read_jurisdictions(_stated(top, sections, "jurisdictions", base), base)
    channels = _channels(_stated(top, sections, "channels", base), base)
    purposes = read_purposes(_stated(top, sections, "purposes", base), base)
    records = read_records(
        _stated(top, sections, "records", base), channels=channels, purposes=purposes, base=base
    )
    policy = Policy(
        name=name,
        digest="",
        channels=channels,
        purposes=MappingProxyType(purposes),
        shops=MappingProxyType(read_shops(sections.get("shops"), jurisdictions)),
        jurisdictions=jurisdictions,
        records=MappingProxyType(records),
    )
    return _with_digest(policy)


def _check_sections(sections: Mapping[str, Place]) -> None:
    for name, place in sections.items():
        if name in RESERVED:
            place.fail(
                f"the section {name!r} isn't enforced by this version; remove it, so that"
                " nobody relies on it"
            )
        if name not in SECTIONS:
            place.fail(f"there is no section {name!r}; use {', '.join(SECTIONS)}")


def _check_version(top: Place, sections: Mapping[str, Place]) -> None:
    version = _required(top, sections, "version")
    if version.text() != VERSION:
        version.fail(f"this software reads version {VERSION} of the policy; write 'version: 1'")


def _required(top: Place, sections: Mapping[str, Place], name: str) -> Place:
    if name not in sections:
        top.fail(f"the policy has no {name!r}; add a line '{name}: …'")
    return sections[name]


def _stated(
    top: Place, sections: Mapping[str, Place], name: str, base: Policy | None
) -> Place | None:
    if name not in sections and base is None:
        top.fail(f"the policy has no {name!r}; add it, or start from 'extends: strict'")
    return sections.get(name)


def _base(sections: Mapping[str, Place]) -> Policy | None:
    place = sections.get("extends")
    if place is None:
        return None
    known = sorted(path.stem for path in PACKAGED.glob("*.yml"))
    if place.text() not in known:
        place.fail(f"there is no packaged policy {place.text()!r}; write 'extends: strict'")
    return read_policy(PACKAGED / f"{place.text()}.yml")


def _channels(place: Place | None, base: Policy | None) -> frozenset[str]:
    if place is None:
        return base.channels if base else frozenset()
    possible = base.channels if base else ADDRESSED_CHANNELS
    for name, entry in place.texts():
        if name not in possible:
            why = "the policy this one extends has no" if base else "there is no"
            entry.fail(f"{why} channel {name!r}; use {', '.join(sorted(possible))}")
    return frozenset(name for name, _ in place.texts())


def _with_digest(policy: Policy) -> Policy:
    meaning = {
        "channels": sorted(policy.channels),
        "purposes": {name: _plain(purpose) for name, purpose in policy.purposes.items()},
        "shops": dict(policy.shops),
        "jurisdictions": sorted(policy.jurisdictions),
        "records": {
            name: [sorted(record.streams), sorted(record.key), dict(record.fields)]
            for name, record in policy.records.items()
        },
    }
    text = msgspec.json.encode(meaning, order="deterministic")
    return Policy(
        name=policy.name,
        digest=hashlib.sha256(text).hexdigest(),
        channels=policy.channels,
        purposes=policy.purposes,
        shops=policy.shops,
        jurisdictions=policy.jurisdictions,
        records=policy.records,
    )


def _plain(purpose: Purpose) -> list[object]:
    valid_for = purpose.valid_for
    return [purpose.basis, None if valid_for is None else [valid_for.months, valid_for.days]]
