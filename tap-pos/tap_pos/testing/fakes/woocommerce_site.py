"""A small WooCommerce site that lists, filters, pages and refuses as WooCommerce 8.4 does.

Observed of a running shop (posts storage), traps included: at most 100 rows a page; totals in
headers; pages that drift when rows change; exclusive limits with whole seconds; dates without
an offset read on the site's own clock; "any" status without the trash; customers whose role
is not asked for, and whose `modified_after` is ignored. `versions` set to 9 adds the list of
all refunds, and `refunds_in_orders = False` empties the list in each order, as some sites do.
"""

from __future__ import annotations

from base64 import b64encode
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tap_pos.testing.fake import Answer, FakeVendor, Request, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_ROWS = 100
_DATES = ("date_created", "date_modified", "date_paid", "date_completed")


def refusal(status: int, code: str) -> Answer:
    """Make an answer with WordPress' error envelope."""
    return Answer(status, {"code": code, "message": "as scripted", "data": {"status": status}})


class ScriptedWooCommerce(FakeVendor):
    """The data of one site, and the server in front of it.

    Rows are kept with `put` and `remove`; each becomes visible `lag` later.
    """

    def __init__(self, now: datetime | None = None) -> None:
        super().__init__(now)
        self.key, self.secret = "ck_of_the_shop", "cs_of_the_shop"
        self.zone = ZoneInfo("America/New_York")
        self.version = 8
        self.refunds_in_orders = True
        self.lag = timedelta(0)
        self.page_size = _MOST_ROWS
        self.site: Row = {
            "name": "Tea &amp; Cake",
            "timezone_string": "America/New_York",
            "gmt_offset": -5,
        }
        self.settings_of_the_shop: Row = {
            "woocommerce_currency": "USD",
            "woocommerce_default_country": "US:NY",
            "woocommerce_store_address": "1 Tea Street",
            "woocommerce_store_city": "New York",
        }
        self._kept: dict[str, dict[int, list[tuple[datetime, Row | None]]]] = {}
        self._last_number = 0

    # --- the data ---------------------------------------------------------------------------

    def number(self) -> int:
        """Give out the next id: WordPress counts all kinds together."""
        self._last_number += 1
        return self._last_number

    def put(self, kind: str, row: Row) -> None:
        """Keep a row, new or changed."""
        self._last_number = max(self._last_number, row["id"])
        versions = self._kept.setdefault(kind, {}).setdefault(row["id"], [])
        versions.append((self.now + self.lag, deepcopy(row)))

    def remove(self, kind: str, number: int) -> None:
        """Delete a row for good."""
        self._kept[kind][number].append((self.now + self.lag, None))

    def newest(self, kind: str) -> dict[int, Row]:
        """Give every row as it is now, whether lists show it yet or not."""
        latest = {number: versions[-1][1] for number, versions in self._kept.get(kind, {}).items()}
        return {number: deepcopy(row) for number, row in latest.items() if row is not None}

    def visible(self, kind: str) -> list[Row]:
        """Give every row as lists show it, in order of id."""
        found = []
        for _, versions in sorted(self._kept.get(kind, {}).items()):
            shown = [row for since, row in versions if since <= self.now]
            if shown and shown[-1] is not None:
                found.append(self._dressed(kind, shown[-1]))
        return found

    def stamp(self, moment: datetime | None = None) -> str:
        """Write a time as WooCommerce's UTC fields do."""
        return (moment or self.now).astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")

    def _dressed(self, kind: str, row: Row) -> Row:
        """Add what WooCommerce computes: local dates, and an order's refunds."""
        row = deepcopy(row)
        for name in _DATES:
            if f"{name}_gmt" in row:
                universal = row[f"{name}_gmt"]
                row[name] = self._local(universal) if universal else None
        if kind == "orders":
            own = [r for r in self.visible("refunds") if r["parent_id"] == row["id"]]
            told = own if self.refunds_in_orders else []
            row["refunds"] = [
                {"id": refund["id"], "reason": refund["reason"], "total": f"-{refund['amount']}"}
                for refund in told
            ]
        return row

    def _local(self, universal: str) -> str:
        moment = datetime.fromisoformat(universal).replace(tzinfo=timezone.utc)
        return moment.astimezone(self.zone).strftime("%Y-%m-%dT%H:%M:%S")

    # --- the server -------------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        wordpress, _, path = request.path.partition("/wp-json/")
        if wordpress:
            return Answer(404, b"<html>Not here</html>", {"Content-Type": "text/html"})
        if not path:
            return self._index(request)
        if not path.startswith("wc/v3/"):
            return refusal(404, "rest_no_route")
        expected = b64encode(f"{self.key}:{self.secret}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return refusal(401, "woocommerce_rest_cannot_view")
        return self._route(path.removeprefix("wc/v3/").split("/"), request.asked)

    def _index(self, request: Request) -> Answer:
        if "authorization" in request.headers:
            # WordPress itself takes Basic authentication for a person's application password.
            return refusal(401, "invalid_username")
        return Answer(body=_only(self.site, request.asked))

    def _route(self, parts: list[str], asked: Mapping[str, str]) -> Answer:
        answer = refusal(404, "rest_no_route")
        match parts:
            case ["settings", "general"]:
                rows = [{"id": name, "value": v} for name, v in self.settings_of_the_shop.items()]
                answer = Answer(body=[_only(row, asked) for row in rows])
            case ["orders" | "customers" | "products" as kind]:
                answer = self._list(kind, self.visible(kind), asked)
            case ["products", "categories"]:
                answer = self._list("categories", self.visible("categories"), asked)
            case ["refunds"] if self.version >= 9:  # noqa: PLR2004 - the version that brought it
                answer = self._list("refunds", self.visible("refunds"), asked)
            case ["orders", number, "refunds"]:
                answer = self._children("orders", number, "refunds", asked)
            case ["products", number, "variations"]:
                answer = self._children("products", number, "variations", asked)
            case ["orders" | "customers" | "products" as kind, number]:
                answer = self._single(kind, int(number), asked)
        return answer

    def _single(self, kind: str, number: int, asked: Mapping[str, str]) -> Answer:
        kinds = [kind, "variations"] if kind == "products" else [kind]
        for row in (row for one in kinds for row in self.visible(one)):
            if row["id"] == number:
                # Asked for like a product, a variation says that it is one.
                return Answer(body=_only({"type": "variation", **row}, asked))
        return refusal(404, f"woocommerce_rest_{kind}_invalid_id")

    def _children(self, kind: str, parent: str, child: str, asked: Mapping[str, str]) -> Answer:
        if all(row["id"] != int(parent) for row in self.visible(kind)):
            return refusal(404, f"woocommerce_rest_{kind}_invalid_id")
        rows = [row for row in self.visible(child) if row["parent_id"] == int(parent)]
        return self._list(child, rows, asked)

    def _list(self, kind: str, rows: list[Row], asked: Mapping[str, str]) -> Answer:
        size = int(asked.get("per_page", 10))
        if not 1 <= size <= _MOST_ROWS:
            return refusal(400, "rest_invalid_param")
        size = min(size, self.page_size)
        if kind == "customers":
            role = asked.get("role", "customer")
            rows = [row for row in rows if role in ("all", row["role"])]
        else:
            rows = [row for row in rows if self._fits(row, asked)]
        rows = sorted(rows, key=_order(kind, asked.get("orderby")))
        if asked.get("order", "asc" if kind in {"customers", "categories"} else "desc") == "desc":
            rows.reverse()
        first = (int(asked.get("page", 1)) - 1) * size
        headers = {"X-WP-Total": str(len(rows)), "X-WP-TotalPages": str(-(-len(rows) // size))}
        shown = [_only(row, asked) for row in rows[first : first + size]]
        return Answer(body=shown, headers=headers)

    def _fits(self, row: Row, asked: Mapping[str, str]) -> bool:
        """Filter posts as WordPress does."""
        status, wanted = row.get("status", "any"), asked.get("status", "any")
        # All of WooCommerce's own statuses count as any, only the trash does not.
        if status not in (wanted, "any") and (wanted != "any" or status == "trash"):
            return False
        if "include" in asked and str(row["id"]) not in asked["include"].split(","):
            return False
        suffix = "_gmt" if asked.get("dates_are_gmt") == "true" else ""
        for name, prefix in (("date_created", ""), ("date_modified", "modified_")):
            column = row.get(name + suffix)
            limits = asked.get(f"{prefix}after"), asked.get(f"{prefix}before")
            if column is None or limits == (None, None):
                continue
            shown = datetime.fromisoformat(column)
            if limits[0] and not shown > self._as_php_reads(limits[0]):
                return False
            if limits[1] and not shown < self._as_php_reads(limits[1]):
                return False
        return True

    def _as_php_reads(self, text: str) -> datetime:
        """Turn a date into the digits that WordPress compares: those of the site's clock.

        A date without an offset keeps its digits, unless the clock skips them in spring.
        """
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=self.zone)
        return moment.astimezone(timezone.utc).astimezone(self.zone).replace(tzinfo=None)


def _order(kind: str, by: str | None) -> Any:
    """Sort as WordPress does: by site-local times, then by id."""
    if kind in {"customers", "categories"}:
        return lambda row: row["id"] if by == "id" else (row.get("name", ""), row["id"])
    column = {"modified": "date_modified", "id": None}.get(by or "date", "date_created")
    return lambda row: (row[column] if column else "", row["id"])


def _only(row: Row, asked: Mapping[str, str]) -> Row:
    """Leave the fields that were asked for."""
    names = asked.get("_fields")
    return {name: row[name] for name in names.split(",") if name in row} if names else row
