"""The pilot: what ``shopcrm shadow report`` says before anything was ever written."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from crm_fakes.pilot import Pilot, pilot_with
from target_shopcrm.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Shop, Singer

ADA = {"email": "ada@example.com"}
BEA = {"email": "bea@example.com"}


@pytest.fixture
def crm(shop: Shop, singer: Singer) -> Iterator[Pilot]:
    """Mailchimp, where Ada is known already; Bea was never asked."""
    with pilot_with("mailchimp", shop, singer) as pilot:
        pilot.customers(pilot.agrees("c1", **ADA), singer.record("customers", "c2", **BEA))
        yield pilot


def shadow(crm: Pilot, *records: str) -> None:
    crm.tell(*records, mode="shadow")


def contacts(crm: Pilot, **fields: Any) -> list[str]:
    return [
        crm.contact("k1", given_name="Ada", visits=3, **ADA, **fields),
        crm.contact("k2", given_name="Bea", visits=1, **BEA, **fields),
    ]


def command(crm: Pilot, *arguments: str) -> str:
    result = CliRunner().invoke(
        main, ["shadow", *arguments], env={"DATABASE_URL": crm.shop.url, "COLUMNS": "200"}
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def fields(crm: Pilot) -> dict[tuple[str, str, str, str], int]:
    """What the report counts: stream, field, verdict and reason."""
    report = json.loads(command(crm, "report", "--json"))
    assert {row["destination"] for row in report["fields"]} <= {"mailchimp"}
    return {
        (row["stream"], row["field"], row["verdict"], row["reason"]): row["people"]
        for row in report["fields"]
    }


def test_before_the_first_pilot_there_is_nothing_to_report(crm: Pilot) -> None:
    assert command(crm, "report").startswith("Nothing ran in shadow mode yet")
    assert json.loads(command(crm, "report", "--json")) == {"fields": [], "people": []}


def test_whom_live_would_add_and_what_the_gate_held_back(crm: Pilot) -> None:
    shadow(crm, *contacts(crm))
    assert crm.fake.writes == []
    found = fields(crm)
    assert found["contacts", "given_name", "new", ""] == 1
    assert found["contacts", "visits", "new", ""] == 1
    assert found["contacts", "given_name", "withheld", "no_event"] == 1
    assert found["contacts", "list.100", "send", "join"] == 1
    said = command(crm, "report")
    assert "What live would do at mailchimp" in said
    assert "Held back" in said
    assert "ada" not in said.lower()


def test_field_by_field_what_live_would_change(crm: Pilot) -> None:
    crm.tell(*contacts(crm))
    shadow(crm, crm.contact("k1", given_name="Adele", visits=3, **ADA))
    found = fields(crm)
    assert found["contacts", "given_name", "differs", ""] == 1
    assert found["contacts", "visits", "match", ""] == 1
    shadow(crm, crm.contact("k1", given_name="Ada", **ADA))
    found = fields(crm)
    assert found["contacts", "given_name", "match", ""] == 1, "the newest word wins"
    assert found["contacts", "visits", "forget", ""] == 1


def test_person_by_person_values_are_shown_only_when_asked_for(crm: Pilot) -> None:
    crm.tell(*contacts(crm))
    shadow(crm, crm.contact("k1", given_name="Adele", visits=3, **ADA))
    people = command(crm, "report", "--people")
    assert "contacts k1" in people
    assert "would change" in people
    assert "Adele" not in people
    assert "Adele" in command(crm, "report", "--people", "--values")
    without = command(crm, "report", "--json")
    assert "Adele" not in without
    assert ADA["email"] not in without
    rows = json.loads(command(crm, "report", "--json", "--values"))["people"]
    (name,) = [row for row in rows if row["field"] == "given_name"]
    assert (name["ours"], name["theirs"]) == ("Adele", "Ada")


def test_whom_live_would_unsubscribe(crm: Pilot) -> None:
    crm.tell(*contacts(crm))
    crm.fake.owner_adds(BEA["email"])
    crm.customers(crm.refuses("c1", **ADA), crm.refuses("c2", **BEA), crm.refuses("c3"))
    written = len(crm.fake.writes)
    shadow(crm)
    assert crm.writes_since(written) == []
    assert ("email", ADA["email"]) in crm.fake.mailable(), "a pilot changes nothing"
    assert fields(crm)["contacts", "withdrawal.email", "withdraw", "withdrawn"] == 2
    crm.tell()
    assert crm.fake.mailable() == set(), "live does what the pilot said"


def test_an_address_that_changed_would_be_unsubscribed_and_the_new_one_added(crm: Pilot) -> None:
    crm.tell(*contacts(crm))
    new = {"email": "ada.new@example.com"}
    crm.customers(crm.agrees("c9", **new))
    shadow(crm, crm.contact("k1", given_name="Ada", visits=3, **new))
    found = fields(crm)
    assert found["contacts", "withdrawal.email", "withdraw", "withdrawn"] == 1
    assert found["contacts", "email", "new", ""] == 1


def test_orders_and_events_of_people_whom_live_would_have_told(crm: Pilot) -> None:
    """Nothing was ever delivered, and still they show: that is what a pilot is for."""
    now = datetime.now(timezone.utc).isoformat()
    shadow(
        crm,
        *contacts(crm),
        crm.order("o1", "k1", placed_at="2020-01-01T00:00:00Z", **ADA),
        crm.event("e1", "k1", occurred_at=now, **ADA),
        crm.order("o2", "k2", **BEA),
    )
    found = fields(crm)
    assert found["orders", "*", "send", "history"] == 1
    assert found["events", "*", "send", ""] == 1
    shadow(crm, crm.order("o3", "k1", placed_at=now, **ADA))
    assert fields(crm)["orders", "*", "send", ""] == 1
    assert crm.fake.writes == []


def test_a_pilot_leaves_no_trace_in_the_books_of_live(crm: Pilot) -> None:
    shadow(crm, *contacts(crm), crm.order("o1", "k1", **ADA))
    for table in ("deliveries", "waiting", "changes", "withdrawals"):
        assert crm.shop.one(f"SELECT count(*) FROM sync.{table}") == 0, table  # noqa: S608 - ours
    crm.tell(*contacts(crm))
    assert ("email", ADA["email"]) in crm.fake.mailable()


def test_a_new_pilot_begins_with_an_empty_sheet(crm: Pilot) -> None:
    shadow(crm, *contacts(crm))
    assert "comparisons were forgotten" in command(crm, "clear", "--destination", "mailchimp")
    assert fields(crm) == {}


def test_only_one_crm(crm: Pilot) -> None:
    shadow(crm, *contacts(crm))
    assert command(crm, "report", "--destination", "klaviyo").startswith("Nothing ran")
    assert json.loads(command(crm, "report", "--json", "--destination", "mailchimp"))["fields"]
