"""HTTP to a vendor: patient with faults, strict about TLS, silent about secrets.

Retried: no connection, silence, a connection cut mid-body, 408, 429 and every 5xx but 501. A
`Retry-After` is honoured in full, or the request is given up: never shortened. All other
answers go back to the vendor's module, which knows what they mean.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import urlsplit

import backoff
import msgspec
import requests
from requests.auth import AuthBase

from tap_pos.errors import RegisterUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from requests import PreparedRequest

    from tap_pos.pacing import Pace

T = TypeVar("T")

_PASSING = {408, 429}
_SERVER_ERROR, _NOT_IMPLEMENTED = 500, 501
_LONGEST_WAIT = 30.0
_UNREACHED_RETRY_SECONDS = 10.0
_CONNECT_SECONDS = 10.0
_logger = logging.getLogger("tap-pos.http")


@dataclass(frozen=True)
class Limits:
    """How long to wait and to retry, in seconds."""

    max_retry: float = 60.0
    timeout: float = 60.0


@dataclass(frozen=True)
class Reply(Generic[T]):
    """An answer that is not worth a retry.

    Attributes:
        status: HTTP status.
        content: The decoded body if the status is 2xx, else None.
        body: The raw body.
        date: The server's clock, from the `Date` header.
        headers: All headers; looked up in any case.
    """

    status: int
    content: T | None
    body: bytes
    date: datetime | None
    headers: Mapping[str, str]


class Transient(Exception):  # noqa: N818 - it describes the fault
    """A fault that may be gone next time.

    A decoder raises it too, for an answer that only looks like one ("Throttled" with 200).

    Args:
        what: Part of a sentence: "answered 503", "could not be reached".
        retry_after: Seconds the server asks to wait.
        reached: Whether the server was there at all.
    """

    def __init__(
        self, what: str, *, retry_after: float | None = None, reached: bool = True
    ) -> None:
        super().__init__(what)
        self.what = what
        self.retry_after = retry_after
        self.reached = reached


class HttpClient:
    """Keeps connections to one vendor for one shop. Safe to use from several threads.

    Args:
        base_url: Scheme, host and an optional path before every request's path.
        auth: Puts the secret into each request, so that no redirect, log or `.netrc` sees
            or replaces it; None where the secret travels elsewhere.
        headers: Sent with every request.
        limits: How long to wait and to retry.
        who: The shop as a message names it.
        pace: Keeps every attempt within the vendor's rate limit.
    """

    def __init__(  # noqa: PLR0913 - all but the address are named where they are given
        self,
        base_url: str,
        *,
        auth: AuthBase | None,
        headers: Mapping[str, str],
        limits: Limits,
        who: str,
        pace: Pace | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._auth = auth
        self._headers = dict(headers)
        self._limits = limits
        self._who = who
        self._pace = pace
        self._idle: LifoQueue[requests.Session] = LifoQueue()

    @property
    def host(self) -> str:
        """Host and port, as a message names them."""
        return urlsplit(self._base_url).netloc

    def request(  # noqa: PLR0913 - what a request consists of, named where it is sent
        self,
        method: str,
        path: str,
        decode: Callable[[bytes], T],
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply[T]:
        """Send a request until it gets an answer.

        Args:
            method: HTTP method.
            path: Path below the base URL.
            decode: Turns a 2xx body into a value; a body it can't parse counts as cut off.
            params: Query parameters.
            body: What to send.
            headers: Headers of this request only.

        Returns:
            The answer; its status is not one that is retried.

        Raises:
            RegisterUnavailableError: If the retries are used up.
        """

        @backoff.on_exception(
            wait_times,
            Transient,
            jitter=None,
            logger=None,
            budget=self._limits.max_retry,
            who=self._who,
        )
        def attempt() -> Reply[T]:
            response = self._exchange(method, path, params, body, headers)
            return _reply(response, decode)

        try:
            return attempt()
        except Transient as fault:
            raise RegisterUnavailableError(
                f"{self._who}: {self.host} {fault.what} ({method} {path}) and did not recover: "
                "check the network and the vendor's status page, then run again; "
                "what was read so far is kept."
            ) from None

    def _exchange(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> requests.Response:
        """Send a request once and receive the whole answer, whatever it says."""
        if self._pace is not None:
            self._pace.wait()
        session = self._session()
        try:
            return session.request(
                method,
                self._base_url + path,
                params=params,
                data=body,
                headers=headers,
                timeout=(min(_CONNECT_SECONDS, self._limits.timeout), self._limits.timeout),
                allow_redirects=False,
            )
        except requests.exceptions.RequestException as error:
            if "CERTIFICATE_VERIFY_FAILED" in repr(error):
                raise RegisterUnavailableError(
                    f"{self._who}: the TLS certificate of {self.host} is not trusted: "
                    "check base_url, or a proxy that intercepts connections; it is never skipped."
                ) from None
            raise _passing_fault(error) from None
        except ValueError:
            # requests looks where a redirect leads even if it is not to follow it.
            raise Transient("redirected to what is no address") from None
        finally:
            self._idle.put(session)

    def _session(self) -> requests.Session:
        """Take an idle connection pool, or make one more; no two threads share one."""
        try:
            return self._idle.get_nowait()
        except Empty:
            session = requests.Session()
        session.headers.update(self._headers)
        session.auth = self._auth
        # Proxies and extra certificates of the environment are looked up once here; left to
        # requests they cost a third of the time of every single request.
        environment = session.merge_environment_settings(self._base_url, {}, None, None, None)
        session.trust_env = False
        session.proxies = environment["proxies"]
        session.verify = environment["verify"] or True
        return session


class BearerToken(AuthBase):
    """Puts a token into a request. Unlike a session header, no `.netrc` replaces it.

    Args:
        token: The secret.
        header: The header that carries it; any but `Authorization` carries it bare.
    """

    def __init__(self, token: str, header: str = "Authorization") -> None:
        self._name = header
        self._value = f"Bearer {token}" if header == "Authorization" else token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the header."""
        request.headers[self._name] = self._value
        return request


