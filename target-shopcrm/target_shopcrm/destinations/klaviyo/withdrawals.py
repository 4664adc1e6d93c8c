"""Making sure that Klaviyo writes to an address no more, and seeing that it doesn't.

An address without a profile can't be written to; nothing is sent for it, since Klaviyo's own
description says that unsubscribing or suppressing a stranger makes a profile: nobody shall enter
Klaviyo by leaving the shop. Unsubscribing is accepted and happens later, hence the reading. If
it leaves an e-mail address that may still be mailed, because nobody had ever subscribed it, that
is suppressed as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.klaviyo.account import Endpoint
from target_shopcrm.destinations.klaviyo.batches import Refusal, in_chunks, send_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_shopcrm.destinations.http import Answer
    from target_shopcrm.destinations.items import Withdrawal
    from target_shopcrm.destinations.klaviyo.account import Account, Json
    from target_shopcrm.destinations.klaviyo.profiles import Profiles

Pair = tuple[str, str]

PER_CALL = 100
_SCOPES = "subscriptions:write, profiles:write, lists:write"
UNSUBSCRIBE = Endpoint("POST", "/api/profile-subscription-bulk-delete-jobs", 75, 750, _SCOPES)
SUPPRESS = Endpoint("POST", "/api/profile-suppression-bulk-create-jobs", 75, 750, _SCOPES)
_ADDRESS = {"email": "email", "sms": "phone_number"}


class Withdrawals:
    """Unsubscribing, and suppressing where that isn't enough.

    Args:
        account: The account.
        profiles: Its profiles.
    """

    def __init__(self, account: Account, profiles: Profiles) -> None:
        self._account = account
        self._profiles = profiles

    def withdraw(self, withdrawals: Sequence[Withdrawal]) -> list[Outcome]:
        """Withdraw addresses; see `CrmDestination.withdraw`."""
        wanted = sorted({(each.channel, each.address) for each in withdrawals})
        mailable = self._mailable(wanted)
        refused = self._unsubscribe(sorted(mailable))
        waiting = {pair for pair in mailable if pair not in refused}
        suppressed: set[Pair] = set()

        def look() -> bool | None:
            held = self._mailable(sorted(waiting))
            waiting.intersection_update(held)
            unsubscribed = [
                pair
                for pair, consent in held.items()
                if consent == "UNSUBSCRIBED" and pair[0] == "email" and pair not in suppressed
            ]
            if unsubscribed:
                refused.update(self._suppress(unsubscribed))
                suppressed.update(unsubscribed)
                waiting.difference_update(refused)
            return None if waiting else True

        if waiting:
            self._account.wait_for(look, self._account.patience.job)
        return [
            _outcome(refused.get((each.channel, each.address)), waiting, each)
            for each in withdrawals
        ]

    def _mailable(self, pairs: Sequence[Pair]) -> dict[Pair, str]:
        """Which addresses Klaviyo would write to, with the consent it has for them."""
        if not pairs:
            return {}
        found = {}
        for pair, profile in self._profiles.at(pairs).items():
            permission = profile.permission(pair[0])
            if permission.can_receive:
                found[pair] = permission.consent
        return found

    def _unsubscribe(self, pairs: Sequence[Pair]) -> dict[Pair, Refusal]:
        def post(part: Sequence[Pair]) -> Answer:
            profiles = [_unsubscribed(*pair) for pair in part]
            return self._account.call(
                UNSUBSCRIBE, json=_job("profile-subscription-bulk-delete-job", profiles)
            )

        return self._send(pairs, post, "an unsubscription")

    def _suppress(self, pairs: Sequence[Pair]) -> dict[Pair, Refusal]:
        def post(part: Sequence[Pair]) -> Answer:
            profiles = [
                {"type": "profile", "attributes": {"email": address}} for _, address in part
            ]
            return self._account.call(
                SUPPRESS, json=_job("profile-suppression-bulk-create-job", profiles)
            )

        return self._send(pairs, post, "a suppression")

    def _send(
        self, pairs: Sequence[Pair], post: Callable[[Sequence[Pair]], Answer], what: str
    ) -> dict[Pair, Refusal]:
        refused = {}
        for chunk in in_chunks([0] * len(pairs), PER_CALL):
            part = [pairs[position] for position in chunk]
            found = send_apart(part, post, lambda a: self._account.api.unexpected(what, a))
            refused.update({part[position]: refusal for position, refusal in found.items()})
        return refused


def _outcome(refusal: Refusal | None, waiting: set[Pair], withdrawal: Withdrawal) -> Outcome:
    if refusal is not None:
        return Outcome("refused", field=refusal.field, reason=refusal.code)
    if (withdrawal.channel, withdrawal.address) in waiting:
        return Outcome("uncertain", reason="unsubscribing was accepted but has not happened yet")
    return DONE


def _unsubscribed(channel: str, address: str) -> Json:
    consent = {channel: {"marketing": {"consent": "UNSUBSCRIBED"}}}
    attributes = {_ADDRESS[channel]: address, "subscriptions": consent}
    return {"type": "profile", "attributes": attributes}


def _job(kind: str, profiles: list[Json]) -> Json:
    """A job without relationships: a list named here would unsubscribe everybody not on it."""
    return {"data": {"type": kind, "attributes": {"profiles": {"data": profiles}}}}
