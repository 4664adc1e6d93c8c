"""From what a customer record asserts to events about its addresses.

The record speaks about a person; consent is about an address. So every assertion becomes an
event of the address the record holds now, under the name of the profile that says it. When
the address changes, grants stay behind, withdrawals come along (`moves`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple, Protocol

from target_shopcrm.consent.addresses import ADDRESSED_CHANNELS, normalise
from target_shopcrm.consent.events import (
    ADDRESS_CHANGED,
    PROFILE_ENDED,
    ConsentEvent,
    State,
    source_in_profile,
)
from target_shopcrm.consent.moves import Move

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_shopcrm.consent.policy import Policy

ALWAYS = datetime(1970, 1, 1, tzinfo=timezone.utc)
"""`ContactPoint.since` of the first address of a customer: it never changed as far as we know."""


class AssertedConsent(Protocol):
    """One entry of a customer record's ``consents``; times carry their offset."""

    @property
    def channel(self) -> str: ...  # noqa: D102 - the fields of the canonical record

    @property
    def purpose(self) -> str: ...  # noqa: D102 - same

    @property
    def state(self) -> State: ...  # noqa: D102 - same

    @property
    def event_time(self) -> datetime | None: ...  # noqa: D102 - same

    @property
    def observed_at(self) -> datetime: ...  # noqa: D102 - same

    @property
    def source(self) -> str: ...  # noqa: D102 - same


class ContactPoint(NamedTuple):
    """The current address of a customer on one channel, kept to notice that it changes.

    Attributes:
        shop_id: the shop.
        customer_id: the profile at that shop.
        channel: ``email``, ``sms`` …
        address: normalised.
        since: when the customer changed to it; `ALWAYS` for the first one we saw. A grant
            from before belongs to the previous address.
    """

    shop_id: str
    customer_id: str
    channel: str
    address: str
    since: datetime


@dataclass(frozen=True)
class Assertions:
    """What one reading of one customer asserts.

    Attributes:
        events: statements about the addresses the record holds; not yet compared with the
            ledger (`batch.events_of_batch` does).
        contact_points: the new and changed ones, to be stored with the events.
        moves: addresses the profile has left.
    """

    events: tuple[ConsentEvent, ...]
    contact_points: tuple[ContactPoint, ...]
    moves: tuple[Move, ...] = ()


def assertions(  # noqa: PLR0913, PLR0917 - a customer record is what it is
    shop_id: str,
    customer_id: str,
    email: str | None,
    phone: str | None,
    consents: Iterable[AssertedConsent],
    previous: Mapping[str, ContactPoint],
    policy: Policy,
    *,
    observed_at: datetime,
    ended: bool = False,
    stale: bool = False,
) -> Assertions:
    """What one reading of one customer record says about its addresses.

    Args:
        shop_id: the shop.
        customer_id: the profile at that shop.
        email: as the vendor has it.
        phone: as the vendor has it; serves sms, phone and whatsapp.
        consents: what the vendor asserts.
        previous: the profile's stored contact points by channel; within one batch including
            those of earlier readings of the same customer.
        policy: names the channels, and the country in which the phone number is dialled.
        observed_at: when the record had last changed (its ``updated_at``), else when it was
            read, by the vendor's clock. An address counts as changed at that instant.
        ended: whether the profile was merged into another or deleted: its grants end.
        stale: whether a newer version of the record is already stored. Of an old version
            only the withdrawals count; what it granted may have ended since.
    """
    statements = list(consents)
    country = policy.country_of(shop_id)
    channels = policy.channels | {statement.channel for statement in statements}
    readings = []
    for channel in sorted(channels & ADDRESSED_CHANNELS):
        address = normalise(channel, email if channel == "email" else phone, country)
        on_channel = _cautious([entry for entry in statements if entry.channel == channel])
        before = previous.get(channel)
        if before is None:
            if address is None:
                continue
            first = ContactPoint(shop_id, customer_id, channel, address, ALWAYS)
            only_no = ended or stale
            reading = (
                _only_withdrawals({first}, on_channel) if only_no else _first(first, on_channel)
            )
        elif ended or stale or _is_older(before, address, observed_at):
            points = {before, before._replace(address=address or before.address)}
            reading = _only_withdrawals(points, on_channel)
            if ended and not stale:
                reading = replace(reading, moves=(_end(before, observed_at),))
        else:
            reading = _next(before, address, on_channel, observed_at)
        readings.append(reading)
    return Assertions(
        events=tuple(event for reading in readings for event in reading.events),
        contact_points=tuple(point for reading in readings for point in reading.contact_points),
        moves=tuple(move for reading in readings for move in reading.moves),
    )


