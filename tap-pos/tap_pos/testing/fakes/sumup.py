"""A small SumUp account that lists and pages as SumUp's own description says.

Traps included: ten entries a page unless asked for more; `changes_since` includes its
instant, `newest_time` excludes it; the link to the next page names where it goes on but not
what was asked for; an entry shows no time of change; a refund is an entry of its own that
names the payment's transaction.
"""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from tap_pos.testing.conformance import ConformingFake, Facts, SpecificationMissing
from tap_pos.testing.fake import Answer, Request, Row
from tap_pos.testing.openapi import OpenApi
from tap_pos.testing.specifications import specification

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from random import Random

MERCHANT = "MH4H92C7"
_SPECIFICATION = "sumup/openapi.json"
_NAMES = ("Quirina", "Øyvind", "نور", "Zoë 🫖", "O'Brien", "李")
_GOODS = ("Tea", "Cup & Saucer", "شاي", "Cake 🍰")
_WAYS = (("POS", "CHIP"), ("POS", "CONTACTLESS"), ("CASH", "NONE"), ("ECOM", "APPLE_PAY"))


class SumUpLife(ConformingFake):
    """The account of one merchant in Berlin."""

    vendor = "sumup"
    lookback = timedelta(minutes=5)
    lag = timedelta(0)
    page_size = 3

    def __init__(self, now: datetime | None = None) -> None:
        super().__init__(now)
        self.page_size = type(self).page_size
        self.keys = {"sup_sk_key"}
        self.members: list[Row] = []
        self.merchant: Row = {
            "merchant_code": MERCHANT,
            "country": "DE",
            "default_currency": "EUR",
            "default_locale": "de-DE",
            "created_at": "2026-01-05T08:00:00Z",
            "updated_at": "2026-01-05T08:00:00Z",
            "business_profile": {
                "name": "Tea & Cake",
                "email": "shop@example.com",
                "address": {"street_address": ["Teeweg 1"], "city": "Berlin", "country": "DE"},
            },
        }
        self.facts: Facts = {
            "locations": {MERCHANT: {"name": "Tea & Cake", "currency": "EUR"}},
            "employees": {},
            "orders": {},
        }
        # Of each: when a version became visible, when it was made, and what it says.
        self._entries: dict[str, list[tuple[datetime, datetime, Row]]] = {}
        self._transactions: dict[str, list[tuple[datetime, datetime, Row]]] = {}
        self._numbers = 0
        self._open: OpenApi | None = None
        self._violations: list[str] = []

    def settings(self) -> dict[str, Any]:
        """Give the settings of this shop."""
        return {
            "vendor": "sumup",
            "shop_id": "tea",
            "access_token": "sup_sk_key",
            "merchant_id": MERCHANT,
            "base_url": self.url,
            "timezone": "Europe/Berlin",
        }

    def truth(self) -> Facts:
        """Say what was told to the actions."""
        return self.facts

    def expire_cursors(self) -> None:
        """Do nothing: SumUp's places are entries of the history, which stay."""

    @property
    def violations(self) -> list[str]:
        """What broke SumUp's description."""
        return self._violations

    @contextmanager
    def specification(self) -> Iterator[None]:
        """Hold requests and answers to SumUp's own OpenAPI file."""
        if (file := specification(_SPECIFICATION)) is None:
            raise SpecificationMissing(f"{_SPECIFICATION} is not on this machine")
        self._open = OpenApi(file)
        try:
            yield
        finally:
            self._open = None

    # --- what happens ------------------------------------------------------------------------

    def take(self, transaction: Row) -> Row:
        """Take money: keep a transaction in full, and its entry in the history."""
        own = {"timestamp": self.stamp(), "merchant_code": MERCHANT, **transaction}
        self._keep(self._transactions, own["id"], own)
        shown = ("transaction_code", "amount", "currency", "timestamp", "status", "payment_type")
        entry = {name: own[name] for name in shown if name in own}
        entry |= {"id": own["id"], "transaction_id": own["id"], "type": "PAYMENT"}
        self._keep(self._entries, own["id"], {**entry, "refunded_amount": 0})
        return own

    def change(self, identity: str, **changes: Any) -> None:
        """Change a transaction, and its entry as far as that shows it."""
        for kept in (self._transactions, self._entries):
            row = deepcopy(kept[identity][-1][2])
            names = changes if kept is self._transactions else changes.keys() & {"status"}
            self._keep(kept, identity, {**row, **{name: changes[name] for name in names}})

    def give_back(self, identity: str, cents: int, kind: str = "REFUND") -> None:
        """Give money back: an event of the transaction, and an entry of its own."""
        number, reference = self._number(), str(UUID(int=self._number()))
        paid = self._transactions[identity][-1][2]
        event = {"id": number, "status": "REFUNDED", "amount": cents / 100}
        event["timestamp"] = self.stamp()
        self.change(
            identity,
            status="REFUNDED",
            transaction_events=[
                *paid.get("transaction_events", ()), {**event, "event_type": kind}
            ],
            events=[*paid.get("events", ()), {**event, "type": kind, "transaction_id": identity}],
        )  # fmt: skip
        entry = {
            "id": reference, "transaction_id": identity, "type": kind, "amount": cents / 100,
            "currency": paid["currency"], "timestamp": self.stamp(), "status": "SUCCESSFUL",
        }  # fmt: skip
        self._keep(self._entries, reference, entry)

    def sell(self, chance: Random) -> None:
        """Take money for one to three products, or without saying for what."""
        tip, products, goods, vat = chance.choice((0, 0, 150)), [], 0, 0
        for _ in range(chance.randint(0, 3)):
            price, quantity = chance.choice((0, 450, 1299)), chance.randint(1, 3)
            tax = price * quantity * 19 // 100
            goods, vat = goods + price * quantity, vat + tax
            products.append(
                {"name": chance.choice(_GOODS), "quantity": quantity, "price": price / 100,
                 "total_price": price * quantity / 100, "vat_amount": tax / 100,
                 "total_with_vat": (price * quantity + tax) / 100}
            )  # fmt: skip
        discount = goods // 10 if chance.random() < 0.3 else 0  # noqa: PLR2004 - some
        goods = goods - discount if products else chance.choice((0, 500, 1000))
        identity, (way, mode) = str(UUID(int=self._number())), chance.choice(_WAYS)
        status = chance.choice(("SUCCESSFUL", "SUCCESSFUL", "PENDING"))
        more: Row = {"products": products} if products else {"product_summary": "Purchase"}
        total = goods + vat + tip
        self.take(
            {"id": identity, "transaction_code": f"T{self._numbers}", "amount": total / 100,
             "currency": "EUR", "status": status, "payment_type": way, "entry_mode": mode,
             "vat_amount": vat / 100, "tip_amount": tip / 100, "auth_code": "053201",
             "card": {"last_4_digits": "3456", "type": "VISA"}, **more}
        )  # fmt: skip
        self.facts["orders"][identity] = {
            "state": "open" if status == "PENDING" else "completed",
            "net": goods,
            "total": total,
            "len(lines)": len(products) or 1,
            "refunded": 0,
        }

    def refund(self, chance: Random) -> None:
        """Give something back, or let the cardholder's bank take it."""
        if identity := self._pick(chance, "completed"):
            cents = chance.choice((0, 100, 250))
            self.give_back(identity, cents, chance.choice(("REFUND", "CHARGE_BACK")))
            self.facts["orders"][identity]["refunded"] += cents

    def change_sale(self, chance: Random) -> None:
        """Learn what became of a payment that was on its way."""
        if identity := self._pick(chance, "open"):
            status = chance.choice(("SUCCESSFUL", "FAILED"))
            self.change(identity, status=status)
            state = "completed" if status == "SUCCESSFUL" else "cancelled"
            self.facts["orders"][identity]["state"] = state

    def cancel_sale(self, chance: Random) -> None:
        """Cancel a payment that was on its way."""
        if identity := self._pick(chance, "open"):
            self.change(identity, status="CANCELLED")
            self.facts["orders"][identity]["state"] = "cancelled"

    def hire(self, chance: Random) -> None:
        """Take on somebody, or dismiss the first who was."""
        number, name = self._number(), chance.choice(_NAMES)
        user = {
            "id": str(UUID(int=number)), "type": "managed_user", "email": f"m{number}@example.com",
            "nickname": name, "mfa_on_login_enabled": False, "virtual_user": True,
            "service_account_user": False,
        }  # fmt: skip
        member = {"id": f"mem_{number}", "roles": ["role_employee"], "permissions": []}
        times = {"created_at": self.stamp(), "updated_at": self.stamp()}
        self.members.append({**member, **times, "status": "accepted", "user": user})
        self.facts["employees"][f"mem_{number}"] = {"display_name": name, "active": True}
        if chance.random() < 0.5:  # noqa: PLR2004 - every other time
            self.members[0] |= {"status": "disabled", "updated_at": self.stamp()}
            self.facts["employees"][self.members[0]["id"]]["active"] = False

    # --- the server --------------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:
        """Answer, and hold both sides to the description while that is wanted."""
        found = self._answer(request)
        if self._open is not None:
            method, path = request.method, request.path
            self._violations += self._open.check_request(method, path, request.query)
            self._violations += self._open.check_answer(method, path, found.status, found.body)
        return found

    def _answer(self, request: Request) -> Answer:
        if request.token not in self.keys:
            return Answer(401, {"type": "https://example.com/x", "title": "Unauthorized"})
        answer = Answer(404, {"error_code": "NOT_FOUND", "message": "Resource not found"})
        match request.path.split("/")[1:]:
            case [_, "merchants", code, *_] if code != MERCHANT:
                answer = Answer(404, {"type": "https://example.com/x", "title": "Not found"})
            case ["v1", "merchants", _]:
                answer = Answer(body=self.merchant)
            case ["v0.1", "merchants", _, "members"]:
                first, size = int(request.asked.get("offset", 0)), int(request.asked["limit"])
                rows = self.members[first : first + min(size, self.page_size)]
                answer = Answer(body={"items": rows, "total_count": len(self.members)})
            case ["v2.1", "merchants", _, "transactions"]:
                if row := self._visible(self._transactions).get(request.asked["id"]):
                    answer = Answer(body=row[1])
            case ["v2.1", "merchants", _, "transactions", "history"]:
                answer = self._history(request.asked)
        return answer

    def _history(self, asked: Mapping[str, str]) -> Answer:
        size = min(int(asked.get("limit", 10)), self.page_size)
        shown = self._visible(self._entries)
        places = list(shown)
        found = [
            row
            for place, (changed, row) in shown.items()
            if (
                "oldest_ref" not in asked or places.index(place) > places.index(asked["oldest_ref"])
            )
            and _at_or_after(changed, asked.get("changes_since"))
            and _at_or_after(_moment(row["timestamp"]), asked.get("oldest_time"))
            and not (
                "newest_time" in asked
                and _at_or_after(_moment(row["timestamp"]), asked["newest_time"])
            )
        ]
        links = []
        if len(found) > size:
            following = {"limit": size, "oldest_ref": found[size - 1]["id"], "order": "ascending"}
            links.append({"rel": "next", "href": urlencode(following)})
        return Answer(body={"items": found[:size], "links": links})

    # --- how it is kept ----------------------------------------------------------------------

    def stamp(self) -> str:
        """Write the time as SumUp does."""
        return self.now.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def _keep(
        self, kept: dict[str, list[tuple[datetime, datetime, Row]]], identity: str, row: Row
    ) -> None:
        kept.setdefault(identity, []).append((self.now + self.lag, self.now, deepcopy(row)))

    def _visible(
        self, kept: dict[str, list[tuple[datetime, datetime, Row]]]
    ) -> dict[str, tuple[datetime, Row]]:
        """Give what lists show: of each the newest version that is visible."""
        found = {}
        for identity, versions in kept.items():
            shown = [(changed, row) for since, changed, row in versions if since <= self.now]
            if shown:
                found[identity] = shown[-1]
        return found

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _pick(self, chance: Random, state: str) -> str | None:
        fitting = [key for key, facts in self.facts["orders"].items() if facts["state"] == state]
        return chance.choice(fitting) if fitting else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _at_or_after(moment: datetime, limit: str | None) -> bool:
    return limit is None or moment >= _moment(limit)
