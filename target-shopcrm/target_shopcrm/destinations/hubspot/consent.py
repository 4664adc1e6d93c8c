"""Who may be written to: kept by e-mail address, apart from the contact.

Marketing Hub Enterprise takes a hundred addresses per call; every other plan one. Which it is
shows at the first batch: 403 means one by one from then on. Subscription states belong to the
address, whether a contact has it or not, so nothing here creates a contact.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from target_shopcrm.destinations.crm import DONE, Outcome
from target_shopcrm.destinations.hubspot.account import (
    BAD_REQUEST,
    FORBIDDEN,
    MULTI_STATUS,
    NOT_FOUND,
    OK,
    codes_of,
    parts,
    results_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_shopcrm.destinations.http import Answer
    from target_shopcrm.destinations.hubspot.account import Account
    from target_shopcrm.destinations.items import Grant

_STATUSES = "/communication-preferences/2026-03/statuses"
_EMAIL = {"channel": "EMAIL"}
_READ, _WRITE = "communication_preferences.read", "communication_preferences.write"
_FEW = 2
"""Up to so many addresses go one by one: asking whether batches are allowed costs a call too."""
_SUBSCRIBED, _UNSUBSCRIBED = "SUBSCRIBED", "UNSUBSCRIBED"
_REFUSALS = {BAD_REQUEST, NOT_FOUND}


@dataclass(frozen=True)
class Standing:
    """What HubSpot holds of one address.

    Attributes:
        is_subscribed: Whether the subscription type says yes.
        is_out: Whether the person is unsubscribed from it, or from everything.
        out_at: When that was noted last; None where HubSpot doesn't say.
    """

    is_subscribed: bool
    is_out: bool
    out_at: datetime | None


class Consent:
    """The subscription states of one account.

    Args:
        account: Where.
        subscription: The subscription type of marketing e-mails.
        explanation: What to record as the explanation of the legal basis.
    """

    def __init__(self, account: Account, subscription: int, explanation: str) -> None:
        self._account = account
        self._subscription = subscription
        self._explanation = explanation
        self._has_batches = True

    def withdraw(self, emails: Iterable[str]) -> dict[str, Outcome]:
        """Unsubscribe addresses from every e-mail, and read back that they are."""
        rest = list(dict.fromkeys(emails))
        deadline = self._account.deadline()
        outcomes: dict[str, Outcome] = {}
        if len(rest) > _FEW:
            for part in parts(len(rest)):
                some = rest[part.start : part.stop]
                outcomes.update(dict.fromkeys(self._withdraw_batch(some, deadline), DONE))
        for email in rest:
            if email not in outcomes:
                outcomes[email] = self._withdraw_one(email, deadline)
        return outcomes

    def grant(self, grants: Sequence[Grant]) -> list[Outcome]:
        """Subscribe addresses, unless an opt-out stands that is not older than the grant."""
        standings = self._standings(list(dict.fromkeys(each.address for each in grants)))
        outcomes: dict[int, Outcome] = {}
        to_write: dict[int, Grant] = {}
        for at, grant in enumerate(grants):
            standing = standings[grant.address]
            if isinstance(standing, Outcome):
                outcomes[at] = standing
            elif standing.is_out and (standing.out_at is None or standing.out_at >= grant.given_at):
                outcomes[at] = Outcome("opted_out", reason=_UNSUBSCRIBED)
            elif standing.is_subscribed and not standing.is_out:
                outcomes[at] = DONE
            else:
                to_write[at] = grant
        subscribed = self._subscribe_batch(list(to_write.values()))
        for at, grant in to_write.items():
            is_done = grant.address.lower() in subscribed
            outcomes[at] = DONE if is_done else self._subscribe_one(grant)
        return [outcomes[at] for at in range(len(grants))]

    def _withdraw_batch(self, emails: Sequence[str], deadline: float) -> set[str]:
        """Unsubscribe many at once; returns those that reading confirms."""
        path = f"{_STATUSES}/batch/unsubscribe-all"
        if self._batch(path, list(emails), _EMAIL) is None:
            return set()
        confirmed: set[str] = set()

        def are_out() -> bool:
            answer = self._batch(f"{path}/read", list(emails), _EMAIL)
            for each in results_of(answer) if answer else ():
                if _is_out(each.get("wideStatuses")):
                    confirmed.add(str(each.get("subscriberIdString")).lower())
            return answer is None or confirmed >= {email.lower() for email in emails}

        self._account.wait_until(are_out, deadline)
        return {email for email in emails if email.lower() in confirmed}

    def _withdraw_one(self, email: str, deadline: float) -> Outcome:
        path = f"{_STATUSES}/{quote(email, safe='')}/unsubscribe-all"
        answer = self._account.call("POST", path, params=_EMAIL, scope=_WRITE)
        if answer.status in _REFUSALS:
            return _refusal(answer)
        if not answer.ok:
            raise self._account.unexpected("an unsubscription", answer)

        def is_out() -> bool:
            read = self._account.call("GET", path, params=_EMAIL, scope=_READ)
            if not read.ok:
                raise self._account.unexpected("reading an unsubscription", read)
            return _is_out(results_of(read))

        if self._account.wait_until(is_out, deadline):
            return DONE
        return Outcome("uncertain", reason="NOT_CONFIRMED")

    def _standings(self, emails: Sequence[str]) -> dict[str, Standing | Outcome]:
        """What HubSpot holds of addresses, or why it doesn't take them for addresses."""
        found: dict[str, Standing] = {}
        if len(emails) > _FEW:
            for part in parts(len(emails)):
                found.update(self._standings_batch(emails[part.start : part.stop]))
        return {email: found.get(email.lower()) or self._standing_one(email) for email in emails}

    def _standings_batch(self, emails: Sequence[str]) -> dict[str, Standing]:
        types = self._batch(f"{_STATUSES}/batch/read", list(emails), _EMAIL)
        wide = types and self._batch(
            f"{_STATUSES}/batch/unsubscribe-all/read", list(emails), _EMAIL
        )
        if types is None or wide is None:
            return {}
        of_type = _by_email(types, "statuses")
        of_all = _by_email(wide, "wideStatuses")
        return {
            email: self._standing(of_type[email], of_all[email])
            for email in of_type.keys() & of_all.keys()
        }

    def _standing_one(self, email: str) -> Standing | Outcome:
        path = f"{_STATUSES}/{quote(email, safe='')}"
        types = self._account.call("GET", path, params=_EMAIL, scope=_READ)
        if types.status == BAD_REQUEST:
            return _refusal(types)
        wide = self._account.call("GET", f"{path}/unsubscribe-all", params=_EMAIL, scope=_READ)
        for answer in (types, wide):
            if not answer.ok and answer.status != NOT_FOUND:
                raise self._account.unexpected("reading a subscription", answer)
        return self._standing(results_of(types), results_of(wide))

    def _standing(
        self, types: Sequence[Mapping[str, Any]], wide: Sequence[Mapping[str, Any]]
    ) -> Standing:
        ours = [each for each in types if each.get("subscriptionId") == self._subscription]
        outs = [each for each in (*ours, *wide) if each.get("status") == _UNSUBSCRIBED]
        times = [_time(each) for each in outs]
        known = [time for time in times if time is not None]
        return Standing(
            is_subscribed=any(each.get("status") == _SUBSCRIBED for each in ours),
            is_out=bool(outs),
            out_at=max(known) if known and len(known) == len(times) else None,
        )

    def _subscribe_batch(self, grants: Sequence[Grant]) -> set[str]:
        """Subscribe many at once; returns those the answer confirms."""
        confirmed: set[str] = set()
        for part in parts(len(grants)) if len(grants) > _FEW else ():
            inputs = [
                {"subscriberIdString": grants[at].address, **self._subscription_of(grants[at])}
                for at in part
            ]
            answer = self._batch(f"{_STATUSES}/batch/write", inputs, None)
            confirmed |= self._confirmed(answer) if answer else set()
        return confirmed

    def _subscribe_one(self, grant: Grant) -> Outcome:
        path = f"{_STATUSES}/{quote(grant.address, safe='')}"
        body = self._subscription_of(grant)
        answer = self._account.call("POST", path, body, scope=_WRITE)
        if answer.status in _REFUSALS:
            return _refusal(answer)
        if not answer.ok:
            raise self._account.unexpected("a subscription", answer)
        if grant.address.lower() in self._confirmed(answer):
            return DONE
        standing = self._standing_one(grant.address)
        if isinstance(standing, Outcome):
            return standing
        if standing.is_out:
            return Outcome("opted_out", reason=_UNSUBSCRIBED)
        return DONE if standing.is_subscribed else Outcome("uncertain", reason="NOT_CONFIRMED")

    def _subscription_of(self, grant: Grant) -> dict[str, object]:
        """The record of consent: who noted it and when it was given stand in the explanation."""
        given_at = grant.given_at.isoformat(timespec="seconds")
        return {
            "channel": "EMAIL",
            "statusState": _SUBSCRIBED,
            "subscriptionId": self._subscription,
            "legalBasis": "CONSENT_WITH_NOTICE",
            "legalBasisExplanation": f"{self._explanation} ({grant.source}, {given_at})",
        }

    def _confirmed(self, answer: Answer) -> set[str]:
        return {
            str(each.get("subscriberIdString")).lower()
            for each in results_of(answer)
            if each.get("subscriptionId") == self._subscription
            and each.get("status") == _SUBSCRIBED
        }

    def _batch(
        self, path: str, inputs: Sequence[object], params: Mapping[str, str] | None
    ) -> Answer | None:
        """Call a batch endpoint; None where the account has none, or where it refused all."""
        if not self._has_batches:
            return None
        answer = self._account.call("POST", path, {"inputs": inputs}, params=params, scope=None)
        if answer.status == FORBIDDEN:
            self._has_batches = False
            return None
        if answer.status in _REFUSALS:
            return None
        if answer.status not in {*OK, MULTI_STATUS}:
            raise self._account.unexpected("a batch of subscriptions", answer)
        return answer


def _is_out(wide: object) -> bool:
    """Whether one of the account-wide states says no; there are none for other people."""
    found = wide if isinstance(wide, list) else []
    return any(isinstance(each, dict) and each.get("status") == _UNSUBSCRIBED for each in found)


def _by_email(answer: Answer, name: str) -> dict[str, Sequence[Mapping[str, Any]]]:
    return {
        str(each.get("subscriberIdString")).lower(): each.get(name) or ()
        for each in results_of(answer)
    }


def _time(status: Mapping[str, Any]) -> datetime | None:
    try:
        return msgspec.convert(status.get("timestamp"), datetime)
    except msgspec.ValidationError:
        return None


def _refusal(answer: Answer) -> Outcome:
    codes = codes_of(answer.body)
    return Outcome("refused", field="email", reason=codes[0] if codes else "REFUSED")