def _is_older(before: ContactPoint, address: str | None, observed_at: datetime) -> bool:
    """Whether the reading shows another address, from before the profile got its present one."""
    return address is not None and address != before.address and observed_at < before.since


def _first(point: ContactPoint, statements: Sequence[AssertedConsent]) -> Assertions:
    return Assertions(_events(point, statements), (point,))


def _next(
    before: ContactPoint,
    address: str | None,
    statements: Sequence[AssertedConsent],
    observed_at: datetime,
) -> Assertions:
    """A later reading: where it holds no address any more, it can grant nothing to the last one."""
    if address is None:
        return Assertions(
            _events(before, [said for said in statements if said.state != "given"]), ()
        )
    if before.address == address:
        return Assertions(_events(before, statements), ())
    changed = before._replace(address=address, since=observed_at)
    move = Move(*before[:4], address, observed_at, ADDRESS_CHANGED)
    return Assertions(_events(changed, statements), (changed,), (move,))


def _only_withdrawals(
    points: Iterable[ContactPoint], statements: Sequence[AssertedConsent]
) -> Assertions:
    no = [said for said in statements if said.state == "withdrawn"]
    return Assertions(tuple(event for point in sorted(points) for event in _events(point, no)), ())


def _end(before: ContactPoint, observed_at: datetime) -> Move:
    return Move(*before[:4], None, observed_at, PROFILE_ENDED)


def _events(point: ContactPoint, statements: Sequence[AssertedConsent]) -> tuple[ConsentEvent, ...]:
    return tuple(_event(point, said) for said in statements)


def _event(point: ContactPoint, said: AssertedConsent) -> ConsentEvent:
    """A grant from before the address changed was for the other one: it grants nothing here."""
    is_void = (
        said.state == "given"
        and point.since != ALWAYS
        and not _is_after(said.event_time, point.since)
    )
    return ConsentEvent(
        shop_id=point.shop_id,
        channel=point.channel,
        address=point.address,
        purpose=said.purpose,
        state="unknown" if is_void else said.state,
        event_time=None if is_void else said.event_time,
        observed_at=said.observed_at,
        source=source_in_profile(said.source, point.customer_id),
        reason=ADDRESS_CHANGED if is_void else None,
    )


def _is_after(event_time: datetime | None, since: datetime) -> bool:
    return event_time is not None and event_time > since


def _cautious(statements: Sequence[AssertedConsent]) -> list[AssertedConsent]:
    """Without what a more cautious statement of the same source in the same reading voids."""
    words = {(said.source, said.purpose, said.state, said.event_time) for said in statements}
    waiting = {(said.source, said.purpose) for said in statements if said.state == "pending"}

    def is_voided(said: AssertedConsent) -> bool:
        about = (said.source, said.purpose)
        if said.state in {"given", "pending"} and (*about, "unknown", None) in words:
            return True
        if said.state == "given" and about in waiting:
            return True
        undated_yes = said.state != "withdrawn" and said.event_time is None
        return undated_yes and (*about, "withdrawn", None) in words

    return [said for said in statements if not is_voided(said)]
