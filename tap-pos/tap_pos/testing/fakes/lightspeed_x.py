"""A small Lightspeed X-Series account that lists, pages, rotates tokens and refuses as documented.

Versions grow over the whole account and leave gaps. A change enters a list at once but is
shown after `lag`, with the version and the time at which it was made: a version drawn before
its change is committed. An expired API version is served by an older one without a word.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from tap_pos.testing.fake import Answer, FakeVendor, Request, Row

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION = "2026-07"
_BY_VERSION = ("outlets", "users", "products", "brands", "customers", "customer_groups", "sales")
_SHOWS_DELETED = {"outlets", "products", "customers", "customer_groups"}
_SCOPES = {
    "outlets": "outlets:read", "retailer": "retailer:read", "users": "users:read",
    "products": "products:read", "brands": "products:read",
    "product_categories": "products:read", "customers": "customers:read",
    "customer_groups": "customers:read", "sales": "sales:read",
}  # fmt: skip


class ScriptedLightspeed(FakeVendor):
    """The data of one account, and the server in front of it.

    Rows are written with `write`. `script` sees each request first and may answer in place of
    the data.
    """

    lag = timedelta(0)
    page_size = 1000

    def __init__(self, now: datetime | None = None) -> None:
        super().__init__(now)
        self.personal_tokens = {"token"}
        self.scopes = set(_SCOPES.values())
        self.served_versions = {VERSION}
        self.retailer: Row = {
            "id": "11111111-0000-4000-8000-000000000001",
            "name": "Tea",
            "country": "NZ",
            "currency": {"code": "NZD", "symbol": "$"},
            "tax_exclusive": False,
            "discount_product_id": "dddddddd-0000-4000-8000-000000000001",
        }
        self.oauth = {"client_id": "app", "client_secret": "app-secret"}
        self.refresh_token = "refresh-0"  # noqa: S105 - opens nothing but this fake
        self.access_tokens: set[str] = set()
        self.refreshes = 0
        self.token_limit_resets_at: datetime | None = None
        self._version = 1_000
        self._history: dict[str, dict[str, list[tuple[datetime, Row]]]] = {
            name: {} for name in (*_BY_VERSION, "product_categories")
        }

    def stamp(self) -> str:
        """Write down the present as Lightspeed does."""
        return self.now.strftime("%Y-%m-%dT%H:%M:%S+00:00")

    def write(self, kind: str, row: Row, *, versioned: bool = True) -> None:
        """Add or change a row, which gets the next version."""
        row = dict(row)
        if versioned:
            # Other accounts' changes take most of the numbers.
            self._version += 1 + self._version % 7
            if kind == "sales":
                row["_metadata"] = {**row.get("_metadata", {}), "version": self._version}
            else:
                row["version"] = self._version
        self._history[kind].setdefault(row["id"], []).append((self.now + self.lag, row))

    def current(self, kind: str) -> dict[str, Row]:
        """Give all rows as they are, shown or not."""
        return {key: versions[-1][1] for key, versions in self._history[kind].items()}

    def shown(self, kind: str) -> list[Row]:
        """Give the rows that a listing shows now."""
        found = []
        for versions in self._history[kind].values():
            row = next((row for at, row in reversed(versions) if at <= self.now), None)
            if row is not None:
                found.append(row)
        return found

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        if "tap-pos" not in request.headers.get("user-agent", ""):
            return _refusal(400, "A descriptive User-Agent is required")
        if request.path == "/api/1.0/token":
            return self._token(request)
        _, _, version, name = (*request.path.split("/"), "", "", "")[:4]
        return self._refuse(request, name) or self._data(request, version, name)

    def _refuse(self, request: Request, name: str) -> Answer | None:
        """Refuse a token, a scope or a path."""
        if request.token not in self.personal_tokens | self.access_tokens:
            return _refusal(401, "Unauthorized")
        if name not in _SCOPES:
            return _refusal(404, "Not Found")
        return None if _SCOPES[name] in self.scopes else _refusal(403, "Forbidden")

    def _data(self, request: Request, version: str, name: str) -> Answer:
        if name == "retailer":
            return Answer(body={"data": self.retailer})
        if name == "product_categories":
            return self._categories(request)
        return self._page(request, name, as_2_0 if version not in self.served_versions else None)

    def busy(self) -> Answer:
        """Answer as Lightspeed does when asked too often: with a date, not with seconds."""
        reset = format_datetime(self.now, usegmt=True)
        return Answer(429, {"error": "Too Many Requests"}, {"Retry-After": reset})

    def revoke_access(self) -> None:
        """Make every access token given out so far invalid."""
        self.access_tokens.clear()

    def _token(self, request: Request) -> Answer:
        """Trade the refresh token for a new pair; the old one ends at once."""
        if self.token_limit_resets_at is not None and self.now < self.token_limit_resets_at:
            reset = str(int(self.token_limit_resets_at.timestamp()))
            return Answer(429, {"error": "Too Many Requests"}, {"X-RateLimit-Reset": reset})
        form = {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
        wanted = {
            **self.oauth,
            "grant_type": "refresh_token",
            "refresh_token": self.refresh_token,
        }
        if form != wanted:
            return _refusal(400, "invalid_grant")
        self.refreshes += 1
        self.refresh_token = f"refresh-{self.refreshes}"
        self.access_tokens = {f"access-{self.refreshes}"}
        return Answer(
            body={
                "access_token": f"access-{self.refreshes}",
                "refresh_token": self.refresh_token,
                "token_type": "Bearer",
                "expires_in": 86400,
                "expires": int(self.now.timestamp()) + 86400,
                "domain_prefix": "tea",
                "scope": "",
            }
        )

    def _page(self, request: Request, name: str, reshape: Callable[[Row], Row] | None) -> Answer:
        asked = request.asked
        after, size = int(asked.get("after") or 0), int(asked.get("page_size") or 50)
        deleted = name not in _SHOWS_DELETED or asked.get("deleted") == "true"
        rows = [row for row in self.shown(name) if deleted or not row.get("deleted_at")]
        rows = sorted((row for row in rows if version_of(row) > after), key=version_of)
        rows = rows[: min(size, self.page_size)]
        numbers = [version_of(row) for row in rows]
        if reshape is not None and name == "sales":
            rows = [reshape(row) for row in rows]
        span = {"min": min(numbers, default=None), "max": max(numbers, default=None)}
        return Answer(body={"data": rows, "version": span})

    def _categories(self, request: Request) -> Answer:
        """List categories by id: the one list without versions."""
        asked = request.asked
        size = min(int(asked.get("page_size") or 1000), self.page_size)
        rows = sorted(self.shown("product_categories"), key=lambda row: str(row["id"]))
        rows = [row for row in rows if row["id"] > asked.get("after", "")]
        info = {"has_next": len(rows) > size, "last_seen": rows[:size][-1]["id"] if rows else ""}
        return Answer(body={"data": {"categories": rows[:size]}, "page_info": info})


def version_of(row: Row) -> int:
    """Tell the version of a row, wherever it stands."""
    number: int = row.get("version") or row["_metadata"]["version"]
    return number


def as_2_0(sale: Row) -> Row:
    """Put a sale into the shape of API 2.0."""
    states = {"parked": "SAVED", "pending": "LAYBY", "voided": "VOIDED", "closed": "CLOSED"}
    return {
        "id": sale["id"],
        "status": states[sale["state"]],
        "sale_date": sale["date"],
        "outlet_id": sale["source"]["outlet_id"],
        "source": "USER",
        "total_price": sale["totals"]["price"],
        "total_tax": sale["totals"]["tax"],
        "line_items": [],
        "payments": [],
        "created_at": sale["created_at"],
        "updated_at": sale["updated_at"],
        "version": version_of(sale),
    }


def _refusal(status: int, error: str) -> Answer:
    body: dict[str, Any] = {"error": error, "message": "as scripted"}
    return Answer(status, body)
