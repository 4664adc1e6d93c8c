"""The rows of a small Odoo: kept, filtered and shown as Odoo's ORM does, traps included.

* `write_date` is when the writing transaction began, kept with microseconds, shown without;
* a transaction that is still open shows the rows as they were before it;
* archived rows are hidden unless the context says ``active_test: False``;
* a condition on a computed field that is not stored is quietly taken as true;
* `false` stands for null, a link is ``[id, name]``.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_pos.testing.fake import Row

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
}
_EMPTY: dict[str, Any] = {
    "boolean": False,
    "float": 0.0,
    "monetary": 0.0,
    "integer": 0,
    "one2many": [],
    "many2many": [],
}
"""What a field without a value is shown as; every other is shown as false."""
_LOGGED = {
    "id": "integer",
    "create_date": "datetime",
    "write_date": "datetime",
}


class OdooError(Exception):
    """An exception on the server, by its full name."""


@dataclass
class Model:
    """One model.

    Attributes:
        types: Odoo's type of each field.
        computed: Fields that are not stored, with what computes them.
        rows: Each row's versions, oldest first: when a version becomes visible, and the
            row, None once it is deleted.
    """

    types: dict[str, str]
    computed: dict[str, Callable[[Database, Row], Any]] = field(default_factory=dict)
    rows: dict[int, list[tuple[datetime, Row | None]]] = field(default_factory=dict)


class Database:
    """All models, and what is visible of them at one time.

    Args:
        models: Fields of each model; those every model has are added.
        clock: Tells the time at which rows are looked at.
    """

    def __init__(self, models: dict[str, Model], clock: Callable[[], datetime]) -> None:
        self.models: dict[str, Model] = {}
        self._clock = clock
        for name, model in models.items():
            self.add(name, model)

    def add(self, name: str, model: Model) -> None:
        """Add a model, or put one in the place of another."""
        model.types = {**_LOGGED, **model.types}
        self.models[name] = model

    def put(self, model: str, row: Row, visible_from: datetime) -> int:
        """Insert a row, or a new version of one; rows without an id get the next one."""
        rows = self.models[model].rows
        key = int(row.setdefault("id", max(rows, default=0) + 1))
        versions = rows.setdefault(key, [])
        # Whoever writes a row waits for the one who wrote it before.
        visible_from = max([visible_from, *(moment for moment, _ in versions[-1:])])
        versions.append((visible_from, row))
        return key

    def remove(self, model: str, key: int, visible_from: datetime) -> None:
        """Delete a row."""
        versions = self.models[model].rows[key]
        versions.append((max(visible_from, versions[-1][0]), None))

    def latest(self, model: str, key: int) -> Row | None:
        """Give a row as the last transaction left it."""
        return self.models[model].rows[key][-1][1]

    def alive(self, model: str) -> list[Row]:
        """List what is visible and was not written again or deleted since, archived or not."""
        return [
            row
            for key in sorted(self.models[model].rows)
            if (row := self.visible(model, key)) and row is self.latest(model, key)
        ]

    def visible(self, model: str, key: int) -> Row | None:
        """Give a row as it is seen now."""
        now = self._clock()
        versions = self.models[model].rows.get(key, [])
        return next((row for moment, row in reversed(versions) if moment <= now), None)

    def search(self, model: str, asked: dict[str, Any], most: int) -> list[Row]:
        """Find rows as `search` does.

        Raises:
            OdooError: If a field is unknown.
        """
        kept = self.models[model]
        rows = [row for key in kept.rows if (row := self.visible(model, key))]
        if "active" in kept.types and asked.get("context", {}).get("active_test", True):
            rows = [row for row in rows if row.get("active", True)]
        rows = [row for row in rows if self._meets(model, row, asked["domain"])]
        for name in reversed(asked.get("order", "id").split(",")):
            key, _, direction = name.strip().partition(" ")
            self._known(model, key)
            rows.sort(key=operator.itemgetter(key), reverse=direction.lower() == "desc")
        start = asked.get("offset", 0)
        return rows[start : start + min(most, asked.get("limit") or most)]

    def shown(self, model: str, row: Row, names: list[str]) -> Row:
        """Show a row as `read` does.

        Raises:
            OdooError: If a field is unknown.
        """
        kept = self.models[model]
        result: Row = {"id": row["id"]}
        for name in names:
            self._known(model, name)
            compute = kept.computed.get(name)
            value = compute(self, row) if compute else row.get(name)
            result[name] = self._json(kept.types[name], value)
        return result

    def _json(self, kind: str, value: Any) -> Any:
        kind, _, relation = kind.partition(":")
        if kind in _EMPTY:
            return value or _EMPTY[kind]
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%d %H:%M:%S}"
        if kind == "many2one" and isinstance(value, int) and value:
            found = self.visible(relation, value) or {}
            return [value, str(found.get("name") or f"{relation},{value}")]
        return value or False

    def _known(self, model: str, name: str) -> None:
        if name not in self.models[model].types:
            raise OdooError("builtins.ValueError")

    def _meets(self, model: str, row: Row, domain: list[Any]) -> bool:
        """Evaluate a condition in Polish notation; terms without an operator are joined by and."""
        terms = iter(domain)
        # Every term is evaluated, so that an unknown field is told wherever it stands.
        results = [self._term(model, row, term, terms) for term in terms]
        return all(results)

    def _term(self, model: str, row: Row, term: Any, terms: Iterator[Any]) -> bool:
        if term in ("&", "|"):
            first = self._term(model, row, next(terms), terms)
            second = self._term(model, row, next(terms), terms)
            return (first and second) if term == "&" else (first or second)
        name, comparison, wanted = term
        self._known(model, name)
        if name in self.models[model].computed:
            return True
        value = row.get(name)
        if self.models[model].types[name] == "datetime":
            wanted = moment(wanted)
        if isinstance(value, list):
            return comparison == "in" and bool({*value} & {*wanted})
        if comparison == "in":
            return value in wanted
        return value is not None and _COMPARE[comparison](value, wanted)


def moment(text: str) -> datetime:
    """Read a naive time as Odoo writes it."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
