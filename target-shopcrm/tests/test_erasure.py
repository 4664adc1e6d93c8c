"""Somebody asks to be forgotten: everything that names them goes, and nothing brings them back."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from target_shopcrm.cli import main
from target_shopcrm.consent.policy import Validity
from target_shopcrm.database.connection import connect
from target_shopcrm.database.runs import RunLog

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shop, Singer

ADA: dict[str, Any] = {
    "email": "Ada@Example.com",
    "phone": "(202) 555-0143",
    "family_name": "Lovelace",
    "loyalty_id": "L-1",
}
BOB: dict[str, Any] = {"email": "bob@example.com", "given_name": "Bob"}
FAR = "2999-01-01T00:00:00Z"
NAMES = ("ada@example.com", "Ada@Example.com", "2025550143", "Lovelace", "555-0143")


def call(shop: Shop, *arguments: str, answer: str | None = None) -> Result:
    environment = {
        "DATABASE_URL": shop.url,
        "TARGET_SHOPCRM_POLICY_PATH": str(shop.folder / "policy.yml"),
    }
    return CliRunner().invoke(main, arguments, env=environment, input=answer)


def erase(shop: Shop, *who: str) -> dict[str, Any]:
    result = call(shop, "erase", *who, "--shop", "corner", "--yes", "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def everything(shop: Shop) -> str:
    """The whole database as one text, jsonb and bytes readable."""
    tables = shop.ask(
        "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type ="
        " 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
    )
    rows = [
        row[0]
        for schema, name in tables
        for row in shop.ask(f'SELECT to_jsonb(t)::text FROM "{schema}"."{name}" AS t ORDER BY 1')  # noqa: S608 - the catalogue's names
    ]
    records = shop.ask("SELECT encode(record, 'escape') FROM sync.dead_letters ORDER BY 1")
    waiting = shop.ask("SELECT encode(record, 'escape') FROM sync.waiting ORDER BY 1")
    return "\n".join([*rows, *(str(row[0]) for row in (*records, *waiting))])


@pytest.fixture
def lines(singer: Singer) -> list[str]:
    given = [singer.consent("given"), singer.consent("given", "profiling")]
    payment = {"id": "p", "method": "card", "state": "completed", "amount": 5}
    return [
        singer.schema("customers"),
        singer.record("customers", "c1", **ADA, consents=given, birthday="1984-02-29"),
        singer.record("customers", "c2", **{**ADA, "email": None, "merged_into": "c1"}),
        singer.record("customers", "c3", **BOB, consents=given),
        singer.schema("loyalty_accounts"),
        singer.record("loyalty_accounts", "L-1", customer_id="c1", balance=7),
        singer.record("loyalty_accounts", "L-3", customer_id="c3", balance=9),
        singer.schema("orders"),
        singer.record("orders", "o1", customer_id="c1", payments=[payment]),
        singer.record("orders", "o2", customer_id="c2"),
        singer.record("orders", "o3", customer_id="c3"),
    ]


@pytest.fixture
def busy(shop: Shop, lines: list[str], singer: Singer) -> Shop:
    """A shop whose people are known to dbt, to a CRM, and to the dead letters."""
    shop.run(lines)
    shop.run([lines[0], singer.record("customers", "c1", **{**ADA, "birthday": "Lovelace day"})])
    for statement in (
        "CREATE SCHEMA identity; CREATE SCHEMA activation",
        "CREATE TABLE identity.customer_profiles (shop_id text, customer_id text, profile_id text)",
        (
            "INSERT INTO identity.customer_profiles VALUES ('corner', 'c1', 'k1'), ('corner', 'c2',"
            " 'k1'), ('corner', 'c3', 'k3')"
        ),
        "CREATE VIEW identity.seen AS SELECT * FROM identity.customer_profiles",
        "CREATE TABLE activation.contacts (shop_id text, contact_id text, email text)",
        (
            "INSERT INTO activation.contacts VALUES ('corner', 'k1', 'ada@example.com'),"
            " ('corner', 'k3', 'bob@example.com'), ('harbour', 'k1', 'else@example.com')"
        ),
        "CREATE TABLE activation.events (shop_id text, contact_id text, event_id text)",
        "INSERT INTO activation.events VALUES ('corner', 'k1', 'e1'), ('corner', 'k3', 'e3')",
        (
            "INSERT INTO sync.runs (id, destination, state, started_at) VALUES (gen_random_uuid(),"
            " 'klaviyo', 'completed', now()), (gen_random_uuid(), 'brevo', 'completed', now())"
        ),
        (
            "INSERT INTO sync.deliveries (destination, stream, shop_id, key, row_hash, permitted,"
            " run_id, delivered_at, remote_id) VALUES"
            " ('klaviyo', 'contacts', 'corner', 'k1', '', '{\"email\": \"ada@example.com\"}',"
            " gen_random_uuid(), now(), 'R1'),"
            " ('klaviyo', 'events', 'corner', 'e1', '', '{}', gen_random_uuid(), now(), NULL),"
            " ('klaviyo', 'contacts', 'corner', 'k3', '', '{\"email\": \"bob@example.com\"}',"
            " gen_random_uuid(), now(), 'R3')"
        ),
        (
            "INSERT INTO sync.withdrawals VALUES ('brevo', 'corner', 'email', 'ada@example.com',"
            " now(), gen_random_uuid())"
        ),
        (
            "INSERT INTO sync.waiting (destination, stream, shop_id, key, record, reason) VALUES"
            " ('klaviyo', 'activation-cues', 'corner', 'q1', '{\"contact_id\": \"k1\", \"email\":"
            " \"ada@example.com\"}', 'quiet_hours')"
        ),
        (
            "INSERT INTO sync.shadow (destination, stream, shop_id, key, field, verdict, ours,"
            " run_id) VALUES ('hubspot', 'contacts', 'corner', 'k1', 'email', 'new',"
            " '\"ada@example.com\"', gen_random_uuid())"
        ),
    ):
        shop.ask(statement)
    return shop


def test_nothing_names_an_erased_person_any_more(busy: Shop) -> None:
    assert all(name in everything(busy) for name in NAMES[:2])
    done = erase(busy, "--email", "ADA@example.com")
    for erasure in busy.ask("SELECT addresses FROM sync.erasures"):
        assert erasure == ({"email": "ada@example.com", "sms": "+12025550143"},)
    busy.ask("UPDATE sync.erasures SET addresses = '{}'")  # what `done` does
    left = everything(busy)
    assert [name for name in NAMES if name in left] == []
    assert done["deleted"]["pos.customers"] == 2
    assert done["deleted"]["sync.dead_letters"] == 1
    assert done["deleted"]["activation.contacts"] == 1
    assert "identity.seen" not in done["deleted"]


def test_everybody_else_stays(busy: Shop) -> None:
    erase(busy, "--pos-id", "c2")
    assert busy.ask("SELECT id FROM pos.customers") == [("c3",)]
    assert busy.ask("SELECT id FROM pos.loyalty_accounts") == [("L-3",)]
    assert busy.ask("SELECT key FROM sync.deliveries") == [("k3",)]
    contacts = busy.ask("SELECT shop_id, contact_id FROM activation.contacts ORDER BY 1")
    assert contacts == [("corner", "k3"), ("harbour", "k1")]
    assert busy.ask("SELECT event_id FROM activation.events") == [("e3",)]
    assert {row[0] for row in busy.ask("SELECT address FROM consent.verdicts")} == {BOB["email"]}


def test_the_books_stay_without_the_person(busy: Shop) -> None:
    before = busy.ask("SELECT id, total FROM pos.orders ORDER BY id")
    assert erase(busy, "--phone", "202-555-0143")["blanked"] == {"pos.orders": 2}
    assert busy.ask("SELECT id, total FROM pos.orders ORDER BY id") == before
    owners = busy.ask("SELECT id, customer_id FROM pos.orders ORDER BY id")
    assert owners == [("o1", None), ("o2", None), ("o3", "c3")]


def test_the_ledger_keeps_that_everything_was_withdrawn(busy: Shop) -> None:
    erase(busy, "--email", "ada@example.com")
    said = busy.ask(
        "SELECT channel, purpose, state, reason FROM consent.events WHERE reason = 'erased'"
        " ORDER BY channel, purpose"
    )
    assert said == [
        (channel, purpose, "withdrawn", "erased")
        for channel in ("email", "phone", "sms", "whatsapp")
        for purpose in ("marketing", "profiling")
    ]
    assert call(busy, "ledger", "verify").exit_code == 0


@pytest.mark.parametrize(
    "comes_back_with",
    [
        {"email": "ada@example.com"},
        {"email": "Ada+shop@Example.com"},
        {"phone": "+1 202 555 0143"},
        {"loyalty_id": "L-1"},
    ],
    ids=["email", "same-mailbox", "phone", "loyalty"],
)
def test_a_new_record_with_one_thing_of_theirs_is_dropped(
    busy: Shop, singer: Singer, comes_back_with: dict[str, str]
) -> None:
    erase(busy, "--email", "ada@example.com")
    busy.run([singer.schema("customers"), singer.record("customers", "c9", **comes_back_with)])
    assert busy.ask("SELECT id FROM pos.customers") == [("c3",)]
    assert busy.ask("SELECT reason, records FROM sync.withheld WHERE reason = 'erased'") == [
        ("erased", 1)
    ]


def test_the_same_register_again_brings_nobody_back(busy: Shop, lines: list[str]) -> None:
    erase(busy, "--email", "ada@example.com")
    events = busy.one("SELECT count(*) FROM consent.events")
    busy.run(lines)
    assert busy.ask("SELECT id FROM pos.customers") == [("c3",)]
    assert busy.ask("SELECT id FROM pos.loyalty_accounts") == [("L-3",)]
    owners = busy.ask("SELECT id, customer_id FROM pos.orders ORDER BY id")
    assert owners == [("o1", None), ("o2", None), ("o3", "c3")]
    assert busy.one("SELECT count(*) FROM consent.events") == events
    busy.run(lines)
    assert busy.last_run()["written"] == 0
    assert busy.last_run()["withheld"] == 5  # two customers, a loyalty account, two orders


def test_a_broken_record_of_theirs_becomes_no_dead_letter(busy: Shop, singer: Singer) -> None:
    erase(busy, "--email", "ada@example.com")
    broken = singer.record("customers", "c1", **{**ADA, "birthday": "Lovelace day"})
    busy.run([singer.schema("customers"), broken])
    assert busy.one("SELECT count(*) FROM sync.dead_letters") == 0
    last = busy.last_run()
    assert (last["dead_lettered"], last["withheld"]) == (0, 1)


def test_a_dated_consent_from_afterwards_begins_a_new_relationship(
    busy: Shop, lines: list[str], singer: Singer
) -> None:
    erase(busy, "--email", "ada@example.com")
    undated = [singer.consent("given", observed_at=FAR)]
    busy.run([lines[0], singer.record("customers", "c1", **ADA, consents=undated)])
    assert busy.ask("SELECT id FROM pos.customers") == [("c3",)]
    back = [singer.consent("given", event_time=FAR, observed_at=FAR)]
    busy.run([lines[0], singer.record("customers", "c1", **ADA, consents=back)])
    assert busy.ask("SELECT id FROM pos.customers ORDER BY 1") == [("c1",), ("c3",)]
    query = "SELECT allowed FROM consent.verdicts WHERE address = %s AND purpose = 'marketing'"
    assert busy.one(query, "ada@example.com") is True
    new = singer.record("orders", "o9", customer_id="c1", created_at=FAR, updated_at=FAR)
    busy.run([*lines, singer.schema("orders"), new])
    owners = busy.ask("SELECT id, customer_id FROM pos.orders ORDER BY id")
    assert owners == [("o1", None), ("o2", None), ("o3", "c3"), ("o9", "c1")]


def test_every_crm_ever_used_has_to_forget_them(busy: Shop) -> None:
    done = erase(busy, "--email", "ada@example.com")
    assert done["queued"] == {"brevo": 1, "klaviyo": 1}
    queued = busy.ask("SELECT destination, contact_id, remote_id FROM sync.erasures ORDER BY 1")
    assert queued == [("brevo", "k1", None), ("klaviyo", "k1", "R1")]
    shown = call(busy, "erase", "--status")
    assert (shown.exit_code, "klaviyo" in shown.stdout, "brevo" in shown.stdout) == (0, True, True)
    assert "ada" not in shown.stdout


def test_somebody_only_a_crm_knows_can_be_erased_too(busy: Shop) -> None:
    done = erase(busy, "--email", "carol@example.com")
    assert (done["deleted"]["pos.customers"], done["queued"]) == (0, {"brevo": 1, "klaviyo": 1})
    addresses = busy.ask("SELECT DISTINCT addresses FROM sync.erasures")
    assert addresses == [({"email": "carol@example.com"},)]


def test_it_is_asked_first_with_numbers_and_without_names(busy: Shop) -> None:
    result = call(busy, "erase", "--email", "ada@example.com", "--shop", "corner", answer="n\n")
    assert result.exit_code == 1
    assert "2 customer records, 1 e-mail addresses, 1 phone numbers" in result.output
    assert "ada" not in result.output.lower()
    assert busy.one("SELECT count(*) FROM pos.customers") == 3
    result = call(busy, "erase", "--email", "ada@example.com", "--shop", "corner", answer="y\n")
    assert (result.exit_code, "ada" not in result.output.lower()) == (0, True)
    assert busy.one("SELECT count(*) FROM pos.customers") == 1


def test_an_erasure_that_fails_changes_nothing(busy: Shop) -> None:
    before = everything(busy)
    busy.ask("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE; END'")
    busy.ask("CREATE TRIGGER no BEFORE DELETE ON pos.customers EXECUTE FUNCTION no()")
    result = call(busy, "erase", "--pos-id", "c1", "--shop", "corner", "--yes")
    assert result.exit_code == 1
    assert everything(busy) == before


def test_while_a_run_is_active_nobody_is_erased(busy: Shop) -> None:
    with closing(connect(busy.url, program="tests")) as connection:
        RunLog(connection, "klaviyo").begin(Validity(days=14))
        result = call(busy, "erase", "--pos-id", "c1", "--shop", "corner", "--yes")
    assert result.exit_code == 1
    assert "A run into klaviyo is active" in result.stderr
    assert busy.one("SELECT count(*) FROM pos.customers") == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--shop", "corner"], "Say who is meant"),
        (["--email", "nobody", "--shop", "corner"], "isn't a valid e-mail address"),
        (["--phone", "12", "--shop", "corner"], "isn't a valid phone number"),
    ],
)
def test_what_names_nobody_is_refused(busy: Shop, arguments: list[str], sentence: str) -> None:
    result = call(busy, "erase", *arguments, "--yes")
    assert (result.exit_code, sentence in result.stderr) == (2, True)


def test_another_shops_customer_with_the_same_address_stays(busy: Shop, singer: Singer) -> None:
    busy.run([singer.schema("customers"), singer.record("customers", "h", "harbour", **ADA)])
    erase(busy, "--email", "ada@example.com")
    assert busy.ask("SELECT shop_id FROM pos.customers ORDER BY 1") == [("corner",), ("harbour",)]
    again = singer.record("customers", "h", "harbour", **{**ADA, "family_name": "King"})
    busy.run([singer.schema("customers"), again])
    assert busy.one("SELECT family_name FROM pos.customers WHERE id = 'h'") == "King"


def test_no_log_of_a_run_names_who_was_dropped(
    busy: Shop, lines: list[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    erase(busy, "--email", "ada@example.com")
    busy.run(lines)
    assert not any(name in caplog.text for name in NAMES), tmp_path
