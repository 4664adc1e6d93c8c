"""Nobody who was erased comes back: what a register still says about them is dropped and counted.

Somebody is taken up again once they agree to something, of their own accord and after the
erasure. Orders are books and always stay, but from then on without the person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.consent.addresses import normalise
from target_shopcrm.database.customers import stored_keys
from target_shopcrm.database.runs import WithheldField
from target_shopcrm.database.suppressions import (
    ERASED,
    Identity,
    Suppressions,
    still_erased,
)
from target_shopcrm.database.tables import TABLES
from target_shopcrm.routes.work import WHOLE_RECORD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from target_shopcrm.consent.policy import Policy
    from target_shopcrm.database.tables import Row
    from target_shopcrm.records import Customer
    from target_shopcrm.routes.work import Work

CUSTOMERS, ORDERS, LOYALTY = "customers", "orders", "loyalty_accounts"
NAMING_A_CUSTOMER = frozenset({ORDERS, LOYALTY})
"""Tables, beside the customers themselves, whose rows name a customer."""


def is_needed(work: Work) -> bool:
    """Tell whether anybody was ever erased; where nobody was, screening costs one small query.

    Args:
        work: The transaction.

    Returns:
        False where there is nobody to look for.
    """
    return Suppressions(work.connection).is_any()


def admitted(work: Work, read: Sequence[Customer]) -> list[Customer]:
    """Drop the customers who were erased.

    Args:
        work: The transaction.
        read: Every version read.

    Returns:
        The others, in order.
    """
    identities = [_identity(customer, work.policy) for customer in read]
    erased = Suppressions(work.connection).erased_at(identities)
    if not erased:
        return list(read)
    agreed_now = {
        identity
        for identity, customer in zip(identities, read, strict=True)
        if identity in erased and _agreed_since(customer, erased[identity])
    }
    dropped = still_erased(
        work.connection,
        {identity: at for identity, at in erased.items() if identity not in agreed_now},
    )
    for identity in identities:
        if identity in dropped:
            _count(work, CUSTOMERS, WHOLE_RECORD)
    pairs = zip(identities, read, strict=True)
    return [customer for identity, customer in pairs if identity not in dropped]


def without_erased(work: Work, stream: str, rows: Sequence[Row]) -> list[Row]:
    """Take the erased people out of rows that name customers.

    Args:
        work: The transaction; customers of the same batch are written already.
        stream: One of `NAMING_A_CUSTOMER`.
        rows: What is about to be written.

    Returns:
        The rows: orders without their customer, loyalty accounts not at all.
    """
    table = TABLES[stream]
    named = {
        row.key: Identity(
            row.key[0],
            customer_id=table.cell(row, "customer_id"),
            loyalty_id=row.key[1] if stream == LOYALTY else None,
        )
        for row in rows
    }
    erased = Suppressions(work.connection).erased_at(list(named.values()))
    if not erased:
        return list(rows)
    # Whoever is stored again was admitted again: an erasure leaves no customer behind.
    back = stored_keys(work.connection, [(each.shop_id, each.customer_id or "") for each in erased])
    kept: list[Row] = []
    for row in rows:
        identity = named[row.key]
        at = erased.get(identity)
        is_back = (identity.shop_id, identity.customer_id) in back
        if at is None or (is_back and (stream != ORDERS or table.cell(row, "created_at") > at)):
            kept.append(row)
        elif stream == ORDERS:
            kept.append(_anonymous(row))
            _count(work, ORDERS, "customer_id")
        else:
            _count(work, LOYALTY, WHOLE_RECORD)
    return kept


def discreet_letters(work: Work) -> None:
    """Keep no dead letter of a record that an erased person's id stands on.

    Args:
        work: The transaction, with what its batch couldn't deliver.
    """
    named = [
        Identity(str(bad.key["shop_id"]), customer_id=bad.key["id"])
        if bad.stream == CUSTOMERS and bad.key.get("shop_id") and bad.key.get("id")
        else None
        for bad in work.bad_records
    ]
    erased = Suppressions(work.connection).erased_at([each for each in named if each])
    if not erased:
        return
    letters = list(zip(named, work.bad_records, strict=True))
    work.bad_records[:] = [bad for identity, bad in letters if identity not in erased]
    for identity, bad in letters:
        if identity in erased:
            work.counts.add(bad.stream, dead_lettered=-1)
            _count(work, bad.stream, WHOLE_RECORD)


def _identity(customer: Customer, policy: Policy) -> Identity:
    country = policy.country_of(customer.shop_id)
    return Identity(
        customer.shop_id,
        email=normalise("email", customer.email, country),
        phone=normalise("sms", customer.phone, country),
        customer_id=customer.id,
        loyalty_id=customer.loyalty_id,
    )


def _agreed_since(customer: Customer, at: datetime) -> bool:
    """Whether the record itself brings a consent from after the erasure, for an address it has."""
    return any(
        said.state == "given"
        and said.event_time is not None
        and min(said.event_time, said.observed_at) > at
        and bool(customer.email if said.channel == "email" else customer.phone)
        for said in customer.consents
    )


def _anonymous(row: Row) -> Row:
    table = TABLES[ORDERS]
    payments = table.cell(row, "payments")
    for payment in payments or ():
        payment.pop("card_fingerprint", None)
    return table.replaced(row, customer_id=None, payments=payments)


def _count(work: Work, stream: str, field: str) -> None:
    work.counts.add(stream, withheld=1)
    work.counts.withheld[WithheldField(stream, field, "", "", ERASED)] += 1
