"""What is true of every vendor, however it is read: nothing lost, nothing invented.

The life of a shop is acted out at the vendor's fake (`tap_pos.testing.conformance`) while the
real tap reads it over HTTP. Run one vendor's with ``-k square``.
"""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tap_pos.testing.conformance import ConformingFake, SpecificationMissing
from tap_pos.testing.fakes import CONFORMING
from tap_pos.testing.judging import received
from tap_pos.testing.lives import (
    BREAKDOWNS,
    FAULTS,
    Act,
    ExpireCursors,
    Hiccup,
    Life,
    Read,
    Step,
    Wait,
    busy_life,
    opening,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_pos.testing.judging import Tables

DAY = 24 * 3600
NEWS = ("sell", "sell_late", "refund", "change_sale", "cancel_sale", "add_customer",
        "change_customer", "delete_customer", "merge_customers", "add_product",
        "change_product", "delete_product")  # fmt: skip


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    """A thousand runs would bury a failure's one telling line under their logs."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


MAKERS = [name for name, fake in sorted(CONFORMING.items()) if not fake.is_variant]
of_each_maker = pytest.mark.parametrize("vendor", MAKERS, indirect=True)


@pytest.fixture(params=sorted(CONFORMING))
def vendor(request: pytest.FixtureRequest) -> type[ConformingFake]:
    return CONFORMING[request.param]


@pytest.fixture
def fake(vendor: type[ConformingFake]) -> Iterator[ConformingFake]:
    with vendor().running() as running:
        yield running


@pytest.fixture
def life(fake: ConformingFake) -> Life:
    """A shop that has seen everything once or twice and was not read yet."""
    return Life(fake).go(busy_life(fake))


def all_news(fake: ConformingFake, seed: int = 50) -> list[Act]:
    """Everything that may happen to sales, people and products, once each."""
    return [Act(name, seed + n) for n, name in enumerate(NEWS) if name in fake.actions()]


def test_a_full_sync_sends_the_truth(life: Life) -> None:
    life.check()


@of_each_maker
def test_a_year_of_sales_is_read_whole(fake: ConformingFake) -> None:
    """Vendors have quiet defaults: a year, ninety days, the main location."""
    life = Life(fake).go(busy_life(fake, rounds=1))
    for days in (100, 280):
        life.go([Read(), Wait(days * DAY), *opening(fake), *all_news(fake)])
    life.check()


@pytest.mark.parametrize("pause", [2, 5], ids=["read often", "read now and then"])
def test_any_split_of_the_time_gives_the_same_tables(fake: ConformingFake, pause: int) -> None:
    life = Life(fake)
    for number, step in enumerate(busy_life(fake, seed=2, rounds=1)):
        life.go([step, Read()] if number % pause == 0 else [step])
    life.check()


@of_each_maker
def test_a_run_can_be_taken_up_after_any_state(life: Life) -> None:
    life.settle()
    whole = life.run()
    full = received({}, whole.messages)
    step = max(1, len(whole.states) // 6)
    for position in range(0, len(whole.states), step):
        target = Life(life.fake)
        target.take_in(whole.until_state(position).messages)
        target.go([Read()])
        assert target.tables == full, f"stopped after state {position}"


def full_tables(life: Life) -> tuple[Tables, int]:
    """Settle, and give what a full run sends with the number of its requests."""
    life.settle()
    before = len(life.fake.requests)
    full = received({}, life.run().messages)
    return full, len(life.fake.requests) - before


def check_broken_at(life: Life, full: Tables, position: int, kind: str) -> None:
    """Break a first run at a request, take it up again, and compare."""
    target = Life(life.fake)
    assert target.read(Read(breaks=(position, kind))).failures, "the run did not come that far"
    target.go([Read()])
    assert target.tables == full, f"broken by {kind} at request {position}"


@of_each_maker
def test_a_run_can_be_taken_up_after_failing_at_a_request(life: Life) -> None:
    full, most = full_tables(life)
    for number, kind in enumerate([*BREAKDOWNS, "500"]):
        check_broken_at(life, full, 1 + most * number // 4, kind)


@pytest.mark.long
def test_a_run_can_be_taken_up_after_failing_at_any_request(life: Life) -> None:
    full, most = full_tables(life)
    kinds = list(BREAKDOWNS)
    for position in range(1, most + 1):
        check_broken_at(life, full, position, kinds[position % len(kinds)])


def test_what_happens_during_a_run_is_there_after_the_next(life: Life) -> None:
    fake = life.fake
    acts = all_news(fake)
    for number in range(0, len(acts), 2):
        places = (2 + number * 2, 3 + number * 2, 4 + number * 2)
        happening = (Act("sell", number), *acts[number : number + 2])
        life.go([Read(meanwhile=tuple(zip(places, happening, strict=False)))])
    life.check()


def test_what_happens_during_a_first_run_is_not_lost(life: Life) -> None:
    fake = life.fake
    before = len(fake.requests)
    life.run()
    most = len(fake.requests) - before
    acts = all_news(fake)
    moments = [1 + most * number // len(acts) for number in range(len(acts))]
    meanwhile = [(moment, act) for moment, act in zip(moments, acts, strict=True)]
    ticking = [(moment, Wait(1)) for moment in range(1, most, 3)]
    life.go([Read(meanwhile=(*ticking, *meanwhile))])
    life.check()


def test_what_listings_show_late_is_not_lost(fake: ConformingFake) -> None:
    life = Life(fake).go([*opening(fake), Wait(3600), Read()])
    for share in (0.2, 1.0):
        hidden = [Act(act.action, act.seed, hidden=share) for act in all_news(fake)]
        third = max(1, int(fake.lookback.total_seconds() // 3))
        # Soon enough that even what a vendor hides for a part of that time is hidden still.
        soon = max(1, int(third * share / 2))
        life.go([*hidden, Read(), Wait(soon), Read(), Wait(third), Read(), Wait(third)])
        life.go([*all_news(fake, 80), Read()])
    life.check()


@of_each_maker
@pytest.mark.parametrize("lookback", [None, 0], ids=["the vendor's lookback", "no lookback"])
def test_many_changes_in_the_second_of_a_bookmark_are_all_there(
    fake: ConformingFake, lookback: int | None
) -> None:
    """Far more rows than a page holds share one time, before and after a run in that second."""
    more = {} if lookback is None else {"lookback_seconds": lookback}
    life = Life(fake, **more).go([*opening(fake), Wait(DAY)])
    for number in range(2):
        life.go([*[Act("sell", n) for n in range(5)], *all_news(fake, number * 20), Read()])
        life.go([*[Act("sell", n) for n in range(4)], *all_news(fake, 9 + number * 20), Read()])
        life.go([Wait(1)])
    life.check()


@of_each_maker
def test_many_changes_at_the_edge_of_a_window_are_all_there(fake: ConformingFake) -> None:
    """Windows of a day, cut from the last bookmark; everything happens where they touch."""
    # From yesterday on: hundreds of empty days before would prove no more.
    start = (fake.now - timedelta(days=1)).date().isoformat()
    life = Life(fake, window_days=1, lookback_seconds=0, start_date=start)
    life.go([*opening(fake), Wait(1), Read()])
    for number in range(2):
        life.go([Wait(DAY), *[Act("sell", n) for n in range(5)], *all_news(fake, number * 20)])
    life.go([Wait(DAY // 2), Read()])
    life.check()


@of_each_maker
def test_a_passing_fault_changes_nothing(life: Life) -> None:
    full, most = full_tables(life)
    for fault in FAULTS:
        places = (1, 1 + most // 2)
        hiccups = tuple((place, Hiccup(fault)) for place in places)
        target = Life(life.fake).go([Read(meanwhile=hiccups)])
        assert target.tables == full, f"{fault} changed something"


@pytest.mark.parametrize(
    "vendor", [name for name in MAKERS if CONFORMING[name].forgets_cursors], indirect=True
)
def test_expired_cursors_change_nothing(life: Life) -> None:
    """Wherever a first run has come to when the vendor forgets its pages."""
    full, most = full_tables(life)
    for position in range(2, most + 1, max(1, most // 10)):
        target = Life(life.fake).go([Read(meanwhile=((position, ExpireCursors()),))])
        assert target.tables == full, f"cursors expired before request {position}"


def test_a_second_run_sends_nothing_new(life: Life) -> None:
    life.settle()
    life.check_quiet()


@of_each_maker
def test_requests_and_answers_fit_the_vendors_own_specification(fake: ConformingFake) -> None:
    try:
        held_to = fake.specification()
        with held_to:
            life = Life(fake).go(busy_life(fake, rounds=3))
            life.go([Read(), Wait(DAY), *all_news(fake), ExpireCursors()])
            life.check()
    except SpecificationMissing as missing:
        pytest.skip(str(missing) or "the vendor's specification is not on this machine")
    assert fake.violations == []


def acts(fake: type[ConformingFake]) -> st.SearchStrategy[Act]:
    hidden = st.sampled_from((0.0, 0.0, 0.0, 0.5, 1.0))
    return st.builds(Act, st.sampled_from(sorted(fake.actions())), st.integers(0, 999), hidden)


def waits() -> st.SearchStrategy[Wait]:
    return st.builds(Wait, st.sampled_from((0, 1, 2, 30, 59, 60, 61, 179, 180, 3600, DAY, 5 * DAY)))


def reads(fake: type[ConformingFake]) -> st.SearchStrategy[Read]:
    moments = st.integers(1, 40)
    # Faults cost waiting, so they are the rarest.
    happening = st.one_of(
        acts(fake), acts(fake), acts(fake), waits(), st.just(ExpireCursors()),
        st.builds(Hiccup, st.sampled_from(("busy", "500", "503 without JSON"))),
    )  # fmt: skip
    breaks = st.tuples(moments, st.sampled_from(sorted(BREAKDOWNS)))
    return st.builds(
        Read,
        st.lists(st.tuples(moments, happening), max_size=5).map(tuple),
        st.one_of(st.none(), st.none(), breaks),
        st.one_of(st.none(), st.none(), st.integers(0, 99)),
    )


def schedules(fake: type[ConformingFake]) -> st.SearchStrategy[list[Step]]:
    step = st.one_of(acts(fake), acts(fake), acts(fake), waits(), reads(fake))
    return st.lists(step, min_size=3, max_size=20)


def live(vendor: type[ConformingFake], lives: int, *, derandomize: bool) -> None:
    """Let Hypothesis make up lives; a failure prints the shortest one that fails."""

    @settings(
        max_examples=lives,
        derandomize=derandomize,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(steps=schedules(vendor), window_days=st.sampled_from((5, 30)))
    def one_life(steps: list[Step], window_days: int) -> None:
        with vendor().running() as fake:
            Life(fake, window_days=window_days).go([*opening(fake), *steps]).check()

    one_life()


def test_any_life_at_all(vendor: type[ConformingFake]) -> None:
    live(vendor, 4, derandomize=True)


@pytest.mark.long
def test_many_more_lives(vendor: type[ConformingFake]) -> None:
    # In CI the same lives every time: a rare finding must not block an unrelated change.
    live(vendor, 300, derandomize="CI" in os.environ)
