"""Orders: a thousand a call, with Brevo's flag for history.

Brevo takes a batch ("accepted") and tells what became of it to a webhook only, which a target
that runs and ends can't have. An order's id makes sending it again harmless, so an accepted
order counts as done. A contact is named by our id and never by an address: an order must not
be able to create somebody who can be written to.
"""

from __future__ import annotations

from datetime import timezone
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import msgspec

from target_shopcrm.destinations.brevo.api import error_code
from target_shopcrm.destinations.brevo.batches import batches
from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.http import UncertainError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from target_shopcrm.destinations.brevo.api import BrevoApi
    from target_shopcrm.destinations.items import Order, OrderLine

MOST, MOST_BYTES = 1_000, 5_000_000
"""Orders in one call (Brevo's guide "Manage orders")."""
RETURNS = "Brevo's orders have no negative amounts, so a return is not sent"
_BAD_REQUEST = {400, 413, 422}
_UNCERTAIN = Outcome("uncertain", reason="the answer never came")
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"


def send_orders(api: BrevoApi, orders: Sequence[Order]) -> list[Outcome]:
    """Create or change orders; history and the present go in calls of their own.

    Args:
        api: The account.
        orders: Any number.

    Returns:
        An outcome for each.
    """
    outcomes: dict[int, Outcome] = {}
    for is_history in (True, False):
        due: list[tuple[int, bytes]] = []
        for index, order in enumerate(orders):
            if order.net < 0 or order.total < 0:
                outcomes[index] = Outcome("skipped", reason=RETURNS)
            elif order.is_history is is_history:
                due.append((index, msgspec.json.encode(body_of(order))))
        for batch in batches(due, lambda each: len(each[1]), MOST, MOST_BYTES):
            chosen = [(index, orders[index]) for index, _ in batch]
            outcomes.update(_send(api, chosen, is_history=is_history))
    return [outcomes[index] for index in range(len(orders))]


def _send(
    api: BrevoApi, orders: Sequence[tuple[int, Order]], *, is_history: bool
) -> dict[int, Outcome]:
    body = {"orders": [body_of(order) for _, order in orders], "historical": is_history}
    try:
        # A workflow might start twice for an order that is sent twice; history starts none.
        answer = api.call("POST", "/orders/status/batch", json=body, repeatable=is_history)
    except UncertainError:
        return {index: _UNCERTAIN for index, _ in orders}
    if answer.status in _BAD_REQUEST:
        if len(orders) == 1:
            return {orders[0][0]: Outcome("refused", reason=error_code(answer))}
        middle = len(orders) // 2
        first = _send(api, orders[:middle], is_history=is_history)
        return {**first, **_send(api, orders[middle:], is_history=is_history)}
    count = api.body(answer, "sending orders", 200, 201, 202).get("count")
    if count not in {None, len(orders)}:
        raise api.unexpected("sending orders", answer)
    return {index: DONE for index, _ in orders}


def body_of(order: Order) -> dict[str, Any]:
    """An order as Brevo takes it; the currency, which it has no place for, goes beside it."""
    at = _moment(order.placed_at)
    return {
        "id": order.external_id,
        "createdAt": at,
        "updatedAt": at,
        "status": "completed",
        "amount": major(order.total, order.currency),
        "storeId": order.who.shop_id,
        "identifiers": {"ext_id": order.who.external_id},
        "products": [
            _product(line, order.currency)
            for line in order.lines
            if line.net >= 0 and _quantity(line.quantity) > 0
        ],
        "metaInfo": {"currency": order.currency},
    }


def major(minor: int, currency: str) -> float:
    """An amount in the currency's own unit, exact to its smallest coin.

    Args:
        minor: In minor units.
        currency: ISO 4217.
    """
    code = currency.upper()
    places = 0 if code in _NO_DECIMALS else 3 if code in _THREE_DECIMALS else 2
    return float(Decimal(minor).scaleb(-places))


def _product(line: OrderLine, currency: str) -> dict[str, Any]:
    quantity = _quantity(line.quantity)
    price = round(major(line.net, currency) / float(quantity), 6)
    product: dict[str, Any] = {
        "productId": line.product_id or line.name or "unlisted",
        "price": price,
    }
    if quantity == quantity.to_integral_value():
        product["quantity"] = int(quantity)
    else:
        product["quantityFloat"] = float(quantity)
    return product


def _quantity(text: str) -> Decimal:
    try:
        quantity = Decimal(text)
    except InvalidOperation:
        return Decimal(1)
    return quantity if quantity.is_finite() else Decimal(1)


def _moment(at: datetime) -> str:
    return at.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
