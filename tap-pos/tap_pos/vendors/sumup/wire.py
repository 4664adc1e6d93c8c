"""SumUp's JSON, as far as it is needed; what is not listed is dropped while decoding.

Cards, authorisation codes, positions on the map and the e-mail addresses of staff are not.
"""

from __future__ import annotations

from decimal import Decimal  # noqa: TC003 - msgspec reads the annotations

from msgspec import Struct


class Wire(Struct, gc=False):
    """What all of SumUp's structs share."""


class Address(Wire, gc=False):
    """An address; which fields are used depends on the country."""

    street_address: list[str] | None = None
    post_code: str | None = None
    zip_code: str | None = None
    eircode: str | None = None
    city: str | None = None
    post_town: str | None = None
    province: str | None = None
    region: str | None = None
    state: str | None = None
    country: str | None = None


class Business(Wire, gc=False):
    """How the merchant appears to customers, or to the authorities."""

    name: str | None = None
    address: Address | None = None


class Merchant(Wire, gc=False):
    """The account."""

    merchant_code: str
    default_currency: str
    country: str
    created_at: str | None = None
    updated_at: str | None = None
    alias: str | None = None
    business_profile: Business | None = None
    company: Business | None = None


class MemberUser(Wire, gc=False):
    """The user account of a member."""

    nickname: str | None = None
    type: str | None = None


class Member(Wire, gc=False):
    """Somebody, or something, that may use the merchant's account."""

    id: str
    status: str
    updated_at: str | None = None
    user: MemberUser | None = None


class Members(Wire, gc=False):
    """A page of members."""

    items: list[Member]
    total_count: int | None = None


class Entry(Wire, gc=False):
    """A line of the history: which transaction something happened to."""

    id: str | None = None
    transaction_id: str | None = None
    type: str | None = None


class Link(Wire, gc=False):
    """Where the history goes on."""

    rel: str
    href: str


class History(Wire, gc=False):
    """A page of the history."""

    items: list[Entry] | None = None
    links: list[Link] | None = None


class Product(Wire, gc=False):
    """What was sold; SumUp gives it no id."""

    name: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    total_price: Decimal | None = None
    vat_amount: Decimal | None = None


class TransactionEvent(Wire, gc=False):
    """Something that happened to the money afterwards."""

    id: int | None = None
    event_type: str | None = None
    status: str | None = None
    amount: Decimal | None = None
    timestamp: str | None = None


class Event(Wire, gc=False):
    """The same in the compact list, where its kind has another name."""

    id: int | None = None
    type: str | None = None
    status: str | None = None
    amount: Decimal | None = None
    timestamp: str | None = None


class Transaction(Wire, gc=False):
    """A transaction in full."""

    id: str
    amount: Decimal
    currency: str
    timestamp: str
    status: str
    transaction_code: str | None = None
    payment_type: str | None = None
    entry_mode: str | None = None
    vat_amount: Decimal | None = None
    tip_amount: Decimal | None = None
    local_time: str | None = None
    product_summary: str | None = None
    products: list[Product] | None = None
    transaction_events: list[TransactionEvent] | None = None
    events: list[Event] | None = None
