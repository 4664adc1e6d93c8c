"""Which call answers which request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from practice_register.api import catalog, customers, orders, payments, shop
from practice_register.api.problems import SquareError, not_found

if TYPE_CHECKING:
    from collections.abc import Callable

    from practice_register.api.calls import Call

    Handler = Callable[[Call], bytes]

ROUTES: list[tuple[str, str, Handler]] = [
    ("POST", "/oauth2/token/status", shop.retrieve_token_status),
    ("GET", "/v2/locations", shop.list_locations),
    ("GET", "/v2/locations/{location_id}", shop.retrieve_location),
    ("POST", "/v2/team-members/search", shop.search_team_members),
    ("POST", "/v2/catalog/search", catalog.search_catalog),
    ("POST", "/v2/customers/search", customers.search_customers),
    ("GET", "/v2/customers/groups", customers.list_groups),
    ("GET", "/v2/customers/{customer_id}", customers.retrieve_customer),
    (
        "GET",
        "/v2/customers/{customer_id}/custom-attributes",
        customers.list_custom_attributes,
    ),
    ("POST", "/v2/orders/search", orders.search_orders),
    ("POST", "/v2/orders/batch-retrieve", orders.batch_retrieve),
    ("GET", "/v2/orders/{order_id}", orders.retrieve_order),
    ("GET", "/v2/payments", payments.list_payments),
    ("GET", "/v2/payments/{payment_id}", payments.get_payment),
    ("GET", "/v2/refunds", payments.list_refunds),
    ("GET", "/v2/refunds/{refund_id}", payments.get_refund),
    ("GET", "/v2/loyalty/programs", shop.list_programs),
    ("GET", "/v2/loyalty/programs/{program_id}", shop.retrieve_program),
    ("POST", "/v2/loyalty/accounts/search", shop.search_loyalty_accounts),
    ("POST", "/v2/events", shop.search_events),
    ("PUT", "/v2/events/enable", shop.enable_events),
]


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))


_COMPILED = [(method, _pattern(template), handler) for method, template, handler in ROUTES]


def route(method: str, path: str) -> tuple[Handler, dict[str, str]]:
    """Find the handler of a request and the parameters in its path.

    Raises:
        SquareError: 404 for an unknown path, 405 for a known path with another method.
    """
    known = False
    for allowed, pattern, handler in _COMPILED:
        match = pattern.fullmatch(path)
        if match is None:
            continue
        if allowed == method:
            return handler, {key: unquote(value) for key, value in match.groupdict().items()}
        known = True
    if known:
        raise SquareError(405, "METHOD_NOT_ALLOWED", f"{path} does not take {method}.")
    raise not_found("Resource not found.")
