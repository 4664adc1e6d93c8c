"""Several sources at once, within bounds."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tap_pos.workers import Ended, Parcel, Silence, Source, gather

if TYPE_CHECKING:
    from collections.abc import Iterator

AMPLE = 10**9


class Counted:
    """A source whose parcels count up; it notes how far it was read."""

    def __init__(self, key: str, parcels: int, size: int = 10) -> None:
        self.key = key
        self.made = 0
        self.has_begun = threading.Event()
        self._parcels = parcels
        self._size = size

    def read(self) -> Iterator[Parcel]:
        """Make the parcels."""
        self.has_begun.set()
        for number in range(self._parcels):
            self.made += 1
            yield Parcel(b"x" * self._size, 1, {"number": number})

    def source(self, guess: int = 0) -> Source:
        """Offer them."""
        return Source(self.key, self.read, guess)


def settled() -> None:
    """Give workers the time to do what they must not do."""
    time.sleep(0.1)


def test_parcels_of_each_source_come_in_order_and_then_its_end() -> None:
    counted = [Counted(f"S{number}", 20) for number in range(8)]
    brought: dict[str, list[object]] = {}
    for key, thing in gather([c.source() for c in counted], workers=3, room=AMPLE):
        if not isinstance(thing, Silence):
            brought.setdefault(key, []).append(
                thing.state["number"] if isinstance(thing, Parcel) else "end"
            )
    assert brought == {counter.key: [*range(20), "end"] for counter in counted}


def test_no_source_runs_far_ahead_of_the_reader() -> None:
    counter = Counted("S", 50)
    with closing(gather([counter.source()], workers=1, room=AMPLE)) as arriving:
        for position, _ in zip(range(1, 4), arriving, strict=False):
            settled()
            assert counter.made <= position + 1


def test_large_sources_are_read_a_few_at_a_time() -> None:
    """Each says it may need 400 of 1000 bytes, with ten times the page's size in memory."""
    counted = [Counted(f"S{number}", 5, size=40) for number in range(6)]
    ended = 0
    with closing(gather([c.source(40) for c in counted], workers=6, room=1000)) as arriving:
        for _, thing in arriving:
            settled()
            ended += isinstance(thing, Ended)
            begun = sum(counter.has_begun.is_set() for counter in counted)
            assert begun <= ended + 2
    assert ended == 6


def test_sources_that_turn_out_small_make_room_for_others() -> None:
    """At first, two seem to fill the room; their first parcels show that they don't."""
    counted = [Counted(f"S{number}", 5, size=1) for number in range(6)]
    arriving = gather([c.source(40) for c in counted], workers=6, room=1000)
    with closing(arriving):
        next(arriving)
        assert all(counter.has_begun.wait(10) for counter in counted)


def test_a_source_larger_than_the_room_is_read_alone() -> None:
    counted = [Counted("giant", 3, size=5000), Counted("small", 3, size=1)]
    brought = [
        key
        for key, thing in gather([c.source(5000) for c in counted], workers=2, room=100)
        if isinstance(thing, Ended)
    ]
    assert brought == ["giant", "small"]


def test_an_error_arrives_as_the_sources_end() -> None:
    def fail() -> Iterator[Parcel]:
        yield Parcel(b"", 0, {})
        raise KeyError("x")

    things = [thing for _, thing in gather([Source("S", fail, 0)], workers=1, room=AMPLE)]
    assert [type(thing) for thing in things if not isinstance(thing, Silence)] == [Parcel, Ended]
    assert isinstance(things[-1], Ended)
    assert isinstance(things[-1].error, KeyError)


@pytest.mark.parametrize("room", [AMPLE, 100])
def test_workers_go_home_once_nobody_listens(room: int) -> None:
    counted = [Counted(f"S{number}", 1000, size=20) for number in range(5)]
    arriving = gather([c.source(5) for c in counted], workers=5, room=room)
    next(arriving)
    arriving.close()
    deadline = time.monotonic() + 10
    while any(thread.name.startswith("reader-") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert all(counter.made < 1000 for counter in counted)


def test_silence_is_told_while_a_source_is_slow() -> None:
    go_on = threading.Event()

    def wait() -> Iterator[Parcel]:
        go_on.wait(10)
        yield Parcel(b"", 0, {})

    kinds = []
    for _, thing in gather([Source("S", wait, 0)], workers=1, room=AMPLE):
        kinds.append(type(thing))
        go_on.set()
    assert kinds == [Silence, Parcel, Ended]


def test_without_sources_there_is_nothing() -> None:
    assert list(gather([], workers=4, room=AMPLE)) == []
