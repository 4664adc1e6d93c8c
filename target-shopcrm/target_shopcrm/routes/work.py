"""What every route works with."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from target_shopcrm.consent.gate import Withheld
from target_shopcrm.consent.verdicts import Reason
from target_shopcrm.database.runs import Counts, WithheldField

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from target_shopcrm.batch import Batch
    from target_shopcrm.consent.policy import Policy
    from target_shopcrm.database.connection import Connection
    from target_shopcrm.decoding import BadRecord

T = TypeVar("T")

WHOLE_RECORD = "*"

Effect = Callable[[], Any]
"""Something that reaches out of the database, and can't be rolled back."""
StepsTo = Generator[Effect, Any, T]
"""Work that goes through several transactions.

What runs up to a `yield` is one transaction. It is committed before the yielded effect is carried
out, outside of any transaction; what the effect returns is sent in, and the next
one begins.
"""
Steps = StepsTo[None]
"""The same, without a result."""


@dataclass
class Work:
    """One transaction's worth of work.

    Attributes:
        connection: The run's connection, in a transaction that the caller commits.
        run_id: The run.
        policy: The shop's policy.
        counts: What this transaction did.
        bad_records: What it can't deliver.
    """

    connection: Connection
    run_id: UUID
    policy: Policy
    counts: Counts = field(default_factory=Counts)
    bad_records: list[BadRecord] = field(default_factory=list)

    def withhold(self, stream: str, withheld: Iterable[Withheld]) -> None:
        """Count what the gate held back of one record.

        Args:
            stream: The stream of the record.
            withheld: The gate's reasons.
        """
        for entry in withheld:
            self.counts.withheld[withheld_field(stream, entry)] += 1

    def withhold_whole(self, stream: str, withheld: Iterable[Withheld]) -> None:
        """Count a record of which nothing may pass.

        Args:
            stream: The stream of the record.
            withheld: The gate's reasons, field by field.
        """
        self.withhold(stream, whole_record(self.policy, stream, withheld))

    def attempt(self) -> Work:
        """Begin something that may have to be undone: the same transaction, counts apart.

        Returns:
            Work to `absorb` if it succeeds, or to forget.
        """
        return Work(self.connection, self.run_id, self.policy)

    def absorb(self, attempt: Work) -> None:
        """Take over what an attempt did.

        Args:
            attempt: It has succeeded.
        """
        self.counts.merge(attempt.counts)
        self.bad_records += attempt.bad_records


def withheld_field(stream: str, entry: Withheld) -> WithheldField:
    """Turn the gate's reason into one that is stored.

    Args:
        stream: The stream of the record.
        entry: What stayed behind, and why.

    Returns:
        The reason, with empty texts in place of None.
    """
    return WithheldField(
        stream, entry.field, entry.channel or "", entry.purpose or "", str(entry.reason)
    )


def whole_record(policy: Policy, stream: str, withheld: Iterable[Withheld]) -> list[Withheld]:
    """Say why nothing of a record may pass: for the reasons of its key.

    Args:
        policy: The shop's policy.
        stream: The stream of the record.
        withheld: The gate's reasons, field by field.

    Returns:
        The distinct reasons, for the field ``*``.
    """
    key = policy.key_of(policy.record_class_of(stream) or stream)
    causes = dict.fromkeys(entry[1:] for entry in withheld if entry.field in key)
    nothing_said = (None, None, Reason.NOT_IN_POLICY)
    return [Withheld(WHOLE_RECORD, *cause) for cause in causes or [nothing_said]]


class Route(Protocol):
    """From a batch to a destination, through the gate.

    Each way returns None when one transaction was enough, else what has to follow.
    """

    @property
    def is_holding(self) -> bool:
        """Whether records were left for a later run, so that no STATE may be written."""
        ...

    def begin(self, work: Work) -> Steps | None:
        """Do what comes before the input is read: withdrawals first."""
        ...

    def deliver(self, work: Work, batch: Batch) -> Steps | None:
        """Deliver what may pass of a batch."""
        ...

    def finish(self, work: Work) -> Steps | None:
        """Do what can only be done when everything was read."""
        ...

    def restore(self, work: Work, run_id: UUID) -> Steps | None:
        """Bring the destination back to what it was told before a run, consent excepted."""
        ...
