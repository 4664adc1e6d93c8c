"""What a Square customer has agreed to, as far as anybody wrote it down.

Square itself knows one thing: `preferences.email_unsubscribed`, an opt-out without a date.
True is a withdrawal. False asserts nothing: a customer who was never asked has it too. An
opt-in exists only where the shop records it, in a group or a custom attribute, and says so
in its settings; such a source that holds nothing for a person says `unknown`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_pos.records import Consent
from tap_pos.vendors.consents import Answer, stated_consents

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_pos.settings import ConsentSource
    from tap_pos.vendors.square import wire


def consents_of(
    sources: Sequence[ConsentSource],
    preferences: wire.Preferences | None,
    groups: Sequence[str],
    attributes: Mapping[str, wire.CustomAttribute],
    observed_at: str,
) -> list[Consent]:
    """List every assertion about a customer.

    Args:
        sources: Where the shop records opt-ins.
        preferences: Square's own preferences of the customer.
        groups: Names of the customer's groups.
        attributes: The customer's custom attributes by key.
        observed_at: Square's clock.
    """
    consents = []
    if preferences is not None and preferences.email_unsubscribed:
        consents.append(
            Consent(
                channel="email",
                purpose="marketing",
                state="withdrawn",
                observed_at=observed_at,
                source="square:preferences.email_unsubscribed",
            )
        )
    answers = {
        key: Answer(attribute.value, attribute.updated_at) for key, attribute in attributes.items()
    }
    consents.extend(stated_consents("square", sources, groups, answers, observed_at))
    return consents
