"""From a row of the data set to a line whose amounts add up the way Square's do."""

from __future__ import annotations

from typing import NamedTuple

_THOUSANDTHS_FROM = 1000
_TAX_PERCENT = 6


class Priced(NamedTuple):
    """A line's quantity as Square writes it and its amounts in cents.

    Always `gross` = base price x quantity, `net` = `gross` - `discount` = what the data set
    says was received, and `total` = `net` + `tax`.
    """

    quantity: str
    by_the_gallon: bool
    base: int
    gross: int
    discount: int
    tax: int
    total: int


def price_line(quantity: int, paid: int, saved: int, *, taxed: bool) -> Priced:
    """Price one row: `quantity` as in the data set, `paid` and `saved` in cents.

    What the data set has that a register does not:

    * quantity 0, with or without an amount (coupons, corrections): one piece;
    * nothing paid: a line at zero, or at its shelf price with all of it taken off;
    * quantities from 1000: petrol in thousandths of a gallon;
    * amounts that do not divide by the quantity (three for five dollars): the base price is
      rounded up to a cent and what that adds is taken off again as discount.
    """
    shelf = paid + saved
    if quantity >= _THOUSANDTHS_FROM:
        base = -(-shelf * 1000 // quantity)
        gross = (base * quantity + 500) // 1000
        text = f"{quantity // 1000}.{quantity % 1000:03}"
    else:
        pieces = max(1, quantity)
        base = -(-shelf // pieces)
        gross = base * pieces
        text = str(pieces)
    tax = (paid * _TAX_PERCENT + 50) // 100 if taxed else 0
    by_the_gallon = quantity >= _THOUSANDTHS_FROM
    return Priced(text, by_the_gallon, base, gross, gross - paid, tax, paid + tax)
