"""BottleCRM on its fake: the scenarios of the real server."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from crm_fakes.bottlecrm import FakeBottleCRM
from crm_servers import bottlecrm_scenarios as scenarios

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def crm() -> Iterator[FakeBottleCRM]:
    with FakeBottleCRM().running() as fake:
        fake.script = lambda _: setattr(fake, "now", datetime.now(timezone.utc))
        yield fake


class TestContacts(scenarios.ContactScenarios):
    """How contacts come, change and go."""


class TestConsent(scenarios.ConsentScenarios):
    """Who may be written to."""


class TestSetup(scenarios.SetupScenarios):
    """Lists, cues, and what is set up wrongly."""
