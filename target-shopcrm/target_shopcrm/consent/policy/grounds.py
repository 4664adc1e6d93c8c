"""What the law of a place accepts instead of somebody's own opt-in, where it accepts anything."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from target_shopcrm.consent.policy.durations import Validity, read_date, read_shorter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from target_shopcrm.consent.policy.file import Place


class Implied(NamedTuple):
    """How long a purchase or an inquiry implies consent; None where it implies none."""

    purchase: Validity | None = None
    inquiry: Validity | None = None


class SoftOptIn(NamedTuple):
    """The soft opt-in on one channel: the law allows it, and the shop says that it complies.

    Attributes:
        valid_for: how long after a purchase it counts.
        own_similar_products: the shop declares that it only advertises its own products, and
            similar ones to what the customer bought.
        opt_out_in_every_message: the shop declares that every message offers an opt-out.
        opt_out_at_the_till_since: the day from which the shop has offered an opt-out whenever
            it took down an address; None where it doesn't say.
    """

    valid_for: Validity
    own_similar_products: bool = False
    opt_out_in_every_message: bool = False
    opt_out_at_the_till_since: date | None = None

    @property
    def is_declared(self) -> bool:
        """Whether the shop has declared what the law asks of every message."""
        return self.own_similar_products and self.opt_out_in_every_message


_Ground = TypeVar("_Ground", Implied, SoftOptIn)


def read_implied(
    place: Place | None,
    channels: frozenset[str],
    base: Mapping[str, Mapping[str, Implied]] | None,
) -> Mapping[str, Mapping[str, Implied]]:
    """Implied consent by jurisdiction and channel; who extends a policy can only take away."""
    return _by_law(place, channels, base, _implied)


def read_soft_opt_in(
    place: Place | None,
    channels: frozenset[str],
    base: Mapping[str, Mapping[str, SoftOptIn]] | None,
) -> Mapping[str, Mapping[str, SoftOptIn]]:
    """Soft opt-ins by jurisdiction and channel; the shop adds what only it can declare."""
    return _by_law(place, channels, base, _soft_opt_in)


def _by_law(
    place: Place | None,
    channels: frozenset[str],
    base: Mapping[str, Mapping[str, _Ground]] | None,
    read: Callable[[Place, _Ground | None], _Ground],
) -> Mapping[str, Mapping[str, _Ground]]:
    grounds = dict(base or {})
    for law, entry in place.mapping().items() if place else ():
        before = None if base is None else base.get(law, MappingProxyType({}))
        by_channel: dict[str, _Ground] = {}
        for channel, stated in entry.mapping().items():
            if channel not in channels:
                known = ", ".join(sorted(channels))
                stated.fail(f"{channel!r} is not a channel of this policy; use {known}")
            if before is not None and channel not in before:
                stated.fail(
                    "a policy that extends another can only tighten it, and there nothing but"
                    f" an own opt-in counts for {channel} under the law of {law!r}; remove it"
                )
            by_channel[channel] = read(stated, before[channel] if before is not None else None)
        grounds[law] = MappingProxyType(by_channel)
    return MappingProxyType(grounds)


def _implied(place: Place, before: Implied | None) -> Implied:
    times: dict[str, Validity] = {}
    for name, entry in place.mapping().items():
        if name not in Implied._fields:
            entry.fail(f"nothing called {name!r} implies consent; use {', '.join(Implied._fields)}")
        longest: Validity | None = getattr(before, name, None)
        if before is not None and longest is None:
            entry.fail(
                "a policy that extends another can only tighten it, and there"
                f" no {name} implies consent; remove this line"
            )
        times[name] = read_shorter(entry, longest)
    return Implied(**times)


def _soft_opt_in(place: Place, before: SoftOptIn | None) -> SoftOptIn:
    entries = place.mapping()
    for name, entry in entries.items():
        if name not in SoftOptIn._fields:
            entry.fail(f"a soft opt-in has no {name!r}; use {', '.join(SoftOptIn._fields)}")
    ground = before
    if "valid_for" in entries:
        longest = before.valid_for if before else None
        ground = (before or SoftOptIn(Validity()))._replace(
            valid_for=read_shorter(entries["valid_for"], longest)
        )
    if ground is None:
        place.fail(
            f"the soft opt-in for {place.name} has no 'valid_for'; add 'valid_for: 24 months'"
        )
    if "own_similar_products" in entries:
        ground = ground._replace(own_similar_products=entries["own_similar_products"].yes_or_no())
    if "opt_out_in_every_message" in entries:
        every = entries["opt_out_in_every_message"].yes_or_no()
        ground = ground._replace(opt_out_in_every_message=every)
    if "opt_out_at_the_till_since" in entries:
        since = read_date(entries["opt_out_at_the_till_since"])
        ground = ground._replace(opt_out_at_the_till_since=since)
    return ground
