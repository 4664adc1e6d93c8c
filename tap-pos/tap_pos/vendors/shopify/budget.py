"""Shopify's rate limit: a bucket of points that refills, and queries that cost points."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from msgspec import Struct

from tap_pos.pacing import Pace


class ThrottleStatus(Struct, rename="camel"):
    """The bucket, as every answer reports it. Points; `restore_rate` is points per second."""

    maximum_available: float
    currently_available: float
    restore_rate: float


class Cost(Struct, rename="camel"):
    """What a query costs at most, and the bucket after it."""

    requested_query_cost: float
    throttle_status: ThrottleStatus

    def seconds_short(self) -> float:
        """Tell how long the bucket takes to hold what the query needs."""
        status = self.throttle_status
        missing = self.requested_query_cost - status.currently_available
        return max(0.0, missing) / max(status.restore_rate, 1.0)


@dataclass(frozen=True)
class _Reading:
    """The bucket at an instant of the machine's steady clock."""

    status: ThrottleStatus
    at: float


class Budget(Pace):
    """Holds each query back until the bucket can pay for it. For one thread.

    Shopify takes the cost a query could have (by its page sizes) and gives back what it did
    not use, so what to expect of a query is what the same query was charged before.

    Args:
        per_minute: How many requests the shop's settings allow beside that; None for any.
    """

    def __init__(self, per_minute: float | None) -> None:
        super().__init__(per_minute or math.inf)
        self._expected = 0.0
        self._reading: _Reading | None = None

    def expect(self, cost: float) -> None:
        """Say what the next requests will cost."""
        self._expected = cost

    def learn(self, status: ThrottleStatus) -> None:
        """Take note of the bucket."""
        self._reading = _Reading(status, time.monotonic())

    def wait(self) -> None:
        """Wait until the next request may go."""
        super().wait()
        if self._reading is None:
            return
        status = self._reading.status
        refilled = (time.monotonic() - self._reading.at) * status.restore_rate
        missing = min(self._expected, status.maximum_available) - (
            status.currently_available + refilled
        )
        if missing > 0:
            time.sleep(missing / max(status.restore_rate, 1.0))
