"""From the ways vendors write amounts to integers in minor units.

How many digits a currency has is not ours to know: `iso4217` carries the standard's table
(JPY 0, USD 2, KWD 3).
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache

from iso4217 import Currency

from tap_pos.errors import Unmappable


@cache
def minor_digits(currency: str) -> int:
    """Tell how many digits follow the decimal point in a currency.

    >>> minor_digits("JPY"), minor_digits("USD"), minor_digits("KWD")
    (0, 2, 3)

    Raises:
        Unmappable: If there is no such currency.
    """
    try:
        return int(Currency(currency.upper()).exponent or 0)
    except ValueError:
        raise Unmappable("its currency is none of ISO 4217") from None


def minor_units(amount: str | Decimal | int, currency: str) -> int:
    """Read an amount in major units exactly.

    JSON numbers belong into fields of type `Decimal`: msgspec reads their digits as written.

    >>> minor_units("12.50", "USD"), minor_units("1.234", "KWD"), minor_units("-500", "JPY")
    (1250, 1234, -500)

    Raises:
        Unmappable: If it is no finite number, or finer than the currency's smallest coin.
    """
    exact = _scaled(amount, currency)
    if exact != exact.to_integral_value():
        raise Unmappable("an amount is finer than its currency allows")
    return int(exact)


def rounded_minor_units(amount: str | Decimal | int, currency: str) -> int:
    """Read an amount in major units that a vendor computed in binary or at higher precision.

    >>> rounded_minor_units(Decimal("12.100000000000001"), "USD")
    1210

    Raises:
        Unmappable: If it is no finite number.
    """
    return int(_scaled(amount, currency).to_integral_value(rounding=ROUND_HALF_UP))


def _scaled(amount: str | Decimal | int, currency: str) -> Decimal:
    try:
        number = Decimal(amount.strip() if isinstance(amount, str) else amount)
    except InvalidOperation:
        raise Unmappable("an amount is not a number") from None
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise Unmappable("an amount is not a number")
    return number.scaleb(minor_digits(currency))


_LARGEST_EXPONENT = 15
