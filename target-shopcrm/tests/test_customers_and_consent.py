"""What customers say about consent, and what is stored about them because of it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from target_shopcrm.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shop, Singer

ADA: dict[str, Any] = {
    "email": "Ada@Example.com",
    "birthday": "1984-02-29",
    "groups": ["Newsletter"],
}
MORNING = "2026-11-20T09:00:00Z"
NOON = "2026-11-20T12:00:00Z"
LATER = "2026-11-21T09:00:00Z"


def profile(shop: Shop, identifier: str = "1") -> tuple[Any, ...]:
    query = "SELECT email_normalised, birthday, groups FROM pos.customers WHERE id = %s"
    (row,) = shop.ask(query, identifier)
    return row


def verdict(shop: Shop, purpose: str = "marketing") -> tuple[bool, str]:
    query = "SELECT allowed, reason FROM consent.verdicts WHERE purpose = %s"
    (row,) = shop.ask(query, purpose)
    return (row[0], row[1])


def test_profile_fields_need_profiling(shop: Shop, singer: Singer) -> None:
    shop.run([singer.schema("customers"), singer.record("customers", **ADA)])
    assert profile(shop) == ("ada@example.com", None, [])
    held_back = shop.ask("SELECT field, channel, purpose, reason, records FROM sync.withheld")
    assert sorted(held_back) == [
        ("birthday", "email", "profiling", "no_event", 1),
        ("groups", "email", "profiling", "no_event", 1),
    ]
    assert shop.last_run()["withheld"] == 1


def test_a_permission_brings_the_fields_later(
    shop: Shop,
    singer: Singer,
) -> None:
    shop.run([singer.schema("customers"), singer.record("customers", **ADA)])
    given = singer.record("customers", **ADA, consents=[singer.consent("given", "profiling")])
    shop.run([singer.schema("customers"), given])
    assert profile(shop) == ("ada@example.com", "1984-02-29", ["Newsletter"])
    assert shop.last_run()["written"] == 2  # the customer and the event
    shop.run([singer.schema("customers"), given])
    assert shop.last_run()["written"] == 0


def test_a_withdrawal_clears_what_was_stored(shop: Shop, data: Path) -> None:
    shop.run((data / "a_day_at_the_shop.singer").read_bytes().splitlines())
    assert profile(shop, "c1") == ("ada.baker@example.com", "1984-02-29", ["Newsletter"])
    shop.run((data / "the_customer_has_withdrawn.singer").read_bytes().splitlines())
    assert profile(shop, "c1") == ("ada.baker@example.com", None, [])
    stored = shop.ask(
        "SELECT purpose, reason FROM consent.verdicts WHERE address LIKE 'ada%%' ORDER BY 1"
    )
    assert stored == [("marketing", "withdrawn"), ("profiling", "withdrawn")]
    shop.run((data / "the_customer_has_withdrawn.singer").read_bytes().splitlines())
    assert shop.last_run()["written"] == 0


def test_a_withdrawal_clears_everybody_at_the_address(
    shop: Shop,
    singer: Singer,
) -> None:
    given = [singer.consent("given", "profiling")]
    shop.run(
        [
            singer.schema("customers"),
            *(singer.record("customers", n, **ADA, consents=given) for n in "12"),
        ]
    )
    assert profile(shop, "2")[1] == "1984-02-29"
    gone = [singer.consent("withdrawn", "profiling", observed_at=LATER)]
    shop.run([singer.schema("customers"), singer.record("customers", "1", **ADA, consents=gone)])
    assert profile(shop, "1")[1:] == (None, [])
    assert profile(shop, "2")[1:] == (None, [])
    shop.run([singer.schema("customers"), singer.record("customers", "2", **ADA, consents=given)])
    assert shop.last_run()["written"] == 0


def test_every_version_in_a_batch_is_heard(
    shop: Shop,
    singer: Singer,
) -> None:
    """A withdrawal in an earlier version isn't lost because a later one says nothing."""
    versions = [
        singer.record("customers", **ADA, consents=[singer.consent("given")]),
        singer.record(
            "customers", **ADA, consents=[singer.consent("withdrawn", source="unsubscribe")]
        ),
        singer.record("customers", **ADA, consents=[]),
    ]
    shop.run([singer.schema("customers"), *versions])
    assert verdict(shop) == (False, "withdrawn")
    assert shop.one("SELECT count(*) FROM pos.customers") == 1


def test_a_new_address_does_not_inherit_a_grant(
    shop: Shop,
    singer: Singer,
) -> None:
    given = [singer.consent("given")]
    shop.run(
        [
            singer.schema("customers"),
            singer.record("customers", email="old@example.com", consents=given),
        ]
    )
    moved = singer.record("customers", email="new@example.com", updated_at=LATER, consents=given)
    shop.run([singer.schema("customers"), moved])
    query = "SELECT address, reason FROM consent.verdicts WHERE purpose = 'marketing' ORDER BY 1"
    assert shop.ask(query) == [
        ("new@example.com", "address_changed"),
        ("old@example.com", "address_changed"),
    ]


def test_a_grant_that_runs_out_is_noticed_without_input(
    shop: Shop,
    singer: Singer,
) -> None:
    old = (datetime.now(timezone.utc) - timedelta(days=600)).isoformat()
    given = singer.consent("given", "profiling", event_time=old, observed_at=old)
    shop.run(
        [
            singer.schema("customers"),
            singer.record("customers", **ADA, updated_at=old, consents=[given]),
        ]
    )
    granted = verdict(shop, "profiling")
    later = (datetime.now(timezone.utc) + timedelta(days=300)).isoformat()
    much_later = singer.consent("unknown", "marketing", observed_at=later)
    shop.run(
        [
            singer.schema("customers"),
            singer.record("customers", "2", email="b@example.com", consents=[much_later]),
        ]
    )
    shop.run([])
    query = "SELECT reason FROM consent.verdicts WHERE purpose = 'profiling' AND address LIKE 'a%%'"
    assert (granted, shop.one(query)) == ((True, "granted"), "expired")
    assert profile(shop)[1:] == (None, [])


