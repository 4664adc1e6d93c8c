"""POST /v2/catalog/search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, structs

from practice_register.api.calls import Call, Paging, Time, answer, past_time
from practice_register.api.problems import bad_request, not_copied
from practice_register.timeline import rfc3339

if TYPE_CHECKING:
    from practice_register.rows import CatalogRow

_MOST = 1000
_DEFAULT = 100
_TOP_LEVEL = ["ITEM", "CATEGORY"]
_TYPES = frozenset(
    {
        "ITEM",
        "IMAGE",
        "CATEGORY",
        "ITEM_VARIATION",
        "TAX",
        "DISCOUNT",
        "MODIFIER_LIST",
        "MODIFIER",
        "PRICING_RULE",
        "PRODUCT_SET",
        "TIME_PERIOD",
        "MEASUREMENT_UNIT",
        "SUBSCRIPTION_PLAN_VARIATION",
        "ITEM_OPTION",
        "ITEM_OPTION_VAL",
        "CUSTOM_ATTRIBUTE_DEFINITION",
        "QUICK_AMOUNTS_SETTINGS",
        "SUBSCRIPTION_PLAN",
        "AVAILABILITY_PERIOD",
    }
)


class SearchCatalog(Struct, frozen=True):
    """Square's SearchCatalogObjectsRequest."""

    cursor: str | None = None
    object_types: list[str] | None = None
    include_deleted_objects: bool = False
    include_related_objects: bool = False
    begin_time: Time | None = None
    query: dict[str, object] | None = None
    limit: int | None = None
    include_category_path_to_root: bool = False


def search_catalog(call: Call) -> bytes:
    """Search catalog objects by type and time; variations only where their type is named."""
    request = call.read_body(SearchCatalog)
    types = frozenset(request.object_types or _TOP_LEVEL)
    if unknown := types - _TYPES:
        detail = f"`{min(unknown)}` is not a valid enum value for `object_types`."
        raise bad_request("INVALID_ENUM_VALUE", detail, "object_types")
    if request.include_category_path_to_root and request.include_deleted_objects:
        detail = "`include_category_path_to_root` and `include_deleted_objects` exclude each other."
        raise bad_request("CONFLICTING_PARAMETERS", detail, "include_category_path_to_root")
    if request.query is not None:
        raise not_copied("catalog queries", "query")
    if request.include_related_objects:
        raise not_copied("related catalog objects", "include_related_objects")
    # Only what changed after that instant: the instant itself is excluded.
    begin = past_time(request.begin_time, 0)
    # A limit out of range is not refused but ignored.
    limit = request.limit if request.limit and 0 < request.limit <= _MOST else _DEFAULT
    view = call.view
    query = structs.replace(request, cursor=None, limit=None)
    paging = Paging.start(view, request.cursor, "catalog", query)
    rows, cursor = paging.page(
        view.catalog,
        limit,
        lambda row: (
            row.type in types
            and row.updated >= begin
            and (request.include_deleted_objects or not row.deleted)
        ),
    )
    latest = max((row.updated for row in view.catalog.rows), default=view.memory.index.opens)
    pieces = _pieces(call, rows, with_path=request.include_category_path_to_root)
    return answer("objects", pieces, cursor, latest_time=rfc3339(latest))


def _pieces(call: Call, rows: list[CatalogRow], *, with_path: bool) -> list[bytes]:
    pieces = call.view.pieces(rows)
    if with_path:
        return pieces
    return [
        _without_path(piece) if row.type == "CATEGORY" else piece
        for row, piece in zip(rows, pieces, strict=True)
    ]


def _without_path(piece: bytes) -> bytes:
    document = msgspec.json.decode(piece)
    document["category_data"].pop("path_to_root", None)
    return msgspec.json.encode(document)
