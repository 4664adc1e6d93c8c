"""What HubSpot keeps of an e-mail address: subscriptions, and the mark on the contact.

They belong to the address, whether or not a contact has it. Nothing stops the API from
subscribing somebody who had unsubscribed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_fakes.fake import Answer
from crm_fakes.hubspot_objects import MOST_INPUTS, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from crm_fakes.fake import Request
    from crm_fakes.hubspot_objects import Route

_LEGAL_BASES = {
    "CONSENT_WITH_NOTICE",
    "LEGITIMATE_INTEREST_CLIENT",
    "LEGITIMATE_INTEREST_OTHER",
    "LEGITIMATE_INTEREST_PQL",
    "NON_GDPR",
    "PERFORMANCE_OF_CONTRACT",
    "PROCESS_AND_STORE",
}


class Subscriptions:
    """The subscriptions of one account.

    Attributes:
        privacy: Whether the data privacy settings are on: then a legal basis must be given.
        reads_until_done: After how many looks an accepted unsubscription has happened.
        all_out: When an address was unsubscribed from everything.
        states: State and time of an address for the one subscription type.

    Args:
        clock: Tells the time.
        subscription: The subscription type.
        noted: Told of each change, to mark the contact and to keep a log.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        subscription: int,
        noted: Callable[[str, str], None],
    ) -> None:
        self._clock = clock
        self._subscription = subscription
        self._noted = noted
        self.privacy = False
        self.reads_until_done = 0
        self.all_out: dict[str, datetime] = {}
        self.states: dict[str, tuple[str, datetime]] = {}
        self.explanations: dict[str, str] = {}
        self._accepted: list[str] = []

    def is_out(self, email: str) -> bool:
        """Whether the person said no."""
        return email in self.all_out or self.states.get(email, ("",))[0] == "UNSUBSCRIBED"

    def is_mailable(self, email: str) -> bool:
        """Whether marketing goes out to it: a yes is only needed under the privacy settings."""
        is_subscribed = self.states.get(email, ("",))[0] == "SUBSCRIBED"
        return not self.is_out(email) and (is_subscribed or not self.privacy)

    def unsubscribe(self, email: str) -> None:
        """Unsubscribe from everything."""
        self.all_out.setdefault(email, self._clock())
        self.states[email] = ("UNSUBSCRIBED", self.all_out[email])
        self._noted("withdraw", email)

    def accept(self, email: str) -> None:
        """Take an unsubscription in; it happens now, or later."""
        if "@" not in email:
            raise Refusal("VALIDATION_ERROR", "INVALID_EMAIL")
        self._accepted.append(email)
        if not self.reads_until_done:
            self.finish()

    def looked_at(self) -> None:
        """Let time pass for what was accepted."""
        if self.reads_until_done > 0:
            self.reads_until_done -= 1
            if not self.reads_until_done:
                self.finish()

    def finish(self) -> None:
        """Let everything that was accepted happen."""
        accepted, self._accepted = self._accepted, []
        for email in accepted:
            self.unsubscribe(email)

    def wide(self, email: str) -> list[dict[str, Any]]:
        """The account-wide states: none unless the person is out of everything."""
        if email not in self.all_out:
            return []
        state = self._shown(email, "UNSUBSCRIBED", self.all_out[email])
        return [{**state, "wideStatusType": "PORTAL_WIDE"}]

    def of_type(self, email: str) -> list[dict[str, Any]]:
        """The states by subscription type."""
        state, at = self.states.get(email, ("NOT_SPECIFIED", self._clock()))
        return [{**self._shown(email, state, at), "subscriptionId": self._subscription}]

    def subscribe(self, email: str, body: dict[str, Any]) -> dict[str, Any]:
        """Set a state; an unsubscription is lifted without further ado."""
        explained = body.get("legalBasis") in _LEGAL_BASES and body.get("legalBasisExplanation")
        if "@" not in email or (self.privacy and not explained):
            raise Refusal("VALIDATION_ERROR", "INVALID_EMAIL" if explained else "LEGAL_BASIS")
        if body["channel"] != "EMAIL" or body["subscriptionId"] != self._subscription:
            raise Refusal("VALIDATION_ERROR")
        was_out = self.is_out(email)
        self.all_out.pop(email, None)
        self.states[email] = (body["statusState"], self._clock())
        self.explanations[email] = str(body.get("legalBasisExplanation"))
        self._noted("grant", email)
        reason = "RESUBSCRIBE_OCCURRED" if was_out else "REQUESTED_CHANGE_OCCURRED"
        return {**self.of_type(email)[0], "setStatusSuccessReason": reason}

    def forget(self, email: str) -> None:
        """The address was erased."""
        self.all_out.pop(email, None)
        self.states.pop(email, None)
        self.explanations.pop(email, None)

    def routes(self) -> list[Route]:
        """The endpoints."""
        path = r"/communication-preferences/2026-03"
        batch, one = f"{path}/statuses/batch", rf"{path}/statuses/([^/]+)"
        return [
            ("GET", f"{path}/definitions", "consent", self._types),
            ("POST", f"{batch}/unsubscribe-all", "consent-batch", self._unsubscribe_many),
            ("POST", f"{batch}/unsubscribe-all/read", "consent-batch", self._wide_of_many),
            ("POST", f"{batch}/read", "consent-batch", self._types_of_many),
            ("POST", f"{batch}/write", "consent-batch", self._subscribe_many),
            ("GET", f"{one}/unsubscribe-all", "consent", self._wide_of_one),
            ("POST", f"{one}/unsubscribe-all", "consent", self._unsubscribe_one),
            ("GET", one, "consent", self._types_of_one),
            ("POST", one, "consent", self._subscribe_one),
        ]

    def _types(self, _request: Request) -> Answer:
        types = [
            {"id": str(self._subscription), "name": "Newsletter", "isActive": True},
            {"id": "4712", "name": "Given up", "isActive": False},
        ]
        return results(types)

    def _unsubscribe_many(self, request: Request) -> Answer:
        emails = _emails(request)
        for email in emails:
            if "@" not in email:
                raise Refusal("VALIDATION_ERROR", "INVALID_EMAIL")
        for email in emails:
            self.accept(email)
        return results([{"subscriberIdString": email, "statuses": []} for email in emails])

    def _wide_of_many(self, request: Request) -> Answer:
        self.looked_at()
        return results(
            [
                {"subscriberIdString": email, "wideStatuses": self.wide(email)}
                for email in _emails(request)
            ]
        )

    def _types_of_many(self, request: Request) -> Answer:
        return results(
            [
                {"subscriberIdString": email, "statuses": self.of_type(email)}
                for email in _emails(request)
            ]
        )

    def _subscribe_many(self, request: Request) -> Answer:
        inputs = request.json()["inputs"]
        if len(inputs) > MOST_INPUTS:
            raise Refusal("VALIDATION_ERROR")
        return results(
            [self.subscribe(each["subscriberIdString"].lower(), each) for each in inputs]
        )

    def _wide_of_one(self, request: Request, email: str) -> Answer:
        _check_channel(request)
        self.looked_at()
        return results(self.wide(email.lower()))

    def _unsubscribe_one(self, request: Request, email: str) -> Answer:
        _check_channel(request)
        self.accept(email.lower())
        return results([])

    def _types_of_one(self, request: Request, email: str) -> Answer:
        _check_channel(request)
        if "@" not in email:
            raise Refusal("VALIDATION_ERROR", "INVALID_EMAIL")
        return results(self.of_type(email.lower()))

    def _subscribe_one(self, request: Request, email: str) -> Answer:
        return results([self.subscribe(email.lower(), request.json())])

    def _shown(self, email: str, status: str, at: datetime) -> dict[str, Any]:
        return {
            "channel": "EMAIL",
            "source": "API",
            "status": status,
            "subscriberIdString": email,
            "timestamp": at.isoformat(),
        }


def results(found: list[dict[str, Any]]) -> Answer:
    """An answer of HubSpot's that lists results."""
    times = {"startedAt": "2026-03-01T00:00:00Z", "completedAt": "2026-03-01T00:00:00Z"}
    return Answer(200, {"status": "COMPLETE", "results": found, **times})


def _emails(request: Request) -> list[str]:
    _check_channel(request)
    emails: list[str] = request.json()["inputs"]
    if len(emails) > MOST_INPUTS:
        raise Refusal("VALIDATION_ERROR")
    return [email.lower() for email in emails]


def _check_channel(request: Request) -> None:
    if request.query.get("channel") != ["EMAIL"]:
        raise Refusal("VALIDATION_ERROR", "CHANNEL")
