"""Locations, team members, loyalty and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from practice_register.api.calls import (
    FOREVER,
    Call,
    Paging,
    TimeRange,
    answer,
    from_time,
    one,
)
from practice_register.api.problems import bad_request, not_found
from practice_register.timeline import DAY, rfc3339_seconds

if TYPE_CHECKING:
    from practice_register.rows import EventRow, LoyaltyRow
    from practice_register.view import Listing

_EVENTS_REACH_BACK = 28 * DAY
_TOKEN_LIVES = 30 * DAY
_SCOPES = (
    "CUSTOMERS_READ",
    "EMPLOYEES_READ",
    "ITEMS_READ",
    "LOYALTY_READ",
    "MERCHANT_PROFILE_READ",
    "ORDERS_READ",
    "PAYMENTS_READ",
)
_API_VERSION = "2025-08-20"


class NoParameters(Struct, frozen=True, forbid_unknown_fields=True):
    """The query of calls that take none."""


class _TeamFilter(Struct, frozen=True):
    location_ids: list[str] | None = None
    status: Literal["ACTIVE", "INACTIVE"] | None = None
    is_owner: bool | None = None


class _TeamQuery(Struct, frozen=True):
    filter: _TeamFilter | None = None


class SearchTeamMembers(Struct, frozen=True):
    """Square's SearchTeamMembersRequest."""

    query: _TeamQuery | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] | None = None
    cursor: str | None = None


class _Mapping(Struct, frozen=True):
    phone_number: str | None = None


class _LoyaltyQuery(Struct, frozen=True):
    mappings: Annotated[list[_Mapping], Meta(max_length=30)] | None = None
    customer_ids: Annotated[list[str], Meta(max_length=30)] | None = None


class SearchLoyaltyAccounts(Struct, frozen=True):
    """Square's SearchLoyaltyAccountsRequest."""

    query: _LoyaltyQuery | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] | None = None
    cursor: str | None = None


class _EventFilter(Struct, frozen=True):
    event_types: list[str] | None = None
    merchant_ids: list[str] | None = None
    location_ids: list[str] | None = None
    created_at: TimeRange | None = None


class _EventSort(Struct, frozen=True):
    field: Literal["DEFAULT"] | None = None
    order: Literal["ASC", "DESC"] | None = None


class _EventQuery(Struct, frozen=True):
    filter: _EventFilter | None = None
    sort: _EventSort | None = None


class SearchEvents(Struct, frozen=True):
    """Square's SearchEventsRequest."""

    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] | None = None
    query: _EventQuery | None = None


def retrieve_token_status(call: Call) -> bytes:
    """Tell how long the token lives: the 30 days of one that OAuth has just renewed."""
    status = {
        "scopes": _SCOPES,
        "expires_at": rfc3339_seconds(call.view.clock + _TOKEN_LIVES),
        "client_id": "sq0idp-practice-register",
        "merchant_id": call.view.memory.index.merchant,
    }
    return msgspec.json.encode(status)


def list_locations(call: Call) -> bytes:
    """List all locations by name, closed ones included."""
    call.read_query(NoParameters)
    documents = call.view.memory.index.documents["locations"]
    documents = sorted(documents, key=lambda document: str(document["name"]))
    return answer("locations", map(msgspec.json.encode, documents))


def retrieve_location(call: Call) -> bytes:
    """Retrieve one location by id, or the main one."""
    wanted = call.path["location_id"]
    if wanted == "main":
        wanted = call.view.memory.index.main_location
    for document in call.view.memory.index.documents["locations"]:
        if document["id"] == wanted:
            return one("location", msgspec.json.encode(document))
    raise not_found(f"Location `{wanted}` was not found.")


def search_team_members(call: Call) -> bytes:
    """Search team members, in no particular order of time."""
    request = call.read_body(SearchTeamMembers)
    query = request.query or _TeamQuery()
    wanted = query.filter or _TeamFilter()
    members = {
        str(document["id"]): document
        for document in call.view.memory.index.documents["team_members"]
        if _works(document, wanted)
    }
    paging = Paging.start(call.view, request.cursor, "team", query)
    after = paging.cursor.id if paging.cursor is not None else ""
    ids = [member for member in sorted(members) if member > after]
    page = ids[: request.limit or 100]
    following = paging.following((0, page[-1])) if len(ids) > len(page) else None
    return answer(
        "team_members", [msgspec.json.encode(members[member]) for member in page], following
    )


def _works(document: dict[str, Any], wanted: _TeamFilter) -> bool:
    if wanted.status is not None and document["status"] != wanted.status:
        return False
    if wanted.is_owner and not document["is_owner"]:
        return False
    places = document["assigned_locations"].get("location_ids")
    if not wanted.location_ids or places is None:
        return True
    return not set(places).isdisjoint(wanted.location_ids)


def retrieve_program(call: Call) -> bytes:
    """Retrieve the loyalty program by its id or as `main`."""
    program = call.view.memory.index.documents["programs"][0]
    if call.path["program_id"] not in ("main", program["id"]):
        raise not_found("The loyalty program was not found.")
    return one("program", msgspec.json.encode(program))


def list_programs(call: Call) -> bytes:
    """List the one loyalty program."""
    programs = call.view.memory.index.documents["programs"]
    return answer("programs", map(msgspec.json.encode, programs))


def search_loyalty_accounts(call: Call) -> bytes:
    """Search loyalty accounts, oldest first; without a query all of them."""
    request = call.read_body(SearchLoyaltyAccounts)
    query = request.query or _LoyaltyQuery()
    if query.mappings and query.customer_ids:
        detail = "`mappings` and `customer_ids` exclude each other."
        raise bad_request("CONFLICTING_PARAMETERS", detail, "query")
    phones = {mapping.phone_number for mapping in query.mappings or ()}
    customers = set(query.customer_ids or ())

    def accept(row: LoyaltyRow) -> bool:
        return (not phones or row.phone in phones) and (not customers or row.customer in customers)

    paging = Paging.start(call.view, request.cursor, "loyalty", query)
    rows, cursor = paging.page(call.view.loyalty_accounts, request.limit or 30, accept)
    return answer("loyalty_accounts", call.view.pieces(rows), cursor)


def search_events(call: Call) -> bytes:
    """Search the events of the last 28 days, newest first."""
    request = call.read_body(SearchEvents)
    query = request.query or _EventQuery()
    wanted = query.filter or _EventFilter()
    span = wanted.created_at or TimeRange()
    oldest = call.view.clock - _EVENTS_REACH_BACK
    begin = max(oldest, from_time(span.start_at, oldest))
    merchant = call.view.memory.index.merchant
    nobody = wanted.merchant_ids is not None and merchant not in wanted.merchant_ids

    def accept(row: EventRow) -> bool:
        # Customers belong to no location, so a filter by location finds none of their events.
        return (
            not nobody
            and not wanted.location_ids
            and (not wanted.event_types or row.type in wanted.event_types)
        )

    paging = Paging.start(call.view, request.cursor, "events", query)
    listing: Listing[EventRow] = call.view.events
    rows, cursor = paging.page(
        listing,
        request.limit or 100,
        accept,
        span=(begin, from_time(span.end_at, FOREVER[1])),
        descending=query.sort is None or query.sort.order != "ASC",
    )
    metadata = [{"event_id": row.id, "api_version": _API_VERSION} for row in rows]
    more = {"metadata": metadata} if metadata else {}
    return answer("events", call.view.pieces(rows), cursor, **more)


def enable_events(call: Call) -> bytes:
    """Enable events; at this register they always are."""
    call.read_query(NoParameters)
    return b"{}"
