"""``shopcrm dead-letters``: somebody goes through what couldn't be delivered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from target_shopcrm.cli import main
from target_shopcrm.database.connection import connect
from target_shopcrm.database.dead_letters import DeadLetters

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Shop, Singer

    Call = Callable[..., Result]

SECRET = "Ada Baker's own words"


@pytest.fixture
def call(shop: Shop) -> Call:
    """``shopcrm dead-letters …``."""

    def run(*arguments: str) -> Result:
        environment = {"DATABASE_URL": shop.url}
        return CliRunner().invoke(main, ["dead-letters", *arguments], env=environment)

    return run


@pytest.fixture
def letters(shop: Shop, singer: Singer) -> list[dict[str, Any]]:
    """One order and one customer that couldn't be delivered."""
    lines = [{"id": "l1", "quantity": SECRET, "gross": 1, "net": 1}]
    shop.run(
        [
            singer.schema("orders"),
            singer.record("orders", "17", lines=lines),
            singer.schema("customers"),
            singer.record("customers", "18", birthday=SECRET),
        ]
    )
    return listed(shop)


def listed(shop: Shop, *arguments: str) -> list[dict[str, Any]]:
    """The dead letters as a program sees them."""
    command = ["dead-letters", "list", "--json", *arguments]
    result = CliRunner().invoke(main, command, env={"DATABASE_URL": shop.url})
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def requested(shop: Shop) -> list[tuple[int, str, bytes]]:
    """What the next run into the ShopCRM database takes up."""
    connection = connect(shop.url, program="tests")
    try:
        return DeadLetters(connection, "shopcrm").requested()
    finally:
        connection.close()


def test_the_list_says_what_is_wrong_without_saying_what_it_was(
    call: Call, letters: list[dict[str, Any]]
) -> None:
    told = call("list").stdout
    for words in ("corner/17", "corner/18", "birthday", "orders", "UTC"):
        assert words in told
    assert "Ada" not in told + json.dumps(letters)
    assert [letter["field"] for letter in letters] == ["lines[0].quantity", "birthday"]
    assert all(letter["reason"] and letter["first_seen_at"] for letter in letters)


@pytest.mark.usefixtures("letters")
def test_values_are_shown_to_whoever_asks_for_them(shop: Shop, call: Call) -> None:
    assert "own words" in call("list", "--values").stdout
    order, customer = listed(shop, "--values")
    assert order["value"] == customer["value"] == json.dumps(SECRET)
    assert json.loads(customer["record"])["birthday"] == SECRET


@pytest.mark.usefixtures("letters")
def test_the_list_can_be_narrowed(shop: Shop) -> None:
    assert [letter["stream"] for letter in listed(shop, "--stream", "orders")] == ["orders"]
    assert len(listed(shop, "--destination", "shopcrm")) == 2
    assert listed(shop, "--destination", "klaviyo") == []


def test_nothing_to_show(shop: Shop, call: Call) -> None:
    assert call("list").stdout == "There are no dead letters.\n"
    assert call("replay", "--all").stdout == "There are no dead letters to put back.\n"
    assert listed(shop) == []


def test_drop_some(shop: Shop, call: Call, letters: list[dict[str, Any]]) -> None:
    assert call("drop", str(letters[0]["id"])).stdout == "1 dead letter is dropped.\n"
    assert listed(shop) == letters[1:]


@pytest.mark.usefixtures("letters")
def test_drop_all_only_on_purpose(shop: Shop, call: Call) -> None:
    refused = call("drop", "--all")
    assert refused.exit_code == 2
    assert "drop 2 dead letters for good" in refused.stderr
    assert len(listed(shop)) == 2
    assert call("drop", "--all", "--yes").stdout == "2 dead letters are dropped.\n"
    assert listed(shop) == []


