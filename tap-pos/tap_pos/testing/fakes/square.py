"""A small Square whose data, clock and faults a test writes down itself.

It filters, sorts and pages as Square documents, on loopback, and notes every request. It
does not price, validate or invent anything: that is the practice register's business.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_pos.testing.fake import Answer, FakeVendor, Request, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def refusal(status: int, code: str, **headers: str) -> Answer:
    """Make an answer with Square's error envelope."""
    body = {"errors": [{"category": "API_ERROR", "code": code, "detail": "as scripted"}]}
    return Answer(status, body, {name.replace("_", "-"): text for name, text in headers.items()})


class ScriptedSquare(FakeVendor):
    """The data of one account, and the server in front of it.

    Set the lists, then `with square.running():`. `script` sees each request first and may
    answer in place of the data.
    """

    def __init__(self, now: datetime | None = None, page_size: int = 1000) -> None:
        super().__init__(now)
        self.page_size = page_size
        self.tokens = {"token"}
        self.locations: list[Row] = []
        self.team_members: list[Row] = []
        self.loyalty_accounts: list[Row] = []
        self.catalog: list[Row] = []
        self.groups: list[Row] = []
        self.customers: list[Row] = []
        self.attributes: dict[str, list[Row]] = {}
        self.events: list[Row] = []
        self.orders: list[Row] = []
        self.payments: list[Row] = []
        self.refunds: list[Row] = []

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        if request.token not in self.tokens:
            return refusal(401, "UNAUTHORIZED")
        found = self._list(request)
        if found is not None:
            return self._page(request, *found)
        name, _, identity = request.path.removeprefix("/v2/").partition("/")
        rows = {
            "payments": self.payments,
            "refunds": self.refunds,
            "customers": self.customers,
        }.get(name, [])
        for row in rows:
            if row["id"] == identity:
                return Answer(body={name.removesuffix("s"): row})
        return refusal(404, "NOT_FOUND")

    def _list(self, request: Request) -> tuple[str, list[Row]] | None:
        """Find what a list request asks for."""
        asked, path = request.asked, request.path
        if path.startswith("/v2/customers/") and path.endswith("/custom-attributes"):
            return "custom_attributes", self.attributes.get(path.split("/")[3], [])
        lists: dict[str, tuple[str, Callable[[], list[Row]]]] = {
            "/v2/locations": ("locations", lambda: self.locations),
            "/v2/team-members/search": ("team_members", lambda: self.team_members),
            "/v2/loyalty/accounts/search": ("loyalty_accounts", lambda: self.loyalty_accounts),
            "/v2/catalog/search": ("objects", lambda: self._catalog(asked)),
            "/v2/catalog/batch-retrieve": (
                "objects",
                lambda: [row for row in self.catalog if row["id"] in asked["object_ids"]],
            ),
            "/v2/customers/groups": ("groups", lambda: self.groups),
            "/v2/customers/search": ("customers", lambda: self._customers(asked)),
            "/v2/events": ("events", lambda: self._events(asked)),
            "/v2/orders/search": ("orders", lambda: self._orders(asked)),
            "/v2/orders/batch-retrieve": (
                "orders",
                lambda: [row for row in self.orders if row["id"] in asked["order_ids"]],
            ),
            "/v2/payments": ("payments", lambda: self._money(request)),
            "/v2/refunds": ("refunds", lambda: self._money(request)),
        }
        if path not in lists:
            return None
        name, find = lists[path]
        return name, find()

    def _catalog(self, asked: Mapping[str, Any]) -> list[Row]:
        since = asked.get("begin_time")
        found = [row for row in self.catalog if row["type"] in asked["object_types"]]
        return [
            row for row in found if since is None or sortable(row["updated_at"]) > sortable(since)
        ]

    def _orders(self, asked: Mapping[str, Any]) -> list[Row]:
        here = [row for row in self.orders if row["location_id"] in asked["location_ids"]]
        return _within(here, asked["query"]["filter"]["date_time_filter"]["updated_at"])

    def _events(self, asked: Mapping[str, Any]) -> list[Row]:
        return _within(self.events, asked["query"]["filter"]["created_at"], "created_at")

    def _customers(self, asked: Mapping[str, Any]) -> list[Row]:
        chosen = asked.get("query", {}).get("filter")
        if not chosen:
            return self.customers
        if "updated_at" in chosen:
            return _within(self.customers, chosen["updated_at"])
        (wanted,) = chosen["custom_attribute"]["filters"]
        ids = {
            identity
            for identity, attributes in self.attributes.items()
            if _within([a for a in attributes if a["key"] == wanted["key"]], wanted["updated_at"])
        }
        return [row for row in self.customers if row["id"] in ids]

    def _money(self, request: Request) -> list[Row]:
        """List payments or refunds with Square's quiet defaults."""
        asked = request.asked
        rows = self.payments if request.path == "/v2/payments" else self.refunds
        begin = asked.get("begin_time") or _text(self.now - timedelta(days=365))
        rows = [row for row in rows if sortable(row["created_at"]) >= sortable(begin)]
        location = asked.get("location_id")
        if location is None and request.path == "/v2/payments":
            location = self.locations[0]["id"]
        rows = [row for row in rows if location is None or row.get("location_id") == location]
        span = {"start_at": asked["updated_at_begin_time"], "end_at": asked["updated_at_end_time"]}
        return _within(rows, span)

    def _page(self, request: Request, name: str, rows: list[Row]) -> Answer:
        start = int(request.asked.get("cursor") or 0)
        size = min(self.page_size, int(request.asked.get("limit") or self.page_size))
        end = start + size
        body: Row = {name: rows[start:end]} if rows[start:end] else {}
        if end < len(rows):
            body["cursor"] = str(end)
        return Answer(body=body)


def _within(rows: list[Row], span: Mapping[str, str], name: str = "updated_at") -> list[Row]:
    """Filter by time, both ends included, oldest first."""
    start, end = sortable(span["start_at"]), sortable(span["end_at"])
    found = [row for row in rows if start <= sortable(row[name]) <= end]
    return sorted(found, key=lambda row: sortable(row[name]))


def sortable(text: str) -> str:
    """Write a time with milliseconds, so that times in UTC compare as texts."""
    return text if "." in text else text.replace("Z", ".000Z")


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
