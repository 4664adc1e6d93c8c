"""The canonical records as this target decodes them: the tap's names and fields, real types.

The tap's structs say what travels; these say what is let in. Decoding *is* the validation:
a time must exist and carry its zone, an amount must fit PostgreSQL's ``bigint``, a quantity
must be a finite decimal, a word of a list must be on the list. Fields that aren't named here
are left behind unread (a newer tap may send more).

Where a check needs Python code, its message starts with the field's name and a colon, which
`target_shopcrm.decoding` turns into the field's path.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)
_BIRTHDAY_WITHOUT_YEAR = re.compile(r"--[0-9]{2}-[0-9]{2}", re.ASCII)
_ANY_LEAP_YEAR = "2000"

Instant = Annotated[datetime, Meta(tz=True)]
Minor = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""An amount in minor units, in the range of PostgreSQL's ``bigint``."""
Key = Annotated[str, Meta(min_length=1, max_length=300)]
"""Part of a key: never empty, and short enough for a b-tree page whatever the script."""


class Record(Struct, frozen=True, kw_only=True, gc=False):
    """What all canonical records share: values that hold no reference to themselves."""


class KeyedByShop(Record, frozen=True, kw_only=True, gc=False):
    """A record of its own, which belongs to one shop."""

    shop_id: Key


