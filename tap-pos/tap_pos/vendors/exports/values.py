"""What people write in cells: numbers and dates, in the ways that a mapping declares.

Nothing is guessed: a text that does not have the declared form is refused, so that
``1,234`` never becomes one and a bit where it means a thousand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from tap_pos.errors import Unmappable
from tap_pos.windows import format_instant
from tap_pos.zones import zone_named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

_CURRENCY = "$¢£¤¥֏؋৳฿៛₠-⃀﷼"
_SPACES = "\u0020\u00a0\u2009\u202f"
_SIGNS = re.compile(rf"[A-Z]{{0,2}}[{_CURRENCY}]")


def _number_pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    """Digits in groups, of which the last before the decimals has three (India: twos before)."""
    separator = f"[{re.escape(thousands)}'\u2019{_SPACES}]"
    whole = rf"\d{{1,3}}(?:{separator}\d{{2,3}})*{separator}\d{{3}}|\d+"
    return re.compile(rf"(?:(?P<whole>{whole})?(?:{re.escape(decimal)}(?P<part>\d*))?)", re.ASCII)


_NUMBERS = {"point": _number_pattern(".", ","), "comma": _number_pattern(",", ".")}


def plain_number(text: str, decimal: str = "point", symbols: Sequence[str] = ()) -> str:
    """Read a number as it is written in a cell.

    >>> plain_number("$1,234.50"), plain_number("(5.00)"), plain_number("1.234,5 €", "comma")
    ('1234.5', '-5', '1234.5')

    Args:
        text: The cell.
        decimal: ``point`` or ``comma``.
        symbols: Words that may stand around it.

    Returns:
        Digits with a point, without needless zeros.

    Raises:
        Unmappable: If it is no number in that form.
    """
    rest, negative = text.strip(), False
    if rest.startswith("(") and rest.endswith(")"):
        rest, negative = rest[1:-1].strip(), True
    rest = rest.replace("\u2212", "-")
    for symbol in symbols:
        rest = rest.replace(symbol, "", 1).strip()
    rest = _SIGNS.sub("", rest, count=1).strip(_SPACES)
    if rest[:1] in {"-", "+"} or rest[-1:] == "-":
        if negative:
            raise Unmappable("a number has two signs")
        negative = "-" in (rest[0], rest[-1])
        rest = (rest[1:] if rest[0] in "-+" else rest[:-1]).strip(_SPACES)
    found = _NUMBERS[decimal].fullmatch(rest)
    if found is None or not (found["whole"] or found["part"]):
        raise Unmappable(f"a number is not written with a decimal {decimal}")
    whole = re.sub(r"\D", "", found["whole"] or "0").lstrip("0") or "0"
    part = (found["part"] or "").rstrip("0")
    number = f"{whole}.{part}" if part else whole
    return f"-{number}" if negative and number != "0" else number


class Moment(NamedTuple):
    """A time as read from a cell.

    Attributes:
        instant: RFC 3339 in UTC.
        day: The date, where the cell tells no time of day.
    """

    instant: str
    day: str | None


_Parsed = tuple[datetime, bool]
_DateReader = Callable[[str], "_Parsed | None"]

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,6})\d*)?)?)?"
    r" ?(Z|UTC|[+-]\d\d:?\d\d)?"
).fullmatch
_TOKENS = {
    "YYYY": "%Y", "YY": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "DD": "%d", "HH": "%H",
    "hh": "%I", "mm": "%M", "ss": "%S", "SSS": "%f", "AM": "%p", "ZZ": "%z",
}  # fmt: skip
_TOKEN = re.compile("|".join(_TOKENS) + "|[A-Za-z%]")
_EXCEL_BEGINNING = datetime(1899, 12, 30)  # noqa: DTZ001 - serial numbers know no time zone
_SERIAL = re.compile(r"\d{1,6}(?:[.,]\d+)?").fullmatch
_UNIX = re.compile(r"-?\d{1,11}(?:\.\d+)?").fullmatch


@cache
def date_reader(written: str) -> _DateReader:
    """Make what reads dates of one form.

    Args:
        written: ``iso``, ``excel``, ``unix``, or a form such as ``DD.MM.YYYY HH:mm``.

    Raises:
        ValueError: If the form has letters that mean nothing here.
    """
    if written in _SPECIAL:
        return _SPECIAL[written]

    def directive(found: re.Match[str]) -> str:
        token = found[0]
        if token == "T":  # noqa: S105 - the T between date and time
            return token
        if token not in _TOKENS:
            raise ValueError(
                f"'{token}' means nothing in a date: write iso, excel, unix, "
                "or a form of YYYY YY MM MMM DD HH hh mm ss SSS AM ZZ"
            )
        return _TOKENS[token]

    form = _TOKEN.sub(directive, written)
    timeless = "%H" not in form and "%I" not in form

    def read(text: str) -> _Parsed | None:
        try:
            return datetime.strptime(text, form), timeless  # noqa: DTZ007 - the zone comes later
        except ValueError:
            return None

    return read


def _iso(text: str) -> _Parsed | None:
    found = _ISO(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(found[n] or 0) for n in range(1, 7))
    fraction = int((found[7] or "").ljust(6, "0"))
    offset = found[8]
    zone = None
    if offset in {"Z", "UTC"}:
        zone = timezone.utc
    elif offset:
        span = timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
        zone = timezone(-span if offset[0] == "-" else span)
    moment = datetime(year, month, day, hour, minute, second, fraction, tzinfo=zone)
    return moment, found[4] is None


def _excel(text: str) -> _Parsed | None:
    if not _SERIAL(text):
        return None
    days = Decimal(text.replace(",", "."))
    milliseconds = int((days * 86_400_000).to_integral_value())
    return _EXCEL_BEGINNING + timedelta(milliseconds=milliseconds), days == int(days)


def _unix(text: str) -> _Parsed | None:
    if not _UNIX(text):
        return None
    return datetime.fromtimestamp(float(text), timezone.utc), False


_SPECIAL: dict[str, _DateReader] = {"iso": _iso, "excel": _excel, "unix": _unix}


@lru_cache(maxsize=4096)
def moment(text: str, forms: tuple[str, ...], zone: ZoneInfo) -> Moment:
    """Read a date or time.

    A wall-clock time that a change of clocks repeats is the first of the two; one that it
    skips moves forward by what was skipped.

    Args:
        text: The cell.
        forms: The declared forms; ISO 8601 is always understood as well.
        zone: Whose wall clock it is, where the text carries no offset.

    Raises:
        Unmappable: If it has none of the forms.
    """
    parsed, timeless = _parsed(text, forms)
    aware = parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=zone)
    try:
        instant = format_instant(aware)
    except (OverflowError, ValueError):
        raise Unmappable("a date is out of range") from None
    return Moment(instant, parsed.date().isoformat() if timeless else None)


def day(text: str, forms: tuple[str, ...]) -> date | None:
    """Read a date that has no time, such as a birthday; None if it has none of the forms."""
    try:
        return _parsed(text, forms)[0].date()
    except Unmappable:
        return None


def _parsed(text: str, forms: tuple[str, ...]) -> _Parsed:
    for form in (*forms, "iso"):
        try:
            found = date_reader(form)(text.strip())
        except (ValueError, OverflowError, OSError):
            found = None
        if found is not None:
            return found
    raise Unmappable("a date has none of the forms that the mapping declares (dates)")


@cache
def required_zone(name: str) -> ZoneInfo:
    """Find a time zone.

    Raises:
        Unmappable: If nobody knows it.
    """
    if (zone := zone_named(name)) is None:
        raise Unmappable("its time zone is none that the mapping translates (timezone)")
    return zone
