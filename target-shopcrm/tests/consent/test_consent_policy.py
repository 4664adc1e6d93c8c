"""The policy file: what it means."""

from __future__ import annotations

import re

from consent_situations import SHOP, US_POLICY, day, policy_of, us_policy
from target_shopcrm.consent.policy import (
    RECORD_CLASSES,
    Purpose,
    Requirement,
    Validity,
    load_policy,
)
from target_shopcrm.consent.policy.sections import PACKAGED

HEAD = "version: 1\nname: n\n"
MINE = HEAD + "extends: strict\n"
WHOLE = """\
version: 1
name: whole
jurisdictions: [US]
channels: [email]
purposes: {service: {basis: contract}, marketing: {basis: consent}}
quiet_hours: {}
retention:
  {marketing_profile: 1 year, dead_letters: 9 days, waiting_records: 9 days,
   suppression_fingerprints: 3 years, consent_events: 6 years}
records:
"""


def test_the_packaged_policy_asks_for_consent_and_knows_every_record_class() -> None:
    policy = load_policy(None)
    assert policy.name == "strict"
    assert policy.channels == {"email", "sms"}
    assert policy.purposes == {
        "service": Purpose("contract"),
        "profiling": Purpose("consent", Validity(months=24)),
        "marketing": Purpose("consent", Validity(months=24)),
    }
    assert set(policy.records) == set(RECORD_CLASSES)
    assert policy.country_of(SHOP) is None
    assert policy.jurisdiction_of(SHOP) is None


def test_what_the_fields_of_a_contact_need() -> None:
    fields = us_policy().fields_of("contacts")
    assert fields["email"] == Requirement("marketing", "email")
    assert fields["phone"] == Requirement("marketing", "sms")
    assert fields["given_name"] == Requirement("marketing")
    assert fields["segment"] == Requirement("profiling")
    assert "row_hash" not in fields
    assert us_policy().fields_of("letters") == {}


def test_the_card_fingerprint_is_not_listed() -> None:
    fields = us_policy().fields_of("orders")
    assert "payments" not in fields
    assert "payments.card_fingerprint" not in fields
    assert fields["payments.amount"] == Requirement("service")


def test_streams_find_their_class() -> None:
    assert us_policy().record_class_of("activation-contacts") == "contacts"
    assert us_policy().record_class_of("orders") == "orders"
    assert us_policy().record_class_of("letters") is None


def test_a_shop_is_where_the_file_says_and_the_default_is_everywhere_else() -> None:
    policy = policy_of(
        MINE + "shops:\n  default: {country: CA}\n  oslo: {country: NO}\n"
        "  albany: {country: US, jurisdiction: US-NY}\n"
    )
    assert (policy.country_of("oslo"), policy.jurisdiction_of("oslo")) == ("NO", "NO")
    assert (policy.country_of("albany"), policy.jurisdiction_of("albany")) == ("US", "US-NY")
    assert policy.country_of("anywhere") == "CA"


def test_the_digest_follows_the_meaning_and_not_the_wording() -> None:
    same = (
        "# a comment\nextends: strict\nname: another name\nversion: 1\n"
        "shops: {corner-shop: {jurisdiction: US-NY, country: US}}\n"
    )
    assert policy_of(same).digest == us_policy().digest
    assert policy_of(US_POLICY.replace("US-NY", "US-NJ")).digest != us_policy().digest
    assert load_policy(None).digest != us_policy().digest


def test_a_policy_that_extends_another_can_tighten_it() -> None:
    policy = policy_of(
        MINE
        + """\
channels: [email]
jurisdictions: [JP]
shops: {tokyo: {country: JP}}
purposes:
  service: {basis: consent}
  marketing: {valid_for: 90 days}
records:
  employees:
    service: [shop_id, id, active]
  customers:
    service: [shop_id, id]
    profiling: [given_name]
"""
    )
    assert policy.channels == {"email"}
    assert policy.jurisdiction_of("tokyo") == "JP"
    assert policy.purposes["service"] == Purpose("consent")
    assert policy.purposes["marketing"] == Purpose("consent", Validity(days=90))
    assert policy.purposes["profiling"] == Purpose("consent", Validity(months=24))
    assert set(policy.fields_of("employees")) == {"shop_id", "id", "active"}
    assert policy.fields_of("customers")["given_name"] == Requirement("profiling")
    assert policy.record_class_of("customers") == "customers"
    assert policy.key_of("customers") == ("shop_id", "id")


def test_a_whole_policy_needs_no_other() -> None:
    policy = policy_of(
        WHOLE + "  orders: {streams: [orders, sales], key: [id], service: [id, payments]}\n"
    )
    assert policy.record_class_of("sales") == "orders"
    assert policy.purposes["marketing"].valid_for is None


def test_months_are_calendar_months() -> None:
    assert Validity(months=1).end(day(30)).isoformat() == "2026-02-28T00:00:00+00:00"
    assert Validity(days=1).end(day(30)).isoformat() == "2026-02-01T00:00:00+00:00"


def test_the_example_in_the_packaged_policy_is_true() -> None:
    text = (PACKAGED / "strict.yml").read_text(encoding="utf-8")
    lines = re.findall(r"^# (?:shops|freeze_windows|  [a-z-]+): ?.*\n", text, re.MULTILINE)
    example = "".join(line.removeprefix("# ") for line in lines)
    policy = policy_of(MINE + example)
    assert policy.jurisdiction_of("corner-shop") == "US-NY"
    assert policy.jurisdiction_of("another") == "US"
    assert policy.timezone_of("corner-shop") == "America/New_York"
    assert set(policy.freeze_windows) == {"stocktaking", "christmas"}
