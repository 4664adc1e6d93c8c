"""What happens at the tills of a Lightspeed X-Series account: sales, returns, changes."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from tap_pos.testing.fakes.lightspeed_x import ScriptedLightspeed

if TYPE_CHECKING:
    from random import Random

    from tap_pos.testing.conformance import Facts
    from tap_pos.testing.fake import Row

TAX = Decimal("1.15")


class LightspeedTill(ScriptedLightspeed):
    """Rings up, takes back and voids, and keeps its own books in `facts`."""

    def __init__(self) -> None:
        super().__init__()
        streams = ("locations", "employees", "products", "customers", "orders", "loyalty_accounts")
        self.facts: Facts = {name: {} for name in streams}
        self._numbers = 0

    def fresh(self) -> str:
        """Make up an id."""
        self._numbers += 1
        return str(UUID(int=(self._numbers * 0x9E3779B97F4A7C15) % 2**64 << 64 | self._numbers))

    def pick(self, chance: Random, kind: str) -> Row | None:
        """Choose a row of a kind that is not deleted; None if there is none."""
        rows = {key: row for key, row in self.current(kind).items() if not row.get("deleted_at")}
        return rows[chance.choice(sorted(rows))] if rows else None

    def sell(self, chance: Random) -> None:
        """Ring up a sale."""
        self._ring_up(chance, timedelta(0))

    def sell_late(self, chance: Random) -> None:
        """Send in a sale that a till made hours ago while it was offline."""
        self._ring_up(chance, timedelta(minutes=chance.randint(30, 72 * 60)))

    def refund(self, chance: Random) -> None:
        """Take back the lines of a sale: a sale of its own, and a link in the first."""
        sold = [
            row for row in self.current("sales").values()
            if row["state"] == "closed" and not row["return"]["is_return"]
            and not row["return"]["return_sale_ids"]
        ]  # fmt: skip
        if not sold:
            return
        first = chance.choice(sorted(sold, key=lambda row: str(row["id"])))
        identity = self.fresh()
        lines = [
            {**line, "id": self.fresh(), "quantity": -line["quantity"],
             "pricing": {**line["pricing"], "total": -line["pricing"]["total"],
                         "discount_total": -line["pricing"]["discount_total"]},
             "tax": {"total": -line["tax"]["total"]}, "return": {"is_return": True}}
            for line in first["line_items"]
        ]  # fmt: skip
        linked = {"is_return": True, "original_sale_id": first["id"], "return_sale_ids": []}
        self._write_sale(identity, {**first, "line_items": lines, "return": linked}, self.stamp())
        link = {**first["return"], "return_sale_ids": [identity]}
        self.write("sales", {**first, "return": link, "updated_at": self.stamp()})

    def change_sale(self, chance: Random) -> None:
        """Close a parked sale, or write down who bought."""
        if (sale := self.pick(chance, "sales")) is None:
            return
        person = self.pick(chance, "customers")
        changed: Row = {"note": "changed"} | ({"customer_id": person["id"]} if person else {})
        if sale["state"] == "parked":
            changed["state"] = "closed"
            self.facts["orders"][sale["id"]]["state"] = "completed"
        self.write("sales", {**sale, **changed, "updated_at": self.stamp()})
        if person:
            self.facts["orders"][sale["id"]]["customer_id"] = person["id"]

    def cancel_sale(self, chance: Random) -> None:
        """Void a sale; at times it is marked as deleted too."""
        if (sale := self.pick(chance, "sales")) is None:
            return
        gone = {"deleted_at": self.stamp()} if chance.random() < 0.3 else {}  # noqa: PLR2004
        self.write("sales", {**sale, **gone, "state": "voided", "updated_at": self.stamp()})
        self.facts["orders"][sale["id"]] |= {"state": "cancelled", "refunded": 0}

    def _ring_up(self, chance: Random, late: timedelta) -> None:
        made = (self.now - late).strftime("%Y-%m-%dT%H:%M:%S+00:00")
        outlet, person = self.pick(chance, "outlets"), self.pick(chance, "customers")
        till = self.pick(chance, "users")
        source: Row = {"outlet_id": outlet["id"] if outlet else None, "type": "USER"}
        if till:
            source["author"] = {"id": till["id"]}
        sale: Row = {
            "state": "parked" if chance.random() < 0.2 else "closed",  # noqa: PLR2004
            "attributes": [],
            "invoice_number": f"T-{self._numbers}",
            "source": source,
            "line_items": [self._line(chance) for _ in range(chance.randint(1, 3))],
            "return": {"is_return": False, "return_sale_ids": []},
        }
        if person and chance.random() < 0.6:  # noqa: PLR2004 - most are guests
            sale["customer_id"] = person["id"]
        self._write_sale(self.fresh(), sale, made)

    def _line(self, chance: Random) -> Row:
        product = self.pick(chance, "products")
        quantity = chance.randint(1, 3)
        label = Decimal(chance.choice(("0", "4.50", "12.50", "3.33")))
        price = (label / TAX).quantize(Decimal("1E-5"))
        discount = (price / 10).quantize(Decimal("1E-5")) if chance.random() < 0.4 else Decimal(0)  # noqa: PLR2004
        net = price - discount
        tax = (net * quantity * (TAX - 1)).quantize(Decimal("1E-5"))
        return {
            "id": self.fresh(), "product": {"id": product["id"]} if product else {},
            "quantity": quantity, "return": {"is_return": False},
            "pricing": {"price": float(net), "total": float(net * quantity),
                        "discount": float(discount), "discount_total": float(discount * quantity),
                        "cost": 1.1},
            "tax": {"total": float(tax)},
        }  # fmt: skip

    def _write_sale(self, identity: str, sale: Row, made: str) -> None:
        """Add up a sale, take the money and enter both into the books."""
        net = sum(
            (Decimal(str(line["pricing"]["total"])) for line in sale["line_items"]), Decimal(0)
        )
        tax = sum((Decimal(str(line["tax"]["total"])) for line in sale["line_items"]), Decimal(0))
        total = _cents(net + tax)
        paid = total if sale["state"] == "closed" and total else 0
        payment = {
            "id": self.fresh(), "amount": total / 100, "date": made,
            "type": {"config_id": self.fresh(), "name": "EFTPOS"},
        }  # fmt: skip
        now = self.stamp()
        self.write("sales", {
            **sale, "id": identity, "date": made, "created_at": now, "updated_at": now,
            "payments": [payment] if paid else [],
            "totals": {"price": float(net), "tax": float(tax), "price_incl_tax": total / 100},
        })  # fmt: skip
        self.facts["orders"][identity] = {
            "state": "completed" if sale["state"] == "closed" else "open",
            "net": _cents(net), "total": total, "tax": _cents(tax), "currency": "NZD",
            "len(lines)": len(sale["line_items"]), "refunded": max(0, -paid),
            "customer_id": sale.get("customer_id"),
        }  # fmt: skip


def _cents(amount: Decimal) -> int:
    return int((amount * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
