"""Contacts: permitted ones in batches of 500, everything else without touching a status.

A batch can't leave a status alone, so it takes only those who may be written to. Whoever may not
(a contact being blanked) is changed one by one with PATCH, which creates nobody.

An address is an identity here: a new one is a new member, and the former member is unsubscribed
and blanked. It is never renamed, since a renamed member would take an opt-out, or somebody
else's consent for the same address, along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.mailchimp.account import BAD_REQUEST, NOT_FOUND
from target_shopcrm.destinations.mailchimp.audience import (
    ANYHOW,
    MAILABLE,
    PER_CALL,
    REFUSING,
    SUBSCRIBED,
    UNSUBSCRIBED,
    Member,
    Refusal,
    hash_of,
    subscriber_hash,
)
from target_shopcrm.destinations.mailchimp.bulk import FEW, Operation, all_done
from target_shopcrm.destinations.mailchimp.fields import (
    BY_US,
    OWNER,
    WITHDRAWN,
    all_blank,
    name_of,
    to_merge,
)
from target_shopcrm.destinations.mailchimp.opt_outs import EMAIL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_shopcrm.destinations.items import Contact
    from target_shopcrm.destinations.mailchimp.account import Account
    from target_shopcrm.destinations.mailchimp.audience import Audience
    from target_shopcrm.destinations.mailchimp.opt_outs import OptOutBook

NO_EMAIL = "Mailchimp knows people by e-mail address only"
_Numbered = tuple[int, "Contact"]


class Contacts:
    """Creates and changes members.

    Args:
        account: The account.
        audience: Its members.
        opt_outs: Who has said no.
    """

    def __init__(self, account: Account, audience: Audience, opt_outs: OptOutBook) -> None:
        self._account = account
        self._audience = audience
        self._opt_outs = opt_outs

    def upsert(self, contacts: Sequence[Contact]) -> list[Outcome]:
        """Create or change contacts.

        Args:
            contacts: Different people; two may share an address.

        Returns:
            Their outcomes, in order.
        """
        for contact in contacts:
            self._leave_former_address(contact)
        outcomes = [_without_a_call(each) for each in contacts]
        reachable = [(index, each) for index, each in enumerate(contacts) if each.who.email]
        permitted = [each for each in reachable if EMAIL in each[1].channels]
        quiet = [each for each in reachable if EMAIL not in each[1].channels]
        for index, outcome in self._change_quietly([each for each in quiet if _says(each[1])]):
            outcomes[index] = outcome
        if permitted:
            standing, refused = self._by_own_decision(permitted)
            for index in refused:
                outcomes[index] = Outcome("opted_out", reason="unsubscribed after consenting")
            for wave in _waves(standing):
                for index, outcome in self._subscribe(wave):
                    outcomes[index] = outcome
        return outcomes

    def _by_own_decision(self, permitted: list[_Numbered]) -> tuple[list[_Numbered], list[int]]:
        """Set those aside who said no after they had agreed."""
        no = self._opt_outs.refusals()
        standing: list[_Numbered] = []
        refused: list[int] = []
        for index, contact in permitted:
            member = no.get(subscriber_hash(contact.who.email or ""))
            agreed = contact.since.get(EMAIL)
            said_no = member.changed_at if member else None
            if member and (agreed is None or said_no is None or said_no >= agreed):
                refused.append(index)
            else:
                standing.append((index, contact))
        return standing, refused

    def _subscribe(self, numbered: list[_Numbered]) -> Iterator[tuple[int, Outcome]]:
        """Write one batch; where Mailchimp refuses it as a whole, in halves."""
        written = self._audience.write([_permitted_member(each) for _, each in numbered])
        if written is None:
            if len(numbered) == 1:
                yield numbered[0][0], Outcome("refused", reason="not a valid member")
                return
            half = len(numbered) // 2
            yield from self._subscribe(numbered[:half])
            yield from self._subscribe(numbered[half:])
            return
        refusals = {subscriber_hash(each.email_address): each for each in written.errors}
        found = {each.id: each for each in (*written.new_members, *written.updated_members)}
        ids = {subscriber_hash(each.who.email or "") for _, each in numbered}
        unmentioned = ids - refusals.keys() - found.keys()
        if unmentioned:
            found.update(self._audience.members(unmentioned))
        for index, contact in numbered:
            member_id = subscriber_hash(contact.who.email or "")
            yield index, _outcome(member_id, refusals.get(member_id), found.get(member_id))

    def _change_quietly(self, quiet: list[_Numbered]) -> Iterator[tuple[int, Outcome]]:
        """Change fields and nothing else; who isn't in the audience stays outside."""
        if len(quiet) > FEW and all_done(self._account, [self._quiet(each) for _, each in quiet]):
            for index, contact in quiet:
                yield index, Outcome("done", remote_id=hash_of(contact.who))
            return
        for index, contact in quiet:
            operation = self._quiet(contact)
            answer = self._account.call(
                operation.method, operation.path, json=operation.json, params=operation.params
            )
            if answer.status == NOT_FOUND:
                yield index, DONE
            elif answer.status == BAD_REQUEST:
                yield index, Outcome("refused", reason="not a valid change")
            else:
                yield index, Outcome("done", remote_id=hash_of(contact.who))

    def _quiet(self, contact: Contact) -> Operation:
        return Operation(
            method="PATCH",
            path=self._audience.path(hash_of(contact.who) or ""),
            json={"merge_fields": to_merge(contact.fields, contact.forget)},
            params=ANYHOW,
        )

    def _leave_former_address(self, contact: Contact) -> None:
        """Unsubscribe and blank the member that the person was, unless it is another's by now."""
        former = contact.who.remote_id
        if not former or (contact.who.email and former == hash_of(contact.who)):
            return
        member = self._audience.member(former)
        if member is None or member.merge_fields.get(OWNER) != contact.who.external_id:
            return
        change: dict[str, object] = {"merge_fields": all_blank()}
        if member.status in MAILABLE:
            change = {
                "status": UNSUBSCRIBED,
                "merge_fields": {**all_blank(), WITHDRAWN: BY_US},
            }
        answer = self._account.call(
            "PATCH", self._audience.path(former), json=change, params=ANYHOW
        )
        if answer.status == BAD_REQUEST:
            raise self._account.api.unexpected("the former address of a contact", answer)


