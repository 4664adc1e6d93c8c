"""Subscriptions: who is mailed by Tryton's marketing, list by list, and who ended it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from target_shopcrm.destinations.tryton.batches import bisected
from target_shopcrm.destinations.tryton.rpc import ANY_STATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from target_shopcrm.destinations.tryton.rpc import Domain, TrytonRpc

_MODEL = "marketing.email"
_FIELDS = ["email", "list_", "active", "write_uid", "write_date"]
Place = tuple[str, int]
"""An address, as we write it, and a list."""


class Subscription(NamedTuple):
    """An address on a list.

    Attributes:
        id: Tryton's id.
        email: The address as Tryton writes it: in lower case, its domain in letters or ASCII.
        list_id: The list.
        is_active: Whether it is mailed.
        ended_at: When somebody else than we ended it; None if nobody did.
    """

    id: int
    email: str
    list_id: int
    is_active: bool
    ended_at: datetime | None


class Subscriptions:
    """Reads, opens and closes subscriptions.

    Args:
        rpc: The connection.
    """

    def __init__(self, rpc: TrytonRpc) -> None:
        self._rpc = rpc

    def of(self, addresses: Iterable[str]) -> dict[str, list[Subscription]]:
        """Find the subscriptions of addresses, ended ones included.

        Args:
            addresses: As we write them: in lower case, the domain in ASCII.

        Returns:
            Those that there are, by the address as we write it.
        """
        spelled = {spelling: each for each in addresses for spelling in _spellings(each)}
        if not spelled:
            return {}
        found: dict[str, list[Subscription]] = {}
        for each in self._search([["email", "in", sorted(spelled)], ANY_STATE]):
            found.setdefault(spelled[each.email], []).append(each)
        return found

    def ended_since(self, moment: datetime | None) -> list[Subscription]:
        """Find what somebody else than we ended.

        Args:
            moment: Only what was changed then or later; None for everything.

        Returns:
            The subscriptions.
        """
        recent = [["write_date", ">=", moment]] if moment else []
        found = self._search([["active", "=", False], ["write_date", "!=", None], *recent])
        return [each for each in found if each.ended_at is not None]

    def close(self, addresses: Iterable[str]) -> set[str]:
        """End every subscription of addresses, and read whether it worked.

        Args:
            addresses: As we write them.

        Returns:
            Those that are still subscribed: none, unless others work against us.
        """
        wanted = sorted(set(addresses))
        active = [each.id for held in self.of(wanted).values() for each in held if each.is_active]
        if not active:
            return set()
        self.switch(active, is_active=False)
        return {
            address
            for address, held in self.of(wanted).items()
            if any(each.is_active for each in held)
        }

    def switch(self, ids: Sequence[int], *, is_active: bool) -> None:
        """Open or end subscriptions by their ids."""
        if ids:
            self._rpc.call(f"{_MODEL}.write", sorted(set(ids)), {"active": is_active})

    def create(self, places: Sequence[Place]) -> set[int]:
        """Create subscriptions; they are active at once.

        Args:
            places: Addresses and lists, none of them twice.

        Returns:
            The positions of those that Tryton refuses.

        Raises:
            UncertainError: If nobody knows; to be compared again.
        """
        return bisected(
            places,
            lambda some: self._rpc.call(
                f"{_MODEL}.create",
                [{"email": email, "list_": list_id} for email, list_id in some],
                repeatable=False,
            ),
        )

    def delete(self, addresses: Iterable[str]) -> None:
        """Delete the subscriptions of addresses for good."""
        found = [each.id for held in self.of(addresses).values() for each in held]
        if found:
            self._rpc.call(f"{_MODEL}.delete", found)

    def _search(self, domain: Domain) -> list[Subscription]:
        ours = self._rpc.user_id
        return [
            Subscription(
                row["id"],
                row["email"],
                row["list_"],
                row["active"],
                None if row["active"] or row["write_uid"] == ours else row["write_date"],
            )
            for row in self._rpc.search(_MODEL, domain, _FIELDS)
        ]


def _spellings(address: str) -> set[str]:
    """An address with its domain in ASCII and in letters: Tryton may have either."""
    local_part, _, domain = address.lower().rpartition("@")
    try:
        letters = domain.encode().decode("idna")
    except UnicodeError:
        letters = domain
    return {address.lower(), f"{local_part}@{letters}"}
