"""The HTTP server: threads, keep-alive, one write per reply, and misbehaviour on demand."""

from __future__ import annotations

import logging
import socket
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from practice_register.app import Reply, Request
from practice_register.errors import RegisterError

if TYPE_CHECKING:
    from practice_register.app import App

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
_IDLE_CONNECTION_S = 600


def port_is_free(port: int) -> bool:
    """Whether the server could listen on `port`; 0 always means a free one."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def port_taken(port: int) -> RegisterError:
    """The sentence for a port that cannot be had."""
    return RegisterError(
        f"Port {port} on {HOST} is taken: stop what is listening there, or choose another one "
        "with `practice-register start --port`."
    )


class RegisterServer(ThreadingHTTPServer):
    """Serves one app on the loopback interface."""

    daemon_threads = True
    # A port that was just given up can be taken again, one that is in use cannot.
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, app: App, port: int, *, access_log: bool = False) -> None:
        """Listen on `port`, or on a free one if it is 0.

        Raises:
            RegisterError: if the port is taken.
        """
        self.app = app
        self.access_log = access_log
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise port_taken(port) from error

    @property
    def url(self) -> str:
        """The base address for clients."""
        return f"http://{HOST}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are no errors of the register."""
        logger.debug("connection from %s ended early", client_address)
        del request


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # With Nagle's algorithm a small reply waits for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    timeout = _IDLE_CONNECTION_S
    server: RegisterServer

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.app.reply(Request(self.command, path, query, headers, body))
        self._send(reply)
        if self.server.access_log:
            logger.info("%s %s %s %s", self.command, path, reply.status, len(reply.body))

    def _send(self, reply: Reply) -> None:
        app = self.server.app
        if reply.latency:
            # Only this connection's thread waits, so all others are answered meanwhile.
            app.stopping.wait(reply.latency)
        if reply.fault == "timeout":
            app.stopping.wait(app.register.faults.plan.hold)
            self._hang_up()
            return
        lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        lines.append(f"Content-Length: {len(reply.body)}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if reply.fault == "cut":
            self.connection.sendall(head + reply.body[: len(reply.body) // 2])
            self._hang_up()
            return
        self.connection.sendall(head + reply.body)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """The base class would write a line per malformed request to standard error."""
        logger.debug(format, *args)
