"""One bad record in twenty-five thousand: it costs nobody else anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from told_file import ToldFile, email

if TYPE_CHECKING:
    from conftest import Shop, Singer

RECORDS = 25_000
BAD = 1_234
VALUE = "a-secret-that-is-no-number"
FEWER = 2_500
PEOPLE = 100


def only_letter(shop: Shop) -> tuple[Any, ...]:
    """The one dead letter, apart from the record that it keeps."""
    (letter,) = shop.ask("SELECT destination, stream, key, field, reason FROM sync.dead_letters")
    kept = shop.one("SELECT convert_from(record, 'UTF8') FROM sync.dead_letters")
    assert VALUE in kept, "the record itself is kept, to be mended"
    assert VALUE not in str(letter)
    assert VALUE not in str(shop.ask("SELECT * FROM sync.runs"))
    return letter


def test_one_bad_order_on_the_way_into_the_database(shop: Shop, singer: Singer) -> None:
    lines = [
        singer.schema("orders"),
        *(
            singer.record("orders", str(n), **({"total": VALUE} if n == BAD else {}))
            for n in range(RECORDS)
        ),
        singer.state({"bookmark": RECORDS}),
    ]
    outcome = shop.run_apart(lines)
    assert outcome.exit_code == 0
    assert outcome.states[-1] == {"bookmark": RECORDS}
    assert VALUE not in outcome.log
    assert shop.one("SELECT count(*) FROM pos.orders") == RECORDS - 1
    assert only_letter(shop) == (
        "shopcrm",
        "orders",
        {"id": str(BAD), "shop_id": "corner"},
        "total",
        "Expected `int`, got `str`",
    )
    shop.run(lines)
    again = shop.last_run()
    assert (again["written"], again["unchanged"], again["dead_lettered"]) == (0, RECORDS - 1, 1)
    assert shop.one("SELECT count(*) FROM sync.dead_letters") == 1


def check_contacts(file: ToldFile, people: int, contacts: int) -> None:
    """Tell the file of many contacts, one of them bad, and tell it again."""
    file.agree(*range(people))
    records = [
        file.contact(n, email=email(n % people), visits=VALUE if n == BAD else n, segment="loyal")
        for n in range(contacts)
    ]
    lines = file.lines(*records)
    outcome = file.shop.run_apart(lines, **file.settings)
    assert outcome.exit_code == 0
    assert outcome.states[-1] == {"told": contacts}
    assert VALUE not in outcome.log
    told = [json.loads(line) for line in file.path.read_bytes().splitlines()]
    assert len(told) == contacts - 1
    assert {line["contact_id"] for line in told} == {f"k{n}" for n in range(contacts)} - {f"k{BAD}"}
    assert only_letter(file.shop) == (
        "jsonl",
        "activation-contacts",
        {"shop_id": "corner", "contact_id": f"k{BAD}"},
        "visits",
        "Expected `int | null`, got `str`",
    )
    assert file.tell(*records) == []
    again = file.shop.last_run()
    assert (again["written"], again["unchanged"], again["dead_lettered"]) == (0, contacts - 1, 1)


def test_one_bad_contact_on_the_way_into_a_file(shop: Shop, singer: Singer) -> None:
    check_contacts(ToldFile(shop, singer), PEOPLE, FEWER)


@pytest.mark.long
@pytest.mark.parametrize("people", [PEOPLE, RECORDS])
def test_one_bad_contact_in_twenty_five_thousand(shop: Shop, singer: Singer, people: int) -> None:
    check_contacts(ToldFile(shop, singer), people, RECORDS)
