"""A WooCommerce site in which everything happens that its API can show."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, ClassVar

from tap_pos.testing.conformance import ConformingFake, Facts, SpecificationMissing
from tap_pos.testing.fake import Answer
from tap_pos.testing.fakes.woocommerce_rows import customer, line, order, product, refund, variation
from tap_pos.testing.fakes.woocommerce_site import ScriptedWooCommerce
from tap_pos.testing.fakes.woocommerce_specification import WooCommerceSpecification

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tap_pos.testing.fake import Request, Row

_NAMES = ("Quirina", "Øyvind", "نور", "Zoë 🫖", "O'Brien", "李")
_GOODS = ("Tea", "Cup & Saucer", "شاي", "Cake 🍰")
_UNSEEN_REFUND_DAYS = 20


class WooCommerceLife(ScriptedWooCommerce, ConformingFake):
    """The site of version 8.4, where only orders tell of refunds."""

    vendor = "woocommerce"
    lookback = timedelta(seconds=60)
    lag = timedelta(0)
    page_size = 3
    has_list_of_refunds: ClassVar[bool] = False
    tells_refunds_in_orders: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.page_size = type(self).page_size
        self.version = 9 if self.has_list_of_refunds else 8
        self.refunds_in_orders = self.tells_refunds_in_orders
        self.facts: Facts = {
            "locations": {"online": {"name": "Tea & Cake", "currency": "USD"}},
            "products": {},
            "customers": {},
            "orders": {},
        }
        self._held_to: WooCommerceSpecification | None = None
        self._violations: list[str] = []
        for number, (name, parent) in enumerate((("Drinks &amp; more", 0), ("Tea", 1)), 1):
            self.put("categories", {"id": number, "name": name, "slug": name, "parent": parent})

    def settings(self) -> dict[str, Any]:
        """Give the settings of this shop, which keeps an opt-in in a plugin's metadata."""
        return {
            "vendor": "woocommerce",
            "shop_id": "tea",
            "base_url": self.url,
            "consumer_key": self.key,
            "consumer_secret": self.secret,
            "consent_sources": [
                {"custom_attribute": "newsletter", "channels": ["email"], "purpose": "marketing",
                 "given": ["1"], "withdrawn": ["0"]},
            ],
        }  # fmt: skip

    def truth(self) -> Facts:
        """Say what was told to the actions."""
        return self.facts

    def expire_cursors(self) -> None:
        """Do nothing: pages are numbered, there are no cursors."""

    def busy(self) -> Answer:
        """Answer as a hosting company's firewall does."""
        page = b"<html><title>429 Too Many Requests</title></html>"
        return Answer(429, page, {"Retry-After": "0", "Content-Type": "text/html"})

    @property
    def violations(self) -> list[str]:
        """What broke WooCommerce's own descriptions."""
        return self._violations

    @contextmanager
    def specification(self) -> Iterator[None]:
        """Hold requests and answers to what a running WooCommerce 8.4.0 said of itself."""
        self._held_to = WooCommerceSpecification.find()
        if self._held_to is None:
            raise SpecificationMissing("WooCommerce's own descriptions are not on this machine")
        try:
            yield
        finally:
            self._held_to = None

    def answer(self, request: Request) -> Answer:
        """Answer, and hold both sides to the descriptions while that is wanted."""
        found = super().answer(request)
        if self._held_to is not None and self.version == 8:  # noqa: PLR2004 - the version described
            self._violations += self._held_to.check(request, found)
        return found

    # --- sales -------------------------------------------------------------------------------

    def sell(self, chance: Random) -> None:
        """Take an order of one to three lines, by a guest or a customer."""
        number = self.number()
        lines, net, tax = [], 0, 0
        for _ in range(chance.randint(1, 3)):
            quantity, price = chance.randint(1, 3), chance.choice((0, 450, 1299, 2000))
            gross = quantity * price
            discount = gross // 10 if chance.random() < 0.3 else 0  # noqa: PLR2004 - some
            line_tax = (gross - discount) // 11
            lines.append(
                line(self.number(), gross, quantity, discount=discount, tax=line_tax,
                     product=self._pick(chance, "products"))
            )  # fmt: skip
            net, tax = net + gross - discount, tax + line_tax
        shipping = chance.choice((0, 495))
        buyer = self._pick(chance, "customers") if chance.random() < 0.6 else None  # noqa: PLR2004
        status = chance.choice(("processing", "completed", "completed"))
        self.put(
            "orders",
            order(number, self.stamp(), lines, net=net, tax=tax, shipping=shipping, status=status,
                  customer=buyer["id"] if buyer else 0),
        )  # fmt: skip
        if buyer:
            # Observed: an order moves its customer's time of change.
            self.put("customers", {**buyer, "date_modified_gmt": self.stamp()})
        self.facts["orders"][str(number)] = {
            "state": "completed",
            "net": net,
            "total": net + tax + shipping,
            "len(lines)": len(lines),
            "refunded": 0,
        }

    def refund(self, chance: Random) -> None:
        """Take back one line of an order, or pay something back, with or without a trace on it."""
        if (sold := self._pick(chance, "orders", self._can_be_refunded)) is None:
            return
        number, facts = self.number(), self.facts["orders"][str(sold["id"])]
        returned = None
        if chance.random() < 0.6 and sold["line_items"]:  # noqa: PLR2004 - more often than not
            source = chance.choice(sold["line_items"])
            returned = line(
                self.number(), -_cents(source["total"]), -source["quantity"],
                tax=-_cents(source["total_tax"]), source=source["id"],
            )  # fmt: skip
            amount = _cents(source["total"]) + _cents(source["total_tax"])
            facts["net"] -= _cents(source["total"])
            facts["total"] -= amount
            facts["len(lines)"] += 1
        else:
            amount = chance.choice((0, 100, 250))
        self.put("refunds", refund(number, sold["id"], self.stamp(), amount, returned))
        facts["refunded"] += amount
        made = datetime.fromisoformat(sold["date_created_gmt"]).replace(tzinfo=timezone.utc)
        is_recent = self.now - made < timedelta(days=_UNSEEN_REFUND_DAYS)
        if chance.random() < 0.5 or not is_recent:  # noqa: PLR2004 - the others go by PayPal
            self._touch("orders", sold["id"])

    def change_sale(self, chance: Random) -> None:
        """Fulfil an order, or put it back on hold although it is paid."""
        if (sold := self._pick(chance, "orders", lambda row: row["status"] != "trash")) is None:
            return
        status = chance.choice(("completed", "processing", "on-hold", "packed"))
        self._touch("orders", sold["id"], status=status)
        state = "open" if status == "on-hold" else "completed"
        self.facts["orders"][str(sold["id"])]["state"] = state

    def cancel_sale(self, chance: Random) -> None:
        """Cancel an order, or put it into the trash."""
        if (sold := self._pick(chance, "orders")) is not None:
            self._touch("orders", sold["id"], status=chance.choice(("cancelled", "trash")))
            self.facts["orders"][str(sold["id"])]["state"] = "cancelled"

    # --- people ------------------------------------------------------------------------------

    def add_customer(self, chance: Random) -> None:
        """Open an account; not everybody is a customer by role."""
        number, name = self.number(), chance.choice(_NAMES)
        role = chance.choice(("customer", "customer", "subscriber", "administrator"))
        self.put("customers", customer(number, self.stamp(), first_name=name, role=role))
        self.facts["customers"][str(number)] = {
            "given_name": name,
            "email": f"c{number}@example.com",
        }

    def change_customer(self, chance: Random) -> None:
        """Change a name or an answer about the newsletter."""
        if (person := self._pick(chance, "customers")) is None:
            return
        name, answer = chance.choice(_NAMES), chance.choice(("0", "1"))
        meta = [{"id": 1, "key": "newsletter", "value": answer}]
        self._touch("customers", person["id"], first_name=name, meta_data=meta)
        self.facts["customers"][str(person["id"])]["given_name"] = name

    def delete_customer(self, chance: Random) -> None:
        """Delete an account; nothing is left of it."""
        if (person := self._pick(chance, "customers")) is not None:
            self.remove("customers", person["id"])
            self.facts["customers"][str(person["id"])] = {"deleted_at": "*"}

    # --- the range ---------------------------------------------------------------------------

    def add_product(self, chance: Random) -> None:
        """Take a product into the range, as it is or in two variations."""
        number, name, price = self.number(), chance.choice(_GOODS), chance.choice((0, 450, 1299))
        if chance.random() < 0.6:  # noqa: PLR2004 - more often than not
            self.put("products", product(number, self.stamp(), name, price))
            self.facts["products"][str(number)] = {"name": name, "price": price}
            return
        children = [self.number(), self.number()]
        for child, size in zip(children, ("S", "L"), strict=True):
            self.put("variations", variation(child, number, size, price))
            self.facts["products"][str(child)] = {"name": f"{name} ({size})", "price": price}
        self.put("products", product(number, self.stamp(), name, None, variations=children))

    def change_product(self, chance: Random) -> None:
        """Change a price; a variation's change moves its product too."""
        if (found := self._pick(chance, "products", _can_be_sold)) is None:
            return
        price = chance.choice((0, 500, 1399))
        if found["variations"]:
            child = chance.choice(found["variations"])
            self._touch("variations", child, price=f"{price / 100:.2f}")
            self._touch("products", found["id"])
        else:
            child = found["id"]
            self._touch("products", child, price=f"{price / 100:.2f}")
        self.facts["products"][str(child)]["price"] = price

    def delete_product(self, chance: Random) -> None:
        """Put a product into the trash, delete it for good, or one of its variations."""
        if (found := self._pick(chance, "products")) is None:
            return
        how = chance.choice(("trash", "delete", "delete a variation"))
        ended = found["variations"] or [found["id"]]
        if how == "trash":
            self._touch("products", found["id"], status="trash")
        elif how == "delete a variation" and found["variations"]:
            ended = ended[:1]
            self._touch_silently("products", found["id"], variations=found["variations"][1:])
        else:
            self.remove("products", found["id"])
        for number in ended if found["variations"] else ():
            if how == "trash":
                self._touch("variations", number, status="trash")
            else:
                self.remove("variations", number)
        for number in ended:
            self.facts["products"][str(number)] = {"deleted_at": "*"}

    # --- how the site keeps it ---------------------------------------------------------------

    @property
    def _given_back(self) -> set[int]:
        """Orders of which goods came back: this shop takes back once only."""
        return {r["parent_id"] for r in self.newest("refunds").values() if r["line_items"]}

    def _can_be_refunded(self, row: Row) -> bool:
        return row["status"] not in {"cancelled", "trash"} and row["id"] not in self._given_back

    def _pick(self, chance: Random, kind: str, fits: Any = lambda _row: True) -> Row | None:
        rows = [row for _, row in sorted(self.newest(kind).items()) if fits(row)]
        return chance.choice(rows) if rows else None

    def _touch(self, kind: str, number: int, **changes: Any) -> None:
        stamped = {} if kind == "variations" else {"date_modified_gmt": self.stamp()}
        self._touch_silently(kind, number, **stamped, **changes)

    def _touch_silently(self, kind: str, number: int, **changes: Any) -> None:
        self.put(kind, {**self.newest(kind)[number], **changes})


class WooCommerceWithRefunds(WooCommerceLife):
    """A site of version 9, which can list all refunds."""

    vendor = "woocommerce 9"
    has_list_of_refunds = True


class WooCommerceSilentOrders(WooCommerceWithRefunds):
    """A site of version 9 whose orders don't say which refunds they have."""

    vendor = "woocommerce 9 with silent orders"
    is_variant = True
    tells_refunds_in_orders = False


def _can_be_sold(row: Row) -> bool:
    return row["status"] != "trash" and (row["type"] == "simple" or bool(row["variations"]))


def _cents(text: str) -> int:
    return int(text.replace(".", ""))