class Address(Record, frozen=True, kw_only=True, gc=False):
    """A postal address."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None


class Location(KeyedByShop, frozen=True, kw_only=True, gc=False):
    """A place, physical or online, where the shop sells."""

    id: Key
    name: str | None = None
    timezone: str | None = None
    currency: str | None = None
    address: Address | None = None
    channel: Literal["store", "online"] = "store"
    active: bool = True
    updated_at: Instant | None = None


class Employee(KeyedByShop, frozen=True, kw_only=True, gc=False):
    """A person who works at the register."""

    id: Key
    display_name: str | None = None
    active: bool = True
    location_ids: list[str] = []
    updated_at: Instant | None = None


class Product(KeyedByShop, frozen=True, kw_only=True, gc=False):
    """One sellable variant."""

    id: Key
    item_id: str | None = None
    sku: str | None = None
    barcode: str | None = None
    name: str | None = None
    category_path: list[str] = []
    brand: str | None = None
    price: Minor | None = None
    unit_cost: Minor | None = None
    currency: str | None = None
    updated_at: Instant | None = None
    deleted_at: Instant | None = None


class Consent(Record, frozen=True, kw_only=True, gc=False):
    """What the vendor asserts about one channel and purpose."""

    channel: Literal["email", "sms", "phone", "post", "whatsapp", "push"]
    purpose: Literal["service", "profiling", "marketing"]
    state: Literal["given", "withdrawn", "unknown"]
    event_time: Instant | None = None
    observed_at: Instant
    source: Annotated[str, Meta(min_length=1, max_length=300)]


class Customer(KeyedByShop, frozen=True, kw_only=True, gc=False):
    """A customer profile at one shop."""

    id: Key
    given_name: str | None = None
    family_name: str | None = None
    email: str | None = None
    phone: str | None = None
    birthday: str | None = None
    address: Address | None = None
    reference_id: str | None = None
    loyalty_id: str | None = None
    groups: list[str] = []
    consents: list[Consent] = []
    merged_into: str | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None
    deleted_at: Instant | None = None

    def __post_init__(self) -> None:
        """Check the birthday: a calendar day, with or without its year.

        Raises:
            ValueError: If there is no such day.
        """
        if self.birthday is not None and not _is_birthday(self.birthday):
            raise ValueError("birthday: not a day written YYYY-MM-DD or --MM-DD")


class OrderLine(Record, frozen=True, kw_only=True, gc=False):
    """One line of a basket."""

    id: str
    kind: Literal["sale", "return"] = "sale"
    product_id: str | None = None
    name: str | None = None
    quantity: str
    unit_price: Minor | None = None
    gross: Minor
    discount: Minor = 0
    tax: Minor = 0
    net: Minor
    unit_cost: Minor | None = None

    def __post_init__(self) -> None:
        """Check the quantity; nearly all are a few plain digits, which costs no regex.

        Raises:
            ValueError: If it isn't a finite decimal number.
        """
        quantity = self.quantity
        if not (quantity.isdigit() and quantity.isascii()) and not _DECIMAL.fullmatch(quantity):
            raise ValueError("quantity: not a decimal number")


class Payment(Record, frozen=True, kw_only=True, gc=False):
    """Money that moved, or tried to."""

    id: str
    kind: Literal["payment", "refund"] = "payment"
    method: Literal["card", "cash", "gift_card", "wallet", "bank", "other"]
    state: Literal["pending", "completed", "failed", "cancelled"]
    amount: Minor
    tip: Minor = 0
    card_fingerprint: str | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None


class ReturnLink(Record, frozen=True, kw_only=True, gc=False):
    """Which earlier sale a return line takes back."""

    line_id: str
    source_order_id: str | None = None
    source_line_id: str | None = None


class Order(KeyedByShop, frozen=True, kw_only=True, gc=False):
    """One basket with its lines and payments."""

    id: Key
    location_id: str | None = None
    customer_id: str | None = None
    employee_id: str | None = None
    channel: Literal["store", "online"] = "store"
    state: Literal["open", "completed", "cancelled"]
    receipt_number: str | None = None
    currency: str
    created_at: Instant
    updated_at: Instant
    closed_at: Instant | None = None
    business_date: date
    gross: Minor
    discount: Minor = 0
    tax: Minor = 0
    tip: Minor = 0
    service_charge: Minor = 0
    net: Minor
    total: Minor
    lines: list[OrderLine] = []
    payments: list[Payment] = []
    returns: list[ReturnLink] = []


class LoyaltyAccount(KeyedByShop, frozen=True, kw_only=True, gc=False):
    """Membership of one customer in one loyalty programme."""

    id: Key
    customer_id: str | None = None
    program_id: str | None = None
    balance: Minor = 0
    enrolled_at: Instant | None = None
    updated_at: Instant | None = None


class Contact(KeyedByShop, frozen=True, kw_only=True, gc=False):
    """What a CRM would be told about one person: a row of ``activation.contacts``."""

    contact_id: Key
    given_name: str | None = None
    email: str | None = None
    phone: str | None = None
    segment: str | None = None
    last_visit_on: date | None = None
    visits: Minor | None = None
    favourite_category: str | None = None
    journey: str | None = None
    journey_due_on: date | None = None
    row_hash: str | None = None
    changed_at: Instant | None = None


class ContactOrderLine(Record, frozen=True, kw_only=True, gc=False):
    """One line of what a contact bought."""

    product_id: str | None = None
    name: str | None = None
    quantity: str = "1"
    net: Minor = 0

    def __post_init__(self) -> None:
        """Check the quantity."""
        if not _DECIMAL.fullmatch(self.quantity):
            raise ValueError("quantity: not a decimal number")


class ContactOrder(KeyedByShop, frozen=True, kw_only=True, gc=False):
    """What a contact bought, or brought back: a row of ``activation.orders``."""

    order_id: Key
    contact_id: Key
    email: str | None = None
    phone: str | None = None
    placed_at: Instant
    currency: str
    net: Minor
    total: Minor
    lines: list[ContactOrderLine] = []
    changed_at: Instant | None = None


class ContactEvent(KeyedByShop, frozen=True, kw_only=True, gc=False):
    """An occasion to write to a contact: a row of ``activation.events``.

    After `expires_at` the occasion has passed, and nothing is sent any more.
    """

    event_id: Key
    contact_id: Key
    email: str | None = None
    phone: str | None = None
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    occurred_at: Instant
    expires_at: Instant | None = None
    properties: dict[str, str | int | float | bool | None] = {}
    changed_at: Instant | None = None


class StaffCue(KeyedByShop, frozen=True, kw_only=True, gc=False):
    """A hint for staff about a contact: a row of ``activation.cues``."""

    cue_id: Key
    contact_id: Key
    email: str | None = None
    phone: str | None = None
    text: Annotated[str, Meta(min_length=1, max_length=1000)]
    due_on: date | None = None
    changed_at: Instant | None = None


Activation = Contact | ContactOrder | ContactEvent | StaffCue
"""What destinations outside take: facts about a contact, behind the gate."""

STREAMS: dict[str, type[KeyedByShop]] = {
    "locations": Location,
    "employees": Employee,
    "products": Product,
    "customers": Customer,
    "orders": Order,
    "loyalty_accounts": LoyaltyAccount,
    "activation-contacts": Contact,
    "activation-orders": ContactOrder,
    "activation-events": ContactEvent,
    "activation-cues": StaffCue,
}
"""Every stream this target knows, by its Singer name."""

ACTIVATION = frozenset(stream for stream in STREAMS if stream.startswith("activation-"))
"""What destinations outside take."""

_KEYS = {
    "activation-contacts": "contact_id",
    "activation-orders": "order_id",
    "activation-events": "event_id",
    "activation-cues": "cue_id",
}


def key_fields(stream: str) -> tuple[str, str]:
    """Name the two key fields of a canonical stream.

    Args:
        stream: One of `STREAMS`.

    Returns:
        The shop's field and the record's own.
    """
    return ("shop_id", _KEYS.get(stream, "id"))


def _is_birthday(text: str) -> bool:
    if _BIRTHDAY_WITHOUT_YEAR.fullmatch(text):
        text = _ANY_LEAP_YEAR + text[1:]
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
