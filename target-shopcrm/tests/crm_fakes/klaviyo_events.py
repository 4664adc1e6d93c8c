"""Klaviyo's events: one request makes profiles, changes them and starts flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_fakes.fake import Answer
from crm_fakes.klaviyo_account import IDENTIFIERS, ORDERS, text
from crm_fakes.klaviyo_answers import complaint

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm_fakes.fake import Request
    from crm_fakes.klaviyo_account import FakeProfile, KlaviyoAccount, Row

_EVENTS = "/data/attributes/events-bulk-create/data"


def record_events(
    account: KlaviyoAccount,
    request: Request,
    note: Callable[[str, str], None],
    *,
    drops_repeated: bool,
) -> Answer:
    """Accept events.

    Args:
        account: The account.
        request: The request.
        note: Notes a write.
        drops_repeated: Swallow a repeated unique id silently, as the call for single events was
            seen to do, in place of failing the request, as the description says.
    """
    entries = request.json()["data"]["attributes"]["events-bulk-create"]["data"]
    wanted = [(entry, each) for entry in entries for each in entry["attributes"]["events"]["data"]]
    if refusal := _refusal(entries, len(wanted), len(request.body)):
        return refusal
    keys = [_key(account, entry, event) for entry, event in wanted]
    # What was accepted counts, though it can't be read yet.
    repeated = len(set(keys)) < len(keys) or bool(account.accepted.intersection(keys))
    if repeated and not drops_repeated:
        return complaint(400, "duplicate", "a unique_id was repeated; no events were processed")
    account.accepted.update(keys)

    def do() -> None:
        for entry, event in wanted:
            profile = _profile(account, entry)
            _, metric, unique_id = _key(account, entry, event)
            if profile is None or account.has_event(profile.id, metric, unique_id):
                continue
            attributes = event["attributes"]
            at = attributes.get("time") or text(account.clock())
            account.record(profile, metric, at, attributes["properties"], unique_id=unique_id)
            address = profile.attributes.get("email") or profile.attributes.get("phone_number", "")
            note("order" if metric in ORDERS else "event", address)
            if not (attributes.get("backfill") or entry["attributes"].get("backfill")):
                account.flows.append((metric, address))

    account.later(do)
    return Answer(202, b"")


def _refusal(entries: list[Row], events: int, size: int) -> Answer | None:
    """What is wrong with a request at first sight."""
    if size > 5_000_000:
        return complaint(413, "payload_too_large", "5 MB at most")
    if events > 1_000:
        return complaint(400, "invalid", f"{events} events", _EVENTS)
    for index, entry in enumerate(entries):
        profile = entry["attributes"]["profile"]["data"]
        for event in entry["attributes"]["events"]["data"]:
            name = event["attributes"]["metric"]["data"]["attributes"]["name"]
            if not name or len(name) >= 128:
                return complaint(400, "invalid", f"{name}", f"{_EVENTS}/{index}/attributes/metric")
        if not profile.get("id") and not any(map(profile["attributes"].get, IDENTIFIERS)):
            return complaint(400, "invalid", "nobody", f"{_EVENTS}/{index}/attributes/profile")
    return None


def _key(account: KlaviyoAccount, entry: Row, event: Row) -> tuple[str, str, str]:
    """What Klaviyo tells events apart by; without a unique id, by the second."""
    attributes = event["attributes"]
    profile = entry["attributes"]["profile"]["data"]
    its = {name: profile["attributes"].get(name) for name in IDENTIFIERS}
    found = account.find(id=profile.get("id"), **its)
    whose = found[0].id if found else str(its)
    metric = attributes["metric"]["data"]["attributes"]["name"]
    unique_id = attributes.get("unique_id") or (attributes.get("time") or "")[:19]
    return whose, metric, unique_id


def _profile(account: KlaviyoAccount, entry: Row) -> FakeProfile | None:
    """The profile of an event: changed by it, and made if there is none."""
    told = entry["attributes"]["profile"]["data"]
    attributes = dict(told["attributes"])
    properties = attributes.pop("properties", None) or {}
    its = {name: attributes.get(name) for name in IDENTIFIERS}
    found = account.find(id=told.get("id"), **its)
    if not found and told.get("id"):
        return None
    profile = found[0] if found else account.create({})
    account.change(profile, attributes)
    profile.properties |= properties
    return profile
