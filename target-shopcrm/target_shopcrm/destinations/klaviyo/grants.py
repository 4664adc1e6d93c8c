"""Noting that people agreed, without ever undoing a no.

Klaviyo's subscribe lifts an unsubscription, a complaint and a suppression, and says nothing
about it. So each address is read first: who said no after agreeing is left alone. Whether a call
arrived can be read back too, so a call whose answer was lost is repeated only after reading.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.http import UncertainError
from target_shopcrm.destinations.klaviyo.account import Endpoint
from target_shopcrm.destinations.klaviyo.batches import grouped, in_chunks, send_apart
from target_shopcrm.destinations.klaviyo.profiles import ADDRESS_MOVED, in_utc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_shopcrm.destinations.http import Answer
    from target_shopcrm.destinations.items import Grant
    from target_shopcrm.destinations.klaviyo.account import Account, Json
    from target_shopcrm.destinations.klaviyo.profiles import Profile, Profiles

PER_CALL = 1_000
SUBSCRIBE = Endpoint(
    "POST",
    "/api/profile-subscription-bulk-create-jobs",
    75,
    750,
    "subscriptions:write, profiles:write, lists:write",
)
_FOR_GOOD = {"HARD_BOUNCE", "INVALID_EMAIL"}
"""Suppressions that subscribing doesn't lift: nothing arrives at the address."""
_ROUNDS = 3
_Stand = Literal["granted", "opted_out", "open"]


class Grants:
    """Subscribing.

    Args:
        account: The account.
        profiles: Its profiles.
    """

    def __init__(self, account: Account, profiles: Profiles) -> None:
        self._account = account
        self._profiles = profiles

    def grant(self, grants: Sequence[Grant]) -> list[Outcome]:
        """Grant; see `CrmDestination.grant`."""
        outcomes: dict[int, Outcome] = {}
        waiting = set(range(len(grants)))
        for _ in range(_ROUNDS):
            self._read(grants, waiting, outcomes)
            if not waiting:
                break
            is_sure = self._subscribe(grants, waiting, outcomes)
            patience = self._account.patience
            self._account.wait_for(
                lambda: None if self._read(grants, waiting, outcomes) else True,
                patience.job if is_sure else min(patience.retry, patience.job),
            )
            if is_sure:
                break
        late = Outcome("uncertain", reason="subscribing was accepted but has not happened yet")
        return [outcomes.get(position, late) for position in range(len(grants))]

    def _read(
        self, grants: Sequence[Grant], waiting: set[int], outcomes: dict[int, Outcome]
    ) -> set[int]:
        """Settle what can be settled by reading; what is left has not been granted yet."""
        pairs = {position: (g.channel, g.address) for position, g in enumerate(grants)}
        at = self._profiles.at(pairs[position] for position in waiting)
        for position in sorted(waiting):
            profile = at.get(pairs[position])
            stand = _stand(grants[position], profile)
            if stand == "granted":
                outcomes[position] = DONE
            elif stand == "opted_out":
                outcomes[position] = Outcome("opted_out", reason="opted_out_in_klaviyo")
        waiting.difference_update(outcomes)
        return waiting

    def _subscribe(
        self, grants: Sequence[Grant], waiting: set[int], outcomes: dict[int, Outcome]
    ) -> bool:
        """Subscribe what waits; False if nobody knows whether all of it arrived."""
        is_sure = True
        left = sorted(waiting)
        for source, group in grouped(left, lambda position: grants[position].source).items():
            members = [left[index] for index in group]
            for chunk in in_chunks([0] * len(members), PER_CALL):
                part = [members[index] for index in chunk]
                try:
                    refused = send_apart(
                        [grants[position] for position in part],
                        self._poster(source),
                        lambda answer: self._account.api.unexpected("a subscription", answer),
                    )
                except UncertainError:
                    is_sure = False
                    continue
                for index, refusal in refused.items():
                    reason = Outcome("refused", field=refusal.field, reason=refusal.code)
                    outcomes[part[index]] = reason
        waiting.difference_update(outcomes)
        return is_sure

    def _poster(self, source: str) -> Callable[[Sequence[Grant]], Answer]:
        def post(part: Sequence[Grant]) -> Answer:
            return self._account.call(
                SUBSCRIBE, json=_job(source, [_subscribed(g) for g in part]), repeatable=False
            )

        return post


def _stand(grant: Grant, profile: Profile | None) -> _Stand:
    """How an address stands: granted already, opted out since it was given, or neither."""
    if profile is None:
        return "open"
    permission = profile.permission(grant.channel)
    if permission.consent == "SUBSCRIBED" and permission.can_receive:
        return "granted"
    left_at = _address_moved_at(profile)
    for opt_out in permission.opt_outs:
        at = in_utc(opt_out.timestamp)
        if left_at is not None and at is not None and at <= left_at:
            continue
        if opt_out.reason in _FOR_GOOD or at is None or at >= grant.given_at:
            return "opted_out"
    if permission.consent == "UNSUBSCRIBED" and not permission.opt_outs:
        at = permission.changed_at
        if at is None or (at >= grant.given_at and not (left_at and at <= left_at)):
            return "opted_out"
    return "open"


def _address_moved_at(profile: Profile) -> datetime | None:
    """Until when the profile's opt-outs concern an address that the person has left."""
    noted = profile.properties.get(ADDRESS_MOVED)
    if not isinstance(noted, str):
        return None
    try:
        return in_utc(datetime.fromisoformat(noted))
    except ValueError:
        return None


def _subscribed(grant: Grant) -> Json:
    given_at = grant.given_at.astimezone(timezone.utc).isoformat()
    consent = {"consent": "SUBSCRIBED", "consented_at": given_at}
    place = "email" if grant.channel == "email" else "phone_number"
    attributes = {place: grant.address, "subscriptions": {grant.channel: {"marketing": consent}}}
    return {"type": "profile", "attributes": attributes}


def _job(source: str, profiles: list[Json]) -> Json:
    """A historical import: no double opt-in mail goes out, and no list's flow starts."""
    attributes = {
        "custom_source": source,
        "profiles": {"data": profiles},
        "historical_import": True,
    }
    return {"data": {"type": "profile-subscription-bulk-create-job", "attributes": attributes}}
