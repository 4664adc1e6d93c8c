"""A Shopify shop with a register and an online shop, in which everything happens."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_pos.testing.conformance import ConformingFake, Facts, SpecificationMissing
from tap_pos.testing.fake import Answer
from tap_pos.testing.fakes import shopify_rows as rows
from tap_pos.testing.fakes import shopify_schema
from tap_pos.testing.fakes.shopify_till import ShopifyTill

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from tap_pos.testing.fake import Row

_NAMES = ("Quirina", "Øyvind", "نور", "Zoë 🫖", "O'Brien", "李")
_STATES = ("NOT_SUBSCRIBED", "PENDING", "SUBSCRIBED", "UNSUBSCRIBED")
_PAIR = 2


class ShopifyLife(ShopifyTill, ConformingFake):
    """The shop, its people and its range; `ShopifyTill` has what happens to orders.

    Two things are left out, because Shopify forgets what it said before and no later reading
    can agree with an earlier one: a product that was sold is not deleted (its lines lose
    their variant without the order changing), and orders of a merged customer count as
    changed. That a customer with orders can't be deleted is Shopify's own rule.
    """

    vendor = "shopify"
    lookback = timedelta(minutes=10)
    lag = timedelta(0)
    page_size = 3

    def __init__(self) -> None:
        super().__init__()
        self.shop["createdAt"] = "2026-02-20T09:00:00Z"
        at = self.stamp()
        self.write_all(
            "locations",
            rows.location(1, at),
            rows.location(2, at),
            rows.location(3, at, isActive=False),
            rows.location(4, at, isFulfillmentService=True),
        )
        for number, row in self.rows["locations"].items():
            self.facts["locations"][str(number)] = {
                "name": row["name"],
                "active": row["isActive"],
                "channel": "online" if row["isFulfillmentService"] else "store",
            }

    def settings(self) -> dict[str, Any]:
        """Give the settings of this shop, which keeps one more opt-in in a tag."""
        return {
            "vendor": "shopify",
            "shop_id": "tea",
            "access_token": "token",
            "base_url": self.url,
            "consent_sources": [
                {"group": "Newsletter", "channels": ["post"], "purpose": "marketing"}
            ],
        }

    def truth(self) -> Facts:
        """Say what was told to the actions."""
        return self.facts

    def expire_cursors(self) -> None:
        """Do nothing: Shopify's cursors are places, and don't expire."""

    def busy(self) -> Answer:
        """Answer as Shopify does when asked too much: with 200."""
        return Answer(200, self.throttled(1))

    @property
    def violations(self) -> list[str]:
        """What broke Shopify's schema: queries that don't fit it, answers that can't be given."""
        return self.faults

    @contextmanager
    def specification(self) -> Iterator[None]:
        """Hold requests and answers to Shopify's schema, as they always are where it is."""
        if shopify_schema.true_schema() is None:
            raise SpecificationMissing(f"{shopify_schema.SPECIFICATION} is not on this machine")
        yield

    # --- people ------------------------------------------------------------------------------

    def add_customer(self, chance: Random) -> None:
        """Take down a new customer."""
        number = self.fresh()
        person = rows.customer(number, self.stamp(), firstName=chance.choice(_NAMES))
        person["defaultEmailAddress"] = rows.email(f"c{number}@example.org")
        self._write_customer(number, person)

    def change_customer(self, chance: Random) -> None:
        """Change a name, a tag, an address or what was agreed to."""
        if (number := self.pick(chance, "customers")) is None:
            return
        person, now = dict(self.rows["customers"][number]), self.stamp()
        what = chance.randrange(4)
        if what == 0:
            person["firstName"] = chance.choice(_NAMES)
        elif what == 1:
            person["tags"] = chance.choice(([], ["Newsletter"], ["Newsletter", "Friends"]))
        elif what == _PAIR:
            address = f"c{number}@example.org"
            person["defaultEmailAddress"] = rows.email(address, chance.choice(_STATES), now)
        else:
            person["defaultPhoneNumber"] = rows.phone("+15555550100", ("SUBSCRIBED", now))
            person["dataSaleOptOut"] = True
        self._write_customer(number, person | {"updatedAt": now})

    def delete_customer(self, chance: Random) -> None:
        """Delete a customer who never bought anything."""
        buyers = {row["customer"] for row in self.rows["orders"].values()}
        free = sorted(self.rows["customers"].keys() - buyers)
        if free:
            self._end_customer(chance.choice(free))

    def merge_customers(self, chance: Random) -> None:
        """Merge one customer into another; orders follow."""
        people = sorted(self.rows["customers"])
        if len(people) < _PAIR:
            return
        gone, kept = chance.sample(people, _PAIR)
        self._write_customer(kept, self.rows["customers"][kept] | {"updatedAt": self.stamp()})
        for row in list(self.rows["orders"].values()):
            if row["customer"] == gone:
                self.rewrite(row | {"customer": kept})
        self._end_customer(gone)

    def hire(self, chance: Random) -> None:
        """Take on somebody, or let somebody go."""
        staff = sorted(self.rows["staffMembers"])
        leaves = len(staff) > 1 and chance.randrange(3) == 0
        number = chance.choice(staff) if leaves else self.fresh()
        member = rows.staff_member(number, active=not leaves)
        self.write("staffMembers", member)
        self.facts["employees"][str(number)] = {
            "active": not leaves,
            "display_name": member["name"],
        }

    def _write_customer(self, number: int, person: Row) -> None:
        self.write("customers", person)
        self.facts["customers"][str(number)] = {
            "given_name": person["firstName"],
            "email": f"c{number}@example.org",
        }

    def _end_customer(self, number: int) -> None:
        self.write("customers", None, number=number)
        self.facts["customers"][str(number)] = {"deleted_at": "*"}

    # --- the range ---------------------------------------------------------------------------

    def add_product(self, chance: Random) -> None:
        """Take in a product with one to five variants."""
        number, now = self.fresh(), self.stamp()
        category = chance.choice((None, "Food > Drinks > Tea"))
        self.write("products", rows.product(number, now, category=category, title=f"Tea {number}"))
        many = chance.choice((1, 1, 2, 5))
        for position in range(many):
            title = "Default Title" if many == 1 else f"Size {position}"
            price = chance.choice((0, 450, 1250))
            self.write(
                "productVariants",
                rows.variant(self.fresh(), number, now, title=title, price=price, cost=200),
            )
        self._tell_products()

    def change_product(self, chance: Random) -> None:
        """Change a product's name or status, or a variant's price and nothing else."""
        if (number := self.pick(chance, "productVariants")) is None:
            return
        variant, now, what = self.rows["productVariants"][number], self.stamp(), chance.randrange(3)
        item = self.rows["products"][variant["product"]]
        if what == 0:
            price = variant["price"] + 25
            self.write("productVariants", variant | {"price": price, "updatedAt": now})
        elif what == 1:
            title = f"Tea {variant['product']} no. {chance.randrange(100)}"
            self.write("products", item | {"title": title, "updatedAt": now})
        else:
            status = chance.choice(("ACTIVE", "DRAFT", "ARCHIVED", "UNLISTED"))
            self.write("products", item | {"status": status, "updatedAt": now})
        self._tell_products()

    def delete_product(self, chance: Random) -> None:
        """Delete a product that was never sold, or one of its variants."""
        variants = self.rows["productVariants"]
        free = sorted(
            {row["product"] for row in variants.values()}
            - {variants[number]["product"] for number in self.sold_variants()}
        )
        if not free:
            return
        item = chance.choice(free)
        mine = sorted(number for number, row in variants.items() if row["product"] == item)
        gone = mine[:1] if len(mine) > 1 and chance.randrange(2) else mine
        for number in gone:
            self.write("productVariants", None, number=number)
            self.facts["products"][str(number)] = {"deleted_at": "*"}
        if gone is mine:
            self.write("products", None, number=item)

    def _tell_products(self) -> None:
        for number, row in self.rows["productVariants"].items():
            title = self.rows["products"][row["product"]]["title"]
            alone = row["title"] == "Default Title"
            self.facts["products"][str(number)] = {
                "name": title if alone else f"{title} ({row['title']})",
                "price": row["price"],
                "unit_cost": row["cost"],
            }
