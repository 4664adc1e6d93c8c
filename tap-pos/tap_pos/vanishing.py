"""Noticing what a vendor deletes without telling: who was known, and is not there any more.

The ids that were sent are kept in the shop's part of the state (`tap_pos.known_ids`). A
complete listing shows which of them may be gone; each is then asked for, because a listing
by pages can miss a row that exists. What is really gone gets a last record, once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tap_pos.known_ids import KnownIds
from tap_pos.vendors.base import WholeTable, Windowed
from tap_pos.windows import format_instant, parse_instant

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Collection, Iterator, Mapping

    from tap_pos.records import Record
    from tap_pos.shops import OpenShop
    from tap_pos.vendors.base import Batch, Source, Vanishing

    Step = tuple[list[Record], Mapping[str, Any]]

_IDS, _SCANNED = "known_ids", "scanned_at"
_ASKED_AT_ONCE = 100


class Acquaintances:
    """Who is known of one shop's stream, during one run.

    Args:
        shop: The shop.
        vanishing: How its vendor tells what is gone; without `keys`, what is read in this
            run is all there is.
        state: The shop's part of the stream's state, as earlier runs left it.
        log: Where to tell what a person should know.
    """

    def __init__(
        self, shop: OpenShop, vanishing: Vanishing, state: Mapping[str, Any], log: logging.Logger
    ) -> None:
        self._shop = shop
        self._vanishing = vanishing
        self._state = state
        self._now = format_instant(shop.reader.now)
        self._lists_itself = vanishing.keys is None
        self._listed: set[str] = set()
        self._has_unnamed = False
        self._is_scanning = False
        try:
            self._known = KnownIds(state.get(_IDS, ()))
        except ValueError:
            log.warning(
                "Shop '%s': the known_ids in its state are damaged, so they are learnt anew",
                shop.id,
            )
            self._known = KnownIds()

    @classmethod
    def of(
        cls, shop: OpenShop, source: Source | None, state: Mapping[str, Any], log: logging.Logger
    ) -> Acquaintances | None:
        """Keep acquaintances, if the vendor's way of deleting makes that necessary."""
        if not isinstance(source, WholeTable | Windowed) or source.vanishing is None:
            return None
        vanishing = source.vanishing
        if isinstance(source, WholeTable):
            return cls(shop, replace(vanishing, keys=None), state, log)
        if vanishing.keys is None or shop.full_scan_every is None:
            return None
        return cls(shop, vanishing, state, log)

    def meet(self, batch: Batch) -> Mapping[str, Any]:
        """Get to know the records of a page; tell what of the state that changes."""
        is_alive: dict[str, bool] = {}
        for record in batch.records:
            identity: str = record.id  # type: ignore[attr-defined]
            is_alive[identity] = getattr(record, "deleted_at", None) is None
        alive = {identity for identity, lives in is_alive.items() if lives}
        if self._lists_itself:
            self._listed |= alive
            self._listed.update(bad.id for bad in batch.bad if bad.id is not None)
            self._has_unnamed = self._has_unnamed or any(bad.id is None for bad in batch.bad)
        changed = self._known.discard(is_alive.keys() - alive)
        changed = self._known.add(alive) or changed
        return self._ids() if changed else {}

    def missed_in_whole_table(self) -> Iterator[Step]:
        """Give the last records of what a complete reading did not show.

        A record that could not even be named might be any of them, so then none is missed.
        """
        if not self._has_unnamed:
            yield from self._missed()

    def listings(self, *, is_first_read: bool) -> Callable[[], Iterator[Collection[str]]]:
        """Give what lists every id there is, or nothing if the last time was not long ago.

        Args:
            is_first_read: Whether this run has just read everything, a listing by itself.
        """
        last = self._state.get(_SCANNED)
        every = self._shop.full_scan_every or timedelta.max
        if last is None:
            self._is_scanning = not is_first_read
        else:
            self._is_scanning = self._shop.reader.now - parse_instant(last) >= every
        keys = self._vanishing.keys
        return keys if self._is_scanning and keys is not None else lambda: iter(())

    def note_listed(self, keys: Collection[str]) -> None:
        """Take in a page of a listing; whoever was unknown is known from now on."""
        self._listed.update(keys)
        self._known.add(keys)

    def missed_in_listings(self) -> Iterator[Step]:
        """Give the last records of what the listings did not show."""
        if self._is_scanning:
            yield from self._missed()
        if self._is_scanning or _SCANNED not in self._state:
            yield [], {**self._ids(), _SCANNED: self._now}

    def _missed(self) -> Iterator[Step]:
        """Ask for whatever was not listed, and take leave of what is gone."""
        missing = self._known.missing_from(self._listed)
        for start in range(0, len(missing), _ASKED_AT_ONCE):
            asked = missing[start : start + _ASKED_AT_ONCE]
            confirmed = set(self._vanishing.confirm(asked))
            gone = [identity for identity in asked if identity in confirmed]
            self._known.discard(gone)
            records = [self._vanishing.tombstone(identity, self._now) for identity in gone]
            yield records, self._ids()

    def _ids(self) -> Mapping[str, Any]:
        return {_IDS: self._known.written()}
