"""``shopcrm explain``: a customer asks at the till why they get mail, or why they don't."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from target_shopcrm.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Shop, Singer

    Call = Callable[..., Result]

ADDRESS = "ada.baker@example.com"
PHONE = "202-555-0143"
LATELY = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=3)
PRIVATE = (ADDRESS, "0143", "Ada", "Baker", "1984")


@pytest.fixture
def call(shop: Shop) -> Call:
    """``shopcrm explain …`` under the shop's policy."""

    def run(*arguments: str) -> Result:
        environment = {
            "DATABASE_URL": shop.url,
            "TARGET_SHOPCRM_POLICY_PATH": shop.config["policy_path"],
        }
        return CliRunner().invoke(main, ["explain", *arguments], env=environment)

    return run


@pytest.fixture
def told(shop: Shop, singer: Singer) -> Shop:
    """Ada said yes to e-mail and no to profiling, and a CRM was told of her."""
    yes = {"observed_at": LATELY.isoformat(), "event_time": LATELY.isoformat()}
    no = {"observed_at": LATELY.isoformat()}
    consents = [
        singer.consent("given", "marketing", **yes),
        singer.consent("withdrawn", "profiling", **no),
    ]
    ada: dict[str, Any] = {
        "email": ADDRESS,
        "phone": PHONE,
        "birthday": "1984-02-29",
        "consents": consents,
    }
    shop.run([singer.schema("customers"), singer.record("customers", "17", **ada)])
    contact: dict[str, Any] = {
        "email": ADDRESS,
        "given_name": "Ada",
        "segment": "loyal",
        "visits": 3,
    }
    shop.run(
        [
            singer.schema("activation-contacts"),
            singer.record("activation-contacts", "k1", **contact),
        ],
        destination="jsonl",
        output_path=str(shop.folder / "contacts.jsonl"),
    )
    return shop


