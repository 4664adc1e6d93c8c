"""Purchases count as consent where the policy says so, and nowhere else."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Shop, Singer

ADA = "ada@example.com"
CANADA = """
version: 1
name: canada
extends: ca
shops:
  corner: {country: CA}
"""
AT = (datetime.now(timezone.utc) - timedelta(days=40)).isoformat()


def marketing(shop: Shop) -> tuple[bool, str]:
    query = "SELECT allowed, reason FROM consent.verdicts WHERE purpose = 'marketing'"
    (row,) = shop.ask(f"{query} AND channel = 'email'")
    return (row[0], row[1])


def bought(singer: Singer, identifier: str = "o1", at: str = AT, **fields: Any) -> list[str]:
    sale: dict[str, Any] = {
        "customer_id": "c1",
        "created_at": at,
        "updated_at": at,
        "closed_at": at,
    }
    return [
        singer.schema("customers"),
        singer.record("customers", "c1", email=ADA),
        singer.schema("orders"),
        singer.record("orders", identifier, **{**sale, **fields}),
    ]


@pytest.fixture
def canada(shop: Shop) -> Shop:
    (shop.folder / "policy.yml").write_text(CANADA)
    return shop


def test_in_canada_a_purchase_may_be_answered(canada: Shop, singer: Singer) -> None:
    canada.run(bought(singer))
    assert marketing(canada) == (True, "granted")
    said = canada.ask("SELECT legal_basis, evidence, method, source FROM consent.events")
    assert said == [
        ("implied_purchase", {"order_id": "o1"}, "pos_till", "shopcrm:purchases#customer=c1")
    ]


def test_the_same_purchase_again_says_nothing_new(canada: Shop, singer: Singer) -> None:
    canada.run(bought(singer))
    canada.run(bought(singer))
    assert canada.last_run()["written"] == 0
    canada.run(bought(singer, "o2", datetime.now(timezone.utc).isoformat()))
    assert canada.one("SELECT count(*) FROM consent.events") == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"customer_id": None},
        {"state": "open"},
        {"lines": [{"id": "l", "kind": "return", "quantity": "1", "gross": -5, "net": -5}]},
    ],
    ids=["nobody", "open", "return"],
)
def test_what_is_no_purchase_implies_nothing(
    canada: Shop, singer: Singer, fields: dict[str, Any]
) -> None:
    canada.run(bought(singer, **fields))
    assert canada.one("SELECT count(*) FROM consent.events") == 0


def test_a_purchase_lifts_no_withdrawal(canada: Shop, singer: Singer) -> None:
    gone = singer.consent("withdrawn", observed_at="2020-01-01T00:00:00Z")
    canada.run(
        [singer.schema("customers"), singer.record("customers", "c1", email=ADA, consents=[gone])]
    )
    canada.run(bought(singer))
    assert marketing(canada) == (False, "withdrawn")


def test_elsewhere_a_purchase_implies_nothing(shop: Shop, singer: Singer) -> None:
    shop.run(bought(singer))
    assert shop.one("SELECT count(*) FROM consent.events") == 0
    assert marketing(shop) == (False, "no_event")
