"""Running the tap in this process."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import msgspec

from tap_pos.errors import ShopsFailedError
from tap_pos.tap import TapPOS


@dataclass(frozen=True)
class Synced:
    """What a run sent.

    Attributes:
        messages: All Singer messages, in order.
        failures: One sentence per failed shop.
    """

    messages: list[dict[str, Any]]
    failures: list[str]

    @property
    def states(self) -> list[dict[str, Any]]:
        """The value of every STATE message, in order."""
        return [entry["value"] for entry in self.messages if entry["type"] == "STATE"]

    @property
    def state(self) -> dict[str, Any] | None:
        """The last STATE, None if there was none."""
        return self.states[-1] if self.states else None

    @property
    def schemas(self) -> dict[str, dict[str, Any]]:
        """The schema of each stream."""
        return {m["stream"]: m["schema"] for m in self.messages if m["type"] == "SCHEMA"}

    def sent(self, stream: str) -> list[dict[str, Any]]:
        """Every record sent for a stream, in order, with repetitions."""
        return [
            entry["record"]
            for entry in self.messages
            if entry["type"] == "RECORD" and entry["stream"] == stream
        ]

    def table(self, stream: str) -> dict[tuple[str, str], dict[str, Any]]:
        """What a target would hold: the last record sent for each key."""
        return {(row["shop_id"], row["id"]): row for row in self.sent(stream)}

    def until_state(self, position: int) -> Synced:
        """Cut the run off right after one of its STATE messages."""
        ends = [i for i, entry in enumerate(self.messages) if entry["type"] == "STATE"]
        return Synced(self.messages[: ends[position] + 1], [])

    def then(self, later: Synced) -> Synced:
        """Append what a later run sent."""
        return Synced([*self.messages, *later.messages], later.failures)


def sync(
    config: dict[str, Any],
    state: dict[str, Any] | None = None,
    catalog: dict[str, Any] | None = None,
) -> Synced:
    """Run the tap once.

    Args:
        config: Its settings.
        state: The state to start from.
        catalog: What to select.

    Returns:
        What it sent.
    """
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    failures: list[str] = []
    with redirect_stdout(output):
        tap = TapPOS(config=dict(config), state=state, catalog=catalog)
        tap.sync_all()
        try:
            tap.shops.raise_failures()
        except ShopsFailedError as error:
            failures = error.sentences
        output.flush()
    lines = output.buffer.getvalue().splitlines()
    return Synced([msgspec.json.decode(line) for line in lines if line], failures)
