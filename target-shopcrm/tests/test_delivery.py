"""Batches, transactions and STATE, as seen from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shop, Singer


def test_a_day_at_the_shop_arrives_whole(shop: Shop, data: Path) -> None:
    outcome = shop.run((data / "a_day_at_the_shop.singer").read_bytes().splitlines())
    assert outcome.states[-1] == {"bookmarks": {"corner": {"orders": "2026-11-20T18:00:00Z"}}}
    assert shop.last_run()["dead_lettered"] == 0
    counts = {
        table: shop.one(f"SELECT count(*) FROM pos.{table}")  # noqa: S608 - constants
        for table in ("locations", "employees", "products", "customers", "orders")
    }
    assert counts == {"locations": 1, "employees": 1, "products": 2, "customers": 2, "orders": 2}
    (order,) = shop.ask(
        "SELECT total, business_date::text, created_at::text, lines -> 1 ->> 'quantity',"
        " payments -> 0 ->> 'card_fingerprint' FROM pos.orders WHERE id = 'o1'"
    )
    assert order == (1404, "2026-11-20", "2026-11-20 15:04:05+00", "0.453", None)
    assert shop.one("SELECT address ->> 'city' FROM pos.locations") == "Springfield"
    assert shop.one("SELECT phone_e164 FROM pos.customers WHERE id = 'c1'") == "+12025550143"
    assert shop.one("SELECT balance FROM pos.loyalty_accounts") == -5


def test_the_same_day_again_writes_nothing(shop: Shop, data: Path) -> None:
    lines = (data / "a_day_at_the_shop.singer").read_bytes().splitlines()
    shop.run(lines)
    written_at = shop.ask("SELECT id, written_at FROM pos.orders ORDER BY id")
    shop.run(lines)
    last = shop.last_run()
    assert (last["written"], last["read"]) == (0, last["unchanged"])
    assert shop.ask("SELECT id, written_at FROM pos.orders ORDER BY id") == written_at


def test_of_several_versions_in_a_batch_the_last_wins(shop: Shop, singer: Singer) -> None:
    versions = [singer.record("orders", total=total) for total in (100, 200, 300)]
    shop.run([singer.schema("orders"), *versions])
    assert shop.one("SELECT total FROM pos.orders") == 300
    assert shop.last_run()["written"] == 1


def test_only_what_changed_is_written(shop: Shop, singer: Singer) -> None:
    shop.run([singer.schema("orders"), *(singer.record("orders", str(n)) for n in range(20))])
    changed = [singer.record("orders", str(n), total=1 if n == 7 else 1080) for n in range(25)]
    shop.run([singer.schema("orders"), *changed])
    assert shop.last_run()["written"] == 6
    assert shop.one("SELECT count(DISTINCT written_at) FROM pos.orders") == 2


def test_one_bad_record_in_two_thousand_is_one_dead_letter(
    shop: Shop,
    singer: Singer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    lines = [singer.record("orders", str(n)) for n in range(2_000)]
    lines[1_234] = singer.record("orders", "1234", total="twelve dollars")
    outcome = shop.run(
        [singer.schema("orders"), *lines, singer.state({"done": True})], batch_size=300
    )
    assert outcome.states[-1] == {"done": True}
    assert shop.one("SELECT count(*) FROM pos.orders") == 1_999
    (letter,) = shop.ask("SELECT stream, key, field, reason FROM sync.dead_letters")
    assert letter == (
        "orders",
        {"shop_id": "corner", "id": "1234"},
        "total",
        "Expected `int`, got `str`",
    )
    assert "twelve" not in caplog.text
    assert "1 of 2000 records of orders couldn't be delivered" in caplog.text


def test_a_bad_record_that_comes_again_stays_one_dead_letter(shop: Shop, singer: Singer) -> None:
    lines = [singer.schema("orders"), singer.record("orders", total=None)]
    shop.run(lines)
    shop.run(lines)
    assert shop.one("SELECT count(*) FROM sync.dead_letters") == 1
    assert shop.last_run()["dead_lettered"] == 1


def test_records_only_the_database_refuses_are_found(shop: Shop, singer: Singer) -> None:
    shop.ask("ALTER TABLE pos.orders ADD CONSTRAINT plausible CHECK (total < 1000000)")
    lines = [
        singer.record("orders", str(n), total=9_999_999 if n in {3, 64} else 5) for n in range(100)
    ]
    shop.run([singer.schema("orders"), *lines])
    assert shop.one("SELECT count(*) FROM pos.orders") == 98
    letters = shop.ask("SELECT key ->> 'id', field, reason FROM sync.dead_letters ORDER BY 1")
    reason = "refused by the database: CheckViolation"
    assert letters == [("3", "plausible", reason), ("64", "plausible", reason)]


def test_a_time_outside_the_calendar_is_found(shop: Shop, singer: Singer) -> None:
    """It decodes, but has no UTC time."""
    edge = singer.record("orders", "edge", closed_at="0001-01-01T00:00:00+14:00")
    shop.run([singer.schema("orders"), singer.record("orders", "fine"), edge])
    assert {row[0] for row in shop.ask("SELECT id FROM pos.orders")} >= {"fine"}
    assert shop.last_run()["state"] == "completed"


def test_a_customer_the_database_refuses_takes_no_other_along(shop: Shop, singer: Singer) -> None:
    shop.ask("ALTER TABLE pos.customers ADD CONSTRAINT short CHECK (length(given_name) < 9)")
    names = ["Ada", "Bartholomew", "Cy"]
    lines = [singer.record("customers", str(n), given_name=name) for n, name in enumerate(names)]
    shop.run([singer.schema("customers"), *lines])
    assert shop.ask("SELECT id FROM pos.customers ORDER BY id") == [("0",), ("2",)]
    assert shop.ask("SELECT key ->> 'id', field FROM sync.dead_letters") == [("1", "short")]


def test_state_follows_every_committed_batch(
    shop: Shop,
    singer: Singer,
) -> None:
    lines = [singer.schema("orders"), singer.state({"n": -1})]
    for n in range(6):
        lines += [singer.record("orders", str(n)), singer.state({"n": n})]
    outcome = shop.run(lines, batch_size=2)
    written = [each["n"] for each in outcome.states]
    assert written == sorted(written)
    assert {-1, 1, 3, 5} <= set(written)


def test_no_state_without_its_records(
    shop: Shop,
    singer: Singer,
) -> None:
    """The connection dies in the middle: only the STATE of committed batches came out."""
    shop.ask(
        "CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.id = '7' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;"
        " RETURN NEW; END $$"
    )
    shop.ask(
        "CREATE TRIGGER give_up BEFORE INSERT ON pos.orders FOR EACH ROW EXECUTE FUNCTION give_up()"
    )
    lines = [singer.schema("orders")]
    for n in range(10):
        lines += [singer.record("orders", str(n)), singer.state(n)]
    outcome = shop.run_apart(lines, batch_size=2)
    assert outcome.exit_code == 1
    assert "went away; nothing of the last batch was written" in outcome.log
    assert "Traceback" not in outcome.log
    assert shop.one("SELECT max(id) FROM pos.orders") == "5"
    assert outcome.states[-1] == 5
    shop.ask("DROP TRIGGER give_up ON pos.orders")
    assert shop.run(lines, batch_size=2).states[-1] == 9
    assert shop.one("SELECT count(*) FROM pos.orders") == 10
    assert shop.ask("SELECT state FROM sync.runs ORDER BY started_at") == [
        ("interrupted",),
        ("completed",),
    ]


def test_a_slow_tap_is_committed_by_age(
    shop: Shop,
    singer: Singer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("target_shopcrm.delivery._MAX_AGE_SECONDS", -1.0)
    lines = [
        singer.schema("orders"),
        singer.record("orders", "1"),
        singer.state(1),
        singer.record("orders", "2"),
        singer.state(2),
    ]
    assert shop.run(lines).states == [1, 2]


def test_lines_without_a_meaning_stop_the_run_without_showing_them(shop: Shop) -> None:
    outcome = shop.run_apart(['{"type": "RECORD", "stream": "customers", "record": {"email": "se'])
    assert outcome.exit_code == 1
    assert "Line 1 of the input isn't a Singer message" in outcome.log
    assert "Traceback" not in outcome.log
    assert '"se' not in outcome.log


def test_state_is_passed_on_as_it_came(shop: Shop, singer: Singer) -> None:
    value = {"bookmarks": {"orders": {"since": "2026-11-20T09:00:00Z", "é": [1, None]}}}
    assert shop.run([singer.state(value)]).states == [value]


def test_dead_letters_keep_the_record_for_thirty_days(shop: Shop, singer: Singer) -> None:
    shop.run([singer.schema("orders"), singer.record("orders", total=None)])
    assert shop.one("SELECT record IS NULL FROM sync.dead_letters") is False
    shop.ask("UPDATE sync.dead_letters SET first_seen_at = now() - interval '31 days'")
    shop.run([])
    assert shop.one("SELECT record IS NULL FROM sync.dead_letters") is True


def test_the_ledger_is_append_only(shop: Shop, data: Path) -> None:
    shop.run((data / "a_day_at_the_shop.singer").read_bytes().splitlines())
    for statement in (
        "UPDATE consent.events SET state = 'given'",
        "DELETE FROM consent.events",
        "TRUNCATE consent.events",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            shop.ask(statement)


def test_an_older_version_does_not_overwrite_a_newer_one(shop: Shop, singer: Singer) -> None:
    evening, next_day = "2026-11-20T18:00:00Z", "2026-11-21T18:00:00Z"
    newer = singer.record("orders", total=2, updated_at=next_day)
    older = singer.record("orders", total=1, updated_at=evening)
    for lines in ([newer], [older], [older, newer], [newer, older]):
        shop.run([singer.schema("orders"), *lines])
        assert shop.one("SELECT total FROM pos.orders") == 2
    assert (shop.last_run()["written"], shop.last_run()["unchanged"]) == (0, 2)
    shop.run([singer.schema("orders"), singer.record("orders", total=3, updated_at=next_day)])
    assert shop.one("SELECT total FROM pos.orders") == 3


def test_a_version_without_a_time_is_written(shop: Shop, singer: Singer) -> None:
    for name, updated_at in (("Mugs", "2026-11-20T18:00:00Z"), ("Cups", None)):
        line = singer.record("products", name=name, updated_at=updated_at)
        shop.run([singer.schema("products"), line])
        assert shop.one("SELECT name FROM pos.products") == name


def test_a_deleted_product_stays_deleted_when_an_older_version_is_read(
    shop: Shop, singer: Singer
) -> None:
    morning, evening = "2026-11-20T09:00:00Z", "2026-11-20T18:00:00Z"
    alive = singer.record("products", name="Mugs", updated_at=morning)
    deleted = singer.record("products", name="Mugs", updated_at=morning, deleted_at=evening)
    for line in (alive, deleted, alive):
        shop.run([singer.schema("products"), line])
    assert shop.one("SELECT count(*) FROM pos.products WHERE deleted_at IS NOT NULL") == 1


def test_a_field_that_is_null_is_not_withheld(shop: Shop, singer: Singer) -> None:
    payment = {"id": "p1", "method": "card", "state": "completed", "amount": 1080}
    lines = [
        singer.record("orders", "1", payments=[{**payment, "card_fingerprint": None}]),
        singer.record("orders", "2", payments=[{**payment, "card_fingerprint": "sq-1-x"}, payment]),
        singer.record("orders", "3", payments=[payment]),
    ]
    shop.run([singer.schema("orders"), *lines])
    assert shop.ask("SELECT field, records FROM sync.withheld") == [
        ("payments.card_fingerprint", 1)
    ]
    assert shop.last_run()["withheld"] == 1


def test_a_sound_version_removes_the_dead_letters_of_its_record(shop: Shop, singer: Singer) -> None:
    bad = [singer.record("orders", identifier, total="twelve") for identifier in "12"]
    bad.append(singer.record("orders", "1", total=None))
    shop.run([singer.schema("orders"), *bad])
    assert shop.one("SELECT count(*) FROM sync.dead_letters") == 3
    shop.run([singer.schema("products"), singer.record("products", "1")])
    assert shop.one("SELECT count(*) FROM sync.dead_letters") == 3
    shop.run([singer.schema("orders"), singer.record("orders", "1")])
    assert shop.ask("SELECT key ->> 'id' FROM sync.dead_letters") == [("2",)]


def test_a_dead_letter_whose_record_is_refused_again_keeps_its_first_day(
    shop: Shop, singer: Singer
) -> None:
    shop.ask("ALTER TABLE pos.orders ADD CONSTRAINT plausible CHECK (total < 1000000)")
    shop.ask("ALTER TABLE pos.customers ADD CONSTRAINT short CHECK (length(given_name) < 9)")
    lines = [
        singer.schema("orders"),
        singer.record("orders", total=9_999_999),
        singer.schema("customers"),
        singer.record("customers", given_name="Bartholomew"),
    ]
    shop.run(lines)
    first = shop.ask("SELECT id, first_seen_at FROM sync.dead_letters ORDER BY id")
    shop.run(lines)
    assert shop.ask("SELECT id, first_seen_at FROM sync.dead_letters ORDER BY id") == first
    assert len(first) == 2
    shop.run([lines[2], singer.record("customers", given_name="Bart")])
    assert shop.ask("SELECT stream FROM sync.dead_letters") == [("orders",)]
