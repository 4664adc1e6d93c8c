"""What of a whole record may leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from consent_situations import KEY, NOW, SHOP, event, ledger_of, policy_of, us_policy
from target_shopcrm.consent.gate import Gate, Withheld
from target_shopcrm.consent.parts import listed_parts
from target_shopcrm.consent.policy import load_policy
from target_shopcrm.consent.verdicts import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_shopcrm.consent.events import ConsentEvent, Key, State
    from target_shopcrm.consent.policy import Policy

EMAIL, PHONE = "Ann@Example.com", "(212) 555-0101"
SMS = KEY._replace(channel="sms", address="+12125550101")
CONTACT = {
    "shop_id": SHOP,
    "contact_id": "c1",
    "given_name": "Ann",
    "email": EMAIL,
    "phone": PHONE,
    "segment": "champions",
    "visits": 7,
    "row_hash": "0123",
}
CUSTOMER: dict[str, object] = {
    "shop_id": SHOP,
    "id": "ann",
    "given_name": "Ann",
    "email": EMAIL,
    "phone": PHONE,
    "birthday": "--05-01",
    "groups": [],
    "note": None,
}
BOTH = {"email": EMAIL, "sms": PHONE}


def gate(*events: ConsentEvent, policy: Policy | None = None) -> Gate:
    return Gate(policy or us_policy(), ledger_of(events), NOW)


def said(state: State, key: Key, purpose: str = "marketing") -> ConsentEvent:
    return event(state, seen=2, acted=1, key=key._replace(purpose=purpose))


def test_one_address_as_the_vendor_writes_it() -> None:
    the_gate = gate(said("given", KEY))
    assert the_gate.decide(SHOP, EMAIL, "email", "marketing").reason is Reason.GRANTED
    assert the_gate.decide(SHOP, EMAIL, "email", "profiling").reason is Reason.NO_EVENT
    assert the_gate.decide(SHOP, PHONE, "sms", "marketing").reason is Reason.NO_EVENT
    assert the_gate.decide(SHOP, EMAIL, "email", "service").reason is Reason.CONTRACT


@pytest.mark.parametrize(
    ("shop_id", "raw", "channel", "purpose", "reason"),
    [
        (SHOP, "nobody", "email", "service", Reason.INVALID_ADDRESS),
        (SHOP, None, "email", "marketing", Reason.INVALID_ADDRESS),
        ("elsewhere", EMAIL, "email", "service", Reason.UNKNOWN_JURISDICTION),
        (SHOP, PHONE, "whatsapp", "marketing", Reason.CHANNEL_NOT_IN_POLICY),
        (SHOP, EMAIL, "email", "resale", Reason.PURPOSE_NOT_IN_POLICY),
    ],
)
def test_what_can_not_be_decided_is_denied(
    shop_id: str, raw: str | None, channel: str, purpose: str, reason: Reason
) -> None:
    verdict = gate().decide(shop_id, raw, channel, purpose)
    assert not verdict.allowed
    assert verdict.reason is reason


def test_contact_with_every_consent_leaves_whole_but_for_what_is_not_listed() -> None:
    permission = gate(
        said("given", KEY), said("given", SMS), said("given", KEY, "profiling")
    ).permit("contacts", SHOP, CONTACT, BOTH)
    assert not permission.refused
    assert permission.channels == {"email", "sms"}
    assert list(permission.fields) == [name for name in CONTACT if name != "row_hash"]
    assert permission.withheld == [Withheld("row_hash", None, None, Reason.NOT_IN_POLICY)]


def test_consent_for_email_is_no_consent_for_text_messages_or_profiling() -> None:
    permission = gate(said("given", KEY), said("withdrawn", SMS)).permit(
        "contacts", SHOP, CONTACT, BOTH
    )
    assert permission.channels == {"email"}
    assert set(permission.fields) == {"shop_id", "contact_id", "given_name", "email"}
    assert Withheld("phone", "sms", "marketing", Reason.WITHDRAWN) in permission.withheld
    assert Withheld("segment", "email", "profiling", Reason.NO_EVENT) in permission.withheld
    assert Withheld("segment", "sms", "profiling", Reason.NO_EVENT) in permission.withheld


def test_contact_without_any_marketing_channel_is_refused_with_every_reason() -> None:
    permission = gate(said("withdrawn", KEY), said("given", KEY, "profiling")).permit(
        "contacts", SHOP, CONTACT, BOTH
    )
    assert permission.refused
    assert permission.fields == {}
    assert permission.channels == frozenset()
    assert {entry.field for entry in permission.withheld} == set(CONTACT)
    for field in ("given_name", "segment"):
        assert {entry[1:] for entry in permission.withheld if entry.field == field} == {
            ("email", "marketing", Reason.WITHDRAWN),
            ("sms", "marketing", Reason.NO_EVENT),
        }


def test_contact_without_any_address_is_refused() -> None:
    permission = gate().permit("contacts", SHOP, CONTACT, {"email": None, "sms": ""})
    assert permission.refused
    assert Withheld("contact_id", None, "marketing", Reason.INVALID_ADDRESS) in permission.withheld


def test_customer_is_served_without_consent_but_not_profiled() -> None:
    permission = gate().permit("customers", SHOP, CUSTOMER, BOTH)
    assert not permission.refused
    assert set(permission.fields) == {"shop_id", "id", "given_name", "email", "phone"}
    assert {entry.field for entry in permission.withheld} == {"birthday"}


def test_an_invalid_address_is_no_use_to_anybody() -> None:
    permission = gate().permit(
        "customers", SHOP, {**CUSTOMER, "email": "ann@"}, {"email": "ann@", "sms": PHONE}
    )
    assert "email" not in permission.fields
    assert Withheld("email", "email", "service", Reason.INVALID_ADDRESS) in permission.withheld


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([said("given", KEY, "profiling")], None),
        ([said("given", KEY, "profiling"), said("given", SMS, "profiling")], None),
        (
            [said("given", KEY, "profiling"), said("withdrawn", SMS, "profiling")],
            Reason.CONFLICT,
        ),
        ([said("withdrawn", SMS, "profiling")], Reason.WITHDRAWN),
        ([said("given", KEY, "marketing")], Reason.NO_EVENT),
    ],
)
def test_profiling_needs_one_address_that_agrees_and_none_that_withdrew(
    events: list[ConsentEvent], reason: Reason | None
) -> None:
    permission = gate(*events).permit("customers", SHOP, CUSTOMER, BOTH)
    reasons = {entry.reason for entry in permission.withheld if entry.field == "birthday"}
    assert ("birthday" in permission.fields) is (reason is None)
    assert (reason in reasons) is (reason is not None)


def test_nothing_of_a_shop_that_is_nowhere_leaves() -> None:
    the_gate = gate(said("given", KEY), policy=load_policy(None))
    for record_class, record in (("contacts", CONTACT), ("customers", CUSTOMER)):
        permission = the_gate.permit(record_class, SHOP, record, BOTH)
        assert permission.refused
        assert permission.channels == frozenset()
        assert Reason.UNKNOWN_JURISDICTION in {entry.reason for entry in permission.withheld}


def test_a_kind_of_record_the_policy_does_not_know_is_refused() -> None:
    permission = gate().permit("letters", SHOP, {"id": "1", "text": "Dear Ann"}, {})
    assert permission.refused
    assert {entry.reason for entry in permission.withheld} == {Reason.NOT_IN_POLICY}


def test_a_record_without_its_key_is_refused() -> None:
    permission = gate().permit("orders", SHOP, {"shop_id": SHOP, "total": 5}, {})
    assert permission.refused
    assert Withheld("total", None, None, Reason.NOT_IN_POLICY) in permission.withheld


def test_the_card_fingerprint_stays_at_the_register() -> None:
    payments = [
        {"id": "p1", "amount": 500, "card_fingerprint": "sq-1-abc"},
        {"id": "p2", "amount": 300, "card_fingerprint": None},
    ]
    order = {"shop_id": SHOP, "id": "o1", "lines": [{"id": "1"}], "payments": payments}
    permission = gate().permit("orders", SHOP, order, {})
    assert permission.fields["payments"] == [
        {"id": "p1", "amount": 500},
        {"id": "p2", "amount": 300},
    ]
    assert permission.fields["lines"] == [{"id": "1"}]
    assert permission.withheld == [
        Withheld("payments.card_fingerprint", None, None, Reason.NOT_IN_POLICY)
    ]


def test_parts_of_structs_and_of_things_without_parts() -> None:
    class Card(msgspec.Struct):
        number: str
        brand: str

    assert listed_parts([Card("1", "v")], {"brand"}) == ([{"brand": "v"}], {"number"})
    assert listed_parts({"brand": "v"}, {"brand"}) == ({"brand": "v"}, set())
    assert listed_parts("text", {"brand"}) == (None, {"*"})
    assert listed_parts([], {"brand"}) == ([], set())


def test_many_records_ask_the_ledger_once() -> None:
    asked: list[list[Key]] = []

    def events_for(keys: Iterable[Key]) -> Mapping[Key, Sequence[ConsentEvent]]:
        asked.append(list(keys))
        return {KEY: [said("given", KEY)]}

    the_gate = Gate(us_policy(), events_for, NOW)
    the_gate.prefetch(the_gate.keys(SHOP, BOTH) * 2)
    assert {(key.channel, key.purpose) for key in asked[0]} == {
        ("email", "marketing"),
        ("email", "profiling"),
        ("sms", "marketing"),
        ("sms", "profiling"),
    }
    the_gate.prefetch(the_gate.keys(SHOP, BOTH))
    assert the_gate.permit("contacts", SHOP, CONTACT, BOTH).channels == {"email"}
    asked_about = [key for keys in asked for key in keys]
    assert len(asked_about) == len(set(asked_about)) == 4


def test_a_channel_the_shop_dropped_is_closed_although_people_agreed() -> None:
    policy = policy_of(
        "version: 1\nname: n\nextends: strict\nshops: {default: {country: US}}\nchannels: [email]\n"
    )
    permission = gate(said("given", KEY), said("given", SMS), policy=policy).permit(
        "contacts", SHOP, CONTACT, BOTH
    )
    assert permission.channels == {"email"}
    assert (
        Withheld("phone", "sms", "marketing", Reason.CHANNEL_NOT_IN_POLICY) in permission.withheld
    )
