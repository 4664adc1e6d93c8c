"""Peppers: inside the database or outside of it, changed or lost; and ledgers from before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config
from click.testing import CliRunner, Result
from ledger_help import ADA, START, append, event, known
from target_shopcrm.cli import main
from target_shopcrm.database import migrate
from target_shopcrm.database.connection import connect
from target_shopcrm.database.ledger import Ledger
from target_shopcrm.errors import ConfigurationError

if TYPE_CHECKING:
    from conftest import Shop, Singer
    from target_shopcrm.consent.events import ConsentEvent

OLD = "an-old-pepper-that-is-long-enough-to-be-one"
NEW = "f" * 64


def call(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["ledger", *arguments], env={"DATABASE_URL": url})


@pytest.fixture(autouse=True)
def _no_pepper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOPCRM_PEPPER", raising=False)


def test_the_first_event_makes_a_pepper_of_its_own(shop: Shop) -> None:
    assert shop.one("SELECT count(*) FROM consent.peppers") == 0
    append(shop, event())
    assert shop.one("SELECT length(secret) FROM consent.peppers") == 32


def test_a_pepper_from_outside_stays_outside(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPCRM_PEPPER", OLD)
    said = event()
    append(shop, said)
    assert shop.one("SELECT secret FROM consent.peppers") is None
    assert OLD not in str(shop.ask("SELECT row_to_json(p)::text FROM consent.peppers AS p"))
    assert known(shop, said.key) == {said.key: [said]}
    assert call(shop.url, "verify").exit_code == 0


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (None, "has to be in SHOPCRM_PEPPER"),
        (NEW, "isn't in SHOPCRM_PEPPER"),
        (f"a:{NEW}", "isn't in SHOPCRM_PEPPER"),
        (f"a:{NEW},b:{OLD}", "never written with"),
        ("short", "too short"),
        (f"{OLD},{NEW}", "without names"),
        (f"a:{OLD},a:{NEW}", "names a pepper twice"),
    ],
)
def test_without_the_right_pepper_nothing_runs(
    shop: Shop,
    singer: Singer,
    monkeypatch: pytest.MonkeyPatch,
    value: str | None,
    sentence: str,
) -> None:
    monkeypatch.setenv("SHOPCRM_PEPPER", f"b:{OLD}")
    append(shop, event())
    if value is None:
        monkeypatch.delenv("SHOPCRM_PEPPER")
    else:
        monkeypatch.setenv("SHOPCRM_PEPPER", value)
    with pytest.raises(ConfigurationError, match=sentence) as refused:
        shop.run([singer.schema("customers"), singer.record("customers", email=ADA)])
    assert OLD not in str(refused.value)
    assert call(shop.url, "verify").exit_code == ConfigurationError.exit_code
    assert shop.one("SELECT count(*) FROM pos.customers") == 0


def test_a_rotated_pepper_reads_what_the_old_one_wrote(shop: Shop) -> None:
    first, second = event(1), event(2)
    append(shop, first)
    assert "from now on" in call(shop.url, "rotate-pepper").stdout
    append(shop, second)
    assert known(shop, first.key) == {first.key: [first, second]}
    assert shop.one("SELECT count(DISTINCT pepper_id) FROM consent.events") == 2
    assert call(shop.url, "verify").exit_code == 0


def test_a_pepper_from_outside_is_rotated_by_naming_both(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPCRM_PEPPER", OLD)
    append(shop, event(1))
    refused = call(shop.url, "rotate-pepper")
    assert (refused.exit_code, "holds no new pepper" in refused.stderr) == (2, True)
    monkeypatch.setenv("SHOPCRM_PEPPER", f"of-2027:{NEW},of-2026:{OLD}")
    assert "'of-2027'" in call(shop.url, "rotate-pepper").stdout
    append(shop, event(2))
    assert known(shop, event().key) == {event().key: [event(1), event(2)]}
    assert shop.ask("SELECT id FROM consent.peppers WHERE retired_at IS NULL") == [("of-2027",)]
    assert call(shop.url, "verify").exit_code == 0


def test_a_pepper_can_be_moved_out_of_the_database(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(shop, event(1))
    monkeypatch.setenv("SHOPCRM_PEPPER", f"outside:{NEW}")
    assert call(shop.url, "rotate-pepper").exit_code == 0
    append(shop, event(2))
    assert known(shop, event().key) == {event().key: [event(1), event(2)]}


def test_erased_people_stay_erased_after_a_rotation(shop: Shop, singer: Singer) -> None:
    line = singer.record("customers", "c1", email=ADA)
    shop.run([singer.schema("customers"), line])
    arguments = ["erase", "--email", ADA, "--shop", "corner", "--yes"]
    assert CliRunner().invoke(main, arguments, env={"DATABASE_URL": shop.url}).exit_code == 0
    call(shop.url, "rotate-pepper")
    shop.run([singer.schema("customers"), line])
    assert shop.one("SELECT count(*) FROM pos.customers") == 0


def at_first_revision(url: str) -> None:
    """Prepare a database as the first version of this program did."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    config.attributes["database_url"] = url
    command.upgrade(config, "0001")


def test_a_ledger_from_before_is_taken_over_word_for_word(empty_database: str) -> None:
    at_first_revision(empty_database)
    said = [
        event(number, address=f"p{number % 50}@example.com", reason="why" if number % 3 else None)
        for number in range(120)
    ]
    said.append(event(200, channel="sms", address="+12025550143", event_time=None))
    old = ("shop_id", "channel", "address", "purpose", "state", "event_time", "observed_at")
    names = (*old, "source", "reason")
    connection = connect(empty_database, program="tests")
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO consent.events ({', '.join(names)}, recorded_at)"  # noqa: S608 - constants
            f" VALUES ({', '.join(['%s'] * len(names))}, %s)",
            [[*(getattr(each, name) for name in names), START] for each in said],
        )
    connection.commit()
    assert migrate.migrate(connection, empty_database)
    read = Ledger(connection).events_for({each.key for each in said})
    by_key: dict[object, list[ConsentEvent]] = {}
    for each in said:
        by_key.setdefault(each.key, []).append(each)
    assert read == by_key
    times = connection.execute("SELECT DISTINCT recorded_at FROM consent.events").fetchall()
    assert times == [(START,)]
    text = connection.execute("SELECT string_agg(e::text, ' ') FROM consent.events AS e").fetchone()
    assert text is not None
    assert "@" not in text[0]
    tables = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'consent'"
        " AND table_name LIKE 'events%'"
    ).fetchall()
    connection.close()
    assert tables == [("events",)]
    verified = call(empty_database, "verify")
    assert (verified.exit_code, "121" in verified.stdout) == (0, True)


def test_a_ledger_from_before_is_taken_over_whole_or_not_at_all(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_first_revision(empty_database)
    connection = connect(empty_database, program="tests")
    connection.execute(
        "INSERT INTO consent.events (shop_id, channel, address, purpose, state, observed_at,"
        " source) VALUES ('corner', 'email', %s, 'marketing', 'given', now(), 's')",
        [ADA],
    )
    connection.commit()
    monkeypatch.setenv("SHOPCRM_PEPPER", "short")
    with pytest.raises(ConfigurationError, match="too short"):
        migrate.migrate(connection, empty_database)
    assert connection.execute("SELECT address FROM consent.events").fetchall() == [(ADA,)]
    assert migrate.current_revision(connection) == "0001"
    connection.close()
