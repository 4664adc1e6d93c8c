"""Tryton on its fake: the scenarios of the real server."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from crm_fakes.tryton import FakeTryton
from crm_servers import tryton_sales_scenarios as sales_scenarios
from crm_servers import tryton_scenarios as scenarios

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def crm() -> Iterator[FakeTryton]:
    with FakeTryton().running() as fake:
        fake.now = datetime.now(timezone.utc)
        yield fake


class TestParties(scenarios.PartyScenarios):
    """How customers come, change and go."""


class TestConsent(scenarios.ConsentScenarios):
    """Who is mailed."""


class TestSales(sales_scenarios.SalesScenarios):
    """Orders, cues, and what is set up wrongly."""
