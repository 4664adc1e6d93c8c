"""``shopcrm consent record``: a customer says yes or no outside of the registers."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from target_shopcrm.cli import main
from target_shopcrm.commands import recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Shop, Singer

    Call = Callable[..., Result]

ADDRESS = "ada.baker@example.com"
SAID_AT = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=3)
"""Lately: a yes runs out after two years."""
PROOF = ("--at", f"{SAID_AT:%Y-%m-%dT%H:%M:%S}", "--evidence", "form=2026-11/17")


@pytest.fixture
def call(shop: Shop) -> Call:
    """``shopcrm consent record`` for one address, with what the test says beside."""

    def run(state: str, *arguments: str, **changes: str) -> Result:
        options = {
            "address": ADDRESS,
            "channel": "email",
            "purpose": "marketing",
            "source": "till:main-street",
            "shop": "corner",
            "policy": shop.config["policy_path"],
            **changes,
        }
        named = [part for name, value in options.items() for part in (f"--{name}", value)]
        command = ["consent", "record", *named, "--state", state, *arguments]
        return CliRunner().invoke(main, command, env={"DATABASE_URL": shop.url})

    return run


def decided(shop: Shop, purpose: str = "marketing") -> tuple[bool, str]:
    """What the gate answers now."""
    question = ["--address", ADDRESS, "--channel", "email", "--purpose", purpose, "--json"]
    options = ["--shop", "corner", "--policy", shop.config["policy_path"]]
    environment = {"DATABASE_URL": shop.url}
    answer = json.loads(
        CliRunner().invoke(main, ["decide", *question, *options], env=environment).stdout
    )
    return answer["allowed"], answer["reason"]


def stored(shop: Shop, purpose: str = "marketing") -> list[tuple[Any, ...]]:
    """The verdict as transformations and CRMs see it."""
    query = "SELECT allowed, reason FROM consent.verdicts WHERE purpose = %s AND channel = 'email'"
    return shop.ask(query, purpose)


def test_a_proven_yes_counts_at_once(shop: Shop, call: Call) -> None:
    told = call("given", *PROOF).stdout
    assert told.startswith("Recorded. email for marketing is now allowed (granted, until 20")
    assert decided(shop) == stored(shop)[0] == (True, "granted")


def test_the_ledger_keeps_what_proves_it(shop: Shop, call: Call) -> None:
    call("given", *PROOF, "--method", "paper_form", "--notice", "2026-10")
    (event,) = shop.ask(
        "SELECT source, method, notice, legal_basis, evidence, event_time FROM consent.events"
    )
    assert event == (
        "till:main-street",
        "paper_form",
        "2026-10",
        "consent_express",
        {"form": "2026-11/17"},
        SAID_AT,
    )


def test_a_yes_without_proof_is_none(shop: Shop, call: Call) -> None:
    for proof in ((), PROOF[:2], PROOF[2:]):
        refused = call("given", *proof)
        assert refused.exit_code == 2
        assert "A yes counts only if it can be proved" in refused.stderr
    assert shop.one("SELECT count(*) FROM consent.events") == 0


def test_a_no_needs_no_proof_and_beats_a_yes(shop: Shop, call: Call) -> None:
    call("given", *PROOF)
    assert "denied (withdrawn)" in call("withdrawn", source="phone call").stdout
    assert decided(shop) == stored(shop)[0] == (False, "withdrawn")
    assert "denied (withdrawn)" in call("given", *PROOF, source="another form").stdout


def test_a_later_yes_lifts_a_no(shop: Shop, call: Call) -> None:
    call("withdrawn", "--at", f"{SAID_AT - timedelta(days=1):%Y-%m-%d}")
    assert "allowed (granted" in call("given", *PROOF).stdout
    assert decided(shop) == (True, "granted")


def test_a_yes_that_waits_for_its_confirmation_allows_nothing(shop: Shop, call: Call) -> None:
    assert "denied" in call("pending", *PROOF).stdout
    assert decided(shop)[0] is False


def test_the_same_again_adds_nothing(shop: Shop, call: Call) -> None:
    call("given", *PROOF)
    told = call("given", *PROOF)
    assert told.stdout.startswith(
        "The ledger knew that already. email for marketing is now allowed"
    )
    assert shop.one("SELECT count(*) FROM consent.events") == 1


def test_programs_are_told_what_became_of_it(call: Call) -> None:
    told = json.loads(call("given", *PROOF, "--json").stdout)
    assert (told["recorded"], told["allowed"], told["reason"]) == (True, True, "granted")
    assert told["event_time"] == SAID_AT.isoformat()


def test_a_no_clears_what_is_stored_of_everybody_at_the_address(
    shop: Shop, singer: Singer, call: Call
) -> None:
    lately = SAID_AT.isoformat()
    yes = [singer.consent("given", "profiling", event_time=lately, observed_at=lately)]
    people = [
        singer.record("customers", number, email=ADDRESS, birthday="1984-02-29", consents=yes)
        for number in ("1", "2")
    ]
    shop.run([singer.schema("customers"), *people])
    birthdays = "SELECT birthday FROM pos.customers"
    assert shop.ask(birthdays) == [("1984-02-29",)] * 2
    call("withdrawn", purpose="profiling")
    assert shop.ask(birthdays) == [(None,)] * 2
    assert shop.one("SELECT count(given_name) FROM pos.customers") == 2
    assert stored(shop, "profiling") == [(False, "withdrawn")]


def test_a_crm_is_told_of_a_no_by_its_next_run(shop: Shop, singer: Singer, call: Call) -> None:
    call("given", *PROOF)
    path = shop.folder / "contacts.jsonl"
    crm = {"destination": "jsonl", "output_path": str(path)}
    contact = singer.record("activation-contacts", "k1", email=ADDRESS)
    shop.run([singer.schema("activation-contacts"), contact], **crm)
    call("withdrawn")
    shop.run([], **crm)
    told = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(message["action"], message["contact_id"]) for message in told][:2] == [
        ("upsert", "k1"),
        ("withdraw", "k1"),
    ]


def test_what_is_refused_leaves_no_trace(shop: Shop, call: Call) -> None:
    for changes, sentence in (
        ({"address": "nonsense"}, "can't be an address for the channel email"),
        ({"shop": "elsewhere"}, "doesn't say where the shop 'elsewhere' is"),
        ({"source": "mail from ada@example.com"}, "must not hold an address"),
        ({"evidence": "who=ada@example.com"}, "must not hold an address"),
        ({"evidence": "a photo"}, "NAME=VALUE"),
        ({"evidence": "form="}, "NAME=VALUE"),
    ):
        refused = call("withdrawn", **changes)
        assert refused.exit_code == 2
        assert sentence in refused.stderr
        assert "nonsense" not in refused.stderr
    assert shop.one("SELECT count(*) FROM consent.events") == 0


def test_nobody_says_yes_tomorrow(call: Call) -> None:
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    refused = call("given", *PROOF[2:], "--at", f"{tomorrow:%Y-%m-%dT%H:%M:%S}")
    assert refused.exit_code == 2
    assert "--at is in the future" in refused.stderr


def test_a_policy_that_forgets_a_shop_is_refused(shop: Shop, singer: Singer, call: Call) -> None:
    shop.run([singer.schema("customers"), singer.record("customers", "1", email=ADDRESS)])
    other = shop.folder / "other.yml"
    other.write_text("version: 1\nname: other\nextends: strict\nshops:\n  harbour: {country: DE}\n")
    refused = call("withdrawn", shop="harbour", policy=str(other))
    assert refused.exit_code == 2
    assert "doesn't say where the shop 'corner' is" in refused.stderr


def test_a_statement_under_another_policy_is_looked_at_again_by_the_next_run(
    shop: Shop, singer: Singer, call: Call
) -> None:
    shop.run([singer.schema("customers"), singer.record("customers", "1", email=ADDRESS)])
    other = shop.folder / "other.yml"
    policy = (shop.folder / "policy.yml").read_text()
    other.write_text(policy.replace("name: test", "name: other\nchannels: [sms]"))
    told = call("given", *PROOF, policy=str(other))
    assert "denied (channel_not_in_policy)" in told.stdout
    shop.run([singer.schema("customers")])
    assert stored(shop) == [(True, "granted")]


def test_a_batch_that_has_read_the_ledger_is_waited_for(shop: Shop, call: Call) -> None:
    with psycopg.connect(shop.url) as batch:
        batch.execute("SELECT count(*) FROM consent.events")
        told: list[Result] = []
        recorder = threading.Thread(target=lambda: told.append(call("withdrawn")))
        recorder.start()
        query = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted"
        while not shop.one(query):
            assert recorder.is_alive()
        batch.commit()
    recorder.join(timeout=30)
    assert "denied (withdrawn)" in told[0].stdout


def test_a_program_that_never_lets_go_of_the_ledger(
    shop: Shop, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_PATIENCE", "50ms")
    with psycopg.connect(shop.url) as other:
        other.execute("SELECT count(*) FROM consent.events")
        refused = call("withdrawn")
    assert refused.exit_code == 1
    assert "nothing was recorded" in refused.stderr
