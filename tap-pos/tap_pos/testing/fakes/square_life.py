"""A Square account with twelve locations in which everything happens that its API can show."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from tap_pos.testing.conformance import ConformingFake, Facts, SpecificationMissing
from tap_pos.testing.fakes.square import refusal
from tap_pos.testing.fakes.square_rows import location, money
from tap_pos.testing.fakes.square_till import SquareTill
from tap_pos.testing.openapi import OpenApi
from tap_pos.testing.specifications import specification

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tap_pos.testing.fake import Answer, Request, Row

_SPECIFICATION = "square/api-2025-08-20.offline.json"
_NAMES = ("Quirina", "Øyvind", "نور", "Zoë 🫖", "O'Brien", "李")


class SquareLife(SquareTill, ConformingFake):
    """The account, its people and its range; `SquareTill` has what happens at the till."""

    vendor = "square"
    lookback = timedelta(seconds=180)
    forgets_cursors = True
    lag = timedelta(0)
    page_size = 3

    def __init__(self) -> None:
        super().__init__()
        self.tokens = {"EAAA-square-secret"}
        self.locations = [
            location(f"L{n:02}", created_at="2026-02-20T09:00:00Z", status="ACTIVE")
            for n in range(1, 13)
        ]
        self.locations[2] |= {"currency": "JPY", "timezone": "Asia/Tokyo"}
        self.locations[11] |= {"status": "INACTIVE"}
        self.groups = [{"id": "G1", "name": "Newsletter"}, {"id": "G2", "name": "Friends"}]
        self.facts["locations"] = {
            place["id"]: {"name": place["name"], "active": place["status"] == "ACTIVE"}
            for place in self.locations
        }
        self.write("catalog", "K1", self._category("Drinks"))
        self._open: OpenApi | None = None
        self._violations: list[str] = []

    def settings(self) -> dict[str, Any]:
        """Give the settings of this shop, which keeps opt-ins in two places."""
        opt_in: Row = {"purpose": "marketing"}
        return {
            "vendor": "square",
            "shop_id": "tea",
            "access_token": "EAAA-square-secret",
            "base_url": self.url,
            "consent_sources": [
                {"group": "Newsletter", "channels": ["email"], **opt_in},
                {"custom_attribute": "sms", "channels": ["sms"], "given": ["yes"],
                 "withdrawn": ["no"], **opt_in},
            ],
        }  # fmt: skip

    def truth(self) -> Facts:
        """Say what was told to the actions."""
        return self.facts

    def busy(self) -> Answer:
        """Answer as Square does when asked too often."""
        return refusal(429, "RATE_LIMITED", Retry_After="0")

    @property
    def violations(self) -> list[str]:
        """What broke Square's specification."""
        return self._violations

    @contextmanager
    def specification(self) -> Iterator[None]:
        """Hold requests and answers to Square's own OpenAPI file."""
        if (file := specification(_SPECIFICATION)) is None:
            raise SpecificationMissing(f"{_SPECIFICATION} is not on this machine")
        self._open = OpenApi(file)
        try:
            yield
        finally:
            self._open = None

    def answer(self, request: Request) -> Answer:
        """Answer, and hold both sides to the specification while that is wanted."""
        found = super().answer(request)
        if self._open is not None:
            method, path = request.method, request.path
            body = request.json() if request.body else None
            self._violations += self._open.check_request(method, path, request.query, body)
            self._violations += self._open.check_answer(method, path, found.status, found.body)
        return found

    # --- people ------------------------------------------------------------------------------

    def add_customer(self, chance: Random) -> None:
        """Take down a new customer; every other one joins the loyalty programme."""
        identity = self.fresh("C")
        self._write_customer(identity, {"given_name": chance.choice(_NAMES)}, chance)
        if chance.random() < 0.5:  # noqa: PLR2004 - every other one
            self.add_points(identity, 0)

    def change_customer(self, chance: Random) -> None:
        """Change a name, an address, or one of the places where consent is kept."""
        if (person := self.pick(chance, "customers")) is None:
            return
        what = chance.randrange(6)
        if what not in {1, 2, 3}:
            # Square does not touch the profile when a custom attribute changes.
            entry: Row = {"key": "sms", "value": chance.choice(("yes", "no")), "version": 1}
            entry |= {"updated_at": self.stamp(), "created_at": self.stamp()}
            entry |= {"visibility": "VISIBILITY_READ_ONLY"}
            others = [{"key": f"other-{n}", "value": n} for n in range(4)]
            self.write("attributes", person["id"], {"all": [*others, entry]})
            return
        changes: dict[int, Row] = {
            1: {"given_name": chance.choice(_NAMES)},
            2: {"preferences": {"email_unsubscribed": True}},
            3: {"group_ids": chance.choice((["G1"], ["G2"], ["G1", "G2"]))},
        }
        self._write_customer(person["id"], {**person, **changes[what]}, chance)

    def delete_customer(self, chance: Random) -> None:
        """Delete a customer, of whom only an event tells."""
        if (person := self.pick(chance, "customers")) is not None:
            self._end_customer(person["id"], {})

    def merge_customers(self, chance: Random) -> None:
        """Merge two customers into a new one."""
        people = sorted(self.current("customers"))
        if len(people) < 2:  # noqa: PLR2004 - a merge takes two
            return
        gone, survivor = chance.sample(people, 2), self.fresh("C")
        self._write_customer(survivor, {**self.current("customers")[gone[0]]}, chance)
        merge = {"from_customer_ids": gone, "to_customer_id": survivor}
        for identity in gone:
            self._end_customer(identity, {"event_context": {"merge": merge}})
            if self.events_enabled:
                self.facts["customers"][identity]["merged_into"] = survivor

    def hire(self, chance: Random) -> None:
        """Take on somebody, or let somebody go."""
        staff = self.current("team_members")
        if staff and chance.random() < 0.4:  # noqa: PLR2004 - more come than go
            identity = chance.choice(sorted(staff))
            self.write("team_members", identity, {**staff[identity], "status": "INACTIVE"})
            self.facts["employees"][identity] = {"active": False}
            return
        identity = f"{chance.randrange(10**6):06}-{self.fresh('T')}"
        self.write("team_members", identity, {
            "id": identity, "status": "ACTIVE", "given_name": chance.choice(_NAMES),
            "family_name": "Till", "created_at": self.stamp(), "updated_at": self.stamp(),
            "assigned_locations": {"assignment_type": "ALL_CURRENT_AND_FUTURE_LOCATIONS"},
        })  # fmt: skip
        self.facts["employees"][identity] = {"active": True, "display_name": None}
        name = self.current("team_members")[identity]["given_name"]
        self.facts["employees"][identity]["display_name"] = f"{name} Till"

    def _write_customer(self, identity: str, row: Row, chance: Random) -> None:
        now = self.stamp(chance.choice((0, 0, 250, 999)))
        made = row.get("created_at", now) if row.get("id") == identity else now
        email = f"{identity.lower()}@example.org"
        row |= {"id": identity, "created_at": made, "updated_at": now, "email_address": email}
        self.write("customers", identity, row)
        self.facts["customers"][identity] = {"given_name": row["given_name"], "email": email}

    def _end_customer(self, identity: str, about: Row) -> None:
        self.write("customers", identity, None)
        self.facts["customers"][identity] = {"deleted_at": "*"}
        event = self.fresh("E")
        self.write("events", event, {
            "merchant_id": "M1", "type": "customer.deleted", "event_id": event,
            "created_at": self.stamp(),
            "data": {"type": "customer", "id": identity, "deleted": True, "object": about},
        })  # fmt: skip

    # --- the range ---------------------------------------------------------------------------

    def add_product(self, chance: Random) -> None:
        """Take in an item with one or two variations."""
        item = self.fresh("I")
        self.write("catalog", item, {
            "type": "ITEM", "id": item, "version": 1, "updated_at": self.stamp(),
            "is_deleted": False, "item_data": {"name": f"Tea {item}", "category_id": "K1"},
        })  # fmt: skip
        for name in ("Regular", "Large")[: chance.randint(1, 2)]:
            self._write_variation(item, self.fresh("V"), name, chance.choice((0, 450, 1250)))
        self._touch(item)

    def change_product(self, chance: Random) -> None:
        """Change an item's name, a variation's price or the name of all items' category."""
        variations = self._alive("ITEM_VARIATION")
        if not variations:
            return
        chosen, what = variations[chance.choice(sorted(variations))], chance.randrange(6)
        data = chosen["item_variation_data"]
        if what < 2:  # noqa: PLR2004 - a name, a price, or seldom the category
            number = chance.randrange(100)
            self._touch(data["item_id"], name=f"Tea {data['item_id']} no. {number}")
        elif what < 5:  # noqa: PLR2004 - see above
            price = data["price_money"]["amount"] + 25
            self._write_variation(data["item_id"], chosen["id"], data["name"], price)
            if chance.random() < 0.5:  # noqa: PLR2004 - at times the item is touched as well
                self._touch(data["item_id"])
        else:
            self.write("catalog", "K1", self._category(f"Drinks {chance.randrange(100)}"))
            for item in self._alive("ITEM"):
                self._tell_products(item)

    def delete_product(self, chance: Random) -> None:
        """Delete an item with its variations, or one variation of it."""
        items = self._alive("ITEM")
        if not items:
            return
        item, now = items[chance.choice(sorted(items))], self.stamp()
        mine = self._variations_of(item["id"])
        last = mine[:1] if len(mine) > 1 and chance.random() < 0.5 else mine  # noqa: PLR2004
        for gone in last:
            self.write("catalog", gone["id"], {**gone, "is_deleted": True, "updated_at": now})
            self.facts["products"][gone["id"]] = {"deleted_at": "*"}
        if last is mine:
            self.write("catalog", item["id"], {**item, "is_deleted": True, "updated_at": now})
        else:
            self._touch(item["id"])

    def _category(self, name: str) -> Row:
        return {"type": "CATEGORY", "id": "K1", "version": 1, "updated_at": self.stamp(),
                "is_deleted": False, "category_data": {"name": name}}  # fmt: skip

    def _alive(self, kind: str) -> dict[str, Row]:
        rows = self.current("catalog").items()
        return {key: row for key, row in rows if row["type"] == kind and not row["is_deleted"]}

    def _variations_of(self, item: str) -> list[Row]:
        rows = self._alive("ITEM_VARIATION").values()
        return [row for row in rows if row["item_variation_data"]["item_id"] == item]

    def _write_variation(self, item: str, identity: str, name: str, price: int) -> None:
        data = {"item_id": item, "name": name, "price_money": money(price), "sku": identity}
        self.write("catalog", identity, {
            "type": "ITEM_VARIATION", "id": identity, "version": 1, "is_deleted": False,
            "updated_at": self.stamp(), "item_variation_data": data,
        })  # fmt: skip
        # The item shows its variations as they are, without being newer for it.
        row = self.current("catalog")[item]
        shown = {**row["item_data"], "variations": self._variations_of(item)}
        self.write("catalog", item, {**row, "item_data": shown})
        self._tell_products(item)

    def _touch(self, item: str, **changed: Any) -> None:
        """Change an item, which brings its variations along as they are now."""
        row = self.current("catalog")[item]
        data = {**row["item_data"], **changed, "variations": self._variations_of(item)}
        self.write("catalog", item, {**row, "item_data": data, "updated_at": self.stamp()})
        self._tell_products(item)

    def _tell_products(self, item: str) -> None:
        name = self.current("catalog")[item]["item_data"]["name"]
        for row in self._variations_of(item):
            data = row["item_variation_data"]
            called = name if data["name"] == "Regular" else f"{name} (Large)"
            self.facts["products"][row["id"]] = {
                "name": called, "price": data["price_money"]["amount"],
                "category_path": [self.current("catalog")["K1"]["category_data"]["name"]],
            }  # fmt: skip


class SquareWithoutEvents(SquareLife):
    """An account that never enabled the Events API: deleted customers vanish without a word."""

    vendor: ClassVar[str] = "square without events"
    is_variant = True

    def __init__(self) -> None:
        super().__init__()
        self.events_enabled = False
