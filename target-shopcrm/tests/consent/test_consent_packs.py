"""The packaged policies, and what a shop's own file can change in them."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import pytest
from consent_situations import SHOP, policy_of
from hypothesis import given
from hypothesis import strategies as st
from target_shopcrm.consent.policy import (
    RECORD_CLASSES,
    Cap,
    Freeze,
    Hours,
    PolicyError,
    Requirement,
    SoftOptIn,
    Validity,
    load_policy,
)
from target_shopcrm.consent.policy.sections import PACKAGED

if TYPE_CHECKING:
    from target_shopcrm.consent.policy import Policy

HEAD = "version: 1\nname: n\n"
PACKS = sorted(path.stem for path in PACKAGED.glob("*.yml"))
NINE_TO_SIX, TEN_TO_FIVE, NOON_TO_FIVE = Hours(540, 1080), Hours(600, 1020), Hours(720, 1020)


@lru_cache(maxsize=8)
def pack(name: str) -> Policy:
    return load_policy(PACKAGED / f"{name}.yml")


def mine(name: str, more: str) -> Policy:
    return policy_of(f"{HEAD}extends: {name}\n{more}")


def test_there_is_a_pack_for_each_law_we_know() -> None:
    assert PACKS == ["ca", "eu", "strict", "uk", "us"]


@pytest.mark.parametrize("name", PACKS)
def test_every_pack_says_which_law_it_follows_and_that_it_is_no_advice(name: str) -> None:
    text = " ".join((PACKAGED / f"{name}.yml").read_text(encoding="utf-8").split())
    assert "not legal advice; check # it with counsel" in text or "is not legal advice" in text
    policy = pack(name)
    assert policy.name == name
    assert policy.law
    assert policy.shops == {}, "no pack guesses where a shop is"
    assert policy.purposes["marketing"].basis == policy.purposes["profiling"].basis == "consent"
    assert set(policy.records) == set(RECORD_CLASSES)


def test_the_packs_differ_and_so_do_their_fingerprints() -> None:
    assert len({pack(name).digest for name in PACKS}) == len(PACKS)


@pytest.mark.parametrize("name", PACKS)
@pytest.mark.parametrize(
    ("record_class", "stream", "key", "purpose"),
    [
        ("contact_orders", "activation-orders", ("shop_id", "order_id"), "profiling"),
        ("contact_events", "activation-events", ("shop_id", "event_id"), "marketing"),
        ("staff_cues", "activation-cues", ("shop_id", "cue_id"), "profiling"),
    ],
)
def test_what_goes_to_a_crm_beside_a_contact_needs_the_same_consent(
    name: str, record_class: str, stream: str, key: tuple[str, ...], purpose: str
) -> None:
    policy = pack(name)
    assert policy.record_class_of(stream) == record_class
    assert policy.key_of(record_class) == key
    fields = dict(policy.fields_of(record_class))
    assert fields.pop("email") == Requirement(purpose, "email")
    assert fields.pop("phone") == Requirement(purpose, "sms")
    assert set(fields.values()) == {Requirement(purpose)}
    assert {*key, "contact_id"} <= set(fields)


def test_the_strict_hours_are_those_every_other_pack_leaves_open() -> None:
    strict = pack("strict").hours_of("sms", [])
    assert strict is not None
    assert strict.days == (NINE_TO_SIX,) * 5 + (TEN_TO_FIVE, NOON_TO_FIVE)
    for name in PACKS:
        by_law = pack(name).quiet_hours["sms"]
        others = pack(name).hours_of("sms", [law for law in by_law if law != "everywhere"])
        assert others is not None
        assert strict.within(others) == strict


@pytest.mark.parametrize(
    ("law", "monday", "saturday", "sunday"),
    [
        ("US-NY", "08:00 to 21:00", "08:00 to 21:00", "08:00 to 21:00"),
        ("US-CT", "09:00 to 20:00", "09:00 to 20:00", "09:00 to 20:00"),
        ("US-FL", "08:00 to 20:00", "08:00 to 20:00", "08:00 to 20:00"),
        ("US-RI", "09:00 to 18:00", "10:00 to 17:00", "10:00 to 17:00"),
        ("US-TX", "09:00 to 21:00", "09:00 to 21:00", "12:00 to 21:00"),
    ],
)
def test_the_hours_of_american_states(law: str, monday: str, saturday: str, sunday: str) -> None:
    week = pack("us").hours_of("sms", [law])
    assert week is not None
    assert [str(week.days[day]) for day in (0, 5, 6)] == [monday, saturday, sunday]
    assert pack("us").hours_of("email", [law]) is None


def test_canada_takes_a_purchase_for_two_years_and_a_question_for_six_months() -> None:
    policy = mine("ca", f"shops: {{{SHOP}: {{country: CA}}}}\n")
    for channel in ("email", "sms"):
        assert policy.implied_in(SHOP, channel) == (Validity(months=24), Validity(months=6))
    assert policy.implied_in(SHOP, "phone") is None
    assert policy.implied_in("elsewhere", "email") is None
    shorter = mine(
        "ca",
        f"shops: {{{SHOP}: {{country: CA}}}}\n"
        "implied_consent: {CA: {email: {purchase: 90 days}}}\n",
    )
    assert shorter.implied_in(SHOP, "email") == (Validity(days=90), None)
    assert shorter.implied_in(SHOP, "sms") is None, "a law that is stated anew is stated whole"


def test_a_soft_opt_in_is_the_shops_to_declare() -> None:
    where = f"shops: {{{SHOP}: {{country: GB}}}}\n"
    assert mine("uk", where).soft_opt_in_of(SHOP, "email") is None
    declared = mine(
        "uk",
        where + "soft_opt_in: {GB: {email: {own_similar_products: yes,"
        " opt_out_in_every_message: yes, opt_out_at_the_till_since: 2026-01-15,"
        " valid_for: 1 year}}}\n",
    )
    assert declared.soft_opt_in_of(SHOP, "email") == SoftOptIn(
        Validity(months=12),
        own_similar_products=True,
        opt_out_in_every_message=True,
        opt_out_at_the_till_since=date(2026, 1, 15),
    )


def test_the_example_in_the_british_pack_is_true() -> None:
    lines = (PACKAGED / "uk.yml").read_text(encoding="utf-8").splitlines()
    start = lines.index("# soft_opt_in:")
    example = "\n".join(line.removeprefix("# ") for line in lines[start : start + 6])
    policy = mine("uk", f"shops: {{{SHOP}: {{country: GB}}}}\n{example}\n")
    soft = policy.soft_opt_in_of(SHOP, "email")
    assert soft is not None
    assert soft.opt_out_at_the_till_since == date(2026, 1, 15)


def test_what_no_law_says_the_shop_sets_freely() -> None:
    policy = mine(
        "us",
        "frequency_caps: {sms: 90 in 30 days, email: [2 in 1 day, 9 in 7 days]}\n"
        "freeze_windows: {inventory: {from: 2026-12-28, to: 2027-01-02},"
        " summer: {from: 07-01, to: 07-14}}\n"
        "retention: {marketing_profile: 1 year, suppression_fingerprints: 9 years,"
        " consent_events: 1 year}\n"
        "quiet_hours: {email: {everywhere: 06:00 to 22:00}, sms: {US: 10:00 to 18:00}}\n",
    )
    assert policy.frequency_caps == {"sms": (Cap(90, 30),), "email": (Cap(2, 1), Cap(9, 7))}
    assert policy.freeze_windows == {
        "inventory": Freeze((2026, 12, 28), (2027, 1, 2)),
        "summer": Freeze((7, 1), (7, 14)),
    }
    assert policy.retention.marketing_profile == Validity(months=12)
    assert policy.retention.suppression_fingerprints == Validity(months=108)
    assert policy.retention.consent_events == Validity(months=12)
    assert policy.retention.dead_letters == pack("us").retention.dead_letters
    week = policy.hours_of("sms", ["US-RI"])
    assert week is not None
    assert week.days[0] == Hours(600, 1080), "the shop's and the state's, whatever is tighter"


def test_a_whole_policy_can_take_over_the_records_of_a_pack() -> None:
    assert pack("uk").records == pack("strict").records


@pytest.mark.parametrize(
    "change",
    [
        "shops: {a: {country: US, timezone: America/Chicago}}",
        "quiet_hours: {sms: {US: 10:00 to 18:00}}",
        "frequency_caps: {sms: 1 in 9 days}",
        "freeze_windows: {inventory: {from: 2026-12-28, to: 2027-01-02}}",
        "retention: {dead_letters: 1 day}",
    ],
)
def test_the_fingerprint_covers_every_rule(change: str) -> None:
    assert mine("us", f"{change}\n").digest != mine("us", "").digest


def test_the_fingerprint_does_not_cover_what_a_pause_is_called() -> None:
    days = "{from: 12-24, to: 12-26}"
    one, other = (mine("us", f"freeze_windows: {{{name}: {days}}}\n") for name in ("a", "b"))
    assert one.digest == other.digest


minutes = st.integers(0, 23).flatmap(lambda hour: st.just(f"{hour:02}:00"))


@given(st.sampled_from(PACKS), st.sampled_from(["US", "US-RI", "everywhere"]), minutes, minutes)
def test_no_file_of_a_shop_ever_opens_an_hour_that_its_pack_closes(
    name: str, law: str, start: str, end: str
) -> None:
    try:
        policy = mine(name, f"quiet_hours: {{sms: {{{law}: {start} to {end}}}}}\n")
    except PolicyError:
        return
    for where in ("US-RI", "US-TX", "CA", "GB"):
        week, before = policy.hours_of("sms", [where]), pack(name).hours_of("sms", [where])
        assert week is not None
        assert before is not None
        assert week.within(before) == week


@given(
    st.sampled_from(PACKS),
    st.sampled_from(["marketing_profile", "dead_letters", "waiting_records"]),
    st.integers(1, 2000),
)
def test_no_file_of_a_shop_ever_keeps_data_longer_than_its_pack(
    name: str, what: str, days: int
) -> None:
    longest: Validity = getattr(pack(name).retention, what)
    try:
        policy = mine(name, f"retention: {{{what}: {days} days}}\n")
    except PolicyError:
        assert Validity(days=days).is_longer_than(longest)
        return
    assert not getattr(policy.retention, what).is_longer_than(longest)
