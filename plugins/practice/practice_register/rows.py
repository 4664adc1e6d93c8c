"""The index of the register's memory: one row for every state that a record ever has.

A row says from when its state holds, where its ready-made JSON lies in the blob file and
what the searches and the books need to know without reading that JSON.
"""

from __future__ import annotations

from msgspec import Struct


class Row(Struct, frozen=True, array_like=True, gc=False):
    """One state of one record.

    Attributes:
        id: the record's id; rows of one id follow each other in time.
        since: from this instant on the state can be seen.
        offset: where its JSON begins in the blob file.
        length: how many bytes its JSON has.
        created: the record's `created_at`.
        updated: the record's `updated_at` in this state.
        gone: true for the row that ends a record (a merged or deleted customer).
    """

    id: str
    since: int
    offset: int
    length: int
    created: int
    updated: int
    gone: bool


class OrderRow(Row, frozen=True, array_like=True, gc=False):
    """One state of an order; amounts in cents, `closed` is 0 while the order is open."""

    closed: int
    location: str
    state: str
    source: str
    customer: str
    tender_customer: str
    version: int
    lines: int
    line_money: int
    return_lines: int
    return_money: int
    total: int
    net_total: int
    discount: int
    tax: int
    tip: int


class PaymentRow(Row, frozen=True, array_like=True, gc=False):
    """One state of a payment; amounts in cents, tip included in `total`."""

    location: str
    status: str
    total: int
    tip: int
    offline_since: int


class RefundRow(Row, frozen=True, array_like=True, gc=False):
    """One state of a refund; the amount in cents is positive, as Square writes it."""

    location: str
    status: str
    destination: str
    amount: int


class CustomerRow(Row, frozen=True, array_like=True, gc=False):
    """One state of a customer profile, with its custom attributes as a second piece of JSON."""

    attributes_offset: int
    attributes_length: int
    searchable: bool
    sort_name: str
    email: str
    phone: str
    reference: str
    source: str
    groups: list[str]


class CatalogRow(Row, frozen=True, array_like=True, gc=False):
    """One state of a catalog object."""

    type: str
    deleted: bool


class LoyaltyRow(Row, frozen=True, array_like=True, gc=False):
    """One state of a loyalty account."""

    customer: str
    phone: str


class EventRow(Row, frozen=True, array_like=True, gc=False):
    """An event; events never change."""

    type: str


class Index(Struct, frozen=True, gc=False):
    """Everything about a register that is not a record's JSON.

    `documents` holds the ready-made JSON of what never changes: the locations, the team,
    the customer groups, the loyalty program, the custom attribute definitions.
    """

    opens: int
    ends: int
    merchant: str
    main_location: str
    location_ids: list[str]
    documents: dict[str, list[dict[str, object]]]
    orders: list[OrderRow]
    payments: list[PaymentRow]
    refunds: list[RefundRow]
    customers: list[CustomerRow]
    catalog: list[CatalogRow]
    loyalty: list[LoyaltyRow]
    events: list[EventRow]
