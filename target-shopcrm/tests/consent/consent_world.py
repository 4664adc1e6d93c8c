"""A small world for the consent machine: people, profiles at the register, and readings of them.

Nothing here knows how consent is decided; it only produces what a vendor could say.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from consent_situations import SHOP
from target_shopcrm.consent.events import Key, State

if TYPE_CHECKING:
    from datetime import datetime

EMAILS = ("ann@example.com", "bob@example.org", "cleo@example.net")
PHONES = ("+12125550101", "+12125550102", "+12125550103")
NEWSLETTER = "square:group:Newsletter"
UNSUBSCRIBED = "square:preferences.email_unsubscribed"
TEXTS = "square:custom_attribute:sms-marketing"
TERMS = "square:custom_attribute:club-terms"
KEYS = tuple(
    Key(SHOP, channel, address, purpose)
    for channel, addresses in (("email", EMAILS), ("sms", PHONES))
    for address in addresses
    for purpose in ("marketing", "profiling")
)


@dataclass(frozen=True)
class Said:
    """One entry of a record's consents."""

    channel: str
    purpose: str
    state: State
    event_time: datetime | None
    observed_at: datetime
    source: str


@dataclass(frozen=True)
class Reading:
    """One customer record as it was read once."""

    customer_id: str
    email: str | None
    phone: str | None
    consents: tuple[Said, ...]
    updated_at: datetime
    ended: bool

    def address(self, channel: str) -> str | None:
        """The record's address on a channel; the world writes addresses in normal form."""
        return self.email if channel == "email" else self.phone


@dataclass
class Profile:
    """A customer profile at the register; every change moves `updated_at`."""

    customer_id: str
    email: str | None
    phone: str | None
    updated_at: datetime
    is_member: bool = False
    is_unsubscribed: bool = False
    ended: bool = False
    answers: dict[str, tuple[State, datetime]] = field(default_factory=dict)

    def read(self, observed_at: datetime) -> Reading:
        """What the vendor says about the profile now."""
        newsletter: State = "given" if self.is_member else "unknown"
        said = [Said("email", "marketing", newsletter, None, observed_at, NEWSLETTER)]
        if self.is_unsubscribed:
            said.append(Said("email", "marketing", "withdrawn", None, observed_at, UNSUBSCRIBED))
        for source, channels, purpose in (
            (TEXTS, ("sms",), "marketing"),
            (TERMS, ("email", "sms"), "profiling"),
        ):
            state: State = "unknown"
            acted = None
            if source in self.answers:
                state, acted = self.answers[source]
            said += [Said(name, purpose, state, acted, observed_at, source) for name in channels]
        return Reading(
            self.customer_id, self.email, self.phone, tuple(said), self.updated_at, self.ended
        )


def as_read_at(reading: Reading, observed_at: datetime) -> Reading:
    """The same version of a record, read at another time."""
    consents = tuple(replace(said, observed_at=observed_at) for said in reading.consents)
    return replace(reading, consents=consents)
