"""The life of a small shop on Odoo 17, as its Point of Sale would write it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from tap_pos.testing.fakes.odoo_server import OdooServer

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

    from tap_pos.testing.conformance import Facts
    from tap_pos.testing.fake import Row

SECRET = "must-stay-in-odoo"  # noqa: S105 - a word to look for, not a secret
"""What stands in fields that must never leave Odoo."""

_DOLLAR = [1, "USD"]
_TAX_PERCENT = 8


class FakeOdoo(OdooServer):
    """One company with one till, run by a user who may read what a till shows."""

    vendor: ClassVar[str] = "odoo"

    def __init__(self, now: datetime | None = None) -> None:
        super().__init__(now)
        self._facts: Facts = {"orders": {}, "customers": {}, "products": {}}
        self._open_shop()

    def settings(self) -> dict[str, Any]:
        """Give the tap's settings for this shop."""
        return {
            "vendor": "odoo",
            "shop_id": "tea",
            "base_url": self.url,
            "database": "shop",
            "username": "till@example.com",
            "access_token": "api-key",
            "timezone": "America/New_York",
            "consent_sources": [
                {"group": "Newsletter", "channels": ["email"], "purpose": "marketing"}
            ],
        }

    def truth(self) -> Facts:
        """Say what a target must hold."""
        tills = {str(row["id"]): {"currency": "USD"} for row in self._rows("pos.config")}
        users = {str(row["id"]): {"active": row["active"]} for row in self._rows("res.users")}
        return {**self._facts, "locations": tills, "employees": users}

    # --- sales ----------------------------------------------------------------------------

    def sell(self, chance: Random) -> None:
        """Complete a sale; now and then one is only laid aside."""
        state = "draft" if chance.random() < 0.15 else "paid"  # noqa: PLR2004 - now and then
        self._sale(chance, self.now, state)

    def sell_late(self, chance: Random) -> None:
        """Take in a sale that a till without a connection made hours ago."""
        self._sale(chance, self.now - timedelta(hours=chance.randint(1, 60)), "paid")

    def refund(self, chance: Random) -> None:
        """Make an order that takes a line of an earlier one back."""
        lines = [row for row in self._rows("pos.order.line") if row["qty"] > 0]
        if not lines:
            return
        self.begin()
        line = chance.choice(lines)
        net, with_tax = -_cents(line["price_subtotal"]), -_cents(line["price_subtotal_incl"])
        order = self._order(self.now, "paid", None, net, with_tax)
        back = {"order_id": order, "qty": -line["qty"], "refunded_orderline_id": line["id"]}
        kept = {name: line[name] for name in ("product_id", "price_unit", "discount")}
        sums = {"price_subtotal": net / 100, "price_subtotal_incl": with_tax / 100}
        line_id = self.create("pos.order.line", **back, **kept, **sums)
        paid = self._pay(order, with_tax, 1)
        self._finish(order, [line_id], [paid])
        self._facts["orders"][str(order)] |= {"len(lines)": 1, "refunded": -with_tax}

    def change_sale(self, chance: Random) -> None:
        """Write an order, or one of its lines or payments alone."""
        what = chance.choice(("pos.order", "pos.order.line", "pos.payment"))
        if not (rows := self._rows(what)):
            return
        self.begin()
        row = chance.choice(rows)
        if what == "pos.order":
            self.write(what, row["id"], partner_id=self._someone(chance))
        elif what == "pos.payment":
            self.write(what, row["id"], payment_method_id=chance.choice((1, 2)))
        else:
            net = _cents(row["price_subtotal"])
            self.write(what, row["id"], price_subtotal=(net - 1) / 100, discount=0.0)
            self._facts["orders"][str(row["order_id"])]["net"] -= 1

    def cancel_sale(self, chance: Random) -> None:
        """Cancel an order."""
        orders = [row for row in self._rows("pos.order") if row["amount_total"] >= 0]
        if orders:
            self.begin()
            key = chance.choice(orders)["id"]
            self.write("pos.order", key, state="cancel")
            self._facts["orders"][str(key)]["state"] = "cancelled"

    def _sale(self, chance: Random, at: datetime, state: str) -> None:
        self.begin()
        products = self._rows("product.product")
        net = with_tax = 0
        sold: list[Row] = []
        for _ in range(chance.randint(1, 3) if products else 0):
            product = chance.choice(products)
            template = self.database.latest("product.template", product["product_tmpl_id"]) or {}
            price, pieces = _cents(template.get("list_price", 0.0)), chance.randint(1, 3)
            percent = chance.choice((0, 0, 10))
            after = price * pieces - price * pieces * percent // 100
            tax = after * _TAX_PERCENT // 100
            sold.append(
                {"product_id": product["id"], "qty": float(pieces), "price_unit": price / 100,
                 "discount": float(percent), "price_subtotal": after / 100,
                 "price_subtotal_incl": (after + tax) / 100, "full_product_name": "Tea"}
            )  # fmt: skip
            net, with_tax = net + after, with_tax + after + tax
        order = self._order(at, state, self._someone(chance), net, with_tax)
        lines = [self.create("pos.order.line", order_id=order, **row) for row in sold]
        change = chance.choice((0, 0, 500))
        paid = [self._pay(order, with_tax + change, 1)]
        if change:
            paid.append(self._pay(order, -change, 1, is_change=True))
        self._finish(order, lines, paid)
        self._facts["orders"][str(order)] |= {"len(lines)": len(lines), "refunded": 0}

    def _order(self, at: datetime, state: str, partner: int | None, net: int, with_tax: int) -> int:
        order = self.create(
            "pos.order", name="Shop/0001", state=state, date_order=at, partner_id=partner,
            user_id=2, config_id=1, session_id=1, company_id=1, access_token=SECRET,
            amount_total=with_tax / 100, amount_tax=(with_tax - net) / 100,
            amount_paid=with_tax / 100, pos_reference="Order 00001-001-0001",
        )  # fmt: skip
        shown = "open" if state == "draft" else "completed"
        self._facts["orders"][str(order)] = {"state": shown, "net": net, "total": with_tax}
        return order

    def _pay(self, order: int, amount: int, method: int, **more: Any) -> int:
        return self.create(
            "pos.payment", pos_order_id=order, amount=amount / 100, payment_method_id=method,
            payment_date=self.now, cardholder_name=SECRET, **more,
        )  # fmt: skip

    def _finish(self, order: int, lines: list[int], payments: list[int]) -> None:
        self.patch("pos.order", order, lines=lines, payment_ids=payments)

    # --- people ---------------------------------------------------------------------------

    def add_customer(self, chance: Random) -> None:
        """Take down a new customer."""
        self.begin()
        number = chance.randint(1, 10**9)
        email, phone = f"c{number}@example.com", f"+1{number:010d}"
        name = chance.choice(("Zoë Ångström", "ليلى حداد", "Bo 🍵"))
        key = self.create(
            "res.partner", name=name, active=True, email=email.upper(), email_normalized=email,
            phone=phone, phone_sanitized=phone, partner_share=True, country_id=233,
            category_id=chance.choice(([], [1])), signup_token=SECRET,
        )  # fmt: skip
        self._facts["customers"][str(key)] = {"given_name": name, "email": email}

    def change_customer(self, chance: Random) -> None:
        """Change a customer's name, tags or tag's name, or what a blacklist says."""
        if not (people := self._customers()):
            return
        self.begin()
        person, what = chance.choice(people), chance.randrange(4)
        if what == 0:
            name = f"{person['name']} {chance.randint(1, 99)}"
            self.write("res.partner", person["id"], name=name)
            self._facts["customers"][str(person["id"])]["given_name"] = name
        elif what == 1:
            self.write("res.partner", person["id"], category_id=chance.choice(([], [1])))
        elif what == 2:  # noqa: PLR2004 - the third of four
            self._toggle("mail.blacklist", "email", person["email_normalized"])
        else:
            self._toggle("phone.blacklist", "number", person["phone_sanitized"])

    def delete_customer(self, chance: Random) -> None:
        """Archive a customer; one who never bought anything may be deleted for good."""
        if not (people := self._customers()):
            return
        self.begin()
        key = chance.choice(people)["id"]
        self._facts["customers"][str(key)] = {"deleted_at": "*"}
        if self._orders_of(key) or chance.random() < 0.5:  # noqa: PLR2004 - half of the others
            self.write("res.partner", key, active=False)
        else:
            self.database.remove("res.partner", key, self.now + self.lag)

    def merge_customers(self, chance: Random) -> None:
        """Merge two: their orders are moved by plain SQL, one is written, one deleted."""
        people = self._customers()
        if len(people) < 2:  # noqa: PLR2004 - it takes two
            return
        self.begin()
        gone, kept = (row["id"] for row in chance.sample(people, 2))
        for order in self._orders_of(gone):
            self.patch("pos.order", order, partner_id=kept)
        self.write("res.partner", kept)
        self.database.remove("res.partner", gone, self.now + self.lag)
        self._facts["customers"][str(gone)] = {"deleted_at": "*"}

    def hire(self, chance: Random) -> None:
        """Take on or dismiss a user."""
        self.begin()
        users = [row for row in self._rows("res.users") if row["id"] > 2]  # noqa: PLR2004 - not the first
        if users and chance.random() < 0.5:  # noqa: PLR2004 - one in two
            self.write("res.users", chance.choice(users)["id"], active=False)
        else:
            self.create("res.users", name="Kim", login="kim@example.com", active=True, share=False)

    # --- range ----------------------------------------------------------------------------

    def add_product(self, chance: Random) -> None:
        """Take a product into the range."""
        self.begin()
        price = chance.choice((0, 250, 1299))
        template = self.create(
            "product.template", name="Tea", active=True, categ_id=2, list_price=price / 100
        )
        key = self.create(
            "product.product", product_tmpl_id=template, active=True, currency_id=_DOLLAR,
            cost_currency_id=_DOLLAR, standard_price=1.5, default_code=f"T{template}",
        )  # fmt: skip
        self._facts["products"][str(key)] = {"name": "Tea", "price": price}

    def change_product(self, chance: Random) -> None:
        """Change a template, a variant, or the name of a category above them."""
        if not (products := self._rows("product.product")):
            return
        self.begin()
        row, what = chance.choice(products), chance.randrange(3)
        if what == 0:
            price = chance.randint(1, 9999)
            self.write("product.template", row["product_tmpl_id"], list_price=price / 100)
            self._facts["products"][str(row["id"])]["price"] = price
        elif what == 1:
            self.write("product.product", row["id"], default_code=f"T{chance.randint(1, 99)}")
        else:
            self.write("product.category", 1, name=f"All {chance.randint(1, 99)}")

    def delete_product(self, chance: Random) -> None:
        """Archive a product; one that was never sold may be deleted for good."""
        if not (products := self._rows("product.product")):
            return
        self.begin()
        row = chance.choice(products)
        self._facts["products"][str(row["id"])] = {"deleted_at": "*"}
        sold = {line["product_id"] for line in self._latest("pos.order.line")}
        if row["id"] in sold or chance.random() < 0.5:  # noqa: PLR2004 - half of the others
            self.write("product.template", row["product_tmpl_id"], active=False)
            self.write("product.product", row["id"], active=False)
        else:
            self.database.remove("product.product", row["id"], self.now + self.lag)
            self.database.remove("product.template", row["product_tmpl_id"], self.now + self.lag)

    # --- looking around -------------------------------------------------------------------

    def _open_shop(self) -> None:
        self.begin()
        at = self.create("res.partner", name="Tea Ltd", active=True, partner_share=False,
                         street="1 High Street", city="Albany", state_id=[27, "New York (US)"],
                         country_id=233, tz="America/Chicago")  # fmt: skip
        self.create("res.company", name="Tea Ltd", partner_id=at, currency_id=_DOLLAR)
        self.create("product.category", name="All")
        self.create("product.category", name="Hot", parent_id=1)
        self.create("pos.config", name="Till", active=True, company_id=1)
        self.create("pos.session", name="POS/00001", config_id=1, start_at=self.now)
        self.create("pos.payment.method", name="Cash", is_cash_count=True)
        self.create("pos.payment.method", name="Terminal", use_payment_terminal="adyen")
        self.create("res.users", name="Robot", login="robot", active=False, share=False)
        self.create("res.users", name="Ada", login="till@example.com", active=True, share=False)
        self.create("res.partner.category", name="Newsletter")

    def _rows(self, model: str) -> list[Row]:
        """List rows that are visible, active and not about to change."""
        return [row for row in self.database.alive(model) if row.get("active", True)]

    def _latest(self, model: str) -> list[Row]:
        rows = self.database.models[model].rows
        return [row for key in rows if (row := self.database.latest(model, key))]

    def _customers(self) -> list[Row]:
        return [row for row in self._rows("res.partner") if row["partner_share"]]

    def _someone(self, chance: Random) -> int | None:
        people: list[int] = [row["id"] for row in self._customers()]
        return chance.choice([None, *people])

    def _orders_of(self, partner: int) -> list[int]:
        return [row["id"] for row in self._latest("pos.order") if row["partner_id"] == partner]

    def _toggle(self, model: str, name: str, address: str) -> None:
        for row in self._latest(model):
            if row[name] == address:
                self.write(model, row["id"], active=not row["active"])
                return
        self.create(model, **{name: address}, active=True)


def _cents(amount: float) -> int:
    return round(amount * 100)
