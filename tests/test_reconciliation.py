"""ShopCRM's books equal the register's own, to the cent; each side is added up by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from practice_register.testing import Register

    from street import Street

# One row per fact: how many, and how much in cents.
SHOPCRM_BOOKS = """
select 'orders', count(*), coalesce(sum(total), 0) from pos.orders
union all
select 'lines', count(*), coalesce(sum((line ->> 'net')::bigint), 0)
from pos.orders, jsonb_array_elements(lines) as line
union all
select 'payments', count(*), coalesce(sum((payment ->> 'amount')::bigint), 0)
from pos.orders, jsonb_array_elements(payments) as payment
where payment ->> 'kind' = 'payment'
union all
select 'refunds', count(*), coalesce(sum(-(payment ->> 'amount')::bigint), 0)
from pos.orders, jsonb_array_elements(payments) as payment
where payment ->> 'kind' = 'refund'
"""


def books_in_shopcrm(street: Street) -> dict[str, tuple[int, int]]:
    """Count and sum of each kind of fact, added up by PostgreSQL."""
    return {kind: (count, int(cents)) for kind, count, cents in street.rows(SHOPCRM_BOOKS)}


def books_at_register(register: Register) -> dict[str, tuple[int, int]]:
    """The same, added up by the register from its own data."""
    books = register.books()
    return {
        kind: (books[kind]["count"], books[kind]["cents"])
        for kind in ("orders", "lines", "payments", "refunds")
    }


def test_books_agree_to_the_cent_on_every_day(street: Street, register: Register) -> None:
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
    street: Street, register: Register
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
