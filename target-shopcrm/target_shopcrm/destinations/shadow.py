"""The shadow of a CRM: takes everything, writes nothing to it, and notes what would differ.

What would be told is compared with what the CRM holds now. Reading is allowed in a shadow run;
each call that would have written becomes rows of ``sync.shadow``, one for each person and
field. They are what ``shopcrm shadow report`` counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from psycopg.types.json import Jsonb

from target_shopcrm.destinations.crm import DONE, Capabilities, CrmDestination, Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from target_shopcrm.database.connection import Connection
    from target_shopcrm.destinations.crm import OptOuts, Outcome, Seen
    from target_shopcrm.destinations.items import (
        Contact,
        Cue,
        Event,
        Grant,
        Membership,
        Order,
        Person,
        Withdrawal,
    )

Row = tuple[str, str, str, str, str, str, object, object]
"""stream, shop_id, key, field, verdict, reason, ours, theirs."""


class ShadowDestination(CrmDestination):
    """Stands in for a CRM.

    Args:
        crm: The CRM, which is only read.
        run_id: The run that its rows belong to; set before the first item comes.
    """

    name: ClassVar[str] = ""
    capabilities: ClassVar[Capabilities]

    def __init__(self, crm: CrmDestination) -> None:
        self._crm = crm
        self.name = crm.name  # type: ignore[misc]  # it stands in for exactly one
        self.capabilities = crm.capabilities  # type: ignore[misc]  # same
        self.run_id: UUID | None = None
        self._rows: list[Row] = []

    @property
    def calls(self) -> int:
        """How many requests were sent: all of them only read."""
        return self._crm.calls

    def read_opt_outs(self, cursor: str | None) -> OptOuts:
        """Read the CRM's opt-outs.

        Args:
            cursor: See the CRM's own.

        Returns:
            What the CRM says.
        """
        return self._crm.read_opt_outs(cursor)

    def look_up(self, people: Sequence[Person]) -> Sequence[Seen | None]:
        """Read what the CRM holds.

        Args:
            people: Of whom.

        Returns:
            What the CRM says.
        """
        if not self.capabilities.can(Operation.LOOK_UP):
            return [None] * len(people)
        return self._crm.look_up(people)

    def erase(self, people: Sequence[Person]) -> Sequence[Outcome]:
        """Note who would be erased; it stays to be done."""
        self._rows += [
            ("erasures", p.shop_id, p.contact_id, "*", "send", "erase", None, None) for p in people
        ]
        return [DONE] * len(people)

    def withdraw(self, withdrawals: Sequence[Withdrawal]) -> Sequence[Outcome]:
        """Note whom the CRM would still write to.

        Args:
            withdrawals: What would be told.

        Returns:
            Done, for each.
        """
        seen = self.look_up([each.who for each in withdrawals])
        for number, (each, found) in enumerate(zip(withdrawals, seen, strict=True)):
            mails = found is not None and each.channel in found.subscribed
            key = each.who.contact_id or f"(never delivered, no. {number})"
            verdict = "withdraw" if mails else "match"
            # Not the field's own name: that of a new address would take its place.
            field = f"withdrawal.{each.channel}"
            self._rows.append(
                ("contacts", each.who.shop_id, key, field, verdict, "withdrawn", None, None)
            )
        return [DONE] * len(withdrawals)

    def upsert(self, contacts: Sequence[Contact]) -> Sequence[Outcome]:
        """Note field by field what would change.

        Args:
            contacts: What would be told.

        Returns:
            Done, for each.
        """
        seen = self.look_up([each.who for each in contacts])
        for contact, found in zip(contacts, seen, strict=True):
            self._rows += _compared(contact, found)
        return [DONE] * len(contacts)

    def grant(self, grants: Sequence[Grant]) -> Sequence[Outcome]:
        """Note whom the CRM would be told may be written to."""
        seen = self.look_up([each.who for each in grants])
        for each, found in zip(grants, seen, strict=True):
            knows = found is not None and each.channel in found.subscribed
            field = f"consent.{each.channel}"
            verdict = "match" if knows else ("new" if found is None else "differs")
            self._rows.append(
                (
                    "contacts",
                    each.who.shop_id,
                    each.who.contact_id,
                    field,
                    verdict,
                    "",
                    "subscribed",
                    "subscribed" if knows else None,
                )
            )
        return [DONE] * len(grants)

    def set_memberships(self, memberships: Sequence[Membership]) -> Sequence[Outcome]:
        """Note who would join or leave a list."""
        for each in memberships:
            reason = "join" if each.is_member else "leave"
            who = each.who
            field = f"list.{each.list_id}"
            self._rows.append(
                ("contacts", who.shop_id, who.contact_id, field, "send", reason, None, None)
            )
        return [DONE] * len(memberships)

    def send_orders(self, orders: Sequence[Order]) -> Sequence[Outcome]:
        """Note which orders would go out."""
        return self._note("orders", [(each.who, each.order_id, each.is_history) for each in orders])

    def send_events(self, events: Sequence[Event], *, again: bool = False) -> Sequence[Outcome]:
        """Note which events would go out."""
        del again
        return self._note("events", [(each.who, each.event_id, each.is_history) for each in events])

    def send_cues(self, cues: Sequence[Cue], *, again: bool = False) -> Sequence[Outcome]:
        """Note which cues would go out."""
        del again
        return self._note("cues", [(each.who, each.cue_id, False) for each in cues])

    def note_withheld(
        self, key: tuple[str, str], withheld: Iterable[tuple[str, str | None, str | None, object]]
    ) -> None:
        """Note what the gate held back of one person.

        Args:
            key: shop_id and contact_id.
            withheld: Field, channel, purpose and reason.
        """
        self._rows += [
            ("contacts", *key, field, "withheld", str(reason), None, None)
            for field, _, _, reason in withheld
            if field not in {"shop_id", "contact_id"}
        ]

    def settle(self, connection: Connection) -> None:
        """Store what was noted since the last time; the newest word on a field wins.

        Args:
            connection: In a transaction.
        """
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO sync.shadow (destination, stream, shop_id, key, field, verdict,"
                " reason, ours, theirs, run_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (destination, stream, shop_id, key, field) DO UPDATE SET"
                " verdict = EXCLUDED.verdict, reason = EXCLUDED.reason, ours = EXCLUDED.ours,"
                " theirs = EXCLUDED.theirs, run_id = EXCLUDED.run_id, seen_at = now()",
                [
                    [self.name, *row[:6], _json(row[6]), _json(row[7]), self.run_id]
                    for row in self._rows
                ],
            )

    def committed(self) -> None:
        """What was noted is stored."""
        self._rows = []

    def rolled_back(self) -> None:
        """What was noted belongs to a batch that will come again."""
        self._rows = []

    def close(self) -> None:
        """Let go of the CRM."""
        self._crm.close()

    def _note(self, stream: str, items: Iterable[tuple[Person, str, bool]]) -> Sequence[Outcome]:
        rows: list[Row] = [
            (stream, who.shop_id, key, "*", "send", "history" if old else "", None, None)
            for who, key, old in items
        ]
        self._rows += rows
        return [DONE] * len(rows)


def _compared(contact: Contact, seen: Seen | None) -> list[Row]:
    who = contact.who
    theirs: Mapping[str, object] = seen.fields if seen is not None else {}
    rows: list[Row] = []
    addresses = _addresses(who) if contact.channels else {}
    for field, value in {**contact.fields, **addresses}.items():
        there = theirs.get(field)
        verdict = "new" if seen is None or there is None else "differs"
        if seen is not None and _same(value, there):
            verdict = "match"
        rows.append(("contacts", who.shop_id, who.contact_id, field, verdict, "", value, there))
    rows += [
        ("contacts", who.shop_id, who.contact_id, field, "forget", "", None, theirs[field])
        for field in sorted(contact.forget & theirs.keys())
        if theirs[field] is not None
    ]
    return rows


def _addresses(who: Person) -> dict[str, object]:
    pairs = {"email": who.email, "phone": who.phone}
    return {name: value for name, value in pairs.items() if value is not None}


def _same(ours: object, theirs: object) -> bool:
    """CRMs keep numbers and dates as text."""
    return ours == theirs or str(ours).casefold() == str(theirs).casefold()


def _json(value: object) -> Jsonb | None:
    return None if value is None else Jsonb(value if isinstance(value, (int, str)) else str(value))
