"""What the policy keeps no longer goes, and the books and the proof stay."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from target_shopcrm.cli import main
from target_shopcrm.consent.policy import Validity
from target_shopcrm.database.connection import connect
from target_shopcrm.database.runs import RunLog

if TYPE_CHECKING:
    from conftest import Shop, Singer

NOW = datetime.now(timezone.utc)
LONG_AGO = (NOW - timedelta(days=37 * 31)).isoformat()
RECENTLY = (NOW - timedelta(days=30)).isoformat()
ADA: dict[str, Any] = {"email": "ada@example.com", "birthday": "1984-02-29"}


def call(shop: Shop, *arguments: str) -> Result:
    environment = {
        "DATABASE_URL": shop.url,
        "TARGET_SHOPCRM_POLICY_PATH": str(shop.folder / "policy.yml"),
    }
    return CliRunner().invoke(main, ["retention", *arguments], env=environment)


def counted(shop: Shop, *arguments: str) -> dict[str, int]:
    result = call(shop, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return {each["what"]: each["rows"] for each in json.loads(result.stdout)}


@pytest.fixture
def long_standing(shop: Shop, singer: Singer) -> Shop:
    """Ada's undated yes was read when the shop began; Bob bought something last month."""
    given = [
        singer.consent("given", purpose, observed_at=RECENTLY)
        for purpose in ("marketing", "profiling")
    ]
    shop.run(
        [
            singer.schema("customers"),
            *(
                singer.record(
                    "customers",
                    name,
                    **{**ADA, "email": f"{name}@example.com"},
                    created_at=LONG_AGO,
                    updated_at=LONG_AGO,
                    consents=given,
                )
                for name in ("ada", "bob")
            ),
            singer.schema("orders"),
            singer.record("orders", "o1", customer_id="ada", created_at=LONG_AGO),
            singer.record("orders", "o2", customer_id="bob", created_at=RECENTLY),
        ]
    )
    return shop


def test_old_contents_go_and_young_ones_stay(shop: Shop, singer: Singer) -> None:
    shop.run([singer.schema("orders"), *(singer.record("orders", n, total=None) for n in "12")])
    run = "(SELECT id FROM sync.runs LIMIT 1)"
    for age, name in ((15, "old"), (1, "young")):
        for statement in (
            (
                "INSERT INTO sync.waiting VALUES ('klaviyo', 'activation-cues', 'corner', '{name}',"
                " '{{}}', 'night', NULL, {at})"
            ),
            (
                "INSERT INTO sync.shadow VALUES ('klaviyo', 'contacts', 'corner', '{name}',"
                " 'email', 'new', '', NULL, NULL, {run}, {at})"
            ),
            (
                "INSERT INTO sync.changes VALUES ({run}, 'klaviyo', 'contacts', 'corner', '{name}',"
                " NULL, {at})"
            ),
        ):
            at = f"now() - interval '{age} days'"
            shop.ask(statement.format(name=name, at=at, run=run))
    shop.ask(
        "UPDATE sync.dead_letters SET first_seen_at = now() - interval '15 days'"
        " WHERE key ->> 'id' = '1'"
    )
    would_go = counted(shop)
    assert counted(shop, "--dry-run") == would_go
    assert counted(shop, "--apply") == would_go
    assert set(counted(shop).values()) == {0}
    assert [would_go[each] for each in sorted(would_go)] == [0, 0, 1, 0, 1, 1, 1]
    for table in ("waiting", "shadow", "changes"):
        assert shop.ask(f"SELECT key FROM sync.{table}") == [("young",)]  # noqa: S608 - constants
    letters = shop.ask("SELECT key ->> 'id', record IS NULL FROM sync.dead_letters ORDER BY 1")
    assert letters == [("1", True), ("2", False)]


def test_fingerprints_of_erased_people_stay_for_three_years(shop: Shop, singer: Singer) -> None:
    line = singer.record("customers", **ADA)
    shop.run([singer.schema("customers"), line])
    environment = {"DATABASE_URL": shop.url}
    arguments = ["erase", "--email", ADA["email"], "--shop", "corner", "--yes"]
    assert CliRunner().invoke(main, arguments, env=environment).exit_code == 0
    shop.ask("UPDATE consent.suppressions SET erased_at = now() - interval '35 months'")
    assert counted(shop, "--apply")["fingerprints of erased people"] == 0
    shop.ask("UPDATE consent.suppressions SET erased_at = now() - interval '37 months'")
    assert counted(shop, "--apply")["fingerprints of erased people"] == 3
    assert shop.one("SELECT count(*) FROM consent.suppressions") == 0


def test_who_was_not_seen_for_long_is_written_to_no_more(
    long_standing: Shop, singer: Singer
) -> None:
    shop = long_standing
    what = "consent of people not seen since"
    # The yes was read a month ago, so as far as we know it was given then.
    assert counted(shop)[what] == 0
    shop.ask("ALTER TABLE consent.events DISABLE TRIGGER USER")
    shop.ask("UPDATE consent.events SET observed_at = observed_at - interval '37 months'")
    shop.ask("ALTER TABLE consent.events ENABLE TRIGGER USER")
    assert counted(shop, "--apply")[what] == 2
    assert counted(shop, "--apply")[what] == 0
    shop.run([])
    birthdays = shop.ask("SELECT id, birthday FROM pos.customers ORDER BY id")
    assert birthdays[0] == ("ada", None)
    said = shop.ask(
        "SELECT DISTINCT state, reason FROM consent.events WHERE source = 'shopcrm:retention'"
    )
    assert said == [("withdrawn", "retention")]
    still = [singer.consent("given", observed_at=NOW.isoformat())]
    shop.run(
        [
            singer.schema("customers"),
            singer.record("customers", "ada", **ADA, created_at=LONG_AGO, consents=still),
        ]
    )
    query = "SELECT reason FROM consent.verdicts WHERE address = %s AND purpose = 'marketing'"
    assert shop.one(query, ADA["email"]) == "withdrawn"
    assert shop.one("SELECT count(*) FROM pos.orders WHERE customer_id IS NOT NULL") == 2


def test_while_a_run_is_active_nothing_goes(shop: Shop) -> None:
    with closing(connect(shop.url, program="tests")) as connection:
        RunLog(connection, "shopcrm").begin(Validity(days=14))
        assert call(shop).exit_code == 0
        refused = call(shop, "--apply")
    assert (refused.exit_code, "A run into shopcrm is active" in refused.stderr) == (1, True)


def test_people_get_a_table(shop: Shop) -> None:
    shown = call(shop)
    assert shown.exit_code == 0
    assert "what --apply would do" in shown.stdout
    assert "14 days" in shown.stdout
