"""Sending many items in few calls, so that one bad item never costs another.

Klaviyo refuses a whole request because of one item. Where the refusal points at items, those
are out and the rest is sent again; where it doesn't, the request is halved until it does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from target_shopcrm.destinations.http import Answer

_Item = TypeVar("_Item")
_Key = TypeVar("_Key")

MOST_BYTES = 5_000_000 - 1_000
"""Klaviyo takes 5 MB in one request; the rest is for what stands around the items."""
REFUSALS = frozenset({400, 409, 413, 422})
"""The statuses with which Klaviyo refuses what is in a request."""
_INDEX = re.compile(r"/data/(\d+)(?:/|$)")
_OUR_NAMES = {"email": "email", "phone_number": "phone", "first_name": "given_name"}


class Refusal(NamedTuple):
    """Why Klaviyo doesn't take an item.

    Attributes:
        code: Klaviyo's word for it; never its sentence, which may quote the item.
        field: Our name of the field at fault, empty where Klaviyo points at none.
        is_pointed: Whether Klaviyo pointed at this very item.
    """

    code: str
    field: str = ""
    is_pointed: bool = False


class _Source(msgspec.Struct, frozen=True):
    pointer: str | None = None


class Complaint(msgspec.Struct, frozen=True):
    """One of Klaviyo's errors, as far as it may be repeated."""

    code: str = ""
    source: _Source | None = None

    @property
    def index(self) -> int | None:
        """The position of the item it points at, if it does."""
        found = _INDEX.search((self.source and self.source.pointer) or "")
        return int(found.group(1)) if found else None

    @property
    def refusal(self) -> Refusal:
        """What is kept of it."""
        pointer = (self.source and self.source.pointer) or ""
        last = pointer.rsplit("/", 1)[-1]
        known = _OUR_NAMES.get(last, last if "/properties/" in pointer else "")
        code = self.code if re.fullmatch(r"[\w.-]{1,60}", self.code) else "refused"
        return Refusal(code, known, self.index is not None)


class _Complaints(msgspec.Struct, frozen=True):
    errors: list[Complaint] = []


def in_chunks(
    sizes: Sequence[int], most_items: int, most_bytes: int = MOST_BYTES
) -> Iterator[list[int]]:
    """Put items into as few calls as possible.

    Args:
        sizes: The size of each item in bytes.
        most_items: How many items a call takes.
        most_bytes: How many bytes a call takes.

    Yields:
        The positions of the items of each call.
    """
    chunk: list[int] = []
    filled = 0
    for position, size in enumerate(sizes):
        if chunk and (len(chunk) == most_items or filled + size + 1 > most_bytes):
            yield chunk
            chunk, filled = [], 0
        chunk.append(position)
        filled += size + 1
    if chunk:
        yield chunk


def send_apart(
    items: Sequence[_Item],
    post: Callable[[Sequence[_Item]], Answer],
    unexpected: Callable[[Answer], Exception],
    refusals: frozenset[int] = REFUSALS,
) -> dict[int, Refusal]:
    """Send items together, and apart where they are refused together.

    Args:
        items: What to send; few enough for one call.
        post: Makes the call.
        unexpected: The error for an answer that is neither success nor a refusal.
        refusals: The statuses that concern items and not the whole call.

    Returns:
        The refusals, by position. Everything else was accepted.
    """
    refused: dict[int, Refusal] = {}
    parts = [list(range(len(items)))] if items else []
    while parts:
        part = parts.pop()
        answer = post([items[position] for position in part])
        if answer.ok:
            continue
        if answer.status not in refusals:
            raise unexpected(answer)
        complaints = complaints_of(answer)
        blamed = {
            part[each.index]: each.refusal
            for each in reversed(complaints)
            if each.index is not None and each.index < len(part)
        }
        rest = [position for position in part if position not in blamed]
        if not blamed and len(part) == 1:
            first = complaints[0].refusal if complaints else Refusal("refused")
            blamed, rest = {part[0]: first}, []
        refused.update(blamed)
        if blamed and rest:
            parts.append(rest)
        elif not blamed:
            middle = len(part) // 2
            parts += [part[middle:], part[:middle]]
    return refused


def complaints_of(answer: Answer) -> list[Complaint]:
    """Read what Klaviyo complains about; nothing if it doesn't say so in its own way."""
    try:
        return msgspec.convert(answer.body, _Complaints).errors
    except msgspec.ValidationError:
        return []


def grouped(items: Sequence[_Item], key: Callable[[_Item], _Key]) -> dict[_Key, list[int]]:
    """Positions of items that go into the same call, by what they have in common."""
    groups: dict[_Key, list[int]] = {}
    for position, item in enumerate(items):
        groups.setdefault(key(item), []).append(position)
    return groups
