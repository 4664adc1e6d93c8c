"""Calls to one HubSpot account: who we are, how fast we may ask, what a refusal means."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from target_shopcrm.destinations.http import Answer, CrmApi, Patience
from target_shopcrm.destinations.pacing import Pace, Rate
from target_shopcrm.errors import CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_shopcrm.errors import CrmContractError

API = "https://api.hubapi.com"
PER_CALL = 100
"""Inputs in one call of HubSpot's batch endpoints (object guide)."""

OK, MULTI_STATUS = frozenset({200, 201}), 207
BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT = 400, 401, 403, 404, 409

_FREE_LIMIT, _FREE_SECONDS = 100, 10.0
"""What the smallest plan allows; the answers' headers say when it is more."""
_SLICES = 10
_SEARCHES = Rate(4)
"""Per second and token, as HubSpot's changelog says."""
_CODE = re.compile(r"[A-Z][A-Z_0-9]{2,79}")
_LONGEST_POLL = 5.0


class Account:
    """One HubSpot account.

    Args:
        api_key: The token of a private app.
        api_url: Where the API is, or None for HubSpot's own address.
        patience: How long to wait.
    """

    def __init__(self, api_key: str, api_url: str | None, patience: Patience | None) -> None:
        self._api = CrmApi(
            "HubSpot",
            api_url or API,
            headers={"Accept": "application/json"},
            secret_headers={"Authorization": f"Bearer {api_key}"},
            patience=patience,
        )
        self._limit = (_FREE_LIMIT, _FREE_SECONDS)
        self._pace = Pace(_slice(*self._limit))
        self._searches = Pace(_SEARCHES)

    @property
    def calls(self) -> int:
        """How many requests were sent so far."""
        return self._api.calls

    def close(self) -> None:
        """Let go of the connections."""
        self._api.close()

    def unexpected(self, what: str, answer: Answer) -> CrmContractError:
        """The error for an answer that HubSpot doesn't promise."""
        return self._api.unexpected(what, answer)

    def call(
        self,
        method: str,
        path: str,
        json: object = None,
        *,
        params: Mapping[str, str] | None = None,
        scope: str | None,
    ) -> Answer:
        """Make one call. Every call we make may be repeated without harm.

        Args:
            method: HTTP method.
            path: Below the API's address.
            json: What to send.
            params: Query parameters.
            scope: The permission it needs, for the message when it is missing; None where the
                caller can do without it and looks at the status itself.

        Returns:
            The answer, which is not about credentials unless `scope` is None.

        Raises:
            CredentialsError: If the token is refused, or lacks the permission.
            CrmUnavailableError: If HubSpot can't be reached for too long.
        """
        pace = self._searches if path.endswith("/search") else self._pace
        answer = self._api.call(method, path, json=json, params=params, pace=pace)
        self._learn_limit(answer)
        if answer.status == UNAUTHORIZED:
            raise CredentialsError(
                "HubSpot refused the token: copy the access token of the private app into"
                " api_key, then run again."
            )
        if answer.status == FORBIDDEN and scope is not None:
            raise CredentialsError(
                f"HubSpot's token lacks the permission {scope}: give it to the private app, copy"
                " its access token into api_key again if it changed, then run again."
            )
        return answer

    def wait_until(self, is_so: Callable[[], bool], deadline: float) -> bool:
        """Look again and again whether something that was accepted has happened.

        Args:
            is_so: Looks.
            deadline: When to give up, in seconds of `time.monotonic`.

        Returns:
            Whether it happened.
        """
        wait = self._api.patience.poll
        while not is_so():
            if time.monotonic() + wait > deadline:
                return False
            time.sleep(wait)
            wait = min(wait * 2, _LONGEST_POLL)
        return True

    def deadline(self) -> float:
        """Until when to wait for what is only accepted now, in seconds of `time.monotonic`."""
        return time.monotonic() + self._api.patience.job

    def _learn_limit(self, answer: Answer) -> None:
        """Keep to the limit the account really has; it differs between plans."""
        try:
            calls = int(answer.headers.get("X-HubSpot-RateLimit-Max", ""))
            seconds = int(answer.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "")) / 1e3
        except ValueError:
            return
        if calls > 0 and seconds > 0 and (calls, seconds) != self._limit:
            self._limit = (calls, seconds)
            self._pace = Pace(_slice(calls, seconds))


def _slice(calls: int, seconds: float) -> Rate:
    """A rate that keeps below `calls` in any window of `seconds`, its first burst included."""
    return Rate(max(1, calls * (_SLICES - 1) // (_SLICES * _SLICES)), seconds / _SLICES)


def parts(count: int, per_call: int = PER_CALL) -> list[range]:
    """Cut positions into parts that fit into one call."""
    return [range(at, min(at + per_call, count)) for at in range(0, count, per_call)]


def results_of(answer: Answer) -> Sequence[Mapping[str, Any]]:
    """The results an answer lists, none where it isn't shaped like that."""
    return _dictionaries(answer, "results")


def errors_of(answer: Answer) -> Sequence[Mapping[str, Any]]:
    """The errors that a multi-status answer lists."""
    return _dictionaries(answer, "errors")


def codes_of(error: object) -> tuple[str, ...]:
    """HubSpot's names for what is wrong, the most exact one first; never its message."""
    if not isinstance(error, dict):
        return ()
    details = error.get("errors")
    found = [each.get("code") for each in details or () if isinstance(each, dict)]
    found += [error.get("subCategory"), error.get("category")]
    texts = [str(code).rpartition(".")[2] for code in found if isinstance(code, str)]
    return tuple(text for text in texts if _CODE.fullmatch(text))


def _dictionaries(answer: Answer, name: str) -> list[Mapping[str, Any]]:
    found = answer.body.get(name) if isinstance(answer.body, dict) else None
    return [each for each in found or () if isinstance(each, dict)]
