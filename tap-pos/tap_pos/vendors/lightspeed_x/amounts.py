"""Lightspeed X-Series' amounts: doubles in major units, often finer than a cent."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tap_pos.vendors.money import rounded_minor_units

if TYPE_CHECKING:
    from collections.abc import Iterable

# Far below any coin, far above the noise of adding doubles (2.7755575615628914e-17).
_FINEST = Decimal("1E-9")
ZERO = Decimal(0)


def exact(amount: Decimal | None) -> Decimal:
    """Take an amount without the noise of binary arithmetic; none is no money.

    Raises:
        ArithmeticError: If it is too large to be money.
    """
    return ZERO if amount is None else amount.quantize(_FINEST)


def minor(amount: Decimal | None, currency: str) -> int:
    """Round an amount to minor units.

    Raises:
        Unmappable: If there is no such currency.
        ArithmeticError: If it is too large to be money.
    """
    return rounded_minor_units(exact(amount), currency)


def apportioned(amounts: Iterable[Decimal], currency: str) -> list[int]:
    """Round amounts so that their sum is the rounded sum.

    A price without its tax seldom ends at a cent: three times 0.335 is 1.01, not 1.02.

    >>> apportioned([Decimal("0.335")] * 3, "EUR")
    [34, 33, 34]
    """
    parts: list[int] = []
    so_far, given = ZERO, 0
    for amount in amounts:
        so_far += amount
        upto = rounded_minor_units(so_far, currency)
        parts.append(upto - given)
        given = upto
    return parts
