"""What a ledger has to learn from a reading."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from consent_situations import KEY, NOW, event, us_policy
from hypothesis import given
from hypothesis import strategies as st
from target_shopcrm.consent.fold import events_to_append, verdict

if TYPE_CHECKING:
    from target_shopcrm.consent.events import ConsentEvent, LegalBasis

DESK = "desk:preference-centre"
PURCHASE: LegalBasis = "implied_purchase"

SITUATIONS: dict[str, tuple[list[ConsentEvent], list[ConsentEvent], list[int]]] = {
    # known, asserted, positions in asserted of what is appended
    "the first word of a source": ([], [event("unknown", seen=1)], [0]),
    "the same dated grant read again": (
        [event("given", seen=2, acted=1)],
        [event("given", seen=5, acted=1)],
        [],
    ),
    "the same undated grant read again": ([event("given", seen=2)], [event("given", seen=5)], []),
    "an undated withdrawal read again": (
        [event("withdrawn", seen=2)],
        [event("withdrawn", seen=5)],
        [],
    ),
    "an undated withdrawal read again after a newer dated grant": (
        [event("withdrawn", seen=2), event("given", seen=4, acted=3, source=DESK)],
        [event("withdrawn", seen=5)],
        [0],
    ),
    "an undated withdrawal still asserted beside a new dated grant": (
        [event("withdrawn", seen=2)],
        [event("withdrawn", seen=5), event("given", seen=5, acted=3, source=DESK)],
        [1, 0],
    ),
    "an undated withdrawal beside an older dated one": (
        [event("withdrawn", seen=2, acted=1)],
        [event("withdrawn", seen=2)],
        [0],
    ),
    "a stale undated withdrawal from before the newer dated grant": (
        [event("withdrawn", seen=2), event("given", seen=6, acted=5, source=DESK)],
        [event("withdrawn", seen=4)],
        [],
    ),
    "an undated withdrawal read before one that is known": (
        [event("withdrawn", seen=5)],
        [event("withdrawn", seen=2)],
        [],
    ),
    "a stale undated grant after the source held none": (
        [event("given", seen=1), event("unknown", seen=5)],
        [event("given", seen=3)],
        [],
    ),
    "an undated grant after the source held none": (
        [event("unknown", seen=5)],
        [event("given", seen=7)],
        [0],
    ),
    "none any more": ([event("given", seen=2)], [event("unknown", seen=3)], [0]),
    "still none": ([event("unknown", seen=2)], [event("unknown", seen=3)], []),
    "a stale none from before the grant": (
        [event("given", seen=5)],
        [event("unknown", seen=3)],
        [],
    ),
    "the same dated grant, back after the source held none": (
        [event("given", seen=2, acted=1), event("unknown", seen=4)],
        [event("given", seen=6, acted=1)],
        [0],
    ),
    "a grant from the future, seen earlier than we knew": (
        [event("given", seen=6, acted=90)],
        [event("given", seen=3, acted=90)],
        [0],
    ),
    "a question that waits for its answer": (
        [event("given", seen=2, acted=1)],
        [event("pending", seen=5, acted=5)],
        [0],
    ),
    "the same question read again": (
        [event("pending", seen=2, acted=1)],
        [event("pending", seen=5, acted=1)],
        [],
    ),
    "another question": (
        [event("pending", seen=2, acted=1)],
        [event("pending", seen=5, acted=4)],
        [0],
    ),
    "a stale question from before the answer": (
        [event("given", seen=5, acted=4)],
        [event("pending", seen=3, acted=2)],
        [],
    ),
    "the answer to a question": (
        [event("pending", seen=2, acted=1)],
        [event("given", seen=5, acted=4)],
        [0],
    ),
    "a dated grant that now says when it ends": (
        [event("given", seen=2, acted=1)],
        [event("given", seen=5, acted=1, until=9)],
        [0],
    ),
    "an undated grant that now says when it ends": (
        [event("given", seen=2)],
        [event("given", seen=5, until=9)],
        [0],
    ),
    "a grant that says again when it ends": (
        [event("given", seen=2), event("given", seen=5, until=9)],
        [event("given", seen=7), event("given", seen=7, until=9)],
        [],
    ),
    "an undated no beside a newer purchase, which lifts nothing": (
        [event("withdrawn", seen=2), event("given", seen=4, acted=3, source=DESK, basis=PURCHASE)],
        [event("withdrawn", seen=5)],
        [],
    ),
    "twice in one reading": (
        [],
        [event("given", seen=2, acted=1), event("given", seen=2, acted=1)],
        [0],
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_appended(situation: str) -> None:
    known, asserted, positions = SITUATIONS[situation]
    assert events_to_append(known, asserted) == [asserted[at] for at in positions]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_same_reading_again_appends_nothing(situation: str) -> None:
    known, asserted, _ = SITUATIONS[situation]
    after = known + events_to_append(known, asserted)
    assert events_to_append(after, asserted) == []
    assert events_to_append(after, after) == []


days = st.integers(0, 12)
sources = st.sampled_from(["till", DESK, "till#customer=ann", "till#customer=bob"])
ends = st.none() | st.sampled_from([8, 400])
dated = st.builds(
    lambda state, seen, acted, source, until: event(
        state, seen=seen, acted=acted, source=source, until=until if state == "given" else None
    ),
    st.sampled_from(["given", "withdrawn"]),
    days,
    days,
    sources,
    ends,
)
undated = st.builds(
    lambda state, seen, source: event(state, seen=seen, source=source),
    st.sampled_from(["given", "withdrawn", "unknown", "pending"]),
    days,
    sources,
)


def told_one_by_one(events: list[ConsentEvent]) -> list[ConsentEvent]:
    ledger: list[ConsentEvent] = []
    for one in events:
        ledger += events_to_append(ledger, [one])
    return ledger


@given(st.lists(dated, max_size=5))
def test_dated_events_give_one_verdict_in_whatever_order_they_arrive(
    events: list[ConsentEvent],
) -> None:
    complete = verdict(KEY, events, us_policy(), NOW)
    for order in permutations(events):
        assert verdict(KEY, told_one_by_one(list(order)), us_policy(), NOW) == complete


@given(st.lists(dated | undated, max_size=8))
def test_the_ledger_never_allows_more_than_everything_ever_said(
    events: list[ConsentEvent],
) -> None:
    in_order = sorted(events, key=lambda one: one.observed_at)
    if verdict(KEY, told_one_by_one(in_order), us_policy(), NOW).allowed:
        assert any(one.state == "given" for one in events)
        dated_no = [one.event_time for one in events if one.state == "withdrawn" and one.event_time]
        for no in dated_no:
            assert any(
                one.state == "given"
                and one.event_time is not None
                and min(one.event_time, one.observed_at) > no
                for one in events
            )


@given(st.lists(dated | undated, max_size=8), st.lists(dated | undated, max_size=4))
def test_appending_twice_is_appending_once(
    known: list[ConsentEvent], asserted: list[ConsentEvent]
) -> None:
    ledger = told_one_by_one(known)
    assert events_to_append(ledger, ledger) == []
    ledger += events_to_append(ledger, asserted)
    assert events_to_append(ledger, asserted) == []


@given(st.lists(dated | undated, max_size=8), undated | dated)
def test_an_older_or_undated_grant_never_lifts_a_withdrawal(
    known: list[ConsentEvent], late: ConsentEvent
) -> None:
    ledger = told_one_by_one(known)
    no = [one.event_time or one.observed_at for one in ledger if one.state == "withdrawn"]
    before = verdict(KEY, ledger, us_policy(), NOW)
    if not no or before.allowed or late.state != "given":
        return
    if late.event_time is None or min(late.event_time, late.observed_at) <= max(no):
        ledger += events_to_append(ledger, [late])
        assert not verdict(KEY, ledger, us_policy(), NOW).allowed
