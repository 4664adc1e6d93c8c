"""What every vendor has to prove: the life of a shop, acted out at the vendor's fake.

A `ConformingFake` is a `FakeVendor` that can act: sell, give back, change, delete and merge,
in the vendor's own way, at the time its clock shows. What must then be true of the tap's
output is the same for all vendors and stands in `tap-pos/tests/test_conformance.py`; a
vendor takes part by one line in `tap_pos.testing.fakes.CONFORMING`.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from tap_pos.testing.fake import Answer, FakeVendor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

Facts = dict[str, dict[str, dict[str, Any]]]
"""Stream, then the record's id, then the fields that must have these values in the output."""


ACTIONS = {
    "sell": "Complete a sale of one to three lines, some of amount zero, some by a customer.",
    "sell_late": "Complete a sale made hours ago by a device that was offline till now.",
    "refund": "Give money back for some earlier sale, in the vendor's way, later or at once.",
    "change_sale": "Change an earlier sale: its note, its customer, its state.",
    "cancel_sale": "Void, trash or cancel a sale so that it no longer counts.",
    "add_customer": "Take down a new customer.",
    "change_customer": "Change a customer's name, address or consent.",
    "delete_customer": "Delete a customer.",
    "merge_customers": "Merge two customers in the vendor's way.",
    "add_product": "Take a product into the range.",
    "change_product": "Change a product's name, price or category.",
    "delete_product": "Take a product out of the range.",
    "hire": "Take on or dismiss an employee.",
}
"""What may happen in a shop, each a method of a fake whose vendor's API can show it.

Each takes a `Random`, which picks whom it happens to; where there is nobody or nothing it
could happen to, nothing happens. All of it can happen between any two requests, and often
within one second of the clock.
"""


class ConformingFake(FakeVendor):
    """A vendor's fake that can act out the life of a shop: it has methods named in `ACTIONS`.

    Attributes:
        vendor: The vendor's name.
        lookback: Longest time this fake may hide a change from listings, see `lag`.
        lag: How long a change made from now on stays invisible, as with a vendor whose
            index or replication is behind; 0 to `lookback`. It keeps the time at which it
            was made.
        page_size: Rows on a page, small, so that few rows make many pages.
        is_variant: Whether another fake of the same vendor proves all that does not depend on
            what is different here.
        forgets_cursors: Whether `expire_cursors` does anything.
    """

    vendor: ClassVar[str]
    lookback: ClassVar[timedelta] = timedelta(0)
    lag: timedelta = timedelta(0)
    page_size: int = 3
    is_variant: ClassVar[bool] = False
    forgets_cursors: ClassVar[bool] = False

    @classmethod
    def actions(cls) -> frozenset[str]:
        """Name what can happen in this shop."""
        return frozenset(name for name in ACTIONS if hasattr(cls, name))

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Give the tap's settings for this one shop, as a user would write them."""

    @abstractmethod
    def truth(self) -> Facts:
        """Say what a target must hold once everything visible has been read.

        Written independently of the tap's mapping: amounts as they were passed to the
        actions, in minor units. At least: every stream's ids (also of rows deleted or
        merged, with `deleted_at` not null expressed as the text ``"*"``, which matches any
        value but null); of an order `state`, `net`, `total`, the number of lines as
        ``len(lines)`` and the sum of completed refunds as ``refunded``; of a customer
        `given_name` and `email`; of a product `name` and `price`.
        """

    @abstractmethod
    def expire_cursors(self) -> None:
        """Make every page cursor given out so far invalid, where the vendor has such."""

    def busy(self) -> Answer:
        """Answer as the vendor does when asked too often."""
        return Answer(429, {}, {"Retry-After": "0"})

    @abstractmethod
    def specification(self) -> AbstractContextManager[None]:
        """Hold every request and answer to the vendor's own specification from now on.

        Violations are collected in `violations`. Raises `SpecificationMissing` where the
        specification's file is not on this machine.
        """

    @property
    def violations(self) -> list[str]:
        """What broke the vendor's specification: in requests (the tap's) or answers (ours)."""
        return []


class SpecificationMissing(Exception):  # noqa: N818 - a reason to skip a test, not a failure
    """The vendor's specification is not on this machine."""


def matches(expected: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Tell whether a record has the expected facts; `truth` says how they are written."""
    return all(
        value is not None if wanted == "*" else value == wanted
        for wanted, value in ((wanted, _fact(record, name)) for name, wanted in expected.items())
    )


def _fact(record: Mapping[str, Any], name: str) -> Any:
    if name == "len(lines)":
        return len(record["lines"])
    if name == "refunded":
        return -sum(
            payment["amount"]
            for payment in record["payments"]
            if payment["kind"] == "refund" and payment["state"] == "completed"
        )
    return record.get(name)
