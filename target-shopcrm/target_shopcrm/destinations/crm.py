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

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.destinations.items import (
        Contact,
        Cue,
        Event,
        Fields,
        Grant,
        Membership,
        OptOut,
        Order,
        Person,
        Withdrawal,
    )


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


class OptOuts(NamedTuple):
    """What reading back brought.

    Attributes:
        found: The opt-outs; ones that were read before may come again.
        cursor: Where the next reading goes on, or None to read everything again.
    """

    found: Sequence[OptOut]
    cursor: str | None


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
