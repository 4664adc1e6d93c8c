"""Lives of a shop: what happens, and when the tap reads, disturbed or not.

A life is a list of steps. It can be written down by a test, or made up at random; printed, it
is the recipe for a failure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from tap_pos.testing.fake import Answer
from tap_pos.testing.judging import (
    Tables,
    against_full_run,
    against_truth,
    news,
    received,
    wrongly_ended,
)
from tap_pos.testing.run import Synced, sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tap_pos.testing.conformance import ConformingFake
    from tap_pos.testing.fake import Request

_PATIENT, _IMPATIENT = 5.0, 0.01
_AFTER_A_FULL_SCAN = timedelta(days=8)

FAULTS: dict[str, Callable[[ConformingFake], Answer]] = {
    "busy": lambda fake: fake.busy(),
    "500": lambda _: Answer(500, {}, {"Retry-After": "0"}),
    "503 without JSON": lambda _: Answer(503, b"<html>busy</html>", {"Retry-After": "0"}),
    "cut in mid-body": lambda _: Answer(200, {"nothing": "of this arrives whole"}, cut=True),
    "half a JSON": lambda _: Answer(200, b'{"data": [{"id": '),
}
"""What may come in place of one answer; the next attempt succeeds."""

BREAKDOWNS: dict[str, Callable[[], Answer]] = {
    "500": lambda: Answer(500, {}),
    "cut": lambda: Answer(200, {"nothing": "of this arrives whole"}, cut=True),
    "401": lambda: Answer(401, {}),
}
"""What may come in place of every answer from a request on."""


@dataclass(frozen=True)
class Act:
    """Something happens at the shop: an action of `ConformingFake`, with its dice.

    Attributes:
        action: Name of the method.
        seed: Decides whom it happens to.
        hidden: Share of the vendor's lookback for which listings don't show it yet.
    """

    action: str
    seed: int = 0
    hidden: float = 0.0


@dataclass(frozen=True)
class Wait:
    """Time passes, in whole seconds as every vendor's clock shows them."""

    seconds: int


@dataclass(frozen=True)
class ExpireCursors:
    """The vendor forgets the pages it was asked for."""


@dataclass(frozen=True)
class Hiccup:
    """One request gets a fault instead of an answer, one of `FAULTS`."""

    fault: str


@dataclass(frozen=True)
class Read:
    """The tap runs.

    Attributes:
        meanwhile: What happens right before the request of that number is answered.
        breaks: From the request of this number on, every answer is one of `BREAKDOWNS`.
        killed_after: Only this percentage of the messages reach the target.
    """

    meanwhile: tuple[tuple[int, Act | Wait | ExpireCursors | Hiccup], ...] = ()
    breaks: tuple[int, str] | None = None
    killed_after: int | None = None


Step = Act | Wait | ExpireCursors | Read


