"""What a policy says, once read: purposes, shops, and which field needs which consent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

import pendulum

if TYPE_CHECKING:
    from collections.abc import Mapping

PURPOSES = ("service", "profiling", "marketing")
RECORD_CLASSES = (
    "locations",
    "employees",
    "products",
    "customers",
    "orders",
    "loyalty_accounts",
    "contacts",
)


class PolicyError(Exception):
    """The policy file can't be used. The message says where, why, and what to do."""


class Shop(NamedTuple):
    """Where a shop is: ISO 3166-1 country, and ISO 3166-1 or -2 code of the law it sells under."""

    country: str
    jurisdiction: str


class Validity(NamedTuple):
    """How long a grant lives, in calendar months and days after it was given."""

    months: int = 0
    days: int = 0

    def end(self, start: datetime) -> datetime:
        """The instant from which a grant given at `start` has expired."""
        return _later(start, self.months, self.days)


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
    """

    name: str
    digest: str
    channels: frozenset[str]
    purposes: Mapping[str, Purpose]
    shops: Mapping[str, Shop]
    jurisdictions: frozenset[str]
    records: Mapping[str, RecordClass]
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


@lru_cache(maxsize=1 << 14)
def _later(start: datetime, months: int, days: int) -> datetime:
    end = pendulum.instance(start.astimezone(timezone.utc)).add(months=months, days=days)
    return datetime.combine(end.date(), end.time(), timezone.utc)
