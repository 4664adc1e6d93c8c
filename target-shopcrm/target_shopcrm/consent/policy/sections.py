"""Every section of the policy file, read, checked, and put together to one policy."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from target_shopcrm.consent.addresses import ADDRESSED_CHANNELS
from target_shopcrm.consent.policy.file import read_file
from target_shopcrm.consent.policy.fingerprint import fingerprint
from target_shopcrm.consent.policy.grounds import read_implied, read_soft_opt_in
from target_shopcrm.consent.policy.hours import read_quiet_hours
from target_shopcrm.consent.policy.model import Policy
from target_shopcrm.consent.policy.pauses import read_caps, read_freezes
from target_shopcrm.consent.policy.places import read_jurisdictions, read_shops
from target_shopcrm.consent.policy.purposes import read_purposes
from target_shopcrm.consent.policy.records import read_records
from target_shopcrm.consent.policy.retention import read_retention

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_shopcrm.consent.policy.file import Place
    from target_shopcrm.consent.policy.model import Purpose, RecordClass

SECTIONS = (
    "version",
    "name",
    "extends",
    "law",
    "shops",
    "jurisdictions",
    "channels",
    "purposes",
    "implied_consent",
    "soft_opt_in",
    "quiet_hours",
    "frequency_caps",
    "freeze_windows",
    "retention",
    "records",
)
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
    law = sections.get("law")
    jurisdictions = read_jurisdictions(_stated(top, sections, "jurisdictions", base), base)
    channels = _channels(_stated(top, sections, "channels", base), base)
    purposes = read_purposes(_stated(top, sections, "purposes", base), base)
    policy = Policy(
        name=name,
        digest="",
        channels=channels,
        purposes=MappingProxyType(purposes),
        shops=MappingProxyType(read_shops(sections.get("shops"), jurisdictions)),
        jurisdictions=jurisdictions,
        records=_records(_stated(top, sections, "records", base), channels, purposes, base),
        law=_law(law, base),
        quiet_hours=read_quiet_hours(
            _stated(top, sections, "quiet_hours", base), channels, base.quiet_hours if base else {}
        ),
        frequency_caps=read_caps(
            sections.get("frequency_caps"), channels, base.frequency_caps if base else {}
        ),
        freeze_windows=read_freezes(
            sections.get("freeze_windows"), base.freeze_windows if base else {}
        ),
        retention=read_retention(
            _stated(top, sections, "retention", base), base.retention if base else None
        ),
        implied_consent=read_implied(
            sections.get("implied_consent"), channels, base.implied_consent if base else None
        ),
        soft_opt_in=read_soft_opt_in(
            sections.get("soft_opt_in"), channels, base.soft_opt_in if base else None
        ),
    )
    return replace(policy, digest=fingerprint(policy))


def _check_sections(sections: Mapping[str, Place]) -> None:
    for name, place in sections.items():
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
    return None if place is None else _packaged(place, place.text(), "extends: strict")


def _packaged(place: Place, name: str, example: str) -> Policy:
    if name not in {path.stem for path in PACKAGED.glob("*.yml")}:
        place.fail(f"there is no packaged policy {name!r}; write {example!r}")
    return _read_packaged(name)


@cache
def _read_packaged(name: str) -> Policy:
    """A policy never changes once it is read, and several of them take over from one."""
    return read_policy(PACKAGED / f"{name}.yml")


def _law(place: Place | None, base: Policy | None) -> str | None:
    if place is None:
        return base.law if base else None
    if base is not None:
        place.fail("the policy this one extends says which law it follows; remove this line")
    return " ".join(place.text().split())


def _records(
    place: Place | None,
    channels: frozenset[str],
    purposes: Mapping[str, Purpose],
    base: Policy | None,
) -> Mapping[str, RecordClass]:
    """A whole policy can take over the records of a packaged one, by name."""
    if place is not None and base is None and place.is_text():
        name = place.text().removeprefix("as in ")
        return _packaged(place, name, "as in strict").records
    records = read_records(place, channels=channels, purposes=purposes, base=base)
    return MappingProxyType(records)


def _channels(place: Place | None, base: Policy | None) -> frozenset[str]:
    if place is None:
        return base.channels if base else frozenset()
    possible = base.channels if base else ADDRESSED_CHANNELS
    for name, entry in place.texts():
        if name not in possible:
            why = "the policy this one extends has no" if base else "there is no"
            entry.fail(f"{why} channel {name!r}; use {', '.join(sorted(possible))}")
    return frozenset(name for name, _ in place.texts())
