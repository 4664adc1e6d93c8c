"""The ids a run has sent, kept small enough to travel in every STATE message.

Numbers are written as ranges, each by its distance from the one before: a million products
numbered without gaps are seven characters. All other ids are sorted, deflated and written in
base64: about 28 characters for a random UUID.

New ids are not worked into the text that is there already; they become a text of their own.
Two texts are joined as soon as the later one is no longer much the shorter, as in a
log-structured file, so that adding page after page costs next to nothing.
"""

from __future__ import annotations

import re
import zlib
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_NUMBER = re.compile(r"(?:0|[1-9]\d{0,17})", re.ASCII).fullmatch
_texts = msgspec.json.Decoder(list[str])


class KnownIds:
    """A set of ids and its written form.

    Args:
        written: What `written` gave in an earlier run.

    Raises:
        ValueError: If that is damaged.
    """

    def __init__(self, written: Sequence[str] = ()) -> None:
        self._written = list(written)
        self._counts: list[int] = []
        self._ids: set[str] = set()
        for text in self._written:
            ids = decode(text)
            self._counts.append(len(ids))
            self._ids |= ids
        self._is_current = True

    def __contains__(self, identity: object) -> bool:
        """Tell whether an id is known."""
        return identity in self._ids

    def __len__(self) -> int:
        """Count the ids."""
        return len(self._ids)

    def add(self, ids: Iterable[str]) -> bool:
        """Know these ids too; tell whether any was new."""
        fresh = set(ids) - self._ids
        if not fresh:
            return False
        self._ids |= fresh
        if self._is_current:
            self._append(fresh)
        return True

    def discard(self, ids: Iterable[str]) -> bool:
        """Forget these ids; tell whether any was known."""
        ended = self._ids.intersection(ids)
        if not ended:
            return False
        self._ids -= ended
        self._is_current = False
        return True

    def missing_from(self, listed: Iterable[str]) -> list[str]:
        """Give the known ids that a complete listing did not show, sorted."""
        return sorted(self._ids.difference(listed))

    def written(self) -> list[str]:
        """Write all ids down."""
        if not self._is_current:
            self._written, self._counts = [], []
            if self._ids:
                self._append(self._ids)
            self._is_current = True
        return list(self._written)

    def _append(self, fresh: set[str]) -> None:
        """Write further ids down, joining texts of about the same size."""
        while self._counts and self._counts[-1] <= 2 * len(fresh):
            self._counts.pop()
            fresh = fresh | decode(self._written.pop())
        self._written.append(encode(fresh))
        self._counts.append(len(fresh))


def encode(ids: Iterable[str]) -> str:
    """Write ids as one short text, in which their order is lost."""
    numbers: list[int] = []
    texts: list[str] = []
    for identity in ids:
        if _NUMBER(identity):
            numbers.append(int(identity))
        else:
            texts.append(identity)
    packed = zlib.compress(msgspec.json.encode(sorted(texts)), 6) if texts else b""
    return f"{_ranges(sorted(numbers))}:{b64encode(packed).decode('ascii')}"


def decode(text: str) -> set[str]:
    """Read ids that `encode` wrote.

    Raises:
        ValueError: If the text is none of its.
    """
    ranges, _, packed = text.partition(":")
    try:
        ids = set(_numbers(ranges))
        if packed:
            ids.update(_texts.decode(zlib.decompress(b64decode(packed, validate=True))))
    except (ValueError, zlib.error, msgspec.MsgspecError):
        raise ValueError("not a list of known ids") from None
    return ids


def _ranges(numbers: list[int]) -> str:
    """Write sorted numbers as ``gap`` or ``gap+more`` for each run of neighbours.

    >>> _ranges([7, 8, 9, 20])
    '7+2,11'
    """
    parts: list[str] = []
    last = 0
    for first, final in _runs(numbers):
        parts.append(f"{first - last}+{final - first}" if final > first else str(first - last))
        last = final
    return ",".join(parts)


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Find the first and the last of each run of neighbours."""
    if not numbers:
        return
    first = last = numbers[0]
    for number in numbers[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last


def _numbers(ranges: str) -> Iterator[str]:
    """Read what `_ranges` wrote."""
    last = 0
    for part in ranges.split(",") if ranges else ():
        gap, _, more = part.partition("+")
        first = last + int(gap)
        last = first + int(more or 0)
        yield from map(str, range(first, last + 1))
