"""What the fakes of all vendors share: a server on loopback whose clock and faults a test sets.

A fake keeps its vendor's data as the vendor would and filters, sorts and pages as the vendor
documents, traps included. It never maps anything: that is what is under test.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

Row = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One request the tap sent.

    Attributes:
        method: ``GET``, ``POST``, …
        path: Without the query.
        query: Every parameter with all its values, in order.
        headers: Header names in lower case.
        body: The raw body.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def asked(self) -> Mapping[str, Any]:
        """The query of a GET with one value each, or the JSON body of a POST."""
        if self.method == "GET":
            return {name: values[-1] for name, values in self.query.items()}
        return self.json()  # type: ignore[no-any-return]

    @property
    def token(self) -> str:
        """What was sent as a bearer token, empty if nothing was."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def json(self) -> Any:
        """Decode the body."""
        return msgspec.json.decode(self.body)


@dataclass(frozen=True)
class Answer:
    """What a fake answers.

    Attributes:
        status: HTTP status.
        body: JSON value, or bytes to send as they are.
        headers: Extra headers.
        cut: Send only the first half of the body, then close the connection.
    """

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


Script = Callable[[Request], "Answer | None"]


class FakeVendor(ABC):
    """The data of one account, and the server in front of it.

    `script` sees each request first; it may change the data and may answer in place of it.

    Args:
        now: What the vendor's clock says; a test moves it by assigning.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime(2026, 3, 1, 12, 0, 0, tzinfo=timezone.utc)
        self.script: Script = lambda _request: None
        self.requests: list[Request] = []
        self.latency = 0.0
        self.url = ""
        self._lock = threading.Lock()

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """Answer one request from the data; requests come one at a time."""

    def asked(self, path: str) -> list[Request]:
        """List the requests to one path."""
        return [request for request in self.requests if request.path == path]

    def advance(self, **by: float) -> None:
        """Move the clock, by hours, minutes, days and so on."""
        self.now += timedelta(**by)

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Serve until the block ends."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def respond(self, request: Request) -> Answer:
        """Take a request in: note it, let the script see it, else answer it."""
        if self.latency:
            time.sleep(self.latency)
        with self._lock:
            self.requests.append(request)
            return self.script(request) or self.answer(request)


def _handler_for(vendor: FakeVendor) -> type[BaseHTTPRequestHandler]:
    """Make a request handler that asks a fake."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            self._respond()

        def do_POST(self) -> None:
            self._respond()

        def do_PUT(self) -> None:
            self._respond()

        def do_PATCH(self) -> None:
            self._respond()

        def do_DELETE(self) -> None:
            self._respond()

        def _respond(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            answer = vendor.respond(
                Request(
                    self.command,
                    parts.path,
                    parse_qs(parts.query, keep_blank_values=True),
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(length),
                )
            )
            self._send(answer)

        def _send(self, answer: Answer) -> None:
            body = (
                answer.body if isinstance(answer.body, bytes) else msgspec.json.encode(answer.body)
            )
            self.send_response_only(answer.status)
            headers = {
                "Date": format_datetime(vendor.now, usegmt=True),
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **answer.headers,
            }
            for name, text in headers.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if answer.cut else body)
            self.wfile.flush()
            self.close_connection = answer.cut

        def log_message(self, *_args: Any) -> None:
            """Say nothing: a test reads `requests`."""

    return Handler
