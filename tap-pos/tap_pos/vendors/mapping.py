"""From a page of a vendor's structs to a batch of canonical records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from tap_pos.errors import Unmappable
from tap_pos.vendors.base import BadRecord, Batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_pos.records import Record
    from tap_pos.vendors.pages import Page


class Identified(Protocol):
    """A vendor's struct with an id."""

    @property
    def id(self) -> str:
        """The vendor's id."""


S = TypeVar("S", bound=Identified)


def map_all(page: Page[S], to_record: Callable[[S], Record]) -> Batch:
    """Map every item of a page; one that can't be mapped does not stop the others.

    Args:
        page: What the vendor sent.
        to_record: Maps one item; raises `Unmappable` or any ValueError or ArithmeticError
            for an item that breaks the vendor's own rules.

    Returns:
        The records, and what was bad in the page or became bad in mapping.
    """
    batch = Batch([], list(page.bad))
    for item in page.items:
        try:
            batch.records.append(to_record(item))
        except Unmappable as error:  # noqa: PERF203 - one bad record must not stop the others
            batch.bad.append(BadRecord(item.id, str(error)))
        except (ValueError, ArithmeticError) as error:
            # The message of a foreign error may quote the record; its type can't.
            batch.bad.append(BadRecord(item.id, f"mapping it raised {type(error).__name__}"))
    return batch
