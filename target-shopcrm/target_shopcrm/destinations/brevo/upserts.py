"""Bringing contacts into Brevo, each on its way, and reading back what arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_shopcrm.destinations.brevo.api import error_code, error_text
from target_shopcrm.destinations.brevo.attributes import (
    EXT_ID,
    SMS,
    differing,
    emptied,
    written,
)
from target_shopcrm.destinations.brevo.batches import batches
from target_shopcrm.destinations.brevo.jobs import MOST, MOST_BYTES, Ending
from target_shopcrm.destinations.brevo.plans import Plan, Way, plan
from target_shopcrm.destinations.brevo.updates import send_updates
from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.http import UncertainError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.destinations.brevo.api import BrevoApi
    from target_shopcrm.destinations.brevo.census import Census
    from target_shopcrm.destinations.brevo.held import Held
    from target_shopcrm.destinations.brevo.jobs import Imports
    from target_shopcrm.destinations.brevo.moves import Moves
    from target_shopcrm.destinations.brevo.updates import Blocklist
    from target_shopcrm.destinations.items import Contact

_GONE = Outcome("uncertain", reason="the contact was deleted in Brevo meanwhile")
_NOT_YET = Outcome("uncertain", reason="the import has not ended, or failed")
_WOULD_BE_WRITTEN_TO = (
    "Brevo writes to whoever it knows, so nobody gets in without a permitted channel"
)
_CLASH = "another contact in Brevo has this address; merge the two in Brevo"


class Upserts:
    """Creates and changes contacts.

    Args:
        api: The account.
        census: Who is in it.
        imports: Its jobs.
        blocklist: Blocklisting with proof.
        moves: Changes of addresses.
    """

    def __init__(
        self,
        api: BrevoApi,
        census: Census,
        imports: Imports,
        blocklist: Blocklist,
        moves: Moves,
    ) -> None:
        self._api = api
        self._census = census
        self._imports = imports
        self._blocklist = blocklist
        self._moves = moves

    def bring(self, contacts: Sequence[Contact]) -> list[Outcome]:
        """Create or change contacts, the least permissive changes first.

        Args:
            contacts: Different people.

        Returns:
            An outcome for each.
        """
        people = [contact.who for contact in contacts]
        self._census.refresh(people)
        plans = [plan(contact, self._census.match(contact.who)) for contact in contacts]
        outcomes: dict[int, Outcome] = {}
        by_way: dict[Way, list[int]] = {way: [] for way in Way}
        for index, each in enumerate(plans):
            by_way[each.way].append(index)
        for index in by_way[Way.NOTHING]:
            skipped = Outcome("skipped", reason=_WOULD_BE_WRITTEN_TO)
            outcomes[index] = skipped if written(plans[index].contact.fields) else DONE
        for index in by_way[Way.CLASH]:
            outcomes[index] = self._clash(plans[index])
        outcomes.update(self._update(plans, by_way[Way.UPDATE]))
        self._census.refresh([people[index] for index in by_way[Way.UPDATE]])
        for index in by_way[Way.MOVE]:
            outcomes[index] = self._moves.move(plans[index])
        outcomes.update(self._import(plans, by_way[Way.IMPORT]))
        unsettled = [i for i in (*by_way[Way.UPDATE], *by_way[Way.IMPORT]) if i not in outcomes]
        if unsettled:
            outcomes.update(self._verify(plans, unsettled))
        return [outcomes[index] for index in range(len(plans))]

    def _clash(self, planned: Plan) -> Outcome:
        """Neither merge nor overwrite; but the address that the person left is closed."""
        held = planned.held
        if held is not None:
            left = {(held.id, each) for each in planned.changed if held.is_writable(each)}
            if self._blocklist.block(left):
                return Outcome("uncertain", str(held.id), planned.clash, "old address still open")
        return Outcome("refused", str(held.id) if held else None, planned.clash, _CLASH)

    def _update(self, plans: Sequence[Plan], indexes: Sequence[int]) -> dict[int, Outcome]:
        ours = frozenset(self._api.lists.values())
        updates = {
            held.id: (index, {"id": held.id, **plans[index].update(self._api.everybody, ours)})
            for index in indexes
            if (held := plans[index].held) is not None
        }
        failed = send_updates(self._api, [update for _, update in updates.values()])
        # Alone, Brevo says what is wrong.
        indexes_failed = [updates[contact_id][0] for contact_id in failed]
        return {index: self._moves.move(plans[index]) for index in indexes_failed}

    def _import(self, plans: Sequence[Plan], indexes: Sequence[int]) -> dict[int, Outcome]:
        """Import, and send alone whom an import left out: then Brevo says why."""
        rows = [(index, msgspec.json.encode(plans[index].row)) for index in indexes]
        pending: set[int] = set()
        for batch in batches(rows, lambda row: len(row[1]), MOST, MOST_BYTES):
            chosen = [index for index, _ in batch]
            pending.update(self._import_batch(plans, chosen))
        if indexes:
            self._census.refresh([plans[index].contact.who for index in indexes])
        outcomes: dict[int, Outcome] = {}
        for index in indexes:
            if self._found(plans[index]) is not None:
                continue
            outcome = _NOT_YET if index in pending else self._alone(plans[index])
            if outcome is not None:
                outcomes[index] = outcome
        for index in pending:
            if not self._is_there(plans[index]):
                outcomes[index] = _NOT_YET
        return outcomes

    def _import_batch(self, plans: Sequence[Plan], indexes: Sequence[int]) -> Sequence[int]:
        """Import once; returns those of whom nobody knows whether it is over."""
        for _ in range(2):
            try:
                number = self._imports.start([plans[index].row for index in indexes])
            except UncertainError:
                if not self._imports.all_ended():
                    return indexes
                self._census.refresh([plans[index].contact.who for index in indexes])
                indexes = [i for i in indexes if not self._is_there(plans[i])]
                if not indexes:
                    return ()
                continue
            if number is not None:
                return () if self._imports.wait(number) is Ending.COMPLETED else indexes
            if len(indexes) == 1:
                return ()  # refused: alone, Brevo will say why
            middle = len(indexes) // 2
            first = self._import_batch(plans, indexes[:middle])
            return [*first, *self._import_batch(plans, indexes[middle:])]
        return indexes

    def _alone(self, planned: Plan) -> Outcome | None:
        """Create one contact; None if that worked."""
        row = planned.row
        attributes = {name: value for name, value in row["attributes"].items() if name != EXT_ID}
        body: dict[str, Any] = {
            **({"email": planned.email} if planned.email else {}),
            "ext_id": planned.contact.who.external_id,
            "attributes": attributes,
            "listIds": [self._api.everybody],
            "updateEnabled": True,
        }
        answer = self._api.call("POST", "/contacts", json=body)
        if answer.ok:
            self._census.read(planned.contact.who.external_id, "ext_id")
            return None
        if answer.status not in {400, 404, 409, 422}:
            raise self._api.unexpected("creating a contact", answer)
        return Outcome("refused", None, field_at_fault(error_text(answer)), error_code(answer))

    def _verify(self, plans: Sequence[Plan], indexes: Sequence[int]) -> dict[int, Outcome]:
        """Hold what was read back against what was sent.

        What was dropped is sent once more the other way, and then refused.
        """
        repairs: list[dict[str, Any]] = []
        for index in indexes:
            held = self._current(plans[index])
            if held is not None and (repair := self._repair(plans[index], held)):
                repairs.append({"id": held.id, **repair})
        failed = send_updates(self._api, repairs)
        repaired = {each["id"] for each in repairs}
        if len(repaired) > 1:
            self._census.catch_up()
        outcomes: dict[int, Outcome] = {}
        for index in indexes:
            held = self._current(plans[index])
            if held is not None and held.id in repaired and self._wrong(plans[index], held):
                held = self._census.read(str(held.id), "contact_id")
            outcomes[index] = self._judged(plans[index], held, failed)
        return outcomes

    def _judged(self, planned: Plan, held: Held | None, failed: dict[int, str]) -> Outcome:
        if held is None:
            return _GONE
        wrong = self._wrong(planned, held)
        if wrong:
            kept = wrong[0] in planned.contact.forget - planned.contact.fields.keys()
            reason = "Brevo kept what it had to forget" if kept else "Brevo dropped the value"
            return Outcome("refused", str(held.id), wrong[0], failed.get(held.id, reason))
        return Outcome("done", str(held.id))

    def _repair(self, planned: Plan, held: Held) -> dict[str, Any]:
        """What an import didn't take over, if anything, as an update."""
        wrong = self._wrong(planned, held)
        fields = planned.contact.fields
        attributes = {**emptied(wrong), **written({n: fields[n] for n in wrong if n in fields})}
        if "phone" in wrong and held.phone is None:
            attributes[SMS] = planned.phone
        body: dict[str, Any] = {"attributes": attributes} if attributes else {}
        if held.ext_id is None:
            body["ext_id"] = planned.contact.who.external_id
        return body

    def _is_there(self, planned: Plan) -> bool:
        held = self._found(planned)
        return held is not None and not self._wrong(planned, held)

    def _wrong(self, planned: Plan, held: Held) -> list[str]:
        """The fields that Brevo doesn't hold as it was told."""
        contact = planned.contact
        forget = contact.forget - contact.fields.keys()
        wrong = differing(contact.fields, forget, held.fields)
        return ["phone", *wrong] if planned.phone and held.phone != planned.phone else wrong

    def _found(self, planned: Plan) -> Held | None:
        """The contact as last seen: by our id, or by its address while it carries none."""
        match = self._census.match(planned.contact.who)
        return match.own or next((each for each in match.holders if each.ext_id is None), None)

    def _current(self, planned: Plan) -> Held | None:
        if planned.held is not None:
            return self._census.seen(planned.held.id)
        return self._found(planned)


def field_at_fault(text: str) -> str:
    """Our name of the field that Brevo's sentence speaks of, empty if it doesn't say."""
    if "email" in text:
        return "email"
    return "phone" if "phone" in text or "sms" in text else ""
