"""Page cursors: opaque, bound to their query, and short-lived."""

from __future__ import annotations

import hashlib
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, NamedTuple

import msgspec

from practice_register.api.problems import SquareError, bad_request

LIFETIME_S = 300
"""How long a cursor is good for, in real seconds; Square's are said to live five minutes."""


class Cursor(NamedTuple):
    """Where to go on: behind `value` and `id`; `until` is the window's end at the first page."""

    query: bytes
    issued: int
    until: int
    value: Any
    id: str


def query_digest(*parts: object) -> bytes:
    """A short digest of the query that a cursor belongs to."""
    return hashlib.blake2b(msgspec.msgpack.encode(parts), digest_size=8).digest()


def write_cursor(query: bytes, until: int, key: tuple[Any, str]) -> str:
    """Make the cursor that goes on behind `key`."""
    cursor = Cursor(query, int(time.time()), until, key[0], key[1])
    packed = msgspec.msgpack.encode(tuple(cursor))
    return urlsafe_b64encode(_check(packed) + packed).decode().rstrip("=")


def read_cursor(text: str, query: bytes | None = None) -> Cursor:
    """Read a cursor, and refuse it if it is mangled, of another query, or too old.

    Raises:
        SquareError: INVALID_CURSOR.
    """
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if _check(data[4:]) != data[:4]:
            raise invalid_cursor("The cursor is not valid.")
        cursor = Cursor(*msgspec.msgpack.decode(data[4:]))
    except (ValueError, TypeError, msgspec.MsgspecError) as error:
        raise invalid_cursor("The cursor is not valid.") from error
    if query is not None and cursor.query != query:
        raise invalid_cursor("The cursor belongs to another query.")
    if time.time() - cursor.issued > LIFETIME_S:
        raise invalid_cursor("The cursor has expired.")
    return cursor


def invalid_cursor(detail: str) -> SquareError:
    """What Square answers to a cursor that it does not take."""
    return bad_request("INVALID_CURSOR", detail, "cursor")


def _check(packed: bytes) -> bytes:
    return hashlib.blake2b(packed, digest_size=4, key=b"practice register").digest()
