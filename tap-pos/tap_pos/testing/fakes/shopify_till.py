"""What happens to a Shopify shop's orders: sales, refunds, edits, cancellations."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tap_pos.testing.fakes import shopify_rows as rows
from tap_pos.testing.fakes.shopify import FakeShopify

if TYPE_CHECKING:
    from random import Random

    from tap_pos.testing.conformance import Facts
    from tap_pos.testing.fake import Row

_STREAMS = ("locations", "employees", "products", "customers", "orders")
_SELDOM = 4


class ShopifyTill(FakeShopify):
    """Rings up, gives back and cancels, and keeps its own books in `facts`."""

    def __init__(self) -> None:
        super().__init__(page_size=3)
        self.facts: Facts = {name: {} for name in _STREAMS}
        self._numbers = 1000

    def fresh(self) -> int:
        """Make up the number of an id."""
        self._numbers += 1
        return self._numbers

    def stamp(self, late: timedelta = timedelta(0)) -> str:
        """Write down the present, or some time before."""
        return (self.now - late).strftime("%Y-%m-%dT%H:%M:%SZ")

    def pick(self, chance: Random, kind: str) -> int | None:
        """Choose a row of a kind; None if there is none."""
        numbers = sorted(self.rows[kind])
        return chance.choice(numbers) if numbers else None

    def sold_variants(self) -> set[int]:
        """Tell which variants stand in an order."""
        orders = self.rows["orders"].values()
        return {line["variant"] for row in orders for line in row["lines"]} - {None}

    def sell(self, chance: Random) -> None:
        """Ring up a sale, or take an order online."""
        self._ring_up(chance, timedelta(0))

    def sell_late(self, chance: Random) -> None:
        """Send in a sale that a register made while it was offline."""
        self._ring_up(chance, timedelta(minutes=chance.randint(30, 72 * 60)))

    def refund(self, chance: Random) -> None:
        """Give back goods and money, or money alone, at times without the order's noticing."""
        open_orders = [row for row in self._orders() if not row["cancelledAt"] and _left(row)]
        if not open_orders:
            return
        row, what = chance.choice(open_orders), chance.randrange(_SELDOM)
        if what == 0:
            moved = self._move(row, "REFUND", chance.randint(1, 50), "SUCCESS")
            self.rewrite(row | {"transactions": moved})
            return
        line = chance.choice(_left(row))
        units = chance.randint(1, line["currentQuantity"])
        status = "PENDING" if what == 1 else "SUCCESS"
        self.rewrite(
            self._with_refund(row, {line["id"]: units}, status), unnoticed=what == _SELDOM - 1
        )

    def change_sale(self, chance: Random) -> None:
        """Settle a pending refund; else edit an order's lines or its customer."""
        orders = [row for row in self._orders() if not row["cancelledAt"]]
        for row in orders:
            if any(entry["status"] == "PENDING" for entry in row["transactions"]):
                status = chance.choice(("SUCCESS", "FAILURE"))
                moved = [
                    entry | {"status": status} if entry["status"] == "PENDING" else entry
                    for entry in row["transactions"]
                ]
                self.rewrite(row | {"transactions": moved})
                return
        if not orders:
            return
        row, what = chance.choice(orders), chance.randrange(3)
        if what == 0 and _left(row):
            gone = chance.choice(_left(row))
            less = gone | {"currentQuantity": gone["currentQuantity"] - 1}
            lines = [less if line is gone else line for line in row["lines"]]
            self.rewrite(row | {"lines": lines})
        elif what == 1:
            self.rewrite(row | {"lines": [*row["lines"], self._line(chance)]})
        else:
            self.rewrite(row | {"customer": self.pick(chance, "customers")})

    def cancel_sale(self, chance: Random) -> None:
        """Cancel an order, with or without giving everything back."""
        orders = [row for row in self._orders() if not row["cancelledAt"]]
        if not orders:
            return
        row = chance.choice(orders)
        if chance.randrange(2):
            units = {line["id"]: line["currentQuantity"] for line in row["lines"]}
            row = self._with_refund(row, {key: n for key, n in units.items() if n}, "SUCCESS")
        self.rewrite(row | {"cancelledAt": self.stamp()})

    def rewrite(self, row: Row, *, unnoticed: bool = False) -> None:
        """Write an order that changed, and keep the books of it."""
        self.write("orders", row if unnoticed else row | {"updatedAt": self.stamp()})
        number = row["id"].rpartition("/")[2]
        goods = [line for line in row["lines"] if line["title"] not in _TIPS]
        included = row["taxesIncluded"]
        given_back = [
            (entry["line"], entry["quantity"])
            for refund in row["refunds"]
            for entry in refund["lines"]
        ]
        goods_back = [pair for pair in given_back if pair[0] in {line["id"] for line in goods}]
        shrunk = [
            line
            for line in goods
            if line["quantity"] - line["currentQuantity"]
            > sum(units for key, units in goods_back if key == line["id"])
        ]
        refunds = [t for t in row["transactions"] if t["kind"] == "REFUND"]
        self.facts["orders"][number] = {
            "state": "cancelled" if row["cancelledAt"] else "completed",
            "net": sum(
                line["currentQuantity"]
                * (line["price"] - line["discount"] - (line["tax"] if included else 0))
                for line in goods
            ),
            "total": _total(row),
            "service_charge": row["shipping"],
            "len(lines)": len(goods) + len(goods_back) + len(shrunk),
            "refunded": sum(t["amount"] for t in refunds if t["status"] == "SUCCESS"),
            "currency": self.shop["currencyCode"],
            "channel": "store" if row["sourceName"] == "pos" else "online",
        }

    def _orders(self) -> list[Row]:
        return [self.rows["orders"][number] for number in sorted(self.rows["orders"])]

    def _ring_up(self, chance: Random, late: timedelta) -> None:
        number, online = self.fresh(), chance.randrange(3) == 0
        lines = [self._line(chance) for _ in range(chance.randint(1, 3))]
        tip = 0 if online else chance.choice((0, 0, 130))
        if tip:
            title = chance.choice(_TIPS)
            lines.append(rows.line(self.fresh(), tip, title=title, taxable=False))
        row = rows.order(
            number,
            self.stamp(),
            lines,
            processedAt=self.stamp(late),
            taxesIncluded=bool(chance.randrange(2)),
            tip=tip,
            customer=self.pick(chance, "customers") if chance.randrange(2) else None,
            staff=self.pick(chance, "staffMembers"),
        )
        if online:
            row |= {"sourceName": "web", "sourceIdentifier": None, "location": None}
            row |= {"shipping": 500}
        if total := _total(row):
            if chance.randrange(3) == 0:
                row["transactions"] = self._move(row, "AUTHORIZATION", total, "SUCCESS")
                parent = int(row["transactions"][0]["id"].rpartition("/")[2])
                row["transactions"] = self._move(row, "CAPTURE", total, "SUCCESS", parent)
            else:
                row["transactions"] = self._move(row, "SALE", total, "SUCCESS")
        self.rewrite(row)

    def _line(self, chance: Random) -> Row:
        """Make a line: of the first product taken in, or of none."""
        price = chance.choice((0, 450, 1999))
        staple = min((row["product"] for row in self.rows["productVariants"].values()), default=0)
        variants = [
            number
            for number, row in sorted(self.rows["productVariants"].items())
            if row["product"] == staple
        ]
        return rows.line(
            self.fresh(),
            price,
            chance.randint(1, 3),
            discount=chance.choice((0, price // 10)),
            tax=chance.choice((0, price // 7)),
            variant=chance.choice(variants) if variants and chance.randrange(2) else None,
        )

    def _with_refund(self, row: Row, units: dict[str, int], status: str) -> Row:
        """Take back units of lines, and give back the money for them."""
        pairs = [(int(key.rpartition("/")[2]), count) for key, count in units.items()]
        lines = [
            line | {"currentQuantity": line["currentQuantity"] - units.get(line["id"], 0)}
            for line in row["lines"]
        ]
        back = row | {
            "lines": lines,
            "refunds": [*row["refunds"], rows.refund(self.fresh(), *pairs)],
        }
        money = _total(row) - _total(back)
        moved = self._move(row, "REFUND", money, status) if money else row["transactions"]
        return back | {"transactions": moved}

    def _move(
        self, row: Row, kind: str, amount: int, status: str, parent: int | None = None
    ) -> list[Row]:
        """Add a transaction, and what the till's own books say of it."""
        number, now = self.fresh(), self.stamp()
        if kind != "AUTHORIZATION":
            tender = {"id": f"gid://shopify/TenderTransaction/{number}", "processedAt": now}
            order = int(row["id"].rpartition("/")[2])
            self.write("tenderTransactions", tender | {"order": order})
        entry = rows.transaction(number, amount, now, kind=kind, status=status, parent=parent)
        return [*row["transactions"], entry]


_TIPS = ("Tip", "Trinkgeld")


def _left(row: Row) -> list[Row]:
    """List the goods of an order that were not taken back."""
    goods = [line for line in row["lines"] if line["title"] not in _TIPS]
    return [line for line in goods if line["currentQuantity"]]


def _total(row: Row) -> int:
    """Add up what is charged for what is left of an order."""
    added = 0 if row["taxesIncluded"] else 1
    each = ((x["price"] - x["discount"] + added * x["tax"]) * x["currentQuantity"]
            for x in row["lines"])  # fmt: skip
    return int(sum(each)) + int(row["shipping"])
