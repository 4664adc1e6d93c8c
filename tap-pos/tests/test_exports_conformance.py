"""What is true of every vendor is true of a folder of files, as far as it applies.

`test_conformance.py` disturbs requests, and a folder has none; the properties that need
none are proved here, at lives of the same kind, with orders in one kind of file and in two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tap_pos.testing.conformance import SpecificationMissing
from tap_pos.testing.fakes.exports import FakeExports
from tap_pos.testing.judging import received
from tap_pos.testing.lives import Act, Life, Read, Step, Wait, busy_life, opening

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 24 * 3600


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few rows make many pages, as the fakes of other vendors do."""
    monkeypatch.setattr("tap_pos.vendors.exports.feeds.PAGE", 3)


@pytest.fixture(params=[False, True], ids=["payments with the sales", "payments apart"])
def fake(request: pytest.FixtureRequest) -> Iterator[FakeExports]:
    with FakeExports(payments_apart=request.param).running() as running:
        yield running


@pytest.fixture
def life(fake: FakeExports) -> Life:
    """A shop that has seen everything once or twice and was not read yet."""
    return Life(fake).go(busy_life(fake))


def test_a_full_sync_sends_the_truth(life: Life) -> None:
    life.check()


def test_any_split_of_the_time_gives_the_same_tables(fake: FakeExports) -> None:
    life = Life(fake)
    for number, step in enumerate(busy_life(fake, seed=2, rounds=1)):
        life.go([step, Read()] if number % 3 == 0 else [step])
    life.check()


def test_a_run_can_be_taken_up_after_any_state(life: Life) -> None:
    whole = life.run()
    full = received({}, whole.messages)
    for position in range(0, len(whole.states), 2):
        target = Life(life.fake)
        target.take_in(whole.until_state(position).messages)
        target.go([Read()])
        assert target.tables == full, f"stopped after state {position}"


def test_a_second_run_sends_nothing_new(life: Life) -> None:
    life.settle()
    life.check_quiet()


def test_a_new_day_is_read_without_reading_the_old_ones_again(fake: FakeExports) -> None:
    life = Life(fake).go([*opening(fake), Wait(DAY), Act("sell", 5), Read()])
    life.go([Wait(DAY), Act("sell", 6)])
    assert len(life.run(life.state).sent("orders")) == 1


def steps() -> st.SearchStrategy[list[Step]]:
    act = st.builds(Act, st.sampled_from(sorted(FakeExports.actions())), st.integers(0, 999))
    wait = st.builds(Wait, st.sampled_from((0, 1, 60, 3600, DAY, 5 * DAY)))
    read = st.builds(Read, killed_after=st.one_of(st.none(), st.integers(0, 99)))
    return st.lists(st.one_of(act, act, act, wait, read), min_size=3, max_size=20)


@settings(max_examples=6, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=steps(), payments_apart=st.booleans())
def test_any_life_at_all(steps: list[Step], payments_apart: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name
    with FakeExports(payments_apart=payments_apart).running() as fake:
        Life(fake).go([*opening(fake), *steps]).check()


def test_no_specification_exists(fake: FakeExports) -> None:
    with pytest.raises(SpecificationMissing):
        fake.specification()
