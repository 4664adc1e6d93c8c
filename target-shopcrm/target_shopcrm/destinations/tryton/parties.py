"""Parties: Tryton's customers, found by their code, which is our id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.tryton.batches import bisected
from target_shopcrm.destinations.tryton.rpc import ANY_STATE, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_shopcrm.destinations.items import Contact
    from target_shopcrm.destinations.tryton.rpc import TrytonRpc
    from target_shopcrm.destinations.tryton.subscriptions import Subscriptions

MARK = "register"
"""The name of a contact mechanism that we made; staff's own are left alone."""

_PARTY = ["code", "name", "active", "replaced_by"]
_MECHANISM = ["party", "type", "value", "name"]
_REFUSED = Outcome("refused", reason="Tryton refuses the party: a rule of the shop's, or its name")


class Party(NamedTuple):
    """A party as Tryton holds it.

    Attributes:
        id: Tryton's id.
        name: What it is called.
        is_active: Whether it is in use; Tryton changes nothing in one that isn't.
        mechanisms: Its e-mail addresses in use: id, value and whether we made them.
    """

    id: int
    name: str | None
    is_active: bool
    mechanisms: tuple[tuple[int, str, bool], ...]

    @property
    def ours(self) -> tuple[int, str] | None:
        """The address that we made."""
        return next(((each, value) for each, value, is_ours in self.mechanisms if is_ours), None)

    @property
    def emails(self) -> list[str]:
        """Every address, ours first."""
        return [value for _, value, _ in sorted(self.mechanisms, key=lambda each: not each[2])]


