"""The policy's purposes: what each rests on, and how long consent to it lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.consent.policy.durations import read_shorter
from target_shopcrm.consent.policy.model import PURPOSES, Purpose

if TYPE_CHECKING:
    from target_shopcrm.consent.policy.durations import Validity
    from target_shopcrm.consent.policy.file import Place
    from target_shopcrm.consent.policy.model import Policy

_NEEDS_CONSENT = frozenset(PURPOSES) - {"service"}


def read_purposes(place: Place | None, base: Policy | None) -> dict[str, Purpose]:
    """The purposes by name; a policy that extends another can only tighten them."""
    purposes = dict(base.purposes) if base else {}
    for name, entry in place.mapping().items() if place else ():
        if name not in PURPOSES:
            entry.fail(f"there is no purpose {name!r}; use {', '.join(PURPOSES)}")
        purposes[name] = _purpose(name, entry, purposes.get(name))
    return purposes


def _purpose(name: str, place: Place, before: Purpose | None) -> Purpose:
    entries = place.mapping()
    for key, entry in entries.items():
        if key not in {"basis", "valid_for"}:
            entry.fail(f"a purpose has no {key!r}; use basis, valid_for")
    if "basis" in entries:
        purpose = _based(name, entries["basis"], before)
    elif before is not None:
        purpose = before
    else:
        place.fail(f"the purpose {name!r} has no basis; write 'basis: consent'")
    if "valid_for" in entries:
        purpose = purpose._replace(valid_for=_valid_for(purpose, entries["valid_for"], before))
    return purpose


def _based(name: str, place: Place, before: Purpose | None) -> Purpose:
    inherited = before.valid_for if before else None
    basis = place.text()
    if basis == "consent":
        return Purpose("consent", inherited)
    if basis != "contract":
        place.fail(f"{basis!r} is no basis; use consent or contract")
    if name in _NEEDS_CONSENT:
        place.fail(f"{name} can't rest on a contract; write 'basis: consent'")
    if before is not None and before.basis == "consent":
        place.fail(
            f"a policy that extends another can only tighten it, and there {name} needs"
            " consent; write 'basis: consent'"
        )
    return Purpose("contract")


def _valid_for(purpose: Purpose, place: Place, before: Purpose | None) -> Validity:
    if purpose.basis == "contract":
        place.fail("only consent runs out, a contract doesn't; remove 'valid_for'")
    return read_shorter(place, before.valid_for if before else None)
