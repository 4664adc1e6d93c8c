"""The policy's rules for records that aren't about one person's consent, worked out once.

Whether an order's field may pass depends on the policy and on the shop alone. So the gate is
asked once per stream and shop, with a record in which every field and every part has a value,
and its answer is applied to all of them.
"""

from __future__ import annotations

from datetime import datetime, timezone
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args, get_type_hints

import msgspec

from target_shopcrm.consent.gate import Gate
from target_shopcrm.records import STREAMS, Record
from target_shopcrm.routes.work import whole_record

if TYPE_CHECKING:
    from target_shopcrm.consent.gate import Withheld
    from target_shopcrm.consent.policy import Policy

R = TypeVar("R", bound=Record)

_SOME_VALUE = "x"


class Rule(NamedTuple):
    """What of the records of one stream and shop stays behind.

    Attributes:
        refused: The reasons for which nothing passes; empty where something does.
        fields: Fields to blank, with the reasons.
        parts: Parts of list fields to blank, with the reasons.
    """

    refused: tuple[Withheld, ...]
    fields: dict[str, list[Withheld]]
    parts: dict[str, dict[str, list[Withheld]]]


class Rules:
    """The rules of one policy.

    Args:
        policy: The shop's policy.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._gate = Gate(policy, lambda _: {}, datetime.now(timezone.utc))
        self._rules: dict[tuple[str, str], Rule] = {}

    def rule(self, stream: str, shop_id: str) -> Rule:
        """Look up the rule for the records of one stream and shop.

        Args:
            stream: One of `target_shopcrm.records.STREAMS`.
            shop_id: The shop.

        Returns:
            The rule.
        """
        found = self._rules.get((stream, shop_id))
        if found is None:
            found = self._rules[stream, shop_id] = self._work_out(stream, shop_id)
        return found

    def _work_out(self, stream: str, shop_id: str) -> Rule:
        record_type = STREAMS[stream]
        permission = self._gate.permit(
            self._policy.record_class_of(stream) or stream, shop_id, _full(record_type), {}
        )
        fields: dict[str, list[Withheld]] = {}
        parts: dict[str, dict[str, list[Withheld]]] = {}
        for entry in permission.withheld:
            whole, dot, part = entry.field.partition(".")
            if dot and part in _blanks(_element_type(record_type, whole)):
                parts.setdefault(whole, {}).setdefault(part, []).append(entry)
            else:
                fields.setdefault(whole, []).append(entry)
        if permission.refused or not fields.keys() <= _blanks(record_type).keys():
            reasons = whole_record(self._policy, stream, permission.withheld)
            return Rule(tuple(reasons), {}, {})
        return Rule((), fields, parts)


def apply(rule: Rule, record: R) -> tuple[R, list[Withheld]]:
    """Blank what a rule holds back.

    Args:
        rule: A rule that doesn't refuse the record.
        record: A record of the rule's stream and shop.

    Returns:
        The record as it may pass, and the reasons for what stayed behind.
    """
    if not rule.fields and not rule.parts:
        return record, []
    withheld: list[Withheld] = []
    changes: dict[str, Any] = {}
    blanks = _blanks(type(record))
    for name, reasons in rule.fields.items():
        if getattr(record, name):
            changes[name] = blanks[name]
            withheld += reasons
    for name, parts in rule.parts.items():
        elements: list[Record] = getattr(record, name)
        present = [part for part in parts if any(getattr(each, part) for each in elements)]
        if present:
            blank_parts = _blanks(type(elements[0]))
            blank = {part: blank_parts[part] for part in present}
            changes[name] = [msgspec.structs.replace(each, **blank) for each in elements]
            for part in present:
                withheld += parts[part]
    return (msgspec.structs.replace(record, **changes) if changes else record), withheld


def _full(record_type: type[Record]) -> dict[str, object]:
    """A record of a type in which nothing is empty, as the gate sees one."""
    return {
        name: [dict.fromkeys(element.__struct_fields__, _SOME_VALUE)]
        if (element := _element_type(record_type, name))
        else _SOME_VALUE
        for name in record_type.__struct_fields__
    }


def _element_type(record_type: type[Record], name: str) -> type[Record] | None:
    """The struct of which a field holds a list, if it does."""
    for argument in get_args(get_type_hints(record_type)[name]):
        if isinstance(argument, type) and issubclass(argument, Record):
            return argument
    return None


@cache
def _blanks(record_type: type[Record] | None) -> dict[str, Any]:
    """The fields that can be blank, with their blank value: those with an empty default."""
    blanks: dict[str, Any] = {}
    for field in msgspec.structs.fields(record_type) if record_type else ():
        factory = field.default_factory
        default = field.default if factory is msgspec.NODEFAULT else factory()
        if not field.required and not default:
            blanks[field.name] = default
    return blanks
