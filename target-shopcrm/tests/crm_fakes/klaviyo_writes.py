"""Klaviyo's writings: what it refuses at once, what it accepts, and what then becomes of it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from crm_fakes.fake import Answer
from crm_fakes.klaviyo_account import IDENTIFIERS, text
from crm_fakes.klaviyo_answers import HOST, complaint

if TYPE_CHECKING:
    from collections.abc import Callable

    from crm_fakes.fake import Request
    from crm_fakes.klaviyo_account import FakeProfile, KlaviyoAccount, Row

PROFILES = "/data/attributes/profiles/data"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_PLACES = {"email": "email", "sms": "phone_number"}


def import_profiles(
    account: KlaviyoAccount, request: Request, note: Callable[[str, str], None], *, points: bool
) -> Answer:
    """Accept an import. What is ill-formed is refused at once, the rest judged by the job."""
    entries = request.json()["data"]["attributes"]["profiles"]["data"]
    if len(request.body) > 5_000_000:
        return complaint(413, "payload_too_large", "5 MB at most")
    if not 1 <= len(entries) <= 10_000:
        return complaint(400, "invalid", f"{len(entries)} profiles", PROFILES)
    for index, entry in enumerate(entries):
        pointer = f"{PROFILES}/{index}"
        attributes = entry["attributes"]
        if len(msgspec.json.encode(entry)) > 100_000:
            return complaint(400, "too_large", "100 KB at most", pointer)
        if not entry.get("id") and not any(attributes.get(name) for name in IDENTIFIERS):
            return complaint(400, "invalid", "no identifier", pointer)
        email = attributes.get("email")
        if email is not None and not _EMAIL.fullmatch(email):
            where = f"{pointer}/attributes/email"
            return complaint(400, "invalid", f"{email} is no address", where)
    job_id = account.new_id("J")
    job: Row = {"status": "queued", "created_at": text(account.clock()), "errors": []}
    account.imports[job_id] = job | {"total_count": len(entries)}

    def do() -> None:
        job = account.imports[job_id]
        for index, entry in enumerate(entries):
            if error := _import_one(account, entry, note):
                code, name, detail = error
                pointer = f"{PROFILES}/{index}/attributes/{name}" if points else None
                job["errors"].append({"code": code, "detail": detail, "pointer": pointer})
        job |= {"status": "complete", "completed_count": len(entries)}
        job["failed_count"] = len(job["errors"])

    account.later(do)
    return Answer(202, {"data": import_row(account, job_id)})


def import_row(account: KlaviyoAccount, job_id: str) -> Row:
    job = {name: value for name, value in account.imports[job_id].items() if name != "errors"}
    links = {"self": f"{HOST}/api/profile-bulk-import-jobs/{job_id}"}
    return {"type": "profile-bulk-import-job", "id": job_id, "attributes": job, "links": links}


def _import_one(
    account: KlaviyoAccount, entry: Row, note: Callable[[str, str], None]
) -> tuple[str, str, str] | None:
    """Create or change a profile. Null changes nothing, and consent never changes."""
    attributes = {name: each for name, each in entry["attributes"].items() if each is not None}
    phone = attributes.get("phone_number")
    if phone is not None and not _PHONE.fullmatch(phone):
        return "invalid", "phone_number", f"{phone} is no number"
    matches: list[FakeProfile] = []
    for name in ("id", *IDENTIFIERS):
        value = entry.get("id") if name == "id" else attributes.get(name)
        matches += account.find(**{name: value})
    if len({each.id for each in matches}) > 1:
        return "duplicate_profile", "email", f"{attributes.get('email')} is taken"
    properties = attributes.pop("properties", {})
    profile = matches[0] if matches else account.create({})
    account.change(profile, attributes)
    profile.properties |= {name: each for name, each in properties.items() if each is not None}
    unset = entry.get("meta", {}).get("patch_properties", {}).get("unset", [])
    for name in [unset] if isinstance(unset, str) else unset:
        profile.properties.pop(name, None)
    note("upsert", profile.attributes.get("email") or profile.attributes.get("external_id", ""))
    return None


def change_profile(
    account: KlaviyoAccount, request: Request, note: Callable[[str, str], None], profile_id: str
) -> Answer:
    """Change one profile at once; here null clears."""
    profile = account.profiles.get(profile_id)
    if profile is None:
        return complaint(404, "not_found", "no such profile")
    changes = dict(request.json()["data"]["attributes"])
    properties = changes.pop("properties", {})
    after = {**profile.attributes, **changes}
    if not any(after.get(name) for name in IDENTIFIERS):
        return complaint(400, "invalid", "no identifier is left", "/data/attributes")
    for name in IDENTIFIERS:
        others = [each for each in account.find(**{name: changes.get(name)}) if each != profile]
        if others:
            return complaint(409, "duplicate_profile", "taken", f"/data/attributes/{name}")
    account.change(profile, changes)
    profile.properties |= properties
    note("upsert", profile.attributes.get("email") or profile.attributes.get("external_id", ""))
    row = {
        "type": "profile",
        "id": profile.id,
        "attributes": dict(profile.attributes),
        "links": {"self": f"{HOST}/api/profiles/{profile.id}"},
    }
    return Answer(200, {"data": row})


def subscribe(
    account: KlaviyoAccount,
    request: Request,
    note: Callable[[str, str], None],
    double_opt_in: Callable[[str], None],
) -> Answer:
    """Accept subscriptions; whatever the people said before is lifted when they happen."""
    job = request.json()["data"]["attributes"]
    is_history = job.get("historical_import", False)
    entries = job["profiles"]["data"]
    if len(entries) > 1_000:
        return complaint(400, "invalid", f"{len(entries)} profiles", PROFILES)
    wanted: list[tuple[str, str, str | None]] = []
    for index, entry in enumerate(entries):
        for channel, uses in entry["attributes"]["subscriptions"].items():
            pointer = f"{PROFILES}/{index}/attributes/subscriptions/{channel}"
            consented_at = uses["marketing"].get("consented_at")
            if (consented_at is None) == is_history:
                return complaint(400, "invalid", "historical_import and consented_at", pointer)
            if consented_at and datetime.fromisoformat(consented_at) >= account.clock():
                return complaint(400, "invalid", "not in the past", pointer)
            address = entry["attributes"].get(_PLACES[channel], "")
            if not (_EMAIL if channel == "email" else _PHONE).fullmatch(address):
                where = f"{PROFILES}/{index}/attributes/{_PLACES[channel]}"
                return complaint(400, "invalid", f"{address} is none", where)
            wanted.append((channel, address, consented_at))

    def do() -> None:
        for channel, address, consented_at in wanted:
            if not is_history:
                double_opt_in(address)
                continue
            profile = account.at(channel, address)
            profile.source = job.get("custom_source")
            account.subscribe(profile, channel, consented_at or "")
            note("grant", address)

    account.later(do)
    return Answer(202, b"")


def unsubscribe(
    account: KlaviyoAccount,
    request: Request,
    note: Callable[[str, str], None],
    *,
    suppresses_everybody: bool,
) -> Answer:
    """Accept unsubscriptions. Whoever isn't on a list that is named loses everything."""
    data = request.json()["data"]
    entries = data["attributes"]["profiles"]["data"]
    named = data.get("relationships", {}).get("list", {}).get("data", {}).get("id")
    if len(entries) > 100:
        return complaint(400, "invalid", f"{len(entries)} profiles", PROFILES)
    for index, entry in enumerate(entries):
        phone = entry["attributes"].get("phone_number")
        if phone is not None and not _PHONE.fullmatch(phone):
            where = f"{PROFILES}/{index}/attributes/phone_number"
            return complaint(400, "invalid", f"{phone} is no number", where)

    def do() -> None:
        for entry in entries:
            for channel in entry["attributes"]["subscriptions"]:
                address = entry["attributes"][_PLACES[channel]]
                profile = account.at(channel, address)
                if named and profile.id in account.lists.get(named, ()):
                    account.lists[named].discard(profile.id)
                    continue
                was = profile.consent.get(channel)
                adds = suppresses_everybody or was == "SUBSCRIBED"
                account.unsubscribe(profile, channel, reason="UNSUBSCRIBE" if adds else None)
                note("withdraw", address)

    account.later(do)
    return Answer(202, b"")


