"""The verdict on one address, one situation each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from consent_situations import KEY, NOW, day, event, policy_of, us_policy
from target_shopcrm.consent.fold import verdict
from target_shopcrm.consent.policy import load_policy
from target_shopcrm.consent.verdicts import Reason

if TYPE_CHECKING:
    from target_shopcrm.consent.events import ConsentEvent

DESK = "desk:preference-centre"
PURCHASES = "shopcrm:purchases#customer=ann"
ANN = "square:group:Newsletter#customer=ann"
BOB = "square:group:Newsletter#customer=bob"

SITUATIONS: dict[str, tuple[list[ConsentEvent], Reason]] = {
    "nobody said anything": ([], Reason.NO_EVENT),
    "a dated grant": ([event("given", seen=2, acted=1)], Reason.GRANTED),
    "an undated grant": ([event("given", seen=2)], Reason.GRANTED),
    "only a withdrawal": ([event("withdrawn", seen=2)], Reason.WITHDRAWN),
    "only a source without an opt-in": ([event("unknown", seen=2)], Reason.UNKNOWN_STATE),
    "withdrawn after the grant": (
        [event("given", seen=2, acted=1), event("withdrawn", seen=4, acted=3)],
        Reason.WITHDRAWN,
    ),
    "granted again after the withdrawal": (
        [event("withdrawn", seen=2, acted=1), event("given", seen=4, acted=3)],
        Reason.GRANTED,
    ),
    "grant and withdrawal in the same instant": (
        [event("given", seen=2, acted=1), event("withdrawn", seen=3, acted=1, source=DESK)],
        Reason.WITHDRAWN,
    ),
    "an undated grant doesn't lift a withdrawal": (
        [event("withdrawn", seen=2, acted=1), event("given", seen=9)],
        Reason.WITHDRAWN,
    ),
    "an older grant that arrives late doesn't lift a withdrawal": (
        [event("withdrawn", seen=5, acted=4), event("given", seen=9, acted=3)],
        Reason.WITHDRAWN,
    ),
    "a grant from the future counts from when it was seen": (
        [event("given", seen=2, acted=90), event("withdrawn", seen=5, acted=4)],
        Reason.WITHDRAWN,
    ),
    "a grant from the future counts from when it was first seen": (
        [
            event("given", seen=6, acted=90),
            event("given", seen=2, acted=90),
            event("withdrawn", seen=5, acted=4),
        ],
        Reason.WITHDRAWN,
    ),
    "an undated withdrawal counts from when it was seen": (
        [event("withdrawn", seen=5, source=DESK), event("given", seen=9, acted=4)],
        Reason.WITHDRAWN,
    ),
    "another source's withdrawal counts as well": (
        [event("given", seen=2, acted=1), event("withdrawn", seen=4, source=DESK)],
        Reason.WITHDRAWN,
    ),
    "the source holds the opt-in no more": (
        [event("given", seen=2), event("unknown", seen=4)],
        Reason.UNKNOWN_STATE,
    ),
    "the source holds none in the instant in which it held one": (
        [event("given", seen=2), event("unknown", seen=2)],
        Reason.UNKNOWN_STATE,
    ),
    "the source holds the opt-in again": (
        [event("given", seen=2), event("unknown", seen=4), event("given", seen=6)],
        Reason.GRANTED,
    ),
    "another source without an opt-in ends nothing": (
        [event("given", seen=2), event("unknown", seen=4, source=DESK)],
        Reason.GRANTED,
    ),
    "a lifted withdrawal holds again when the lifting grant ends": (
        [
            event("withdrawn", seen=1, acted=1, source=DESK),
            event("given", seen=3, acted=2),
            event("unknown", seen=4),
        ],
        Reason.WITHDRAWN,
    ),
    "two profiles share the address and only one opted in": (
        [event("given", seen=2, source=ANN), event("unknown", seen=1, source=BOB)],
        Reason.CONFLICT,
    ),
    "two profiles share the address and both opted in": (
        [
            event("unknown", seen=1, source=BOB),
            event("given", seen=2, source=ANN),
            event("given", seen=3, source=BOB),
        ],
        Reason.GRANTED,
    ),
    "two profiles share the address and one withdrew": (
        [event("given", seen=2, source=ANN), event("withdrawn", seen=1, source=BOB)],
        Reason.WITHDRAWN,
    ),
    "the profile that had not opted in has left the address": (
        [
            event("given", seen=2, source=ANN),
            event("unknown", seen=1, source=BOB),
            event("unknown", seen=3, source=BOB, reason="address_changed"),
        ],
        Reason.GRANTED,
    ),
    "the grant was for the previous address": (
        [event("unknown", seen=2, reason="address_changed")],
        Reason.ADDRESS_CHANGED,
    ),
    "the profile that granted has ended": (
        [event("given", seen=2), event("unknown", seen=3, reason="profile_ended")],
        Reason.UNKNOWN_STATE,
    ),
    "a grant older than the policy allows": (
        [event("given", seen=2, acted=-700)],
        Reason.EXPIRED,
    ),
    "a double opt-in that waits for the click": (
        [event("pending", seen=2, acted=2)],
        Reason.PENDING_DOUBLE_OPT_IN,
    ),
    "a double opt-in waits while the register holds no opt-in either": (
        [event("pending", seen=2, acted=2, source=DESK), event("unknown", seen=5)],
        Reason.PENDING_DOUBLE_OPT_IN,
    ),
    "a double opt-in that was confirmed": (
        [event("pending", seen=2, acted=2), event("given", seen=4, acted=3)],
        Reason.GRANTED,
    ),
    "a confirmation and a new question in one instant": (
        [event("pending", seen=4, acted=4), event("given", seen=4, acted=3)],
        Reason.PENDING_DOUBLE_OPT_IN,
    ),
    "another source waits for a confirmation": (
        [event("given", seen=2, acted=1), event("pending", seen=4, source=DESK)],
        Reason.GRANTED,
    ),
    "another profile at the address waits for a confirmation": (
        [event("given", seen=2, source=ANN), event("pending", seen=4, source=BOB)],
        Reason.GRANTED,
    ),
    "another profile that had not opted in waits for a confirmation": (
        [
            event("given", seen=2, source=ANN),
            event("unknown", seen=3, source=BOB),
            event("pending", seen=4, source=BOB),
        ],
        Reason.CONFLICT,
    ),
    "a question lifts no withdrawal": (
        [event("withdrawn", seen=2, acted=1), event("pending", seen=4, acted=3)],
        Reason.WITHDRAWN,
    ),
    "a grant that says itself when it ends": (
        [event("given", seen=2, acted=1, until=99)],
        Reason.EXPIRED,
    ),
    "of two readings of one act the one that ends it earlier counts": (
        [event("given", seen=2, acted=1, until=200), event("given", seen=3, acted=1, until=99)],
        Reason.EXPIRED,
    ),
    "a purchase where the law doesn't take it for a yes": (
        [
            event(
                "given",
                seen=2,
                acted=2,
                source=PURCHASES,
                basis="implied_purchase",
                evidence={"order_id": "1"},
            )
        ],
        Reason.IMPLIED_NOT_PERMITTED,
    ),
    "an act that was told as an opt-in and as a purchase": (
        [event("given", seen=2, acted=1), event("given", seen=3, acted=1, basis="soft_opt_in")],
        Reason.IMPLIED_NOT_PERMITTED,
    ),
    "an old grant that was renewed": (
        [event("given", seen=2, acted=-700), event("given", seen=3, acted=3)],
        Reason.GRANTED,
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_verdict(situation: str) -> None:
    events, reason = SITUATIONS[situation]
    answer = verdict(KEY, events, us_policy(), NOW)
    assert answer.reason is reason
    assert answer.allowed is (reason is Reason.GRANTED)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_verdict_does_not_depend_on_the_order_of_the_events(situation: str) -> None:
    events, reason = SITUATIONS[situation]
    assert verdict(KEY, events[::-1], us_policy(), NOW).reason is reason


def test_grant_lives_exactly_as_long_as_the_policy_says() -> None:
    grant = [event("given", seen=1, acted=0)]
    until = verdict(KEY, grant, us_policy(), NOW).valid_until
    assert until is not None
    assert until.isoformat() == "2028-01-01T00:00:00+00:00"
    assert verdict(KEY, grant, us_policy(), until).reason is Reason.EXPIRED


def test_purpose_without_validity_never_expires() -> None:
    text = """\
