"""One stateful fake for each CRM, traps included, and what they share."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crm_fakes.fake import FakeCrm

NAMES = {
    "klaviyo": "FakeKlaviyo",
    "hubspot": "FakeHubSpot",
    "mailchimp": "FakeMailchimp",
    "brevo": "FakeBrevo",
    "bottlecrm": "FakeBottleCRM",
    "tryton": "FakeTryton",
}
"""Every CRM and the class of its fake, in the module of the CRM's name."""


def fake_crm(name: str) -> FakeCrm:
    """Make the fake of a CRM; run it with ``with fake.running():``."""
    fake: FakeCrm = getattr(import_module(f"crm_fakes.{name}"), NAMES[name])()
    return fake


def settings_for(name: str, fake: FakeCrm) -> dict[str, Any]:
    """The target's settings for a running fake."""
    settings: dict[str, Any] = import_module(f"crm_fakes.{name}").settings_for(fake)
    return settings
