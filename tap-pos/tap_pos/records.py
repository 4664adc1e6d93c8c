"""The canonical records: what every vendor's data becomes, and what every target receives.

One struct per stream, each the single source of its JSON schema (`tap_pos.schemas`). Field
order is the order on the wire, so equal facts always encode to equal bytes.

Conventions that hold in every record:

* money is an integer in minor units of the `currency` beside it (1299 with ``USD`` is $12.99);
* quantities are decimal strings (``"0.453"``), never binary floats;
* instants are RFC 3339 in UTC with a ``Z`` (``2026-11-21T18:03:11Z``); dates are ``YYYY-MM-DD``;
* text is what the vendor sent, trimmed; an empty text is ``None``;
* amounts of a return are negative, its quantities are positive.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Instant = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Date = Annotated[str, Meta(extra_json_schema={"format": "date"})]


class Record(Struct, frozen=True, kw_only=True):
    """What all canonical records share: they are values, built once and never changed."""


class Address(Record, frozen=True, kw_only=True):
    """A postal address, as far as the vendor knows it."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: Annotated[str | None, Meta(description="ISO 3166-1 alpha-2")] = None


class Location(Record, frozen=True, kw_only=True):
    """A place, physical or online, where the shop sells."""

    shop_id: str
    id: str
    name: str | None = None
    timezone: Annotated[str | None, Meta(description="IANA name")] = None
    currency: Annotated[str | None, Meta(description="ISO 4217")] = None
    address: Address | None = None
    channel: Literal["store", "online"] = "store"
    active: bool = True
    updated_at: Instant | None = None


class Employee(Record, frozen=True, kw_only=True):
    """A person who works at the register. Never holds a PIN or a pay rate."""

    shop_id: str
    id: str
    display_name: str | None = None
    active: bool = True
    location_ids: list[str] = []
    updated_at: Instant | None = None


class Product(Record, frozen=True, kw_only=True):
    """One sellable variant; an item without variants is its own single variant."""

    shop_id: str
    id: str
    item_id: Annotated[str | None, Meta(description="what groups variants of one item")] = None
    sku: str | None = None
    barcode: str | None = None
    name: str | None = None
    category_path: Annotated[list[str], Meta(description="outermost first")] = []
    brand: str | None = None
    price: int | None = None
    unit_cost: int | None = None
    currency: str | None = None
    updated_at: Instant | None = None
    deleted_at: Instant | None = None


class Consent(Record, frozen=True, kw_only=True):
    """What the vendor asserts about one channel and purpose; silence is not an assertion.

    ``given`` and ``withdrawn`` are statements. ``unknown`` is said only by a source that
    records opt-ins and holds none for this person: it ends an earlier ``given`` of the
    same source and grants nothing.
    """

    channel: Literal["email", "sms", "phone", "post", "whatsapp", "push"]
    purpose: Literal["service", "profiling", "marketing"]
    state: Literal["given", "withdrawn", "unknown"]
    event_time: Annotated[
        Instant | None, Meta(description="when the person acted; null where the vendor can't say")
    ] = None
    observed_at: Annotated[Instant, Meta(description="the vendor's clock when it was read")]
    source: Annotated[str, Meta(description="vendor and field, e.g. square:group:Newsletter")]


class Customer(Record, frozen=True, kw_only=True):
    """A customer profile at one shop. `merged_into` and `deleted_at` mark its end."""

    shop_id: str
    id: str
    given_name: str | None = None
    family_name: str | None = None
    email: str | None = None
    phone: str | None = None
    birthday: Annotated[
        str | None, Meta(description="YYYY-MM-DD, or --MM-DD where the year is unknown")
    ] = None
    address: Address | None = None
    reference_id: str | None = None
    loyalty_id: str | None = None
    groups: list[str] = []
    consents: list[Consent] = []
    merged_into: str | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None
    deleted_at: Instant | None = None


class OrderLine(Record, frozen=True, kw_only=True):
    """One line of a basket. `id` is unique within its order only."""

    id: str
    kind: Literal["sale", "return"] = "sale"
    product_id: str | None = None
    name: str | None = None
    quantity: str
    unit_price: int | None = None
    gross: Annotated[int, Meta(description="before discounts, without added tax")]
    discount: int = 0
    tax: int = 0
    net: Annotated[int, Meta(description="gross - discount")]
    unit_cost: int | None = None


class Payment(Record, frozen=True, kw_only=True):
    """Money that moved, or tried to. A refund has a negative amount."""

    id: str
    kind: Literal["payment", "refund"] = "payment"
    method: Literal["card", "cash", "gift_card", "wallet", "bank", "other"]
    state: Literal["pending", "completed", "failed", "cancelled"]
    amount: Annotated[int, Meta(description="tip included; negative for a refund")]
    tip: int = 0
    card_fingerprint: str | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None


class ReturnLink(Record, frozen=True, kw_only=True):
    """Which earlier sale a return line takes back; both sources null for an unlinked return."""

    line_id: str
    source_order_id: str | None = None
    source_line_id: str | None = None


class Order(Record, frozen=True, kw_only=True):
    """One basket with its lines and payments: one fact that changes as one.

    ``net`` is net sales (gross - discount, without added tax, tip and service charge);
    ``total`` is what the customer was charged.
    """

    shop_id: str
    id: str
    location_id: str | None = None
    customer_id: str | None = None
    employee_id: str | None = None
    channel: Literal["store", "online"] = "store"
    state: Literal["open", "completed", "cancelled"]
    receipt_number: str | None = None
    currency: Annotated[str, Meta(description="ISO 4217")]
    created_at: Instant
    updated_at: Instant
    closed_at: Instant | None = None
    business_date: Annotated[Date, Meta(description="the shop's local trading day")]
    gross: int
    discount: int = 0
    tax: int = 0
    tip: int = 0
    service_charge: int = 0
    net: int
    total: int
    lines: list[OrderLine] = []
    payments: list[Payment] = []
    returns: list[ReturnLink] = []


class LoyaltyAccount(Record, frozen=True, kw_only=True):
    """Membership of one customer in one loyalty programme."""

    shop_id: str
    id: str
    customer_id: str | None = None
    program_id: str | None = None
    balance: Annotated[int, Meta(description="points; can be negative")] = 0
    enrolled_at: Instant | None = None
    updated_at: Instant | None = None


STREAMS: dict[str, type[Record]] = {
    "locations": Location,
    "employees": Employee,
    "products": Product,
    "customers": Customer,
    "orders": Order,
    "loyalty_accounts": LoyaltyAccount,
}
"""Every canonical stream by name, in the order in which a tap sends them."""
