"""A Loyverse account in which everything happens that its API can show."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_pos.testing.conformance import ConformingFake, Facts, SpecificationMissing
from tap_pos.testing.fakes.loyverse import ScriptedLoyverse

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from random import Random

    from tap_pos.testing.fake import Row

_NAMES = ("Quirina Tea", "Øyvind", "نور", "Zoë 🫖", "O'Brien", "李")


class LoyverseLife(ScriptedLoyverse, ConformingFake):
    """The account, its people, range and tills, with its own books in `facts`."""

    vendor = "loyverse"
    lookback = timedelta(seconds=120)
    forgets_cursors = True
    lag = timedelta(0)
    page_size = 3

    def __init__(self) -> None:
        super().__init__()
        streams = ("locations", "employees", "products", "customers", "orders", "loyalty_accounts")
        self.facts: Facts = {name: {} for name in streams}
        self._numbers = 0
        for name in ("Main", "Harbour", "Market", "Station"):
            row = {"id": f"store {name}", "name": name, "created_at": self.stamp()}
            self.write("stores", row)
            self.facts["locations"][row["id"]] = {"name": name, "currency": "USD"}
        self._name_category("Drinks")

    def settings(self) -> dict[str, Any]:
        """Give the settings of this shop."""
        return {
            "vendor": "loyverse",
            "shop_id": "tea",
            "access_token": "token",
            "base_url": self.url,
            "requests_per_minute": 1_000_000,
            "timezone": "America/New_York",
        }

    def truth(self) -> Facts:
        """Say what a target must hold."""
        return self.facts

    def specification(self) -> AbstractContextManager[None]:
        """Give none: there is only a third party's guess at one, without a licence."""
        raise SpecificationMissing("Loyverse publishes no specification that could be had")

    def fresh(self, letter: str) -> str:
        """Make up an id."""
        self._numbers += 1
        return f"{letter}{self._numbers * 7919 % 10007:05}"

    def pick(self, chance: Random, kind: str) -> Row | None:
        """Choose a row of a kind that is not deleted; None if there is none."""
        rows = {key: row for key, row in self.current(kind).items() if not row.get("deleted_at")}
        return rows[chance.choice(sorted(rows))] if rows else None

    # --- the till ----------------------------------------------------------------------------

    def sell(self, chance: Random) -> None:
        """Ring up a sale."""
        self._ring_up(chance, timedelta(0))

    def sell_late(self, chance: Random) -> None:
        """Send in a sale that a till made hours ago while it was offline."""
        self._ring_up(chance, timedelta(minutes=chance.randint(30, 72 * 60)))

    def refund(self, chance: Random) -> None:
        """Take back everything of a sale: a receipt of its own, with positive amounts."""
        sold = [
            row for row in self.current("receipts").values()
            if row["receipt_type"] == "SALE" and not row["cancelled_at"]
        ]  # fmt: skip
        if not sold:
            return
        first = chance.choice(sorted(sold, key=lambda row: str(row["receipt_number"])))
        number, now = self.fresh("2-"), self.stamp()
        self.write("receipts", {
            **first, "receipt_number": number, "receipt_type": "REFUND",
            "refund_for": first["receipt_number"], "receipt_date": now, "created_at": now,
            "updated_at": now,
        })  # fmt: skip
        sale = self.facts["orders"][first["receipt_number"]]
        self.facts["orders"][number] = {
            "state": "completed", "net": -sale["net"], "total": -sale["total"],
            "tax": -sale["tax"], "len(lines)": sale["len(lines)"], "refunded": sale["total"],
        }  # fmt: skip

    def change_sale(self, chance: Random) -> None:
        """Write down who bought."""
        sale, person = self.pick(chance, "receipts"), self.pick(chance, "customers")
        if sale is not None and person is not None:
            now = self.stamp()
            self.write("receipts", {**sale, "customer_id": person["id"], "updated_at": now})
            self.facts["orders"][sale["receipt_number"]]["customer_id"] = person["id"]

    def cancel_sale(self, chance: Random) -> None:
        """Cancel a receipt."""
        if (sale := self.pick(chance, "receipts")) is not None:
            now = self.stamp()
            self.write("receipts", {**sale, "cancelled_at": now, "updated_at": now})
            fact = self.facts["orders"][sale["receipt_number"]]
            fact |= {"state": "cancelled", "refunded": 0}

    def _ring_up(self, chance: Random, late: timedelta) -> None:
        number, now = self.fresh("1-"), self.stamp(chance.choice((0, 0, 250, 999)))
        made = (self.now - late).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        lines = [self._line(chance) for _ in range(chance.randint(1, 3))]
        included, added = (
            sum(line[kind] for line in lines) for kind in ("included_cents", "added_cents")
        )
        gross = sum(line["gross_cents"] for line in lines)
        discount = sum(line["discount_cents"] for line in lines)
        total = gross - discount + added
        till, person = self.pick(chance, "employees"), self.pick(chance, "customers")
        own = ("included_cents", "added_cents", "gross_cents", "discount_cents")
        self.write("receipts", {
            "receipt_number": number, "receipt_type": "SALE", "refund_for": None,
            "created_at": now, "updated_at": now, "receipt_date": made, "cancelled_at": None,
            "source": "point of sale", "total_money": total / 100,
            "total_tax": (included + added) / 100, "total_discount": discount / 100,
            "tip": 0.0, "surcharge": 0.0, "store_id": "store Main",
            "employee_id": till["id"] if till else None,
            "customer_id": person["id"] if person and chance.random() < 0.5 else None,  # noqa: PLR2004
            "line_items": [{k: v for k, v in line.items() if k not in own} for line in lines],
            "payments": [{"payment_type_id": "cash", "name": "Cash", "type": "CASH",
                          "money_amount": total / 100, "paid_at": made}],
        })  # fmt: skip
        self.facts["orders"][number] = {
            "state": "completed", "net": gross - discount - included, "total": total,
            "tax": included + added, "len(lines)": len(lines), "refunded": 0, "currency": "USD",
        }  # fmt: skip

    def _line(self, chance: Random) -> Row:
        price, quantity = chance.choice((0, 450, 1250)), chance.randint(1, 3)
        gross = price * quantity
        discount = chance.choice((0, gross // 10))
        tax, kind = (gross - discount) // 12, chance.choice(("INCLUDED", "ADDED"))
        product = self.pick(chance, "items")
        return {
            "id": self.fresh("line"), "item_name": "Tea", "variant_name": None,
            "variant_id": product["variants"][0]["variant_id"] if product else None,
            "quantity": quantity, "price": price / 100, "gross_total_money": gross / 100,
            "total_discount": discount / 100, "cost": 1.1,
            "line_taxes": [{"type": kind, "money_amount": tax / 100}],
            "included_cents": tax if kind == "INCLUDED" else 0,
            "added_cents": tax if kind == "ADDED" else 0,
            "gross_cents": gross, "discount_cents": discount,
        }  # fmt: skip

    # --- people ------------------------------------------------------------------------------

    def add_customer(self, chance: Random) -> None:
        """Take down a new customer."""
        now = self.stamp()
        self._write_customer({"id": self.fresh("C"), "created_at": now}, chance)

    def change_customer(self, chance: Random) -> None:
        """Change a customer's name and points."""
        if (person := self.pick(chance, "customers")) is not None:
            self._write_customer(person, chance)

    def delete_customer(self, chance: Random) -> None:
        """Delete a customer, who stays with a mark or vanishes without a word."""
        if (person := self.pick(chance, "customers")) is None:
            return
        now = self.stamp()
        if chance.random() < 0.5:  # noqa: PLR2004 - nobody knows which it is
            self.write("customers", {**person, "deleted_at": now, "updated_at": now})
        else:
            self.end("customers", person["id"])
        self.facts["customers"][person["id"]] = {"deleted_at": "*"}
        self.facts["loyalty_accounts"].pop(person["id"], None)

    def hire(self, chance: Random) -> None:
        """Take on somebody, or let somebody go."""
        staff, now = self.pick(chance, "employees"), self.stamp()
        if staff is not None and chance.random() < 0.4:  # noqa: PLR2004 - more come than go
            self.write("employees", {**staff, "deleted_at": now, "updated_at": now})
            self.facts["employees"][staff["id"]]["active"] = False
            return
        row = {"id": self.fresh("E"), "name": chance.choice(_NAMES), "stores": ["store Main"],
               "created_at": now, "updated_at": now, "deleted_at": None}  # fmt: skip
        self.write("employees", row)
        self.facts["employees"][str(row["id"])] = {"display_name": row["name"], "active": True}

    def _write_customer(self, row: Row, chance: Random) -> None:
        identity, name = row["id"], chance.choice(_NAMES)
        points = chance.choice((0.0, 12.0, 7.75))
        row = {**row, "name": name, "email": f"{identity.lower()}@example.org",
               "total_points": points, "updated_at": self.stamp(chance.choice((0, 0, 250, 999))),
               "deleted_at": None, "permanent_deletion_at": None}  # fmt: skip
        self.write("customers", row)
        self.facts["customers"][identity] = {"given_name": name, "email": row["email"]}
        self.facts["loyalty_accounts"][identity] = {"balance": int(points)}

    # --- the range -----------------------------------------------------------------------------

    def add_product(self, chance: Random) -> None:
        """Take in an item with one or two variants."""
        item, now = self.fresh("I"), self.stamp()
        variants = [
            {"variant_id": self.fresh("V"), "item_id": item, "option1_value": size,
             "default_price": chance.choice((0, 4.5, 12.5)), "cost": 1.2, "created_at": now,
             "updated_at": now, "deleted_at": None}
            for size in (None, "Large")[: chance.randint(1, 2)]
        ]  # fmt: skip
        self._write_item({
            "id": item, "item_name": f"Tea {item}", "category_id": "K1", "variants": variants,
            "created_at": now, "deleted_at": None,
        })  # fmt: skip

    def change_product(self, chance: Random) -> None:
        """Change an item, or the name of its category, which leaves items alone."""
        if chance.random() < 0.4:  # noqa: PLR2004 - now and then
            self._name_category(f"Drinks {chance.randrange(100)}")
        elif (item := self.pick(chance, "items")) is not None:
            variants = [{**row, "default_price": row["default_price"] + 0.25} for row in
                        item["variants"]]  # fmt: skip
            named = f"Tea {item['id']} no. {chance.randrange(100)}"
            self._write_item({**item, "item_name": named, "variants": variants})

    def delete_product(self, chance: Random) -> None:
        """Delete an item, or remove its last variant without a word."""
        if (item := self.pick(chance, "items")) is None:
            return
        variants, now = item["variants"], self.stamp()
        gone = variants[1:] if len(variants) > 1 and chance.random() < 0.5 else variants  # noqa: PLR2004
        if gone is variants:
            self.write("items", {**item, "deleted_at": now, "updated_at": now})
        else:
            self._write_item({**item, "variants": variants[:1]})
        for variant in gone:
            self.facts["products"][variant["variant_id"]] = {"deleted_at": "*"}

    def _write_item(self, item: Row) -> None:
        self.write("items", {**item, "updated_at": self.stamp()})
        for variant in item["variants"]:
            size = variant["option1_value"]
            self.facts["products"][variant["variant_id"]] = {
                "name": f"{item['item_name']} ({size})" if size else item["item_name"],
                "price": round(variant["default_price"] * 100), "unit_cost": 120,
                "category_path": [self.current("categories")["K1"]["name"]],
            }  # fmt: skip

    def _name_category(self, name: str) -> None:
        row = {"id": "K1", "name": name, "created_at": "2026-01-01T09:00:00.000Z"}
        self.write("categories", row)
        for facts in self.facts["products"].values():
            if "deleted_at" not in facts:
                facts["category_path"] = [name]
