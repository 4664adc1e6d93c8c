"""Square's own SDK reads every endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from square import Square

if TYPE_CHECKING:
    from collections.abc import Iterator

    from practice_register.testing import RunningRegister


@pytest.fixture
def square(register: RunningRegister) -> Iterator[Square]:
    with httpx.Client() as http:
        yield Square(token=register.token, base_url=register.url, httpx_client=http)


def test_the_shop(square: Square) -> None:
    locations = square.locations.list().locations
    assert locations is not None
    assert [each.timezone for each in locations] == ["America/New_York"] * 2
    assert square.team_members.search().team_members
    program = square.loyalty.programs.get(program_id="main").program
    assert program is not None
    assert program.status == "ACTIVE"
    assert square.loyalty.accounts.search(limit=10).loyalty_accounts


def test_the_catalog(square: Square) -> None:
    page = square.catalog.search(object_types=["ITEM", "ITEM_VARIATION", "CATEGORY"], limit=1000)
    assert page.objects
    assert page.cursor


def test_the_customers(square: Square) -> None:
    page = square.customers.search(
        limit=10, query={"sort": {"field": "CREATED_AT", "order": "ASC"}}
    )
    assert page.customers
    assert page.cursor
    customer = page.customers[0]
    assert customer.id is not None
    assert customer.preferences is not None
    assert {group.name for group in square.customers.groups.list()} >= {"Newsletter"}
    for customer in page.customers:
        assert customer.id is not None
        attributes = list(square.customers.custom_attributes.list(customer_id=customer.id))
        assert {each.key for each in attributes} <= {"sms-marketing", "club-terms"}


def test_the_orders(square: Square) -> None:
    locations = [each.id for each in square.locations.list().locations or [] if each.id]
    page = square.orders.search(
        location_ids=locations,
        limit=50,
        query={"sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"}},
    )
    assert page.orders is not None
    assert len(page.orders) == 50
    ids: list[Any] = [order.id for order in page.orders[:3]]
    assert len(square.orders.batch_get(order_ids=ids).orders or []) == 3


def test_the_payments_and_refunds(square: Square) -> None:
    payments = list(square.payments.list(sort_field="UPDATED_AT", sort_order="ASC"))
    assert len(payments) > 100
    assert payments[0].id is not None
    assert square.payments.get(payment_id=payments[0].id).payment == payments[0]
    refunds = list(square.refunds.list())
    assert refunds[0].id is not None
    assert square.refunds.get(refund_id=refunds[0].id).refund == refunds[0]


def test_the_events(square: Square) -> None:
    square.events.enable_events()
    events = square.events.search_events().events
    assert events
    assert {event.type for event in events} >= {"customer.deleted"}
