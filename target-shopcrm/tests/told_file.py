"""A shop that tells a file: what the engine does, without the ways of any vendor."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from target_shopcrm.destinations.jsonl import JsonLines
from target_shopcrm.routes.crm import CrmRun

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    import pytest
    from conftest import Shop, Singer
    from target_shopcrm.destinations.crm import Outcome
    from target_shopcrm.destinations.items import Contact, Event, Withdrawal

YES = "2026-11-01T10:00:00Z"
LATER = "2026-11-21T10:00:00Z"
Line = dict[str, Any]


def email(number: int) -> str:
    """The e-mail address of a person."""
    return f"person{number}@example.com"


@dataclass
class ToldFile:
    """One shop that tells a file.

    Attributes:
        shop: The database and the target.
        singer: Short ways to say something in Singer.
        states: The STATE values of the latest run.
    """

    shop: Shop
    singer: Singer
    states: list[Any] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """The file."""
        return self.shop.folder / "told.jsonl"

    @property
    def settings(self) -> dict[str, Any]:
        """The target's settings for it."""
        return {"destination": "jsonl", "output_path": str(self.path)}

    def policy(self, **sections: Any) -> None:
        """Give the shop a policy of its own; JSON is YAML too."""
        policy = {
            "version": 1,
            "name": "test",
            "extends": "strict",
            "shops": {
                "corner": {"country": "US", "timezone": "America/New_York"},
                "harbour": {"country": "DE", "timezone": "Europe/Berlin"},
            },
            **sections,
        }
        (self.shop.folder / "policy.yml").write_text(json.dumps(policy))

    def agree(self, *numbers: int, at: str = YES, **fields: Any) -> None:
        """People tell the register that they may be written to, and profiled."""
        self._say("given", numbers, at, fields)

    def refuse(self, *numbers: int, at: str = LATER, **fields: Any) -> None:
        """People tell the register no."""
        self._say("withdrawn", numbers, at, fields)

    def _say(self, state: str, numbers: Sequence[int], at: str, fields: dict[str, Any]) -> None:
        said = [
            self.singer.consent(state, purpose, channel=channel, event_time=at, observed_at=at)
            for purpose in ("marketing", "profiling")
            for channel in ("email", *(["sms"] if "phone" in fields else []))
        ]
        shop_id = fields.pop("shop_id", "corner")
        people = [
            self.singer.record(
                "customers",
                f"c{number}",
                shop_id,
                **{"email": email(number), "consents": said, "updated_at": at, **fields},
            )
            for number in numbers
        ]
        self.shop.run([self.singer.schema("customers"), *people])

    def contact(self, number: int, **fields: Any) -> str:
        """A contact as dbt publishes it."""
        return self._about("contacts", f"k{number}", number, {"given_name": "Ada", **fields})

    def order(self, number: int, key: str | None = None, **fields: Any) -> str:
        """An order as dbt publishes it."""
        sale = {"placed_at": YES, "currency": "USD", "net": 1000, "total": 1080}
        return self._about(
            "orders", key or f"o{number}", number, {"contact_id": f"k{number}", **sale, **fields}
        )

    def event(self, number: int, key: str | None = None, **fields: Any) -> str:
        """An occasion to write to somebody, as dbt publishes it."""
        occasion = {"contact_id": f"k{number}", "name": "win_back", "occurred_at": LATER}
        return self._about("events", key or f"e{number}", number, {**occasion, **fields})

    def cue(self, number: int, key: str | None = None, **fields: Any) -> str:
        """A hint for staff, as dbt publishes it."""
        hint = {"contact_id": f"k{number}", "text": "Say hello."}
        return self._about("cues", key or f"q{number}", number, {**hint, **fields})

    def _about(self, stream: str, key: str, number: int, fields: dict[str, Any]) -> str:
        return self.singer.record(f"activation-{stream}", key, **{"email": email(number), **fields})

    def lines(self, *records: str) -> list[str]:
        """The input of a run: schemas, records, and a STATE at the end."""
        streams = dict.fromkeys(json.loads(record)["stream"] for record in records)
        return [
            *(self.singer.schema(stream) for stream in streams),
            *records,
            self.singer.state({"told": len(records)}),
        ]

    def tell(self, *records: str, **settings: Any) -> list[Line]:
        """Run the target into the file; returns the lines that this run has added."""
        before = self.path.stat().st_size if self.path.exists() else 0
        self.states = []
        self.states = self.shop.run(self.lines(*records), **{**self.settings, **settings}).states
        return self.since(before)

    def since(self, position: int) -> list[Line]:
        """The lines from a position in the file on."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(position)
            return [json.loads(line) for line in file]

    def held_back(self) -> dict[str, int]:
        """For each reason how many whole records the latest run held back."""
        rows = self.shop.ask(
            "SELECT reason, sum(records)::int FROM sync.withheld WHERE field = '*' AND run_id ="
            " (SELECT id FROM sync.runs ORDER BY started_at DESC LIMIT 1) GROUP BY reason"
        )
        return dict(rows)

    def counted(self, stream: str) -> dict[str, int]:
        """What the latest run counted for an activation stream, zeros left out."""
        streams = self.shop.one("SELECT streams FROM sync.runs ORDER BY started_at DESC LIMIT 1")
        return {name: n for name, n in streams.get(f"activation-{stream}", {}).items() if n}

    def waiting(self) -> list[tuple[str, str]]:
        """What waits, and why."""
        return self.shop.ask("SELECT key, reason FROM sync.waiting ORDER BY key")


def actions(lines: Sequence[Line]) -> list[str]:
    """What was told, in order."""
    return [
        f"{line['action']} {line.get('event_id') or line.get('order_id') or line.get('cue_id')}"
        if line["action"] == "send"
        else f"{line['action']} {line['contact_id']}"
        for line in lines
    ]


def clock_says(monkeypatch: pytest.MonkeyPatch, at: datetime) -> None:
    """Let the runs into a CRM take this for now."""
    monkeypatch.setattr("target_shopcrm.routes.CrmRun", partial(CrmRun, clock=lambda: at))


class MoodyFile(JsonLines):
    """A file that answers as a CRM in a bad mood does.

    Attributes:
        moods: For each operation and address (or ``*``) the outcome; all others are done.
    """

    moods: ClassVar[dict[tuple[str, str], Outcome]] = {}

    def withdraw(self, withdrawals: Sequence[Withdrawal]) -> Sequence[Outcome]:
        """Write those that meet with no bad mood."""
        return self._in_mood("withdraw", withdrawals, lambda one: one.address, super().withdraw)

    def upsert(self, contacts: Sequence[Contact]) -> Sequence[Outcome]:
        """Write those that meet with no bad mood."""
        return self._in_mood("upsert", contacts, lambda one: one.who.email or "", super().upsert)

    def send_events(self, events: Sequence[Event], *, again: bool = False) -> Sequence[Outcome]:
        """Write those that meet with no bad mood."""
        send = partial(super().send_events, again=again)
        return self._in_mood("event", events, lambda one: one.event_id, send)

    def _in_mood(
        self,
        operation: str,
        items: Sequence[Any],
        name: Callable[[Any], str],
        write: Callable[[Sequence[Any]], Sequence[Outcome]],
    ) -> Sequence[Outcome]:
        moods = [
            self.moods.get((operation, name(item)), self.moods.get((operation, "*")))
            for item in items
        ]
        written = iter(write([i for i, mood in zip(items, moods, strict=True) if mood is None]))
        return [mood or next(written) for mood in moods]


def let_it_be_moody(monkeypatch: pytest.MonkeyPatch, moods: dict[tuple[str, str], Outcome]) -> None:
    """From now on the file answers like this."""
    monkeypatch.setattr(MoodyFile, "moods", moods)
    monkeypatch.setattr("target_shopcrm.destinations.JsonLines", MoodyFile)
