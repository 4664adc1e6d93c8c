"""Searching profiles by custom attribute: the key and when its value was last set."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from practice_register.api.calls import FOREVER, TimeRange, from_time, past_time
from practice_register.api.problems import bad_request, not_copied

if TYPE_CHECKING:
    from practice_register.rows import CustomerRow
    from practice_register.view import View


class AttributeFilter(Struct, frozen=True):
    """Square's CustomerCustomAttributeFilter."""

    key: str
    filter: dict[str, Any] | None = None
    updated_at: TimeRange | None = None


class AttributeFilters(Struct, frozen=True):
    """Square's CustomerCustomAttributeFilters: a profile has to match all of them."""

    filters: list[AttributeFilter] = []

    def check(self) -> None:
        """Refuse what Square refuses, and what is not copied.

        Raises:
            SquareError: for a filter by value, or one without any condition.
        """
        for wanted in self.filters:
            if wanted.filter is not None:
                raise not_copied("customer filters by an attribute's value", "query.filter")
            if wanted.updated_at is None:
                detail = f"Give `filter` or `updated_at` for the custom attribute `{wanted.key}`."
                raise bad_request("MISSING_REQUIRED_PARAMETER", detail, "query.filter")


def accepts_attributes(wanted: AttributeFilters | None, view: View, row: CustomerRow) -> bool:
    """Whether a profile has every wanted attribute; both ends of a time range are inclusive."""
    if wanted is None:
        return True
    attributes = attributes_of(view, row)
    return all(
        any(_set_within(each, attribute) for attribute in attributes) for each in wanted.filters
    )


def attributes_of(view: View, row: CustomerRow) -> list[dict[str, Any]]:
    """The custom attributes of one profile, as Square lists them."""
    raw = view.memory.piece(row.attributes_offset, row.attributes_length)
    return msgspec.json.decode(raw)  # type: ignore[no-any-return]


def _set_within(wanted: AttributeFilter, attribute: dict[str, Any]) -> bool:
    span = wanted.updated_at
    if span is None or attribute["key"] != wanted.key:
        return False
    updated = from_time(msgspec.convert(attribute["updated_at"], datetime), 0)
    return from_time(span.start_at, FOREVER[0]) <= updated < past_time(span.end_at, FOREVER[1])
