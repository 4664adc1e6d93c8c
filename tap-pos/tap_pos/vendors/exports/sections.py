"""What a mapping may say about the fields of one kind of record."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from tap_pos.settings import Channel, Purpose  # noqa: TC001 - msgspec reads the annotation
from tap_pos.vendors.exports.patterns import compiled

Name = Annotated[str, Meta(min_length=1)]


class Column(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a field comes from, where one column name does not say it all.

    Attributes:
        column: The column's name.
        any: Names it may have; the first that the file has counts.
        join: Several columns, joined by a blank: a date and a time.
        value: The same text for every row.
        optional: Whether a file may lack the column.
        words: What the texts in the cells mean, in the records' words.
        otherwise: What every other text means.
        derive: Make an id of the text, without regard to case: the same e-mail address in a
            file of orders and in one of customers gives the same customer.
    """

    column: Name | None = None
    any: list[Name] = []
    join: list[Name] = []
    value: str | None = None
    optional: bool = False
    words: dict[str, str] = {}
    otherwise: str | None = None
    derive: bool = False

    def __post_init__(self) -> None:
        """Refuse a field without a source, or with two."""
        given = (self.column is not None, self.any, self.join, self.value is not None)
        if sum(map(bool, given)) != 1:
            raise ValueError("say exactly one of column, any, join and value")


Field = Name | Column


class ReturnsApart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows that give something back under the number of the sale: an order of their own.

    Attributes:
        column: The column that tells them from sales.
        words: What it says in such rows.
        by: Columns whose texts tell two returns of one sale from each other.
    """

    column: Name
    words: Annotated[list[str], Meta(min_length=1)]
    by: list[Field] = []


class Orders(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields of an order. Rows with the same `id` are one order."""

    id: Field | None = None
    id_from: list[Field] = []
    returns_apart: ReturnsApart | None = None
    receipt_number: Field | None = None
    location: Field | None = None
    location_name: Field | None = None
    employee: Field | None = None
    employee_name: Field | None = None
    customer: Field | None = None
    channel: Field | None = None
    state: Field | None = None
    currency: Field | None = None
    timezone: Field | None = None
    created_at: Field | None = None
    updated_at: Field | None = None
    closed_at: Field | None = None
    cancelled_at: Field | None = None
    gross: Field | None = None
    discount: Field | None = None
    net: Field | None = None
    tax: Field | None = None
    tip: Field | None = None
    service_charge: Field | None = None
    total: Field | None = None


class Lines(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields of a line: what a row sells or takes back."""

    id: Field | None = None
    kind: Field | None = None
    product: Field | None = None
    name: Field | None = None
    variant: Field | None = None
    quantity: Field | None = None
    unit_price: Field | None = None
    gross: Field | None = None
    discount: Field | None = None
    tax: Field | None = None
    net: Field | None = None
    unit_cost: Field | None = None
    source_order: Field | None = None
    source_line: Field | None = None


class Payments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields of a payment or refund. A row whose amount is empty has none.

    Attributes:
        zero: What an amount of zero means: a payment of nothing, or no payment.
    """

    amount: Field
    id: Field | None = None
    kind: Field | None = None
    method: Field | None = None
    state: Field | None = None
    tip: Field | None = None
    created_at: Field | None = None
    zero: Literal["keep", "no payment"] = "keep"


class ConsentColumn(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column that says whether a person agreed.

    Attributes:
        given: Texts that mean yes. Without any, the column only knows withdrawals.
        withdrawn: Texts that mean "no more" - not texts that mean "never asked".
    """

    column: Field
    channels: Annotated[list[Channel], Meta(min_length=1)]
    purpose: Purpose
    given: list[str] = []
    withdrawn: list[str] = []
    event_time: Field | None = None

    def __post_init__(self) -> None:
        """Refuse a column that can say nothing."""
        if not (self.given or self.withdrawn):
            raise ValueError("name the words that mean given, or withdrawn, or both")


class Customers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields of a customer."""

    id: Field | None = None
    id_from: list[Field] = []
    given_name: Field | None = None
    family_name: Field | None = None
    email: Field | None = None
    phone: Field | None = None
    birthday: Field | None = None
    line1: Field | None = None
    line2: Field | None = None
    city: Field | None = None
    region: Field | None = None
    postal_code: Field | None = None
    country: Field | None = None
    reference_id: Field | None = None
    loyalty_id: Field | None = None
    groups: Field | None = None
    groups_separator: Name = ","
    created_at: Field | None = None
    updated_at: Field | None = None
    consents: list[ConsentColumn] = []


class Products(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields of a product."""

    id: Field | None = None
    id_from: list[Field] = []
    item_id: Field | None = None
    sku: Field | None = None
    barcode: Field | None = None
    name: Field | None = None
    variant: Field | None = None
    category: Field | None = None
    category_separator: Name = ">"
    brand: Field | None = None
    price: Field | None = None
    unit_cost: Field | None = None
    currency: Field | None = None
    updated_at: Field | None = None


class Pattern(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one line of a printed receipt says: named groups are the section's fields.

    Attributes:
        continues: Whether it adds to the line or payment before it instead of starting one.
    """

    orders: Name | None = None
    lines: Name | None = None
    payments: Name | None = None
    continues: bool = False

    def __post_init__(self) -> None:
        """Refuse a pattern that can't work, names unknown fields or could run for ever."""
        given = [part for part in ("orders", "lines", "payments") if getattr(self, part)]
        if len(given) != 1:
            raise ValueError("say exactly one of orders, lines and payments")
        known = {
            "orders": {*Orders.__struct_fields__, "date", "time"},
            "lines": set(Lines.__struct_fields__),
            "payments": {*Payments.__struct_fields__, "change"},
        }[given[0]]
        groups = compiled(getattr(self, given[0])).groupindex
        if not groups or (strange := sorted(groups.keys() - known)):
            named = f"{strange[0]} is no field of {given[0]}" if groups else "no group is named"
            raise ValueError(f"{named}: write groups as (?P<total>...)")


class Receipts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How printed receipts in a text file are taken apart.

    Attributes:
        separator: A line like this stands between two receipts.
        begins: A receipt begins with a line like this.
        patterns: What lines say; the first that fits the whole trimmed line counts.
        methods: Payment methods by the words on the receipt.
    """

    patterns: Annotated[list[Pattern], Meta(min_length=1)]
    separator: Name | None = None
    begins: Name | None = None
    methods: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse patterns that can't work."""
        for pattern in (self.separator, self.begins):
            if pattern is not None:
                compiled(pattern)
