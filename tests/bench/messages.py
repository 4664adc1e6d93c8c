"""Look into what a tap sent: how many records of each stream, which bookmarks last."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _Record(msgspec.Struct):
    id: str = ""


class _Message(msgspec.Struct):
    type: str
    stream: str = ""
    record: _Record | None = None
    value: msgspec.Raw = msgspec.Raw()


def _messages(path: Path) -> Iterator[_Message]:
    decode = msgspec.json.Decoder(_Message).decode
    with path.open("rb") as lines:
        yield from map(decode, lines)


def count_records(path: Path) -> Counter[str]:
    """How many RECORD messages there are of each stream."""
    return Counter(each.stream for each in _messages(path) if each.type == "RECORD")


def count_different(path: Path) -> Counter[str]:
    """How many different records there are of each stream: one sent twice counts once."""
    return Counter(
        stream for stream, _ in {(m.stream, m.record.id) for m in _messages(path) if m.record}
    )


def last_state(path: Path) -> Any:
    """The bookmarks that a target would keep."""
    found = None
    for message in _messages(path):
        if message.type == "STATE":
            found = message
    assert found is not None
    return msgspec.json.decode(found.value)
