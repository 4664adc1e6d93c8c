"""Customers buy, and the ledger learns what that implies: no more than the law takes."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from consent_grounds_machine import canadian_policy
from consent_situations import ADDRESS, KEY, SHOP, day, event, policy_of, us_policy
from hypothesis import given
from hypothesis import strategies as st
from target_shopcrm.consent.events import ConsentEvent
from target_shopcrm.consent.fold import verdict
from target_shopcrm.consent.implied import Purchase, implied_events, keys_of
from target_shopcrm.consent.policy import Validity
from target_shopcrm.consent.verdicts import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_shopcrm.consent.events import Key

SMS = KEY._replace(channel="sms", address="+14165550101")
BOTH = {"email": "Ann@Example.com", "sms": "(416) 555-0101"}
SOURCE = "shopcrm:purchases#customer=ann"
BRITISH = """\
version: 1
name: n
extends: uk
shops: {corner-shop: {country: GB, timezone: Europe/London}}
soft_opt_in:
  GB:
    email:
      own_similar_products: yes
      opt_out_in_every_message: yes
      opt_out_at_the_till_since: 2026-01-15
"""


def bought(at: float, order_id: str = "o1", who: str = "ann", **more: object) -> Purchase:
    facts: dict[str, object] = {"addresses": {"email": ADDRESS}, **more}
    return Purchase(SHOP, who, order_id, day(at), **facts)  # type: ignore[arg-type]


def ledger(events: Sequence[ConsentEvent]) -> Mapping[Key, list[ConsentEvent]]:
    by_key: dict[Key, list[ConsentEvent]] = {}
    for one in events:
        by_key.setdefault(one.key, []).append(one)
    return by_key


def test_a_purchase_in_canada_is_good_for_each_address_of_the_customer() -> None:
    purchase = bought(3, addresses=BOTH, method="web_checkout")
    assert set(keys_of([purchase], canadian_policy())) == {KEY, SMS}
    email, sms = implied_events([purchase], canadian_policy(), {})
    assert (email.key, sms.key) == (KEY, SMS)
    assert email == ConsentEvent(
        **KEY._asdict(),
        state="given",
        event_time=day(3),
        observed_at=day(3),
        source=SOURCE,
        legal_basis="implied_purchase",
        valid_until=day(3 + 730),
        method="web_checkout",
        evidence={"order_id": "o1"},
    )


def test_where_a_purchase_implies_nothing_nothing_is_written() -> None:
    assert implied_events([bought(3, addresses=BOTH)], us_policy(), {}) == []
    assert keys_of([bought(3, addresses=BOTH)], us_policy()) == []


def test_an_address_that_is_none_implies_nothing() -> None:
    purchase = bought(3, addresses={"email": "ann@", "sms": None, "post": "Main Street 1"})
    assert implied_events([purchase], canadian_policy(), {}) == []


@pytest.mark.parametrize(
    ("days", "written"),
    [
        ([0, 30], [0]),
        ([0, 31], [0, 31]),
        ([0, 20, 40], [0, 40]),
        ([40, 0], [40]),  # an older order that comes late
        ([40, 40], [40]),
    ],
)
def test_a_regular_is_written_down_once_in_thirty_days(days: list[int], written: list[int]) -> None:
    known: list[ConsentEvent] = []
    for number, at in enumerate(days):
        known += implied_events([bought(at, f"o{number}")], canadian_policy(), ledger(known))
    assert [one.observed_at for one in known] == [day(at) for at in written]


def test_of_many_orders_at_once_the_last_is_written_down() -> None:
    orders = [bought(at, f"o{at}") for at in (90, 10, 400, 50)]
    (one,) = implied_events(orders, canadian_policy(), {})
    assert one.evidence == {"order_id": "o400"}


def test_after_a_no_a_purchase_says_nothing() -> None:
    known = ledger([event("withdrawn", seen=1)])
    assert implied_events([bought(3)], canadian_policy(), known) == []


def test_who_left_the_address_and_came_back_implies_anew() -> None:
    known = implied_events([bought(1)], canadian_policy(), {})
    known.append(event("unknown", seen=5, source=SOURCE, reason="address_changed"))
    assert implied_events([bought(4)], canadian_policy(), ledger(known)) == []
    (again,) = implied_events([bought(6)], canadian_policy(), ledger(known))
    assert verdict(KEY, [*known, again], canadian_policy(), day(7)).allowed


@pytest.mark.parametrize(
    ("at", "offered", "is_written"),
    [
        (20, None, True),  # the till has offered an opt-out since the 15th
        (5, None, False),
        (20, False, False),  # the register knows better
        (5, True, True),
    ],
)
def test_a_soft_opt_in_needs_an_opt_out_at_the_till(
    at: float, *, offered: bool | None, is_written: bool
) -> None:
    policy = policy_of(BRITISH)
    events = implied_events([bought(at, opt_out_offered=offered)], policy, {})
    assert bool(events) is is_written
    for one in events:
        assert one.legal_basis == "soft_opt_in"
        assert verdict(KEY, [one], policy, day(at + 1)).reason is Reason.GRANTED


def test_the_day_of_the_first_opt_out_begins_at_the_shop() -> None:
    policy = policy_of(BRITISH.replace("Europe/London", "Asia/Tokyo"))
    begins = day(14) - timedelta(hours=9)
    for moment, is_written in ((begins, True), (begins - timedelta(seconds=1), False)):
        purchase = Purchase(SHOP, "ann", "o1", moment, {"email": ADDRESS})
        assert bool(implied_events([purchase], policy, {})) is is_written


def test_a_soft_opt_in_nobody_declared_is_never_written() -> None:
    policy = policy_of(BRITISH.replace("own_similar_products: yes", "own_similar_products: no"))
    assert implied_events([bought(20, opt_out_offered=True)], policy, {}) == []


purchases = st.builds(
    lambda at, who, number: bought(at, f"o{number}", who),
    st.integers(0, 300),
    st.sampled_from(["ann", "bob"]),
    st.integers(1, 3),
)


@given(orders=st.lists(purchases, max_size=8), at_once=st.booleans())
def test_the_same_orders_again_add_nothing(orders: list[Purchase], *, at_once: bool) -> None:
    known: list[ConsentEvent] = []
    for batch in [orders] if at_once else [[order] for order in orders]:
        known += implied_events(batch, canadian_policy(), ledger(known))
    assert implied_events(orders, canadian_policy(), ledger(known)) == []
    for who in ("ann", "bob"):
        times = [one.observed_at for one in known if one.source.endswith(who)]
        pairs = pairwise(times)
        assert all(later - before > timedelta(days=30) for before, later in pairs)


@given(st.lists(purchases, min_size=1, max_size=8), st.integers(0, 1200))
def test_nobody_may_be_written_to_longer_than_two_years_after_they_bought(
    orders: list[Purchase], today: int
) -> None:
    events = implied_events(orders, canadian_policy(), {})
    end = Validity(months=24).end(max(order.at for order in orders))
    allowed = verdict(KEY, events, canadian_policy(), day(today)).allowed
    assert allowed is (day(today) < end)
