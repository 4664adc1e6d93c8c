"""BottleCRM itself: the same scenarios as on its fake, which proves the fake honest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from crm_servers import bottlecrm_scenarios as scenarios
from crm_servers.bottlecrm import RealBottleCRM, real_bottlecrm

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("real_bottlecrm")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBottleCRM]:
    with real_bottlecrm(tmp_path_factory.mktemp("bottlecrm")) as real:
        yield real


@pytest.fixture
def crm(server: RealBottleCRM) -> RealBottleCRM:
    server.reset()
    return server


class TestContacts(scenarios.ContactScenarios):
    """How contacts come, change and go."""


class TestConsent(scenarios.ConsentScenarios):
    """Who may be written to."""


class TestSetup(scenarios.SetupScenarios):
    """Lists, cues, and what is set up wrongly."""
