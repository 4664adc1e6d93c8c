"""`kill -9` around an effect: the file holds each line once, whatever the moment was."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from told_file import ToldFile, actions

if TYPE_CHECKING:
    from conftest import Shop, Singer

MORTAL = """
import os, signal, sys
from target_shopcrm.destinations.jsonl import JsonLines
from target_shopcrm.target import TargetShopCRM

name, when = os.environ["DIES_IN"].split()
effect = getattr(JsonLines, name)

def die(self, *items, **more):
    if when == "after":
        effect(self, *items, **more)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(JsonLines, name, die)
TargetShopCRM.cli()
"""
EFFECTS = ["withdraw", "upsert", "set_memberships", "send_orders", "send_events", "send_cues"]
REPEATED = {"withdraw k1", "leave k1", "forget k1"}
"""What may be said twice: saying it once more changes nothing, not saying it would be wrong."""
EXPECTED = [
    "upsert k0",
    "upsert k2",
    "join k2",
    "send o0",
    "send e0",
    "send q0",
]


def check(file: ToldFile, effect: str, when: str) -> None:
    """Persons 0 and 1 are told of; 1 says no; the next run dies once, and is run again."""
    file.policy(frequency_caps={"email": ["1 in 1 day"]})
    file.agree(0, 1, 2)
    settings = {"lists": {"*": "everybody"}}
    file.tell(file.contact(0), file.contact(1), **settings)
    told = file.path.stat().st_size
    file.refuse(1)
    news = [
        file.contact(0, journey="win_back"),
        file.contact(2),
        *(say(0) for say in (file.order, file.event, file.cue)),
    ]
    command, environment = file.shop.command(**file.settings, **settings)
    config = command[command.index("--config") :]
    done = subprocess.run(
        [sys.executable, "-c", MORTAL, *config],
        input="\n".join(file.lines(*news)).encode(),
        env={**environment, "DIES_IN": f"{effect} {when}"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -9, done.stderr.decode()
    assert done.stdout == b"", "no STATE for what nobody knows the end of"
    left = file.since(told)
    again = file.shop.run(file.lines(*news), **file.settings, **settings)
    assert again.states == [{"told": len(news)}]
    lines = file.since(told)
    assert lines[: len(left)] == left or when == "after", "only the last effect is cut off"
    news_told = [action for action in actions(lines) if action not in REPEATED]
    assert sorted(news_told) == sorted(EXPECTED)
    assert {action for action in actions(lines) if action in REPEATED} == REPEATED
    assert file.tell(*news, **settings) == []
    assert file.waiting() == []


pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")


def test_killed_around_an_effect(shop: Shop, singer: Singer) -> None:
    check(ToldFile(shop, singer), "upsert", "after")


@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("effect", EFFECTS)
def test_killed_around_any_effect(shop: Shop, singer: Singer, effect: str, when: str) -> None:
    check(ToldFile(shop, singer), effect, when)
