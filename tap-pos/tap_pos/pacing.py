"""Keeping to a vendor's rate limit, so that a shop's registers are never slowed by our reading."""

from __future__ import annotations

import threading
import time


class Pace:
    """Lets requests through at a steady rate, after a first burst. Safe between threads.

    Args:
        per_minute: How many requests a minute may hold in the long run.
        burst: How many may go at once after a pause.
    """

    def __init__(self, per_minute: float, burst: int = 1) -> None:
        self._interval = 60.0 / per_minute
        self._credit = self._interval * (burst - 1)
        self._next = time.monotonic() - self._credit
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait for the next free place."""
        with self._lock:
            now = time.monotonic()
            place = max(self._next, now - self._credit)
            self._next = place + self._interval
        if place > now:
            time.sleep(place - now)
