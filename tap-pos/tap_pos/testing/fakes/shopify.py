"""A Shopify whose data, clock and faults a test sets; its GraphQL is executed, not imitated.

Queries run against Shopify's own schema where its file is at hand, so a wrong field, a wrong
enum or a null where none may be is an error here as it would be there. Traps kept:

* listings come from an index that is behind by `lag`, while what is asked for by id is not;
* without `read_all_orders`, orders of more than sixty days ago do not exist;
* the product search shows active products only, unless asked for others;
* customers are found by whole days;
* cost, throttling and refusals are all told with status 200.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError, execute_sync

from tap_pos.testing.fake import Answer, FakeVendor, Request, Row
from tap_pos.testing.fakes import shopify_schema, shopify_search
from tap_pos.testing.fakes.shopify_views import Views

if TYPE_CHECKING:
    from collections.abc import Callable

ALL_SCOPES = ("read_all_orders", "read_customers", "read_locations", "read_orders",
              "read_products", "read_users")  # fmt: skip
VERSION = "2026-10"
_MOST_EXPENSIVE = 1000
_LARGEST_PAGE = 250
_HIDDEN_AFTER = timedelta(days=60)
_SCOPES = {
    "orders": "read_orders", "tenderTransactions": "read_orders", "customers": "read_customers",
    "products": "read_products", "productVariants": "read_products",
    "locations": "read_locations", "staffMembers": "read_users",
}  # fmt: skip
_KINDS = {"Order": "orders", "Customer": "customers", "ProductVariant": "productVariants",
          "Product": "products"}  # fmt: skip


@dataclass
class Bucket:
    """Points that refill by the machine's own clock, so that a test can really wait."""

    maximum: float = 2000.0
    restore: float = 1e6
    available: float = 2000.0
    at: float = 0.0

    def refill(self) -> None:
        """Bring it up to the present."""
        now = time.monotonic()
        self.available = min(self.maximum, self.available + (now - self.at) * self.restore)
        self.at = now

    def status(self) -> Row:
        """Report it as Shopify does."""
        return {
            "maximumAvailable": self.maximum,
            "currentlyAvailable": self.available,
            "restoreRate": self.restore,
        }


