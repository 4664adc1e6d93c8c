"""`kill -9` while a CRM is being told: nothing is lost, nothing is doubled."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from crm_fakes import NAMES, fake_crm, settings_for
from crm_fakes.fake import Fault

if TYPE_CHECKING:
    from conftest import Shop, Singer
    from crm_fakes.fake import FakeCrm, Request
    from shopcrm_database import RunningServer

PEOPLE = 5
YES, LATER = "2026-11-01T10:00:00Z", "2026-11-21T10:00:00Z"
MOMENTS = 50


def who(number: int) -> dict[str, str]:
    return {"email": f"person{number}@example.com", "phone": f"+1212555010{number}"}


def answers(singer: Singer, state: str, number: int, at: str) -> str:
    said = [
        singer.consent(state, purpose, channel=channel, event_time=at, observed_at=at)
        for purpose in ("marketing", "profiling")
        for channel in ("email", "sms")
    ]
    return singer.record("customers", f"c{number}", consents=said, updated_at=at, **who(number))


@dataclass
class Street:
    """A shop whose database is cloned for every life; person 0 has withdrawn meanwhile."""

    server: RunningServer
    shop: Shop
    singer: Singer
    template: str
    now: str

    def lines(self) -> list[str]:
        """What dbt publishes: everybody, an order, an occasion and a cue each."""
        singer = self.singer
        lines: list[str] = []
        for stream, fields in (
            ("activation-contacts", {"given_name": "Ada", "segment": "loyal", "visits": 3}),
            (
                "activation-orders",
                {"placed_at": self.now, "currency": "USD", "net": 500, "total": 540},
            ),
            ("activation-events", {"name": "win_back", "occurred_at": self.now}),
            ("activation-cues", {"text": "Say hello.", "due_on": "2026-11-22"}),
        ):
            lines.append(singer.schema(stream))
            for number in range(PEOPLE):
                about = {} if stream == "activation-contacts" else {"contact_id": f"k{number}"}
                key = f"k{number}" if not about else f"{stream[11]}{number}"
                lines.append(singer.record(stream, key, **about, **who(number), **fields))
        return [*lines, singer.state({"done": True})]

    def clone(self) -> Shop:
        """A shop in the state before the run."""
        name = f"life_{uuid.uuid4().hex}"
        return replace(self.shop, url=self.server.create_database(name, template=self.template))

    def drop(self, shop: Shop) -> None:
        """Take its database away."""
        self.server.drop_database(shop.url.rpartition("/")[2].partition("?")[0])


@pytest.fixture
def street(server: RunningServer, shop: Shop, singer: Singer) -> Street:
    """Everybody agreed; one of them has said no since."""
    shop.run(
        [singer.schema("customers"), *(answers(singer, "given", n, YES) for n in range(PEOPLE))]
    )
    shop.run([singer.schema("customers"), answers(singer, "withdrawn", 0, LATER)])
    name = shop.url.rpartition("/")[2].partition("?")[0]
    return Street(server, shop, singer, name, datetime.now(timezone.utc).isoformat())


def snapshot(fake: FakeCrm) -> dict[str, Any]:
    """What the CRM holds, and whom it may have written to."""
    fake.finish_jobs()
    return {
        "mailable": sorted(fake.mailable()),
        # Some CRMs make up an id for a list when it is first used, so the ids aren't compared.
        "members": sorted(sorted(each) for each in fake.members().values() if each),
        "counts": fake.counts(),
        "triggered": sorted(fake.triggered()),
        "fields": [fake.fields_of(who(number)["email"]) for number in range(PEOPLE)],
    }


def run(shop: Shop, settings: dict[str, Any]) -> subprocess.Popen[bytes]:
    command, environment = shop.command(**settings)
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )


def finish(process: subprocess.Popen[bytes], lines: list[str]) -> tuple[int, bytes]:
    data = b"".join(line.encode() + b"\n" for line in lines)
    out, err = process.communicate(data, timeout=120)
    return process.returncode, out if process.returncode == 0 else err


def undisturbed(name: str, street: Street) -> tuple[dict[str, Any], int]:
    """What a run that nobody disturbs leaves, and how many requests it makes."""
    shop = street.clone()
    with fake_crm(name).running() as fake:
        code, said = finish(run(shop, settings_for(name, fake)), street.lines())
        assert code == 0, said.decode()
        found = snapshot(fake), len(fake.requests)
    street.drop(shop)
    return found


def killed_at(name: str, street: Street, moment: int, when: str) -> dict[str, Any]:
    """The same with a process that dies at one of its requests, and is then run again."""
    shop = street.clone()
    with fake_crm(name).running() as fake:
        settings = settings_for(name, fake)
        process = run(shop, settings)

        def kill(_request: Request) -> Fault | None:
            if len(fake.requests) != moment:
                return None
            os.kill(process.pid, signal.SIGKILL)
            return Fault("before" if when == "before" else "after")

        fake.faults = kill
        try:
            finish(process, street.lines())
        except BrokenPipeError:
            process.wait()
        fake.faults = lambda _request: None
        for _ in range(2):
            assert shop.run(street.lines(), **settings).states == [{"done": True}]
        found = snapshot(fake)
    street.drop(shop)
    return found


def check(name: str, street: Street, moments: int, seed: int) -> None:
    expected, requests = undisturbed(name, street)
    assert expected["mailable"]
    assert who(0)["email"] not in str(expected["mailable"])
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    for _ in range(moments):
        moment, when = chance.randrange(requests), chance.choice(["before", "after"])
        assert killed_at(name, street, moment, when) == expected, (moment, when)


@pytest.mark.parametrize("name", ["hubspot", "tryton"])
def test_killed_once(name: str, street: Street) -> None:
    check(name, street, 1, seed=7)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(NAMES))
def test_killed_at_fifty_moments(name: str, street: Street) -> None:
    check(name, street, MOMENTS, seed=int(os.environ.get("SHOPCRM_SEED", "1")))
