"""What a policy says, once read: purposes, shops, and which field needs which consent."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from target_shopcrm.consent.policy.hours import Week, open_hours

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_shopcrm.consent.policy.durations import Validity
    from target_shopcrm.consent.policy.grounds import Implied, SoftOptIn
    from target_shopcrm.consent.policy.pauses import Cap, Freeze
    from target_shopcrm.consent.policy.retention import Retention

PURPOSES = ("service", "profiling", "marketing")
RECORD_CLASSES = (
    "locations",
    "employees",
    "products",
    "customers",
    "orders",
    "loyalty_accounts",
    "contacts",
    "contact_orders",
    "contact_events",
    "staff_cues",
)


class Shop(NamedTuple):
    """Where a shop is.

    Attributes:
        country: ISO 3166-1.
        jurisdiction: ISO 3166-1 or -2 code of the law it sells under.
        timezone: IANA name of the shop's time zone, None where the file doesn't say.
    """

    country: str
    jurisdiction: str
    timezone: str | None = None


class Purpose(NamedTuple):
    """What a purpose rests on, and how long consent to it lives (None: until withdrawn)."""

    basis: Literal["contract", "consent"]
    valid_for: Validity | None = None


class Requirement(NamedTuple):
    """What a field needs: a purpose, on one channel or (None) on any."""

    purpose: str
    channel: str | None = None


@dataclass(frozen=True)
class RecordClass:
    """What of one kind of record may leave.

    Attributes:
        streams: the Singer streams whose records are of this kind.
        key: fields without which nothing of the record leaves.
        fields: what each listed field needs. ``payments.amount`` lists one part of each
            element of ``payments``; what isn't listed never leaves.
    """

    streams: frozenset[str]
    key: tuple[str, ...]
    fields: Mapping[str, Requirement]


_Ground = TypeVar("_Ground")
_NOTHING: Mapping[str, Requirement] = MappingProxyType({})


@dataclass(frozen=True)
class Policy:
    """One policy, read and checked.

    Attributes:
        name: what the shop calls it.
        digest: fingerprint of the meaning; wording, order and comments don't move it.
        channels: the channels that may be used at all.
        purposes: what each purpose rests on.
        shops: where each shop is; ``default`` stands for every shop that isn't named.
        jurisdictions: the laws the policy was written for.
        records: what of each record class may leave, and for which purpose.
        law: which law the policy follows, in a sentence; None where the file doesn't say.
        quiet_hours: the hours in which messages may go out, by channel and law; see `hours`.
        frequency_caps: how often one address is written to at most, by channel.
        freeze_windows: the days on which nothing but erasures and withdrawals is written.
        retention: how long things are kept.
        implied_consent: how long a purchase or an inquiry counts, by law and channel.
        soft_opt_in: where an own customer's address may be used, by law and channel.
    """

    name: str
    digest: str
    channels: frozenset[str]
    purposes: Mapping[str, Purpose]
    shops: Mapping[str, Shop]
    jurisdictions: frozenset[str]
    records: Mapping[str, RecordClass]
    law: str | None
    quiet_hours: Mapping[str, Mapping[str, Week]]
    frequency_caps: Mapping[str, tuple[Cap, ...]]
    freeze_windows: Mapping[str, Freeze]
    retention: Retention
    implied_consent: Mapping[str, Mapping[str, Implied]]
    soft_opt_in: Mapping[str, Mapping[str, SoftOptIn]]
    _class_of_stream: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the streams once: the question is asked for every record."""
        by_stream = {
            stream: name for name, record in self.records.items() for stream in record.streams
        }
        object.__setattr__(self, "_class_of_stream", MappingProxyType(by_stream))

    def country_of(self, shop_id: str) -> str | None:
        """The ISO 3166-1 country whose phone numbers the shop writes without country code."""
        shop = self._shop(shop_id)
        return shop.country if shop else None

    def jurisdiction_of(self, shop_id: str) -> str | None:
        """The law the shop sells under, or None where the policy doesn't know it."""
        shop = self._shop(shop_id)
        return shop.jurisdiction if shop else None

    def timezone_of(self, shop_id: str) -> str | None:
        """The IANA name of the shop's time zone, or None where the policy doesn't say."""
        shop = self._shop(shop_id)
        return shop.timezone if shop else None

    def hours_of(self, channel: str, jurisdictions: Iterable[str]) -> Week | None:
        """When messages may go out where all these laws hold; None for any time."""
        by_law = self.quiet_hours.get(channel)
        return None if by_law is None else open_hours(by_law, jurisdictions)

    def implied_in(self, shop_id: str, channel: str) -> Implied | None:
        """What implies consent on the channel under the shop's law, or None."""
        return self._ground(self.implied_consent, shop_id, channel)

    def soft_opt_in_of(self, shop_id: str, channel: str) -> SoftOptIn | None:
        """The soft opt-in the shop has declared for the channel, or None."""
        ground = self._ground(self.soft_opt_in, shop_id, channel)
        return ground if ground is not None and ground.is_declared else None

    def _ground(
        self, by_law: Mapping[str, Mapping[str, _Ground]], shop_id: str, channel: str
    ) -> _Ground | None:
        """Of a part of a country and the country, the part's own entry speaks."""
        jurisdiction = self.jurisdiction_of(shop_id)
        if jurisdiction is None or channel not in self.channels:
            return None
        by_channel = by_law.get(jurisdiction, by_law.get(jurisdiction[:2]))
        return None if by_channel is None else by_channel.get(channel)

    def fields_of(self, record_class: str) -> Mapping[str, Requirement]:
        """What each field of the class needs; empty for a class the policy doesn't know."""
        record = self.records.get(record_class)
        return record.fields if record else _NOTHING

    def key_of(self, record_class: str) -> tuple[str, ...]:
        """The fields without which nothing of a record of the class leaves."""
        record = self.records.get(record_class)
        return record.key if record else ()

    def record_class_of(self, stream: str) -> str | None:
        """The class of the stream's records, or None: nothing of such a stream leaves."""
        return self._class_of_stream.get(stream)

    def _shop(self, shop_id: str) -> Shop | None:
        return self.shops.get(shop_id) or self.shops.get("default")
