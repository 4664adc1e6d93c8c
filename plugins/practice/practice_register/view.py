"""What can be seen at one instant of the register's clock."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from practice_register.timeline import INDEX_DELAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from practice_register.archive import Memory
    from practice_register.rows import (
        CatalogRow,
        CustomerRow,
        EventRow,
        LoyaltyRow,
        OrderRow,
        PaymentRow,
        RefundRow,
        Row,
    )

_R = TypeVar("_R", bound="Row")
Key = tuple[Any, str]


def current(rows: Iterable[_R], instant: int) -> dict[str, _R]:
    """The state of each record at `instant`, by id; records that ended are left out."""
    reached = {row.id: row for row in rows if row.since <= instant}
    return {key: row for key, row in reached.items() if not row.gone}


@dataclass(frozen=True)
class Listing(Generic[_R]):
    """Rows in the order of their keys: a value (a time, a name) and the id, which breaks ties."""

    keys: list[Key]
    rows: list[_R]

    @classmethod
    def by(cls, rows: Iterable[_R], value: Callable[[_R], Any]) -> Listing[_R]:
        """Sort rows by a value."""
        pairs = sorted((((value(row), row.id), row) for row in rows), key=lambda pair: pair[0])
        return cls([key for key, _ in pairs], [row for _, row in pairs])

    def page(
        self,
        limit: int,
        accept: Callable[[_R], bool],
        *,
        span: tuple[int, int] | None = None,
        after: Key | None = None,
        descending: bool = False,
    ) -> tuple[list[_R], Key | None]:
        """Return up to `limit` rows and the key to go on after, None at the end.

        Args:
            limit: how many rows.
            accept: only rows for which this is true.
            span: only keys whose value is from the first up to, but not including, the second.
            after: only keys behind this one, in the direction of reading.
            descending: read backwards.
        """
        low, high = 0, len(self.keys)
        if span is not None:
            low, high = bisect_left(self.keys, (span[0],)), bisect_left(self.keys, (span[1],))
        if after is not None and descending:
            high = min(high, bisect_left(self.keys, after))
        elif after is not None:
            low = max(low, bisect_right(self.keys, after))
        positions = range(high - 1, low - 1, -1) if descending else range(low, high)
        found: list[int] = []
        for position in positions:
            if accept(self.rows[position]):
                if len(found) == limit:
                    return [self.rows[each] for each in found], self.keys[found[-1]]
                found.append(position)
        return [self.rows[each] for each in found], None


class View:
    """The register's memory as it stands at `clock`; sorted lists are made when first needed."""

    def __init__(self, memory: Memory, clock: int) -> None:
        """Look at `memory` at the instant `clock`."""
        self.memory = memory
        self.clock = clock

    @cached_property
    def orders(self) -> dict[str, OrderRow]:
        """Orders by id."""
        return current(self.memory.index.orders, self.clock)

    @cached_property
    def orders_by_created(self) -> Listing[OrderRow]:
        """Orders by `created_at`."""
        return Listing.by(self.orders.values(), lambda row: row.created)

    @cached_property
    def orders_by_updated(self) -> Listing[OrderRow]:
        """Orders by `updated_at`."""
        return Listing.by(self.orders.values(), lambda row: row.updated)

    @cached_property
    def orders_by_closed(self) -> Listing[OrderRow]:
        """Orders by `closed_at`; open orders have none and are left out."""
        return Listing.by((row for row in self.orders.values() if row.closed), lambda r: r.closed)

    @cached_property
    def payments(self) -> dict[str, PaymentRow]:
        """Payments by id."""
        return current(self.memory.index.payments, self.clock)

    @cached_property
    def payments_by_created(self) -> Listing[PaymentRow]:
        """Payments by `created_at`."""
        return Listing.by(self.payments.values(), lambda row: row.created)

    @cached_property
    def payments_by_updated(self) -> Listing[PaymentRow]:
        """Payments by `updated_at`."""
        return Listing.by(self.payments.values(), lambda row: row.updated)

    @cached_property
    def payments_by_offline_created(self) -> Listing[PaymentRow]:
        """Payments by the time on the till's own clock."""
        rows = self.payments.values()
        return Listing.by(rows, lambda row: row.offline_since or row.created)

    @cached_property
    def refunds(self) -> dict[str, RefundRow]:
        """Refunds by id."""
        return current(self.memory.index.refunds, self.clock)

    @cached_property
    def refunds_by_created(self) -> Listing[RefundRow]:
        """Refunds by `created_at`."""
        return Listing.by(self.refunds.values(), lambda row: row.created)

    @cached_property
    def refunds_by_updated(self) -> Listing[RefundRow]:
        """Refunds by `updated_at`."""
        return Listing.by(self.refunds.values(), lambda row: row.updated)

    @cached_property
    def customers(self) -> dict[str, CustomerRow]:
        """Customer profiles by id, as they are now."""
        return current(self.memory.index.customers, self.clock)

    @cached_property
    def indexed_customers(self) -> list[CustomerRow]:
        """Customer profiles as the search knows them: a little behind, with public data only."""
        indexed = current(self.memory.index.customers, self.clock - INDEX_DELAY)
        return [row for row in indexed.values() if row.searchable]

    @cached_property
    def customers_by_name(self) -> Listing[CustomerRow]:
        """Searchable profiles by name, which is the search's default order."""
        return Listing.by(self.indexed_customers, lambda row: row.sort_name)

    @cached_property
    def customers_by_created(self) -> Listing[CustomerRow]:
        """Searchable profiles by `created_at`."""
        return Listing.by(self.indexed_customers, lambda row: row.created)

    @cached_property
    def catalog(self) -> Listing[CatalogRow]:
        """Catalog objects by id, deleted ones included."""
        return Listing.by(current(self.memory.index.catalog, self.clock).values(), lambda r: r.id)

    @cached_property
    def loyalty_accounts(self) -> Listing[LoyaltyRow]:
        """Loyalty accounts by `created_at`."""
        accounts = current(self.memory.index.loyalty, self.clock)
        return Listing.by(accounts.values(), lambda row: row.created)

    @cached_property
    def events(self) -> Listing[EventRow]:
        """Events by `created_at`."""
        return Listing.by(
            (row for row in self.memory.index.events if row.since <= self.clock),
            lambda row: row.created,
        )

    def pieces(self, rows: Iterable[Row]) -> list[bytes]:
        """The rows' ready-made JSON."""
        piece = self.memory.piece
        return [piece(row.offset, row.length) for row in rows]
