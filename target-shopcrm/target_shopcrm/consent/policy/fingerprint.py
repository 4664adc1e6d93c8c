"""The fingerprint of what a policy means, so that a changed meaning is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from target_shopcrm.consent.policy.model import Policy


def fingerprint(policy: Policy) -> str:
    """A digest of the meaning: wording, order, comments and names don't move it."""
    meaning = {
        "channels": policy.channels,
        "purposes": policy.purposes,
        "shops": policy.shops,
        "jurisdictions": policy.jurisdictions,
        "records": {
            name: (record.streams, frozenset(record.key), record.fields)
            for name, record in policy.records.items()
        },
        "quiet_hours": policy.quiet_hours,
        "frequency_caps": {
            channel: frozenset(caps) for channel, caps in policy.frequency_caps.items()
        },
        "freeze_windows": frozenset(policy.freeze_windows.values()),
        "retention": policy.retention,
        "implied_consent": policy.implied_consent,
        "soft_opt_in": policy.soft_opt_in,
    }
    text = msgspec.json.encode(_plain(meaning), order="deterministic")
    return hashlib.sha256(text).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, frozenset):
        return [_plain(part) for part in sorted(value)]
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value
