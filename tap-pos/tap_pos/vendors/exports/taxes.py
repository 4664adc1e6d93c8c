"""Taking out of prices the tax that is inside them. Pure functions.

In every canonical order gross and net are without tax, so that the sales of a shop that
shows prices with tax and of one that adds it at the till mean the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_pos.records import Order, OrderLine


@dataclass(frozen=True)
class _Share:
    """What part of a tax falls on one line."""

    line: OrderLine
    tax: int


def without_included_tax(order: Order) -> Order:
    """Take the tax out of an order's gross and net, and out of its lines.

    A line loses its own tax where the lines' taxes add up to the order's; otherwise the
    order's tax is spread over the lines by what they cost.

    Args:
        order: An order whose amounts still include its tax.
    """
    if sum(line.tax for line in order.lines) == order.tax:
        shares = [_Share(line, line.tax) for line in order.lines]
    else:
        shares = _spread(order.tax, order.lines)
    lines = [
        msgspec.structs.replace(
            share.line,
            gross=share.line.gross - share.tax,
            net=share.line.net - share.tax,
            tax=share.tax,
        )
        for share in shares
    ]
    return msgspec.structs.replace(
        order, gross=order.gross - order.tax, net=order.net - order.tax, lines=lines
    )


def _spread(tax: int, lines: Sequence[OrderLine]) -> list[_Share]:
    """Spread a tax over lines by their net amounts, to the last minor unit."""
    left_of_whole, left_of_tax = sum(line.net for line in lines), tax
    shares = []
    for line in lines:
        part = round(Fraction(left_of_tax * line.net, left_of_whole)) if left_of_whole else 0
        shares.append(_Share(line, part))
        left_of_whole -= line.net
        left_of_tax -= part
    return shares
