"""The policy as a page that a manager can hand to a customer, made from the same data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.consent.policy.hours import DAYS, EVERYWHERE
from target_shopcrm.consent.policy.words import (
    CHANNELS,
    MONTHS,
    PURPOSES,
    RETENTION,
    listed,
    place,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from target_shopcrm.consent.policy.grounds import Implied, SoftOptIn
    from target_shopcrm.consent.policy.hours import Week
    from target_shopcrm.consent.policy.model import Policy, Purpose
    from target_shopcrm.consent.policy.pauses import Freeze

_ENFORCED = (
    "Our software enforces what stands here; nobody in the shop can switch it off. The page says"
    " what the software does and is not legal advice."
)
_EACH_ITS_OWN = "A yes to one of them is no yes to another, and no yes at all is a no."
_PAUSED = (
    "In a pause we write to nobody and change nothing, except to forget you or to take your no."
)
_AT_ONCE = "It counts at once, before anything else is written."


def policy_markdown(policy: Policy, shop_id: str | None) -> str:
    """The page, in Markdown.

    Args:
        policy: the shop's policy.
        shop_id: whose page it is; None for one that names no shop and no law's exceptions but
            those that the policy has for all of them.

    Returns:
        Headings, sentences and tables; a line break at the end.
    """
    sections = [
        _title(policy, shop_id),
        _uses(policy),
        _without_asking(policy, shop_id),
        _hours(policy, shop_id),
        _how_often(policy),
        _pauses(policy),
        _kept(policy),
        _your_rights(policy),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _title(policy: Policy, shop_id: str | None) -> list[str]:
    lines = ["# How we use your data", ""]
    jurisdiction = policy.jurisdiction_of(shop_id) if shop_id else None
    if shop_id and jurisdiction:
        lines += [f"This is what **{shop_id}** does, under the law of {place(jurisdiction)}.", ""]
    elif shop_id:
        lines += [f"**{shop_id}** isn't in this policy, so it may not use anybody's data.", ""]
    if policy.law:
        lines += [f"We follow: {policy.law}", ""]
    return [*lines, _ENFORCED]


def _uses(policy: Policy) -> list[str]:
    rows = [
        (PURPOSES[name], _asks(purpose), _runs_out(purpose))
        for name, purpose in policy.purposes.items()
    ]
    ways = listed([CHANNELS[channel] for channel in sorted(policy.channels)])
    return [
        "## What we use your data for",
        "",
        *_table(("What for", "Do we ask you?", "How long your yes counts"), rows),
        "",
        f"We write by {ways}. {_EACH_ITS_OWN}",
    ]


def _asks(purpose: Purpose) -> str:
    return "Always" if purpose.basis == "consent" else "No, it is part of the purchase"


def _runs_out(purpose: Purpose) -> str:
    if purpose.basis == "contract":
        return "Not needed"
    return "Until you say no" if purpose.valid_for is None else str(purpose.valid_for)


def _without_asking(policy: Policy, shop_id: str | None) -> list[str]:
    """What counts as a yes without one; for no shop in particular, wherever it does."""
    sentences = list(_exceptions(policy, shop_id))
    if not sentences:
        return []
    return [
        "## When we write without having asked",
        "",
        *(f"- {sentence}" for sentence in sentences),
        "- Never after you have said no.",
    ]


def _exceptions(policy: Policy, shop_id: str | None) -> Iterator[str]:
    for channel in sorted(policy.channels):
        by = f"By {CHANNELS[channel]}"
        if shop_id is not None:
            implied = policy.implied_in(shop_id, channel)
            yield from _promises(by, implied, policy.soft_opt_in_of(shop_id, channel))
            continue
        for law in sorted({*policy.implied_consent, *policy.soft_opt_in}):
            yield from _promises(
                f"{by} in {place(law)}",
                policy.implied_consent.get(law, {}).get(channel),
                policy.soft_opt_in.get(law, {}).get(channel),
            )


def _promises(by: str, implied: Implied | None, soft: SoftOptIn | None) -> Iterator[str]:
    if implied is not None and implied.purchase is not None:
        yield f"{by}, for {implied.purchase} after you bought something."
    if implied is not None and implied.inquiry is not None:
        yield f"{by}, for {implied.inquiry} after you asked us something."
    if soft is not None and soft.is_declared:
        yield (
            f"{by}, for {soft.valid_for} after you bought something, about similar things of"
            " our own, if you could say no when you gave us your address. You can say no in"
            " every message."
        )


def _hours(policy: Policy, shop_id: str | None) -> list[str]:
    rows: list[tuple[str, ...]] = []
    for channel in sorted(policy.quiet_hours):
        by_law = policy.quiet_hours[channel]
        where = policy.jurisdiction_of(shop_id) if shop_id else None
        here = policy.hours_of(channel, [where] if where else [])
        if here is not None and (where or EVERYWHERE in by_law):
            rows += [(_capital(CHANNELS[channel]), "Everywhere", *_days(here))]
        for law in sorted(by_law):
            stricter = policy.hours_of(channel, [law, *([where] if where else [])])
            if law != EVERYWHERE and stricter is not None and stricter != here:
                rows += [(_capital(CHANNELS[channel]), _in(law), *_days(stricter))]
    if not rows:
        return []
    return [
        "## When we write",
        "",
        *_table(("By", "To people", "Monday to Friday", "Saturday", "Sunday"), rows),
        "",
        "The clock is yours, as far as your number or you tell us where you are.",
    ]


def _in(law: str) -> str:
    return f"In {place(law)}"


def _days(week: Week) -> tuple[str, str, str]:
    """Working days that differ are told one by one."""
    spoken = ["not at all" if hours is None else str(hours) for hours in week.days]
    working = spoken[:5]
    if len(set(working)) == 1:
        return (working[0], spoken[5], spoken[6])
    told = [f"{_capital(day)} {hours}" for day, hours in zip(DAYS, working, strict=False)]
    return (", ".join(told), spoken[5], spoken[6])


def _how_often(policy: Policy) -> list[str]:
    if not policy.frequency_caps:
        return []
    rows = [
        (_capital(CHANNELS[channel]), listed([str(cap) for cap in caps]))
        for channel, caps in sorted(policy.frequency_caps.items())
    ]
    return ["## How often we write at most", "", *_table(("By", "Messages"), rows)]


def _pauses(policy: Policy) -> list[str]:
    if not policy.freeze_windows:
        return []
    rows = [(name, _span(freeze)) for name, freeze in policy.freeze_windows.items()]
    return [
        "## When we pause",
        "",
        *_table(("Pause", "Days"), rows),
        "",
        _PAUSED,
    ]


def _span(freeze: Freeze) -> str:
    every = ", every year" if freeze.is_yearly else ""
    days = [_day(day) for day in (freeze.first, freeze.last)]
    return f"{days[0]}{every}" if days[0] == days[1] else f"{days[0]} to {days[1]}{every}"


def _day(day: Sequence[int]) -> str:
    *year, month, number = day
    return " ".join([str(number), MONTHS[month - 1], *map(str, year)])


def _kept(policy: Policy) -> list[str]:
    rows = [
        (what, when.format(getattr(policy.retention, name)))
        for name, (what, when) in RETENTION.items()
    ]
    return ["## How long we keep it", "", *_table(("What", "How long"), rows)]


def _your_rights(policy: Policy) -> list[str]:
    ways = listed([CHANNELS[channel] for channel in sorted(policy.channels)])
    return [
        "## What you can do",
        "",
        f"- **Say no**, to {ways} or to everything, in the shop or in any message. {_AT_ONCE}",
        "- **Say yes again**, yourself. Nobody can do it for you, and no purchase does.",
        "- **Be forgotten.** Then we keep nothing about you but that fingerprint.",
        "- **See** what we hold about you, and when you agreed to what.",
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"|{'|'.join(' --- ' for _ in head)}|",
        *(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows),
    ]


def _cell(text: str) -> str:
    """A name of the shop's own may hold what Markdown would take for a column."""
    return text.replace("|", "\\|")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
