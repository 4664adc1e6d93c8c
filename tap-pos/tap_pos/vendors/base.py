"""What a vendor's module fills in. Nothing here, nor in any vendor, knows Singer.

A vendor is opened once per shop and run. Opening it asks the vendor for its clock; what
it returns then reads canonical streams, page by page, in one of two ways:

* `WholeTable`: the vendor can't say what changed, so every run reads everything;
* `Windowed`: the vendor can list what changed between two instants.

The loop in `tap_pos.streams` cuts windows, keeps bookmarks, counts bad records and goes on
with the next shop when one fails, the same way for every vendor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime, timedelta

    from tap_pos.http import Limits
    from tap_pos.records import Record
    from tap_pos.settings import ShopSettings
    from tap_pos.windows import Window


@dataclass(frozen=True)
class BadRecord:
    """A vendor's record that could not be read.

    Attributes:
        id: The vendor's id, where at least that could be read.
        reason: Which field breaks which rule; never a value from the record.
    """

    id: str | None
    reason: str


@dataclass(frozen=True)
class Batch:
    """What came of one page: canonical records, and what could not become one."""

    records: list[Record]
    bad: list[BadRecord] = field(default_factory=list)


@dataclass(frozen=True)
class WholeTable:
    """A stream that is read completely in every run."""

    read: Callable[[], Iterator[Batch]]


@dataclass(frozen=True)
class Windowed:
    """A stream of which the vendor can list what changed in a window.

    Attributes:
        read: Reads every change in a window, both ends included, in any order. May raise
            `CursorExpired`, after which the window is read again from its beginning.
        lookback: How long the vendor may take to show a change.
        sliced: False if the vendor only knows "since": the window is then never cut.
    """

    read: Callable[[Window], Iterator[Batch]]
    lookback: timedelta
    sliced: bool = True


class ShopReader(Protocol):
    """One shop's account, opened for one run."""

    @property
    def now(self) -> datetime:
        """The vendor's clock when the shop was opened: the end of every window."""

    @property
    def history_starts_at(self) -> datetime:
        """About when this shop began: what is older is read too, but as one window."""

    @property
    def streams(self) -> Mapping[str, WholeTable | Windowed]:
        """The canonical streams this vendor has, by name."""


class Vendor(Protocol):
    """A maker of registers. One line in `tap_pos.vendors` registers it."""

    @property
    def name(self) -> str:
        """The word used in the `vendor` setting."""

    def open(self, shop: ShopSettings, limits: Limits) -> ShopReader:
        """Connect to one shop.

        Args:
            shop: The shop's settings.
            limits: How long to wait and to retry.

        Raises:
            ShopError: If the shop can't be read.
        """
