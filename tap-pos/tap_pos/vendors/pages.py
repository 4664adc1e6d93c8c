"""Decoding of list answers: fast when every record is sound, patient when one is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from tap_pos.vendors.base import BadRecord

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        items: What could be read.
        cursor: Where the next page starts; None on the last page.
        bad: What could not be read.
    """

    items: list[T]
    cursor: str | None = None
    bad: list[BadRecord] = field(default_factory=list)


class _Identified(Struct):
    id: Any = None


class PageDecoder(Generic[T]):
    """Decodes pages of one kind of record straight into structs.

    Args:
        name: The field of the answer that holds the list.
        kind: The struct of one record.
    """

    def __init__(self, name: str, kind: type[T]) -> None:
        cursor = ("cursor", str | None, None)
        whole = msgspec.defstruct(
            "Whole",
            [("items", list[kind] | None, msgspec.field(name=name, default=None)), cursor],  # type: ignore[valid-type]
        )
        loose = msgspec.defstruct(
            "Loose", [("items", list[Raw] | None, msgspec.field(name=name, default=None)), cursor]
        )
        self._whole = msgspec.json.Decoder(whole)
        self._loose = msgspec.json.Decoder(loose)
        self._item = msgspec.json.Decoder(kind)
        self._id = msgspec.json.Decoder(_Identified)

    def __call__(self, body: bytes) -> Page[T]:
        """Decode one answer.

        Raises:
            msgspec.DecodeError: If it is not JSON.
            msgspec.ValidationError: If it is JSON, but not a list answer at all.
        """
        try:
            page: Any = self._whole.decode(body)
        except msgspec.ValidationError:
            return self._one_by_one(body)
        return Page(page.items or [], page.cursor or None)

    def _one_by_one(self, body: bytes) -> Page[T]:
        """Keep the sound records of a page that holds an unsound one."""
        page: Any = self._loose.decode(body)
        result: Page[T] = Page([], page.cursor or None)
        for raw in page.items or []:
            try:
                result.items.append(self._item.decode(raw))
            except msgspec.ValidationError as error:  # noqa: PERF203 - the page is bad already
                result.bad.append(BadRecord(self._id_of(raw), str(error)))
        return result

    def _id_of(self, raw: Raw) -> str | None:
        """Read at least the id of an unsound record."""
        try:
            identity = self._id.decode(raw).id
        except msgspec.ValidationError:
            return None
        return None if identity is None else str(identity)


class SingleDecoder(Generic[T]):
    """Decodes an answer that holds one record under a name.

    A record that breaks the vendor's rules comes back as a `BadRecord`, so that it is
    counted like one in a list.

    Args:
        name: The field of the answer that holds the record.
        kind: The struct of the record.
    """

    def __init__(self, name: str, kind: type[T]) -> None:
        answer = msgspec.defstruct("Answer", [("item", kind, msgspec.field(name=name))])
        self._answer = msgspec.json.Decoder(answer)

    def __call__(self, body: bytes) -> T | BadRecord:
        """Decode one answer.

        Raises:
            msgspec.DecodeError: If it is not JSON.
        """
        try:
            answer: Any = self._answer.decode(body)
        except msgspec.ValidationError as error:
            return BadRecord(None, str(error))
        item: T = answer.item
        return item
