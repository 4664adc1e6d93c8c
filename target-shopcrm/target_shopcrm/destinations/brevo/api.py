"""Calls to one Brevo account: the key, the rate limits, and what a refusal means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_shopcrm.destinations.http import Answer, CrmApi, Patience, retry_after
from target_shopcrm.destinations.pacing import Pace, Rate
from target_shopcrm.errors import CredentialsError, CrmSetupError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_shopcrm.errors import CrmContractError
    from target_shopcrm.settings import CrmSettings

API_URL = "https://api.brevo.com/v3"
EVERYBODY = "*"
"""The setting of the list that everybody who may be written to is on."""

_HOUR = 3600.0
CONTACT_RATES = (Rate(10), Rate(36_000, _HOUR))
EVENT_RATES = (Rate(10), Rate(36_000, _HOUR))
ORDER_RATES = (Rate(5), Rate(18_000, _HOUR))
OTHER_RATES = (Rate(100, _HOUR),)
"""The limits of "General" accounts, which every plan has, in Brevo's rate-limit guide. Dearer plans
allow more, and lose nothing but time. That the batch endpoints share the limits of the single
ones isn't said there; it is what "all endpoints under" suggests."""

_NOT_FOR_THIS_ACCOUNT = {"permission_denied", "account_under_validation", "not_enough_credits"}
"""Words of an answer 400 that concern the account, and no item of the call."""
_UNAUTHORIZED, _FORBIDDEN, _TOO_EARLY, _TOO_MANY = 401, 403, 425, 429


class BrevoApi:
    """Calls to one account, within the limits that every plan has.

    Args:
        settings: `api_key`, `api_url` and `lists`.
        patience: How long to wait.
    """

    def __init__(self, settings: CrmSettings, patience: Patience | None) -> None:
        settings.require("brevo", "api_key", "lists")
        if EVERYBODY not in settings.lists:
            raise CrmSetupError(
                "Brevo imports contacts only into a list: create a list for everybody who may be"
                " written to, and name its id in the setting lists under '*'."
            )
        self.lists = {name: list_number(each) for name, each in settings.lists.items()}
        self.everybody = self.lists[EVERYBODY]
        self.http = CrmApi(
            "Brevo",
            settings.api_url or API_URL,
            headers={"Accept": "application/json"},
            secret_headers={"api-key": settings.api_key},
            patience=patience,
            # "account_in_process": Brevo is busy with the same contact and did nothing.
            is_throttled=lambda answer: answer.status == _TOO_EARLY,
            asked_wait=_asked_wait,
        )
        self._contacts = Pace(*CONTACT_RATES)
        self._events = Pace(*EVENT_RATES)
        self._orders = Pace(*ORDER_RATES)
        self._others = Pace(*OTHER_RATES)

    def call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """Make a call, within the limit of its family of endpoints.

        Args:
            method: HTTP method.
            path: Path below ``/v3``.
            json: The body.
            params: The query.
            repeatable: Whether doing it twice is the same as doing it once.

        Returns:
            The answer, which may be a refusal that concerns the items.

        Raises:
            CredentialsError: If the key isn't taken, or may not do this.
            UncertainError: If the call isn't repeatable and may have been carried out.
            CrmUnavailableError: If Brevo can't be reached.
        """
        answer = self.http.call(
            method,
            path,
            json=json,
            params=params,
            repeatable=repeatable,
            pace=self._pace(method, path),
        )
        if answer.status == _UNAUTHORIZED:
            raise CredentialsError(
                f"Brevo at {self.http.host} refused the api_key (401): correct api_key, or allow"
                " this machine's IP address under Settings > Security, then run again."
            )
        if answer.status == _FORBIDDEN or (
            not answer.ok and error_code(answer) in _NOT_FOR_THIS_ACCOUNT
        ):
            family = path.split("/")[1]
            raise CredentialsError(
                f"Brevo at {self.http.host} refuses {method} /{family} ({answer.status}): switch"
                " that app on for the account, or give the api_key the permission for it, then"
                " run again."
            )
        return answer

    def body(self, answer: Answer, what: str, *statuses: int) -> dict[str, Any]:
        """The object in an answer that has to be a success.

        Args:
            answer: The answer.
            what: The call, for the message.
            statuses: The statuses that Brevo promises.

        Raises:
            CrmContractError: If it is anything else.
        """
        if answer.status not in statuses or not isinstance(answer.body, dict):
            raise self.unexpected(what, answer)
        return answer.body

    def unexpected(self, what: str, answer: Answer) -> CrmContractError:
        """The sentence for an answer that Brevo's API doesn't promise."""
        return self.http.unexpected(what, answer)

    def _pace(self, method: str, path: str) -> Pace:
        if path.startswith("/contacts"):
            return self._contacts
        if path.startswith("/events") and method == "POST":
            return self._events
        if path.startswith("/orders") and method == "POST":
            return self._orders
        return self._others


def list_number(list_id: str) -> int:
    """Brevo's lists have numbers.

    Raises:
        CrmSetupError: If it isn't one.
    """
    if not list_id.isascii() or not list_id.isdigit():
        raise CrmSetupError(
            "A list in the setting lists isn't a number: Brevo shows a list's number (#2) in"
            " Contacts > Lists; write it without the #."
        )
    return int(list_id)


def error_code(answer: Answer) -> str:
    """Brevo's word for what is wrong, such as ``invalid_parameter``; no value ever is in it."""
    code = answer.body.get("code") if isinstance(answer.body, dict) else None
    known = isinstance(code, str) and code.replace("_", "").isalpha() and code.islower()
    return str(code) if known else f"answered {answer.status}"


def error_text(answer: Answer) -> str:
    """Brevo's sentence, in lower case, to look for words in; it is never shown."""
    message = answer.body.get("message") if isinstance(answer.body, dict) else None
    return message.lower() if isinstance(message, str) else ""


def _asked_wait(answer: Answer) -> float | None:
    """Every answer names the time to the next window, but only a 429 means "wait for it"."""
    text = answer.headers.get("x-sib-ratelimit-reset")
    if answer.status == _TOO_MANY and text is not None:
        try:
            return max(0.0, float(text))
        except ValueError:
            return retry_after(answer)
    return retry_after(answer)
