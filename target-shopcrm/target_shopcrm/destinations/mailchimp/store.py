"""Orders: in a store of Mailchimp's e-commerce, for people who are in the audience already.

An order of anybody else would *create* a member (a transactional one, since `opt_in_status` is
false). Products must exist before an order names them. There is no order with a negative sum.

History has no flag of its own, but a store can be paused (`is_syncing`): while past orders go
in, none of its automations starts. If a run dies in between, the store stays paused, which is
the harmless side; a warning says so as long as it lasts.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.items import Order
from target_shopcrm.destinations.mailchimp.account import BAD_REQUEST, NOT_FOUND
from target_shopcrm.destinations.mailchimp.audience import ARCHIVED, PAGE, hash_of
from target_shopcrm.destinations.mailchimp.bulk import (
    FEW,
    Operation,
    all_done,
    nothing_pending,
)
from target_shopcrm.destinations.mailchimp.contacts import NO_EMAIL
from target_shopcrm.errors import CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from target_shopcrm.destinations.items import OrderLine
    from target_shopcrm.destinations.mailchimp.account import Account
    from target_shopcrm.destinations.mailchimp.audience import Audience

logger = logging.getLogger(__name__)

_NO_MINOR_UNIT = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"}
    | {"RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THREE_DIGITS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_OTHER = "other"
"""The product of whatever the register sold without naming one."""

_STILL_PAUSED = (
    "Mailchimp's store is paused, so its automations don't start; unless you paused it yourself,"
    " set its is_syncing to false."
)

_Numbered = tuple[int, Order]


class _Store(Struct, frozen=True):
    list_id: str = ""
    is_syncing: bool = False


class _Id(Struct, frozen=True):
    id: str


class _Products(Struct, frozen=True):
    products: list[_Id]


class _Orders(Struct, frozen=True):
    orders: list[_Id]


class Store:
    """The store of the shop's orders.

    Args:
        account: The account.
        audience: The members of the audience that the store belongs to.
        audience_id: Its id.
        store_id: The store, or None: then no orders go out.
    """

    def __init__(
        self, account: Account, audience: Audience, audience_id: str, store_id: str | None
    ) -> None:
        self._account = account
        self._audience = audience
        self._audience_id = audience_id
        self._path = f"/ecommerce/stores/{quote(store_id, safe='')}" if store_id else ""
        self._store: _Store | None = None
        self._products: set[str] | None = None
        self._is_job_open = False

    def send(self, orders: Sequence[Order]) -> list[Outcome]:
        """Create or change orders.

        Args:
            orders: Different ones.

        Returns:
            Their outcomes, in order.

        Raises:
            CrmSetupError: If the store doesn't exist or belongs to another audience.
        """
        outcomes = {index: self._impossible(each) for index, each in enumerate(orders)}
        left = [(index, each) for index, each in enumerate(orders) if outcomes[index] is None]
        if left:
            paused = self._checked().is_syncing
            members = self._audience.members({hash_of(each.who) or "" for _, each in left})
            present = {key for key, each in members.items() if each.status != ARCHIVED}
            for index, each in left:
                if hash_of(each.who) not in present:
                    outcomes[index] = Outcome(
                        "skipped", reason="not in the audience; an order would add the person"
                    )
            left = [(index, each) for index, each in left if outcomes[index] is None]
            self._add_products(each for _, each in left)
            past = [each for each in left if each[1].is_history]
            if past:
                with self._pause(already=paused):
                    outcomes.update(self._write(past))
            outcomes.update(self._write([each for each in left if not each[1].is_history]))
        return [outcomes[index] or DONE for index in range(len(orders))]

    def forget(self, member_id: str) -> bool:
        """Delete a customer and all of the customer's orders.

        Args:
            member_id: The customer's id, which is the id of the member.

        Returns:
            Whether nothing is left.
        """
        if not self._path:
            return True
        for order_id in self._orders_of(member_id):
            self._account.call("DELETE", f"{self._path}/orders/{quote(order_id, safe='')}")
        self._account.call("DELETE", f"{self._path}/customers/{member_id}")
        left = self._account.call("GET", f"{self._path}/customers/{member_id}")
        return left.status == NOT_FOUND and not self._orders_of(member_id)

    def _impossible(self, order: Order) -> Outcome | None:
        if not self._path:
            return Outcome("skipped", reason="the setting store_id names no store")
        if not order.who.email:
            return Outcome("skipped", reason=NO_EMAIL)
        if order.net < 0 or order.total < 0:
            return Outcome("skipped", reason="Mailchimp has no place for what was brought back")
        return None

    def _checked(self) -> _Store:
        if self._store is None:
            self._store = self._account.read(
                self._path,
                _Store,
                {"fields": "list_id,is_syncing"},
                missing="Mailchimp has no store with this store_id: make one through its API, then"
                " run again.",
            )
            if self._store.list_id != self._audience_id:
                raise CrmSetupError(
                    "Mailchimp's store belongs to another audience than audience_id, and can't"
                    " change it: make a store for this audience, then run again."
                )
            if self._store.is_syncing:
                logger.warning(_STILL_PAUSED)
        return self._store

    @contextmanager
    def _pause(self, *, already: bool) -> Iterator[None]:
        if already:
            yield
            return
        self._set_paused(on=True)
        try:
            yield
        finally:
            # Orders of a job whose end we didn't see may still go in.
            if self._is_job_open and not nothing_pending(self._account):
                logger.warning(_STILL_PAUSED)
            else:
                self._set_paused(on=False)

    def _set_paused(self, *, on: bool) -> None:
        answer = self._account.call("PATCH", self._path, json={"is_syncing": on})
        if not answer.ok:
            raise self._account.api.unexpected("the pausing of a store", answer)

    def _write(self, numbered: list[_Numbered]) -> dict[int, Outcome]:
        creations = [
            Operation(method="POST", path=f"{self._path}/orders", json=_order(each))
            for _, each in numbered
        ]
        if len(numbered) > FEW:
            self._is_job_open = True
            succeeded = all_done(self._account, creations)
            self._is_job_open = succeeded is None
            if succeeded:
                return {index: DONE for index, _ in numbered}
        outcomes = {index: self._write_one(each) for index, each in numbered}
        self._is_job_open = False  # what a job brings from now on is there already
        return outcomes

    def _write_one(self, order: Order) -> Outcome:
        body = _order(order)
        if self._account.call("POST", f"{self._path}/orders", json=body).ok:
            return DONE
        del body["id"], body["customer"]
        path = f"{self._path}/orders/{quote(order.external_id, safe='')}"
        if self._account.call("PATCH", path, json=body).ok:  # it was there already
            return DONE
        return Outcome("refused", reason="not a valid order")

    def _add_products(self, orders: Iterable[Order]) -> None:
        wanted = {
            _product_id(order, line): line.name or "Other"
            for order in orders
            for line in _lines(order)
        }
        if not wanted:
            return
        if self._products is None:
            self._products = self._known_products()
        creations = [
            Operation(
                method="POST",
                path=f"{self._path}/products",
                json={"id": name, "title": title, "variants": [{"id": name, "title": title}]},
            )
            for name, title in wanted.items()
            if name not in self._products
        ]
        if not (len(creations) > FEW and all_done(self._account, creations)):
            for each in creations:  # 400: another run was faster; an order will show if not
                self._account.call(each.method, each.path, json=each.json)
        self._products |= wanted.keys()

    def _known_products(self) -> set[str]:
        found: set[str] = set()
        offset = 0
        while True:
            query = {"count": str(PAGE), "offset": str(offset), "fields": "products.id"}
            answer = self._account.call("GET", f"{self._path}/products", params=query)
            page = self._account.decoded(answer, _Products, "GET the products of a store").products
            found |= {each.id for each in page}
            if len(page) < PAGE:
                return found
            offset += PAGE

    def _orders_of(self, member_id: str) -> list[str]:
        query = {"customer_id": member_id, "count": str(PAGE), "fields": "orders.id"}
        answer = self._account.call("GET", f"{self._path}/orders", params=query)
        if answer.status in {NOT_FOUND, BAD_REQUEST}:  # no such customer
            return []
        found = self._account.decoded(answer, _Orders, "GET the orders of a customer")
        return [each.id for each in found.orders]


def _lines(order: Order) -> tuple[OrderLine | _Whole, ...]:
    return order.lines or (_Whole(net=order.net),)


class _Whole(Struct, frozen=True):
    """An order without lines, as a line: Mailchimp wants one at least."""

    net: int
    product_id: str | None = None
    name: str | None = None
    quantity: str = "1"


def _product_id(order: Order, line: OrderLine | _Whole) -> str:
    return f"{order.who.shop_id}:{line.product_id or _OTHER}"


def _order(order: Order) -> dict[str, object]:
    return {
        "id": order.external_id,
        # The address is the identity, also of a customer: ids of ours would stay with an old one.
        "customer": {
            "id": hash_of(order.who),
            "email_address": order.who.email,
            "opt_in_status": False,
        },
        "currency_code": order.currency,
        "order_total": _major(Decimal(order.total), order.currency),
        "tax_total": _major(Decimal(max(0, order.total - order.net)), order.currency),
        "processed_at_foreign": order.placed_at.isoformat(timespec="seconds"),
        "lines": [_line(order, line, number) for number, line in enumerate(_lines(order), start=1)],
    }


def _line(order: Order, line: OrderLine | _Whole, number: int) -> dict[str, object]:
    """A line; Mailchimp counts whole pieces, so half a kilo is one piece of its price."""
    quantity = Decimal(line.quantity)
    pieces = int(quantity) if quantity > 0 and quantity == quantity.to_integral_value() else 1
    product_id = _product_id(order, line)
    return {
        "id": str(number),
        "product_id": product_id,
        "product_variant_id": product_id,
        "quantity": pieces,
        "price": _major(Decimal(line.net) / pieces, order.currency),
    }


def _major(minor: Decimal, currency: str) -> float:
    """An amount as Mailchimp writes it: a decimal number of the currency's unit (ISO 4217)."""
    code = currency.upper()
    digits = 0 if code in _NO_MINOR_UNIT else 3 if code in _THREE_DIGITS else 2
    return float(round(minor.scaleb(-digits), digits))
