"""Keeping to a vendor's rate limit: a call waits for its place instead of being turned away."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """A vendor's limit.

    Attributes:
        calls: How many calls.
        seconds: In how many seconds.
    """

    calls: int
    seconds: float = 1.0


class Pace:
    """Lets calls through as the strictest of some rates allows. Safe between threads.

    Each rate is a bucket that holds `calls` tokens and fills evenly, so a first burst passes at
    once and the long run is never faster than the vendor allows.

    Args:
        rates: All of them hold at the same time; none lets everything through.
    """

    def __init__(self, *rates: Rate) -> None:
        now = time.monotonic()
        self._rates = rates
        self._free = [float(rate.calls) for rate in rates]
        self._filled_at = [now] * len(rates)
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait for the next free place, and take it."""
        while (seconds := self._take()) > 0:
            time.sleep(seconds)

    def _take(self) -> float:
        """Take a token of every bucket, or say how long to wait for the emptiest."""
        with self._lock:
            now = time.monotonic()
            waits = [0.0]
            for index, rate in enumerate(self._rates):
                per_second = rate.calls / rate.seconds
                elapsed = now - self._filled_at[index]
                self._free[index] = min(rate.calls, self._free[index] + elapsed * per_second)
                self._filled_at[index] = now
                if self._free[index] < 1:
                    waits.append((1 - self._free[index]) / per_second)
            if (longest := max(waits)) > 0:
                return longest
            self._free = [free - 1 for free in self._free]
            return 0.0
