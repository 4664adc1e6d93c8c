"""What happens at the tills of a Square account: sales, payments, refunds and returns."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_pos.testing.fakes.square_rows import money
from tap_pos.testing.fakes.square_traps import TrickySquare

if TYPE_CHECKING:
    from random import Random

    from tap_pos.testing.conformance import Facts
    from tap_pos.testing.fake import Row

_LOYALTY_STREAM = "loyalty_accounts"


class SquareTill(TrickySquare):
    """Rings up, gives back and cancels, and keeps its own books in `facts`."""

    def __init__(self) -> None:
        super().__init__()
        streams = ("locations", "employees", "products", "customers", "orders", _LOYALTY_STREAM)
        self.facts: Facts = {name: {} for name in streams}
        self._numbers = 0

    def fresh(self, letter: str) -> str:
        """Make up an id."""
        self._numbers += 1
        return f"{letter}{self._numbers:04}"

    def pick(self, chance: Random, kind: str) -> Row | None:
        """Choose a row of a kind; None if there is none."""
        rows = self.current(kind)
        return rows[chance.choice(sorted(rows))] if rows else None

    def sell(self, chance: Random) -> None:
        """Ring up a sale."""
        self._ring_up(chance, timedelta(0))

    def sell_late(self, chance: Random) -> None:
        """Send in a sale of up to three days ago, as a till does that was offline."""
        self._ring_up(chance, timedelta(minutes=chance.randint(30, 72 * 60)))

    def refund(self, chance: Random) -> None:
        """Give money back: through the API, as a return at the till, or for no sale at all."""
        what = chance.randrange(4)
        if what == 3:  # noqa: PLR2004 - one of four ways
            self._refund_nothing(chance)
            return
        paid = [row for row in self.current("payments").values() if self._left(row) > 0]
        if not paid:
            return
        payment = chance.choice(sorted(paid, key=lambda row: str(row["id"])))
        amount = chance.randint(1, self._left(payment))
        if what == 2:  # noqa: PLR2004 - one of four ways
            self._return_goods(chance, payment, amount)
        else:
            self._refund_through_api(chance, payment, amount)
        total = payment["total_money"]
        back = money(total["amount"] - self._left(payment) + amount, total["currency"])
        self._rewrite("payments", payment["id"], {"refunded_money": back})

    def change_sale(self, chance: Random) -> None:
        """Settle a pending refund, which leaves its order untouched; else change an order."""
        pending = [row for row in self.current("refunds").values() if row["status"] == "PENDING"]
        if pending and chance.random() < 0.6:  # noqa: PLR2004 - more often than not
            refund = chance.choice(sorted(pending, key=lambda row: str(row["id"])))
            status = chance.choice(("COMPLETED", "REJECTED"))
            self._rewrite("refunds", refund["id"], {"status": status})
            if status == "COMPLETED":
                facts = self.facts["orders"][refund["order_id"]]
                facts["refunded"] += refund["amount_money"]["amount"]
        elif (order := self.pick(chance, "orders")) is not None:
            person = self.pick(chance, "customers")
            changed: Row = {"customer_id": person["id"]} if person else {"reference_id": "changed"}
            self._rewrite("orders", order["id"], changed)
            if person:
                self.facts["orders"][order["id"]]["customer_id"] = person["id"]

    def cancel_sale(self, chance: Random) -> None:
        """Void a sale of which nothing was given back."""
        touched = {row.get("order_id") for row in self.current("refunds").values()}
        sold = [key for key, row in self.current("orders").items() if "line_items" in row]
        whole = sorted(key for key in sold if key not in touched)
        if not whole:
            return
        identity = chance.choice(whole)
        self._rewrite("orders", identity, {"state": "CANCELED"})
        self.facts["orders"][identity]["state"] = "cancelled"
        for payment in self.current("payments").values():
            if payment["order_id"] == identity:
                self._rewrite("payments", payment["id"], {"status": "CANCELED"})

    def add_points(self, customer: str, points: int) -> None:
        """Enrol a customer, or credit points to one that is enrolled."""
        identity, now = f"A-{customer}", self.stamp()
        row = self.current("loyalty_accounts").get(identity) or {
            "id": identity, "program_id": "P1", "balance": 0, "customer_id": customer,
            "enrolled_at": now, "created_at": now, "lifetime_points": 0,
            "mapping": {"id": identity, "created_at": now, "phone_number": "+15555550100"},
        }  # fmt: skip
        balance = row["balance"] + points
        self.write("loyalty_accounts", identity, {**row, "balance": balance, "updated_at": now})
        self.facts[_LOYALTY_STREAM][identity] = {"balance": balance, "customer_id": customer}

    def _ring_up(self, chance: Random, late: timedelta) -> None:
        # Half of all sales are made where only a second search for orders gets to.
        place = chance.choice([*self.locations[:10], *self.locations[10:] * 5])
        currency = place["currency"]
        identity, now = self.fresh("O"), self.stamp(chance.choice((0, 0, 250, 999)))
        made = (self.now - late).strftime("%Y-%m-%dT%H:%M:%SZ") if late else now
        prices = chance.choice(((0,), (0, 450, 1250), (0, 450, 1250)))  # some give all away
        lines = [_line(f"l{n}", chance, prices, currency) for n in range(chance.randint(1, 3))]
        tip = chance.choice((0, 0, 200)) if len(prices) > 1 else 0
        tax = sum(line["total_tax_money"]["amount"] for line in lines)
        total = sum(line["total_money"]["amount"] for line in lines) + tip
        person = self.pick(chance, "customers") if chance.random() < 0.5 else None  # noqa: PLR2004
        order: Row = {
            "id": identity, "location_id": place["id"], "state": "COMPLETED", "created_at": made,
            "updated_at": now, "closed_at": made, "line_items": lines,
            "total_money": money(total, currency),
            "net_amounts": {"total_money": money(total, currency),
                            "tip_money": money(tip, currency), "tax_money": money(tax, currency)},
        }  # fmt: skip
        if person:
            order["customer_id"] = person["id"]
            if f"A-{person['id']}" in self.current("loyalty_accounts"):
                self.add_points(person["id"], 1)
        if total:
            paid = f"{identity}-paid"
            order["tenders"] = [{"id": paid, "payment_id": paid, "type": "CARD"}]
            self.write("payments", paid, {
                "id": paid, "order_id": identity, "location_id": place["id"],
                "status": "COMPLETED", "source_type": "CARD", "created_at": made,
                "updated_at": now, "amount_money": money(total - tip, currency),
                "tip_money": money(tip, currency), "total_money": money(total, currency),
            })  # fmt: skip
        self.write("orders", identity, order)
        self.facts["orders"][identity] = {
            "state": "completed", "net": total - tip - tax, "total": total, "tip": tip,
            "len(lines)": len(lines), "refunded": 0, "currency": currency,
            "customer_id": person["id"] if person else None,
        }  # fmt: skip

    def _left(self, payment: Row) -> int:
        """Tell how much of a payment was not given back yet."""
        if payment["status"] != "COMPLETED":
            return 0
        back: Row = payment.get("refunded_money") or {"amount": 0}
        left: int = payment["total_money"]["amount"] - back["amount"]
        return left

    def _refund_through_api(self, chance: Random, payment: Row, amount: int) -> None:
        """Refund a payment: its order gets a reference, and no newer `updated_at`."""
        pending = chance.random() < 0.4  # noqa: PLR2004 - some take days
        identity = self._write_refund(payment, amount, payment["order_id"], pending=pending)
        order = self.current("orders")[payment["order_id"]]
        entry = {
            "id": identity, "location_id": order["location_id"], "reason": "as asked",
            "tender_id": payment["id"], "status": "PENDING" if pending else "APPROVED",
            "amount_money": money(amount, payment["total_money"]["currency"]),
        }  # fmt: skip
        refunds = [*order.get("refunds", ()), entry]
        self.write("orders", order["id"], {**order, "refunds": refunds})
        if not pending:
            self.facts["orders"][order["id"]]["refunded"] += amount

    def _return_goods(self, chance: Random, payment: Row, amount: int) -> None:
        """Take goods back at the till: Square makes an order of its own of it."""
        currency = payment["total_money"]["currency"]
        identity, now, worth = self.fresh("O"), self.stamp(), money(amount, currency)
        linked: Row = {"source_order_id": payment["order_id"]}
        entry: Row = {
            "uid": "r1", "name": "Tea", "quantity": "1", "gross_return_money": worth,
            "total_tax_money": money(0, currency), "total_discount_money": money(0, currency),
            "total_money": worth,
        }  # fmt: skip
        if chance.random() < 0.5:  # noqa: PLR2004 - not every till knows the sale
            linked = {}
        else:
            entry["source_line_item_uid"] = "l0"
        refund = self._write_refund(payment, amount, identity, pending=False)
        self.write("orders", identity, {
            "id": identity, "location_id": payment["location_id"], "state": "COMPLETED",
            "created_at": now, "updated_at": now, "closed_at": now,
            "returns": [{**linked, "return_line_items": [entry]}],
            "return_amounts": {"total_money": worth},
            "net_amounts": {"total_money": money(-amount, currency)},
            "total_money": money(0, currency),
            "refunds": [{"id": refund, "location_id": payment["location_id"], "reason": "",
                         "status": "APPROVED", "amount_money": worth}],
        })  # fmt: skip
        self.facts["orders"][identity] = {
            "state": "completed", "net": -amount, "total": -amount, "len(lines)": 1,
            "refunded": amount,
        }  # fmt: skip

    def _refund_nothing(self, chance: Random) -> None:
        """Send money to somebody's card for no sale that Square knows of."""
        amount, place = chance.randint(1, 2000), self.locations[0]
        source = {"location_id": place["id"], "total_money": money(amount, place["currency"])}
        identity = self._write_refund(source, amount, None, pending=False)
        self.facts["orders"][identity] = {
            "state": "completed", "net": -amount, "total": -amount, "len(lines)": 1,
            "refunded": amount,
        }  # fmt: skip

    def _write_refund(
        self, payment: Row, amount: int, order_id: str | None, *, pending: bool
    ) -> str:
        identity, now = self.fresh("R"), self.stamp()
        linked: Row = {"unlinked": order_id is None}
        if order_id is not None:
            linked |= {"order_id": order_id, "payment_id": payment["id"]}
        self.write("refunds", identity, {
            "id": identity, "location_id": payment["location_id"], **linked,
            "status": "PENDING" if pending else "COMPLETED", "destination_type": "CARD",
            "amount_money": money(amount, payment["total_money"]["currency"]),
            "created_at": now, "updated_at": now,
        })  # fmt: skip
        return identity

    def _rewrite(self, kind: str, identity: str, changed: Row) -> None:
        row = {**self.current(kind)[identity], **changed, "updated_at": self.stamp()}
        self.write(kind, identity, row)


def _line(uid: str, chance: Random, prices: tuple[int, ...], currency: str) -> dict[str, Any]:
    price, quantity = chance.choice(prices), chance.randint(1, 3)
    gross = price * quantity
    discount = chance.choice((0, gross // 10))
    tax = chance.choice((0, (gross - discount) // 12))
    return {
        "uid": uid, "name": "Tea", "quantity": str(quantity),
        "base_price_money": money(price, currency), "gross_sales_money": money(gross, currency),
        "total_discount_money": money(discount, currency), "total_tax_money": money(tax, currency),
        "total_money": money(gross - discount + tax, currency),
    }  # fmt: skip
