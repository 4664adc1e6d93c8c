"""Window arithmetic: nothing falls between two windows, and days end when the shop's do."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_pos.windows import (
    Window,
    bookmark_after,
    business_date,
    format_instant,
    normalise_instant,
    parse_instant,
    slices,
)

instants = st.datetimes(
    min_value=datetime(2009, 1, 1),  # noqa: DTZ001 - hypothesis wants it naive, the zone is below
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - same
    timezones=st.just(timezone.utc),
).map(lambda moment: moment.replace(microsecond=0))
spans = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=900))
widths = st.timedeltas(min_value=timedelta(hours=20), max_value=timedelta(days=400))


@given(start=instants, span=spans, width=widths)
def test_windows_cover_the_whole_span_without_a_gap(
    start: datetime, span: timedelta, width: timedelta
) -> None:
    cut = list(slices(Window(start, start + span), width))
    assert cut[0].start == start
    assert cut[-1].end == start + span
    assert all(a.end == b.start for a, b in pairwise(cut))
    assert all(timedelta(0) <= window.end - window.start <= width for window in cut)


@given(start=instants, width=widths)
def test_a_span_that_ends_before_it_starts_has_no_windows(
    start: datetime, width: timedelta
) -> None:
    assert list(slices(Window(start, start - timedelta(seconds=1)), width)) == []


@given(start=instants, span=spans, lookback=st.timedeltas(timedelta(0), timedelta(days=3)))
def test_a_bookmark_stays_a_lookback_behind_and_never_goes_back(
    start: datetime, span: timedelta, lookback: timedelta
) -> None:
    window = Window(start, start + span)
    bookmark = bookmark_after(window, lookback)
    assert window.start <= bookmark <= window.end
    assert bookmark == window.start or bookmark == window.end - lookback


@given(
    start=instants,
    runs=st.lists(st.integers(0, 20_000), min_size=1, max_size=8),
    lookback=st.integers(0, 400),
    delay=st.integers(0, 400),
    changed=st.integers(0, 100_000),
)
def test_a_change_is_read_although_it_becomes_visible_late(
    start: datetime, runs: list[int], lookback: int, delay: int, changed: int
) -> None:
    """As long as the delay is no longer than the lookback."""
    delay = min(delay, lookback)
    row, now, bookmark, seen = start + timedelta(seconds=changed), start, start, False
    for pause in [*runs, 200_000]:
        now += timedelta(seconds=pause)
        visible = now >= row + timedelta(seconds=delay)
        for window in slices(Window(bookmark, now), timedelta(hours=20)):
            seen = seen or (visible and window.start <= row <= window.end)
            bookmark = bookmark_after(window, timedelta(seconds=lookback))
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
