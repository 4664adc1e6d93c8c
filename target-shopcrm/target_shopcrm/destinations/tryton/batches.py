"""All or nothing: how a batch that Tryton refuses as a whole still gets its good items in."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from target_shopcrm.destinations.crm import Outcome
from target_shopcrm.destinations.http import UncertainError
from target_shopcrm.destinations.tryton.rpc import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")

SIZE = 500
"""Items in one call; so many parties take the real server about two seconds."""
ATTEMPTS = 3
NO_ANSWER = Outcome("uncertain", reason="the answer never came")


def in_batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The items in batches that fit into a call."""
    for start in range(0, len(items), SIZE):
        yield items[start : start + SIZE]


def bisected(items: Sequence[Item], send: Callable[[Sequence[Item]], object]) -> set[int]:
    """Send items in one call; where Tryton refuses them, send halves until the culprits are found.

    Args:
        items: What to send.
        send: Sends some of them in one call.

    Returns:
        The positions of those that are refused for themselves.
    """
    if not items:
        return set()
    try:
        send(items)
    except RefusedError:
        if len(items) == 1:
            return {0}
    else:
        return set()
    half = len(items) // 2
    refused = bisected(items[:half], send)
    return refused | {half + each for each in bisected(items[half:], send)}


def until_settled(
    items: Sequence[Item], attempt: Callable[[Sequence[Item]], list[Outcome]]
) -> list[Outcome]:
    """Compare and write until nothing is uncertain any more.

    An attempt reads what Tryton holds, and writes what differs. So one whose answer never came
    is simply made again: what arrived meanwhile isn't sent twice.

    Args:
        items: What to bring.
        attempt: Does it for one batch.

    Returns:
        What became of each.
    """
    outcomes: list[Outcome] = []
    for batch in in_batches(items):
        outcomes += _settled(batch, attempt)
    return outcomes


def _settled(
    batch: Sequence[Item], attempt: Callable[[Sequence[Item]], list[Outcome]]
) -> list[Outcome]:
    left = ATTEMPTS
    while left:
        left -= 1
        try:
            return attempt(batch)
        except UncertainError:
            continue
    return [NO_ANSWER] * len(batch)
