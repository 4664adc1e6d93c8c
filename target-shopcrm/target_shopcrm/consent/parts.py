"""Fields listed by their parts: of each element only the listed parts leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from target_shopcrm.consent.policy import Requirement


def parts_of(fields: Mapping[str, Requirement]) -> dict[str, dict[str, Requirement]]:
    """The dotted fields, by the field they are part of and then by the part's own name."""
    parts: dict[str, dict[str, Requirement]] = {}
    for field, requirement in fields.items():
        whole, dot, part = field.partition(".")
        if dot:
            parts.setdefault(whole, {})[part] = requirement
    return parts


def is_empty(value: object) -> bool:
    """Whether there is nothing to withhold."""
    return value is None or (isinstance(value, (str, Sequence, Mapping)) and not value)


def listed_parts(value: object, listed: AbstractSet[str]) -> tuple[object, set[str]]:
    """A copy of `value` with the listed parts only, and the names of what was left out.

    Args:
        value: a mapping, a msgspec struct, or a sequence of them. Anything else has no parts
            that could be told apart: nothing of it is kept.
        listed: the names of the parts to keep.
    """
    left: set[str] = set()
    if is_empty(value):
        return value, left
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_element(element, listed, left) for element in value], left
    return _element(value, listed, left), left


def _element(element: object, listed: AbstractSet[str], left: set[str]) -> object:
    if isinstance(element, msgspec.Struct):
        element = msgspec.structs.asdict(element)
    if not isinstance(element, Mapping):
        if not is_empty(element):
            left.add("*")
        return None
    kept = {}
    for name, value in element.items():
        if name in listed:
            kept[name] = value
        elif not is_empty(value):
            left.add(name)
    return kept
