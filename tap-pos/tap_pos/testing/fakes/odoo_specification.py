"""Holding calls and answers to the fields that a real Odoo 17 reported of its models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from tap_pos.testing.conformance import SpecificationMissing
from tap_pos.testing.specifications import specification

if TYPE_CHECKING:
    from collections.abc import Iterator

UNRECORDED = frozenset({"res.company", "res.partner.category", "hr.employee"})
"""Models that this tap reads and the recorded file has not."""

_TIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}").fullmatch
_TEXTS = {"char", "text", "html", "selection"}
_PLAIN = {"boolean": bool, "integer": int, "float": float, "monetary": float}


class OdooSpecification:
    """Collects what no Odoo 17 would be asked or would answer.

    Raises:
        SpecificationMissing: If the recorded file is not on this machine.
    """

    def __init__(self) -> None:
        file = specification("odoo/odoo17-fields_get.json")
        if file is None:
            raise SpecificationMissing("odoo/odoo17-fields_get.json is not on this machine")
        self.models: dict[str, dict[str, Any]] = msgspec.json.decode(file.read_bytes())
        self.violations: list[str] = []

    def call(
        self, model: str, method: str, args: list[Any], keywords: dict[str, Any], result: Any
    ) -> None:
        """Check one call and its answer."""
        if model in UNRECORDED:
            return
        fields = self.models.get(model)
        if fields is None:
            self.violations.append(f"no model {model}")
            return
        found = [*self._asked(fields, keywords), *self._answered(fields, method, result)]
        if args:
            found.append("arguments by position")
        self.violations.extend(f"{model}.{method}: {what}" for what in found)

    def _asked(self, fields: dict[str, Any], keywords: dict[str, Any]) -> Iterator[str]:
        for name in keywords.get("fields", []):
            if name not in fields:
                yield f"asks for {name}, which is no field"
        names = [term[0] for term in keywords.get("domain", []) if not isinstance(term, str)]
        names += [part.split()[0] for part in keywords.get("order", "").split(",") if part]
        for name in names:
            if not fields.get(name, {}).get("store"):
                yield f"filters or sorts by {name}, which is no stored field"

    def _answered(self, fields: dict[str, Any], method: str, result: Any) -> Iterator[str]:
        if method == "fields_get":
            for name, facts in result.items():
                if fields.get(name, {}).get("type") != facts["type"]:
                    yield f"the fake's {name} is a {facts['type']}, Odoo's is not"
        elif method == "search_read":
            for row in result:
                for name, value in row.items():
                    kind = fields.get(name, {}).get("type", "no field")
                    if not is_json_of(kind, value):
                        yield f"the fake's {name} has a value that a {kind} never has"


def is_json_of(kind: str, value: Any) -> bool:
    """Tell whether Odoo may show a value for a field of some type."""
    if value is False:
        return kind in {"boolean", "many2one", "datetime", *_TEXTS}
    if kind in _PLAIN:
        return type(value) is _PLAIN[kind]
    if kind in {"one2many", "many2many"}:
        return isinstance(value, list) and all(type(key) is int for key in value)
    if kind == "many2one":
        return isinstance(value, list) and [type(part) for part in value] == [int, str]
    if kind == "datetime":
        return isinstance(value, str) and _TIME(value) is not None
    return isinstance(value, str) and kind in _TEXTS