class FakeShopify(FakeVendor):
    """One shop. Rows are written with `write` and look like those of `shopify_rows`."""

    lag = timedelta(0)

    def __init__(self, now: datetime | None = None, page_size: int = 250) -> None:
        super().__init__(now)
        self.page_size = page_size
        self.tokens = {"token"}
        self.scopes = set(ALL_SCOPES)
        self.served_version: str | None = None
        self.bucket = Bucket()
        self.shop: Row = {
            "id": "gid://shopify/Shop/1",
            "createdAt": "2026-01-01T00:00:00Z",
            "currencyCode": "USD",
            "ianaTimezone": "America/New_York",
        }
        self.rows: dict[str, dict[int, Row]] = {name: {} for name in _SCOPES}
        self._index: dict[str, dict[int, list[tuple[datetime, datetime]]]] = {
            name: {} for name in _SCOPES
        }
        self.faults: list[str] = []
        self._views = Views(self)

    def write(self, kind: str, row: Row | None, *, number: int = 0) -> None:
        """Write a row, or delete one by its number with None."""
        if row is None:
            del self.rows[kind][number]
            return
        number = int(row["id"].rpartition("/")[2])
        self.rows[kind][number] = row
        changed = row.get("updatedAt") or row.get("processedAt")
        moment = self.now if changed is None else _moment(changed)
        self._index[kind].setdefault(number, []).append((self.now + self.lag, moment))

    def write_all(self, kind: str, *rows: Row) -> None:
        """Write several rows."""
        for row in rows:
            self.write(kind, row)

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        version = request.path.split("/")[3] if request.path.startswith("/admin/api/") else ""
        if request.path != f"/admin/api/{version}/graphql.json":
            return Answer(404, {"errors": "Not Found"})
        if request.headers.get("x-shopify-access-token") not in self.tokens:
            return Answer(401, {"errors": "[API] Invalid API key or access token"})
        asked = request.json()
        text, variables = asked["query"], asked.get("variables") or {}
        cost = shopify_schema.cost_of(text, variables)
        headers = {"X-Shopify-API-Version": self.served_version or version}
        return Answer(200, self._serve(text, variables, cost), headers)

    def _serve(self, text: str, variables: dict[str, Any], cost: int) -> Row:
        self.bucket.refill()
        if cost > _MOST_EXPENSIVE:
            body = _error("Query cost exceeds the limit", "MAX_COST_EXCEEDED")
        elif cost > self.bucket.available:
            return self.throttled(cost)
        elif wrong := shopify_schema.mistakes(text):
            self.faults += wrong
            body = {"errors": [{"message": m, "extensions": {"code": "invalid"}} for m in wrong]}
        else:
            self.bucket.available -= cost / 2
            body = self._execute(text, variables)
        return body | {"extensions": {"cost": self._cost(cost)}}

    def throttled(self, cost: float) -> Row:
        """Make the body of an answer to somebody who asks too much at once."""
        return _error("Throttled", "THROTTLED") | {"extensions": {"cost": self._cost(cost)}}

    def _cost(self, cost: float) -> Row:
        return {"requestedQueryCost": cost, "throttleStatus": self.bucket.status()}

    def _execute(self, text: str, variables: dict[str, Any]) -> Row:
        result = execute_sync(
            shopify_schema.schema(),
            shopify_schema.document(text),
            self._roots(),
            variable_values=variables,
        )
        body: Row = {"data": result.data}
        if result.errors:
            body["errors"] = [dict(error.formatted) for error in result.errors]
            self.faults += [
                error.message
                for error in result.errors
                if (error.extensions or {}).get("code") != "ACCESS_DENIED"
            ]
        return body

    def _roots(self) -> Row:
        views = self._views
        roots: Row = {
            "shop": self.shop,
            "currentAppInstallation": {
                "id": "gid://shopify/AppInstallation/1",
                "accessScopes": [{"handle": scope} for scope in sorted(self.scopes)],
            },
            "nodes": lambda _info, ids: [self._node(identity) for identity in ids],
            "order": lambda _info, **asked: self._node(asked["id"]),
            "product": lambda _info, **asked: self._node(asked["id"]),
            "refund": lambda _info, **asked: views.refund_by_id(asked["id"]),
        }
        return roots | {root: self._lister(root) for root in _SCOPES}

    def _lister(self, root: str) -> Callable[..., Any]:
        def listed(_info: Any, **asked: Any) -> Row:
            self.need(_SCOPES[root])
            if asked["first"] > _LARGEST_PAGE:
                raise GraphQLError("first is too large", extensions={"code": "BAD_FIRST"})
            numbers = self._found(root, asked)
            if asked.get("sortKey") == "ID":
                numbers.sort()
            start = int(asked.get("after") or 0)
            end = start + min(asked["first"], self.page_size)
            view = self._views.of(root)
            return {
                "nodes": [view(self.rows[root][number]) for number in numbers[start:end]],
                "pageInfo": {"hasNextPage": end < len(numbers), "endCursor": str(end)},
            }

        return listed

    def _found(self, root: str, asked: Row) -> list[int]:
        """Search the index, in an order that a client can't rely on."""
        matches = shopify_search.matcher(root, asked.get("query"))
        found = []
        for number, row in reversed(self.rows[root].items()):
            changed = self._indexed(root, number)
            if changed is None or not self.may_see(root, row):
                continue
            status = row.get("status")
            if root == "productVariants":
                status = self.rows["products"][row["product"]]["status"]
            if root == "locations" and not (
                (row["isActive"] or asked["includeInactive"])
                and (not row["isFulfillmentService"] or asked["includeLegacy"])
            ):
                continue
            if matches({"number": number, "changed": changed, "status": status}):
                found.append(number)
        return found

    def _indexed(self, root: str, number: int) -> datetime | None:
        """Tell when a row changed as far as the index knows; None if it does not know it."""
        shown = [changed for at, changed in self._index[root][number] if at <= self.now]
        return shown[-1] if shown else None

    def _node(self, identity: str) -> Row | None:
        _, _, _, kind, number = identity.split("/")
        root = _KINDS[kind]
        self.need(_SCOPES[root])
        row = self.rows[root].get(int(number))
        if row is None or not self.may_see(root, row):
            return None
        view: Row = self._views.of(root)(row)
        return view | {"__typename": kind}

    def may_see(self, root: str, row: Row) -> bool:
        """Tell whether an order is young enough for the app's scopes."""
        if root != "orders" or "read_all_orders" in self.scopes:
            return True
        return _moment(row["createdAt"]) >= self.now - _HIDDEN_AFTER

    def need(self, scope: str) -> None:
        """Refuse a field whose scope the app lacks."""
        if scope not in self.scopes:
            raise GraphQLError(
                f"Access denied. Required access: `{scope}` access scope.",
                extensions={"code": "ACCESS_DENIED", "requiredAccess": scope},
            )


def _error(message: str, code: str) -> Row:
    return {"errors": [{"message": message, "extensions": {"code": code}}]}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)
