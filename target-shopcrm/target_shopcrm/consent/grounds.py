"""What a grant rests on: the person's own opt-in, or something the law counts as one.

A purchase, an inquiry or a soft opt-in counts for marketing only, only where the policy
accepts it for the channel under the shop's law, only with its proof, and only for so long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from target_shopcrm.consent.events import ConsentEvent, Key
    from target_shopcrm.consent.policy import Policy, Validity

MARKETING = "marketing"
ORDER = "order_id"
"""Evidence: the order that made somebody a customer."""
OPT_OUT_OFFERED = "opt_out_offered_at_collection"
"""Evidence: ``true`` where an opt-out was offered when the address was taken down."""
FORM = "screenshot_or_form_ref"
"""Evidence: where the form or message of an inquiry can be found."""
YES = "true"


def end_of(
    grant: ConsentEvent, given_at: datetime, key: Key, policy: Policy
) -> tuple[datetime | None, bool]:
    """When a grant ends, and whether what it rests on counts at all.

    Args:
        grant: a grant that stands.
        given_at: when it counts from.
        key: what is asked.
        policy: the shop's policy.

    Returns:
        The instant (None: never), and whether the grant counts.
    """
    limits = [policy.purposes[key.purpose].valid_for]
    if grant.legal_basis != "consent_express":
        accepted = _accepted_for(grant, key, policy)
        if accepted is None:
            return None, False
        limits.append(accepted)
    ends = [limit.end(given_at) for limit in limits if limit is not None]
    if grant.valid_until is not None:
        ends.append(grant.valid_until)
    return min(ends, default=None), True


def _accepted_for(grant: ConsentEvent, key: Key, policy: Policy) -> Validity | None:
    """How long something else than an opt-in counts; None where it doesn't."""
    if key.purpose != MARKETING or grant.event_time is None:
        return None
    if grant.legal_basis == "soft_opt_in":
        soft = policy.soft_opt_in_of(key.shop_id, key.channel)
        proven = grant.evidence.get(ORDER) and grant.evidence.get(OPT_OUT_OFFERED) == YES
        return soft.valid_for if soft is not None and proven else None
    implied = policy.implied_in(key.shop_id, key.channel)
    if implied is None:
        return None
    if grant.legal_basis == "implied_purchase":
        return implied.purchase if grant.evidence.get(ORDER) else None
    return implied.inquiry if grant.evidence.get(FORM) else None