version: 1
name: no end
jurisdictions: [US]
shops: {default: {country: US}}
channels: [email]
purposes: {marketing: {basis: consent}}
quiet_hours: {}
retention:
  {marketing_profile: 1 year, dead_letters: 9 days, waiting_records: 9 days,
   suppression_fingerprints: 3 years, consent_events: 6 years}
records: {}
"""
    answer = verdict(KEY, [event("given", seen=1, acted=-9000)], policy_of(text), NOW)
    assert answer.allowed
    assert answer.valid_until is None


def test_service_needs_no_event_and_marketing_withdrawn_does_not_touch_it() -> None:
    key = KEY._replace(purpose="service")
    answer = verdict(key, [event("withdrawn", seen=1, key=key)], us_policy(), NOW)
    assert answer.allowed
    assert answer.reason is Reason.CONTRACT


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (KEY._replace(shop_id="elsewhere"), Reason.UNKNOWN_JURISDICTION),
        (
            KEY._replace(shop_id="elsewhere", purpose="service"),
            Reason.UNKNOWN_JURISDICTION,
        ),
        (KEY._replace(channel="whatsapp"), Reason.CHANNEL_NOT_IN_POLICY),
        (KEY._replace(purpose="third_party_sharing"), Reason.PURPOSE_NOT_IN_POLICY),
    ],
)
def test_what_the_policy_does_not_know_is_denied(key: object, reason: Reason) -> None:
    assert isinstance(key, type(KEY))
    grant = event("given", seen=2, acted=1, key=key)
    assert verdict(key, [grant], us_policy(), NOW).reason is reason


def test_the_packaged_policy_assumes_no_country() -> None:
    answer = verdict(KEY, [event("given", seen=2, acted=1)], load_policy(None), day(3))
    assert answer.reason is Reason.UNKNOWN_JURISDICTION
