"""How long things are kept: some at most so long, and proof at least so long."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from target_shopcrm.consent.policy.durations import Validity, read_duration, read_shorter

if TYPE_CHECKING:
    from target_shopcrm.consent.policy.file import Place


class Retention(NamedTuple):
    """How long each kind of data is kept.

    Attributes:
        marketing_profile: what a CRM holds for marketing, after the person last did something
            themselves (bought, clicked, answered; an opened message doesn't count). At most.
        dead_letters: records that could not be delivered, after they failed. At most.
        waiting_records: records that wait for another one, after they came. At most.
        suppression_fingerprints: fingerprints of erased and opposing addresses. At least.
        consent_events: the proof of a consent, after it was last relied on. The shop's own
            choice: for as long as somebody could still ask for it.
    """

    marketing_profile: Validity
    dead_letters: Validity
    waiting_records: Validity
    suppression_fingerprints: Validity
    consent_events: Validity


AT_LEAST = frozenset({"suppression_fingerprints"})
AT_MOST = frozenset({"marketing_profile", "dead_letters", "waiting_records"})


def read_retention(place: Place | None, base: Retention | None) -> Retention:
    """How long things are kept; who extends another policy keeps data shorter, never longer.

    Args:
        place: the section; a whole policy has one and leaves nothing out.
        base: the retention of the policy this one extends.
    """
    times = base._asdict() if base else {}
    for name, entry in place.mapping().items() if place else ():
        if name not in Retention._fields:
            entry.fail(f"nothing is called {name!r}; use {', '.join(Retention._fields)}")
        times[name] = _time(name, entry, times.get(name))
    for name in Retention._fields if place else ():
        if place and name not in times:
            place.fail(f"'retention' says nothing about {name!r}; add '{name}: …'")
    return Retention(**times)


def _time(name: str, place: Place, before: Validity | None) -> Validity:
    if name in AT_MOST:
        return read_shorter(place, before)
    duration = read_duration(place)
    if name in AT_LEAST and before is not None and before.is_longer_than(duration):
        place.fail(
            f"a policy that extends another keeps {name.replace('_', ' ')} at least as long, so"
            " that nobody erased comes back; write a longer time"
        )
    return duration