class Life:
    """A shop, the tap that reads it and a target that holds what it was sent.

    Args:
        fake: The vendor, running.
        settings: Settings of the run beside the shop's.
    """

    def __init__(self, fake: ConformingFake, **settings: Any) -> None:
        self.fake = fake
        self._settings = settings
        self.tables: Tables = received({}, [])
        self.state: dict[str, Any] | None = None
        self.steps: list[Step] = []
        self._acknowledged: set[tuple[str, str]] = set()
        self._unacknowledged: set[tuple[str, str]] = set()

    def go(self, steps: Iterable[Step]) -> Life:
        """Take steps, one after the other."""
        for step in steps:
            self.steps.append(step)
            if isinstance(step, Read):
                self.read(step)
            else:
                self._happen(step)
        return self

    def run(self, state: dict[str, Any] | None = None, patience: float = _PATIENT) -> Synced:
        """Run the tap without the target taking part."""
        # A round trip through JSON: the state is all that a later run knows.
        given = json.loads(json.dumps(state)) if state else None
        config = {**self.fake.settings(), "max_retry_seconds": patience, **self._settings}
        return sync(config, given)

    def read(self, how: Read) -> Synced:
        """Run the tap from where the target's state says, and let the target take it in."""
        disturbance = _Disturbance(self.fake, how, self._happen)
        self.fake.script = disturbance
        try:
            out = self.run(self.state, _IMPATIENT if how.breaks else _PATIENT)
        finally:
            self.fake.script = lambda _request: None
        if disturbance.defect is not None:
            raise disturbance.defect
        self._check_failures(out, disturbance, how)
        messages = out.messages
        if how.killed_after is not None:
            messages = messages[: len(messages) * how.killed_after // 100]
        self.take_in(messages)
        self._judge(wrongly_ended(self.tables, self.fake.truth()))
        return out

    def take_in(self, messages: Sequence[dict[str, Any]]) -> None:
        """Let the target hold what was sent, and keep the last state among it."""
        self.tables = received(self.tables, messages)
        last = max(
            (n for n, message in enumerate(messages) if message["type"] == "STATE"), default=-1
        )
        for number, message in enumerate(messages):
            if message["type"] == "RECORD":
                row = (message["stream"], message["record"]["id"])
                (self._unacknowledged if number > last else self._acknowledged).add(row)
        self._unacknowledged -= self._acknowledged
        states = [message["value"] for message in messages if message["type"] == "STATE"]
        self.state = states[-1] if states else self.state

    def settle(self) -> None:
        """Let everything become visible, and read it; wait for a full scan, and read again."""
        pause = int(self.fake.lookback.total_seconds()) + 1
        self.go([Wait(pause), Read(), Wait(int(_AFTER_A_FULL_SCAN.total_seconds())), Read()])

    def check(self) -> None:
        """Settle, then hold the target to the truth and to one fresh run over everything."""
        self.settle()
        run = self.run()
        self._judge([f"the fresh run failed: {sentence}" for sentence in run.failures])
        fresh = received({}, run.messages)
        self._forget_orphans(fresh)
        self._judge(against_truth(self.tables, self.fake.truth()))
        self._judge(against_full_run(self.tables, fresh))

    def check_quiet(self) -> None:
        """Read twice more: nothing that a target does not hold already may come."""
        for _ in range(2):
            before = self.tables
            out = self.read(Read())
            self._judge(news(before, out.messages))

    def _forget_orphans(self, fresh: Tables) -> None:
        """Leave out rows that vanished after a killed run had sent them without any state.

        No later run can know that they were sent, if their vendor does not tell of their end.
        Where it does, a fresh run shows that, and nothing is forgiven; nor is it for a row that
        any run before or after has sent together with a state.
        """
        truth = self.fake.truth()
        for stream, identity in self._unacknowledged:
            has_ended = truth.get(stream, {}).get(identity, {}).get("deleted_at") == "*"
            if has_ended and identity not in fresh[stream]:
                self.tables[stream].pop(identity, None)

    def _happen(self, step: Act | Wait | ExpireCursors | Hiccup) -> None:
        if isinstance(step, Wait):
            self.fake.advance(seconds=step.seconds)
        elif isinstance(step, ExpireCursors):
            self.fake.expire_cursors()
        elif isinstance(step, Act) and step.action in self.fake.actions():
            self.fake.lag = timedelta(seconds=int(self.fake.lookback.total_seconds() * step.hidden))
            try:
                getattr(self.fake, step.action)(Random(step.seed))  # noqa: S311 - dice, no secret
            finally:
                self.fake.lag = timedelta(0)

    def _check_failures(self, out: Synced, disturbance: _Disturbance, how: Read) -> None:
        if disturbance.broke and not out.failures:
            self._judge([f"the register broke down ({how.breaks}) and no failure was told"])
        if out.failures and not how.breaks:
            self._judge([f"a run failed: {sentence}" for sentence in out.failures])

    def _judge(self, complaints: Iterable[str]) -> None:
        found = list(complaints)
        if found:
            steps = "\n".join(f"    {step!r}," for step in self.steps)
            listed = "\n".join(f"  {complaint}" for complaint in found[:10])
            raise AssertionError(f"{len(found)} complaints:\n{listed}\nafter\n{steps}")


class _Disturbance:
    """Sees every request of one run, and lets happen what was planned for it."""

    def __init__(
        self,
        fake: ConformingFake,
        how: Read,
        happen: Callable[[Act | Wait | ExpireCursors | Hiccup], None],
    ) -> None:
        self._fake = fake
        self._how = how
        self._happen = happen
        self._count = 0
        self.broke = False
        self.defect: Exception | None = None

    def __call__(self, _request: Request) -> Answer | None:
        self._count += 1
        answer = None
        for position, step in self._how.meanwhile:
            if position != self._count:
                continue
            if isinstance(step, Hiccup):
                answer = FAULTS[step.fault](self._fake)
                continue
            try:
                self._happen(step)
            except Exception as defect:  # noqa: BLE001 - it is raised again when the run ends
                self.defect = defect
        if self._how.breaks and self._count >= self._how.breaks[0]:
            self.broke = True
            return BREAKDOWNS[self._how.breaks[1]]()
        return answer


def opening(fake: ConformingFake) -> list[Step]:
    """A few products, people and sales to begin with."""
    names = ("add_product", "add_product", "add_customer", "add_customer", "add_customer",
             "hire", "sell", "sell", "sell")  # fmt: skip
    return [Act(name, seed) for seed, name in enumerate(names) if name in fake.actions()]


def busy_life(fake: ConformingFake, seed: int = 1, rounds: int = 2) -> list[Step]:
    """Everything this vendor can show, several times over a few days, without any reading."""
    dice = Random(seed)  # noqa: S311 - dice, no secret
    steps = opening(fake)
    for _ in range(rounds):
        names = sorted(fake.actions()) + ["sell"] * 3
        dice.shuffle(names)
        for name in names:
            steps += [Wait(dice.choice((0, 1, 3600, 9 * 3600))), Act(name, dice.randrange(1000))]
    return steps
