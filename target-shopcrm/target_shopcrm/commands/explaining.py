"""Why one person may be written to, or not: the gate's answers, and everything behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from target_shopcrm.commands.shared import exists
from target_shopcrm.consent.addresses import EMAIL_CHANNELS, normalise
from target_shopcrm.consent.events import Key
from target_shopcrm.consent.gate import Gate, Withheld
from target_shopcrm.database.customers import stored_customers
from target_shopcrm.database.ledger import Ledger, clock
from target_shopcrm.database.suppressions import Identity, Suppressions, still_erased
from target_shopcrm.errors import ConfigurationError
from target_shopcrm.routes.customers import addresses_of
from target_shopcrm.routes.work import whole_record

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from target_shopcrm.consent.events import ConsentEvent
    from target_shopcrm.consent.policy import Policy
    from target_shopcrm.consent.verdicts import Verdict
    from target_shopcrm.database.connection import Connection

_ABOUT_PEOPLE = "activation-"
"""Streams of this kind, and customers, hold records about one person."""

_DELIVERIES = """
SELECT destination, stream, count(*) AS records, max(delivered_at) AS last_told_at,
    jsonb_agg(permitted) AS permitted, jsonb_agg(fields) AS fields, jsonb_agg(lists) AS lists
FROM sync.deliveries
WHERE shop_id = %(shop_id)s AND (
    EXISTS (SELECT FROM jsonb_each_text(permitted) AS used WHERE used.value = ANY (%(addresses)s))
    OR stream = 'contacts' AND key = ANY (%(contacts)s)
)
GROUP BY destination, stream ORDER BY destination, stream
"""
_WITHDRAWALS = """
SELECT destination, channel, told_at FROM sync.withdrawals
WHERE shop_id = %(shop_id)s AND address = ANY (%(addresses)s) ORDER BY told_at, destination, channel
"""


class Person(NamedTuple):
    """Whom the question is about.

    Attributes:
        shop_id: The shop.
        addresses: For each channel in question the address, as written; None where there is none.
        customer_id: The customer, or None where the question named an address.
    """

    shop_id: str
    addresses: Mapping[str, str | None]
    customer_id: str | None = None


class Answer(NamedTuple):
    """One verdict, and what led there, in the order in which it was said."""

    channel: str
    purpose: str
    verdict: Verdict
    events: list[ConsentEvent]


class Told(NamedTuple):
    """What a CRM was told of the person, of one kind of record.

    Attributes:
        destination: The CRM.
        stream: The kind of record.
        records: How many of them.
        last_told_at: When it was last told of one.
        channels: The channels on which it may use their address.
        fields: The fields it was told, with their values.
        lists: The lists they are on.
    """

    destination: str
    stream: str
    records: int
    last_told_at: datetime
    channels: list[str]
    fields: dict[str, Any]
    lists: list[str]


class ToldNo(NamedTuple):
    """A no that a CRM was told."""

    destination: str
    channel: str
    told_at: datetime


@dataclass(frozen=True)
class Explanation:
    """Everything about one person.

    Attributes:
        person: Whom the question is about.
        at: The instant decided for.
        customers: How many customers of the shop have one of the addresses.
        erased_at: When they were erased, if they haven't agreed to anything since.
        answers: For each channel and purpose.
        told: What CRMs were told.
        told_no: Of which withdrawals they were told.
        withheld: For each kind of record what stays behind, and why; ``*`` for all of it.
    """

    person: Person
    at: datetime
    customers: int
    erased_at: datetime | None
    answers: list[Answer]
    told: list[Told]
    told_no: list[ToldNo]
    withheld: dict[str, list[Withheld]]


def person_at(policy: Policy, shop_id: str, address: str, channels: Iterable[str]) -> Person:
    """Find out what an address is good for.

    Args:
        policy: Names the channels.
        shop_id: The shop.
        address: As the user wrote it.
        channels: The ones that come into question.

    Returns:
        The person behind it.

    Raises:
        ConfigurationError: If it can't be an address of any of them.
    """
    country = policy.country_of(shop_id)
    fitting = {
        channel: address
        for channel in sorted(policy.channels & set(channels))
        if normalise(channel, address, country)
    }
    if not fitting:
        raise ConfigurationError(
            f"That can't be an address of any channel that the policy '{policy.name}' uses at the"
            f" shop '{shop_id}': correct it, or name the policy with --policy."
        )
    return Person(shop_id, fitting)


def person_of_customer(
    connection: Connection, policy: Policy, shop_id: str, customer_id: str
) -> Person:
    """Look a customer up.

    Args:
        connection: A prepared database.
        policy: Names the channels.
        shop_id: The shop.
        customer_id: The register's own id.

    Returns:
        The person.

    Raises:
        ConfigurationError: If nothing is stored of them.
    """
    key = (shop_id, customer_id)
    points = Ledger(connection).contact_points([key]).get(key, {})
    rows = stored_customers(connection, [key])
    if not points and not rows:
        raise ConfigurationError(
            f"Nothing is stored of a customer '{customer_id}' of the shop '{shop_id}': write"
            " --person SHOP/CUSTOMER_ID with the register's own id."
        )
    addresses: dict[str, str | None] = dict.fromkeys(sorted(policy.channels))
    for row in rows:
        addresses.update(addresses_of(row, policy))
    addresses.update({name: point.address for name, point in points.items() if name in addresses})
    return Person(shop_id, addresses, customer_id)


def explain(connection: Connection, policy: Policy, person: Person) -> Explanation:
    """Ask the gate, and collect what led to its answers.

    Args:
        connection: A prepared database.
        policy: The shop's policy.
        person: Whom the question is about.

    Returns:
        Everything about them.
    """
    ledger = Ledger(connection)
    at = clock(ledger.newest_observation())
    gate = Gate(policy, ledger.events_for, at)
    keys = _keys(policy, person)
    events = ledger.events_for(keys.values())
    answers = [
        Answer(
            channel,
            purpose,
            gate.decide(person.shop_id, address, channel, purpose),
            _in_order(events.get(keys[channel, purpose], []) if (channel, purpose) in keys else []),
        )
        for channel, address in person.addresses.items()
        for purpose in policy.purposes
    ]
    customers = ledger.customers_at(keys.values()) if keys else set()
    which = {
        "shop_id": person.shop_id,
        "addresses": sorted({key.address for key in keys.values()}),
        "contacts": _contacts(connection, person, customers),
    }
    return Explanation(
        person=person,
        at=at,
        customers=len(customers),
        erased_at=_erased_at(connection, person.shop_id, keys.values()),
        answers=answers,
        told=[_told(row) for row in connection.execute(_DELIVERIES, which)],
        told_no=[ToldNo(*row) for row in connection.execute(_WITHDRAWALS, which)],
        withheld=_withheld(policy, gate, person),
    )


def _keys(policy: Policy, person: Person) -> dict[tuple[str, str], Key]:
    country = policy.country_of(person.shop_id)
    return {
        (channel, purpose): Key(person.shop_id, channel, address, purpose)
        for channel, raw in person.addresses.items()
        if (address := normalise(channel, raw, country))
        for purpose in policy.purposes
    }


def _erased_at(connection: Connection, shop_id: str, keys: Iterable[Key]) -> datetime | None:
    identities = [
        Identity(shop_id, **{"email" if key.channel in EMAIL_CHANNELS else "phone": key.address})
        for key in keys
    ]
    erased = Suppressions(connection).erased_at(identities)
    return max(still_erased(connection, erased).values(), default=None)


def _in_order(events: Iterable[ConsentEvent]) -> list[ConsentEvent]:
    return sorted(events, key=lambda event: event.event_time or event.observed_at)


def _contacts(
    connection: Connection, person: Person, customers: Collection[tuple[str, str]]
) -> list[str]:
    """Under which ids CRMs know the person: that of the profile, once there are profiles."""
    if not exists(connection, "identity.customer_profiles"):
        return []
    ids = {customer_id for _, customer_id in customers}
    if person.customer_id is not None:
        ids = {person.customer_id}
    rows = connection.execute(
        "SELECT DISTINCT profile_id FROM identity.customer_profiles"
        " WHERE shop_id = %s AND customer_id = ANY (%s)",
        [person.shop_id, sorted(ids)],
    )
    return [str(row[0]) for row in rows]


def _told(row: tuple[Any, ...]) -> Told:
    destination, stream, records, last_told_at, permitted, fields, lists = row
    return Told(
        destination,
        stream,
        records,
        last_told_at,
        channels=sorted({channel for each in permitted for channel in each}),
        fields={name: value for each in fields for name, value in each.items()},
        lists=sorted({name for each in lists for name in each}),
    )


def _withheld(policy: Policy, gate: Gate, person: Person) -> dict[str, list[Withheld]]:
    """Put a record of each kind through the gate that has something in every field."""
    found = {}
    for stream in sorted(stream for each in policy.records.values() for stream in each.streams):
        name = policy.record_class_of(stream)
        if name is None or not (stream == "customers" or stream.startswith(_ABOUT_PEOPLE)):
            continue
        record = _filled(policy.fields_of(name))
        permission = gate.permit(name, person.shop_id, record, person.addresses)
        withheld: Sequence[Withheld] = permission.withheld
        if permission.refused:
            withheld = whole_record(policy, stream, withheld)
        about_them = [
            entry
            for entry in withheld
            if entry.channel is None or entry.channel in person.addresses
        ]
        if about_them:
            found[name] = about_them
    return found


def _filled(fields: Iterable[str]) -> dict[str, object]:
    """A record with something in every field; a dotted one is a part of another."""
    record: dict[str, Any] = {}
    for field in fields:
        whole, dot, part = field.partition(".")
        if dot:
            record.setdefault(whole, {})[part] = True
        else:
            record[field] = True
    return record
