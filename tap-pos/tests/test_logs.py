"""Logs are read by people who have no business knowing a shop's customers, or its keys.

A real process, at its most talkative, over answers in which everything goes wrong and every
text is private. Whatever it writes to standard error must hold none of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from tap_pos.settings_schema import SETTINGS_SCHEMA
from tap_pos.testing import Answer
from tap_pos.testing.fakes import CONFORMING
from tap_pos.testing.lives import Life, busy_life

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tap_pos.testing import Request
    from tap_pos.testing.conformance import ConformingFake

PRIVATE = ("ada.leak", "leak-token-9f8e", "+15550143222", "Ada Leakwell")
CONFESSION = "Ada Leakwell <ada.leak@example.org>, +15550143222, Bearer leak-token-9f8e"
IDENTIFIERS = ("id", "ids", "cursor", "last_seen", "version", "number", "href", "url", "key",
               "code", "next")  # fmt: skip
SHOPS = 6
_SECRETS = {
    name for name, schema in SETTINGS_SCHEMA["properties"].items() if schema.get("writeOnly")
}


@pytest.fixture(params=sorted(CONFORMING))
def fake(request: pytest.FixtureRequest) -> Iterator[ConformingFake]:
    with CONFORMING[request.param]().running() as running:
        Life(running).go(busy_life(running, seed=7, rounds=1))
        yield running


def spoiled(value: Any, dice: Random) -> Any:
    """Put a person's details where the vendor would have put a date, a number or a list.

    What identifies a record or leads to the next page stays: logs do name ids.
    """
    if isinstance(value, dict):
        return {
            name: each if name.lower().endswith(IDENTIFIERS) else spoiled(each, dice)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [spoiled(each, dice) for each in value]
    return CONFESSION if dice.random() < 0.04 else value


def refused(status: int) -> Answer:
    """Refuse in the manner of any vendor, quoting what should not be quoted."""
    error = {"code": "NO", "message": CONFESSION, "detail": CONFESSION, "field": CONFESSION}
    body = {"errors": [error], "error": error, "message": CONFESSION, "detail": CONFESSION}
    return Answer(status, body, {"Retry-After": "0"})


REFUSALS: dict[str, Callable[[], Answer]] = {
    "401": lambda: refused(401),
    "403": lambda: refused(403),
    "400": lambda: refused(400),
    "500": lambda: refused(500),
    "no JSON": lambda: Answer(200, f"<html>{CONFESSION}</html>".encode()),
    "half a JSON": lambda: Answer(200, f'{{"data": ["{CONFESSION}'.encode()),
    "another JSON": lambda: Answer(200, [CONFESSION, {"data": CONFESSION, "errors": CONFESSION}]),
}


def trouble(fake: ConformingFake) -> Callable[[Request], Answer | None]:
    """Spoil most answers and refuse every seventh request, each time in another way."""
    dice, kinds, count = Random(1), list(REFUSALS), 0  # noqa: S311 - dice, no secret

    def script(request: Request) -> Answer | None:
        nonlocal count
        count += 1
        if count % 7 == 0:
            return REFUSALS[kinds[count // 7 % len(kinds)]]()
        answer = fake.answer(request)
        if isinstance(answer.body, bytes):
            return answer
        body = msgspec.to_builtins(answer.body)
        return Answer(answer.status, spoiled(body, dice), answer.headers)

    return script


def private_words(fake: ConformingFake) -> Iterator[str]:
    """Give every secret of the settings, and every name and address at the shop."""
    yield from PRIVATE
    config = fake.settings()
    for shop in (config, *config.get("shops", ())):
        # A fake whose key is the word "token" could not be told from a log that mentions one.
        yield from (str(shop[name]) for name in _SECRETS & shop.keys() if shop[name] != "token")
    for rows in fake.truth().values():
        for facts in rows.values():
            for field in ("email", "given_name", "display_name"):
                word = facts.get(field)
                if isinstance(word, str) and len(word) > 3:
                    yield word


def many_shops(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Read the same account as several shops, since a refused token ends one."""
    (shop,) = settings.get("shops") or [
        {("id" if name == "shop_id" else name): value for name, value in settings.items()}
    ]
    if "token_file" in shop:  # it belongs to one shop
        return [shop]
    return [{**shop, "id": f"shop-{number}"} for number in range(SHOPS)]


def run_apart(config: dict[str, Any], folder: Path) -> str:
    """Run the tap as a process of its own at DEBUG; give what it wrote to standard error."""
    file = folder / "config.json"
    file.write_text(json.dumps(config), "utf-8")
    outcome = subprocess.run(
        [sys.executable, "-m", "tap_pos", "--config", str(file)],
        capture_output=True,
        check=False,
        timeout=120,
        env={**os.environ, "TAP_POS_LOGLEVEL": "DEBUG", "LOGLEVEL": "DEBUG"},
    )
    log = outcome.stderr.decode()
    assert "DEBUG" in log
    assert outcome.returncode == 1, log[-2000:]
    return log


def test_nothing_private_reaches_the_log_whatever_goes_wrong(
    fake: ConformingFake, tmp_path: Path
) -> None:
    fake.script = trouble(fake)
    shops = many_shops(fake.settings())
    log = run_apart({"shops": shops, "max_retry_seconds": 2, "max_bad_records": 9999}, tmp_path)
    assert "an error of its own" not in log
    found = {word for word in private_words(fake) if word.lower() in log.lower()}
    lines = [line for line in log.splitlines() if any(w.lower() in line.lower() for w in found)]
    assert not found, "\n".join([str(found), *lines[:5]])
