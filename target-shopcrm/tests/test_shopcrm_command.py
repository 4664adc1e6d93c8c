"""The command ``shopcrm``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from target_shopcrm.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shop


def call(url: str, *arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"DATABASE_URL": url, **environment})


def report(shop: Shop) -> dict[str, Any]:
    result = call(shop.url, "status", "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def busy_shop(shop: Shop, data: Path) -> Shop:
    shop.run((data / "a_day_at_the_shop.singer").read_bytes().splitlines())
    contacts = (data / "contacts_for_the_crm.singer").read_bytes().splitlines()
    shop.run(contacts, destination="jsonl", output_path=str(shop.folder / "contacts.jsonl"))
    return shop


def test_init_prepares_the_database_once(empty_database: str) -> None:
    assert "is ready now" in call(empty_database, "init").stdout
    assert "was ready already" in call(empty_database, "init").stdout


def test_status_before_init_says_what_to_do(empty_database: str) -> None:
    result = call(empty_database, "status")
    assert result.exit_code == 1
    assert "run 'shopcrm init' first" in result.stderr


def test_status_tells_programs_everything(busy_shop: Shop) -> None:
    found = report(busy_shop)
    assert found["shops"] == [
        {
            "shop_id": "corner",
            "locations": 1,
            "employees": 1,
            "products": 2,
            "customers": 2,
            "orders": 2,
            "anonymous_orders": 1,
            "first_business_date": "2026-11-20",
            "last_business_date": "2026-11-20",
        }
    ]
    assert found["consent"] == {
        "email": {"given": 1, "withdrawn": 0, "unknown": 1},
        "sms": {"given": 0, "withdrawn": 0, "unknown": 1},
    }
    runs = {run["destination"]: run for run in found["last_run"]["runs"]}
    assert set(runs) == {"shopcrm", "jsonl"}
    assert found["last_run"]["written"] == sum(run["written"] for run in runs.values()) == 12
    assert {entry["destination"] for entry in found["withheld"]} == {"shopcrm", "jsonl"}
    assert (found["dead_letters"], found["summary"]) == (0, [])
    assert set(found["database"]) == {"host", "port", "name"}


def test_status_shows_the_summary_once_there_is_one(busy_shop: Shop) -> None:
    busy_shop.ask("CREATE SCHEMA metrics")
    busy_shop.ask(
        "CREATE TABLE metrics.summary AS SELECT 'corner' AS shop_id, 'profiles' AS topic,"
        " 'people we know' AS label, 17::numeric AS value, 1 AS position"
    )
    assert report(busy_shop)["summary"][0]["value"] == 17
    assert "people we know" in call(busy_shop.url, "status").stdout


def test_status_tells_people_without_telling_on_people(busy_shop: Shop) -> None:
    result = call(busy_shop.url, "status")
    assert max(map(len, result.stdout.splitlines())) <= 100
    for words in ("What came in", "May we write to them?", "nobody said yes", "Last runs"):
        assert words in result.stdout
    told = result.stdout + json.dumps(report(busy_shop))
    secret = busy_shop.url.split("@")[0].split(":")[-1]
    for private in ("ada", "Ada", "Baker", "0143", "cy@", secret):
        assert private not in told


def test_status_of_an_empty_shop(shop: Shop) -> None:
    assert "No sale has come in yet" in call(shop.url, "status").stdout


@pytest.mark.parametrize(
    ("channel", "address", "purpose", "expected"),
    [
        ("email", " ADA.baker@example.com", "marketing", (True, "granted")),
        ("email", "cy@example.com", "marketing", (False, "no_event")),
        ("sms", "202-555-0143", "marketing", (False, "no_event")),
        ("sms", "202-555-0143", "service", (True, "contract")),
        ("email", "nonsense", "marketing", (False, "invalid_address")),
        ("pigeon", "x", "marketing", (False, "channel_not_in_policy")),
    ],
)
def test_decide_asks_the_gate(
    busy_shop: Shop, channel: str, address: str, purpose: str, expected: tuple[bool, str]
) -> None:
    question = ["--address", address, "--channel", channel, "--purpose", purpose]
    policy = busy_shop.config["policy_path"]
    result = call(busy_shop.url, "decide", *question, "--policy", policy, "--json")
    answer = json.loads(result.stdout)
    assert (answer["allowed"], answer["reason"]) == expected
    assert answer["shop_id"] == "corner"


def test_decide_for_another_instant(busy_shop: Shop) -> None:
    question = ["--address", "ada.baker@example.com", "--channel", "email"]
    environment = {"TARGET_SHOPCRM_POLICY_PATH": busy_shop.config["policy_path"]}
    arguments = ["decide", *question, "--purpose", "marketing", "--at", "2029-01-01"]
    assert call(busy_shop.url, *arguments, **environment).stdout == "denied (expired)\n"


def test_decide_needs_to_know_which_shop(shop: Shop) -> None:
    question = ["--address", "a@example.com", "--channel", "email", "--purpose", "marketing"]
    result = call(shop.url, "decide", *question)
    assert result.exit_code == 2
    assert "--shop" in result.stderr


def test_no_database_is_named() -> None:
    result = call("", "status")
    assert result.exit_code == 2
    assert "set DATABASE_URL" in result.stderr
