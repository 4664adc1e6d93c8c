"""Trouble on demand: which request fails, and how; the same plan fails the same requests."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass

import msgspec

from practice_register.api.cursors import read_cursor
from practice_register.api.problems import SquareError
from practice_register.errors import UsageError

KINDS = ("429", "500", "timeout", "cut", "expired_cursor")


@dataclass(frozen=True)
class FaultPlan:
    """How often and how requests fail.

    Attributes:
        rate: the share of requests that fail, 0 to 1.
        kinds: what can happen to them.
        seed: another seed fails other requests.
        streak: how many times in a row the same request fails at most.
        hold: for how many seconds a request that times out is held.
        retry_after: the seconds that a 429 asks to wait.
        latency: the seconds that every answer takes longer, at any rate of faults.
    """

    rate: float = 0.0
    kinds: tuple[str, ...] = KINDS
    seed: int = 1
    streak: int = 2
    hold: float = 30.0
    retry_after: int = 1
    latency: float = 0.0


def parse_faults(text: str) -> FaultPlan:
    """Read ``rate=0.1,kinds=429|500|timeout|cut|expired_cursor,seed=7``; empty means no faults.

    Raises:
        UsageError: if a part of it makes no sense.
    """
    values: dict[str, object] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or name not in FaultPlan.__dataclass_fields__:
            raise UsageError(_sentence(part, "write name=value with one of the names"))
        values[name] = tuple(value.split("|")) if name == "kinds" else value
    try:
        plan = msgspec.convert(values, type=FaultPlan, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(
            _sentence(text, "a number is expected where none stands, names")
        ) from error
    if not 0 <= plan.rate <= 1:
        raise UsageError(_sentence(f"rate={plan.rate}", "the rate is a share from 0 to 1; names"))
    unknown = [kind for kind in plan.kinds if kind not in KINDS]
    if unknown:
        known = ", ".join(KINDS)
        raise UsageError(f"--faults knows no kind '{unknown[0]}': choose from {known}.")
    if plan.streak < 1 or min(plan.hold, plan.retry_after, plan.latency) < 0:
        raise UsageError(_sentence(text, "streak is at least 1 and nothing is negative; names"))
    return plan


def _sentence(part: str, advice: str) -> str:
    names = ", ".join(FaultPlan.__dataclass_fields__)
    return f"--faults cannot use '{part}': {advice} {names}."


@dataclass(frozen=True)
class Asked:
    """What the faults need to know about a request."""

    method: str
    path: str
    query: str
    body: bytes
    cursor: str | None


class FaultBox:
    """Decides for each request whether and how it fails."""

    def __init__(self, plan: FaultPlan) -> None:
        """Start counting requests under `plan`."""
        self._lock = threading.Lock()
        self.replace(plan)

    def replace(self, plan: FaultPlan) -> None:
        """Go on under another plan, counting anew."""
        with self._lock:
            self.plan = plan
            self._count = 0
            self._in_a_row: dict[bytes, int] = {}
            self._expired: dict[bytes, int] = {}

    def decide(self, asked: Asked) -> str | None:
        """The kind of fault that this request meets, None to let it pass."""
        if self.plan.rate <= 0:
            return None
        with self._lock:
            plan = self.plan
            self._count += 1
            draw = hashlib.blake2b(f"{plan.seed} {self._count}".encode(), digest_size=8).digest()
            key, query = _identity(asked)
            if int.from_bytes(draw[:4], "big") / (1 << 32) >= plan.rate:
                self._in_a_row.pop(key, None)
                return None
            kinds = plan.kinds
            # Whoever loses a cursor begins again at the first page, so a query may lose only
            # a few of them in all, or a long one would never be read to its end.
            if query is None or self._expired.get(query, 0) >= plan.streak:
                kinds = tuple(kind for kind in kinds if kind != "expired_cursor")
            if not kinds or self._in_a_row.get(key, 0) >= plan.streak:
                self._in_a_row.pop(key, None)
                return None
            kind = kinds[int.from_bytes(draw[4:], "big") % len(kinds)]
            self._in_a_row[key] = self._in_a_row.get(key, 0) + 1
            if kind == "expired_cursor" and query is not None:
                self._expired[query] = self._expired.get(query, 0) + 1
            return kind


def _identity(asked: Asked) -> tuple[bytes, bytes | None]:
    """What makes a request the same one again, and the query whose cursor it carries."""
    request = f"{asked.method} {asked.path}".encode()
    if not asked.cursor:
        return hashlib.blake2b(request + asked.query.encode() + asked.body).digest(), None
    try:
        cursor = read_cursor(asked.cursor)
    except SquareError:
        return hashlib.blake2b(request + asked.cursor.encode()).digest(), None
    query = request + cursor.query
    place = msgspec.msgpack.encode((cursor.value, cursor.id))
    return hashlib.blake2b(query + place).digest(), query
