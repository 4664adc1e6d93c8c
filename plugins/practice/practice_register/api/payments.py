"""GET /v2/payments and GET /v2/refunds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct, structs

from practice_register.api.calls import FOREVER, Call, Paging, Time, answer, from_time, one
from practice_register.api.problems import bad_request, not_copied, not_found
from practice_register.timeline import DAY

if TYPE_CHECKING:
    from datetime import datetime

    from practice_register.rows import PaymentRow, RefundRow

_YEAR = 365 * DAY
_MOST = 100


class _ListParameters(Struct, frozen=True, forbid_unknown_fields=True):
    begin_time: Time | None = None
    end_time: Time | None = None
    updated_at_begin_time: Time | None = None
    updated_at_end_time: Time | None = None
    sort_order: Literal["ASC", "DESC"] = "DESC"
    cursor: str | None = None
    location_id: str | None = None
    limit: Annotated[int, Meta(ge=1)] = _MOST


class PaymentParameters(_ListParameters, frozen=True, forbid_unknown_fields=True):
    """The query of Square's ListPayments."""

    sort_field: Literal["CREATED_AT", "OFFLINE_CREATED_AT", "UPDATED_AT"] = "CREATED_AT"
    total: int | None = None
    is_offline_payment: bool = False
    last_4: str | None = None
    card_brand: str | None = None
    offline_begin_time: Time | None = None
    offline_end_time: Time | None = None


class RefundParameters(_ListParameters, frozen=True, forbid_unknown_fields=True):
    """The query of Square's ListPaymentRefunds."""

    sort_field: Literal["CREATED_AT", "UPDATED_AT"] = "CREATED_AT"
    status: str | None = None
    source_type: str | None = None


def list_payments(call: Call) -> bytes:
    """List payments: of the main location and of one year, unless asked otherwise."""
    request = call.read_query(PaymentParameters)
    for field in ("last_4", "card_brand", "offline_begin_time", "offline_end_time"):
        if getattr(request, field) is not None:
            raise not_copied(f"the parameter `{field}` of ListPayments", field)
    view = call.view
    _check_location(call, request.location_id)
    location = request.location_id or view.memory.index.main_location
    created, updated = _spans(request, call)

    def accept(row: PaymentRow) -> bool:
        return (
            row.location == location
            and created[0] <= row.created < created[1]
            and updated[0] <= row.updated < updated[1]
            and request.total in (None, row.total)
            and (not request.is_offline_payment or row.offline_since > 0)
        )

    listing, span = {
        "CREATED_AT": (view.payments_by_created, created),
        "UPDATED_AT": (view.payments_by_updated, updated),
        "OFFLINE_CREATED_AT": (view.payments_by_offline_created, FOREVER),
    }[request.sort_field]
    paging = _paging(call, request, "payments")
    rows, cursor = paging.page(
        listing, _limit(request), accept, span=span, descending=request.sort_order == "DESC"
    )
    return answer("payments", view.pieces(rows), cursor)


def list_refunds(call: Call) -> bytes:
    """List refunds: of all locations and of one year, unless asked otherwise."""
    request = call.read_query(RefundParameters)
    _check_location(call, request.location_id)
    view = call.view
    created, updated = _spans(request, call)

    def accept(row: RefundRow) -> bool:
        return (
            request.location_id in (None, row.location)
            and created[0] <= row.created < created[1]
            and updated[0] <= row.updated < updated[1]
            and request.status in (None, row.status)
            and request.source_type in (None, row.destination)
        )

    listing, span = {
        "CREATED_AT": (view.refunds_by_created, created),
        "UPDATED_AT": (view.refunds_by_updated, updated),
    }[request.sort_field]
    paging = _paging(call, request, "refunds")
    rows, cursor = paging.page(
        listing, _limit(request), accept, span=span, descending=request.sort_order == "DESC"
    )
    return answer("refunds", view.pieces(rows), cursor)


def get_payment(call: Call) -> bytes:
    """Retrieve one payment."""
    row = call.view.payments.get(call.path["payment_id"])
    if row is None:
        raise not_found(f"Could not find payment with id: {call.path['payment_id']}")
    return one("payment", call.view.memory.piece(row.offset, row.length))


def get_refund(call: Call) -> bytes:
    """Retrieve one refund."""
    row = call.view.refunds.get(call.path["refund_id"])
    if row is None:
        raise not_found(f"Could not find refund with id: {call.path['refund_id']}")
    return one("refund", call.view.memory.piece(row.offset, row.length))


def _paging(call: Call, request: _ListParameters, name: str) -> Paging:
    query = structs.replace(request, cursor=None, limit=_MOST)
    return Paging.start(call.view, request.cursor, name, query)


def _spans(request: _ListParameters, call: Call) -> tuple[tuple[int, int], tuple[int, int]]:
    """The windows of `created_at` and `updated_at`: begin inclusive, end exclusive.

    The one year of `begin_time` holds even where only `updated_at` is asked for: an old
    payment that changed today is not listed unless `begin_time` is given.
    """
    now = call.view.clock
    created = (from_time(request.begin_time, now - _YEAR), _end(request.end_time))
    updated = (
        from_time(request.updated_at_begin_time, FOREVER[0]),
        _end(request.updated_at_end_time),
    )
    return created, updated


def _end(moment: datetime | None) -> int:
    return from_time(moment, FOREVER[1])


def _limit(request: _ListParameters) -> int:
    return min(request.limit, _MOST)


def _check_location(call: Call, location: str | None) -> None:
    if location is not None and location not in call.view.memory.index.location_ids:
        detail = f"Location `{location}` is not one of the merchant's locations."
        raise bad_request("INVALID_LOCATION", detail, "location_id")
