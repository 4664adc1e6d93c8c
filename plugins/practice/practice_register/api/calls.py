"""One call of the API: what was asked, and how lists are answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from practice_register.api.cursors import Cursor, query_digest, read_cursor, write_cursor
from practice_register.api.problems import bad_request, wrong_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from practice_register.rows import Row
    from practice_register.view import Key, Listing, View

_R = TypeVar("_R", bound="Row")
_S = TypeVar("_S", bound=msgspec.Struct)

Time = Annotated[datetime, msgspec.Meta(tz=True)]
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class TimeRange(msgspec.Struct, frozen=True):
    """Square's generic range of time."""

    start_at: Time | None = None
    end_at: Time | None = None


@dataclass(frozen=True)
class Call:
    """A request that passed the door: who answers it looks at `view` only."""

    view: View
    body: bytes
    query: dict[str, str]
    path: dict[str, str]

    def read_body(self, shape: type[_S]) -> _S:
        """Decode the body; keys that Square does not know are ignored, as Square does."""
        try:
            return msgspec.json.decode(self.body or b"{}", type=shape)
        except msgspec.ValidationError as error:
            raise wrong_shape(error) from error
        except msgspec.DecodeError as error:
            raise bad_request("EXPECTED_JSON_BODY", "The body is not valid JSON.") from error

    def read_query(self, shape: type[_S]) -> _S:
        """Decode the query string; `shape` refuses parameters that it does not name."""
        try:
            return msgspec.convert(self.query, type=shape, strict=False)
        except msgspec.ValidationError as error:
            raise wrong_shape(error) from error


@dataclass(frozen=True)
class Paging:
    """The reading of one list, page by page."""

    view: View
    query: bytes
    cursor: Cursor | None
    until: int

    @classmethod
    def start(cls, view: View, cursor: str | None, *query: object) -> Paging:
        """Begin to read a list, or go on behind `cursor`; `query` is what binds the two."""
        digest = query_digest(*query)
        if not cursor:
            return cls(view, digest, None, view.clock)
        read = read_cursor(cursor, digest)
        return cls(view, digest, read, read.until)

    def page(
        self,
        listing: Listing[_R],
        limit: int,
        accept: Callable[[_R], bool],
        *,
        span: tuple[int, int] | None = None,
        descending: bool = False,
    ) -> tuple[list[_R], str | None]:
        """Return this page's rows and the cursor of the next page."""
        after: Key | None = None
        if self.cursor is not None:
            after = (self.cursor.value, self.cursor.id)
        rows, last = listing.page(limit, accept, span=span, after=after, descending=descending)
        return rows, None if last is None else self.following(last)

    def following(self, last: Key) -> str:
        """The cursor of the page behind `last`."""
        return write_cursor(self.query, self.until, last)


def answer(name: str, pieces: Iterable[bytes], cursor: str | None = None, **more: Any) -> bytes:
    """A list as Square answers it: without its name when it is empty."""
    parts = []
    joined = b",".join(pieces)
    if joined:
        parts.append(b'"%s":[%s]' % (name.encode(), joined))
    if cursor:
        parts.append(b'"cursor":"%s"' % cursor.encode())
    parts += [
        b'"%s":%s' % (key.encode(), msgspec.json.encode(value)) for key, value in more.items()
    ]
    return b"{" + b",".join(parts) + b"}"


def one(name: str, piece: bytes) -> bytes:
    """A single record as Square answers it."""
    return b'{"%s":%s}' % (name.encode(), piece)


def from_time(moment: datetime | None, otherwise: int) -> int:
    """The first whole millisecond not before `moment`."""
    if moment is None:
        return otherwise
    return -((_EPOCH - moment) // _MILLISECOND)


def past_time(moment: datetime | None, otherwise: int) -> int:
    """The first whole millisecond after `moment`: the open end of an inclusive range."""
    if moment is None:
        return otherwise
    return (moment - _EPOCH) // _MILLISECOND + 1


_MILLISECOND = datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=timezone.utc) - _EPOCH
FOREVER = (-(1 << 62), 1 << 62)
