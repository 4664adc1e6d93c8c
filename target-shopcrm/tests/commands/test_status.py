"""``shopcrm status``: how each destination stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from target_shopcrm.cli import main

if TYPE_CHECKING:
    from conftest import Shop, Singer

FIRST = "2026-11-20T09:00:00+00:00"


@pytest.fixture
def busy(shop: Shop, singer: Singer) -> Shop:
    """A run into the ShopCRM database met a bad record; Klaviyo still has things to do."""
    shop.run(
        [
            singer.schema("orders"),
            singer.record("orders", "1", gross="a lot"),
            singer.schema("customers"),
            singer.record("customers", "1", birthday="1984-02-29"),
        ]
    )
    shop.ask(
        "INSERT INTO sync.runs (id, destination, mode, state, started_at, finished_at, calls)"
        " VALUES (gen_random_uuid(), 'klaviyo', 'shadow', 'completed', now(), now(), 1234)"
    )
    for key, reason, not_before in (("1", "quiet_hours", FIRST), ("2", "frequency_cap", None)):
        shop.ask(
            "INSERT INTO sync.waiting (destination, stream, shop_id, key, record, reason,"
            " not_before) VALUES ('klaviyo', 'events', 'corner', %s, '{}', %s, %s)",
            key,
            reason,
            not_before,
        )
    for done_at in (None, FIRST):
        shop.ask(
            "INSERT INTO sync.erasures (destination, shop_id, contact_id, addresses, requested_at,"
            " done_at) VALUES ('klaviyo', 'corner', 'k1', '{}', %s, %s)",
            FIRST,
            done_at,
        )
    return shop


def status(shop: Shop, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["status", *arguments], env={"DATABASE_URL": shop.url})
    assert result.exit_code == 0, result.output
    return result.stdout


def destinations(shop: Shop) -> dict[str, dict[str, Any]]:
    """How each destination stands, as a program sees it."""
    found = json.loads(status(shop, "--json"))["destinations"]
    return {entry.pop("destination"): entry for entry in found}


def test_every_destination_says_how_it_stands(busy: Shop) -> None:
    found = destinations(busy)
    assert set(found) == {"klaviyo", "shopcrm"}
    last_run = found["klaviyo"].pop("last_run")
    assert last_run.pop("started_at")
    assert last_run == {"state": "completed", "mode": "shadow", "calls": 1234}
    assert found["klaviyo"] == {
        "contacts": 0,
        "waiting": 2,
        "dead_letters": 0,
        "put_back": 0,
        "pending_erasures": 1,
        "withheld": {},
    }


def test_a_destination_says_what_was_withheld_and_why(busy: Shop) -> None:
    assert destinations(busy)["shopcrm"]["withheld"] == {"invalid_address": 1}


def test_dead_letters_are_counted_where_they_belong(busy: Shop) -> None:
    assert destinations(busy)["shopcrm"]["dead_letters"] == 1
    CliRunner().invoke(main, ["dead-letters", "replay", "--all"], env={"DATABASE_URL": busy.url})
    assert destinations(busy)["shopcrm"]["put_back"] == 1


def test_what_waits_says_why(busy: Shop) -> None:
    waiting = json.loads(status(busy, "--json"))["waiting"]
    assert [(entry["reason"], entry["records"], entry["not_before"]) for entry in waiting] == [
        ("frequency_cap", 1, None),
        ("quiet_hours", 1, FIRST),
    ]


def test_a_destination_that_never_ran_but_has_something_to_do(shop: Shop) -> None:
    shop.ask(
        "INSERT INTO sync.waiting (destination, stream, shop_id, key, record, reason)"
        " VALUES ('brevo', 'orders', 'corner', '1', '{}', 'contact_not_delivered')"
    )
    assert destinations(shop)["brevo"]["last_run"] is None
    assert "Brevo" in status(shop)


def test_people_are_told_in_their_words(busy: Shop) -> None:
    told = status(busy)
    for words in (
        "Klaviyo",
        "done (shadow)",
        "1,234",
        "it was night there",
        "the next run",
        "What CRMs hold, and what is left to do",
        "'shopcrm dead-letters list'",
    ):
        assert words in told
    assert max(map(len, told.splitlines())) <= 100


def test_nothing_is_left_to_do(shop: Shop) -> None:
    told = status(shop)
    assert "left to do" not in told
    assert "What waits" not in told
    assert destinations(shop) == {}
