"""What a Square customer has agreed to, as far as anybody wrote it down.

Square itself knows one thing: `preferences.email_unsubscribed`, an opt-out without a date.
True is a withdrawal. False asserts nothing: a customer who was never asked has it too. An
opt-in exists only where the shop records it, in a group or a custom attribute, and says so
in its settings; such a source that holds nothing for a person says `unknown`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tap_pos.records import Consent
from tap_pos.vendors.texts import instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_pos.settings import ConsentSource
    from tap_pos.vendors.square import wire

    State = Literal["given", "withdrawn", "unknown"]


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
    for source in sources:
        consents.extend(_from_source(source, groups, attributes, observed_at))
    return consents


def _from_source(
    source: ConsentSource,
    groups: Sequence[str],
    attributes: Mapping[str, wire.CustomAttribute],
    observed_at: str,
) -> Iterator[Consent]:
    """Say what one source asserts, once for each of its channels."""
    event_time = None
    state: State = "unknown"
    if source.group is not None:
        name = f"square:group:{source.group}"
        if source.group in groups:
            state = "given"
    else:
        name = f"square:custom_attribute:{source.custom_attribute}"
        attribute = attributes.get(source.custom_attribute or "")
        if attribute is not None:
            state = _stated(attribute.value, source)
            event_time = None if state == "unknown" else instant(attribute.updated_at)
    for channel in source.channels:
        yield Consent(
            channel=channel,
            purpose=source.purpose,
            state=state,
            event_time=event_time,
            observed_at=observed_at,
            source=name,
        )


def _stated(value: Any, source: ConsentSource) -> State:
    """Read an attribute's value. A withdrawal anywhere in it weighs more than a grant."""
    said = _words(value if isinstance(value, list) else [value])
    if said & _words(source.withdrawn):
        return "withdrawn"
    return "given" if said & _words(source.given) else "unknown"


def _words(values: Iterable[Any]) -> set[str]:
    """Compare texts, truth values and numbers as a person would: without case or blanks."""
    return {str(value).strip().casefold() for value in values if value is not None}
