"""The status as a shop owner reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from target_shopcrm.commands.shared import moment, number, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

_REASONS = {
    "no_event": "nobody said yes",
    "withdrawn": "the customer said no",
    "unknown_state": "no yes on record",
    "expired": "the yes is too old",
    "address_changed": "the yes was for another address",
    "invalid_address": "no usable address",
    "unknown_jurisdiction": "the policy doesn't say where this shop is",
    "conflict": "statements contradict each other",
    "channel_not_in_policy": "the policy doesn't use this channel",
    "purpose_not_in_policy": "the policy doesn't know this purpose",
    "not_in_policy": "not listed in the policy",
    "pending_double_opt_in": "the yes isn't confirmed yet",
    "implied_not_permitted": "a purchase is no yes here",
    "erased": "the person was erased",
    "quiet_hours": "it was night there, or nobody knows",
    "frequency_cap": "they got enough messages",
    "freeze_window": "the policy has a pause",
    "contact_not_delivered": "the contact isn't in the CRM yet",
    "retention": "too old to be kept",
    "uncertain": "it isn't known whether it arrived",
    "withdrawal_failed": "a no of theirs hasn't arrived yet",
    "not_in_destination": "the CRM has no place for it",
    "event_expired": "its time was over",
}
_DESTINATIONS = {
    "shopcrm": "ShopCRM database",
    "jsonl": "contacts file",
    "klaviyo": "Klaviyo",
    "hubspot": "HubSpot",
    "mailchimp": "Mailchimp",
    "brevo": "Brevo",
    "bottlecrm": "BottleCRM",
    "tryton": "Tryton",
}
_STATES = {
    "completed": "done",
    "failed": "failed",
    "interrupted": "was stopped",
    "running": "going on",
}
_MODES = {"shadow": " (shadow)", "rollback": " (went back)"}
_LEFT = ("contacts", "waiting", "dead_letters", "put_back", "pending_erasures")


def rendered(status: dict[str, Any]) -> RenderableType:
    """Lay the status out for a terminal.

    Args:
        status: From `target_shopcrm.status.collect`.

    Returns:
        Something for rich to print.
    """
    parts: list[RenderableType] = [_shops(status["shops"]), _consent(status["consent"])]
    if status["withheld"]:
        parts.append(_withheld(status["withheld"]))
    if status["summary"]:
        parts.append(_summary(status["summary"]))
    parts.append(_runs(status["last_run"]["runs"]))
    if status["waiting"]:
        parts.append(_waiting(status["waiting"]))
    parts += _left_to_do(status["destinations"])
    database = status["database"]
    parts.append(Text(f"Database {database['name']} at {database['host']}:{database['port']}"))
    return Group(*parts)


def in_short(reason: str) -> str:
    """Say in a few words why something was held back.

    Args:
        reason: A stored reason.

    Returns:
        The words, or the reason itself where there are none.
    """
    return _REASONS.get(reason, reason)


def _shops(shops: Sequence[dict[str, Any]]) -> RenderableType:
    if not shops:
        return Text("No sale has come in yet. Next: meltano run daily\n")
    rows = [
        (
            shop["shop_id"],
            _period(shop),
            number(shop["orders"]),
            number(shop["anonymous_orders"]),
            number(shop["customers"]),
            number(shop["products"]),
            number(shop["locations"]),
            number(shop["employees"]),
        )
        for shop in shops
    ]
    headings = ("Shop", "Days", "Orders", "of them anonymous", "Customers", "Products", "Places")
    return table("What came in", (*headings, "Staff"), rows, text_columns=2)


def _consent(consent: dict[str, dict[str, int]]) -> RenderableType:
    if not consent:
        return Text("")
    rows = [
        (channel, *(number(counts[name]) for name in ("given", "withdrawn", "unknown")))
        for channel, counts in consent.items()
    ]
    headings = ("Channel", "said yes", "said no", "unknown (not used)")
    return table("May we write to them? (addresses, marketing)", headings, rows)


def _withheld(withheld: Sequence[dict[str, Any]]) -> RenderableType:
    rows = [
        (
            _named(destination),
            ", ".join("everything" if field == "*" else field for field in fields),
            " or ".join(needs),
            in_short(reason),
            number(records),
        )
        for destination, reason, records, fields, needs in _told_once(withheld)
    ]
    headings = ("Kept from", "What", "Needed for", "Because", "Records")
    return table("What the gate held back last time", headings, rows, text_columns=4)


def _told_once(
    withheld: Sequence[dict[str, Any]],
) -> list[tuple[str, str, int, list[str], list[str]]]:
    """Join rows that say the same of several fields, then of several channels."""
    fields: dict[tuple[str, str, int, str], list[str]] = {}
    for entry in withheld:
        need = " by ".join(part for part in (entry["purpose"], entry["channel"]) if part)
        key = (entry["destination"], entry["reason"], entry["records"], need)
        fields.setdefault(key, []).append(entry["field"])
    needs: dict[tuple[str, str, int, tuple[str, ...]], list[str]] = {}
    for (destination, reason, records, need), names in fields.items():
        same = (destination, reason, records, tuple(sorted(names)))
        needs.setdefault(same, []).append(need)
    return [
        (destination, reason, records, list(names), sorted(filter(None, purposes)))
        for (destination, reason, records, names), purposes in needs.items()
    ]


def _summary(summary: Sequence[dict[str, Any]]) -> RenderableType:
    rows = [
        (entry["shop_id"], entry["topic"], entry["label"], number(entry["value"]))
        for entry in summary
    ]
    return table("Relationships", ("Shop", "Topic", "", "Number"), rows, text_columns=3)


def _runs(runs: Sequence[dict[str, Any]]) -> RenderableType:
    if not runs:
        return Text("")
    rows = [
        (
            _named(run["destination"]),
            _STATES[run["state"]] + _MODES.get(run["mode"], ""),
            moment(run["started_at"]),
            f"{run['seconds']:.1f} s",
            *(number(run[name]) for name in ("read", "written", "unchanged", "calls")),
        )
        for run in runs
    ]
    headings = ("Last run into", "State", "Began", "Took", "Read", "Written", "Unchanged", "Calls")
    return table("Last runs", headings, rows, text_columns=3)


def _waiting(waiting: Sequence[dict[str, Any]]) -> RenderableType:
    rows = [
        (
            _named(entry["destination"]),
            entry["stream"],
            in_short(entry["reason"]),
            moment(entry["not_before"]) or "the next run",
            number(entry["records"]),
        )
        for entry in waiting
    ]
    headings = ("Waits for", "What", "Because", "Not before", "Records")
    return table("What waits", headings, rows, text_columns=4)


def _left_to_do(destinations: Sequence[dict[str, Any]]) -> list[RenderableType]:
    """How each CRM stands, as far as there is something to say."""
    rows = [
        (
            _named(entry["destination"]),
            *(number(entry[name]) for name in _LEFT),
        )
        for entry in destinations
        if any(entry[name] for name in _LEFT)
    ]
    if not rows:
        return []
    headings = ("Destination", "Contacts", "Waiting", "Dead letters", "put back", "To be erased")
    parts: list[RenderableType] = [table("What CRMs hold, and what is left to do", headings, rows)]
    if any(entry["dead_letters"] for entry in destinations):
        parts.append(
            Text(
                "Dead letters couldn't be delivered; 'shopcrm dead-letters list' says which field"
                " was wrong.\n"
            )
        )
    return parts


def _named(destination: str) -> str:
    return _DESTINATIONS.get(destination, destination)


def _period(shop: dict[str, Any]) -> str:
    if shop["first_business_date"] is None:
        return ""
    return f"{shop['first_business_date']} to {shop['last_business_date']}"
