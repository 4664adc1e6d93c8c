"""Keeping the stored verdicts what the gate would answer now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.consent.gate import Gate
from target_shopcrm.database.customers import shops_with_customers
from target_shopcrm.database.ledger import Ledger, StoredVerdict, clock
from target_shopcrm.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from target_shopcrm.consent.events import Key
    from target_shopcrm.routes.work import Work


def gate_at(work: Work, ledger: Ledger, *observations: datetime | None) -> tuple[Gate, datetime]:
    """Make a gate over the ledger as it is in this transaction.

    Args:
        work: The transaction.
        ledger: Its ledger.
        observations: Instants that a batch brought.

    Returns:
        The gate, and its clock.
    """
    at = clock(ledger.newest_observation(), *observations)
    return Gate(work.policy, ledger.events_for, at), at


def refresh_verdicts(
    gate: Gate, ledger: Ledger, keys: Iterable[Key], at: datetime
) -> dict[Key, StoredVerdict]:
    """Decide on keys again and store what has changed.

    Args:
        gate: A gate over the events as they are now.
        ledger: The ledger.
        keys: What to decide on.
        at: The gate's clock.

    Returns:
        The new verdict of each key whose verdict changed.
    """
    wanted = list(dict.fromkeys(keys))
    if not wanted:
        return {}
    gate.prefetch(wanted)
    stored = ledger.verdicts_for(wanted)
    changed: dict[Key, StoredVerdict] = {}
    for key in wanted:
        verdict = gate.decide(key.shop_id, key.address, key.channel, key.purpose)
        current = StoredVerdict(verdict.allowed, str(verdict.reason), verdict.valid_until)
        if stored.get(key) != current:
            changed[key] = current
    ledger.save_verdicts(changed, at)
    return changed


def check_policy_knows_shops(work: Work, ledger: Ledger) -> bool:
    """Refuse a policy that has forgotten a shop; a slip there would blank all its customers.

    Args:
        work: The transaction.
        ledger: Its ledger.

    Returns:
        Whether the policy is the one the stored verdicts were decided under.

    Raises:
        ConfigurationError: If customers of a shop are stored that the policy doesn't place.
    """
    if ledger.policy_digest() == work.policy.digest:
        return True
    for shop_id in shops_with_customers(work.connection):
        if work.policy.jurisdiction_of(shop_id) is None:
            raise ConfigurationError(
                f"The policy '{work.policy.name}' doesn't say where the shop '{shop_id}' is, of"
                " which customers are stored: set policy_path to your policy, or add the shop"
                " under 'shops' in it."
            )
    return False
