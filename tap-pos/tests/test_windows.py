"""Window arithmetic: nothing falls between two windows, and days end when the shop's do."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tap_pos.windows import (
    Cuts,
    Window,
    bookmark_after,
    business_date,
    can_be_halved,
    format_instant,
    normalise_instant,
    parse_instant,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

instants = st.datetimes(
    min_value=datetime(2009, 1, 1),  # noqa: DTZ001 - hypothesis wants it naive, the zone is below
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - same
    timezones=st.just(timezone.utc),
).map(lambda moment: moment.replace(microsecond=0))
spans = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=900))
widths = st.timedeltas(min_value=timedelta(hours=20), max_value=timedelta(days=400))


def pieces(cuts: Cuts) -> Iterator[Window]:
    """Drain one piece after the other."""
    while (piece := cuts.next_piece()) is not None:
        yield piece
        cuts.drained(0)


@given(start=instants, span=spans, width=widths)
def test_windows_cover_the_whole_span_without_a_gap(
    start: datetime, span: timedelta, width: timedelta
) -> None:
    cut = list(pieces(Cuts(Window(start, start + span), width)))
    assert cut[0].start == start
    assert cut[-1].end == start + span
    assert all(a.end == b.start for a, b in pairwise(cut))
    assert all(timedelta(0) <= window.end - window.start <= width for window in cut)


@given(start=instants, width=widths)
def test_a_span_that_ends_before_it_starts_has_no_windows(
    start: datetime, width: timedelta
) -> None:
    assert list(pieces(Cuts(Window(start, start - timedelta(seconds=1)), width))) == []


@given(
    start=instants,
    changes=st.lists(st.integers(0, 10_000), max_size=60),
    most=st.integers(1, 8),
)
def test_windows_become_as_narrow_as_a_vendor_needs(
    start: datetime, changes: list[int], most: int
) -> None:
    """A window holds no more changes than fit, but for those of one second, and none is lost."""
    whole = Window(start, start + timedelta(seconds=10_000))
    cuts, drained, tries = Cuts(whole, timedelta(seconds=4000)), list[Window](), 0
    while (piece := cuts.next_piece()) is not None:
        tries += 1
        found = sum(piece.start <= start + timedelta(seconds=n) <= piece.end for n in changes)
        if found > most and can_be_halved(piece):
            assert cuts.halve()
            continue
        drained.append(piece)
        cuts.drained(found)
    assert (drained[0].start, drained[-1].end) == whole
    assert all(a.end == b.start for a, b in pairwise(drained))
    assert tries < 200 + 60 * len(changes)


def test_evenly_spread_changes_are_found_too_many_only_once() -> None:
    """Once the width fits, no window is read in vain."""
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    cuts, halved, drained = (
        Cuts(Window(start, start + timedelta(days=900)), timedelta(days=30)),
        0,
        0,
    )
    while (piece := cuts.next_piece()) is not None:
        found = (piece.end - piece.start) // timedelta(hours=1)
        if found > 200:
            halved += cuts.halve()
        else:
            drained += 1
            cuts.drained(found)
    assert halved == 2
    assert drained == 120


def test_windows_become_wider_again_where_less_changed() -> None:
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    cuts = Cuts(Window(start, start + timedelta(days=90)), timedelta(days=30))
    assert cuts.halve()
    found = []
    for records in (100, 40, 10, 100):
        piece = cuts.next_piece()
        assert piece is not None
        found.append((piece.end - piece.start).days)
        cuts.drained(records)
    assert found == [15, 15, 30, 30]


def test_a_window_of_a_second_is_not_halved() -> None:
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert not Cuts(Window(start, start + timedelta(seconds=1)), timedelta(days=1)).halve()
    assert not Cuts(Window(start, start - timedelta(seconds=1)), timedelta(days=1)).halve()


@given(start=instants, span=spans, lookback=st.timedeltas(timedelta(0), timedelta(days=3)))
def test_a_bookmark_stays_a_lookback_behind_and_never_goes_back(
    start: datetime, span: timedelta, lookback: timedelta
) -> None:
    window = Window(start, start + span)
    bookmark = bookmark_after(window, lookback)
    assert window.start <= bookmark <= window.end
    assert bookmark == window.start or bookmark == window.end - lookback


@settings(deadline=None)
@given(
    start=instants,
    runs=st.lists(st.integers(0, 5_000), min_size=1, max_size=8),
    delays=st.tuples(st.integers(0, 400), st.integers(0, 400)),
    changed=st.integers(0, 25_000),
    width=st.sampled_from([100, 700, 72_000]),
)
def test_a_change_is_read_although_it_becomes_visible_late(
    start: datetime, runs: list[int], delays: tuple[int, int], changed: int, width: int
) -> None:
    """As long as the delay is no longer than the lookback, however narrow the windows are."""
    delay, lookback = sorted(delays)
    row, now, bookmark, seen = start + timedelta(seconds=changed), start, start, False
    for pause in [*runs, 30_000]:
        now += timedelta(seconds=pause)
        visible = now >= row + timedelta(seconds=delay)
        whole = Window(bookmark, now)
        for window in pieces(Cuts(whole, timedelta(seconds=width))):
            seen = seen or (visible and window.start <= row <= window.end)
            read = Window(whole.start, window.end)
            bookmark = bookmark_after(read, timedelta(seconds=lookback))
    assert seen


@given(instant=instants)
def test_instants_survive_being_written_and_read(instant: datetime) -> None:
    assert parse_instant(format_instant(instant)) == instant
    assert normalise_instant(format_instant(instant)) == format_instant(instant)


@pytest.mark.parametrize(
    ("sent", "normalised"),
    [
        ("2026-11-21T18:03:11Z", "2026-11-21T18:03:11Z"),
        ("2026-11-21T18:03:11.000Z", "2026-11-21T18:03:11Z"),
        ("2026-11-21T18:03:11.123Z", "2026-11-21T18:03:11.123Z"),
        ("2026-11-21T18:03:11.123456Z", "2026-11-21T18:03:11.123Z"),
        ("2026-11-21T10:03:11-08:00", "2026-11-21T18:03:11Z"),
        ("2026-11-21", "2026-11-21T00:00:00Z"),
    ],
)
def test_every_spelling_of_a_time_becomes_one(sent: str, normalised: str) -> None:
    assert normalise_instant(sent) == normalised


@pytest.mark.parametrize("sent", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-02-30"])
def test_what_is_no_time_is_refused(sent: str) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        normalise_instant(sent)


@pytest.mark.parametrize(
    ("instant", "zone", "day_starts_at", "day"),
    [
        pytest.param("2026-03-01T04:59:59Z", "America/New_York", "00:00", "2026-02-28", id="eve"),
        pytest.param("2026-03-01T05:00:00Z", "America/New_York", "00:00", "2026-03-01", id="dawn"),
        pytest.param("2026-03-01T08:30:00Z", "America/New_York", "04:00", "2026-02-28", id="bar"),
        pytest.param("2026-03-01T09:00:00Z", "America/New_York", "04:00", "2026-03-01", id="open"),
        # On 8 March 2026 clocks in New York jump from 02:00 to 03:00, at 07:00 UTC.
        pytest.param(
            "2026-03-08T06:59:00Z", "America/New_York", "02:30", "2026-03-07", id="before"
        ),
        pytest.param("2026-03-08T07:00:00Z", "America/New_York", "02:30", "2026-03-08", id="jump"),
        # On 1 November 2026 they go back from 02:00 to 01:00, at 06:00 UTC.
        pytest.param("2026-11-01T05:30:00Z", "America/New_York", "01:30", "2026-11-01", id="first"),
        pytest.param("2026-11-01T06:10:00Z", "America/New_York", "01:30", "2026-10-31", id="again"),
        pytest.param("2026-03-01T10:00:00Z", "Pacific/Kiritimati", "00:00", "2026-03-02", id="far"),
    ],
)
def test_the_business_day_follows_the_clock_on_the_wall(
    instant: str, zone: str, day_starts_at: str, day: str
) -> None:
    found = business_date(instant, ZoneInfo(zone), time.fromisoformat(day_starts_at))
    assert found == day