class Parties:
    """Finds, creates and changes parties.

    Args:
        rpc: The connection.
        subscriptions: Closes those of addresses that leave.
    """

    def __init__(self, rpc: TrytonRpc, subscriptions: Subscriptions) -> None:
        self._rpc = rpc
        self._subscriptions = subscriptions

    def ids(self, codes: Iterable[str]) -> dict[str, int]:
        """Find parties by our ids, and follow those that were replaced.

        Args:
            codes: Our ids.

        Returns:
            Tryton's ids of those that are there.
        """
        return {code: chain[-1] for code, chain in self.chains(codes).items()}

    def chains(self, codes: Iterable[str]) -> dict[str, list[int]]:
        """Find parties by our ids, each with those that replaced it, the last one last."""
        wanted = sorted(set(codes))
        rows = self._rpc.search("party.party", [["code", "in", wanted], ANY_STATE], _PARTY)
        chains = {row["code"]: [row["id"]] for row in rows}
        following = {row["id"]: row["replaced_by"] for row in rows if row["replaced_by"]}
        while following:
            for chain in chains.values():
                if (after := following.get(chain[-1])) is not None and after not in chain:
                    chain.append(after)
            asked = [["id", "in", sorted(set(following.values()))], ANY_STATE]
            rows = self._rpc.search("party.party", asked, _PARTY)
            ends = {chain[-1] for chain in chains.values()}
            following = {
                row["id"]: row["replaced_by"]
                for row in rows
                if row["replaced_by"] and row["id"] in ends and row["id"] not in following
            }
        return chains

    def read(self, codes: Iterable[str]) -> dict[str, Party]:
        """Read parties with their addresses.

        Args:
            codes: Our ids.

        Returns:
            Those that are there, by our id.
        """
        ids = self.ids(codes)
        if not ids:
            return {}
        those = sorted(set(ids.values()))
        rows = self._rpc.search("party.party", [["id", "in", those], ANY_STATE], _PARTY)
        parties = {row["id"]: (row["id"], row["name"], row["active"]) for row in rows}
        by_party: dict[int, list[tuple[int, str, bool]]] = {each: [] for each in those}
        asked = [["party", "in", those], ["type", "=", "email"]]
        for row in self._rpc.search("party.contact_mechanism", asked, _MECHANISM):
            by_party[row["party"]].append((row["id"], row["value"], row["name"] == MARK))
        return {code: Party(*parties[each], tuple(by_party[each])) for code, each in ids.items()}

    def upsert(self, contacts: Sequence[Contact]) -> list[Outcome]:
        """Create the parties that aren't there, and change those that differ: one call each.

        Args:
            contacts: Different people, as many as fit into a call.

        Returns:
            What became of each.

        Raises:
            UncertainError: If nobody knows; to be called again.
        """
        there = self.read(each.who.external_id for each in contacts)
        new = [each for each in contacts if each.who.external_id not in there and each.channels]
        self._create(new)
        if new:
            made = self.ids(each.who.external_id for each in new)
        pairs: list[tuple[Contact, Party, Row]] = []
        for each in contacts:
            party = there.get(each.who.external_id)
            if party is not None and (values := _changes(each, party)):
                pairs.append((each, party, values))
        refused = self._write(pairs)
        outcomes: list[Outcome] = []
        for each in contacts:
            code = each.who.external_id
            if code in refused or (code not in there and each.channels and code not in made):
                outcomes.append(_REFUSED)
            elif code in there:
                outcomes.append(Outcome("done", str(there[code].id)))
            else:
                outcomes.append(Outcome("done", str(made[code])) if each.channels else DONE)
        return outcomes

    def _create(self, contacts: Sequence[Contact]) -> None:
        """Create parties; which of them are there afterwards is read back."""
        bisected(
            contacts,
            lambda some: self._rpc.call(
                "party.party.create", [_party(each) for each in some], repeatable=False
            ),
        )

    def _write(self, pairs: Sequence[tuple[Contact, Party, Row]]) -> set[str]:
        """Change parties; returns the codes of those that were refused.

        Subscriptions of an address that leaves are closed first: should the answer to the
        change be lost, nobody could tell any more which address it was.
        """
        self._close_left([(party, contact) for contact, party, _ in pairs])
        asleep = [(party.id, contact) for contact, party, _ in pairs if not party.is_active]
        self.switch([each for each, _ in asleep], is_active=True)
        positions = bisected(
            pairs,
            lambda some: self._rpc.call(
                "party.party.write",
                *(part for _, party, values in some for part in ([party.id], values)),
                repeatable=False,
            ),
        )
        self.switch([each for each, contact in asleep if not contact.channels], is_active=False)
        return {pairs[each][0].who.external_id for each in positions}

    def switch(self, ids: Sequence[int], *, is_active: bool) -> None:
        """Archive parties or bring them back, which has to be a call of its own."""
        if ids:
            self._rpc.call("party.party.write", sorted(set(ids)), {"active": is_active})

    def _close_left(self, pairs: Sequence[tuple[Party, Contact]]) -> None:
        """Close the subscriptions of addresses that no party will have any more."""
        leaving: dict[str, set[int]] = {}
        for party, contact in pairs:
            if contact.channels and party.ours and party.ours[1] != contact.who.email:
                leaving.setdefault(party.ours[1].lower(), set()).add(party.id)
        held = self.holders(leaving)
        self._subscriptions.close(
            each for each, parties in leaving.items() if held.get(each, set()) <= parties
        )

    def holders(self, addresses: Iterable[str]) -> dict[str, set[int]]:
        """Find the parties that have an e-mail address, in any case.

        Args:
            addresses: Any number.

        Returns:
            The ids of the parties by the address in lower case.
        """
        clauses = [["value", "ilike", _escaped(each)] for each in sorted(set(addresses))]
        if not clauses:
            return {}
        asked: list[Any] = [["type", "=", "email"], ANY_STATE, ["OR", *clauses]]
        found: dict[str, set[int]] = {}
        for row in self._rpc.search("party.contact_mechanism", asked, _MECHANISM):
            found.setdefault(row["value"].lower(), set()).add(row["party"])
        return found


def _party(contact: Contact) -> Row:
    row: Row = {"code": contact.who.external_id, "name": _name(contact.fields)}
    if contact.who.email:
        row["contact_mechanisms"] = [["create", [_mechanism(contact.who.email)]]]
    return row


def _changes(contact: Contact, party: Party) -> Row:
    """What has to be written so that a party is what a contact says; empty if it is."""
    values: Row = {}
    name = _name(contact.fields)
    if (name or "given_name" in contact.forget) and name != party.name:
        values["name"] = name
    email, ours = contact.who.email, party.ours
    if not contact.channels:  # the address only says who it is
        return values
    if email and ours is None and email not in party.emails:
        values["contact_mechanisms"] = [["create", [_mechanism(email)]]]
    elif email and ours is not None and ours[1] != email:
        values["contact_mechanisms"] = [["write", [ours[0]], {"value": email}]]
    elif not email and ours is not None:
        values["contact_mechanisms"] = [["delete", [ours[0]]]]
    return values


def _mechanism(email: str) -> Row:
    return {"type": "email", "value": email, "name": MARK}


def _name(fields: Mapping[str, object]) -> str | None:
    given = fields.get("given_name")
    return " ".join(str(given).split()) or None if given else None


def _escaped(text: str) -> str:
    """A text for `ilike` that only finds itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
