"""Decoding of list answers: fast when every record is sound, patient when one is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw

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


class ListDecoder(Generic[T]):
    """Decodes a JSON list of one kind of record straight into structs.

    Args:
        kind: The struct of one record.
        key: The field that identifies a record, for telling which one is unsound.
    """

    def __init__(self, kind: type[T], key: str = "id") -> None:
        self._whole = msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]
        self._loose = msgspec.json.Decoder(list[Raw])
        self._item = msgspec.json.Decoder(kind)
        named = msgspec.defstruct("Named", [("id", Any, msgspec.field(name=key, default=None))])
        self._id: msgspec.json.Decoder[Any] = msgspec.json.Decoder(named)

    def __call__(self, body: bytes | Raw) -> Page[T]:
        """Decode a list, the only page as far as it knows.

        Raises:
            msgspec.DecodeError: If it is not JSON.
            msgspec.ValidationError: If it is JSON, but no list.
        """
        try:
            return Page(self._whole.decode(body))
        except msgspec.ValidationError:
            return self._one_by_one(self._loose.decode(body))

    def _one_by_one(self, raws: list[Raw]) -> Page[T]:
        """Keep the sound records of a list that holds an unsound one."""
        result: Page[T] = Page([])
        for raw in raws:
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


class PageDecoder(Generic[T]):
    """Decodes an answer that holds a list and the cursor of the next page.

    Args:
        name: The field of the answer that holds the list.
        kind: The struct of one record.
        cursor: The field of the answer that holds the cursor.
        key: The field that identifies a record.
    """

    def __init__(self, name: str, kind: type[T], cursor: str = "cursor", key: str = "id") -> None:
        following = ("cursor", str | None, msgspec.field(name=cursor, default=None))

        def answer(items: Any) -> msgspec.json.Decoder[Any]:
            listed = ("items", items, msgspec.field(name=name, default=None))
            return msgspec.json.Decoder(msgspec.defstruct("Answer", [listed, following]))

        self._whole = answer(list[kind] | None)  # type: ignore[valid-type]
        self._loose = answer(Raw)
        self._list = ListDecoder(kind, key)

    def __call__(self, body: bytes) -> Page[T]:
        """Decode one answer.

        Raises:
            msgspec.DecodeError: If it is not JSON.
            msgspec.ValidationError: If it is JSON, but not a list answer at all.
        """
        try:
            page = self._whole.decode(body)
        except msgspec.ValidationError:
            page = self._loose.decode(body)
            found = self._list(b"[]" if page.items is None else page.items)
            return Page(found.items, page.cursor or None, found.bad)
        return Page(page.items or [], page.cursor or None)


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