def _permitted_member(contact: Contact) -> dict[str, object]:
    member: dict[str, object] = {
        "email_address": contact.who.email,
        "status": SUBSCRIBED,
        "merge_fields": {
            **to_merge(contact.fields, contact.forget),
            OWNER: contact.who.external_id,
            WITHDRAWN: "",
        },
    }
    agreed = contact.since.get(EMAIL)
    if agreed:
        member["timestamp_opt"] = agreed.isoformat(timespec="seconds")
    return member


def _says(contact: Contact) -> bool:
    """Whether a contact holds anything that a merge field has to hold, or to lose."""
    return bool(to_merge(contact.fields, contact.forget))


def _without_a_call(contact: Contact) -> Outcome:
    """What becomes of a contact for whom nothing can be sent, or nothing needs to be."""
    if not contact.who.email and (contact.channels or contact.fields):
        return Outcome("skipped", reason=NO_EMAIL)
    return DONE


def _outcome(member_id: str, refusal: Refusal | None, member: Member | None) -> Outcome:
    if refusal and refusal.is_persons_own:
        return Outcome("opted_out", reason="in a compliance state, or erased")
    if refusal:
        field = refusal.field or ""
        name = "email" if field == "email_address" else name_of(field)
        return Outcome("refused", field=name, reason=refusal.error_code or "refused")
    if member is None:
        return Outcome("uncertain", reason="not in the audience after it was written")
    if member.status in REFUSING:  # Mailchimp may also keep a status without saying a word
        return Outcome("opted_out", reason=f"stayed {member.status}")
    return Outcome("done", remote_id=member_id)


def _waves(numbered: list[_Numbered]) -> Iterator[list[_Numbered]]:
    """Batches in which no address comes twice; the later contact of two is written later."""
    while numbered:
        taken: set[str] = set()
        wave: list[_Numbered] = []
        later: list[_Numbered] = []
        for each in numbered:
            member_id = subscriber_hash(each[1].who.email or "")
            if member_id in taken or len(wave) == PER_CALL:
                later.append(each)
            else:
                taken.add(member_id)
                wave.append(each)
        yield wave
        numbered = later
