"""What a vendor's module fills in. Nothing here, nor in any vendor, knows Singer.

A vendor is opened once per shop and run. Opening it asks the vendor for its clock; what
it returns then reads canonical streams, page by page, in one of three ways:

* `WholeTable`: the vendor can't say what changed, so every run reads everything;
* `Windowed`: the vendor can list what changed between two instants;
* `Feed`: the vendor numbers its changes and can list what came after a number.

The loop in `tap_pos.reading` cuts windows, keeps bookmarks, counts bad records, notices
what vanished and goes on with the next shop when one fails, the same way for every vendor.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from tap_pos.records import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from tap_pos.http import Limits
    from tap_pos.records import Record
    from tap_pos.settings import ShopSettings
    from tap_pos.webhooks import WebhookVerifier
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
class Step:
    """One page of a feed.

    Attributes:
        batch: What came of the page.
        cursor: Where a later run goes on once this page is sent; the vendor's own business.
    """

    batch: Batch
    cursor: str


@dataclass(frozen=True)
class Vanishing:
    """How rows are noticed that a vendor deletes without telling.

    Attributes:
        confirm: Of ids that a complete listing did not show, gives those that are really
            gone, by asking for each: a listing by pages can miss a row that exists.
        tombstone: Makes the last record of an id, given the instant at which it was missed.
        keys: Lists every id that exists, page by page. None where the stream itself is
            read whole and so is its own listing.
    """

    confirm: Callable[[Sequence[str]], Collection[str]]
    tombstone: Callable[[str, str], Record]
    keys: Callable[[], Iterator[Collection[str]]] | None = None


@dataclass(frozen=True)
class WholeTable:
    """A stream that is read completely in every run.

    Attributes:
        read: Reads everything, page by page.
        vanishing: How deleted rows are noticed, where the vendor does not show them.
    """

    read: Callable[[], Iterator[Batch]]
    vanishing: Vanishing | None = None


@dataclass(frozen=True)
class Windowed:
    """A stream of which the vendor can list what changed in a window.

    Attributes:
        read: Reads every change in a window, both ends included, in any order. May raise
            `CursorExpired`, after which the window is read again from its beginning, or
            `WindowTooLarge`, after which it is read in halves.
        lookback: How long the vendor may take to show a change.
        sliced: False if the vendor only knows "since": the window is then never cut.
        vanishing: How deleted rows are noticed, where the vendor does not show them.
    """

    read: Callable[[Window], Iterator[Batch]]
    lookback: timedelta
    sliced: bool = True
    vanishing: Vanishing | None = None


@dataclass(frozen=True)
class Feed:
    """A stream whose changes the vendor numbers.

    Attributes:
        read: Reads every change after a cursor that an earlier `Step` gave; None reads all.
    """

    read: Callable[[str | None], Iterator[Step]]


Source = WholeTable | Windowed | Feed


class ShopReader(Protocol):
    """One shop's account, opened for one run."""

    @property
    def now(self) -> datetime:
        """The vendor's clock when the shop was opened: the end of every window."""

    @property
    def history_starts_at(self) -> datetime:
        """About when this shop began: what is older is read too, but as one window."""

    @property
    def streams(self) -> Mapping[str, Source]:
        """The canonical streams this vendor has, by name."""


class Vendor(ABC):
    """A maker of registers. One line in `tap_pos.vendors` registers it.

    Attributes:
        name: The word used in the `vendor` setting.
        streams: Which canonical streams it can give.
        required_settings: Settings of a shop without which it can't be opened.
        optional_settings: Further settings of a shop that this vendor understands, beside
            those that every vendor does (`tap_pos.settings.COMMON_SETTINGS`).
        verify_webhook: Tells a genuine webhook from a forged one; None where the vendor
            has not documented how.
    """

    name: ClassVar[str]
    streams: ClassVar[frozenset[str]] = frozenset(STREAMS)
    required_settings: ClassVar[frozenset[str]] = frozenset({"access_token"})
    optional_settings: ClassVar[frozenset[str]] = frozenset({"base_url"})
    verify_webhook: ClassVar[WebhookVerifier | None] = None

    def check(self, shop: ShopSettings) -> None:  # noqa: B027 - most vendors have nothing to add
        """Refuse settings that can't work together; asks nobody.

        Raises:
            SettingsError: With one sentence that says what to set.
        """

    @abstractmethod
    def open(self, shop: ShopSettings, limits: Limits) -> ShopReader:
        """Connect to one shop.

        Args:
            shop: The shop's settings.
            limits: How long to wait and to retry.

        Raises:
            ShopError: If the shop can't be read.
        """
