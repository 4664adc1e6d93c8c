"""Tables, transactions and searches as Tryton has them, as far as the destination uses them."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = dict[str, Any]

MODELS: dict[str, Row] = {
    "party.party": {"code": None, "name": None, "active": True, "replaced_by": None},
    "party.contact_mechanism": {
        "party": None,
        "type": "other",
        "value": None,
        "name": None,
        "active": True,
    },
    "party.address": {"party": None, "active": True},
    "marketing.email.list": {"name": None, "active": True},
    "marketing.email": {"email": None, "list_": None, "active": True},
    "currency.currency": {"code": None, "digits": 2, "active": True},
    "sale.sale": {
        "party": None,
        "company": None,
        "currency": 1,
        "reference": None,
        "sale_date": None,
        "state": "draft",
    },
    "sale.line": {"sale": None, "description": None, "quantity": None, "unit_price": None},
    "ir.note": {"resource": None, "message": None},
}
"""Each model's fields with their defaults."""

_DELETED_WITH = {
    "party.party": ("party.contact_mechanism", "party"),
    "sale.sale": ("sale.line", "sale"),
}
_PARTS_OF = {
    "contact_mechanisms": ("party.contact_mechanism", "party"),
    "lines": ("sale.line", "sale"),
}


class UserError(Exception):
    """What Tryton answers as ``UserError``."""


class Store:
    """The records of a database.

    Attributes:
        tables: For each model its records by id.
        now: The time of the transaction.
        user_id: Who writes.
    """

    def __init__(self) -> None:
        self.tables: dict[str, dict[int, Row]] = {model: {} for model in MODELS}
        self.last_id = 0
        self.now = datetime.now(timezone.utc)
        self.user_id = 0

    @contextmanager
    def transaction(self, user_id: int, now: datetime) -> Iterator[None]:
        """All of it or nothing."""
        self.user_id, self.now = user_id, now
        before = {m: {k: dict(row) for k, row in t.items()} for m, t in self.tables.items()}
        try:
            yield
        except BaseException:
            self.tables = before
            raise

    def create(self, model: str, values: Row) -> int:
        """Create one record, and its parts."""
        self.last_id += 1
        parts = {name: values[name] for name in values.keys() & _PARTS_OF.keys()}
        plain = {name: value for name, value in values.items() if name not in parts}
        made = {"create_uid": self.user_id, "create_date": self.now}
        unwritten = {"write_uid": None, "write_date": None}
        row = {"id": self.last_id, **MODELS[model], **made, **unwritten, **plain}
        self.tables[model][self.last_id] = row
        self._change_parts(row["id"], parts)
        return int(row["id"])

    def write(self, model: str, ids: list[int], values: Row) -> None:
        """Change records, and their parts."""
        for each in ids:
            if each not in self.tables[model]:
                raise UserError(f'You are trying to write to records "{each}" that don\'t exist.')
            parts = {name: values[name] for name in values.keys() & _PARTS_OF.keys()}
            plain = {name: value for name, value in values.items() if name not in parts}
            written = {"write_uid": self.user_id, "write_date": self.now}
            self.tables[model][each].update(plain, **written)
            self._change_parts(each, parts)

    def delete(self, model: str, ids: list[int]) -> None:
        """Delete records with what belongs to them; fine where they are gone."""
        for each in ids:
            self.tables[model].pop(each, None)
            if model in _DELETED_WITH:
                part, field = _DELETED_WITH[model]
                gone = [row["id"] for row in self.tables[part].values() if row[field] == each]
                self.delete(part, gone)
            notes = self.tables["ir.note"]
            for note in [n["id"] for n in notes.values() if n["resource"] == f"{model},{each}"]:
                del notes[note]

    def search(self, model: str, domain: list[Any]) -> list[Row]:
        """The records that match; what isn't active only where the domain speaks of it."""
        found = list(self.tables[model].values())
        if "active" in MODELS[model] and "active" not in str(domain):
            found = [row for row in found if row["active"]]
        return [row for row in found if _matches(row, domain)]

    def _change_parts(self, whole: int, parts: Row) -> None:
        for name, commands in parts.items():
            model, field = _PARTS_OF[name]
            for command, *rest in commands:
                if command == "create":
                    for values in rest[0]:
                        self.create(model, {**values, field: whole})
                elif command == "write":
                    self.write(model, rest[0], rest[1])
                else:
                    self.delete(model, rest[0])


def to_json(value: Any) -> Any:
    """A value as Tryton writes it into JSON."""
    if isinstance(value, dict):
        return {name: to_json(part) for name, part in value.items()}
    if isinstance(value, list):
        return [to_json(part) for part in value]
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, datetime):
        names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        return {"__class__": "datetime", **{name: getattr(value, name) for name in names}}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    return value


def from_json(value: Any) -> Any:
    """A value as Tryton reads it from JSON."""
    if isinstance(value, list):
        return [from_json(part) for part in value]
    if not isinstance(value, dict):
        return value
    parts = {name: from_json(part) for name, part in value.items() if name != "__class__"}
    kind = value.get("__class__")
    if kind == "Decimal":
        return Decimal(parts["decimal"])
    if kind == "datetime":
        return datetime(**parts, tzinfo=timezone.utc)
    return date(**parts) if kind == "date" else parts


def _matches(row: Row, domain: list[Any]) -> bool:
    if domain[:1] == ["OR"]:
        return any(_matches(row, [clause]) for clause in domain[1:])
    return all(
        _matches(row, clause) if clause[0] == "OR" else _holds(row, *clause) for clause in domain
    )


def _holds(row: Row, field: str, operator: str, value: Any) -> bool:
    held = row[field]
    if operator in {"=", "!="}:
        return bool(held == value) == (operator == "=")
    if operator == "in":
        return held in value
    if operator == "ilike":
        return re.fullmatch(_pattern(value), held or "", re.IGNORECASE) is not None
    if held is None:
        return False
    return bool(held >= value if operator == ">=" else held > value)


def _pattern(text: str) -> str:
    """A pattern of SQL's LIKE as a regular expression."""
    parts = re.findall(r"\\.|.", text, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    return "".join(wild.get(part) or re.escape(part.removeprefix("\\")) for part in parts)
