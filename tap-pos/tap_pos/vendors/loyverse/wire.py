"""Loyverse's JSON, as far as it is needed: pages decode straight into these structs.

No specification of the vendor's is public; the names are those that several third parties use
alike. Amounts are JSON numbers in major units; a field of type `Decimal` keeps their digits.
"""

from __future__ import annotations

from decimal import Decimal  # noqa: TC003 - msgspec resolves the fields' types at run time

from msgspec import Struct, field


class Wire(Struct, gc=False):
    """What all of Loyverse's structs share."""


class Currency(Wire, gc=False):
    """A merchant's currency."""

    code: str | None = None


class Merchant(Wire, gc=False):
    """The account. Its owner's address is left out."""

    currency: Currency | str | None = None
    created_at: str | None = None


class Store(Wire, gc=False):
    """A place that sells."""

    id: str
    name: str | None = None
    address: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None
    updated_at: str | None = None
    deleted_at: str | None = None


class Employee(Wire, gc=False):
    """Somebody who works there. Contact details are left out."""

    id: str
    name: str | None = None
    stores: list[str] | None = None
    updated_at: str | None = None
    deleted_at: str | None = None


class Category(Wire, gc=False):
    """A flat category; it has no time of change."""

    id: str
    name: str | None = None
    deleted_at: str | None = None


class Variant(Wire, gc=False):
    """What is sold: one variant of an item."""

    id: str = field(name="variant_id")
    sku: str | None = None
    barcode: str | None = None
    option1_value: str | None = None
    option2_value: str | None = None
    option3_value: str | None = None
    cost: Decimal | None = None
    default_price: Decimal | None = None
    updated_at: str | None = None
    deleted_at: str | None = None


class Item(Wire, gc=False):
    """What variants have in common."""

    id: str
    item_name: str | None = None
    category_id: str | None = None
    variants: list[Variant] | None = None
    updated_at: str | None = None
    deleted_at: str | None = None


class Customer(Wire, gc=False):
    """A customer profile. Its note and what was spent are left out."""

    id: str
    name: str | None = None
    email: str | None = None
    phone_number: str | None = None
    address: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    customer_code: str | None = None
    total_points: Decimal | None = None
    created_at: str | None = None
    updated_at: str | None = None
    deleted_at: str | None = None
    permanent_deletion_at: str | None = None


class Tax(Wire, gc=False):
    """A tax on a line; `INCLUDED` in its price or `ADDED` to it."""

    type: str | None = None
    money_amount: Decimal | None = None


class Line(Wire, gc=False):
    """One line of a receipt."""

    id: str | None = None
    variant_id: str | None = None
    item_name: str | None = None
    variant_name: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    gross_total_money: Decimal | None = None
    total_discount: Decimal | None = None
    cost: Decimal | None = None
    line_taxes: list[Tax] | None = None


class Payment(Wire, gc=False):
    """Money that moved. It has no id."""

    type: str | None = None
    name: str | None = None
    money_amount: Decimal | None = None
    paid_at: str | None = None


class Receipt(Wire, gc=False):
    """A receipt of a sale or a refund."""

    id: str = field(name="receipt_number")
    receipt_type: str | None = None
    refund_for: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    receipt_date: str | None = None
    cancelled_at: str | None = None
    total_money: Decimal | None = None
    total_tax: Decimal | None = None
    total_discount: Decimal | None = None
    tip: Decimal | None = None
    surcharge: Decimal | None = None
    customer_id: str | None = None
    employee_id: str | None = None
    store_id: str | None = None
    line_items: list[Line] | None = None
    payments: list[Payment] | None = None
