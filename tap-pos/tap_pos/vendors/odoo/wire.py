"""Odoo's rows, as far as they are needed: the fields of a struct are the fields that are asked for.

Odoo says `false` where others say null, writes a link as ``[id, name]``, a time as naive
UTC text and every amount as a float. A field without a default is one that this module
can't do without; any other may be absent from an Odoo that lacks the module bringing it.
"""

from __future__ import annotations

from decimal import Decimal  # noqa: TC003 - msgspec resolves the annotations at run time

from msgspec import Struct, field

Text = str | bool
Link = tuple[int, str | bool] | bool


class Row(Struct, gc=False, kw_only=True):
    """What every row has: Odoo numbers the rows of each model."""

    key: int = field(name="id")

    @property
    def id(self) -> str:
        """The number as records write it."""
        return str(self.key)


class Dated(Row, gc=False, kw_only=True):
    """A row of which Odoo keeps when it was made and last written."""

    create_date: Text = False
    write_date: Text = False


class Config(Dated, gc=False, kw_only=True):
    """A till: `pos.config`."""

    name: Text
    active: bool = True
    company_id: Link = False
    currency_id: Link = False
    tip_product_id: Link = False
    discount_product_id: Link = False


class Company(Row, gc=False, kw_only=True):
    """A company: `res.company`."""

    partner_id: Link = False
    currency_id: Link = False


class CompanyAddress(Row, gc=False, kw_only=True):
    """Where a company is: its own `res.partner`."""

    street: Text = False
    street2: Text = False
    city: Text = False
    zip: Text = False
    state_id: Link = False
    country_code: Text = False
    tz: Text = False


class User(Dated, gc=False, kw_only=True):
    """Somebody who may log in: `res.users`. The login, often an e-mail address, is left out."""

    name: Text
    active: bool = True


class StaffMember(Dated, gc=False, kw_only=True):
    """Somebody who works there: `hr.employee`. PIN, pay and private details are left out."""

    name: Text
    active: bool = True
    user_id: Link = False


class Program(Row, gc=False, kw_only=True):
    """A loyalty programme: `loyalty.program`."""

    program_type: Text


class Card(Dated, gc=False, kw_only=True):
    """A membership: `loyalty.card`. Its code, which whoever knows may spend, is left out."""

    points: Decimal
    partner_id: Link = False
    program_id: Link = False


class Partner(Dated, gc=False, kw_only=True):
    """A person or firm: `res.partner`."""

    name: Text
    active: bool = True
    email: Text = False
    email_normalized: Text = False
    phone: Text = False
    mobile: Text = False
    phone_sanitized: Text = False
    street: Text = False
    street2: Text = False
    city: Text = False
    zip: Text = False
    state_id: Link = False
    country_code: Text = False
    ref: Text = False
    category_id: list[int] = []


class Tag(Dated, gc=False, kw_only=True):
    """A partner's tag: `res.partner.category`."""

    name: Text


class BlockedEmail(Dated, gc=False, kw_only=True):
    """An address that must not be written to: `mail.blacklist`."""

    email: Text
    active: bool = True


class BlockedNumber(Dated, gc=False, kw_only=True):
    """A number that must not be called or texted: `phone.blacklist`."""

    number: Text
    active: bool = True


class Category(Dated, gc=False, kw_only=True):
    """A product category: `product.category`."""

    name: Text
    parent_id: Link = False


class Product(Dated, gc=False, kw_only=True):
    """A sellable variant: `product.product`, with what it inherits from its template."""

    product_tmpl_id: Link
    active: bool = True
    default_code: Text = False
    barcode: Text = False
    display_name: Text = False
    categ_id: Link = False
    lst_price: Decimal | None = None
    standard_price: Decimal | None = None
    currency_id: Link = False
    cost_currency_id: Link = False


class OfOrder(Row, gc=False, kw_only=True):
    """A line, asked only for the order it belongs to."""

    order_id: Link


class OfPaidOrder(Row, gc=False, kw_only=True):
    """A payment, asked only for the order it belongs to."""

    pos_order_id: Link


class Order(Dated, gc=False, kw_only=True):
    """A basket: `pos.order`."""

    state: Text
    date_order: Text
    amount_total: Decimal
    amount_tax: Decimal
    pos_reference: Text = False
    name: Text = False
    partner_id: Link = False
    user_id: Link = False
    employee_id: Link = False
    config_id: Link = False
    session_id: Link = False
    company_id: Link = False
    lines: list[int] = []
    payment_ids: list[int] = []


class Line(Dated, gc=False, kw_only=True):
    """A line of a basket: `pos.order.line`."""

    order_id: Link
    qty: Decimal
    price_unit: Decimal
    discount: Decimal
    price_subtotal: Decimal
    price_subtotal_incl: Decimal
    product_id: Link = False
    full_product_name: Text = False
    total_cost: Decimal | None = None
    is_total_cost_computed: bool = False
    is_reward_line: bool = False
    refunded_orderline_id: Link = False


class Payment(Dated, gc=False, kw_only=True):
    """Money taken or given: `pos.payment`. Card holder and terminal ticket are left out."""

    pos_order_id: Link
    amount: Decimal
    payment_method_id: Link = False
    payment_date: Text = False
    payment_status: Text = False
    card_type: Text = False
    is_change: bool = False


class Method(Row, gc=False, kw_only=True):
    """A way to pay: `pos.payment.method`."""

    is_cash_count: bool = False
    use_payment_terminal: Text = False
    type: Text = False


def words(value: Text) -> str | None:
    """Read a text field: `false` and blanks say nothing."""
    return (value.strip() or None) if isinstance(value, str) else None


def linked(link: Link) -> int | None:
    """Read the number a link points to."""
    return None if isinstance(link, bool) else link[0]


def linked_id(link: Link) -> str | None:
    """Read the number a link points to, as records write it."""
    return None if isinstance(link, bool) else str(link[0])


def label(link: Link) -> str | None:
    """Read the name a link shows."""
    return None if isinstance(link, bool) else words(link[1])
