"""Who told Mailchimp no, and our own withdrawals; the two must never be mixed up.

Mailchimp refuses to lift a person's own unsubscribe ("Member In Compliance State"), but lifts
one that came through the API or the owner without a word. Therefore:

* A withdrawal of ours is marked in a merge field (`fields.WITHDRAWN`). Without the mark the next
  run would read it back as the person's own act and put it into the ledger, with the time of the
  run as the time of the person's decision.
* An unsubscribe without the mark is somebody's "no", whoever carried it out. Those since the last
  run are read when a run begins, and once more right before contacts are written
  (`refusals`), since reading and writing may be an hour apart. One call for each delivery of
  contacts, however many they are; looking up each contact would find nothing more.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from target_shopcrm.destinations.crm import DONE, OptOuts, Outcome
from target_shopcrm.destinations.items import OptOut
from target_shopcrm.destinations.mailchimp.audience import (
    ANYHOW,
    CLEANED,
    MAILABLE,
    PER_CALL,
    UNSUBSCRIBED,
    Member,
    subscriber_hash,
)
from target_shopcrm.destinations.mailchimp.fields import BY_US, WITHDRAWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_shopcrm.destinations.items import Withdrawal
    from target_shopcrm.destinations.mailchimp.account import Account
    from target_shopcrm.destinations.mailchimp.audience import Audience

EMAIL = "email"
_OVERLAP = timedelta(seconds=60)
"""A change may show up late; reading the last minute again costs nothing."""


class OptOutBook:
    """Reads opt-outs, and withdraws addresses.

    Args:
        account: The account.
        audience: Its members.
    """

    def __init__(self, account: Account, audience: Audience) -> None:
        self._account = account
        self._audience = audience
        self._read_to: datetime | None = None
        self._known: dict[str, Member] = {}

    def read(self, cursor: str | None) -> OptOuts:
        """Read who unsubscribed, complained or bounced: two calls if nothing is new.

        Mailchimp tells no time of the unsubscribing itself; `last_changed` is at or after it.

        Args:
            cursor: What the reading before returned.

        Returns:
            The opt-outs, and the newest change seen.
        """
        since = datetime.fromisoformat(cursor) if cursor else None
        found: list[OptOut] = []
        newest = since
        for status in (UNSUBSCRIBED, CLEANED):
            for member in self._audience.changed(status, _before(since)):
                at = member.changed_at
                newest = max(filter(None, (newest, at)), default=None)
                if is_ours(member) or not member.email_address:
                    continue
                cause = member.unsubscribe_reason or status
                found.append(
                    OptOut(channel=EMAIL, address=member.email_address, at=at, cause=cause)
                )
                self._known[member.id] = member
        self._read_to = newest
        return OptOuts(found, newest.isoformat() if newest else None)

    def refusals(self) -> dict[str, Member]:
        """Read again who unsubscribed since the run began.

        Returns:
            The members of which this run knows that they are unsubscribed, and not by us.
        """
        for member in self._audience.changed(UNSUBSCRIBED, _before(self._read_to)):
            self._read_to = max(filter(None, (self._read_to, member.changed_at)), default=None)
            if is_ours(member):
                self._known.pop(member.id, None)
            else:
                self._known[member.id] = member
        return self._known

    def withdraw(self, withdrawals: Sequence[Withdrawal]) -> list[Outcome]:
        """Unsubscribe those that are in the audience; nobody is added to be unsubscribed.

        Args:
            withdrawals: E-mail addresses; Mailchimp's text messages aren't our business.

        Returns:
            Their outcomes, each verified by reading.
        """
        ids = {subscriber_hash(each.address) for each in withdrawals if each.channel == EMAIL}
        found = self._audience.members(ids) if ids else {}
        mailable = [each for each in found.values() if each.status in MAILABLE]
        for start in range(0, len(mailable), PER_CALL):
            self._audience.write([_unsubscribed(each) for each in mailable[start:][:PER_CALL]])
        left = self._still_mailable(mailable)
        for member in left:  # one the batch refused, whatever the reason; its status is all we ask
            self._account.call(
                "PATCH",
                self._audience.path(member.id),
                json={"status": UNSUBSCRIBED},
                params=ANYHOW,
            )
        remaining = {each.id for each in self._still_mailable(left)}
        return [_withdrawn(each, remaining) for each in withdrawals]

    def _still_mailable(self, members: Sequence[Member]) -> list[Member]:
        if not members:
            return []
        now = self._audience.members([each.id for each in members])
        return [each for each in now.values() if each.status in MAILABLE]


def is_ours(member: Member) -> bool:
    """Whether it was us who unsubscribed a member.

    The mark alone doesn't say: the owner may have subscribed the member again by hand, and then
    the person said no. Mailchimp gives "Unsubscribed by admin" as the reason if it was by API.
    """
    if member.status != UNSUBSCRIBED or member.merge_fields.get(WITHDRAWN) != BY_US:
        return False
    reason = member.unsubscribe_reason or ""
    return not reason or "admin" in reason.lower()


def _before(since: datetime | None) -> datetime | None:
    return since - _OVERLAP if since else None


def _unsubscribed(member: Member) -> dict[str, object]:
    return {
        "email_address": member.email_address,
        "status": UNSUBSCRIBED,
        "merge_fields": {WITHDRAWN: BY_US},
    }


def _withdrawn(withdrawal: Withdrawal, remaining: set[str]) -> Outcome:
    if withdrawal.channel != EMAIL:
        return Outcome("skipped", reason="only e-mail addresses are kept in Mailchimp")
    if subscriber_hash(withdrawal.address) in remaining:
        return Outcome("uncertain", reason="still subscribed after it was unsubscribed")
    return DONE
