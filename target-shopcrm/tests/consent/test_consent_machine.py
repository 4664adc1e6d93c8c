"""No sequence of events gets an address past the gate without a standing grant."""

from __future__ import annotations

import pytest
from consent_grounds_machine import GroundsMachine
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

TestConsentInMemory = GroundsMachine.TestCase
TestConsentInMemory.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    derandomize=True,  # the same lives at every run; the long test looks for new ones
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.long
def test_many_more_and_longer_lives() -> None:
    run_state_machine_as_test(
        GroundsMachine,
        settings=settings(
            max_examples=1500,
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
