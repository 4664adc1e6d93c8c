"""The ids a run has sent, on their way through the state."""

from __future__ import annotations

from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_pos.known_ids import KnownIds, decode, encode

numbers = st.integers(0, 10**20).map(str)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
lookalikes = st.sampled_from(
    ["", "007", "-1", "+1", "1.0", "1e3", " 1", "1 ", "\uff11\uff12", "a:b", "1,2"]
)
ids = st.sets(st.one_of(numbers, texts, lookalikes, st.integers(0, 60).map(str)), max_size=80)


@given(ids=ids)
def test_any_ids_survive_being_written_and_read(ids: set[str]) -> None:
    assert decode(encode(ids)) == ids


@given(pages=st.lists(ids, max_size=12), ended=ids)
def test_ids_learnt_page_by_page_and_forgotten_survive_from_run_to_run(
    pages: list[set[str]], ended: set[str]
) -> None:
    known, expected = KnownIds(), set[str]()
    for page in pages:
        assert known.add(page) == bool(page - expected)
        expected |= page
        known = KnownIds(known.written())
        assert known.discard(ended) == bool(expected & ended)
        expected -= ended
    again = KnownIds(known.written())
    assert len(again) == len(expected)
    assert again.missing_from(()) == sorted(expected)
    assert again.missing_from(expected) == []
    assert all(identity in again for identity in expected)
    assert len(again.written()) <= 8


def test_equal_ids_are_written_equally_whatever_their_order() -> None:
    assert encode(["b", "7", "a", "8"]) == encode({"8", "a", "7", "b"})


def test_numbers_without_gaps_cost_nothing() -> None:
    known = KnownIds()
    for start in range(1, 1_000_000, 50_000):
        known.add(map(str, range(start, start + 50_000)))
    known.discard(["500000"])
    assert known.written() == ["1+499998,2+499999:"]


def test_random_ids_cost_little() -> None:
    """A UUID is 16 random bytes, written as 36 characters."""
    people = {str(uuid5(UUID(int=0), str(number))) for number in range(5000)}
    assert len(encode(people)) / len(people) < 29


def test_few_texts_hold_very_many_pages() -> None:
    known = KnownIds()
    for page in range(1000):
        known.add(f"C-{page}-{row}" for row in range(20))
    assert len(known.written()) <= 15
    assert len(KnownIds(known.written())) == 20_000


@pytest.mark.parametrize("damaged", ["x:", "1-2:", ":@@", ":aGVsbG8=", "1+:x"])
def test_a_damaged_text_is_refused(damaged: str) -> None:
    with pytest.raises(ValueError, match="known ids"):
        KnownIds([damaged])
