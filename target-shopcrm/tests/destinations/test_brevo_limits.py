"""The limits of an ordinary Brevo plan are kept without being told off."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from crm_fakes.brevo import FakeBrevo, settings_for
from crm_fakes.brevo_people import QUICK
from target_shopcrm.destinations.brevo.api import BrevoApi
from target_shopcrm.destinations.brevo.batches import batches
from target_shopcrm.settings import CrmSettings

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """A clock that only sleeping moves; how long was slept so far."""
    clock = SimpleNamespace(now=0.0)

    def sleep(seconds: float) -> None:
        clock.now += seconds

    time = SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep)
    monkeypatch.setattr("target_shopcrm.destinations.pacing.time", time)
    return lambda: float(clock.now)


@pytest.mark.parametrize(
    ("method", "path", "at_once", "seconds"),
    [
        ("GET", "/contacts", 10, 0.1),
        ("POST", "/contacts/batch", 10, 0.1),
        ("POST", "/events/batch", 10, 0.1),
        ("POST", "/orders/status/batch", 5, 0.2),
        ("GET", "/processes", 100, 36.0),
        ("GET", "/events", 100, 36.0),
        ("GET", "/crm/tasktypes", 100, 36.0),
    ],
)
def test_the_call_after_the_allowed_ones_waits(
    slept: Callable[[], float], method: str, path: str, at_once: int, seconds: float
) -> None:
    with FakeBrevo().running() as fake:
        api = BrevoApi(CrmSettings.from_config(settings_for(fake)), QUICK)
        body: dict[str, list[object]] | None
        body = {"contacts": [], "events": [], "orders": []} if method == "POST" else None
        params = {"sort": "asc"}
        for _ in range(at_once):
            api.call(method, path, json=body, params=params)
        assert slept() == 0
        api.call(method, path, json=body, params=params)
        assert slept() == pytest.approx(seconds)


def test_batches_are_neither_too_long_nor_too_big() -> None:
    assert list(batches("abcde", len, 2, 100)) == [["a", "b"], ["c", "d"], ["e"]]
    words = ["four", "four", "much too long", "four"]
    assert list(batches(words, len, 9, 10)) == [["four", "four"], ["much too long"], ["four"]]
    assert list(batches([], len, 9, 10)) == []
