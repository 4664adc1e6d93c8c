"""POST /v2/customers/search, customer groups and custom attributes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from practice_register.api.attributes import (
    AttributeFilters,
    accepts_attributes,
    attributes_of,
)
from practice_register.api.calls import (
    FOREVER,
    Call,
    Paging,
    TimeRange,
    answer,
    from_time,
    one,
)
from practice_register.api.problems import bad_request, not_copied, not_found

if TYPE_CHECKING:
    from practice_register.rows import CustomerRow
    from practice_register.view import View


class _TextFilter(Struct, frozen=True):
    exact: str | None = None
    fuzzy: str | None = None


class _Groups(Struct, frozen=True):
    all: list[str] | None = None
    any: list[str] | None = None
    none: list[str] | None = None


class _Source(Struct, frozen=True):
    values: list[str] | None = None
    rule: Literal["INCLUDE", "EXCLUDE"] | None = None


class _Filter(Struct, frozen=True):
    created_at: TimeRange | None = None
    updated_at: TimeRange | None = None
    email_address: _TextFilter | None = None
    phone_number: _TextFilter | None = None
    reference_id: _TextFilter | None = None
    group_ids: _Groups | None = None
    creation_source: _Source | None = None
    custom_attribute: AttributeFilters | None = None
    segment_ids: dict[str, object] | None = None


class _Sort(Struct, frozen=True):
    field: Literal["DEFAULT", "CREATED_AT"] | None = None  # there is no UPDATED_AT
    order: Literal["ASC", "DESC"] | None = None


class _Query(Struct, frozen=True):
    filter: _Filter | None = None
    sort: _Sort | None = None


class SearchCustomers(Struct, frozen=True):
    """Square's SearchCustomersRequest."""

    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] | None = None
    query: _Query | None = None
    count: bool = False


class GroupParameters(Struct, frozen=True, forbid_unknown_fields=True):
    """The query of Square's ListCustomerGroups."""

    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=50)] = 50


class AttributeParameters(Struct, frozen=True, forbid_unknown_fields=True):
    """The query of Square's ListCustomerCustomAttributes."""

    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    with_definitions: bool = False


def search_customers(call: Call) -> bytes:
    """Search profiles by name or `created_at`; start of a range inclusive, end exclusive."""
    request = call.read_body(SearchCustomers)
    query = request.query or _Query()
    wanted = query.filter or _Filter()
    if wanted.segment_ids is not None:
        raise not_copied("customer filters by segment", "query.filter")
    if wanted.custom_attribute is not None:
        wanted.custom_attribute.check()
    sort = query.sort or _Sort()
    view = call.view
    paging = Paging.start(view, request.cursor, "customers", query)
    by_created = sort.field == "CREATED_AT"
    rows, cursor = paging.page(
        view.customers_by_created if by_created else view.customers_by_name,
        _advised(request.limit or 100, request.cursor),
        lambda row: _accepts(wanted, view, row),
        descending=sort.order == "DESC",
    )
    if not request.count:
        return answer("customers", view.pieces(rows), cursor)
    count = sum(1 for row in view.indexed_customers if _accepts(wanted, view, row))
    return answer("customers", view.pieces(rows), cursor, count=count)


def retrieve_customer(call: Call) -> bytes:
    """Retrieve one profile; ids that were merged into another one are gone."""
    row = _profile(call)
    return one("customer", call.view.memory.piece(row.offset, row.length))


def list_groups(call: Call) -> bytes:
    """List the customer groups."""
    request = call.read_query(GroupParameters)
    groups = call.view.memory.index.documents["groups"]
    return _slice(call, "groups", groups, request.cursor, request.limit)


def list_custom_attributes(call: Call) -> bytes:
    """List the custom attributes of one profile."""
    request = call.read_query(AttributeParameters)
    row = _profile(call)
    view = call.view
    attributes = attributes_of(view, row)
    if request.with_definitions:
        definitions = {each["key"]: each for each in view.memory.index.documents["definitions"]}
        for attribute in attributes:
            attribute["definition"] = definitions[attribute["key"]]
    return _slice(call, "custom_attributes", attributes, request.cursor, request.limit)


def _slice(
    call: Call, name: str, documents: list[dict[str, Any]], cursor: str | None, limit: int
) -> bytes:
    paging = Paging.start(call.view, cursor, name, sorted(call.path.items()))
    begin = paging.cursor.value if paging.cursor is not None else 0
    end = begin + limit
    following = None
    if end < len(documents):
        following = paging.following((end, ""))
    return answer(name, map(msgspec.json.encode, documents[begin:end]), following)


def _profile(call: Call) -> CustomerRow:
    row = call.view.customers.get(call.path["customer_id"])
    if row is None:
        detail = f"Customer with ID `{call.path['customer_id']}` not found."
        raise not_found(detail)
    return row


def _advised(limit: int, cursor: str | None) -> int:
    """The limit is advisory: about one page in three is a little shorter than asked for."""
    digest = hashlib.blake2b(f"{limit} {(cursor or '')[-12:]}".encode(), digest_size=2).digest()
    return max(1, limit - digest[1] % 7) if digest[0] % 3 == 0 else limit


def _accepts(wanted: _Filter, view: View, row: CustomerRow) -> bool:
    if wanted.updated_at is not None and not _within(wanted.updated_at, row.updated):
        return False
    if wanted.created_at is not None and not _within(wanted.created_at, row.created):
        return False
    if wanted.creation_source is not None and wanted.creation_source.values:
        included = row.source in wanted.creation_source.values
        if included == (wanted.creation_source.rule == "EXCLUDE"):
            return False
    return (
        _matches(wanted.email_address, row.email)
        and _matches(wanted.phone_number, row.phone)
        and _matches(wanted.reference_id, row.reference)
        and _belongs(wanted.group_ids, set(row.groups))
        and accepts_attributes(wanted.custom_attribute, view, row)
    )


def _within(span: TimeRange, instant: int) -> bool:
    return from_time(span.start_at, FOREVER[0]) <= instant < from_time(span.end_at, FOREVER[1])


def _matches(wanted: _TextFilter | None, value: str) -> bool:
    if wanted is None:
        return True
    if wanted.exact is not None and wanted.fuzzy is not None:
        detail = "Use either `exact` or `fuzzy`, not both."
        raise bad_request("CONFLICTING_PARAMETERS", detail, "query.filter")
    if wanted.exact is not None:
        return value != "" and value == wanted.exact.lower()
    return wanted.fuzzy is None or wanted.fuzzy.lower() in value


def _belongs(wanted: _Groups | None, groups: set[str]) -> bool:
    if wanted is None:
        return True
    return (
        groups.issuperset(wanted.all or ())
        and (not wanted.any or not groups.isdisjoint(wanted.any))
        and groups.isdisjoint(wanted.none or ())
    )
