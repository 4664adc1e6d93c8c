"""BottleCRM itself: the same scenarios as on its fake, which proves the fake honest.

One test for all of them, so that one server is started however the tests are spread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from crm_servers import bottlecrm_scenarios as scenarios
from crm_servers.bottlecrm import real_bottlecrm
from crm_servers.scenarios import all_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.long
def test_the_real_server_goes_through_every_scenario(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    groups = (scenarios.ContactScenarios, scenarios.ConsentScenarios, scenarios.SetupScenarios)
    with real_bottlecrm(tmp_path) as crm:
        for name, scenario in all_of(*groups):
            crm.reset()
            with subtests.test(name):
                scenario(crm)
