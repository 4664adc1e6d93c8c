"""The change feed that every list of Lightspeed's is, and where a later run goes on in it.

A version is a number that grows with every change in the account; lists come in its order.
Two things make the highest version seen an unsafe place to go on from:

* a version is drawn before its change is committed (as far as anybody knows), so that a
  lower one may show up after a higher one. The place is therefore the last row before the
  first that changed less than a minute before the run began: whatever was being committed
  then has a version above that row's, and the next run reads on from there;
* a record is made of more than its own row: a customer carries the name of a group, a product
  those of a brand and a category. A place holds a short hash of these names, and of the
  settings that shape a record; if it differs, everything is sent again.

The setting `full_scan_days` has the feed read from its beginning every so many days, for
whoever trusts none of this.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import msgspec
from msgspec import Struct

from tap_pos.vendors.base import Batch, Step
from tap_pos.windows import format_instant, parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from tap_pos.vendors.lightspeed_x.api import LightspeedApi, VersionDecoder, VersionPage

LOOKBACK = timedelta(seconds=60)
# A change that claims to be from tomorrow would hold the place back until then.
_IMPLAUSIBLE = timedelta(days=1)


class Versioned(Protocol):
    """A row of a list by version."""

    @property
    def id(self) -> str:
        """The vendor's id."""

    @property
    def version(self) -> int | None:
        """The number of its last change."""

    @property
    def updated_at(self) -> str | None:
        """When that was."""


V = TypeVar("V", bound=Versioned)


class _Place(Struct, frozen=True):
    """What a cursor holds.

    Attributes:
        after: The version up to which everything has been read.
        basis: Hash of whatever else the records were made from.
        begun: When reading from the beginning last began.
    """

    after: int
    basis: str
    begun: str


class VersionFeed(Generic[V]):
    """Reads one list of one shop.

    Args:
        api: Connection to Lightspeed.
        name: What to read.
        decode: Decodes its pages.
        to_batch: Maps a page.
        now: Lightspeed's clock.
        full_scan_days: How often to read everything again; None or 0 for never.
        deleted: Ask for deleted rows too, where the vendor has that parameter.
        basis: Gives whatever else the records are made from; called once, before reading.
    """

    def __init__(  # noqa: PLR0913 - all but the connection are named where they are given
        self,
        api: LightspeedApi,
        name: str,
        decode: VersionDecoder[V],
        *,
        to_batch: Callable[[VersionPage[V]], Batch],
        now: datetime,
        full_scan_days: int | None,
        deleted: bool = False,
        basis: Callable[[], Any] = lambda: None,
    ) -> None:
        self._api = api
        self._name = name
        self._decode = decode
        self._to_batch = to_batch
        self._now = now
        self._full_scan_days = full_scan_days
        self._deleted = deleted
        self._basis = basis

    def read(self, cursor: str | None) -> Iterator[Step]:
        """Read every change after a cursor; None reads all."""
        place = self._start(cursor, fingerprint(self._basis()))
        passing = True
        yield Step(Batch([]), _text(place))
        for page in self._api.changes(self._name, self._decode, place.after, deleted=self._deleted):
            if passing:
                settled, passing = self._settled(page)
                place = msgspec.structs.replace(place, after=max(place.after, settled))
            yield Step(self._to_batch(page), _text(place))

    def _start(self, cursor: str | None, basis: str) -> _Place:
        """Go on from a cursor, or from the beginning if it is of no use."""
        beginning = _Place(0, basis, format_instant(self._now))
        try:
            place = msgspec.json.decode(cursor or "null", type=_Place)
            begun = parse_instant(place.begun)
        except (msgspec.DecodeError, ValueError):
            return beginning
        if place.basis != basis:
            return beginning
        days = self._full_scan_days
        if days and self._now - begun >= timedelta(days=days):
            return beginning
        return place

    def _settled(self, page: VersionPage[V]) -> tuple[int, bool]:
        """Find the last version before the first young row, and whether there is none."""
        settled = 0
        for row in sorted(page.items, key=lambda row: row.version or 0):
            if self._is_young(row):
                return settled, False
            settled = row.version or settled
        return page.highest or settled, True

    def _is_young(self, row: V) -> bool:
        """Tell whether a row changed so recently that an earlier change may still come."""
        try:
            changed = parse_instant(row.updated_at or "")
        except ValueError:
            return False
        return self._now - LOOKBACK < changed < self._now + _IMPLAUSIBLE


def fingerprint(value: Any) -> str:
    """Shorten whatever JSON can say to a text that differs if it differs."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:16]


def _text(place: _Place) -> str:
    return msgspec.json.encode(place).decode()
