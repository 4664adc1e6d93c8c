"""What a shop has written down about consent where its vendor has no field for it.

An opt-in is often kept in a customer group, a tag or a custom field. The setting
`consent_sources` says where; such a source that holds nothing for a person says `unknown`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tap_pos.records import Consent
from tap_pos.vendors.texts import instant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from tap_pos.settings import ConsentSource

    State = Literal["given", "withdrawn", "unknown"]


@dataclass(frozen=True)
class Answer:
    """What a custom field says about one person.

    Attributes:
        value: Its value, or a list of values.
        updated_at: When it was written, where the vendor tells.
    """

    value: Any
    updated_at: str | None = None


def stated_consents(
    vendor: str,
    sources: Sequence[ConsentSource],
    groups: Collection[str],
    answers: Mapping[str, Answer],
    observed_at: str,
) -> Iterator[Consent]:
    """Say what the shop's own sources assert about one person.

    Args:
        vendor: Name of the vendor, the first word of every `source`.
        sources: Where the shop records opt-ins.
        groups: Names of the groups, tags or categories the person is in.
        answers: The person's custom fields by key.
        observed_at: The vendor's clock.

    Yields:
        One assertion for each source and each of its channels.
    """
    for source in sources:
        event_time = None
        state: State = "unknown"
        if source.group is not None:
            name = f"{vendor}:group:{source.group}"
            if source.group in groups:
                state = "given"
        else:
            name = f"{vendor}:custom_attribute:{source.custom_attribute}"
            answer = answers.get(source.custom_attribute or "")
            if answer is not None:
                state = _stated(answer.value, source)
                event_time = None if state == "unknown" else instant(answer.updated_at)
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
