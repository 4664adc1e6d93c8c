"""Lightspeed X-Series' JSON, as far as it is needed: pages decode straight into these structs.

Shapes of API 2026-07. Where the older 2.0 spells a thing otherwise, the old name is listed
too, for one purpose: to notice that another version answered. Amounts are doubles on the
wire; a field of type `Decimal` keeps their digits.
"""

from __future__ import annotations

from decimal import Decimal  # noqa: TC003 - msgspec resolves the fields' types at run time

from msgspec import Struct, field


class Wire(Struct, gc=False):
    """What all of Lightspeed's structs share."""


class Outlet(Wire, gc=False):
    """A place that sells."""

    id: str
    name: str | None = None
    time_zone: str | None = None
    currency: str | None = None
    display_prices: str | None = None
    physical_address_1: str | None = None
    physical_address_2: str | None = None
    physical_suburb: str | None = None
    physical_city: str | None = None
    physical_state: str | None = None
    physical_postcode: str | None = None
    physical_country_id: str | None = None
    deleted_at: str | None = None
    version: int | None = None


class Currency(Wire, gc=False):
    """A retailer's currency."""

    code: str | None = None


class Retailer(Wire, gc=False):
    """The account."""

    id: str | None = None
    currency: Currency | None = None
    tax_exclusive: bool | None = None
    discount_product_id: str | None = None


class User(Wire, gc=False):
    """Somebody who works there. Log-ins, addresses and targets are left out."""

    id: str
    display_name: str | None = None
    enabled: bool | None = None
    restricted_outlet_ids: list[str] | None = None
    updated_at: str | None = None
    deleted_at: str | None = None
    version: int | None = None


class Named(Wire, gc=False):
    """A brand or a customer group, in a list or inside another record, where it may be {}."""

    id: str = ""
    name: str | None = None
    deleted_at: str | None = None
    version: int | None = None


class Category(Wire, gc=False):
    """A product category with its ancestors and itself, outermost first."""

    id: str = ""
    name: str | None = None
    category_path: list[Named] | None = None


class ProductCode(Wire, gc=False):
    """A code printed on a product."""

    type: str | None = None
    code: str | None = None


class Product(Wire, gc=False):
    """A sellable variant."""

    id: str
    name: str | None = None
    variant_name: str | None = None
    variant_parent_id: str | None = None
    sku: str | None = None
    product_codes: list[ProductCode] | None = None
    price_including_tax: Decimal | None = None
    price_excluding_tax: Decimal | None = None
    supply_price: Decimal | None = None
    product_type_id: str | None = None
    type: Category | None = None
    brand_id: str | None = None
    brand: Named | None = None
    updated_at: str | None = None
    deleted_at: str | None = None
    version: int | None = None


class Customer(Wire, gc=False):
    """A customer profile."""

    id: str
    customer_code: str | None = None
    customer_group_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    mobile: str | None = None
    do_not_email: bool | None = None
    enable_promotional_sms: bool | None = None
    enable_loyalty: bool | None = None
    loyalty_balance: Decimal | None = None
    date_of_birth: str | None = None
    custom_field_1: str | None = None
    custom_field_2: str | None = None
    custom_field_3: str | None = None
    custom_field_4: str | None = None
    physical_address_1: str | None = None
    physical_address_2: str | None = None
    physical_suburb: str | None = None
    physical_city: str | None = None
    physical_state: str | None = None
    physical_postcode: str | None = None
    physical_country_id: str | None = None
    postal_address_1: str | None = None
    postal_address_2: str | None = None
    postal_suburb: str | None = None
    postal_city: str | None = None
    postal_state: str | None = None
    postal_postcode: str | None = None
    postal_country_id: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    deleted_at: str | None = None
    version: int | None = None


class Pointer(Wire, gc=False):
    """A reference to a product or a person."""

    id: str | None = None


class Pricing(Wire, gc=False):
    """A line's amounts without tax; the totals are each times the quantity, sign and all."""

    price: Decimal | None = None
    total: Decimal | None = None
    discount: Decimal | None = None
    discount_total: Decimal | None = None
    cost: Decimal | None = None


class LineTax(Wire, gc=False):
    """A line's tax."""

    total: Decimal | None = None


class LineReturn(Wire, gc=False):
    """Whether a line takes something back."""

    is_return: bool | None = None


class Line(Wire, gc=False):
    """One line of a sale. Its product has no name here."""

    id: str | None = None
    product: Pointer | None = None
    quantity: Decimal | None = None
    pricing: Pricing | None = None
    tax: LineTax | None = None
    returned: LineReturn | None = field(name="return", default=None)


class PaymentType(Wire, gc=False):
    """What the shop calls this way to pay."""

    name: str | None = None


class PaymentAttribute(Wire, gc=False):
    """What a card terminal added."""

    card_last_four_digits: str | None = None


class Payment(Wire, gc=False):
    """Money that moved."""

    id: str | None = None
    amount: Decimal | None = None
    date: str | None = None
    deleted_at: str | None = None
    type: PaymentType | None = None
    external_attributes: list[PaymentAttribute] | None = None


class Adjustment(Wire, gc=False):
    """What was added to or taken off the whole sale, summed by kind."""

    adjustment_type: str | None = None
    total: Decimal | None = None


class Charge(Wire, gc=False):
    """A charge of an online shop, such as delivery."""

    total: Decimal | None = None
    total_incl: Decimal | None = None


class SaleReturn(Wire, gc=False):
    """How a sale is related to returns."""

    is_return: bool | None = None
    original_sale_id: str | None = None


class Source(Wire, gc=False):
    """Where a sale was made, and by whom."""

    author: Pointer | None = None
    outlet_id: str | None = None
    type: str | None = None


class Totals(Wire, gc=False):
    """A sale's amounts."""

    price: Decimal | None = None
    price_incl_tax: Decimal | None = None
    tax: Decimal | None = None
    surcharge: Decimal | None = None


class SaleMetadata(Wire, gc=False):
    """Where a sale's version went in 2026-07."""

    version: int | None = None


class Sale(Wire, gc=False):
    """A sale with everything in it."""

    id: str
    state: str | None = None
    customer_id: str | None = None
    invoice_number: str | None = None
    receipt_number: str | None = None
    date: str | None = None
    line_items: list[Line] | None = None
    payments: list[Payment] | None = None
    adjustments: list[Adjustment] | None = None
    ecom_custom_charges: list[Charge] | None = None
    returned: SaleReturn | None = field(name="return", default=None)
    # A text in 2.0.
    source: Source | str | None = None
    totals: Totals | None = None
    metadata: SaleMetadata | None = field(name="_metadata", default=None)
    created_at: str | None = None
    updated_at: str | None = None
    deleted_at: str | None = None

    @property
    def version(self) -> int | None:
        """The number of the sale's last change."""
        return None if self.metadata is None else self.metadata.version
