"""Destination jsonl: the file a CRM would have been sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from target_shopcrm.errors import DatabaseError, OutputError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shop, Singer

CONTACTS = "contacts_for_the_crm.singer"
ADA = "ada.baker@example.com"


@pytest.fixture
def output(shop: Shop) -> Path:
    return shop.folder / "output" / "contacts.jsonl"


def send(shop: Shop, data: Path, output: Path, name: str = CONTACTS) -> list[dict[str, Any]]:
    """Run the contacts through the gate; returns the lines this run has added."""
    before = output.stat().st_size if output.exists() else 0
    lines = (data / name).read_bytes().splitlines()
    shop.run(lines, destination="jsonl", output_path=str(output))
    with output.open("rb") as file:
        file.seek(before)
        return [json.loads(line) for line in file]


def fill(shop: Shop, data: Path, name: str = "a_day_at_the_shop.singer") -> None:
    shop.run((data / name).read_bytes().splitlines())


def test_only_permitted_people_channels_and_fields_go_out(
    shop: Shop, data: Path, output: Path
) -> None:
    fill(shop, data)
    assert send(shop, data, output) == [
        {
            "action": "upsert",
            "stream": "contacts",
            "shop_id": "corner",
            "contact_id": "k1",
            "channels": ["email"],
            "given_name": "Ada",
            "email": "ada.baker@example.com",
            "segment": "loyal",
            "last_visit_on": "2026-11-20",
            "visits": 12,
            "favourite_category": "Kitchen",
            "journey": "thank_you",
            "journey_due_on": "2026-11-22",
        }
    ]
    held_back = shop.ask(
        "SELECT field, channel, purpose, reason FROM sync.withheld WHERE destination = 'jsonl'"
    )
    assert sorted(held_back) == [
        ("*", "email", "marketing", "no_event"),
        ("phone", "sms", "marketing", "no_event"),
    ]


def test_unchanged_contacts_are_not_sent_again(shop: Shop, data: Path, output: Path) -> None:
    fill(shop, data)
    send(shop, data, output)
    assert send(shop, data, output) == []
    assert shop.last_run()["written"] == 0


def test_a_withdrawal_goes_out_before_anything_is_read(
    shop: Shop, data: Path, output: Path
) -> None:
    fill(shop, data)
    send(shop, data, output)
    fill(shop, data, "the_customer_has_withdrawn.singer")
    withdrawal = {
        "action": "withdraw",
        "stream": "contacts",
        "shop_id": "corner",
        "contact_id": "k1",
        "channel": "email",
        "address": "ada.baker@example.com",
    }
    forget = {"action": "forget", "stream": "contacts", "shop_id": "corner", "contact_id": "k1"}
    assert send(shop, data, output) == [withdrawal, forget]
    assert send(shop, data, output) == []


def test_a_withdrawal_needs_no_input_at_all(shop: Shop, data: Path, output: Path) -> None:
    fill(shop, data)
    send(shop, data, output)
    fill(shop, data, "the_customer_has_withdrawn.singer")
    shop.run([], destination="jsonl", output_path=str(output))
    assert [json.loads(line)["action"] for line in output.read_text().splitlines()] == [
        "upsert",
        "withdraw",
        "forget",
    ]


def test_an_address_that_changed_is_withdrawn(
    shop: Shop,
    data: Path,
    output: Path,
    singer: Singer,
) -> None:
    fill(shop, data)
    send(shop, data, output)
    new = singer.record(
        "customers", "c9", email="new@example.com", consents=[singer.consent("given")]
    )
    shop.run([singer.schema("customers"), new])
    moved = singer.record("activation-contacts", "k1", email="new@example.com", given_name="Ada")
    shop.run(
        [singer.schema("activation-contacts"), moved], destination="jsonl", output_path=str(output)
    )
    added = [json.loads(line) for line in output.read_text().splitlines()][1:]
    assert [line["action"] for line in added] == ["withdraw", "upsert"]
    assert (added[0]["address"], added[1]["email"]) == ("ada.baker@example.com", "new@example.com")


def test_what_no_transaction_vouches_for_is_cut_off(shop: Shop, data: Path, output: Path) -> None:
    fill(shop, data)
    send(shop, data, output)
    whole = output.read_bytes()
    with output.open("ab") as file:
        file.write(b'{"action":"upsert","half a line')
    shop.run([], destination="jsonl", output_path=str(output))
    assert output.read_bytes() == whole


def test_a_batch_that_fails_leaves_no_line(shop: Shop, data: Path, output: Path) -> None:
    fill(shop, data)
    shop.ask("ALTER TABLE sync.deliveries ADD CONSTRAINT broken CHECK (shop_id = 'nowhere')")
    with pytest.raises(DatabaseError):
        send(shop, data, output)
    assert output.read_bytes() == b""
    shop.ask("ALTER TABLE sync.deliveries DROP CONSTRAINT broken")
    assert len(send(shop, data, output)) == 1


def test_a_file_that_was_taken_away_is_begun_anew(shop: Shop, data: Path, output: Path) -> None:
    fill(shop, data)
    send(shop, data, output)
    output.rename(output.with_suffix(".sent"))
    assert send(shop, data, output) == []
    assert output.read_bytes() == b""


def test_a_file_that_somebody_shortened_is_left_alone(shop: Shop, data: Path, output: Path) -> None:
    fill(shop, data)
    send(shop, data, output)
    output.write_bytes(b"short")
    with pytest.raises(OutputError, match="somebody changed it"):
        send(shop, data, output)
    assert output.read_bytes() == b"short"


def test_two_contacts_with_one_address_are_withdrawn_together(
    shop: Shop, data: Path, output: Path, singer: Singer
) -> None:
    fill(shop, data)
    both = [singer.record("activation-contacts", name, email=ADA) for name in ("k1", "k2")]
    lines = [singer.schema("activation-contacts"), *both]
    shop.run(lines, destination="jsonl", output_path=str(output))
    fill(shop, data, "the_customer_has_withdrawn.singer")
    shop.run([], destination="jsonl", output_path=str(output))
    withdrawn = [json.loads(line) for line in output.read_text().splitlines()]
    assert [line["contact_id"] for line in withdrawn if line["action"] == "withdraw"] == [
        "k1",
        "k2",
    ]
    assert shop.one("SELECT count(*) FROM sync.withdrawals WHERE address = %s", ADA) == 1


def test_the_file_is_for_its_owner_only(shop: Shop, data: Path, output: Path) -> None:
    send(shop, data, output)
    assert output.stat().st_mode & 0o077 == 0


def test_customers_do_not_go_into_the_file(shop: Shop, data: Path, output: Path) -> None:
    assert send(shop, data, output, "a_day_at_the_shop.singer") == []
    assert shop.last_run()["withheld"] == shop.last_run()["read"]


def test_the_input_cannot_talk_the_gate_round(shop: Shop, output: Path, singer: Singer) -> None:
    """Nobody said yes: whatever verdicts a record claims, nothing goes out."""
    claim = singer.record(
        "activation-contacts", "k1", email="a@example.com", email_allowed=True, consent="granted"
    )
    shop.run(
        [singer.schema("activation-contacts"), claim], destination="jsonl", output_path=str(output)
    )
    assert output.read_bytes() == b""
