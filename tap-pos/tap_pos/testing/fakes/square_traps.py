"""What makes Square hard to read: changes shown late, pages that move, cursors that expire.

Every row has its history of what listings show. A change enters it at once but is shown after
`lag`; what is asked for by id is always current. Cursors are opaque to a client; here they
are a position in the sort order, as no documentation says otherwise.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_pos.testing.fake import Answer, Request, Row
from tap_pos.testing.fakes.square import ScriptedSquare, refusal, sortable

if TYPE_CHECKING:
    from collections.abc import Mapping

_LISTS = ("orders", "payments", "refunds", "customers", "attributes", "catalog", "events",
          "loyalty_accounts", "team_members")  # fmt: skip
_LISTINGS = {f"/v2/{name}/search" for name in ("orders", "customers", "catalog")} | {
    "/v2/payments", "/v2/refunds", "/v2/loyalty/accounts/search", "/v2/team-members/search",
}  # fmt: skip
_SLOWEST = {"customers": 180, "attributes": 180, "events": 180}
_SLOW = 60
_INDIRECT = {"attributes", "events"}
_PATHS = {"loyalty_accounts": "loyalty", "team_members": "team-members"}
_MOST_LOCATIONS = 10
_EVENTS_KEPT = timedelta(days=28)
_SORTED_BY = {
    "customers": "created_at",
    "loyalty_accounts": "created_at",
    "events": "created_at",
    "orders": "updated_at",
}


class TrickySquare(ScriptedSquare):
    """An account whose rows are written through `write`, and shown as Square shows them."""

    lag = timedelta(0)

    def __init__(self) -> None:
        super().__init__(page_size=3)
        self.events_enabled = True
        self._history: dict[str, dict[str, list[tuple[datetime, Row | None]]]] = {
            name: {} for name in _LISTS
        }
        self._generation = 0
        self._last_stamp = self.now

    def write(self, kind: str, identity: str, row: Row | None) -> None:
        """Change a row, or end it with None."""
        delay = min(self.lag, timedelta(seconds=_SLOWEST.get(kind, _SLOW)))
        self._history[kind].setdefault(identity, []).append((self.now + delay, row))

    def current(self, kind: str) -> dict[str, Row]:
        """Give all rows as they are, shown or not."""
        rows = {key: versions[-1][1] for key, versions in self._history[kind].items()}
        return {key: row for key, row in rows.items() if row is not None}

    def shown(self, kind: str) -> dict[str, Row]:
        """Give the rows that a listing shows now."""
        found = {}
        for key, versions in self._history[kind].items():
            row = next((row for at, row in reversed(versions) if at <= self.now), None)
            if row is not None:
                found[key] = row
        return found

    def stamp(self, milliseconds: int = 0) -> str:
        """Write down the present; never earlier than what was written before.

        Only odd seconds have fractions, so that much also happens at one and the same instant.
        """
        fraction = timedelta(milliseconds=milliseconds if self.now.second % 2 else 0)
        moment = max(self._last_stamp, self.now + fraction)
        self._last_stamp = moment
        text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        # Square leaves out what it does not need, so its times don't sort as texts.
        return text.replace(".000Z", "Z")

    def expire_cursors(self) -> None:
        """Forget every page given out so far."""
        self._generation += 1

    def answer(self, request: Request) -> Answer:
        """Answer one request from what is shown, or from what is, if it names ids."""
        rows = self.shown if request.path in _LISTINGS else self.current
        for name in _LISTS:
            # Whatever is not asked for needs no looking up.
            if name not in _INDIRECT and f"/{_PATHS.get(name, name)}" in request.path:
                setattr(self, name, list(rows(name).values()))
        if "/customers/" in request.path:
            self.attributes = {key: row["all"] for key, row in rows("attributes").items()}
        self.events = self._events_of(request) if request.path == "/v2/events" else []
        if (refused := self._refuse(request)) is not None:
            return refused
        return super().answer(request)

    def _events_of(self, request: Request) -> list[Row]:
        """Give the events of the asked types that are not too old to be kept."""
        kept = _text(self.now - _EVENTS_KEPT)
        types = request.asked["query"]["filter"].get("event_types")
        return [
            row
            for row in self.shown("events").values()
            if sortable(row["created_at"]) >= kept and (types is None or row["type"] in types)
        ]

    def _refuse(self, request: Request) -> Answer | None:
        """Refuse what Square documents as wrong."""
        if request.path == "/v2/events" and not self.events_enabled:
            return refusal(400, "BAD_REQUEST")
        if request.path == "/v2/orders/search":
            asked = request.asked
            if len(asked["location_ids"]) > _MOST_LOCATIONS:
                return refusal(400, "BAD_REQUEST")
            if asked["query"].get("sort", {}).get("sort_field") != "UPDATED_AT":
                return refusal(400, "INVALID_SORT_FIELD")
        return None

    def _page(self, request: Request, name: str, rows: list[Row]) -> Answer:
        """Give the rows after a position; how many is Square's choice, at times none."""
        asked = request.asked
        by = _SORTED_BY.get(name, "")
        if request.path in {"/v2/payments", "/v2/refunds"}:
            by = str(asked.get("sort_field", "CREATED_AT")).lower()
        falling = _falls(request.path, asked)
        place = {id(row): _position(row, by) for row in rows}
        rows = sorted(rows, key=lambda row: place[id(row)], reverse=falling)
        after, turn = None, 0
        if cursor := asked.get("cursor"):
            try:
                generation, after, turn = json.loads(urlsafe_b64decode(cursor))
            except ValueError:
                generation = None
            if generation != self._generation:
                return refusal(400, "INVALID_CURSOR")
        if after is not None:
            rows = [row for row in rows if (place[id(row)] < after) == falling]
            rows = [row for row in rows if place[id(row)] != after]
        size = min(int(asked.get("limit") or self.page_size), self.page_size + turn % 3 - 1)
        size = 0 if turn % 5 == 3 else size  # noqa: PLR2004 - now and then an empty page
        if request.path.endswith(("batch-retrieve", "/locations")):
            size = len(rows)  # these have no pages
        body: Row = {name: rows[:size]} if rows[:size] else {}
        if rows[size:]:
            after = place[id(rows[size - 1])] if size else after
            token = json.dumps([self._generation, after, turn + 1])
            body["cursor"] = urlsafe_b64encode(token.encode()).decode()
        return Answer(body=body)


def _position(row: Row, by: str) -> list[Any]:
    """Tell where a row stands; a list, as JSON gives it back."""
    identity = str(row.get("id") or row.get("event_id") or row.get("key"))
    return [sortable(row[by]) if by in row else "", identity]


def _falls(path: str, asked: Mapping[str, Any]) -> bool:
    """Tell whether a list is sorted newest first, which is Square's default for money."""
    if path in {"/v2/payments", "/v2/refunds"}:
        return bool(asked.get("sort_order") != "ASC")
    if path == "/v2/orders/search":
        return bool(asked["query"].get("sort", {}).get("sort_order") != "ASC")
    return False


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
