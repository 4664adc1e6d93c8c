"""From a request to a reply: the door (authorization, faults), Square's API, the register's own."""

from __future__ import annotations

import hmac
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec

from practice_register.api.calls import Call
from practice_register.api.cursors import invalid_cursor
from practice_register.api.problems import SquareError, bad_request
from practice_register.api.routes import route
from practice_register.books import books
from practice_register.errors import RegisterError
from practice_register.faults import Asked
from practice_register.timeline import http_date, rfc3339

if TYPE_CHECKING:
    from practice_register.register import Register

DEFAULT_VERSION = "2025-08-20"
_OWN = "/practice/"
_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Request:
    """A request as it came in; header names are lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What goes back: `fault` tells the server to misbehave while sending it.

    It is sent `latency` seconds late, as if it had come from far away.
    """

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    latency: float = 0.0


class _Advance(msgspec.Struct):
    milliseconds: int


class _Faults(msgspec.Struct):
    spec: str


class App:
    """Answers the requests to one register."""

    def __init__(self, register: Register) -> None:
        """Answer for `register`; `stopping` is set when it was asked to stop."""
        self.register = register
        self.stopping = threading.Event()

    def reply(self, request: Request) -> Reply:
        """Answer a request; whatever happens, there is an answer."""
        clock = self.register.view.clock
        try:
            reply = self._answer(request)
        except SquareError as error:
            reply = Reply(error.status, error.body())
        except Exception:  # noqa: BLE001 - a defect here must reach the client as Square's 500
            problem = SquareError(
                500, "INTERNAL_SERVER_ERROR", "An internal error occurred.", category="API_ERROR"
            )
            reply = Reply(500, problem.body())
        headers = {
            "Date": http_date(clock),
            "Content-Type": "application/json",
            "Square-Version": request.headers.get("square-version", DEFAULT_VERSION),
            **reply.headers,
        }
        own = request.path.startswith(_OWN)
        latency = 0.0 if own else self.register.faults.plan.latency
        return Reply(reply.status, reply.body, headers, reply.fault, latency)

    def _answer(self, request: Request) -> Reply:
        self._check_door(request)
        if request.path.startswith(_OWN):
            return self._own(request)
        fault = self._fault(request)
        if fault in ("429", "500", "expired_cursor", "timeout"):
            return self._trouble(fault)
        handler, path = route(request.method, request.path)
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        # The view is read once: a request sees one instant, whatever `advance` does meanwhile.
        call = Call(self.register.view, request.body, query, path)
        return Reply(200, handler(call), fault=fault or "")

    def _check_door(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        expected = self.register.state.token
        if scheme.lower() != "bearer" or not hmac.compare_digest(
            token.strip().encode(), expected.encode()
        ):
            detail = "This request could not be authorized."
            raise SquareError(401, "UNAUTHORIZED", detail, category="AUTHENTICATION_ERROR")
        version = request.headers.get("square-version")
        if version is not None and not _VERSION.fullmatch(version):
            detail = "The Square-Version header must be a date such as 2025-08-20."
            raise bad_request("INVALID_SQUARE_VERSION_FORMAT", detail)

    def _fault(self, request: Request) -> str | None:
        faults = self.register.faults
        if faults.plan.rate <= 0:
            return None
        asked = Asked(request.method, request.path, request.query, request.body, _cursor(request))
        return faults.decide(asked)

    def _trouble(self, kind: str) -> Reply:
        if kind == "429":
            detail = "Too many requests: slow down."
            error = SquareError(429, "RATE_LIMITED", detail, category="RATE_LIMIT_ERROR")
            retry_after = str(self.register.faults.plan.retry_after)
            return Reply(429, error.body(), {"Retry-After": retry_after})
        if kind == "expired_cursor":
            raise invalid_cursor("The cursor has expired.")
        detail = "An internal error occurred."
        error = SquareError(500, "INTERNAL_SERVER_ERROR", detail, category="API_ERROR")
        return Reply(500, error.body(), fault="timeout" if kind == "timeout" else "")

    def _own(self, request: Request) -> Reply:
        """The register's own calls, which Square does not have: they move the clock and stop it."""
        action = (request.method, request.path.removeprefix(_OWN))
        try:
            if action == ("POST", "advance"):
                self.register.advance(msgspec.json.decode(request.body, type=_Advance).milliseconds)
            elif action == ("POST", "faults"):
                self.register.set_faults(msgspec.json.decode(request.body, type=_Faults).spec)
            elif action == ("POST", "stop"):
                self.stopping.set()
            elif action == ("GET", "books"):
                return Reply(200, msgspec.json.encode(books(self.register.view)))
            elif action != ("GET", "status"):
                raise SquareError(404, "NOT_FOUND", "Resource not found.")
        except RegisterError as error:
            raise bad_request("BAD_REQUEST", str(error)) from error
        except msgspec.MsgspecError as error:
            raise bad_request("EXPECTED_JSON_BODY", "The body is not what is expected.") from error
        return Reply(200, msgspec.json.encode(self.status()))

    def status(self) -> dict[str, object]:
        """What `practice-register status` shows about a running register."""
        state = self.register.state
        return {
            "clock": rfc3339(state.clock),
            "ends": rfc3339(self.register.memory.index.ends),
            "settings": msgspec.to_builtins(state.settings),
            "faults": state.faults,
        }


def _cursor(request: Request) -> str | None:
    if request.method == "GET":
        return dict(parse_qsl(request.query)).get("cursor")
    try:
        body = msgspec.json.decode(request.body)
    except msgspec.DecodeError:
        return None
    cursor = body.get("cursor") if isinstance(body, dict) else None
    return cursor if isinstance(cursor, str) else None
