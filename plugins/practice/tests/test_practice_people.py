"""The people are made up, plausible and awkward in the ways that real ones are."""

from __future__ import annotations

from collections import Counter
from typing import Any

import phonenumbers
import pytest


@pytest.fixture
def customers(crowd_client: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = crowd_client.every("/v2/customers/search", "customers")
    return found


def test_a_third_of_the_baskets_is_anonymous(crowd_client: Any) -> None:
    orders = crowd_client.orders()
    sales = [order for order in orders if "line_items" in order]
    unknown = [
        order
        for order in sales
        if "customer_id" not in order
        and not any("customer_id" in tender for tender in order.get("tenders", []))
    ]
    assert 0.25 < len(unknown) / len(sales) < 0.42
    # Sometimes only the payment knows who it was.
    assert any(
        "customer_id" not in order
        and any("customer_id" in tender for tender in order.get("tenders", []))
        for order in sales
    )


def test_addresses_lead_to_nobody(customers: list[dict[str, Any]]) -> None:
    emails = [each["email_address"] for each in customers if "email_address" in each]
    assert {email.lower().partition("@")[2] for email in emails} == {
        "example.com",
        "example.net",
        "example.org",
    }
    for each in customers:
        if "phone_number" in each:
            number = phonenumbers.parse(each["phone_number"], "US")
            assert phonenumbers.is_valid_number(number)
            assert str(number.national_number)[3:8] == "55501"
    assert any("email_address" not in each for each in customers)
    assert any("phone_number" not in each for each in customers)


def test_names_and_birthdays_are_as_awkward_as_real_ones(
    customers: list[dict[str, Any]],
) -> None:
    names = [each.get("given_name", "") for each in customers]
    assert any(not name.isascii() for name in names)
    birthdays = [each["birthday"] for each in customers if "birthday" in each]
    assert any(birthday.startswith("0000-") for birthday in birthdays)
    assert any(not birthday.startswith("0000-") for birthday in birthdays)
    assert any("🎂" in each.get("note", "") for each in customers)


def test_some_people_have_two_profiles(customers: list[dict[str, Any]]) -> None:
    emails = Counter(each["email_address"].lower() for each in customers if "email_address" in each)
    phones = Counter(
        phonenumbers.parse(each["phone_number"], "US").national_number
        for each in customers
        if "phone_number" in each
    )
    doubles = {each for each, count in emails.items() if count > 1}
    assert doubles
    assert any(count > 1 for count in phones.values())
    written = {
        each["email_address"]
        for each in customers
        if each.get("email_address", "").lower() in doubles
    }
    assert len(written) > len(doubles)


def test_consent_is_recorded_as_the_practice_shop_records_it(
    crowd_client: Any, customers: list[dict[str, Any]]
) -> None:
    groups = {
        group["name"]: group["id"] for group in crowd_client.get("/v2/customers/groups")["groups"]
    }
    members = [each for each in customers if groups["Newsletter"] in each.get("group_ids", [])]
    assert 0.4 < len(members) / len(customers) < 0.65
    unsubscribed = [each for each in customers if each["preferences"]["email_unsubscribed"]]
    assert 0.02 < len(unsubscribed) / len(customers) < 0.2
    answers: Counter[tuple[str, object]] = Counter()
    clock = crowd_client.register.clock
    for each in customers:
        path = f"/v2/customers/{each['id']}/custom-attributes"
        for attribute in crowd_client.get(path).get("custom_attributes", []):
            answers[attribute["key"], attribute["value"]] += 1
            assert attribute["created_at"] <= attribute["updated_at"] <= clock
    assert set(answers) == {
        ("sms-marketing", "yes"),
        ("sms-marketing", "no"),
        ("club-terms", True),
        ("club-terms", False),
    }
    assert 0.55 < answers["club-terms", True] / len(customers) < 0.85
    assert 0.2 < answers["sms-marketing", "yes"] / len(customers) < 0.45


def test_instant_profiles_are_on_orders_but_in_no_search(
    crowd_client: Any, customers: list[dict[str, Any]]
) -> None:
    listed = {each["id"] for each in customers}
    unlisted = {
        order["customer_id"] for order in crowd_client.orders() if "customer_id" in order
    } - listed
    kinds = set()
    for customer in unlisted:
        response = crowd_client.send("GET", f"/v2/customers/{customer}")
        if response.status_code == 200:
            kinds.add(response.json()["customer"]["creation_source"])
        else:
            kinds.add(response.json()["errors"][0]["code"])
    assert kinds == {"INSTANT_PROFILE", "NOT_FOUND"}


def test_loyalty_accounts_belong_to_known_profiles(
    crowd_client: Any, customers: list[dict[str, Any]]
) -> None:
    accounts = crowd_client.every("/v2/loyalty/accounts/search", "loyalty_accounts", limit=200)
    listed = {each["id"] for each in customers}
    known = [account for account in accounts if account["customer_id"] in listed]
    assert len(known) > len(accounts) * 0.95
    assert all(account["mapping"]["phone_number"].startswith("+1") for account in accounts)
    assert all(account["balance"] <= account["lifetime_points"] for account in accounts)
