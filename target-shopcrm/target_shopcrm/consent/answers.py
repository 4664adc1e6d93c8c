"""From verdicts on single addresses to one answer about a person's field."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from target_shopcrm.consent.verdicts import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_shopcrm.consent.verdicts import Verdict


class Answer(NamedTuple):
    """Whether a requirement is met, and if not, why, for each channel that was tried."""

    allowed: bool
    denials: tuple[tuple[str | None, Reason], ...] = ()


YES = Answer(allowed=True)
NO_ADDRESS = Answer(allowed=False, denials=((None, Reason.INVALID_ADDRESS),))


def one_channel(channel: str, verdict: Verdict) -> Answer:
    """The answer where one channel's own address decides."""
    return YES if verdict.allowed else Answer(allowed=False, denials=((channel, verdict.reason),))


def any_channel(verdicts: Mapping[str, Verdict]) -> Answer:
    """Allowed where at least one channel is; each channel speaks for itself."""
    if any(verdict.allowed for verdict in verdicts.values()):
        return YES
    return _no(verdicts)


def every_address(verdicts: Mapping[str, Verdict]) -> Answer:
    """Allowed where at least one address granted it and none has withdrawn it."""
    granted = any(verdict.allowed for verdict in verdicts.values())
    withdrawn = [
        channel
        for channel, verdict in verdicts.items()
        if verdict.reason in {Reason.WITHDRAWN, Reason.CONFLICT}
    ]
    if not granted:
        return _no(verdicts)
    if not withdrawn:
        return YES
    return Answer(allowed=False, denials=tuple((name, Reason.CONFLICT) for name in withdrawn))


def _no(verdicts: Mapping[str, Verdict]) -> Answer:
    if not verdicts:
        return NO_ADDRESS
    return Answer(
        allowed=False,
        denials=tuple((channel, verdict.reason) for channel, verdict in verdicts.items()),
    )
