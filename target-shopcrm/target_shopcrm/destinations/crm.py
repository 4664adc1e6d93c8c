"""What a CRM outside has to be able to do: the contract of every destination but the embedded one.

A destination gets permitted data only and knows no consent. It is told *what* to do, item by
item and in the order that matters (`target_shopcrm.routes.crm`); *how* is its own business: how
many items fit into a call, what a partial failure looks like, how to find out what became of a
call whose answer never came.

Every method takes items of one kind and returns one `Outcome` for each, in their order. It
raises a `DestinationError` only for what concerns the whole CRM: no connection, a refused
token, a missing list. What has been raised may have been done in part; the next run finds out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from target_shopcrm.database.connection import Connection

Fields = dict[str, object]


class Operation(str, Enum):
    """What can be asked of a CRM; the values are stored and shown."""

    READ_OPT_OUTS = "read_opt_outs"
    LOOK_UP = "look_up"
    ERASE = "erase"
    WITHDRAW = "withdraw"
    UPSERT = "upsert"
    GRANT = "grant"
    LIST = "list"
    ORDER = "order"
    EVENT = "event"
    CUE = "cue"

    def __str__(self) -> str:
        """The stored text, on every Python version."""
        return self.value


@dataclass(frozen=True)
class Capabilities:
    """What a CRM can do, as its README row says it.

    Attributes:
        per_call: For each operation it can do, how many items one call takes at most.
        channels: The channels whose consent it can hold.
        identified_by: What a contact must have to be stored: ``email``, ``phone``; any one of
            them will do. Empty: our own id is enough.
        shape: How a batch succeeds: item by item, as a job to be polled, or all or nothing.
        history: The operations for which it has a "this is history, trigger nothing" flag.
            Items that are history are not sent to the others if they would trigger.
        fields: The contact fields it takes; None takes all that are permitted.
        cannot: For what it can't express, one sentence for the README and the log.
        quirks: The vendor's traps this module guards against, one sentence each.
    """

    per_call: Mapping[Operation, int]
    channels: frozenset[str]
    identified_by: frozenset[str] = frozenset()
    shape: Literal["per_item", "job", "all_or_nothing"] = "per_item"
    history: frozenset[Operation] = frozenset()
    fields: frozenset[str] | None = None
    cannot: Mapping[str, str] = field(default_factory=dict)
    quirks: tuple[str, ...] = ()

    def can(self, operation: Operation) -> bool:
        """Whether the CRM can do it at all."""
        return operation in self.per_call


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


class OptOuts(NamedTuple):
    """What reading back brought.

    Attributes:
        found: The opt-outs; ones that were read before may come again.
        cursor: Where the next reading goes on, or None to read everything again.
    """

    found: Sequence[OptOut]
    cursor: str | None


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


class Outcome(NamedTuple):
    """What became of one item.

    Attributes:
        state: ``done``: the CRM has it, verified where it could only be accepted at first.
            ``refused``: it never will take it like this; `field` and `reason` say why.
            ``opted_out``: refused because the person told the CRM no (or it bounced): an opt-out
            that the ledger has to learn. ``uncertain``: nobody knows; to be tried again.
            ``skipped``: the CRM has no place for it; `reason` says why.
        remote_id: The CRM's id of the contact, where it told one.
        field: Our name of the field at fault, empty where the CRM doesn't say.
        reason: The kind of error, never a value of the item.
    """

    state: Literal["done", "refused", "opted_out", "uncertain", "skipped"]
    remote_id: str | None = None
    field: str = ""
    reason: str = ""


DONE = Outcome("done")


class Seen(NamedTuple):
    """What the CRM holds of one person.

    Attributes:
        fields: By the names of the canonical contact; `email` and `phone` among them.
        subscribed: The channels on which the CRM would write to the person.
        lists: The ids of the lists the person is on, where the CRM tells.
        remote_id: The CRM's id.
    """

    fields: Fields
    subscribed: frozenset[str]
    lists: frozenset[str] = frozenset()
    remote_id: str | None = None


class CrmDestination:
    """A CRM outside.

    Methods of operations that are not in `capabilities` are never called, except that skipped
    ones answer for themselves here.
    """

    name: ClassVar[str]
    kind: ClassVar[Literal["crm"]] = "crm"
    capabilities: ClassVar[Capabilities]

    @property
    def calls(self) -> int:
        """How many requests were sent so far, retries included."""
        return 0

    def open(self, connection: Connection) -> None:
        """Get ready: check the credentials, declare fields. In a transaction of its own.

        Not called in shadow mode, in which nothing may be written; `look_up` has to do without.

        Raises:
            DestinationError: If the CRM can't be used.
        """

    def read_opt_outs(self, cursor: str | None) -> OptOuts:
        """Read who told the CRM no since `cursor`, at least once each."""
        return OptOuts((), cursor)

    def look_up(self, people: Sequence[Person]) -> Sequence[Seen | None]:
        """Read what the CRM holds of people; None for those it doesn't know. Writes nothing."""
        return [None] * len(people)

    def erase(self, people: Sequence[Person]) -> Sequence[Outcome]:
        """Delete people for good; done also where the CRM never knew them."""
        return self._skipped(people, Operation.ERASE)

    def withdraw(self, withdrawals: Sequence[Withdrawal]) -> Sequence[Outcome]:
        """Make sure that addresses can't be written to. Verified by reading, where possible."""
        return self._skipped(withdrawals, Operation.WITHDRAW)

    def upsert(self, contacts: Sequence[Contact]) -> Sequence[Outcome]:
        """Create or change contacts (different people). Never lifts an opt-out."""
        return self._skipped(contacts, Operation.UPSERT)

    def grant(self, grants: Sequence[Grant]) -> Sequence[Outcome]:
        """Note that people agreed. Repeating one changes nothing."""
        return self._skipped(grants, Operation.GRANT)

    def set_memberships(self, memberships: Sequence[Membership]) -> Sequence[Outcome]:
        """Put people on lists and take them off."""
        return self._skipped(memberships, Operation.LIST)

    def send_orders(self, orders: Sequence[Order]) -> Sequence[Outcome]:
        """Create or change orders of contacts that are in the CRM."""
        return self._skipped(orders, Operation.ORDER)

    def send_events(self, events: Sequence[Event], *, again: bool = False) -> Sequence[Outcome]:
        """Send events, each at most once.

        Args:
            events: Different ones.
            again: A run died while it sent these; find out which arrived before sending. Where
                that can't be found out, the answer is ``uncertain``, and nothing is sent.
        """
        del again
        return self._skipped(events, Operation.EVENT)

    def send_cues(self, cues: Sequence[Cue], *, again: bool = False) -> Sequence[Outcome]:
        """Give staff their hints, each once; `again` as for events."""
        del again
        return self._skipped(cues, Operation.CUE)

    def settle(self, connection: Connection) -> None:
        """Keep books in the transaction that stores the outcomes; only files need to."""

    def committed(self) -> None:
        """Note that everything up to the last `settle` is durable."""

    def rolled_back(self) -> None:
        """Undo what can be undone: the outcomes were not stored."""

    def close(self) -> None:
        """Let go of everything. Safe to call twice."""

    def _skipped(self, items: Sequence[object], operation: Operation) -> Sequence[Outcome]:
        why = self.capabilities.cannot.get(operation, f"{self.name} has no place for it")
        return [Outcome("skipped", reason=why)] * len(items)
