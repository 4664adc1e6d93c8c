"""Shopify's search strings, as far as the tap uses them; anything else is refused.

Shopify itself ignores a filter it does not know, with a warning nobody reads. Here nothing
may be ignored: a filter that does nothing would make the tap believe it has seen everything.
"""

from __future__ import annotations

import operator
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_pos.testing.fake import Row

_TERM = re.compile(r"(\w+):(>=|<=|>|<|)('[^']*'|\S+)(?:\s+|$)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "": operator.eq,
}
_KNOWN = {
    "orders": {"id", "updated_at"},
    "customers": {"id", "updated_at"},
    "products": {"id", "updated_at", "status"},
    "productVariants": {"id", "updated_at", "product_status"},
    "tenderTransactions": {"processed_at"},
    "locations": {"id"},
    "staffMembers": {"id"},
}


def matcher(root: str, query: str | None) -> Callable[[Row], bool]:
    """Turn a search string into a test of one row of the index.

    A row of the index has `number`, `changed` (a time) and `status`.

    Raises:
        GraphQLError: For a filter that is not known for this list.
    """
    text = (query or "").strip()
    terms = _TERM.findall(text)
    if _TERM.sub("", text):
        raise GraphQLError("the search can't be read", extensions={"code": "BAD_SEARCH"})
    tests = [_test(root, *term) for term in terms]
    if root == "products" and not any(term[0] == "status" for term in terms):
        tests.append(lambda row: row["status"] == "ACTIVE")
    return lambda row: all(test(row) for test in tests)


def _test(root: str, field: str, sign: str, quoted: str) -> Callable[[Row], bool]:
    if field not in _KNOWN[root]:
        raise GraphQLError(f"no filter {field}", extensions={"code": "BAD_SEARCH"})
    value, compare = quoted.strip("'"), _COMPARE[sign]
    if field == "id":
        return lambda row: compare(row["number"], int(value))
    if field in {"status", "product_status"}:
        wanted = set(value.upper().split(","))
        return lambda row: row["status"] in wanted
    moment = datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(timezone.utc)
    if root == "customers":
        # "Matching a whole day", whatever time is given.
        return lambda row: compare(row["changed"].date(), moment.date())
    return lambda row: compare(row["changed"], moment)
