"""HTTP to a CRM: patient with faults, honest about what it can't know, silent about secrets.

A call that can be repeated without harm (`repeatable`) is retried after any passing fault: no
connection, silence, a connection cut mid-answer, 408, 423, 429, 5xx. Any other call is retried
only where the CRM certainly didn't do it (never reached, 423, 429); otherwise `UncertainError` is
raised, and the destination reads back what became of it. `Retry-After` is honoured in full, or
the call is given up: never shortened. TLS certificates are always verified; there is no switch.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import backoff
import msgspec
import requests

from target_shopcrm.errors import CrmContractError, CrmUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from requests import PreparedRequest

    from target_shopcrm.destinations.pacing import Pace

_NOT_DONE = {423, 429}
"""The CRM says that it didn't even look at the call."""
_REQUEST_TIMEOUT, _SERVER_ERROR, _NOT_IMPLEMENTED, _REDIRECT = 408, 500, 501, 300
_LOCKED, _LOCKED_SECONDS = 423, 2.0
_LONGEST_WAIT = 30.0
_CONNECT_SECONDS = 10.0

# At debug level the connection pool quotes each path, and some CRMs want an address in it.
logging.getLogger("urllib3.connectionpool").addFilter(lambda record: record.levelno > logging.DEBUG)


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds.

    Attributes:
        retry: Longest total wait between attempts of one call.
        answer: How long one attempt may stay silent.
        poll: First wait between two looks at a job; it doubles up to 5 s.
        job: How long a job may take altogether.
    """

    retry: float = 60.0
    answer: float = 60.0
    poll: float = 0.05
    job: float = 600.0


class UncertainError(Exception):
    """Nobody knows whether a call was carried out; read back before repeating it."""


class Answer(msgspec.Struct, frozen=True):
    """An answer that isn't worth a retry.

    Attributes:
        status: HTTP status.
        body: The decoded JSON; None where there is none.
        headers: All headers; looked up in any case.
        is_json: Whether the body was JSON.
    """

    status: int
    body: Any
    headers: Any
    is_json: bool = True

    @property
    def ok(self) -> bool:
        """Whether the status says success."""
        return self.status < _REDIRECT


class _Fault(Exception):  # noqa: N818 - it describes what happened
    """A fault that may be gone next time.

    Args:
        what: Part of a sentence: "answered 503".
        done: Whether the CRM may have carried out the call.
        wait: Seconds it asks to wait.
    """

    def __init__(self, what: str, *, done: bool, wait: float | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.done = done
        self.wait = wait


class CrmApi:
    """Calls to one account of one CRM.

    Args:
        crm: The CRM as a message names it.
        base_url: Scheme, host and an optional path before every call's path.
        headers: Sent with every call; secrets belong into `secret_headers`.
        secret_headers: The same, for credentials: they are set on the prepared request, so that
            no `.netrc` replaces and no redirect carries them.
        patience: How long to wait.
        is_throttled: Says whether an answer that looks like a refusal is throttling.
        asked_wait: Reads from an answer how many seconds the CRM asks to wait; without it,
            that is what `Retry-After` says.
    """

    def __init__(  # noqa: PLR0913 - all but the address are named where they are given
        self,
        crm: str,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
        patience: Patience | None = None,
        is_throttled: Callable[[Answer], bool] = lambda _: False,
        asked_wait: Callable[[Answer], float | None] | None = None,
    ) -> None:
        self._crm = crm
        self._base_url = base_url.rstrip("/")
        self.patience = patience or Patience()
        self._is_throttled = is_throttled
        self._asked_wait = asked_wait or retry_after
        self._session = requests.Session()
        self._session.headers.update(headers or {})
        self._session.auth = _Secrets(dict(secret_headers or {}))
        # Proxies and extra certificates of the environment are looked up once, not per call.
        found = self._session.merge_environment_settings(self._base_url, {}, None, None, None)
        self._session.trust_env = False
        self._session.proxies = found["proxies"]
        self._session.verify = found["verify"] or True
        self.calls = 0

    @property
    def host(self) -> str:
        """Host and port, as a message names them."""
        return urlsplit(self._base_url).netloc

    def call(  # noqa: PLR0913 - what a call consists of, named where it is made
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
        pace: Pace | None = None,
    ) -> Answer:
        """Make a call and get its answer, whatever its status, once it is no passing fault.

        Args:
            method: HTTP method.
            path: Path below the base URL.
            json: What to send; None sends no body.
            params: Query parameters.
            headers: Headers of this call only.
            repeatable: Whether doing it twice is the same as doing it once.
            pace: The rate limit that this call counts against.

        Returns:
            The answer; 2xx, or a 3xx or 4xx that the destination has to understand.

        Raises:
            UncertainError: If the call isn't repeatable and may have been carried out.
            CrmUnavailableError: If the retries are used up.
        """
        body = None if json is None else msgspec.json.encode(json)

        @backoff.on_exception(
            _wait_times,
            _Fault,
            jitter=None,
            logger=None,
            budget=self.patience.retry,
            giveup=lambda fault: isinstance(fault, _Fault) and fault.done and not repeatable,
        )
        def attempt() -> Answer:
            if pace is not None:
                pace.wait()
            return self._once(method, path, body, params, headers)

        try:
            return attempt()
        except _Fault as fault:
            if fault.done and not repeatable:
                raise UncertainError(fault.what) from None
            raise CrmUnavailableError(
                f"{self._crm} at {self.host} {fault.what} and did not recover: check the network"
                " and the vendor's status page, then run again; what it confirmed is kept."
            ) from None

    def unexpected(self, what: str, answer: Answer) -> CrmContractError:
        """The sentence for an answer that the API doesn't promise; it never quotes the body."""
        return CrmContractError(
            f"{self._crm} answered {answer.status} to {what}, which its API doesn't promise;"
            " nothing more was sent: look whether the vendor changed it, then run again."
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def _once(
        self,
        method: str,
        path: str,
        body: bytes | None,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        self.calls += 1
        sent = dict(headers or {})
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        try:
            response = self._session.request(
                method,
                self._base_url + path,
                params=params,
                data=body,
                headers=sent,
                timeout=(min(_CONNECT_SECONDS, self.patience.answer), self.patience.answer),
                allow_redirects=False,
            )
        except requests.exceptions.RequestException as error:
            if "CERTIFICATE_VERIFY_FAILED" in repr(error):
                raise CrmUnavailableError(
                    f"The TLS certificate of {self.host} is not trusted: check api_url, or a"
                    " proxy that intercepts connections; it is never skipped."
                ) from None
            raise _passing(error) from None
        return self._judged(response)

    def _judged(self, response: requests.Response) -> Answer:
        status = response.status_code
        answer = _decoded(response)
        if status in _NOT_DONE or self._is_throttled(answer):
            wait = self._asked_wait(answer)
            if status == _LOCKED:
                wait = max(wait or 0.0, _LOCKED_SECONDS)
            raise _Fault(f"answered {status}", done=False, wait=wait)
        if status == _REQUEST_TIMEOUT or (status >= _SERVER_ERROR and status != _NOT_IMPLEMENTED):
            raise _Fault(f"answered {status}", done=True, wait=self._asked_wait(answer))
        if answer.ok and not answer.is_json:
            raise _Fault("sent something that is not JSON", done=True)
        return answer


class _Secrets(requests.auth.AuthBase):
    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers.update(self._headers)
        return request


def retry_after(answer: Answer) -> float | None:
    """How many seconds an answer asks to wait, by its `Retry-After`."""
    return _seconds(answer.headers.get("Retry-After"))


def _decoded(response: requests.Response) -> Answer:
    if not response.content:
        return Answer(response.status_code, None, response.headers)
    try:
        body = msgspec.json.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Answer(response.status_code, None, response.headers, is_json=False)
    return Answer(response.status_code, body, response.headers)


def _passing(error: requests.exceptions.RequestException) -> _Fault:
    kinds = requests.exceptions
    text = repr(error)
    if isinstance(error, (kinds.ConnectTimeout, kinds.ProxyError)):
        return _Fault("could not be reached", done=False)
    if "NewConnectionError" in text or "NameResolutionError" in text:
        return _Fault("could not be reached", done=False)
    if isinstance(error, kinds.Timeout) or "ReadTimeoutError" in text:
        return _Fault("kept silent for too long", done=True)
    return _Fault("closed the connection", done=True)


def _wait_times(budget: float) -> Generator[float, _Fault, None]:
    """How long to wait after each fault, until the budget is used up (`backoff` drives it)."""
    fault = yield 0.0
    spent, doubling = 0.0, 0.2
    while True:
        wait = fault.wait
        if wait is None:
            wait = doubling * random.uniform(0.5, 1)  # noqa: S311 - spreads retries, hides nothing
            doubling = min(doubling * 2, _LONGEST_WAIT)
        spent += wait
        if spent > budget:
            return
        fault = yield wait


def _seconds(text: str | None) -> float | None:
    """`Retry-After` in seconds: a number, or a date."""
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at - datetime.now(timezone.utc)).total_seconds())
