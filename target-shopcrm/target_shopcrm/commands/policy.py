"""``shopcrm policy``: what the policy permits, on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.text import Text

from target_shopcrm.commands.shared import (
    json_option,
    load_the_policy,
    policy_option,
    refuse,
    rim,
    show,
    show_json,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from target_shopcrm.consent.policy import Policy

_KEPT = {
    "marketing_profile": (
        "what a CRM holds for marketing, after they last did something",
        "at most",
    ),
    "dead_letters": ("records that couldn't be delivered", "at most"),
    "waiting_records": ("records that wait to be delivered", "at most"),
    "suppression_fingerprints": ("fingerprints of those who said no or were erased", "at least"),
    "consent_events": ("the proof of a yes, after it was last relied on", ""),
}
"""What the times of a policy's retention are about."""


@click.command()
@click.option("--shop", "shop_id", help="Needed for --markdown where the policy has several shops.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the page to hang up.")
@policy_option
@json_option
@rim
def policy(
    *, shop_id: str | None, as_markdown: bool, policy_path: str | None, as_json: bool
) -> None:
    """Show what the shop's policy permits, on one page.

    Without --policy it is the packaged strict one. With --markdown it is a text for customers.
    """
    found = load_the_policy(policy_path)
    if shop_id and found.jurisdiction_of(shop_id) is None:
        refuse(
            f"The policy '{found.name}' doesn't say where the shop '{shop_id}' is: add it under"
            " 'shops' in it, or name the shop's own policy with --policy."
        )
    if as_markdown:
        shop = shop_id or _only_shop_of(found)
        from target_shopcrm.consent.policy.prose import policy_markdown  # noqa: PLC0415 - only here

        click.echo(policy_markdown(found, shop))
    elif as_json:
        show_json(_for_programs(found))
    else:
        show(*_summary(found))


def _only_shop_of(policy: Policy) -> str:
    named = sorted(policy.shops)
    if len(named) != 1:
        known = ", ".join(named) if named else "none"
        refuse(f"Say for which shop the page is with --shop (in the policy: {known}).")
    return named[0]


def _for_programs(policy: Policy) -> dict[str, Any]:
    """All that the file says, as far as it has a meaning."""
    return {
        name: _plain(getattr(policy, name))
        for name in policy.__dataclass_fields__
        if not name.startswith("_")
    }


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if hasattr(value, "items"):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return msgspec.to_builtins(value)


def _summary(policy: Policy) -> Iterator[RenderableType]:
    channels = ", ".join(sorted(policy.channels))
    law = f"Its law: {policy.law.strip()}\n" if policy.law else ""
    yield Text(f"The policy '{policy.name}' uses these channels: {channels}.\n{law}")
    yield _shops(policy)
    yield table(
        "What facts are used for",
        ("Purpose", "Rests on", "A yes lives"),
        [
            (
                name,
                "what they bought" if purpose.basis == "contract" else "their yes",
                "" if purpose.basis == "contract" else str(purpose.valid_for or "until a no"),
            )
            for name, purpose in policy.purposes.items()
        ],
        text_columns=3,
    )
    yield table(
        "What may leave, and what it takes; nothing else ever does",
        ("Records", "Takes", "Fields"),
        list(_fields(policy)),
        text_columns=3,
    )
    limits = list(_limits(policy))
    if limits:
        yield table("When and how often", ("What", "Where", "Limit"), limits, text_columns=3)
    yield table("How long things are kept", ("What", "How long"), _kept(policy), text_columns=2)


def _kept(policy: Policy) -> list[tuple[str, str]]:
    times = policy.retention._asdict()
    words = {name: _KEPT.get(name, (name, "")) for name in times}
    return [(what, f"{bound} {times[name]}".strip()) for name, (what, bound) in words.items()]


def _shops(policy: Policy) -> RenderableType:
    if not policy.shops:
        return Text(
            "It places no shop, so nothing may leave any: add 'shops' to a file of yours.\n"
        )
    rows = [
        ("any other" if name == "default" else name, shop.country, shop.jurisdiction)
        for name, shop in policy.shops.items()
    ]
    return table("Where the shops are", ("Shop", "Country", "Law of"), rows, text_columns=3)


def _fields(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """One row per kind of record and requirement; the first column says each kind once."""
    for name, record in policy.records.items():
        by_need: dict[str, list[str]] = {}
        for field, (purpose, channel) in record.fields.items():
            need = f"{purpose} by {channel}" if channel else purpose
            by_need.setdefault(need, []).append(field)
        for index, (need, fields) in enumerate(by_need.items()):
            yield ("" if index else name, need, ", ".join(fields))


def _limits(policy: Policy) -> Iterator[tuple[str, str, str]]:
    for channel, by_law in policy.quiet_hours.items():
        for law, week in by_law.items():
            yield (f"{channel} only at", law, _week(week.days))
    for channel, caps in policy.frequency_caps.items():
        yield (f"{channel} at most", "everywhere", ", ".join(f"{cap}" for cap in caps))
    for name, freeze in policy.freeze_windows.items():
        yield ("nothing during", name, f"{_day(freeze.first)} to {_day(freeze.last)}")
    yield from _grounds(policy)


def _grounds(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """What counts as a yes without one, and for how long."""
    for law, by_channel in policy.implied_consent.items():
        for channel, implied in by_channel.items():
            for name, time in (("a purchase", implied.purchase), ("an inquiry", implied.inquiry)):
                if time:
                    yield (f"{name} counts as a yes", f"{channel}, {law}", f"for {time}")
    for law, declared in policy.soft_opt_in.items():
        for channel, soft in declared.items():
            limit = f"for {soft.valid_for}" if soft.is_declared else "not declared by the shop"
            yield ("own customers (soft opt-in)", f"{channel}, {law}", limit)


def _week(days: tuple[object, ...]) -> str:
    """The hours of a week, days with the same hours together."""
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    by_hours: dict[str, list[str]] = {}
    for name, hours in zip(names, days, strict=True):
        by_hours.setdefault(str(hours) if hours else "never", []).append(name)
    if len(by_hours) == 1:
        return next(iter(by_hours))
    return "; ".join(f"{', '.join(those)} {hours}" for hours, those in by_hours.items())


def _day(day: tuple[int, ...]) -> str:
    return "-".join(f"{part:02}" for part in day)
