"""POST /v2/orders/search and its siblings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from practice_register.api.calls import (
    FOREVER,
    Call,
    Paging,
    TimeRange,
    answer,
    from_time,
    one,
    past_time,
)
from practice_register.api.problems import bad_request, not_copied, not_found

if TYPE_CHECKING:
    from practice_register.rows import OrderRow

_Ten = Annotated[list[str], Meta(max_length=10)]


class _DateTimeFilter(Struct, frozen=True):
    created_at: TimeRange | None = None
    updated_at: TimeRange | None = None
    closed_at: TimeRange | None = None


class _StateFilter(Struct, frozen=True):
    states: list[Literal["OPEN", "COMPLETED", "CANCELED", "DRAFT"]]


class _SourceFilter(Struct, frozen=True):
    source_names: _Ten | None = None


class _CustomerFilter(Struct, frozen=True):
    customer_ids: _Ten | None = None


class _Filter(Struct, frozen=True):
    state_filter: _StateFilter | None = None
    date_time_filter: _DateTimeFilter | None = None
    source_filter: _SourceFilter | None = None
    customer_filter: _CustomerFilter | None = None
    fulfillment_filter: dict[str, object] | None = None


class _Sort(Struct, frozen=True):
    # An `order` key is not Square's and therefore ignored: whoever writes it gets DESC.
    sort_field: Literal["CREATED_AT", "UPDATED_AT", "CLOSED_AT"]
    sort_order: Literal["ASC", "DESC"] | None = None


class _Query(Struct, frozen=True):
    filter: _Filter | None = None
    sort: _Sort | None = None


class SearchOrders(Struct, frozen=True):
    """Square's SearchOrdersRequest."""

    location_ids: Annotated[list[str], Meta(min_length=1, max_length=10)] | None = None
    cursor: str | None = None
    query: _Query | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] | None = None
    return_entries: bool = False


class BatchRetrieve(Struct, frozen=True):
    """Square's BatchRetrieveOrdersRequest."""

    order_ids: Annotated[list[str], Meta(min_length=1, max_length=100)]
    location_id: str | None = None


def search_orders(call: Call) -> bytes:
    """Search orders: both ends of a range inclusive, newest first unless asked otherwise."""
    request = call.read_body(SearchOrders)
    if request.location_ids is None:
        detail = "Missing required parameter `location_ids`."
        raise bad_request("MISSING_REQUIRED_PARAMETER", detail, "location_ids")
    locations = frozenset(request.location_ids)
    if unknown := locations.difference(call.view.memory.index.location_ids):
        detail = f"Location `{min(unknown)}` is not one of the merchant's locations."
        raise bad_request("INVALID_VALUE", detail, "location_ids")
    query = request.query or _Query()
    wanted = query.filter or _Filter()
    if wanted.fulfillment_filter is not None:
        raise not_copied("the fulfillment filter", "query.filter.fulfillment_filter")
    sort = query.sort or _Sort("CREATED_AT")
    paging = Paging.start(call.view, request.cursor, "orders", sorted(locations), query)
    view = call.view
    listing = {
        "CREATED_AT": view.orders_by_created,
        "UPDATED_AT": view.orders_by_updated,
        "CLOSED_AT": view.orders_by_closed,
    }[sort.sort_field]
    rows, cursor = paging.page(
        listing,
        request.limit or 500,
        lambda row: row.location in locations and _accepts(wanted, row),
        span=_span(wanted.date_time_filter, sort, paging.until),
        descending=sort.sort_order != "ASC",
    )
    if request.return_entries:
        return answer("order_entries", map(_entry, rows), cursor)
    return answer("orders", view.pieces(rows), cursor)


def batch_retrieve(call: Call) -> bytes:
    """Retrieve up to 100 orders by id; ids that do not exist are ignored."""
    request = call.read_body(BatchRetrieve)
    known = (call.view.orders.get(order_id) for order_id in dict.fromkeys(request.order_ids))
    rows = [row for row in known if row is not None and request.location_id in (None, row.location)]
    return answer("orders", call.view.pieces(rows))


def retrieve_order(call: Call) -> bytes:
    """Retrieve one order."""
    row = call.view.orders.get(call.path["order_id"])
    if row is None:
        raise not_found(f"Order `{call.path['order_id']}` was not found.")
    return one("order", call.view.memory.piece(row.offset, row.length))


def _span(filtered: _DateTimeFilter | None, sort: _Sort, until: int) -> tuple[int, int]:
    if filtered is None:
        return FOREVER
    ranges = {
        "CREATED_AT": filtered.created_at,
        "UPDATED_AT": filtered.updated_at,
        "CLOSED_AT": filtered.closed_at,
    }
    given = [(name, span) for name, span in ranges.items() if span is not None]
    if len(given) != 1:
        detail = "Filter for exactly one of `created_at`, `updated_at` and `closed_at`."
        raise bad_request("BAD_REQUEST", detail, "query.filter.date_time_filter")
    name, span = given[0]
    if name != sort.sort_field:
        detail = f"`sort_field` must be `{name}`, the field that `date_time_filter` filters."
        raise bad_request("BAD_REQUEST", detail, "query.sort.sort_field")
    # A missing end means the time of the first page, which the cursor carries along.
    return from_time(span.start_at, FOREVER[0]), past_time(span.end_at, until + 1)


def _accepts(wanted: _Filter, row: OrderRow) -> bool:
    if wanted.state_filter is not None and row.state not in wanted.state_filter.states:
        return False
    sources = wanted.source_filter.source_names if wanted.source_filter else None
    if sources and row.source not in sources:
        return False
    customers = wanted.customer_filter.customer_ids if wanted.customer_filter else None
    return not customers or row.customer in customers or row.tender_customer in customers


def _entry(row: OrderRow) -> bytes:
    version = f',"version":{row.version}' if row.version else ""
    return f'{{"order_id":"{row.id}","location_id":"{row.location}"{version}}}'.encode()
