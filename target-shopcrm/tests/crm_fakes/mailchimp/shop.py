"""Mailchimp's e-commerce store: products, customers, orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crm_fakes.fake import Answer
from crm_fakes.mailchimp.audience import Member, Problem, hash_of
from crm_fakes.mailchimp.members import NOTHING, ONE, Route

if TYPE_CHECKING:
    from crm_fakes.mailchimp import FakeMailchimp

Json = dict[str, Any]
_LONGEST_CUSTOMER_ID = 50


@dataclass
class Shop:
    """A store of one audience.

    Attributes:
        paused: ``is_syncing``: no automation starts.
        pauses: Each change of it, in order.
        customers: E-mail address by the customer's id.
    """

    id: str
    list_id: str
    paused: bool = False
    pauses: list[bool] = field(default_factory=list)
    products: dict[str, Json] = field(default_factory=dict)
    customers: dict[str, str] = field(default_factory=dict)
    orders: dict[str, Json] = field(default_factory=dict)


class ShopCalls:
    """What the API does about the store.

    Args:
        fake: The account.
    """

    def __init__(self, fake: FakeMailchimp) -> None:
        self._fake = fake
        self._shop = fake.shop

    def routes(self) -> list[Route]:
        """List what can be called."""
        store = f"/ecommerce/stores/{self._shop.id}"
        return [
            ("GET", store, self._one),
            ("PATCH", store, self._pause),
            ("GET", f"{store}/products", self._products),
            ("POST", f"{store}/products", self._add_product),
            ("GET", f"{store}/orders", self._orders),
            ("POST", f"{store}/orders", self._add_order),
            ("PATCH", f"{store}/orders/{ONE}", self._change_order),
            ("DELETE", f"{store}/orders/{ONE}", self._delete_order),
            ("GET", f"{store}/customers/{ONE}", self._customer),
            ("DELETE", f"{store}/customers/{ONE}", self._delete_customer),
        ]

    def _one(self, *, query: Json, body: Json) -> Answer:
        del query, body
        return Answer(body={"list_id": self._shop.list_id, "is_syncing": self._shop.paused})

    def _pause(self, *, query: Json, body: Json) -> Answer:
        self._shop.paused = body["is_syncing"]
        self._shop.pauses.append(body["is_syncing"])
        return self._one(query=query, body=body)

    def _products(self, *, query: Json, body: Json) -> Answer:
        del body
        offset, count = int(query.get("offset", 0)), int(query.get("count", 10))
        page = [{"id": each} for each in self._shop.products][offset:][:count]
        return Answer(body={"products": page})

    def _add_product(self, *, query: Json, body: Json) -> Answer:
        del query
        if not body.get("title") or not body.get("variants"):
            raise Problem("Invalid Resource", "A product needs a title and a variant")
        if body["id"] in self._shop.products:
            raise Problem("Bad Request", "A product with the provided ID already exists")
        self._shop.products[body["id"]] = body
        return Answer(body=body)

    def _orders(self, *, query: Json, body: Json) -> Answer:
        del body
        found = [
            {"id": key}
            for key, each in self._shop.orders.items()
            if each["customer"]["id"] == query["customer_id"]
        ]
        return Answer(body={"orders": found[: int(query.get("count", 10))]})

    def _add_order(self, *, query: Json, body: Json) -> Answer:
        del query
        if body["id"] in self._shop.orders:
            raise Problem("Bad Request", "An order with the provided ID already exists")
        self._check(body)
        customer = body["customer"]
        if len(customer["id"]) > _LONGEST_CUSTOMER_ID:
            raise Problem("Invalid Resource", "A customer's id has 50 characters at most")
        email = self._shop.customers.setdefault(customer["id"], customer["email_address"])
        members = self._fake.audience.members
        if hash_of(email) not in members:  # the trap: an order makes a member
            status = "subscribed" if customer["opt_in_status"] else "transactional"
            members[hash_of(email)] = Member(email, status, self._fake.now)
        self._shop.orders[body["id"]] = body
        self._fake.writes.append(f"order {email}")
        if not self._shop.paused and members[hash_of(email)].status == "subscribed":
            self._fake.started.append(("order", email))
        return Answer(body=body)

    def _change_order(self, order_id: str, *, query: Json, body: Json) -> Answer:
        del query
        order = self._shop.orders[order_id.replace("%3A", ":")]
        self._check(body)
        order.update(body)
        self._fake.writes.append(f"order {self._shop.customers[order['customer']['id']]}")
        return Answer(body=order)

    def _check(self, asked: Json) -> None:
        if len(asked["currency_code"]) != len("EUR"):
            raise Problem("Invalid Resource", "A currency is a code of ISO 4217")
        if not asked["lines"] or asked["order_total"] < 0:
            raise Problem("Invalid Resource", "An order needs lines, and a total from 0 up")
        for line in asked["lines"]:
            if not isinstance(line["quantity"], int) or not isinstance(line["price"], (int, float)):
                raise Problem("Invalid Resource", "Schema describes integer, something else found")
            if line["product_id"] not in self._shop.products:
                raise Problem("Bad Request", "A product with the provided ID does not exist")

    def _delete_order(self, order_id: str, *, query: Json, body: Json) -> Answer:
        del query, body
        del self._shop.orders[order_id.replace("%3A", ":")]
        return NOTHING

    def _customer(self, customer_id: str, *, query: Json, body: Json) -> Answer:
        del query, body
        email = self._shop.customers[customer_id]
        return Answer(body={"id": customer_id, "email_address": email})

    def _delete_customer(self, customer_id: str, *, query: Json, body: Json) -> Answer:
        del query, body
        del self._shop.customers[customer_id]
        return NOTHING
