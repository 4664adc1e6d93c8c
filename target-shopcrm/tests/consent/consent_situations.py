"""Short words for the facts of a consent test: days, events, policies."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from target_shopcrm.consent.events import ConsentEvent, Key, LegalBasis, State
from target_shopcrm.consent.policy import Policy, load_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

SHOP = "corner-shop"
ADDRESS = "ann@example.com"
KEY = Key(SHOP, "email", ADDRESS, "marketing")
US_POLICY = """\
version: 1
name: the practice shop's
extends: strict
shops:
  corner-shop: {country: US, jurisdiction: US-NY}
"""


def day(number: float) -> datetime:
    """An instant, in days after the start of 2026."""
    return datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(days=number)


NOW = day(100)


@lru_cache(maxsize=1)
def us_policy() -> Policy:
    return policy_of(US_POLICY)


def policy_of(text: str) -> Policy:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "policy.yml"
        path.write_text(text, encoding="utf-8")
        return load_policy(path)


def event(  # noqa: PLR0913 - one word per fact of an event
    state: State,
    *,
    seen: float,
    acted: float | None = None,
    source: str = "square:group:Newsletter",
    reason: str | None = None,
    key: Key = KEY,
    basis: LegalBasis = "consent_express",
    until: float | None = None,
    evidence: Mapping[str, str] | None = None,
) -> ConsentEvent:
    """One event; `seen`, `acted` and `until` are days."""
    return ConsentEvent(
        **key._asdict(),
        state=state,
        event_time=None if acted is None else day(acted),
        observed_at=day(seen),
        source=source,
        reason=reason,
        legal_basis=basis,
        valid_until=None if until is None else day(until),
        evidence=evidence or {},
    )


def ledger_of(
    events: Iterable[ConsentEvent],
) -> Callable[[Iterable[Key]], Mapping[Key, Sequence[ConsentEvent]]]:
    """What the gate asks: the events of the given keys."""
    by_key: dict[Key, list[ConsentEvent]] = {}
    for one in events:
        by_key.setdefault(one.key, []).append(one)
    return lambda keys: {key: by_key[key] for key in keys if key in by_key}
