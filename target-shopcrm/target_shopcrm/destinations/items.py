"""What a CRM is told, one item at a time: people, and what concerns them.

Every item says whom it is about, holds permitted data only, and knows nothing of any vendor.
Addresses are normalised, times carry their offset, money is in minor units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

Fields = dict[str, object]


class Person(Struct, frozen=True, kw_only=True):
    """Whom an item is about.

    Attributes:
        shop_id: The shop.
        contact_id: Our own id, unique within the shop; see `external_id`.
        addresses: Normalised address by channel (``email``; ``sms`` in E.164), as far as the
            CRM may use them, or must forget them.
        remote_id: The CRM's own id as it told us last, or None.
    """

    shop_id: str
    contact_id: str
    addresses: Mapping[str, str]
    remote_id: str | None = None

    @property
    def external_id(self) -> str:
        """Our id in one text, unique over all shops: ``shop_id:contact_id``."""
        return f"{self.shop_id}:{self.contact_id}"

    @property
    def email(self) -> str | None:
        """The e-mail address, if there is one."""
        return self.addresses.get("email")

    @property
    def phone(self) -> str | None:
        """The phone number in E.164, if there is one."""
        return self.addresses.get("sms") or self.addresses.get("phone")


class OptOut(Struct, frozen=True, kw_only=True):
    """Somebody told the CRM no: unsubscribed, complained, was suppressed.

    Attributes:
        channel: ``email`` or ``sms``.
        address: As the CRM writes it.
        at: When the person acted, with offset, or None where the CRM doesn't say.
        cause: The CRM's own word for it, such as ``SPAM_REPORT``.
    """

    channel: str
    address: str
    at: datetime | None
    cause: str


class Withdrawal(Struct, frozen=True, kw_only=True):
    """This address must not be written to any more on this channel."""

    who: Person
    channel: str
    address: str


class Contact(Struct, frozen=True, kw_only=True):
    """What the CRM may know about a person.

    Attributes:
        who: Whom; `Person.addresses` holds the permitted addresses only.
        fields: Permitted fields with a value, by the names of the canonical contact.
        forget: Fields it was told before and may not, or need not, know any more.
        channels: The channels the person may be written to on.
        since: For each of these channels when the person agreed, with offset.
    """

    who: Person
    fields: Fields
    forget: frozenset[str] = frozenset()
    channels: tuple[str, ...] = ()
    since: Mapping[str, datetime] = {}


class Grant(Struct, frozen=True, kw_only=True):
    """The person agreed to be written to: `Contact.channels`, told where consent is kept apart.

    Attributes:
        given_at: When the person agreed, with offset.
        source: Who recorded it, for the CRM's own consent record.
    """

    who: Person
    channel: str
    address: str
    given_at: datetime
    source: str


class Membership(Struct, frozen=True, kw_only=True):
    """Whether a person belongs to a list.

    Attributes:
        list_id: The CRM's id of the list.
        is_member: False to take the person off.
    """

    who: Person
    list_id: str
    is_member: bool


class OrderLine(Struct, frozen=True, kw_only=True):
    """One line of an order; amounts in minor units."""

    product_id: str | None = None
    name: str | None = None
    quantity: str = "1"
    net: int = 0


class Order(Struct, frozen=True, kw_only=True):
    """What a person bought, or brought back (then `net` is negative).

    Attributes:
        order_id: Unique within the shop.
        placed_at: When, with offset.
        currency: ISO 4217.
        net: Minor units, without tax.
        total: Minor units, with tax.
        lines: What was bought.
        is_history: Long past: nothing may be triggered by it.
    """

    who: Person
    order_id: str
    placed_at: datetime
    currency: str
    net: int
    total: int
    lines: tuple[OrderLine, ...] = ()
    is_history: bool = False

    @property
    def external_id(self) -> str:
        """Unique over all shops."""
        return f"{self.who.shop_id}:{self.order_id}"


class Event(Struct, frozen=True, kw_only=True):
    """Something that may make the CRM write to a person: a journey is due.

    Attributes:
        event_id: Unique within the shop, and the same whenever the same occasion is sent.
        name: Such as ``win_back``.
        occurred_at: With offset.
        channels: The channels on which it may be answered.
        properties: Permitted ones.
        is_history: Long past: nothing may be triggered by it.
    """

    who: Person
    event_id: str
    name: str
    occurred_at: datetime
    channels: tuple[str, ...]
    properties: Fields
    is_history: bool = False

    @property
    def external_id(self) -> str:
        """Unique over all shops."""
        return f"{self.who.shop_id}:{self.event_id}"


class Cue(Struct, frozen=True, kw_only=True):
    """A hint for staff about a person; never sent to the person.

    Attributes:
        cue_id: Unique within the shop.
        text: What to do, in one sentence.
        due_on: When.
    """

    who: Person
    cue_id: str
    text: str
    due_on: date | None = None

    @property
    def external_id(self) -> str:
        """Unique over all shops."""
        return f"{self.who.shop_id}:{self.cue_id}"
