"""Who was erased, as fingerprints: a register, a backup or a file may bring them back any day.

Erasing somebody means not taking them up again when the register is read the next time. What is
kept for that is a fingerprint of each thing that could name them, a date and a reason; it is used
for screening and for nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from target_shopcrm.consent.addresses import EMAIL_CHANNELS, PHONE_CHANNELS
from target_shopcrm.consent.verdicts import Reason
from target_shopcrm.database.fingerprints import Peppers
from target_shopcrm.database.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from target_shopcrm.database.connection import Connection

ERASED = str(Reason.ERASED)
"""Why a record was dropped, or an event was appended."""

_IGNORES_DOTS = frozenset({"gmail.com", "googlemail.com"})


class Identity(NamedTuple):
    """What may name a person in one record; a returning record may hold only one of them.

    Attributes:
        shop_id: The shop.
        email: Normalised, or None.
        phone: E.164, or None.
        customer_id: The register's id of the customer.
        loyalty_id: The register's id of the loyalty account.
        contact_id: Our id of the contact, as a CRM outside is told it.
    """

    shop_id: str
    email: str | None = None
    phone: str | None = None
    customer_id: str | None = None
    loyalty_id: str | None = None
    contact_id: str | None = None

    @property
    def marks(self) -> list[tuple[str, str]]:
        """Kind and value of everything by which to find the person again."""
        given = {
            "email": self.email,
            "mailbox": mailbox(self.email) if self.email else None,
            "phone": self.phone,
            "customer": self.customer_id,
            "loyalty": self.loyalty_id,
            "contact": self.contact_id,
        }
        return [(kind, value) for kind, value in given.items() if value]

    @property
    def addresses(self) -> list[tuple[str, str]]:
        """Channel and address of every way to reach the person."""
        by_email = [(channel, self.email) for channel in sorted(EMAIL_CHANNELS) if self.email]
        by_phone = [(channel, self.phone) for channel in sorted(PHONE_CHANNELS) if self.phone]
        return [*by_email, *by_phone]


def mailbox(email: str) -> str:
    """Tell whose mailbox an address is, as far as that can be told from outside.

    For consent ``ada+shop@…`` is an address of its own. For not taking somebody up again it isn't:
    there the cautious guess is that both are hers.

    Args:
        email: Normalised.

    Returns:
        The address without what follows a plus, and without dots where the provider ignores them.
    """
    local_part, _, domain = email.rpartition("@")
    local_part = local_part.partition("+")[0] or local_part
    if domain in _IGNORES_DOTS:
        local_part = local_part.replace(".", "")
    return f"{local_part}@{domain}"


class Suppressions:
    """The erased people of one database, inside the caller's transaction.

    Args:
        connection: In a transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, identities: Iterable[Identity], erased_at: datetime, reason: str) -> int:
        """Remember that people were erased; who is erased again counts from then on.

        Args:
            identities: Everything that names them.
            erased_at: When.
            reason: Why, in a word; never a name.

        Returns:
            How many things that names somebody are remembered.
        """
        pepper = Peppers(self._connection).current()
        rows = {
            (shop_id, kind, pepper.fingerprint(shop_id, kind, value))
            for shop_id, kind, value in _marks(identities)
        }
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO consent.suppressions"
                " (shop_id, kind, fingerprint, pepper_id, erased_at, reason)"
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (fingerprint, kind, shop_id)"
                " DO UPDATE SET erased_at = EXCLUDED.erased_at, reason = EXCLUDED.reason",
                [(*row, pepper.id, erased_at, reason) for row in sorted(rows)],
            )
        return len(rows)

    def erased_at(self, identities: Sequence[Identity]) -> dict[Identity, datetime]:
        """Find who was erased.

        Costs one small query where nobody ever was (`is_any`).

        Args:
            identities: Whom to look for.

        Returns:
            For each of them that matches anything, when that was erased last.
        """
        marks = list(_marks(identities))
        if not marks or not self.is_any():
            return {}
        found: dict[tuple[str, str, str], datetime] = {}
        for pepper in Peppers(self._connection).all:
            by_fingerprint = {pepper.fingerprint(*mark): mark for mark in marks}
            rows = self._connection.execute(
                "SELECT fingerprint, erased_at FROM consent.suppressions"
                " WHERE fingerprint = ANY (%s) AND pepper_id = %s",
                [list(by_fingerprint), pepper.id],
            )
            for fingerprint, at in rows:
                mark = by_fingerprint[fingerprint]
                found[mark] = max(at, found.get(mark, at))
        return {
            identity: max(times)
            for identity in identities
            if (times := [found[mark] for mark in _marks([identity]) if mark in found])
        }

    def is_any(self) -> bool:
        """Tell whether anybody was ever erased.

        Returns:
            False where there is nobody to look for.
        """
        row = self._connection.execute(
            "SELECT EXISTS (SELECT FROM consent.suppressions)"
        ).fetchone()
        return bool(row and row[0])


def screen(connection: Connection, identities: Iterable[Identity]) -> set[Identity]:
    """Find out of whom nothing may be taken up or sent.

    Args:
        connection: In a transaction.
        identities: Whom records are about.

    Returns:
        Those who were erased and haven't agreed to anything since.
    """
    return set(still_erased(connection, Suppressions(connection).erased_at(list(set(identities)))))


def still_erased(
    connection: Connection, erased: Mapping[Identity, datetime]
) -> dict[Identity, datetime]:
    """Leave out who has begun a new relationship: by a dated consent from after the erasure.

    Args:
        connection: In a transaction.
        erased: When whom was erased.

    Returns:
        The others.
    """
    if not erased:
        return {}
    wanted = {(identity.shop_id, *address) for identity in erased for address in identity.addresses}
    agreed = Ledger(connection).last_agreements(wanted)
    return {
        identity: at
        for identity, at in erased.items()
        if not any(
            agreed.get((identity.shop_id, *address), at) > at for address in identity.addresses
        )
    }


def _marks(identities: Iterable[Identity]) -> Iterable[tuple[str, str, str]]:
    for identity in identities:
        for kind, value in identity.marks:
            yield (identity.shop_id, kind, value)
