"""Square's JSON, as far as it is needed: pages decode straight into these structs.

Fields that are not listed here are skipped while decoding, so they cost no time and can't
leak. `gc=False`: the structs hold no cycles, and a page of orders is tens of thousands of
objects that the garbage collector would otherwise walk through again and again.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Wire(Struct, gc=False):
    """What all of Square's structs share."""


class Money(Wire, gc=False):
    """An amount in minor units; Square leaves out either part when there is no money."""

    amount: int | None = None
    currency: str | None = None


class Address(Wire, gc=False):
    """A postal address."""

    address_line_1: str | None = None
    address_line_2: str | None = None
    locality: str | None = None
    administrative_district_level_1: str | None = None
    postal_code: str | None = None
    country: str | None = None


class Location(Wire, gc=False):
    """A place that sells."""

    id: str
    name: str | None = None
    address: Address | None = None
    timezone: str | None = None
    status: str | None = None
    created_at: str | None = None
    currency: str | None = None


class AssignedLocations(Wire, gc=False):
    """Where a team member works."""

    assignment_type: str | None = None
    location_ids: list[str] | None = None


class TeamMember(Wire, gc=False):
    """Somebody who works there. Pay and contact details are left out."""

    id: str
    status: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    updated_at: str | None = None
    assigned_locations: AssignedLocations | None = None


class LoyaltyAccount(Wire, gc=False):
    """Membership of the loyalty programme. Its phone number is left out."""

    id: str
    program_id: str | None = None
    balance: int | None = None
    customer_id: str | None = None
    enrolled_at: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


class CategoryReference(Wire, gc=False):
    """A pointer to a category."""

    id: str | None = None


class Category(Wire, gc=False):
    """A category's own data."""

    name: str | None = None
    parent_category: CategoryReference | None = None


class Variation(Wire, gc=False):
    """What is sold: one variation of an item."""

    item_id: str | None = None
    name: str | None = None
    sku: str | None = None
    upc: str | None = None
    price_money: Money | None = None


class Item(Wire, gc=False):
    """What variations have in common."""

    name: str | None = None
    category_id: str | None = None
    categories: list[CategoryReference] | None = None
    reporting_category: CategoryReference | None = None
    variations: list[CatalogObject] | None = None


class CatalogObject(Wire, gc=False):
    """Anything in the catalog; exactly one of the data fields is set."""

    type: str
    id: str
    updated_at: str | None = None
    is_deleted: bool | None = None
    item_data: Item | None = None
    item_variation_data: Variation | None = None
    category_data: Category | None = None


class Preferences(Wire, gc=False):
    """What Square itself knows of a customer's wishes."""

    email_unsubscribed: bool | None = None


class Identity(Wire, gc=False):
    """Of a record only who it is."""

    id: str


class Customer(Wire, gc=False):
    """A customer profile."""

    id: str
    created_at: str | None = None
    updated_at: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    email_address: str | None = None
    phone_number: str | None = None
    address: Address | None = None
    birthday: str | None = None
    reference_id: str | None = None
    preferences: Preferences | None = None
    group_ids: list[str] | None = None


class Group(Wire, gc=False):
    """A customer group."""

    id: str
    name: str | None = None


class CustomAttribute(Wire, gc=False):
    """A custom attribute of a customer; its value may be any JSON."""

    key: str | None = None
    value: Any = None
    updated_at: str | None = None


class Merge(Wire, gc=False):
    """Which profiles became which."""

    from_customer_ids: list[str] | None = None
    to_customer_id: str | None = None


class EventContext(Wire, gc=False):
    """Why something happened."""

    merge: Merge | None = None


class EventObject(Wire, gc=False):
    """What a customer event carries."""

    event_context: EventContext | None = None


class EventData(Wire, gc=False):
    """The subject of an event."""

    id: str
    object: EventObject | None = None


class Event(Wire, gc=False):
    """Something that happened at the shop."""

    data: EventData
    created_at: str | None = None


class LineItem(Wire, gc=False):
    """A line that is sold."""

    quantity: str
    uid: str | None = None
    name: str | None = None
    variation_name: str | None = None
    catalog_object_id: str | None = None
    base_price_money: Money | None = None
    gross_sales_money: Money | None = None
    total_tax_money: Money | None = None
    total_discount_money: Money | None = None
    total_money: Money | None = None


class ReturnLineItem(LineItem, gc=False):
    """A line that is taken back."""

    source_line_item_uid: str | None = None
    gross_return_money: Money | None = None


class MoneyAmounts(Wire, gc=False):
    """Totals of an order by kind."""

    total_money: Money | None = None
    tax_money: Money | None = None
    tip_money: Money | None = None
    service_charge_money: Money | None = None


class OrderReturn(Wire, gc=False):
    """The lines taken back from one earlier order; from none if it is unlinked."""

    source_order_id: str | None = None
    return_line_items: list[ReturnLineItem] | None = None


class Tender(Wire, gc=False):
    """How an order was paid, as the order itself tells it."""

    type: str
    id: str | None = None
    payment_id: str | None = None
    customer_id: str | None = None
    created_at: str | None = None
    amount_money: Money | None = None
    tip_money: Money | None = None


class OrderRefund(Wire, gc=False):
    """A refund, as the order itself tells it."""

    id: str
    status: str | None = None
    created_at: str | None = None
    amount_money: Money | None = None


class Source(Wire, gc=False):
    """Which application an order came from."""

    name: str | None = None


class Fulfillment(Wire, gc=False):
    """How the goods reach the customer."""

    type: str | None = None


class Order(Wire, gc=False):
    """A basket."""

    id: str
    location_id: str | None = None
    state: str | None = None
    customer_id: str | None = None
    source: Source | None = None
    created_at: str | None = None
    updated_at: str | None = None
    closed_at: str | None = None
    line_items: list[LineItem] | None = None
    returns: list[OrderReturn] | None = None
    fulfillments: list[Fulfillment] | None = None
    tenders: list[Tender] | None = None
    refunds: list[OrderRefund] | None = None
    return_amounts: MoneyAmounts | None = None
    net_amounts: MoneyAmounts | None = None
    total_money: Money | None = None
    total_tax_money: Money | None = None
    total_tip_money: Money | None = None
    total_service_charge_money: Money | None = None


class Card(Wire, gc=False):
    """A payment card."""

    card_brand: str | None = None
    fingerprint: str | None = None


class CardDetails(Wire, gc=False):
    """How a card was used."""

    card: Card | None = None


class Application(Wire, gc=False):
    """Which of Square's products took a payment."""

    square_product: str | None = None


class Payment(Wire, gc=False):
    """Money taken."""

    id: str
    order_id: str | None = None
    location_id: str | None = None
    customer_id: str | None = None
    team_member_id: str | None = None
    employee_id: str | None = None
    status: str | None = None
    source_type: str | None = None
    card_details: CardDetails | None = None
    application_details: Application | None = None
    amount_money: Money | None = None
    tip_money: Money | None = None
    total_money: Money | None = None
    receipt_number: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


class Refund(Wire, gc=False):
    """Money given back."""

    id: str
    order_id: str | None = None
    payment_id: str | None = None
    location_id: str | None = None
    team_member_id: str | None = None
    status: str | None = None
    destination_type: str | None = None
    amount_money: Money | None = None
    created_at: str | None = None
    updated_at: str | None = None
