"""A Clover merchant behind the REST API v3: what is listed, how it is cut, and who may ask.

Traps of the real one that it keeps: pages by offset over a list that is sorted by what moves
last; requests about more than 90 days answered for the last 90; nested lists cut after 100;
three expanded fields at most; no trace of a deleted customer or item.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, ClassVar

from tap_pos.testing.conformance import ConformingFake, SpecificationMissing
from tap_pos.testing.fake import Answer, Request, Row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

_FILTER = re.compile(r"(\w+)(>=|<=)(\d+)").fullmatch
_DAYS = 90 * 86_400_000
_NESTED_MOST = 100
_MOST_EXPANDED = 3
_CLAMPED = {"payments", "refunds", "credits"}
_NESTED = {
    "orders": {"customers", "discounts", "serviceCharge", "lineItems"},
    "customers": {"emailAddresses", "phoneNumbers", "addresses", "cards"},
    "items": {"categories"},
    "line_items": {"discounts", "modifications", "taxRates"},
}


class CloverServer(ConformingFake):
    """An empty merchant, and the server in front of it."""

    vendor: ClassVar[str] = "clover"
    lookback: ClassVar[timedelta] = timedelta(minutes=5)

    def __init__(self, now: datetime | None = None) -> None:
        super().__init__(now)
        self.tokens = {"token"}
        self.refused: set[str] = set()
        self.nested_most = _NESTED_MOST
        self.merchant: Row = {"id": "M1", "name": "Tea", "createdTime": 1_750_000_000_000}
        self.properties: Row = {"defaultCurrency": "USD", "timezone": "America/New_York"}
        self.tables: dict[str, dict[str, list[tuple[datetime, Row | None]]]] = {}
        self._made = 0

    def expire_cursors(self) -> None:
        """Do nothing: Clover gives out no cursors."""

    def specification(self) -> AbstractContextManager[None]:
        """Say that there is none."""
        raise SpecificationMissing("Clover has published no machine-readable specification")

    # --- rows -----------------------------------------------------------------------------

    def clock(self) -> int:
        """Tell the time in milliseconds, some way into the second."""
        self._made += 1
        return int(self.now.timestamp()) * 1000 + self._made * 137 % 1000

    def put(self, table: str, row: Row) -> str:
        """Insert a row, or a new version of one; it is seen once the lag is over."""
        if "id" not in row:
            self._made += 1
            row["id"] = f"{table[:1].upper()}{self._made:012d}"
        versions = self.tables.setdefault(table, {}).setdefault(row["id"], [])
        versions.append((self._visible_from(versions), row))
        return str(row["id"])

    def change(self, table: str, identity: str, **changes: Any) -> None:
        """Change a row."""
        before = self.tables[table][identity][-1][1]
        self.put(table, {**(before or {}), **changes})

    def remove(self, table: str, identity: str) -> None:
        """Delete a row without a trace."""
        versions = self.tables[table][identity]
        versions.append((self._visible_from(versions), None))

    def rows(self, table: str) -> list[Row]:
        """List what is visible."""
        found = (self._seen(versions) for versions in self.tables.get(table, {}).values())
        return [row for row in found if row is not None]

    def settled(self, table: str) -> list[Row]:
        """List what is visible and was not changed since."""
        kept = self.tables.get(table, {})
        return [row for row in self.rows(table) if kept[row["id"]][-1][1] is row]

    def _visible_from(self, versions: list[tuple[datetime, Row | None]]) -> datetime:
        return max([self.now + self.lag, *(moment for moment, _ in versions[-1:])])

    def _seen(self, versions: list[tuple[datetime, Row | None]]) -> Row | None:
        return next((row for moment, row in reversed(versions) if moment <= self.now), None)

    # --- the server -----------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        root = f"/v3/merchants/{self.merchant['id']}"
        if request.token not in self.tokens:
            return Answer(401, {"message": "401 Unauthorized"})
        if request.path != root and not request.path.startswith(root + "/"):
            return Answer(404, {"message": "Not Found"})
        name, _, rest = request.path.removeprefix(root).strip("/").partition("/")
        if name in self.refused:
            return Answer(401, {"message": "401 Unauthorized"})
        return self._answer(request, name, rest)

    def _answer(self, request: Request, name: str, rest: str) -> Answer:
        single = {"": self.merchant, "properties": self.properties, "address": {"city": "Albany"}}
        if name in single:
            return Answer(body=single[name])
        if rest.endswith("/line_items"):
            order = self._one("orders", rest.partition("/")[0]) or {}
            return self._page(request, "line_items", order.get("lineItems", []))
        if rest:
            if (row := self._one(name, rest)) is None:
                return Answer(404, {"message": "Not Found"})
            return Answer(body=self._shown(name, row, self._expanded(request)))
        return self._page(request, name, self._found(request, name))

    def _one(self, table: str, identity: str) -> Row | None:
        return next((row for row in self.rows(table) if row["id"] == identity), None)

    def _found(self, request: Request, name: str) -> list[Row]:
        """Filter a list, with the silent limits."""
        bounds = [_FILTER(text) for text in request.query.get("filter", [])]
        asked = [(bound[1], bound[2], int(bound[3])) for bound in bounds if bound]
        rows = self.rows(name)
        fields = {field for field, _, _ in asked}
        if name == "orders":
            deleted = "deletedTime" in fields
            rows = [row for row in rows if bool(row.get("deletedTime")) == deleted]
            rows = [row for row in rows if row.get("state")]
            if deleted:
                asked.append(("deletedTime", ">=", int(self.now.timestamp()) * 1000 - _DAYS))
        if name in _CLAMPED:
            field = next(iter(fields), "createdTime")
            ends = [limit for _, sign, limit in asked if sign == "<="]
            end = min(ends, default=int(self.now.timestamp()) * 1000 + 999)
            asked += [(field, ">=", end - _DAYS), (field, "<=", end)]
        for field, sign, limit in asked:
            rows = [row for row in rows if _within(row.get(field), sign, limit)]
        return sorted(rows, key=lambda row: (row.get("modifiedTime") or 0, row["id"]), reverse=True)

    def _page(self, request: Request, name: str, rows: list[Row]) -> Answer:
        start = int(request.asked.get("offset") or 0)
        size = min(self.page_size, int(request.asked.get("limit") or 100))
        shown = rows[start : start + size]
        expanded = self._expanded(request)
        return Answer(body={"elements": [self._shown(name, row, expanded) for row in shown]})

    def _expanded(self, request: Request) -> list[str]:
        asked = request.asked.get("expand", "").split(",")
        return [field for field in asked if field][:_MOST_EXPANDED]

    def _shown(self, name: str, row: Row, expanded: list[str]) -> Row:
        nested = _NESTED.get(name, set())
        shown = {key: value for key, value in row.items() if key not in nested}
        for field in {field.partition(".")[0] for field in expanded}:
            below = [part for whole, _, part in (f.partition(".") for f in expanded) if part]
            if name == "orders" and field in _CLAMPED:
                shown[field] = {"elements": list(self._money(field, row["id"]))}
            elif isinstance(row.get(field), list):
                kind = "line_items" if field == "lineItems" else ""
                rows = [self._shown(kind, entry, below) for entry in row[field]]
                shown[field] = {"elements": rows[: self.nested_most]}
            elif field in row:
                shown[field] = row[field]
        return shown

    def _money(self, table: str, order_id: str) -> Iterator[Row]:
        link = "order" if table == "payments" else "orderRef"
        return (row for row in self.rows(table) if row.get(link, {}).get("id") == order_id)


def _within(value: int | None, sign: str, limit: int) -> bool:
    if value is None:
        return False
    return value >= limit if sign == ">=" else value <= limit


def milliseconds(moment: datetime) -> int:
    """Write a time as Clover does."""
    return int(moment.astimezone(timezone.utc).timestamp()) * 1000
