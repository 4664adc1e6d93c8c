"""A consent event as a consent record after ISO/IEC TS 27560:2023, to hand over or to archive.

The standard names what a record of consent has to hold, so that another system, an auditor or
the person can read it. What the ledger keeps under its own words is said in the standard's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.consent.events import split_source
from target_shopcrm.consent.grounds import OPT_OUT_OFFERED, YES

if TYPE_CHECKING:
    from datetime import datetime

    from target_shopcrm.consent.events import ConsentEvent

SCHEMA_VERSION = "1"
METHODS = frozenset(
    {
        "pos_till",
        "web_checkout",
        "web_form",
        "double_opt_in_click",
        "keyword_sms",
        "one_click_unsubscribe",
        "preference_centre",
        "staff_request",
        "crm_readback",
        "import",
        "complaint",
        "bounce",
    }
)
"""How a statement can be collected; what a register merely reports was imported from it."""
NOT_STATED = "not stated"
"""The version of a privacy notice where the source doesn't name the one that was shown."""
_BASES = {
    "consent_express": "consent_express",
    "soft_opt_in": "soft_opt_in",
    "implied_purchase": "casl_implied_purchase",
    "implied_inquiry": "casl_implied_inquiry",
}
_STATES = {
    "given": "given",
    "withdrawn": "withdrawn",
    "unknown": "unknown",
    "pending": "pending_double_opt_in",
}
_HAS_A_BASIS = frozenset({"given", "pending"})


def as_record(  # noqa: PLR0913 - what a record holds beyond its event
    event: ConsentEvent,
    *,
    record_id: str,
    subject_key: str,
    address_hash: str,
    controller: str,
    jurisdiction: str | None,
    recorded_at: datetime,
    prev_hash: str | None,
    hash: str | None,  # noqa: A002 - the standard's profile calls it that
) -> dict[str, object]:
    """The event as a record; it holds no address and no name.

    Args:
        event: what was said.
        record_id: the record's own name.
        subject_key: the internal id of the person.
        address_hash: keyed fingerprint of the address.
        controller: the legal entity that answers for the data: the shop, not an agency.
        jurisdiction: ISO 3166 code of the law that applies; None where it isn't known.
        recorded_at: when the ledger learnt it, with offset.
        prev_hash: the hash of the record before it, None for the first one or without a chain.
        hash: the record's own hash, None without a chain.

    Returns:
        What `json.dumps` can write. `event_time` is when the person acted, or, where nobody
        can say, when that was first seen.
    """
    record: dict[str, object] = {
        "schema_version": SCHEMA_VERSION,
        "record_id": record_id,
        "subject_key": subject_key,
        "controller_id": controller,
        "channel": event.channel,
        "address_hash": address_hash,
        "purpose": event.purpose,
        "legal_basis": _BASES[event.legal_basis] if event.state in _HAS_A_BASIS else "none",
        "state": _STATES[event.state],
        "event_type": "explicit" if event.legal_basis == "consent_express" else "implied",
        "event_time": (event.event_time or event.observed_at).isoformat(),
        "recorded_at": recorded_at.isoformat(),
        "valid_until": event.valid_until.isoformat() if event.valid_until else None,
        "notice": {"version": event.notice or NOT_STATED},
        "source": _source(event),
        "evidence": _evidence(event),
    }
    stated = {"jurisdiction": jurisdiction, "prev_hash": prev_hash, "hash": hash}
    record.update({name: value for name, value in stated.items() if value is not None})
    return record


def _source(event: ConsentEvent) -> dict[str, str]:
    """Who says so; a method of a later version of ours is told as what it is for a reader."""
    method = event.method if event.method in METHODS else "import"
    source = {"system": split_source(event.source)[0], "method": str(method)}
    if event.reason is not None:
        source["reference"] = event.reason
    return source


def _evidence(event: ConsentEvent) -> dict[str, object]:
    evidence: dict[str, object] = dict(event.evidence)
    if OPT_OUT_OFFERED in evidence:
        evidence[OPT_OUT_OFFERED] = evidence[OPT_OUT_OFFERED] == YES
    return evidence
