"""ShopCRM's books equal the register's own, to the cent; each side is added up by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from practice_register.testing import RunningRegister

    from street import Street

# One row per fact: how many, and how much in cents. Refunds count positive, as Square has them.
SHOPCRM_BOOKS = """
select 'orders', count(*), coalesce(sum(total), 0) from pos.orders
union all
select line ->> 'kind', count(*), sum(abs((line ->> 'net')::bigint + (line ->> 'tax')::bigint))
from pos.orders, jsonb_array_elements(lines) as line
group by 1
union all
select concat_ws(' ', payment ->> 'kind', payment ->> 'state'), count(*),
    sum(abs((payment ->> 'amount')::bigint))
from pos.orders, jsonb_array_elements(payments) as payment
group by 1
"""
# Square's words for a payment's or refund's status, and ours.
STATES = {
    "APPROVED": "pending",
    "PENDING": "pending",
    "COMPLETED": "completed",
    "CANCELED": "cancelled",
    "FAILED": "failed",
    "REJECTED": "failed",
}


# Square names on an order only the payments that hold or moved money, so an attempt that
# failed or was cancelled belongs to no order's books.
ATTEMPTS = {"payment failed", "payment cancelled"}


def books_in_shopcrm(street: Street) -> dict[str, tuple[int, int]]:
    """Count and sum of each kind of fact, added up by PostgreSQL."""
    return {
        kind: (count, int(cents))
        for kind, count, cents in street.rows(SHOPCRM_BOOKS)
        if kind not in ATTEMPTS
    }


def books_at_register(register: RunningRegister) -> dict[str, tuple[int, int]]:
    """The same, added up by the register from its own data."""
    books = register.books()["total"]
    totals = {
        "orders": (books["orders"]["count"], books["orders"]["net_total_money"]),
        "sale": (books["lines"]["count"], books["lines"]["total_money"]),
        "return": (books["return_lines"]["count"], books["return_lines"]["total_money"]),
    }
    for kind in ("payment", "refund"):
        for status, book in books[f"{kind}s"]["by_status"].items():
            count, cents = totals.get(f"{kind} {STATES[status]}", (0, 0))
            totals[f"{kind} {STATES[status]}"] = (count + book["count"], cents + book["money"])
    return {kind: total for kind, total in totals.items() if kind not in ATTEMPTS}


def test_books_agree_to_the_cent_on_every_day(street: Street, register: RunningRegister) -> None:
    street.succeed()
    assert books_in_shopcrm(street) == books_at_register(register)
    before = books_at_register(register)

    register.advance(days=1)
    assert books_at_register(register) != before
    street.succeed()
    assert books_in_shopcrm(street) == books_at_register(register)

    register.advance(days=7)
    street.succeed()
    assert books_in_shopcrm(street) == books_at_register(register)


def test_second_run_writes_nothing_and_a_day_later_only_that_day(
    street: Street, register: RunningRegister
) -> None:
    street.succeed()
    first_day = street.status()
    assert first_day["last_run"]["written"] > 0

    street.succeed()
    assert street.status()["last_run"]["written"] == 0

    (last_write,) = street.rows("select max(written_at) from pos.orders")[0]
    (clock_before,) = street.rows("select max(updated_at) from pos.orders")[0]
    register.advance(days=1)
    street.succeed()
    moved = street.rows("select updated_at from pos.orders where written_at > %s", last_write)
    assert moved
    # Orders whose payment or refund changed keep their own time; every other is of the new day.
    late = street.rows(
        "select count(*) from pos.orders where written_at > %s and updated_at <= %s"
        " and not exists (select 1 from jsonb_array_elements(payments) p"
        "   where (p ->> 'updated_at')::timestamptz > %s)",
        last_write,
        clock_before,
        clock_before,
    )
    assert late == [(0,)]
    assert street.status()["last_run"]["written"] < first_day["last_run"]["written"] / 20
