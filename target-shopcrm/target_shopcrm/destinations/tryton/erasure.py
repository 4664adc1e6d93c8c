"""Erasing people from Tryton for good."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.tryton.batches import bisected
from target_shopcrm.destinations.tryton.rpc import ANY_STATE, MissingModelError, TrytonRpc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.destinations.items import Person
    from target_shopcrm.destinations.tryton.parties import Parties
    from target_shopcrm.destinations.tryton.sales import Sales
    from target_shopcrm.destinations.tryton.subscriptions import Subscriptions

_STILL_THERE = Outcome("uncertain", reason="Tryton still holds something of the person")


class Erasure:
    """Deletes people with all that hangs on them.

    Args:
        rpc: The connection.
        parties: Finds them.
        subscriptions: Theirs are deleted.
        sales: Their drafts are deleted.
    """

    def __init__(
        self, rpc: TrytonRpc, parties: Parties, subscriptions: Subscriptions, sales: Sales
    ) -> None:
        self._rpc = rpc
        self._parties = parties
        self._subscriptions = subscriptions
        self._sales = sales

    def erase(self, people: Sequence[Person]) -> list[Outcome]:
        """Delete people, and read whether anything is left.

        Args:
            people: Whom.

        Returns:
            Done for those of whom nothing is left.
        """
        codes = [each.external_id for each in people if each.contact_id]
        known = self._parties.read(codes)
        addresses = {each.email.lower() for each in people if each.email}
        addresses |= {email.lower() for party in known.values() for email in party.emails}
        self._subscriptions.delete(addresses)
        ours = {each for chain in self._parties.chains(codes).values() for each in chain}
        holders = {each for found in self._parties.holders(addresses).values() for each in found}
        self._delete(sorted(ours | holders), ours)
        left = self._parties.read(codes)
        held = self._parties.holders(addresses).keys() | self._subscriptions.of(addresses).keys()
        return [
            _STILL_THERE
            if (each.email or "").lower() in held
            or ((party := left.get(each.external_id)) and (party.name or party.mechanisms))
            else DONE
            for each in people
        ]

    def _delete(self, parties: Sequence[int], ours: set[int]) -> None:
        if not parties:
            return
        with contextlib.suppress(MissingModelError):
            self._sales.delete_drafts(parties)
        refused = bisected(parties, lambda some: self._rpc.call("party.party.delete", list(some)))
        for party in (parties[each] for each in sorted(refused)):
            self._empty(party, is_ours=party in ours)

    def _empty(self, party: int, *, is_ours: bool) -> None:
        """Take everything personal from a party that an invoice or a sale holds on to.

        A party that isn't ours may be the shop itself: it only loses the address.
        """
        for model, field in (
            ("party.contact_mechanism", "party"),
            *([("party.address", "party")] if is_ours else []),
        ):
            kind = [] if is_ours else [["type", "=", "email"]]
            rows = self._rpc.search(model, [[field, "=", party], ANY_STATE, *kind], ["party"])
            if rows:
                self._rpc.call(f"{model}.delete", [row["id"] for row in rows])
        if is_ours:
            notes = self._rpc.search("ir.note", [["resource", "=", f"party.party,{party}"]], ["id"])
            if notes:
                self._rpc.call("ir.note.delete", [row["id"] for row in notes])
            self._parties.switch([party], is_active=True)
            self._rpc.call("party.party.write", [party], {"name": None})
            self._parties.switch([party], is_active=False)
