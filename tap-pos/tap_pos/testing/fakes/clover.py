"""The life of a small shop on Clover, as its registers would write it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from tap_pos.testing.fakes.clover_server import CloverServer, milliseconds

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

    from tap_pos.testing.conformance import Facts
    from tap_pos.testing.fake import Row

SECRET = "must-stay-in-clover"  # noqa: S105 - a word to look for, not a secret
"""What stands in fields that must never leave Clover."""

_TAX_PERCENT = 8


class FakeClover(CloverServer):
    """One merchant with a category and three ways to pay."""

    vendor: ClassVar[str] = "clover"

    def __init__(self, now: datetime | None = None) -> None:
        super().__init__(now)
        self._facts: Facts = {"orders": {}, "customers": {}, "products": {}}
        for kind in ("cash", "credit_card", "external_gift_card"):
            self.put("tenders", {"id": kind.upper(), "labelKey": f"com.clover.tender.{kind}"})
        self.put("categories", {"id": "CAT", "name": "Hot", "modifiedTime": self.clock()})

    def settings(self) -> dict[str, Any]:
        """Give the tap's settings for this shop."""
        return {
            "vendor": "clover",
            "shop_id": "tea",
            "base_url": self.url,
            "access_token": "token",
            "merchant_id": "M1",
            "requests_per_minute": 1_000_000,
        }

    def truth(self) -> Facts:
        """Say what a target must hold."""
        staff = {str(row["id"]): {"display_name": row["name"]} for row in self.rows("employees")}
        return {**self._facts, "locations": {"M1": {"currency": "USD"}}, "employees": staff}

    # --- sales ----------------------------------------------------------------------------

    def sell(self, chance: Random) -> None:
        """Complete a sale; now and then one is only begun."""
        self._sale(chance, self.now, paid=chance.random() > 0.15)  # noqa: PLR2004 - now and then

    def sell_late(self, chance: Random) -> None:
        """Take in a sale that a register without a connection made hours ago."""
        self._sale(chance, self.now - timedelta(hours=chance.randint(1, 60)), paid=True)

    def refund(self, chance: Random) -> None:
        """Give back a line, or some money, of an order that is not touched by it."""
        orders = [row for row in self.settled("orders") if row["paymentState"] == "PAID"]
        if not orders:
            return
        order = chance.choice(orders)
        fact, at = self._facts["orders"][order["id"]], self.clock()
        lines = [row for row in order["lineItems"] if not row.get("refunded")]
        amount = chance.randint(1, 50)
        if lines and not order["discounts"] and chance.random() < 0.5:  # noqa: PLR2004 - one in two
            line = chance.choice(lines)
            net = _after_discount(line)
            amount = net + _tax(net)
            marked = [
                {**row, "refunded": True} if row is line else row for row in order["lineItems"]
            ]
            self.change("orders", order["id"], lineItems=marked)
            fact["len(lines)"] += 1
            fact["net"] -= net
            fact["total"] -= amount
        fact["refunded"] += amount
        self.put("refunds", {"amount": amount, "orderRef": {"id": order["id"]},
                             "createdTime": at, "clientCreatedTime": at})  # fmt: skip

    def change_sale(self, chance: Random) -> None:
        """Change an order's customer, or a tip, which moves the payment's time only."""
        if chance.random() < 0.5 and (paid := self.settled("payments")):  # noqa: PLR2004 - one in two
            row, tip = chance.choice(paid), chance.randint(1, 300)
            self.change("payments", row["id"], tipAmount=tip, modifiedTime=self.clock())
            self._facts["orders"][row["order"]["id"]]["total"] += tip - (row["tipAmount"] or 0)
        elif orders := self.settled("orders"):
            key = chance.choice(orders)["id"]
            people = self._someone(chance)
            self.change("orders", key, customers=people, modifiedTime=self.clock())

    def _sale(self, chance: Random, at: datetime, *, paid: bool) -> None:
        lines = [self._line(chance, row) for row in self._basket(chance)]
        nets = [_after_discount(line) for line in lines]
        off = 50 if sum(nets) > 100 and chance.random() < 0.3 else 0  # noqa: PLR2004 - now and then
        total = sum(nets) - off + sum(_tax(net) for net in nets)
        made = milliseconds(at)
        key = self.put("orders", {
            "currency": "USD", "total": total, "state": "locked" if paid else "open",
            "paymentState": "PAID" if paid else "OPEN", "isVat": False, "taxRemoved": False,
            "testMode": False, "createdTime": self.clock(), "clientCreatedTime": made,
            "modifiedTime": self.clock(), "customers": self._someone(chance),
            "discounts": [{"name": "Off", "amount": -off}] if off else [], "lineItems": lines,
        })  # fmt: skip
        self._facts["orders"][key] = {
            "state": "completed" if paid else "open", "net": sum(nets) - off, "total": total,
            "len(lines)": len(lines), "refunded": 0,
        }  # fmt: skip
        if paid:
            tip = chance.choice((None, 0, 150))
            self._facts["orders"][key]["total"] += tip or 0
            self.put("payments", {
                "order": {"id": key}, "amount": total, "tipAmount": tip, "result": "SUCCESS",
                "tender": {"id": chance.choice(("CASH", "CREDIT_CARD"))},
                "createdTime": self.clock(), "clientCreatedTime": made,
                "modifiedTime": self.clock(),
            })  # fmt: skip

    def _basket(self, chance: Random) -> list[Row]:
        items = self.settled("items")
        return [chance.choice(items) for _ in range(chance.randint(1, 3))] if items else []

    def _line(self, chance: Random, item: Row) -> Row:
        self._made += 1
        return {
            "id": f"L{self._made:012d}", "name": item["name"], "price": item["price"],
            "item": {"id": item["id"]}, "unitQty": chance.choice((None, 1500)),
            "modifications": chance.choice(([], [{"name": "Oat", "amount": 60}])),
            "discounts": chance.choice(([], [{"name": "Tenth", "percentage": 10}])),
            "taxRates": [{"rate": _TAX_PERCENT * 100_000}],
        }  # fmt: skip

    # --- people ---------------------------------------------------------------------------

    def add_customer(self, chance: Random) -> None:
        """Take down a new customer."""
        name = chance.choice(("Zoë", "ليلى", "Bo 🍵"))
        email = f"c{chance.randint(1, 10**9)}@example.com"
        key = self.put("customers", {
            "firstName": name, "lastName": "Ångström", "marketingAllowed": chance.random() < 0.5,  # noqa: PLR2004 - half
            "customerSince": self.clock(), "emailAddresses": [{"emailAddress": email}],
            "phoneNumbers": [{"phoneNumber": "5550001"}], "addresses": [{"city": "Albany"}],
            "cards": [{"token": SECRET}],
        })  # fmt: skip
        self._facts["customers"][key] = {"given_name": name, "email": email}

    def change_customer(self, chance: Random) -> None:
        """Change a customer's name or what they allow."""
        if people := self.settled("customers"):
            row, name = chance.choice(people), f"Ann {chance.randint(1, 99)}"
            self.change(
                "customers", row["id"], firstName=name, marketingAllowed=not row["marketingAllowed"]
            )
            self._facts["customers"][row["id"]]["given_name"] = name

    def delete_customer(self, chance: Random) -> None:
        """Delete a customer without a trace."""
        if people := self.settled("customers"):
            key = chance.choice(people)["id"]
            self.remove("customers", key)
            self._facts["customers"][key] = {"deleted_at": "*"}

    def hire(self, chance: Random) -> None:
        """Take somebody on."""
        name = chance.choice(("Kim", "Ada"))
        self.put("employees", {"name": name, "pin": SECRET, "unhashedPin": SECRET,
                               "email": SECRET, "modifiedTime": self.clock()})  # fmt: skip

    def _someone(self, chance: Random) -> list[Row]:
        people: list[Row] = [{"id": row["id"]} for row in self.settled("customers")]
        return chance.choice([[], *([person] for person in people)])

    # --- range ----------------------------------------------------------------------------

    def add_product(self, chance: Random) -> None:
        """Take an item into the range."""
        price, at = chance.choice((0, 250, 1299)), self.clock()
        key = self.put("items", {
            "name": "Tea", "price": price, "sku": "T", "code": "400", "deleted": False,
            "modifiedTime": at, "categories": [{"id": "CAT", "name": self._category()}],
        })  # fmt: skip
        self._facts["products"][key] = {"name": "Tea", "price": price}

    def change_product(self, chance: Random) -> None:
        """Change an item's price, or its category's name, which does not touch the item."""
        if not (items := self.settled("items")):
            return
        if chance.random() < 0.5:  # noqa: PLR2004 - one in two
            row, price = chance.choice(items), chance.randint(1, 9999)
            self.change("items", row["id"], price=price, modifiedTime=self.clock())
            self._facts["products"][row["id"]]["price"] = price
        elif len(items) == len(self.rows("items")):
            name = f"Hot {chance.randint(1, 99)}"
            self.change("categories", "CAT", name=name, modifiedTime=self.clock())
            for row in items:
                self.change("items", row["id"], categories=[{"id": "CAT", "name": name}])

    def delete_product(self, chance: Random) -> None:
        """Delete an item without a trace."""
        if items := self.settled("items"):
            key = chance.choice(items)["id"]
            self.remove("items", key)
            self._facts["products"][key] = {"deleted_at": "*"}

    def _category(self) -> str:
        return str((self.tables["categories"]["CAT"][-1][1] or {})["name"])


def _half_up(amount: int, divisor: int) -> int:
    return (2 * amount + divisor) // (2 * divisor)


def _after_discount(line: Row) -> int:
    price: int = _half_up(line["price"] * (line["unitQty"] or 1000), 1000)
    price += sum(row["amount"] for row in line["modifications"])
    return price - sum(_half_up(price * row["percentage"], 100) for row in line["discounts"])


def _tax(net: int) -> int:
    return _half_up(net * _TAX_PERCENT, 100)
