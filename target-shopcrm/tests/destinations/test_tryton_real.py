"""Tryton itself: the same scenarios as on its fake, which proves the fake honest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from crm_servers import tryton_sales_scenarios as sales_scenarios
from crm_servers import tryton_scenarios as scenarios
from crm_servers.tryton import RealTryton, real_tryton

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("real_tryton")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTryton]:
    with real_tryton(tmp_path_factory.mktemp("tryton")) as real:
        yield real


@pytest.fixture
def crm(server: RealTryton) -> RealTryton:
    server.reset()
    return server


class TestParties(scenarios.PartyScenarios):
    """How customers come, change and go."""


class TestConsent(scenarios.ConsentScenarios):
    """Who is mailed."""


class TestSales(sales_scenarios.SalesScenarios):
    """Orders, cues, and what is set up wrongly."""