def test_a_tighter_policy_clears_what_it_no_longer_permits(
    shop: Shop,
    singer: Singer,
) -> None:
    given = singer.record("customers", **ADA, consents=[singer.consent("given", "profiling")])
    shop.run([singer.schema("customers"), given])
    assert profile(shop)[1] == "1984-02-29"
    policy = shop.folder / "policy.yml"
    policy.write_text(
        policy.read_text()
        + "records:\n  customers:\n    service: [shop_id, id]\n    profiling: [groups]\n"
    )
    shop.run([])
    assert profile(shop) == (None, None, ["Newsletter"])
    shop.run([singer.schema("customers"), given])
    assert shop.last_run()["written"] == 0


@pytest.mark.parametrize("destination", ["shopcrm", "jsonl"])
def test_a_policy_that_forgot_a_shop_is_refused_and_blanks_nobody(
    shop: Shop, singer: Singer, destination: str
) -> None:
    """Such as a run that was started without its policy_path: strict knows no shop."""
    shop.run([singer.schema("customers"), singer.record("customers", **ADA)])
    with pytest.raises(ConfigurationError, match="doesn't say where the shop 'corner' is"):
        shop.run(
            [],
            policy_path="",
            destination=destination,
            output_path=str(shop.folder / "contacts.jsonl"),
        )
    assert profile(shop)[0] == "ada@example.com"


def test_of_a_shop_the_policy_does_not_know_nothing_is_kept(
    shop: Shop,
    singer: Singer,
) -> None:
    lines = [
        singer.schema("customers"),
        singer.record("customers", shop_id="elsewhere", **ADA, consents=[singer.consent("given")]),
        singer.schema("orders"),
        singer.record("orders", shop_id="elsewhere"),
    ]
    shop.run(lines)
    tables = ("pos.customers", "pos.orders", "consent.events", "consent.contact_points")
    for table in tables:
        assert shop.one(f"SELECT count(*) FROM {table}") == 0  # noqa: S608 - constants
    assert shop.last_run()["withheld"] == 2
    assert shop.ask("SELECT DISTINCT reason FROM sync.withheld") == [("unknown_jurisdiction",)]


def test_phone_numbers_are_dialled_from_the_shops_country(shop: Shop, singer: Singer) -> None:
    shop.run(
        [
            singer.schema("customers"),
            singer.record("customers", phone="202 555 0143"),
            singer.record("customers", shop_id="harbour", phone="040 123456"),
        ]
    )
    numbers = shop.ask("SELECT phone_e164 FROM pos.customers ORDER BY shop_id")
    assert numbers == [("+12025550143",), ("+4940123456",)]


def test_an_opt_in_that_is_read_late_does_not_stand(shop: Shop, singer: Singer) -> None:
    """The customer left the newsletter since: the register's newer version says so."""
    left = singer.consent("unknown", observed_at="2026-11-22T09:00:00Z")
    newer = singer.record("customers", **ADA, updated_at=LATER, consents=[left])
    given = singer.consent("given", event_time=MORNING, source="square:custom_attribute:club")
    older = singer.record("customers", **ADA, updated_at=MORNING, consents=[given])
    shop.run([singer.schema("customers"), newer])
    shop.run([singer.schema("customers"), older])
    assert verdict(shop) == (False, "unknown_state")
    shop.run([singer.schema("customers"), newer, older])
    assert verdict(shop) == (False, "unknown_state")


def test_a_withdrawal_that_is_read_late_clears_what_the_newer_version_brought(
    shop: Shop, singer: Singer
) -> None:
    given = singer.consent("given", "profiling", event_time=MORNING)
    newer = singer.record("customers", **ADA, updated_at=LATER, consents=[given])
    gone = singer.consent("withdrawn", "profiling", event_time=NOON)
    older = {**ADA, "birthday": "1990-01-01"}
    shop.run([singer.schema("customers"), newer])
    assert profile(shop)[1] == "1984-02-29"
    shop.run(
        [
            singer.schema("customers"),
            singer.record("customers", **older, updated_at=MORNING, consents=[gone]),
        ]
    )
    assert profile(shop) == ("ada@example.com", None, [])


def test_an_older_version_overwrites_nothing(shop: Shop, singer: Singer) -> None:
    newer = singer.record("customers", given_name="Adele", updated_at=LATER)
    older = singer.record("customers", given_name="Ada", updated_at=MORNING)
    for lines in ([newer], [older], [newer, older]):
        shop.run([singer.schema("customers"), *lines])
        assert shop.one("SELECT given_name FROM pos.customers") == "Adele"
    assert shop.last_run()["unchanged"] == 2


def test_a_profile_that_ended_does_not_come_back_with_a_late_reading(
    shop: Shop, singer: Singer
) -> None:
    """What the tap says of an ended profile has no updated_at of its own."""
    given = singer.record("customers", **ADA, consents=[singer.consent("given")])
    ended = singer.record("customers", given_name=None, updated_at=None, deleted_at=LATER)
    for line in (given, ended, given):
        shop.run([singer.schema("customers"), line])
    assert shop.ask("SELECT given_name, deleted_at::text FROM pos.customers") == [
        (None, "2026-11-21 09:00:00+00")
    ]
    assert verdict(shop)[0] is False
