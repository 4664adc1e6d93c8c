"""Cutting many items into calls that are neither too long nor too big."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")


def batches(
    items: Iterable[Item], size: Callable[[Item], int], most: int, most_bytes: int
) -> Iterator[list[Item]]:
    """Cut items into lists, in their order.

    Args:
        items: Any number.
        size: How many bytes one takes in the body.
        most: Items in a list, at most.
        most_bytes: Bytes in a list, at most; an item that is bigger stands alone.

    Yields:
        Lists that are never empty.
    """
    batch: list[Item] = []
    filled = 0
    for item in items:
        taken = size(item) + 1  # the comma
        if batch and (len(batch) == most or filled + taken > most_bytes):
            yield batch
            batch, filled = [], 0
        batch.append(item)
        filled += taken
    if batch:
        yield batch
