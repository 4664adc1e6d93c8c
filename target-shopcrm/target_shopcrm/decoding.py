"""From raw JSON to a canonical record, or to the reason why it isn't one.

A reason names the field and what is wrong with it, never the value: reasons are stored, logged
and shown to people who have no business reading a customer's address.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import DecodeError, ValidationError
from msgspec.json import Decoder

from target_shopcrm.records import STREAMS, KeyedByShop, key_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_ESCAPED_NUL = b"\\u0000"
_PATH = re.compile(r"^(?P<reason>.*?)(?: - at `(?:key in )?\$\.?(?P<path>.*)`)?$", re.DOTALL)
_OWN_CHECK = re.compile(r"^(?P<field>[a-z_]+): (?P<reason>.*)$", re.DOTALL)
_QUOTED_VALUE = re.compile(r"^Invalid (enum )?value .*$", re.DOTALL)
_NAMED_FIELD = re.compile(r"^Object missing required field `(?P<field>[a-z_]+)`$")
_MAX_KEY_LENGTH = 300
_BROKEN_TEXT = "text holds half a character (a lone surrogate or bytes that aren't UTF-8)"

_NOT_JSON = "not valid JSON"


class BadRecord(NamedTuple):
    """A record that can't be delivered, and why.

    Attributes:
        stream: Its stream.
        key: Its key, as far as it can be read.
        field: Path of the field, such as ``lines[3].quantity``; empty where the whole is broken.
        reason: What is wrong, without the value.
        raw: The record as it came in.
    """

    stream: str
    key: dict[str, str | None]
    field: str
    reason: str
    raw: bytes

    @property
    def record_hash(self) -> bytes:
        """Fingerprint of the bytes that came in: the same bad record is one dead letter."""
        return hashlib.blake2b(self.raw, digest_size=16).digest()


_decoders: Mapping[str, Decoder[KeyedByShop]] = {
    stream: Decoder(record_type) for stream, record_type in STREAMS.items()
}


def decode(stream: str, raw: bytes) -> KeyedByShop | BadRecord:
    """Decode one record of a canonical stream.

    Args:
        stream: One of `STREAMS`.
        raw: The record's JSON.

    Returns:
        The record, or why it isn't one.
    """
    try:
        record = _decoders[stream].decode(raw)
    except ValidationError as error:
        field, reason = _explain(str(error))
    except (DecodeError, UnicodeDecodeError):
        field, reason = _broken_text(raw)
    else:
        if _ESCAPED_NUL not in raw:
            return record
        nul = _field_with(raw, _has_nul)
        if nul is None:  # the escape itself was escaped: harmless text
            return record
        field, reason = nul, "text holds the character NUL, which PostgreSQL can't store"
    return BadRecord(stream, _key_in(stream, _leniently(raw)), field, reason, raw)


def broken_line(stream: str, line: bytes, record: Any) -> BadRecord:
    """Describe a record whose line can't be decoded as UTF-8 JSON without leniency.

    Args:
        stream: One of `STREAMS`.
        line: The whole line.
        record: What a lenient reader made of the record.

    Returns:
        The dead letter.
    """
    for path, text in _texts(record, ""):
        if _is_broken(text):
            return BadRecord(stream, _key_in(stream, record), path, _BROKEN_TEXT, line)
    return BadRecord(stream, _key_in(stream, record), "", _NOT_JSON, line)


def _explain(message: str) -> tuple[str, str]:
    """Turn msgspec's message into field and reason; a value quoted in it is left out.

    >>> _explain("Expected `int`, got `str` - at `$.lines[3].gross`")
    ('lines[3].gross', 'Expected `int`, got `str`')
    >>> _explain("Invalid enum value 'shop' - at `$.channel`")
    ('channel', 'not one of the allowed words')
    >>> _explain("quantity: not a decimal number - at `$.lines[0]`")
    ('lines[0].quantity', 'not a decimal number')
    """
    match = _PATH.match(message)
    path, reason = (match["path"] or "", match["reason"]) if match else ("", message)
    if own := _OWN_CHECK.match(reason):
        return _join(path, own["field"]), own["reason"]
    if missing := _NAMED_FIELD.match(reason):
        return _join(path, missing["field"]), "missing"
    if _QUOTED_VALUE.match(reason):
        return path, "not one of the allowed words"
    return path, reason


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field


def _broken_text(raw: bytes) -> tuple[str, str]:
    field = _field_with(raw, _is_broken)
    return ("", _NOT_JSON) if field is None else (field, _BROKEN_TEXT)


def _has_nul(text: str) -> bool:
    return "\x00" in text


def _is_broken(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _field_with(raw: bytes, is_wrong: Callable[[str], bool]) -> str | None:
    """Path of the first text that `is_wrong`."""
    return next((path for path, text in _texts(_leniently(raw), "") if is_wrong(text)), None)


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _texts(part, _join(path, name))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _texts(part, f"{path}[{index}]")


def _leniently(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8", "surrogateescape"), strict=False)
    except ValueError:
        return None


def _key_in(stream: str, record: Any) -> dict[str, str | None]:
    """The key as far as it is text that can be stored; what isn't is null."""
    found = record if isinstance(record, dict) else {}
    return {name: _storable(found.get(name)) for name in key_fields(stream)}


def _storable(value: Any) -> str | None:
    if not isinstance(value, str) or len(value) > _MAX_KEY_LENGTH:
        return None
    return value.encode("utf-8", "replace").decode().replace("\x00", "?")
