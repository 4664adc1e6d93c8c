"""The shop's consent policy: what needs which consent, where, and for how long.

The file is one YAML document that a shop owner can read aloud. There is one packaged for each
law we know (`eu.yml`, `uk.yml`, `ca.yml`, `us.yml`) and `strict.yml`, the default. A shop's own
file usually only extends one of them::

    version: 1
    name: Corner shop
    extends: strict
    shops:
      corner-shop: {country: US, timezone: America/New_York}

A file that extends another can only tighten what the law says: drop channels, fields or months,
ask for consent where a contract was enough, write in fewer hours, forget sooner, and say where
its shops are. What no law says it sets freely: pauses, and how often somebody is written to. To
allow more, write a whole policy; nothing is loosened by accident.

`prose` writes the page that a shop hands to its customers.
"""

from target_shopcrm.consent.policy.durations import Validity
from target_shopcrm.consent.policy.errors import PolicyError
from target_shopcrm.consent.policy.grounds import Implied, SoftOptIn
from target_shopcrm.consent.policy.hours import Hours, Week
from target_shopcrm.consent.policy.model import (
    PURPOSES,
    RECORD_CLASSES,
    Policy,
    Purpose,
    RecordClass,
    Requirement,
    Shop,
)
from target_shopcrm.consent.policy.pauses import Cap, Freeze
from target_shopcrm.consent.policy.retention import Retention
from target_shopcrm.consent.policy.sections import load_policy

__all__ = [
    "PURPOSES",
    "RECORD_CLASSES",
    "Cap",
    "Freeze",
    "Hours",
    "Implied",
    "Policy",
    "PolicyError",
    "Purpose",
    "RecordClass",
    "Requirement",
    "Retention",
    "Shop",
    "SoftOptIn",
    "Validity",
    "Week",
    "load_policy",
]
