"""Singer lines as typed messages.

A line is read once: the envelope is decoded into a struct, and what it carries (`record`,
`value`) stays raw bytes until somebody needs it. A RECORD of a canonical stream then decodes
straight into its struct (`target_shopcrm.decoding`).

**What this bypasses, and why.** The SDK turns every line into a dict and validates each record
against the SCHEMA message with jsonschema, which costs five times as much as everything else
together. Canonical records are checked more strictly by decoding them, so for them, and only
for them, that path isn't taken. All other lines go to the SDK unchanged.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import DecodeError, Raw, Struct
from msgspec.json import Decoder

from target_shopcrm.errors import InputError


class RecordLine(Struct, tag_field="type", tag="RECORD", gc=False):
    """One record of one stream, still as the bytes that came in."""

    stream: str
    record: Raw


class StateLine(Struct, tag_field="type", tag="STATE", gc=False):
    """A bookmark: everything before it has been sent."""

    value: Raw


class SchemaLine(Struct, tag_field="type", tag="SCHEMA", gc=False):
    """What the records of a stream look like."""

    stream: str


class ActivateVersionLine(Struct, tag_field="type", tag="ACTIVATE_VERSION", gc=False):
    """A full-table version is complete. Canonical streams have no versions."""

    stream: str


class BatchLine(Struct, tag_field="type", tag="BATCH", gc=False):
    """Records in files beside the stream, which this target doesn't advertise."""

    stream: str


Message = RecordLine | StateLine | SchemaLine | ActivateVersionLine | BatchLine

_decoder: Decoder[Message] = Decoder(Message)


def read_line(line: bytes) -> Message | None:
    """Read one line of input.

    Args:
        line: The line, with or without its line break.

    Returns:
        The message, or None where the envelope can't be read this way: broken text inside a
        record, or a message that only the SDK can judge.
    """
    try:
        return _decoder.decode(line)
    except (DecodeError, UnicodeDecodeError):
        return None


def as_mapping(line: bytes, line_number: int) -> dict[str, Any]:
    """Read a line the lenient way, as the SDK does: anything that is JSON, whatever its text.

    Args:
        line: The line.
        line_number: Its number, for the message.

    Returns:
        The message as a dict; lone surrogates and bytes that aren't UTF-8 are kept as
        surrogates.

    Raises:
        InputError: If the line isn't a JSON object. The message doesn't show the line.
    """
    try:
        message = json.loads(line.decode("utf-8", "surrogateescape"), strict=False)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise InputError(
            f"Line {line_number} of the input isn't a Singer message; the tap was cut off or wrote"
            " something else to its standard output: look at the tap's log, then run again."
        )
    return message
