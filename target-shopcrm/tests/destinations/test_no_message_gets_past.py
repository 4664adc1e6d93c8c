"""Random lives of people, registers and CRMs: nobody who said no can be written to, anywhere."""

from __future__ import annotations

import logging
import os
import uuid
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from consent_situations import SHOP
from crm_fakes import NAMES
from crm_machine import CrmMachine, CrmStreet
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

if TYPE_CHECKING:
    from conftest import Shop, Singer
    from shopcrm_database import RunningServer

TEMPLATE = "template_shopcrm"
SHOPS = f"""
version: 1
name: the practice shop's
extends: strict
shops:
  {SHOP}: {{country: US, jurisdiction: US-NY, timezone: America/New_York}}
"""


def live(name: str, lives: int, server: RunningServer, shop: Shop, singer: Singer) -> Counter[str]:
    """Let Hypothesis live; returns what happened how often."""
    policy = shop.folder / "shops.yml"
    policy.write_text(SHOPS)
    counts: Counter[str] = Counter()
    names: dict[int, str] = {}

    def begin() -> CrmStreet:
        database = f"life_{uuid.uuid4().hex}"
        url = server.create_database(database, template=TEMPLATE)
        config = {"policy_path": str(policy)}
        street = CrmStreet(replace(shop, url=url, config=config), singer, name)
        names[id(street)] = database
        counts["lives"] += 1
        return street

    def end(street: CrmStreet) -> None:
        street.close()
        server.drop_database(names.pop(id(street)))

    machine = type(
        "Machine",
        (CrmMachine,),
        {"open_crm": staticmethod(begin), "shut_crm": staticmethod(end), "counts": counts},
    )
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=30,
            # The same lives every time in CI: a rare finding must not block another change.
            derandomize=lives < 10 or "CI" in os.environ,
            # A life takes a while, so one that went wrong is shown as it was found.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    logging.getLogger(__name__).info("%s: %s", name, dict(counts))
    return counts


@pytest.mark.parametrize("name", sorted(NAMES))
def test_no_message_gets_past_the_gate(
    name: str, server: RunningServer, shop: Shop, singer: Singer
) -> None:
    counts = live(name, 2, server, shop, singer)
    assert counts["runs"] > counts["failed runs"]


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(NAMES))
def test_many_more_lives(name: str, server: RunningServer, shop: Shop, singer: Singer) -> None:
    counts = live(name, 25, server, shop, singer)
    assert min(counts["faults"], counts["opt-outs in the CRM"]) > 0
