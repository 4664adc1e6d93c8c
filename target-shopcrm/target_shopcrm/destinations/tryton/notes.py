"""Cues for staff are notes on the party; a note bears our id, so that it is made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.destinations.crm import DONE, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.destinations.items import Cue
    from target_shopcrm.destinations.tryton.parties import Parties
    from target_shopcrm.destinations.tryton.rpc import TrytonRpc

_NO_PARTY = Outcome("refused", reason="Tryton has no such contact")


def send_cues(rpc: TrytonRpc, parties: Parties, cues: Sequence[Cue]) -> list[Outcome]:
    """Write the notes that aren't there yet, in one call.

    Args:
        rpc: The connection.
        parties: Finds the customers.
        cues: As many as fit into a call.

    Returns:
        What became of each.

    Raises:
        UncertainError: If nobody knows; to be called again.
    """
    ids = parties.ids(each.who.external_id for each in cues)
    resources = {code: f"party.party,{each}" for code, each in ids.items()}
    there = _there(rpc, sorted(set(resources.values())))
    new = [
        {"resource": resources[each.who.external_id], "message": _message(each)}
        for each in cues
        if each.who.external_id in resources
        and (resources[each.who.external_id], _mark(each)) not in there
    ]
    if new:
        rpc.call("ir.note.create", new, repeatable=False)
    return [DONE if each.who.external_id in ids else _NO_PARTY for each in cues]


def _there(rpc: TrytonRpc, resources: list[str]) -> set[tuple[str, str]]:
    """The notes on parties, by their last lines."""
    if not resources:
        return set()
    rows = rpc.search("ir.note", [["resource", "in", resources]], ["resource", "message"])
    return {(row["resource"], (row["message"] or "").rpartition("\n")[2]) for row in rows}


def _message(cue: Cue) -> str:
    due = [f"Due on {cue.due_on.isoformat()}"] if cue.due_on else []
    return "\n".join([cue.text, *due, _mark(cue)])


def _mark(cue: Cue) -> str:
    return f"[{cue.external_id}]"
