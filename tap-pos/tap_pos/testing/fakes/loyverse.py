"""A small Loyverse account that lists, filters, pages and refuses as third parties describe.

Where they leave something open, this account is as awkward as it may be: filters exclude both
ends, parameters it does not know are ignored without a word, deleted rows may stay or vanish.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Any

from tap_pos.testing.fake import Answer, FakeVendor, Request, Row

_KEYS = {"receipts": "receipt_number"}
_FILTERED = {"receipts", "customers"}
_HIDES_DELETED = {"items", "stores", "employees"}
_SCOPES = {
    "merchant": "MERCHANT_READ", "stores": "STORES_READ", "employees": "EMPLOYEES_READ",
    "items": "ITEMS_READ", "variants": "ITEMS_READ", "categories": "ITEMS_READ",
    "customers": "CUSTOMERS_READ", "receipts": "RECEIPTS_READ",
}  # fmt: skip
_LARGEST_PAGE = 250


class ScriptedLoyverse(FakeVendor):
    """The data of one account, and the server in front of it.

    Rows are written with `write`. `script` sees each request first and may answer in place of
    the data.
    """

    lag = timedelta(0)
    page_size = _LARGEST_PAGE

    def __init__(self, now: datetime | None = None) -> None:
        super().__init__(now)
        self.tokens = {"token"}
        self.scopes = set(_SCOPES.values())
        self.merchant: Row = {
            "id": "M1",
            "business_name": "Tea",
            "email": "owner@example.org",
            "currency": {"code": "USD", "decimal_places": 2},
            "created_at": "2026-01-01T09:00:00.000Z",
        }
        self.ignores_filters = False
        self._generation = 0
        lists = ("stores", "employees", "items", "categories", "customers", "receipts")
        self._history: dict[str, dict[str, list[tuple[datetime, Row | None]]]] = {
            name: {} for name in lists
        }

    def stamp(self, milliseconds: int = 0) -> str:
        """Write down the present as Loyverse does."""
        moment = self.now + timedelta(milliseconds=milliseconds)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def write(self, kind: str, row: Row) -> None:
        """Add or change a row."""
        identity = row[_KEYS.get(kind, "id")]
        self._history[kind].setdefault(identity, []).append((self.now + self.lag, dict(row)))

    def end(self, kind: str, identity: str) -> None:
        """Let a row vanish from lists without a trace."""
        self._history[kind][identity].append((self.now + self.lag, None))

    def current(self, kind: str) -> dict[str, Row]:
        """Give all rows as they are, shown or not."""
        rows = {key: versions[-1][1] for key, versions in self._history[kind].items()}
        return {key: row for key, row in rows.items() if row is not None}

    def shown(self, kind: str) -> list[Row]:
        """Give the rows that a listing shows now."""
        found = []
        for versions in self._history[kind].values():
            row = next((row for at, row in reversed(versions) if at <= self.now), None)
            if row is not None:
                found.append(row)
        return found

    def expire_cursors(self) -> None:
        """Forget every page given out so far."""
        self._generation += 1

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        name, _, identity = request.path.removeprefix("/v1.0/").partition("/")
        if request.token not in self.tokens:
            return refusal(401, "UNAUTHORIZED")
        if name not in _SCOPES:
            return refusal(404, "NOT_FOUND")
        if _SCOPES[name] not in self.scopes:
            return refusal(403, "FORBIDDEN")
        if identity:
            return self._one(name, identity)
        return Answer(body=self.merchant) if name == "merchant" else self._page(request, name)

    def _one(self, name: str, identity: str) -> Answer:
        if name == "variants":
            rows = {
                variant["variant_id"]: variant
                for item in self.current("items").values()
                for variant in item["variants"]
            }
        else:
            rows = self.current(name)
        return Answer(body=rows[identity]) if identity in rows else refusal(404, "NOT_FOUND")

    def _page(self, request: Request, name: str) -> Answer:
        asked, key = request.asked, _KEYS.get(name, "id")
        size = min(int(asked.get("limit") or 50), self.page_size)
        if int(asked.get("limit") or 50) > _LARGEST_PAGE:
            return refusal(400, "INVALID_VALUE")
        rows = self.shown(name)
        if name in _HIDES_DELETED and asked.get("show_deleted") != "true":
            rows = [row for row in rows if not row.get("deleted_at")]
        if name in _FILTERED and not self.ignores_filters:
            start, end = asked.get("updated_at_min", ""), asked.get("updated_at_max", "9")
            rows = [row for row in rows if start < row["updated_at"] < end]
        # Newest first, by a place that no later change moves.
        rows.sort(key=lambda row: (row.get("created_at", ""), row[key]), reverse=True)
        if cursor := asked.get("cursor"):
            generation, after = json.loads(urlsafe_b64decode(cursor))
            if generation != self._generation:
                return refusal(400, "INVALID_CURSOR")
            rows = [row for row in rows if [row.get("created_at", ""), row[key]] < after]
        body: dict[str, Any] = {name: rows[:size]}
        if rows[size:]:
            last = rows[size - 1]
            place = json.dumps([self._generation, [last.get("created_at", ""), last[key]]])
            body["cursor"] = urlsafe_b64encode(place.encode()).decode()
        return Answer(body=body)


def refusal(status: int, code: str) -> Answer:
    """Make an answer with Loyverse's error envelope."""
    return Answer(status, {"errors": [{"code": code, "details": "as scripted"}]})
