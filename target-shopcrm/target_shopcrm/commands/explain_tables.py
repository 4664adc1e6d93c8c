"""An explanation as a shop owner reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.text import Text

from target_shopcrm.commands.shared import moment, number, table
from target_shopcrm.commands.status_tables import in_short
from target_shopcrm.consent.events import split_source
from target_shopcrm.consent.verdicts import told
from target_shopcrm.routes.work import WHOLE_RECORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from target_shopcrm.commands.explaining import Answer, Explanation
    from target_shopcrm.consent.events import ConsentEvent

_STATES = {
    "given": "yes",
    "withdrawn": "no",
    "unknown": "no yes on record",
    "pending": "asked, not confirmed",
}
_BASES = {
    "consent_express": "their own words",
    "soft_opt_in": "being a customer (soft opt-in)",
    "implied_purchase": "a purchase (implied)",
    "implied_inquiry": "an inquiry (implied)",
}
_KINDS = {
    "customers": "of the customer, here",
    "contacts": "of the contact in CRMs",
    "contact_orders": "orders in CRMs",
    "contact_events": "occasions to write",
    "staff_cues": "cues for staff",
}
_BECAUSE = {
    "address_changed": "their address changed",
    "profile_ended": "their profile was merged or deleted",
    "erased": "they were erased",
}


def rendered(
    found: Explanation, policy: str, typed: str | None, *, values: bool
) -> Iterator[RenderableType]:
    """Lay an explanation out for a terminal.

    Args:
        found: The explanation.
        policy: The policy's name.
        typed: The address the user typed, if the question was about one.
        values: Whether addresses, values and evidence may be shown.

    Yields:
        Texts and tables.
    """
    yield _heading(found, policy, typed)
    if values:
        rows = [(channel, raw or "none") for channel, raw in found.person.addresses.items()]
        yield table("Addresses", ("Channel", "Address"), rows, text_columns=2)
    yield table(
        "May they be written to?",
        ("Channel", "Purpose", "Answer", "Why"),
        [_answer(answer) for answer in found.answers],
        text_columns=4,
    )
    if any(answer.events for answer in found.answers):
        yield _said(found, values=values)
    else:
        yield Text("Nobody has said anything about this yet.\n")
    yield from _deliveries(found, values=values)
    if found.withheld:
        yield _withheld(found)


def _heading(found: Explanation, policy: str, typed: str | None) -> Text:
    who = typed or f"Customer {found.person.customer_id}"
    customers = ""
    if typed:
        known = number(found.customers) if found.customers else "no"
        customers = f", the address of {known} customer{'' if found.customers == 1 else 's'}"
    erased = ""
    if found.erased_at:
        erased = f"Erased on {found.erased_at:%Y-%m-%d}; agreed to nothing since.\n"
    return Text(
        f"{who} at {found.person.shop_id}{customers}.\n"
        f"{erased}Decided for {moment(found.at)} under the policy '{policy}'.\n"
    )


def _answer(answer: Answer) -> tuple[str, ...]:
    verdict = answer.verdict
    until = f", until {verdict.valid_until:%Y-%m-%d}" if verdict.valid_until else ""
    said = f"{'yes' if verdict.allowed else 'no'} ({verdict.reason}{until})"
    return (answer.channel, answer.purpose, said, told(verdict.reason))


def _said(found: Explanation, *, values: bool) -> RenderableType:
    rows = [
        (
            moment(event.event_time or event.observed_at),
            f"{answer.purpose} by {answer.channel}",
            _state(event),
            _who(event),
            _rests_on(event, values=values),
        )
        for answer in found.answers
        for event in answer.events
    ]
    headings = ("When", "About", "What", "Who says so", "Rests on")
    return table("What was said", headings, rows, text_columns=5)


def _state(event: ConsentEvent) -> str:
    because = f" ({_BECAUSE.get(event.reason, event.reason)})" if event.reason else ""
    undated = "" if event.event_time else " (undated; learnt then)"
    return f"{_STATES.get(event.state, event.state)}{because}{undated}"


def _who(event: ConsentEvent) -> str:
    source, customer_id = split_source(event.source)
    how = f", {event.method}" if event.method else ""
    profile = f" (customer {customer_id})" if customer_id else ""
    return f"{source}{profile}{how}"


def _rests_on(event: ConsentEvent, *, values: bool) -> str:
    if event.state != "given":
        return ""
    parts = [_BASES.get(event.legal_basis, event.legal_basis)]
    if event.notice:
        parts.append(f"notice {event.notice}")
    if event.evidence:
        proof = ", ".join(f"{name}={value}" for name, value in sorted(event.evidence.items()))
        parts.append(proof if values else f"proved by {', '.join(sorted(event.evidence))}")
    return "; ".join(parts)


def _deliveries(found: Explanation, *, values: bool) -> Iterator[RenderableType]:
    rows = [
        (
            each.destination,
            f"{each.stream}: {number(each.records)}",
            moment(each.last_told_at),
            ", ".join(each.channels) or "none",
            ", ".join(_fields(each.fields, values=values)),
            ", ".join(each.lists),
        )
        for each in found.told
    ]
    if rows:
        headings = ("CRM", "Records", "Last told", "May use", "Fields", "Lists")
        yield table("What CRMs were told", headings, rows, text_columns=6)
    else:
        yield Text("No CRM holds anything about them that we told it.\n")
    if found.told_no:
        no = [(each.destination, each.channel, moment(each.told_at)) for each in found.told_no]
        yield table("Who was told of a no", ("CRM", "Channel", "When"), no, text_columns=3)


def _fields(fields: dict[str, Any], *, values: bool) -> list[str]:
    if not values:
        return sorted(fields)
    return [
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(fields.items())
    ]


def _withheld(found: Explanation) -> RenderableType:
    """One row for what stays behind for the same reason."""
    fields: dict[tuple[str, str], dict[str, list[str]]] = {}
    for record_class, entries in found.withheld.items():
        for entry in entries:
            need = " by ".join(part for part in (entry.purpose, entry.channel) if part)
            same = fields.setdefault((need, in_short(str(entry.reason))), {})
            same.setdefault(record_class, []).append(entry.field)
    rows = [
        ("; ".join(_behind(*each) for each in behind.items()), need, reason)
        for (need, reason), behind in fields.items()
    ]
    headings = ("These fields stay behind", "Needed for", "Because")
    return table("What the gate holds back", headings, rows, text_columns=3)


def _behind(record_class: str, fields: list[str]) -> str:
    """One kind of record, and what of it stays behind."""
    what = ", ".join("everything" if field == WHOLE_RECORD else field for field in fields)
    return f"{_KINDS.get(record_class, record_class)}: {what}"