@pytest.mark.parametrize("command", ["drop", "replay"])
def test_a_number_that_is_none_changes_nothing(
    shop: Shop, call: Call, letters: list[dict[str, Any]], command: str
) -> None:
    refused = call(command, str(letters[0]["id"]), "4711")
    assert refused.exit_code == 2
    assert "no dead letter 4711" in refused.stderr
    assert listed(shop) == letters


@pytest.mark.parametrize("arguments", [[], ["1", "--all"]])
def test_it_must_be_clear_which_letters_are_meant(call: Call, arguments: list[str]) -> None:
    refused = call("replay", *arguments)
    assert refused.exit_code == 2
    assert "their numbers, or --all" in refused.stderr


def test_replay_puts_letters_back_for_the_next_run(
    shop: Shop, call: Call, letters: list[dict[str, Any]]
) -> None:
    order, customer = letters
    told = call("replay", str(order["id"])).stdout
    assert "the next run into shopcrm sends it" in told
    ((number, stream, record),) = requested(shop)
    assert (number, stream) == (order["id"], "orders")
    assert json.loads(record)["lines"][0]["quantity"] == SECRET
    now = {letter["id"]: letter["replay_requested_at"] for letter in listed(shop)}
    assert now[order["id"]] is not None
    assert now[customer["id"]] is None


@pytest.mark.usefixtures("letters")
def test_replay_tells_programs_which_runs_take_them(shop: Shop, call: Call) -> None:
    told = json.loads(call("replay", "--all", "--stream", "orders", "--json").stdout)
    assert told["next_runs"] == {"shopcrm": 1}
    assert told["put_back"] == [number for number, _, _ in requested(shop)]


def test_what_was_taken_up_is_not_taken_up_twice(
    shop: Shop, call: Call, letters: list[dict[str, Any]]
) -> None:
    call("replay", "--all")
    connection = connect(shop.url, program="tests")
    mine = DeadLetters(connection, "shopcrm")
    DeadLetters(connection, "klaviyo").replayed([letters[0]["id"]])
    assert len(mine.requested()) == 2
    mine.replayed([letters[0]["id"]])
    assert [number for number, _, _ in mine.requested()] == [letters[1]["id"]]
    connection.rollback()
    connection.close()


def test_contents_are_forgotten_all_the_same(
    shop: Shop, singer: Singer, call: Call, letters: list[dict[str, Any]]
) -> None:
    call("replay", str(letters[0]["id"]))
    shop.ask("UPDATE sync.dead_letters SET first_seen_at = now() - interval '31 days'")
    shop.run([singer.schema("orders")])
    assert requested(shop) == []
    told = call("replay", str(letters[1]["id"])).stdout
    assert "only kept for a while: read the source again" in told
    assert "not kept any more" in call("list", "--values").stdout


def test_broken_text_would_only_fail_again(shop: Shop, singer: Singer, call: Call) -> None:
    line = singer.record("orders", "19", receipt_number="?").encode().replace(b"?", b"\xff")
    shop.run([singer.schema("orders"), line])
    assert "correct it where it comes from" in call("replay", "--all").stdout
    assert requested(shop) == []
    assert listed(shop)[0]["replay_requested_at"] is None


def test_what_was_put_back_is_delivered_by_the_next_run(
    shop: Shop, singer: Singer, call: Call
) -> None:
    shop.ask("ALTER TABLE pos.orders ADD CONSTRAINT no_room CHECK (id <> '17')")
    order = [singer.schema("orders"), singer.record("orders", "17")]
    shop.run(order)
    assert [letter["field"] for letter in listed(shop)] == ["no_room"]
    call("replay", "--all")
    shop.run([])
    assert [letter["replay_requested_at"] for letter in listed(shop)] == [None]
    shop.ask("ALTER TABLE pos.orders DROP CONSTRAINT no_room")
    call("replay", "--all")
    shop.run([])
    assert shop.one("SELECT total FROM pos.orders WHERE id = '17'") == 1080
    assert listed(shop) == []
    shop.run(order)
    assert shop.last_run()["unchanged"] == 1
