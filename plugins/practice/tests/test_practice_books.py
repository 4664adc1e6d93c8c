"""The books equal what a plain loop reads through the API; equal settings give equal bytes."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING, Any

from practice_register.archive import BLOB, INDEX, build_atomically
from practice_register.shop.build import Recipe, build_memory

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def _sum(records: Iterable[dict[str, Any]], field: str) -> int:
    return sum(record[field]["amount"] for record in records)


def _counted(client: Any) -> dict[str, Any]:
    orders = client.orders()
    lines = [line for order in orders for line in order.get("line_items", [])]
    back = [
        line
        for order in orders
        for each in order.get("returns", [])
        for line in each["return_line_items"]
    ]
    payments = [
        payment
        for location in client.locations
        for payment in client.every_get(
            "/v2/payments", "payments", location_id=location, begin_time="2020-01-01T00:00:00Z"
        )
    ]
    refunds = client.every_get("/v2/refunds", "refunds", begin_time="2020-01-01T00:00:00Z")
    return {
        "orders": (
            len(orders),
            _sum(orders, "total_money"),
            sum(order["net_amounts"]["total_money"]["amount"] for order in orders),
            _sum(orders, "total_discount_money"),
            _sum(orders, "total_tax_money"),
            _sum(orders, "total_tip_money"),
        ),
        "lines": (len(lines), _sum(lines, "total_money")),
        "return_lines": (len(back), _sum(back, "total_money")),
        "payments": (
            len(payments),
            _sum(payments, "total_money"),
            _sum([each for each in payments if "tip_money" in each], "tip_money"),
        ),
        "refunds": (len(refunds), _sum(refunds, "amount_money")),
    }


def _booked(book: dict[str, Any]) -> dict[str, Any]:
    plain = ("by_state", "by_status")
    return {
        name: tuple(value for key, value in entry.items() if key not in plain)
        for name, entry in book.items()
    }


def test_the_books_equal_what_the_api_says_today_and_a_week_later(moving: Any) -> None:
    register, client = moving
    for days in (0, 7):
        if days:
            register.advance(days=days)
        books = register.books()
        assert _booked(books["total"]) == _counted(client)
        customers = client.every("/v2/customers/search", "customers")
        assert books["customers"]["searchable"] == len(customers)
        for name in ("orders", "lines", "payments", "refunds"):
            parts = [book[name]["count"] for book in books["locations"].values()]
            assert sum(parts) == books["total"][name]["count"]


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in (BLOB, INDEX):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def test_equal_settings_give_equal_bytes_and_others_do_not(tmp_path: Path) -> None:
    made = {}
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        recipe = Recipe(households=5, seed=seed, locations=2, first_day=date(2026, 11, 22))
        build_atomically(tmp_path / name, lambda blob, recipe=recipe: build_memory(recipe, blob))  # type: ignore[misc]
        made[name] = _digest(tmp_path / name)
    assert made["one"] == made["again"] != made["other"]
    assert not list(tmp_path.glob(".building-*"))
