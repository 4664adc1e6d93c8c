"""Somebody asks what is stored about them, and an auditor asks for the consent records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from ledger_help import append, event
from tap_pos.testing.specifications import specification
from target_shopcrm.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shop, Singer

ADA: dict[str, Any] = {"email": "Ada@Example.com", "phone": "(202) 555-0143"}
PROOF = {"order_id": "o1", "opt_out_offered_at_collection": "true"}


def call(shop: Shop, *arguments: str) -> Result:
    environment = {
        "DATABASE_URL": shop.url,
        "TARGET_SHOPCRM_POLICY_PATH": str(shop.folder / "policy.yml"),
    }
    return CliRunner().invoke(main, arguments, env=environment)


@pytest.fixture
def busy(shop: Shop, singer: Singer) -> Shop:
    given = [singer.consent("given")]
    shop.run(
        [
            singer.schema("customers"),
            singer.record("customers", "c1", **ADA, consents=given),
            singer.record("customers", "c2", email="bob@example.com", consents=given),
            singer.schema("orders"),
            singer.record("orders", "o1", customer_id="c1"),
            singer.record("orders", "o2", customer_id="c2"),
            singer.schema("loyalty_accounts"),
            singer.record("loyalty_accounts", "L1", customer_id="c1"),
            singer.record("customers", "c1", **ADA, birthday="not a day"),
            singer.record("customers", "c2", birthday="nor this"),
        ]
    )
    shop.ask("CREATE SCHEMA profiles")
    shop.ask("CREATE TABLE profiles.profiles (shop_id text, customer_id text, profile_id text)")
    shop.ask("INSERT INTO profiles.profiles VALUES ('corner', 'c1', 'k1'), ('corner', 'c2', 'k2')")
    shop.ask(
        "INSERT INTO sync.deliveries (destination, stream, shop_id, key, row_hash, permitted,"
        " fields, run_id, delivered_at) VALUES ('klaviyo', 'contacts', 'corner', 'k1', '',"
        ' \'{"email": "ada@example.com"}\', \'{"given_name": "Ada"}\', gen_random_uuid(), now()),'
        " ('klaviyo', 'contacts', 'corner', 'k2', '', '{}', '{}', gen_random_uuid(), now())"
    )
    return shop


def test_a_person_gets_everything_and_nobody_elses(busy: Shop) -> None:
    result = call(busy, "export", "--email", "ada@EXAMPLE.com", "--shop", "corner")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["identifiers"]["phones"] == ["+12025550143"]
    register = found["register"]
    assert [each["email"] for each in register["customers"]] == ["Ada@Example.com"]
    assert [each["id"] for each in register["orders"]] == ["o1"]
    assert register["orders"][0]["lines"][0]["net"] == 1000
    assert [each["id"] for each in register["loyalty_accounts"]] == ["L1"]
    (record,) = found["consent"]["records"]
    assert (record["address"], record["state"]) == ("ada@example.com", "given")
    reasons = {(each["channel"], each["reason"]) for each in found["consent"]["decisions"]}
    assert ("email", "granted") in reasons
    assert ("sms", "no_event") in reasons
    (told,) = found["told_to_others"]["deliveries"]
    assert (told["destination"], told["fields"]) == ("klaviyo", {"given_name": "Ada"})
    (letter,) = found["undelivered"]
    assert "not a day" in letter["record"]
    assert [each["profile_id"] for each in found["derived"]["profiles.profiles"]] == ["k1"]
    assert "bob@example.com" not in result.stdout


def test_nobody_else_may_read_the_file(busy: Shop, tmp_path: Path) -> None:
    path = tmp_path / "ada.json"
    path.write_text("something longer that was here before " * 1000)
    path.chmod(0o644)
    arguments = ["--pos-id", "c1", "--shop", "corner", "--output", str(path)]
    result = call(busy, "export", *arguments)
    assert (result.exit_code, result.stdout) == (0, "")
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["identifiers"]["customer_ids"] == ["c1"]


def test_a_file_that_cannot_be_written_is_one_sentence(busy: Shop, tmp_path: Path) -> None:
    path = str(tmp_path / "missing" / "ada.json")
    result = call(busy, "export", "--pos-id", "c1", "--shop", "corner", "--output", path)
    assert (result.exit_code, "can't be written" in result.stderr) == (1, True)


def test_of_somebody_unknown_there_is_nothing(busy: Shop) -> None:
    result = call(busy, "export", "--email", "nobody@example.com", "--shop", "corner")
    found = json.loads(result.stdout)
    assert found["register"] == {"customers": [], "orders": [], "loyalty_accounts": []}
    assert found["consent"] == {"records": [], "decisions": []}
    assert found["undelivered"] == []


def test_the_ledger_is_handed_out_as_consent_records(busy: Shop) -> None:
    append(busy, event(legal_basis="soft_opt_in", evidence=PROOF), event(shop_id="harbour"))
    lines = call(busy, "ledger", "export").stdout.splitlines()
    records = [json.loads(line) for line in lines]
    assert records == json.loads(call(busy, "ledger", "export", "--json").stdout)
    assert len(records) == 4
    assert records[1]["prev_hash"] == records[0]["hash"]
    assert records[0]["subject_key"] == "corner:c1"
    assert not any("@" in line for line in lines)
    of_shop = call(busy, "ledger", "export", "--shop", "harbour").stdout.splitlines()
    assert [json.loads(line)["controller_id"] for line in of_shop] == ["harbour"]


def test_the_records_are_what_the_standards_profile_says(busy: Shop) -> None:
    path = specification("consent/consent-record.schema.json")
    if path is None:
        pytest.skip("the consent record schema is not on this machine")
    schema = json.loads(path.read_text())
    append(busy, event(legal_basis="soft_opt_in", evidence=PROOF))
    for line in call(busy, "ledger", "export").stdout.splitlines():
        Draft202012Validator(schema).validate(json.loads(line))
