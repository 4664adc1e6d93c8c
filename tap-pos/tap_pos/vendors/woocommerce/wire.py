"""WooCommerce's JSON, as far as it is needed; what is not listed is dropped while decoding.

Each struct's fields are also what is asked for (`_fields`), so an order's key, the buyer's
network address and the metadata of other plugins don't even leave the shop. Ids are numbers
there and texts in the records.
"""

from __future__ import annotations

from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations
from typing import Any

from msgspec import Struct, field
from msgspec.structs import fields


class Wire(Struct, gc=False):
    """What all of WooCommerce's structs share."""


class Numbered(Wire, gc=False):
    """A record with an id."""

    number: int = field(name="id")

    @property
    def id(self) -> str:
        """The id as the records write it."""
        return str(self.number)


class Meta(Wire, gc=False):
    """A value that some plugin keeps with a record; it may be any JSON."""

    key: str | None = None
    value: Any = None


class Address(Wire, gc=False):
    """A billing address."""

    first_name: str | None = None
    last_name: str | None = None
    address_1: str | None = None
    address_2: str | None = None
    city: str | None = None
    state: str | None = None
    postcode: str | None = None
    country: str | None = None
    email: str | None = None
    phone: str | None = None


class Customer(Numbered, gc=False):
    """An account at the site."""

    date_created_gmt: str | None = None
    date_modified_gmt: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    role: str | None = None
    billing: Address | None = None
    meta_data: list[Meta] | None = None


class Line(Numbered, gc=False):
    """A line of an order; of a refund too, where quantity and amounts are negative."""

    quantity: Decimal
    subtotal: Decimal
    total: Decimal
    name: str | None = None
    product_id: int | None = None
    variation_id: int | None = None
    total_tax: str | None = None
    meta_data: list[Meta] | None = None


class Fee(Wire, gc=False):
    """A surcharge of an order."""

    total: Decimal


class RefundSummary(Numbered, gc=False):
    """A refund as its order tells it; the total is negative."""

    total: Decimal


class Order(Numbered, gc=False):
    """An order."""

    status: str
    currency: str
    total: Decimal
    total_tax: Decimal
    shipping_total: Decimal
    line_items: list[Line]
    fee_lines: list[Fee]
    refunds: list[RefundSummary]
    date_created_gmt: str
    date_created: str | None = None
    date_modified_gmt: str | None = None
    date_paid_gmt: str | None = None
    date_paid: str | None = None
    date_completed_gmt: str | None = None
    date_completed: str | None = None
    receipt: str | None = field(name="number", default=None)
    customer_id: int | None = None
    payment_method: str | None = None
    created_via: str | None = None


class Refund(Numbered, gc=False):
    """Money given back for an order, and the goods that came back with it."""

    amount: Decimal
    date_created_gmt: str
    line_items: list[Line] | None = None


class RefundOfOrder(Numbered, gc=False):
    """Which order a refund belongs to, as the collection of all refunds tells it."""

    parent_id: int


class RefundsOfOrder(Numbered, gc=False):
    """Which refunds an order has."""

    refunds: list[RefundSummary]


class Term(Wire, gc=False):
    """A category or brand that a product is in."""

    number: int = field(name="id")
    name: str | None = None


class Category(Numbered, gc=False):
    """A category of products; the outermost have the parent 0."""

    name: str | None = None
    parent: int | None = None


class Attribute(Wire, gc=False):
    """What tells one variation from the others."""

    option: str | None = None


class Sellable(Numbered, gc=False):
    """What a product and a variation have in common. A price is empty where none is set."""

    status: str | None = None
    sku: str | None = None
    price: str | None = None
    # Known since WooCommerce 9.2.
    global_unique_id: str | None = None


class Product(Sellable, gc=False):
    """A product, which may be sold as it is or in variations."""

    type: str = "simple"
    date_modified_gmt: str | None = None
    name: str | None = None
    categories: list[Term] | None = None
    variations: list[int] | None = None
    # Known since WooCommerce 9.6.
    brands: list[Term] | None = None


class Variation(Sellable, gc=False):
    """One variation of a product."""

    attributes: list[Attribute] | None = None


class ProductKey(Numbered, gc=False):
    """As little of a product as tells which sellable things exist."""

    status: str | None = None
    type: str = "simple"
    variations: list[int] | None = None


class Site(Wire, gc=False):
    """What WordPress tells everybody about a site."""

    name: str | None = None
    timezone_string: str | None = None


class Setting(Wire, gc=False):
    """One of the shop's general settings."""

    id: str
    value: Any = None


def wanted(kind: type[Wire], *more: str) -> str:
    """List the fields of a struct as the parameter `_fields` wants them.

    Args:
        kind: The struct.
        more: Fields that are needed for reading, not for the record.
    """
    names = [found.encode_name for found in fields(kind)]
    return ",".join(dict.fromkeys([*names, *more]))
