"""Clover's JSON, as far as it is needed: money in cents, times in milliseconds since 1970.

Secrets (an employee's PIN, a customer's cards, a card's numbers) have no field here, so they
are skipped while decoding.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Wire(Struct, gc=False, rename="camel"):
    """What all of Clover's structs share."""


class Elements(Wire, Generic[T], gc=False):
    """A nested list. Clover cuts it after 100 without saying so."""

    elements: list[T] = []


class Reference(Wire, gc=False):
    """A pointer to another object."""

    id: str


class Merchant(Wire, gc=False):
    """A merchant, which is one shop in one place."""

    id: str
    name: str | None = None
    created_time: int | None = None


class Properties(Wire, gc=False):
    """How a merchant is set up."""

    default_currency: str | None = None
    timezone: str | None = None


class Address(Wire, gc=False):
    """A postal address."""

    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None


class Employee(Wire, gc=False):
    """Somebody who works there. PIN, contact details and pay are left out."""

    id: str
    name: str | None = None
    modified_time: int | None = None
    deleted_time: int | None = None


class EmailAddress(Wire, gc=False):
    """An e-mail address of a customer."""

    email_address: str | None = None
    primary_email: bool | None = None


class PhoneNumber(Wire, gc=False):
    """A phone number of a customer."""

    phone_number: str | None = None


class Customer(Wire, gc=False):
    """A customer. Clover keeps no time of change. Cards are left out."""

    id: str
    first_name: str | None = None
    last_name: str | None = None
    marketing_allowed: bool | None = None
    customer_since: int | None = None
    deleted_time: int | None = None
    email_addresses: Elements[EmailAddress] | None = None
    phone_numbers: Elements[PhoneNumber] | None = None
    addresses: Elements[Address] | None = None


class Category(Wire, gc=False):
    """A category of items; Clover's categories have no levels."""

    id: str
    name: str | None = None
    modified_time: int | None = None


class Item(Wire, gc=False):
    """What is sold; a variant is an item of its own in an item group."""

    id: str
    name: str | None = None
    sku: str | None = None
    code: str | None = None
    price: int | None = None
    cost: int | None = None
    deleted: bool | None = None
    modified_time: int | None = None
    deleted_time: int | None = None
    item_group: Reference | None = None
    categories: Elements[Category] | None = None


class Discount(Wire, gc=False):
    """A discount: a negative amount, or a percentage."""

    amount: int | None = None
    percentage: int | None = None


class Modification(Wire, gc=False):
    """A modifier as it was chosen."""

    amount: int | None = None


class TaxRate(Wire, gc=False):
    """A tax rate; 10,000,000 is the whole price."""

    rate: int | None = None


class LineItem(Wire, gc=False):
    """A line of an order; 1,000 in `unit_qty` is one unit."""

    id: str
    price: int
    name: str | None = None
    unit_qty: int | None = None
    item: Reference | None = None
    refunded: bool | None = None
    exchanged: bool | None = None
    discounts: Elements[Discount] | None = None
    modifications: Elements[Modification] | None = None
    tax_rates: Elements[TaxRate] | None = None


class ServiceCharge(Wire, gc=False):
    """A service charge; 10,000 in `percentage_decimal` is one percent."""

    amount: int | None = None
    percentage_decimal: int | None = None


class Tender(Wire, gc=False):
    """A way to pay."""

    id: str
    label_key: str | None = None


class CardTransaction(Wire, gc=False):
    """That a card was used; nothing else about it is read."""


class Payment(Wire, gc=False):
    """Money taken; `amount` holds the tax but not the tip."""

    id: str
    amount: int
    result: str | None = None
    tip_amount: int | None = None
    tender: Reference | None = None
    card_transaction: CardTransaction | None = None
    order: Reference | None = None
    created_time: int | None = None
    client_created_time: int | None = None
    modified_time: int | None = None


class Refund(Wire, gc=False):
    """Money given back, for a payment or, as a credit, without one."""

    id: str
    amount: int
    order_ref: Reference | None = None
    payment: Reference | None = None
    tender: Reference | None = None
    created_time: int | None = None
    client_created_time: int | None = None


class Order(Wire, gc=False):
    """An order, as far as one request shows it: Clover expands three fields at once."""

    id: str
    currency: str | None = None
    total: int | None = None
    title: str | None = None
    state: str | None = None
    payment_state: str | None = None
    is_vat: bool | None = None
    tax_removed: bool | None = None
    test_mode: bool | None = None
    created_time: int | None = None
    client_created_time: int | None = None
    modified_time: int | None = None
    deleted_time: int | None = None
    deleted_timestamp: int | None = None
    employee: Reference | None = None
    customers: Elements[Reference] | None = None
    discounts: Elements[Discount] | None = None
    service_charge: ServiceCharge | None = None
    line_items: Elements[LineItem] | None = None
    payments: Elements[Payment] | None = None
    refunds: Elements[Refund] | None = None
    credits: Elements[Refund] | None = None


def listed(nested: Elements[T] | None) -> list[T]:
    """Read a nested list; an absent one is empty."""
    return nested.elements if nested is not None else []
