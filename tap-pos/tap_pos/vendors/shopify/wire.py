"""Shopify's JSON, as far as `queries` asks for it: answers decode straight into these structs.

Names are Shopify's, turned into snake case by `rename`. `gc=False`: the structs hold no
cycles, and a page of orders is thousands of objects that the garbage collector would
otherwise walk through again and again.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Struct, field

T = TypeVar("T")


class Wire(Struct, gc=False, rename="camel"):
    """What all of Shopify's structs share."""


class Reference(Wire, gc=False):
    """A pointer to another object."""

    id: str


class PageInfo(Wire, gc=False):
    """Whether a connection goes on, and where."""

    has_next_page: bool
    end_cursor: str | None = None


class Connection(Wire, Generic[T], gc=False):
    """One page of objects inside another."""

    nodes: list[T]
    page_info: PageInfo


class Money(Wire, gc=False):
    """An amount in major units; without a currency where the surroundings name it."""

    amount: str
    currency_code: str | None = None


class MoneyBag(Wire, gc=False):
    """An amount in the shop's currency; the customer's is not asked for."""

    shop_money: Money


class Shop(Wire, gc=False):
    """The shop itself."""

    created_at: str
    currency_code: str
    iana_timezone: str


class AccessScope(Wire, gc=False):
    """Something the token may do."""

    handle: str


class AppInstallation(Wire, gc=False):
    """The app whose token is used."""

    access_scopes: list[AccessScope]


class Opening(Wire, gc=False):
    """What the first request learns."""

    shop: Shop
    current_app_installation: AppInstallation


class Address(Wire, gc=False):
    """A postal address, of a location or of a customer."""

    address1: str | None = None
    address2: str | None = None
    city: str | None = None
    province_code: str | None = None
    zip: str | None = None
    country_code: str | None = None
    country_code_v2: str | None = None


class Location(Wire, gc=False):
    """A place that holds goods."""

    id: str
    name: str
    is_active: bool
    is_fulfillment_service: bool
    updated_at: str
    address: Address


class StaffMember(Wire, gc=False):
    """Somebody who works there."""

    id: str
    name: str
    active: bool
    exists: bool


class EmailAddress(Wire, gc=False):
    """An e-mail address and what was agreed to for it."""

    email_address: str
    marketing_state: str
    marketing_updated_at: str | None = None


class MarketingConsent(Wire, gc=False):
    """What was agreed to for one channel of a phone number."""

    state: str
    updated_at: str | None = None


class PhoneNumber(Wire, gc=False):
    """A phone number and what was agreed to for it."""

    phone_number: str
    sms_marketing_consent: MarketingConsent
    whats_app_marketing_consent: MarketingConsent


class Customer(Wire, gc=False):
    """A customer profile."""

    id: str
    created_at: str
    updated_at: str
    data_sale_opt_out: bool
    tags: list[str]
    first_name: str | None = None
    last_name: str | None = None
    default_email_address: EmailAddress | None = None
    default_phone_number: PhoneNumber | None = None
    default_address: Address | None = None


class Category(Wire, gc=False):
    """A place in Shopify's product taxonomy."""

    full_name: str


class InventoryItem(Wire, gc=False):
    """What a variant is to the stock room."""

    unit_cost: Money | None = None


class Product(Wire, gc=False):
    """What variants have in common."""

    id: str
    title: str
    vendor: str
    product_type: str
    updated_at: str
    category: Category | None = None
    variants: Connection[Variant] | None = None


class Variant(Wire, gc=False):
    """What is sold."""

    id: str
    title: str
    price: str
    updated_at: str
    inventory_item: InventoryItem
    sku: str | None = None
    barcode: str | None = None
    product: Product | None = None


class ProductVariants(Wire, gc=False):
    """More variants of one product."""

    updated_at: str
    variants: Connection[Variant]


class DiscountAllocation(Wire, gc=False):
    """A discount's share in one line."""

    allocated_amount_set: MoneyBag


class TaxLine(Wire, gc=False):
    """One tax on one line."""

    price_set: MoneyBag


class LineItem(Wire, gc=False):
    """A line of a basket, with what was later refunded or removed still in it."""

    id: str
    title: str
    quantity: int
    current_quantity: int
    taxable: bool
    original_unit_price_set: MoneyBag
    discount_allocations: list[DiscountAllocation]
    tax_lines: list[TaxLine]
    variant_title: str | None = None
    product: Reference | None = None
    variant: Reference | None = None


class RefundLineItem(Wire, gc=False):
    """Units of a line that were taken back."""

    quantity: int
    subtotal_set: MoneyBag
    total_tax_set: MoneyBag
    line_item: Reference
    id: str | None = None


class Refund(Wire, gc=False):
    """What was taken back at one time."""

    id: str
    refund_line_items: Connection[RefundLineItem]


class PaymentDetails(Wire, gc=False):
    """How money was paid; nothing but the kind."""

    kind: str = field(name="__typename")


class Transaction(Wire, gc=False):
    """Money that moved, or tried to."""

    id: str
    kind: str
    status: str
    created_at: str
    amount_set: MoneyBag
    gateway: str | None = None
    processed_at: str | None = None
    parent_transaction: Reference | None = None
    payment_details: PaymentDetails | None = None


class Order(Wire, gc=False):
    """A basket."""

    id: str
    name: str
    test: bool
    created_at: str
    updated_at: str
    processed_at: str
    currency_code: str
    taxes_included: bool
    current_total_price_set: MoneyBag
    current_total_tax_set: MoneyBag
    total_tip_received_set: MoneyBag
    total_received_set: MoneyBag
    line_items: Connection[LineItem]
    refunds: list[Refund]
    transactions: list[Transaction]
    closed_at: str | None = None
    cancelled_at: str | None = None
    source_name: str | None = None
    source_identifier: str | None = None
    display_financial_status: str | None = None
    customer: Reference | None = None
    retail_location: Reference | None = None
    staff_member: Reference | None = None


class OrderLines(Wire, gc=False):
    """More lines of one order."""

    updated_at: str
    line_items: Connection[LineItem]


class Touched(Wire, gc=False):
    """Which order something belongs to, and when that last changed."""

    id: str
    updated_at: str


class RefundLines(Wire, gc=False):
    """More lines of one refund."""

    order: Touched
    refund_line_items: Connection[RefundLineItem]


class Tender(Wire, gc=False):
    """Money that reached or left the shop."""

    id: str
    order: Touched | None = None