def suppress(account: KlaviyoAccount, request: Request, note: Callable[[str, str], None]) -> Answer:
    """Accept suppressions of e-mail addresses, known or not."""
    entries = request.json()["data"]["attributes"]["profiles"]["data"]
    if len(entries) > 100:
        return complaint(400, "invalid", f"{len(entries)} profiles", PROFILES)

    def do() -> None:
        for entry in entries:
            address = entry["attributes"]["email"]
            suppression = {"reason": "USER_SUPPRESSED", "timestamp": text(account.clock())}
            account.at("email", address).suppression.append(suppression)
            note("withdraw", address)

    account.later(do)
    kind, job_id = "profile-suppression-bulk-create-job", account.new_id("J")
    attributes = {
        "status": "queued",
        "created_at": text(account.clock()),
        "total_count": len(entries),
    }
    links = {"self": f"{HOST}/api/{kind}s/{job_id}"}
    row = {"type": kind, "id": job_id, "attributes": attributes, "links": links}
    return Answer(202, {"data": row})


def erase(account: KlaviyoAccount, request: Request, note: Callable[[str, str], None]) -> Answer:
    """Accept a deletion, of everybody who has the one identifier that may be given."""
    profile = request.json()["data"]["attributes"]["profile"]["data"]
    identifiers: dict[str, Any] = {"id": profile.get("id"), **profile["attributes"]}
    if sum(1 for value in identifiers.values() if value) != 1:
        return complaint(400, "invalid", "exactly one identifier", "/data/attributes/profile")

    def do() -> None:
        for each in account.find(**identifiers):
            account.delete(each)
            note("erase", each.attributes.get("email") or each.attributes.get("external_id", ""))

    account.later(do)
    return Answer(202, b"")


def change_list(
    account: KlaviyoAccount, request: Request, note: Callable[[str, str], None], list_id: str
) -> Answer:
    """Put on a list, or take off."""
    members = [each["id"] for each in request.json()["data"]]
    if list_id not in account.lists:
        return complaint(404, "not_found", f"no list {list_id}")
    if len(members) > 1_000:
        return complaint(400, "invalid", f"{len(members)} profiles")
    if not account.profiles.keys() >= set(members):
        return complaint(404, "not_found", "one of the profiles is not there")
    for profile_id in members:
        if request.method == "DELETE":
            account.lists[list_id].discard(profile_id)
        else:
            account.lists[list_id].add(profile_id)
        note("list", account.profiles[profile_id].attributes.get("email", profile_id))
    return Answer(204, b"")
