"""Small repairs that every vendor's texts need."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from tap_pos.errors import Unmappable
from tap_pos.windows import normalise_instant

_YEARLESS = re.compile(r"0{4}-(\d{2}-\d{2})").fullmatch
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.\[\]]{0,99}").fullmatch
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}").fullmatch


def text(value: str | None) -> str | None:
    """Trim a text; what is left empty says nothing."""
    return (value.strip() or None) if value else None


def error_code(value: object) -> str | None:
    """Take an error's code or field name, for a message; what looks like anything else is not.

    What a vendor's error says in words may quote the request, and so a person or a key.

    >>> error_code("INVALID_CURSOR"), error_code("ada@example.org is taken")
    ('INVALID_CURSOR', None)
    """
    return value if isinstance(value, str) and _CODE(value) else None


def instant(value: str | None) -> str | None:
    """Normalise an optional time.

    Raises:
        Unmappable: If there is a text, but it is no time.
    """
    return required_instant(value, "time") if value else None


def required_instant(value: str | None, name: str) -> str:
    """Normalise a time that has to be there.

    Raises:
        Unmappable: If it is missing or is no time.
    """
    try:
        return normalise_instant(value or "")
    except ValueError:
        raise Unmappable(f"{name} is not an RFC 3339 time") from None


def quantity(value: str) -> str:
    """Check that a quantity is a decimal number; keep it as the vendor wrote it.

    Raises:
        Unmappable: If it is not.
    """
    trimmed = value.strip()
    if not trimmed.isdecimal():
        try:
            finite = Decimal(trimmed).is_finite()
        except InvalidOperation:
            finite = False
        if not finite:
            raise Unmappable("a quantity is not a decimal number")
    return trimmed


def birthday(value: str | None) -> str | None:
    """Write a birthday as ``YYYY-MM-DD``, or ``--MM-DD`` where the vendor put year 0000.

    >>> birthday("0000-09-21")
    '--09-21'
    """
    trimmed = (value or "").strip()
    if found := _YEARLESS(trimmed):
        return f"--{found[1]}"
    return trimmed if _DATE(trimmed) else None


def with_variant(item: str | None, variant: str | None) -> str | None:
    """Join the names of an item and its variant, where the variant's says anything.

    >>> with_variant("Latte", "Large"), with_variant("Latte", "Regular")
    ('Latte (Large)', 'Latte')
    """
    item, variant = text(item), text(variant)
    if item is None or variant is None or variant in {"Regular", item}:
        return item or variant
    return f"{item} ({variant})"
