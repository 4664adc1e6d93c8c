"""``shopcrm rollback``: what one run changed at a CRM is taken back, consent excepted."""

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

    from click.testing import Result
    from conftest import Shop, Singer

ADA = {"email": "ada@example.com"}
BEA = {"email": "bea@example.com"}


@pytest.fixture
def crm(shop: Shop, singer: Singer) -> Iterator[Pilot]:
    """Mailchimp; Ada and Bea agreed."""
    with pilot_with("mailchimp", shop, singer) as pilot:
        pilot.customers(pilot.agrees("c1", **ADA), pilot.agrees("c2", **BEA))
        yield pilot


def last_run(crm: Pilot) -> str:
    return str(crm.shop.one("SELECT id FROM sync.runs ORDER BY started_at DESC LIMIT 1"))


def rollback(crm: Pilot, run_id: str, text: str | None = None, **settings: Any) -> Result:
    config = {**crm.shop.config, **crm.settings, **settings}
    result = CliRunner().invoke(
        main,
        ["rollback", "--run", run_id, "--config", "-"],
        input=json.dumps(config) if text is None else text,
        env={"DATABASE_URL": crm.shop.url},
    )
    crm.fake.finish_jobs()
    return result


def first(crm: Pilot) -> None:
    crm.tell(crm.contact("k1", given_name="Ada", visits=3, segment="champions", **ADA))


def test_a_change_is_taken_back(crm: Pilot) -> None:
    first(crm)
    crm.tell(
        crm.contact("k1", given_name="Adele", journey="win_back", **ADA),
        crm.contact("k2", given_name="Bea", **BEA),
    )
    result = rollback(crm, last_run(crm))
    assert result.exit_code == 0, result.output
    assert "2 contacts at mailchimp" in result.stdout
    held = crm.fake.fields_of(ADA["email"])
    assert (held["given_name"], held["segment"], str(held["visits"])) == ("Ada", "champions", "3")
    assert "journey" not in held
    assert ADA["email"] in crm.fake.members()["101"]
    assert crm.shop.ask("SELECT mode, state FROM sync.runs ORDER BY started_at DESC LIMIT 1") == [
        ("rollback", "completed")
    ]


def test_a_first_delivery_is_taken_back_but_not_the_consent(crm: Pilot) -> None:
    first(crm)
    assert rollback(crm, last_run(crm)).exit_code == 0
    held = crm.fake.fields_of(ADA["email"])
    assert not {"given_name", "segment", "visits"} & held.keys()
    assert ADA["email"] not in crm.fake.members()["100"] | crm.fake.members()["101"]
    assert ("email", ADA["email"]) in crm.fake.mailable()


def test_a_rollback_can_be_taken_back_too(crm: Pilot) -> None:
    first(crm)
    rollback(crm, last_run(crm))
    assert rollback(crm, last_run(crm)).exit_code == 0
    assert crm.fake.fields_of(ADA["email"])["given_name"] == "Ada"
    assert ADA["email"] in crm.fake.members()["101"]


def test_a_withdrawal_made_since_stays(crm: Pilot) -> None:
    first(crm)
    crm.tell(crm.contact("k1", given_name="Adele", visits=4, **ADA))
    run_id = last_run(crm)
    crm.customers(crm.refuses("c1", **ADA))
    assert rollback(crm, run_id).exit_code == 0
    assert ("email", ADA["email"]) not in crm.fake.mailable()
    assert not {"given_name", "visits", "segment"} & crm.fake.fields_of(ADA["email"]).keys()
    assert ADA["email"] not in crm.fake.members()["100"] | crm.fake.members()["101"]


def test_a_withdrawal_is_nothing_that_can_be_taken_back(crm: Pilot) -> None:
    first(crm)
    crm.customers(crm.refuses("c1", **ADA))
    crm.tell()
    assert rollback(crm, last_run(crm)).exit_code == 0
    assert ("email", ADA["email"]) not in crm.fake.mailable()
    assert "given_name" not in crm.fake.fields_of(ADA["email"])


def test_nobody_else_is_touched_and_nothing_else_is_sent(crm: Pilot) -> None:
    crm.tell(crm.event("e1", "k1", occurred_at=datetime.now(timezone.utc).isoformat(), **ADA))
    crm.shop.ask("UPDATE sync.waiting SET not_before = now() + interval '1 hour'")
    first(crm)
    run_id = last_run(crm)
    crm.tell(crm.contact("k2", given_name="Bea", **BEA))
    crm.shop.ask("UPDATE sync.waiting SET not_before = NULL")
    assert rollback(crm, run_id).exit_code == 0
    assert crm.fake.fields_of(BEA["email"])["given_name"] == "Bea"
    assert crm.fake.triggered() == [], "a message is no part of going back"
    assert crm.shop.one("SELECT count(*) FROM sync.waiting") == 1


def test_a_shadow_run_has_nothing_to_take_back(crm: Pilot) -> None:
    crm.tell(crm.contact("k1", given_name="Ada", **ADA), mode="shadow")
    result = rollback(crm, last_run(crm))
    assert result.exit_code == 0
    assert "there is nothing to take back" in result.stdout
    assert crm.fake.writes == []


def test_nothing_is_taken_back_in_shadow_mode(crm: Pilot) -> None:
    first(crm)
    result = rollback(crm, last_run(crm), mode="shadow")
    assert result.exit_code == 2
    assert "set mode to live" in result.stderr
    assert crm.fake.fields_of(ADA["email"])["given_name"] == "Ada"


def test_nothing_is_taken_back_in_a_freeze(crm: Pilot) -> None:
    first(crm)
    today = datetime.now(timezone.utc).date()
    policy = crm.shop.folder / "policy.yml"
    window = f"freeze_windows:\n  now: {{from: {today.year - 1}-01-01, to: {today.year + 1}-12-31}}"
    policy.write_text(policy.read_text() + window)
    result = rollback(crm, last_run(crm))
    assert result.exit_code == 1
    assert "has a freeze" in result.stderr
    assert crm.fake.fields_of(ADA["email"])["given_name"] == "Ada"


def test_the_database_is_that_of_the_settings(crm: Pilot) -> None:
    """DATABASE_URL may name another one; the run is looked for where it would be taken back."""
    first(crm)
    run_id = last_run(crm)
    url, crm.shop.url = crm.shop.url, "postgresql://nobody:nothing@127.0.0.1:1/nowhere"
    result = rollback(crm, run_id, database_url=url)
    crm.shop.url = url
    assert result.exit_code == 0, result.output
    assert "given_name" not in crm.fake.fields_of(ADA["email"])


def test_settings_of_something_else(crm: Pilot) -> None:
    first(crm)
    for text, sentence in (
        ("{", "aren't JSON"),
        ("[]", "aren't JSON"),
        ('{"destination": "hubspot"}', "these settings are for hubspot"),
        ('{"batch_size": "many"}', "a value of the wrong kind"),
    ):
        result = rollback(crm, last_run(crm), text)
        assert result.exit_code == 2, text
        assert sentence in result.stderr
    assert crm.fake.fields_of(ADA["email"])["given_name"] == "Ada"


def test_a_run_that_never_was(crm: Pilot) -> None:
    result = rollback(crm, "00000000-0000-0000-0000-000000000000")
    assert result.exit_code == 2
    assert "There is no run" in result.stderr


def test_a_run_into_the_database_itself(crm: Pilot) -> None:
    result = rollback(crm, last_run(crm), json.dumps(crm.shop.config))
    assert result.exit_code == 2
    assert "run the tap with --full-refresh" in " ".join(result.stderr.split())