def explained(call: Call, *arguments: str) -> dict[str, Any]:
    """The explanation as a program sees it."""
    result = call(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def answers(found: dict[str, Any]) -> dict[tuple[str, str], tuple[bool, str]]:
    """Answer and reason, by channel and purpose."""
    return {
        (each["channel"], each["purpose"]): (each["allowed"], each["reason"])
        for each in found["answers"]
    }


@pytest.mark.usefixtures("told")
def test_every_purpose_is_answered_however_the_person_is_named(call: Call) -> None:
    found = explained(call, "--address", ADDRESS, "--shop", "corner")
    assert answers(found) == {
        ("email", "service"): (True, "contract"),
        ("email", "profiling"): (False, "withdrawn"),
        ("email", "marketing"): (True, "granted"),
    }
    assert all(answer["sentence"] for answer in found["answers"])
    assert (found["customers"], found["policy"]) == (1, "test")
    by_phone = explained(call, "--phone", PHONE)
    assert answers(by_phone)["sms", "marketing"] == (False, "no_event")
    assert {answer["channel"] for answer in by_phone["answers"]} == {"sms"}
    assert by_phone["told"] == []
    customer = answers(explained(call, "--person", "corner/17"))
    assert customer == {**answers(found), **answers(by_phone)}


@pytest.mark.usefixtures("told")
def test_who_said_what_and_when(call: Call) -> None:
    found = explained(call, "--address", ADDRESS)
    events = {answer["purpose"]: answer["events"] for answer in found["answers"]}
    (yes,) = events["marketing"]
    assert yes["event_time"] == LATELY.isoformat()
    assert (yes["source"], yes["customer_id"]) == ("square:custom_attribute:marketing", "17")
    assert (yes["state"], yes["legal_basis"]) == ("given", "consent_express")
    assert events["profiling"][0]["event_time"] is None
    assert events["service"] == []


@pytest.mark.usefixtures("told")
def test_what_a_crm_was_told_and_what_stayed_behind(call: Call) -> None:
    found = explained(call, "--person", "corner/17")
    (crm,) = found["told"]
    assert (crm["destination"], crm["records"], crm["channels"]) == ("jsonl", 1, ["email"])
    assert datetime.fromisoformat(crm["last_told_at"]) > LATELY
    behind = {(each["record_class"], each["field"], each["reason"]) for each in found["withheld"]}
    assert ("customers", "birthday", "withdrawn") in behind
    assert ("contacts", "phone", "no_event") in behind
    assert "email" not in {field for of, field, _ in behind if of == "contacts"}


def test_of_somebody_who_said_nothing_everything_stays_behind(told: Shop, call: Call) -> None:
    found = explained(call, "--phone", PHONE)
    contacts = {each["field"] for each in found["withheld"] if each["record_class"] == "contacts"}
    assert contacts == {"*"}
    assert "of the contact in CRMs: everything" in " ".join(call("--phone", PHONE).stdout.split())
    assert told.last_run()["state"] == "completed"


@pytest.mark.usefixtures("told")
def test_the_tables_are_for_people_and_tell_nothing_personal(call: Call) -> None:
    shown = call("--person", "corner/17").stdout
    for words in (
        "Customer 17 at corner",
        "May they be written to?",
        "What was said",
        "What CRMs were told",
        "What the gate holds back",
        "granted",
        "their own words",
    ):
        assert words in shown
    assert max(map(len, shown.splitlines())) <= 100
    told = shown + call("--person", "corner/17", "--json").stdout
    assert [private for private in PRIVATE if private in told] == []


@pytest.mark.usefixtures("told")
def test_an_address_is_shown_as_it_was_typed(call: Call) -> None:
    shown = call("--address", " ADA.Baker@example.com").stdout
    assert "ADA.Baker@example.com at corner, the address of 1 customer." in shown
    assert ADDRESS not in shown


@pytest.mark.usefixtures("told")
def test_values_are_shown_to_whoever_asks_for_them(call: Call) -> None:
    assert ADDRESS in call("--person", "corner/17", "--values").stdout
    found = explained(call, "--person", "corner/17", "--values")
    assert found["addresses"]["email"] == ADDRESS
    assert {"evidence"} <= found["answers"][0].keys() | found["answers"][2]["events"][0].keys()


def test_a_no_that_a_crm_was_told(told: Shop, call: Call) -> None:
    query = "INSERT INTO sync.withdrawals VALUES ('klaviyo', 'corner', 'email', %s, now(), %s)"
    told.ask(query, ADDRESS, told.one("SELECT id FROM sync.runs LIMIT 1"))
    (no,) = explained(call, "--address", ADDRESS)["told_no"]
    assert (no["destination"], no["channel"]) == ("klaviyo", "email")
    assert "Who was told of a no" in call("--address", ADDRESS).stdout


def test_what_a_crm_holds_of_a_profile_is_found_without_its_address(told: Shop, call: Call) -> None:
    told.ask("UPDATE sync.deliveries SET permitted = '{}', fields = '{\"given_name\": \"Ada\"}'")
    assert explained(call, "--person", "corner/17")["told"] == []
    told.ask("CREATE SCHEMA identity")
    told.ask(
        "CREATE TABLE identity.customer_profiles AS"
        " SELECT 'corner' AS shop_id, '17' AS customer_id, 'k1' AS profile_id"
    )
    (crm,) = explained(call, "--person", "corner/17")["told"]
    assert (crm["channels"], crm["fields"]) == ([], ["given_name"])
    (crm,) = explained(call, "--person", "corner/17", "--values")["told"]
    assert crm["fields"] == {"given_name": "Ada"}
    assert 'given_name="Ada"' in call("--person", "corner/17", "--values").stdout


def test_somebody_unheard_of(told: Shop, call: Call) -> None:
    shown = call("--address", "cy@example.com").stdout
    assert "cy@example.com at corner, the address of no customers." in shown
    assert "Nobody has said anything about this yet." in shown
    assert "No CRM holds anything about them" in shown
    assert told.one("SELECT count(*) FROM sync.runs") == 2


def test_somebody_who_was_erased(told: Shop, call: Call) -> None:
    assert explained(call, "--address", ADDRESS)["erased_at"] is None
    erase = ["erase", "--email", ADDRESS, "--shop", "corner", "--yes"]
    policy = ["--policy", told.config["policy_path"]]
    result = CliRunner().invoke(main, [*erase, *policy], env={"DATABASE_URL": told.url})
    assert result.exit_code == 0, result.output
    found = explained(call, "--address", ADDRESS)
    assert found["erased_at"]
    assert answers(found)["email", "marketing"] == (False, "withdrawn")
    assert "agreed to nothing since" in call("--address", ADDRESS).stdout


@pytest.mark.usefixtures("told")
def test_a_question_that_means_nobody(call: Call) -> None:
    one_of_them = "one of --address, --phone or --person"
    for arguments, sentence in (
        ((), one_of_them),
        (("--address", ADDRESS, "--phone", PHONE), one_of_them),
        (("--person", "17"), "written SHOP/CUSTOMER_ID"),
        (("--person", "corner/99"), "Nothing is stored of a customer '99'"),
        (("--phone", ADDRESS), "can't be an address of any channel"),
        (("--address", "nonsense"), "can't be an address of any channel"),
    ):
        refused = call(*arguments)
        assert refused.exit_code == 2
        assert sentence in refused.stderr
        assert ADDRESS not in refused.stderr
