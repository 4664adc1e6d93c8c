"""The status as a shop owner reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
}
_DESTINATIONS = {"shopcrm": "ShopCRM database", "jsonl": "contacts file"}
_STATES = {
    "completed": "done",
    "failed": "failed",
    "interrupted": "was stopped",
    "running": "going on",
}


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
    if status["dead_letters"]:
        parts.append(
            Text(
                f"{status['dead_letters']} records couldn't be delivered; the table"
                " sync.dead_letters says which field was wrong.\n"
            )
        )
    database = status["database"]
    parts.append(Text(f"Database {database['name']} at {database['host']}:{database['port']}"))
    return Group(*parts)


def _shops(shops: Sequence[dict[str, Any]]) -> RenderableType:
    if not shops:
        return Text("No sale has come in yet. Next: meltano run daily\n")
    rows = [
        (
            shop["shop_id"],
            _period(shop),
            _number(shop["orders"]),
            _number(shop["anonymous_orders"]),
            _number(shop["customers"]),
            _number(shop["products"]),
            _number(shop["locations"]),
            _number(shop["employees"]),
        )
        for shop in shops
    ]
    headings = ("Shop", "Days", "Orders", "of them anonymous", "Customers", "Products", "Places")
    return _table("What came in", (*headings, "Staff"), rows, text_columns=2)


def _consent(consent: dict[str, dict[str, int]]) -> RenderableType:
    if not consent:
        return Text("")
    rows = [
        (channel, *(_number(counts[name]) for name in ("given", "withdrawn", "unknown")))
        for channel, counts in consent.items()
    ]
    headings = ("Channel", "said yes", "said no", "unknown (not used)")
    return _table("May we write to them? (addresses, marketing)", headings, rows)


def _withheld(withheld: Sequence[dict[str, Any]]) -> RenderableType:
    rows = [
        (
            _DESTINATIONS.get(destination, destination),
            ", ".join("everything" if field == "*" else field for field in fields),
            " or ".join(needs),
            _REASONS.get(reason, reason),
            _number(records),
        )
        for destination, reason, records, fields, needs in _told_once(withheld)
    ]
    headings = ("Kept from", "What", "Needed for", "Because", "Records")
    return _table("What the gate held back last time", headings, rows, text_columns=4)


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
        (entry["shop_id"], entry["topic"], entry["label"], _number(entry["value"]))
        for entry in summary
    ]
    return _table("Relationships", ("Shop", "Topic", "", "Number"), rows, text_columns=3)


def _runs(runs: Sequence[dict[str, Any]]) -> RenderableType:
    if not runs:
        return Text("")
    rows = [
        (
            _DESTINATIONS.get(run["destination"], run["destination"]),
            _STATES[run["state"]],
            str(run["started_at"])[:16].replace("T", " ") + " UTC",
            f"{run['seconds']:.1f} s",
            *(_number(run[name]) for name in ("read", "written", "unchanged")),
        )
        for run in runs
    ]
    headings = ("Last run into", "State", "Began", "Took", "Read", "Written", "Unchanged")
    return _table("Last runs", headings, rows, text_columns=3)


def _table(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], *, text_columns: int = 1
) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index < text_columns else "right")
    for row in rows:
        table.add_row(*row)
    return table


def _period(shop: dict[str, Any]) -> str:
    if shop["first_business_date"] is None:
        return ""
    return f"{shop['first_business_date']} to {shop['last_business_date']}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