def _reply(response: requests.Response, decode: Callable[[bytes], T]) -> Reply[T]:
    """Look at an answer.

    Raises:
        Transient: If the same request may succeed a little later.
    """
    date = _http_date(response.headers.get("Date"))
    if _is_passing(response.status_code):
        raise Transient(
            f"answered {response.status_code}",
            retry_after=_seconds(response.headers.get("Retry-After"), date),
        )
    content = None
    if response.ok and not response.is_redirect:
        try:
            content = decode(response.content)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Transient("sent something that is not JSON") from None
    return Reply(response.status_code, content, response.content, date, response.headers)


def _is_passing(status: int) -> bool:
    """Tell whether the same request may succeed a little later."""
    return status in _PASSING or (status >= _SERVER_ERROR and status != _NOT_IMPLEMENTED)


def _passing_fault(error: requests.exceptions.RequestException) -> Transient:
    """Say in a few words why no answer came, and whether the server was there at all."""
    kinds = requests.exceptions
    text = repr(error)
    if isinstance(error, kinds.ConnectTimeout | kinds.ProxyError):
        return Transient("could not be reached", reached=False)
    if "NewConnectionError" in text or "NameResolutionError" in text:
        return Transient("could not be reached", reached=False)
    if isinstance(error, kinds.Timeout) or "ReadTimeoutError" in text:
        return Transient("kept silent for too long")
    if isinstance(error, kinds.ChunkedEncodingError | kinds.ContentDecodingError):
        return Transient("broke off in mid-answer")
    return Transient("closed the connection")


def wait_times(budget: float, who: str) -> Generator[float, Transient, None]:
    """Decide how long to wait after each fault, until the budget of waiting is used up.

    A wait generator as `backoff` drives them: it receives each fault and yields seconds.
    Returning gives up.
    """
    fault = yield 0.0
    spent, doubling = 0.0, 0.2
    while True:
        wait = fault.retry_after
        if wait is None:
            wait = doubling * random.uniform(0.5, 1)  # noqa: S311 - spreads retries, hides nothing
            doubling = min(doubling * 2, _LONGEST_WAIT)
        spent += wait
        if spent > (budget if fault.reached else min(budget, _UNREACHED_RETRY_SECONDS)):
            return
        _logger.warning("%s: the register %s; trying again in %.1f s", who, fault.what, wait)
        fault = yield wait


def _seconds(retry_after: str | None, server_now: datetime | None) -> float | None:
    """Read a Retry-After header: seconds, or an HTTP date by the server's own clock."""
    if retry_after is None:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        moment = _http_date(retry_after)
        now = server_now or datetime.now(timezone.utc)
        return None if moment is None else max(0.0, (moment - now).total_seconds())


def _http_date(text: str | None) -> datetime | None:
    """Read an HTTP date, None if there is none worth the name."""
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment
