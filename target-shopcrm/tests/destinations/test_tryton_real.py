"""Tryton itself: the same scenarios as on its fake, which proves the fake honest.

One test for all of them, so that one server is started however the tests are spread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from crm_servers import tryton_sales_scenarios, tryton_scenarios
from crm_servers.scenarios import all_of
from crm_servers.tryton import real_tryton

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.long
def test_the_real_server_goes_through_every_scenario(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    groups = (
        tryton_scenarios.PartyScenarios,
        tryton_scenarios.ConsentScenarios,
        tryton_sales_scenarios.SalesScenarios,
    )
    with real_tryton(tmp_path) as crm:
        for name, scenario in all_of(*groups):
            crm.reset()
            with subtests.test(name):
                scenario(crm)
