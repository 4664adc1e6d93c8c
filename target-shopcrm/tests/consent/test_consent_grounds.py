"""What a purchase, an inquiry or a soft opt-in is worth, and what it never is."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import pytest
from consent_situations import KEY, NOW, SHOP, day, event, policy_of
from hypothesis import given
from hypothesis import strategies as st
from target_shopcrm.consent.fold import verdict
from target_shopcrm.consent.verdicts import Reason

if TYPE_CHECKING:
    from target_shopcrm.consent.events import ConsentEvent, LegalBasis
    from target_shopcrm.consent.policy import Policy

DECLARED = """\
soft_opt_in:
  GB:
    email: {own_similar_products: yes, opt_out_in_every_message: yes}
"""
ORDER = {"order_id": "1"}
INQUIRY = {"screenshot_or_form_ref": "letter 12"}
OFFERED = {**ORDER, "opt_out_offered_at_collection": "true"}


@lru_cache(maxsize=16)
def of(pack: str, country: str, more: str = "") -> Policy:
    return policy_of(
        f"version: 1\nname: n\nextends: {pack}\nshops: {{{SHOP}: {{country: {country}}}}}\n{more}"
    )


CANADA = of("ca", "CA")
BRITAIN = of("uk", "GB", DECLARED)


def said(basis: LegalBasis, evidence: dict[str, str], acted: float = 2) -> ConsentEvent:
    return event("given", seen=max(acted, 2), acted=acted, basis=basis, evidence=evidence)


def answer(policy: Policy, *events: ConsentEvent, purpose: str = "marketing") -> Reason:
    key = KEY._replace(purpose=purpose)
    return verdict(key, events, policy, NOW).reason


@pytest.mark.parametrize(
    ("policy", "basis", "evidence", "reason"),
    [
        (CANADA, "implied_purchase", ORDER, Reason.GRANTED),
        (CANADA, "implied_purchase", {}, Reason.IMPLIED_NOT_PERMITTED),
        (CANADA, "implied_purchase", INQUIRY, Reason.IMPLIED_NOT_PERMITTED),
        (CANADA, "implied_inquiry", INQUIRY, Reason.GRANTED),
        (CANADA, "implied_inquiry", ORDER, Reason.IMPLIED_NOT_PERMITTED),
        (CANADA, "soft_opt_in", OFFERED, Reason.IMPLIED_NOT_PERMITTED),
        (BRITAIN, "soft_opt_in", OFFERED, Reason.GRANTED),
        (BRITAIN, "soft_opt_in", ORDER, Reason.IMPLIED_NOT_PERMITTED),
        (
            BRITAIN,
            "soft_opt_in",
            {**ORDER, "opt_out_offered_at_collection": "false"},
            Reason.IMPLIED_NOT_PERMITTED,
        ),
        (
            BRITAIN,
            "soft_opt_in",
            {"opt_out_offered_at_collection": "true"},
            Reason.IMPLIED_NOT_PERMITTED,
        ),
        (BRITAIN, "implied_purchase", ORDER, Reason.IMPLIED_NOT_PERMITTED),
        (of("uk", "GB"), "soft_opt_in", OFFERED, Reason.IMPLIED_NOT_PERMITTED),
        (of("eu", "DE"), "soft_opt_in", OFFERED, Reason.IMPLIED_NOT_PERMITTED),
        (of("us", "US"), "implied_purchase", ORDER, Reason.IMPLIED_NOT_PERMITTED),
        (of("strict", "CA"), "implied_purchase", ORDER, Reason.IMPLIED_NOT_PERMITTED),
    ],
)
def test_a_ground_counts_where_the_law_takes_it_and_it_is_proven(
    policy: Policy, basis: LegalBasis, evidence: dict[str, str], reason: Reason
) -> None:
    assert answer(policy, said(basis, evidence)) is reason


@pytest.mark.parametrize("flag", ["own_similar_products", "opt_out_in_every_message"])
def test_a_soft_opt_in_of_which_the_shop_declared_only_half_counts_nothing(flag: str) -> None:
    half = of("uk", "GB", f"soft_opt_in: {{GB: {{email: {{{flag}: yes}}}}}}\n")
    assert answer(half, said("soft_opt_in", OFFERED)) is Reason.IMPLIED_NOT_PERMITTED


def test_a_soft_opt_in_declared_for_email_is_none_for_text_messages() -> None:
    key = KEY._replace(channel="sms", address="+447400123456")
    one = event("given", seen=2, acted=2, key=key, basis="soft_opt_in", evidence=OFFERED)
    assert verdict(key, [one], BRITAIN, NOW).reason is Reason.IMPLIED_NOT_PERMITTED


def test_a_province_follows_its_country() -> None:
    policy = policy_of(
        "version: 1\nname: n\nextends: ca\n"
        f"shops: {{{SHOP}: {{country: CA, jurisdiction: CA-QC}}}}\n"
    )
    assert answer(policy, said("implied_purchase", ORDER)) is Reason.GRANTED


def test_a_purchase_is_never_a_yes_to_being_looked_at() -> None:
    key = KEY._replace(purpose="profiling")
    one = event("given", seen=2, acted=2, key=key, basis="implied_purchase", evidence=ORDER)
    assert answer(CANADA, one, purpose="profiling") is Reason.IMPLIED_NOT_PERMITTED


@pytest.mark.parametrize(
    ("basis", "evidence", "end"),
    [
        ("implied_purchase", ORDER, "2028-01-03"),
        ("implied_inquiry", INQUIRY, "2026-07-03"),
    ],
)
def test_it_ends_by_the_law_whatever_it_says_itself(
    basis: LegalBasis, evidence: dict[str, str], end: str
) -> None:
    one = event("given", seen=2, acted=2, until=9999, basis=basis, evidence=evidence)
    found = verdict(KEY, [one], CANADA, day(50))
    assert found.valid_until is not None
    assert found.valid_until.date().isoformat() == end
    assert verdict(KEY, [one], CANADA, found.valid_until).reason is Reason.EXPIRED


def test_an_express_consent_in_canada_does_not_run_out_and_outlives_a_purchase() -> None:
    found = verdict(KEY, [said("implied_purchase", ORDER), event("given", seen=3)], CANADA, NOW)
    assert found.allowed
    assert found.valid_until is None


grounds = st.builds(
    lambda basis, evidence, acted, seen, state, source: event(
        state, seen=seen, acted=acted, basis=basis, evidence=evidence, source=source
    ),
    st.sampled_from(["consent_express", "soft_opt_in", "implied_purchase", "implied_inquiry"]),
    st.sampled_from([{}, ORDER, INQUIRY, OFFERED]),
    st.none() | st.integers(0, 9),
    st.integers(0, 9),
    st.sampled_from(["given", "given", "given", "withdrawn", "unknown", "pending"]),
    st.sampled_from(["till", "desk", "till#customer=ann"]),
)


@given(st.lists(grounds, max_size=7), st.sampled_from([CANADA, BRITAIN]))
def test_no_ground_but_a_later_dated_yes_ever_lifts_a_no(
    events: list[ConsentEvent], policy: Policy
) -> None:
    noes = [one.event_time or one.observed_at for one in events if one.state == "withdrawn"]
    if noes and answer(policy, *events) is Reason.GRANTED:
        assert any(
            one.state == "given"
            and one.legal_basis == "consent_express"
            and one.event_time is not None
            and min(one.event_time, one.observed_at) > max(noes)
            for one in events
        )


@given(st.lists(grounds, max_size=7))
def test_where_only_an_opt_in_counts_nothing_else_changes_the_answer_to_yes(
    events: list[ConsentEvent],
) -> None:
    strict = of("strict", "CA")
    if answer(strict, *events) is Reason.GRANTED:
        express = [one for one in events if one.legal_basis == "consent_express"]
        assert answer(strict, *express) is Reason.GRANTED


@given(st.lists(grounds, max_size=6), st.permutations(range(6)), st.sampled_from([CANADA, BRITAIN]))
def test_the_order_in_which_grounds_arrive_plays_no_part(
    events: list[ConsentEvent], order: list[int], policy: Policy
) -> None:
    shuffled = [events[at] for at in order if at < len(events)]
    assert verdict(KEY, shuffled, policy, NOW) == verdict(KEY, events, policy, NOW)
